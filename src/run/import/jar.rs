//! Cookies that the browser had before the recording began: without them, nothing is as it was.

use crate::trace::{Chain, Hop, Resource};
use crate::web::cookie::{Jar, StoreContext};
use std::collections::{HashMap, HashSet};
use time::OffsetDateTime;
use url::Url;

/// Most cookies that are looked at, by origin and name.
const MOST: usize = 100;

/// For each origin the cookies that it got and nobody had set, as Set-Cookie text that a jar takes.
pub(super) fn before(chain: &Chain) -> Vec<(String, Vec<String>)> {
    let mut set: HashMap<&[u8], Vec<Reach>> = HashMap::new();
    let mut told: HashSet<(String, &[u8])> = HashSet::new();
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for hop in &chain.hops {
        let origin = hop.request.url.origin().ascii_serialization();
        let host = hop.request.url.host_str().unwrap_or_default();
        for cookie in &hop.sent {
            let was_set = set.get(&*cookie.name).is_some_and(|reaches| reaches.iter().any(|reach| reach.covers(host)));
            if was_set || cookie.name.is_empty() || told.len() >= MOST || !told.insert((origin.clone(), &cookie.name)) {
                continue;
            }
            if went_without(chain, hop, &cookie.name) {
                continue;
            }
            let Some(line) = line(chain, hop, &cookie.name, &cookie.value) else { continue };
            match found.iter_mut().find(|(known, _)| *known == origin) {
                Some((_, lines)) => lines.push(line),
                None => found.push((origin.clone(), vec![line])),
            }
        }
        for cookie in &hop.set {
            let reach = Reach::of(host, cookie.attribute("domain").and_then(|value| value.as_deref()));
            let reaches = set.entry(&cookie.name).or_default();
            if !reaches.contains(&reach) {
                reaches.push(reach);
            }
        }
    }
    found
}

/// The hosts that a cookie is for (RFC 6265bis §5.1.3).
#[derive(PartialEq, Eq)]
struct Reach {
    host: String,
    with_those_below: bool,
}

impl Reach {
    fn of(host: &str, domain: Option<&str>) -> Self {
        let domain = domain.map(|domain| domain.trim_start_matches('.').to_ascii_lowercase()).filter(|domain| !domain.is_empty());
        let with_those_below = domain.is_some();
        Self { host: domain.unwrap_or_else(|| host.to_owned()), with_those_below }
    }

    fn covers(&self, host: &str) -> bool {
        host == self.host || self.with_those_below && host.strip_suffix(&self.host).is_some_and(|rest| rest.ends_with('.'))
    }
}

/// Whether the same page was asked for without the cookie before: then a script set it, and the browser did not have it.
fn went_without(chain: &Chain, hop: &Hop, name: &[u8]) -> bool {
    let place = |hop: &Hop| (hop.request.url.origin(), hop.request.url.path().to_owned());
    let earlier = chain.hops.get(..hop.id.0 as usize).unwrap_or_default();
    let same = |other: &&Hop| other.resource == Resource::Document && hop.resource == Resource::Document && place(other) == place(hop);
    earlier.iter().filter(same).any(|other| !other.sent.iter().any(|sent| *sent.name == *name))
}

/// The cookie as Set-Cookie text that a jar takes: with the attributes that it gets when it is set later, so that it takes the
/// place of this one; else for wherever its origin is asked.
fn line(chain: &Chain, hop: &Hop, name: &[u8], value: &[u8]) -> Option<String> {
    let (name, value) = (std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?);
    let url = &hop.request.url;
    let host = url.host_str()?;
    let later = chain.hops.iter().flat_map(|later| later.set.iter().map(move |set| (later, set))).find(|(later, set)| {
        let domain = set.attribute("domain").and_then(|value| value.as_deref());
        set.name == name.as_bytes() && Reach::of(later.request.url.host_str().unwrap_or_default(), domain).covers(host)
    });
    let own = later.map(|(_, set)| {
        let lasting = set.attributes.iter().filter(|(name, _)| !["expires", "max-age"].iter().any(|life| name.eq_ignore_ascii_case(life)));
        let attributes =
            lasting.map(|(name, value)| value.as_ref().map_or_else(|| format!("; {name}"), |value| format!("; {name}={value}")));
        format!("{name}={value}{}", attributes.collect::<String>())
    });
    let wide = if url.scheme() == "https" { "; Path=/; SameSite=None; Secure" } else { "; Path=/" };
    own.into_iter().chain([format!("{name}={value}{wide}")]).find(|line| takes(url, line))
}

/// Whether a jar takes the line from this URL.
fn takes(url: &Url, line: &str) -> bool {
    Jar::default().store(&StoreContext::navigation(url.clone()), line.as_bytes(), OffsetDateTime::UNIX_EPOCH).is_stored()
}

/// A jar with these cookies.
pub(in crate::run) fn filled(before: &[(String, Vec<String>)], now: OffsetDateTime) -> Jar {
    let mut jar = Jar::default();
    for (origin, lines) in before {
        let Ok(url) = Url::parse(origin) else { continue };
        for line in lines {
            // Each was tried when it was made.
            let _ = jar.store(&StoreContext::navigation(url.clone()), line.as_bytes(), now);
        }
    }
    jar
}
