//! Cookies that the browser had before the recording began: without them, nothing is as it was.

use crate::trace::{Chain, Hop};
use std::collections::HashSet;

/// Most cookies that are put back.
const MOST: usize = 100;

/// For each origin the cookies that it got and nobody had set, as Set-Cookie text.
pub(super) fn before(chain: &Chain) -> Vec<(String, Vec<String>)> {
    let mut set: HashSet<&[u8]> = HashSet::new();
    let mut told: HashSet<(String, &[u8])> = HashSet::new();
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for hop in &chain.hops {
        let origin = hop.request.url.origin().ascii_serialization();
        for cookie in &hop.sent {
            if set.contains(&*cookie.name) || cookie.name.is_empty() || told.len() >= MOST || !told.insert((origin.clone(), &cookie.name)) {
                continue;
            }
            let Some(line) = line(chain, hop, &cookie.name, &cookie.value) else { continue };
            match found.iter_mut().find(|(known, _)| *known == origin) {
                Some((_, lines)) => lines.push(line),
                None => found.push((origin.clone(), vec![line])),
            }
        }
        set.extend(hop.set.iter().map(|cookie| &*cookie.name));
    }
    found
}

/// Attributes are those that the cookie gets when it is set later, so that it takes the place of this one; a cookie that never
/// is goes wherever its origin is asked.
fn line(chain: &Chain, hop: &Hop, name: &[u8], value: &[u8]) -> Option<String> {
    let (name, value) = (std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?);
    let host = hop.request.url.host_str()?;
    let belongs = |domain: &str| {
        let domain = domain.trim_start_matches('.').to_ascii_lowercase();
        host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
    };
    let later = chain.hops.iter().flat_map(|later| later.set.iter().map(move |set| (later, set))).find(|(later, set)| {
        set.name == name.as_bytes()
            && match set.attribute("domain") {
                Some(Some(domain)) => belongs(domain),
                _ => later.request.url.host_str() == Some(host),
            }
    });
    let mut line = format!("{name}={value}");
    let Some((_, set)) = later else {
        line.push_str("; Path=/");
        if hop.request.url.scheme() == "https" {
            line.push_str("; SameSite=None; Secure");
        }
        return Some(line);
    };
    for (attribute, value) in &set.attributes {
        if ["expires", "max-age"].iter().any(|life| attribute.eq_ignore_ascii_case(life)) {
            continue;
        }
        line.push_str(&value.as_ref().map_or_else(|| format!("; {attribute}"), |value| format!("; {attribute}={value}")));
    }
    Some(line)
}
