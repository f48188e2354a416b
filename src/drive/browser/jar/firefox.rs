//! Firefox's cookies, over BiDi's storage module (WebDriver BiDi §7.7).
//!
//! It does not say under which site a cookie is partitioned. Who asks for a site's partition gets its cookies alone, so each
//! site that may be one is asked for: those of the tabs and of the cookies themselves. The site's own cookies that are in no
//! partition come along; so a cookie counts as partitioned under another site alone. One that a site set `Partitioned` for
//! itself passes for one in no partition.

use super::{Held, JarError, deadline, same_site};
use crate::drive::browser::bidi::BidiError;
use crate::drive::browser::launch::Device;
use crate::drive::browser::record::octets;
use crate::web::cookie::{CookieRecord, SameSite};
use crate::web::site::Site;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::OffsetDateTime;
use url::Url;

/// Most sites whose partitions are looked into.
const MOST_SITES: usize = 32;

pub(super) async fn held(device: &Device, now: OffsetDateTime) -> Result<Vec<Held>, JarError> {
    let all = cookies(device, None, now).await?;
    let mut sites = BTreeSet::new();
    let tree = device.bidi.send("browsingContext.getTree", json!({ "maxDepth": 0 }), deadline()).await?;
    for tab in tree.get("contexts").and_then(Value::as_array).into_iter().flatten() {
        let url = tab.get("url").and_then(Value::as_str).and_then(|url| Url::parse(url).ok());
        sites.extend(url.and_then(|url| Site::of_url(&url)));
    }
    sites.extend(all.iter().filter_map(site_of));
    let mut found: Vec<Held> = Vec::new();
    for site in sites.into_iter().take(MOST_SITES) {
        for mut held in cookies(device, Some(&site), now).await? {
            if site_of(&held).as_ref() == Some(&site) {
                continue;
            }
            held.record.key.partition = Some(site.clone());
            found.push(held);
        }
    }
    // What is in no partition is in the list of all alone.
    let free = |held: &&Held| {
        let same = |part: &&Held| {
            let (a, b) = (&part.record, &held.record);
            (&a.key.name, &a.key.domain, &a.key.path, &a.value) == (&b.key.name, &b.key.domain, &b.key.path, &b.value)
        };
        let (parts, copies) = (found.iter().filter(same).count(), all.iter().filter(|other| same(other)).count());
        copies > parts
    };
    let mut free: Vec<Held> = all.iter().filter(free).cloned().collect();
    free.dedup_by(|a, b| a.record.key == b.record.key);
    free.extend(found);
    Ok(free)
}

/// The site of the host that a cookie is for.
fn site_of(held: &Held) -> Option<Site> {
    Site::of_url(&Url::parse(&format!("https://{}/", held.record.key.domain)).ok()?)
}

async fn cookies(device: &Device, site: Option<&Site>, now: OffsetDateTime) -> Result<Vec<Held>, JarError> {
    let wanted = json!({ "partition": partition(device, site) });
    let answer = device.bidi.send("storage.getCookies", wanted, deadline()).await?;
    let cookies = answer.get("cookies").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(cookies.iter().filter_map(|cookie| record(cookie, now)).collect())
}

pub(super) async fn put(device: &Device, cookies: &[CookieRecord]) -> Result<Option<String>, JarError> {
    let mut refused = None;
    for cookie in cookies {
        let param = param(cookie).ok_or_else(|| JarError::Unwritable(Box::new(cookie.key.clone())))?;
        let wanted = json!({ "cookie": param, "partition": partition(device, cookie.key.partition.as_ref()) });
        match device.bidi.send("storage.setCookie", wanted, deadline()).await {
            Err(BidiError::Refused { message, .. }) => refused = Some(format!("it says “{message}”")),
            other => drop(other?),
        }
    }
    Ok(refused)
}

pub(super) async fn delete(device: &Device, cookies: &[CookieRecord]) -> Result<(), JarError> {
    for cookie in cookies {
        let key = &cookie.key;
        let utf8 = |octets: &[u8]| std::str::from_utf8(octets).ok().map(str::to_owned);
        let (Some(name), Some(path)) = (utf8(key.name.as_bytes()), utf8(key.path.as_bytes())) else {
            return Err(JarError::Unwritable(Box::new(key.clone())));
        };
        let filter = json!({ "name": name, "domain": key.dotted_domain(), "path": path });
        let wanted = json!({ "filter": filter, "partition": partition(device, key.partition.as_ref()) });
        device.bidi.send("storage.deleteCookies", wanted, deadline()).await?;
    }
    Ok(())
}

fn partition(device: &Device, site: Option<&Site>) -> Value {
    let mut partition = json!({ "type": "storageKey", "userContext": device.user_context });
    if let Some(site) = site {
        partition["sourceOrigin"] = site.to_string().into();
    }
    partition
}

/// `network.Cookie`.
fn record(cookie: &Value, now: OffsetDateTime) -> Option<Held> {
    let text = |name: &str| cookie.get(name).and_then(Value::as_str).unwrap_or_default();
    let flag = |name: &str| cookie.get(name).and_then(Value::as_bool).unwrap_or_default();
    let domain = text("domain");
    let scheme = if flag("secure") { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{}/", domain.trim_start_matches('.'))).ok()?;
    let value = cookie.get("value").and_then(octets).unwrap_or_default();
    // What is no UTF-8 comes with a replacement character in its place.
    let whole = !value.windows(3).any(|bytes| bytes == "\u{fffd}".as_bytes());
    let mut record = CookieRecord::new(&url, text("name"), &value, now)?;
    record.key.host_only = !domain.starts_with('.');
    record.key.path = text("path").into();
    record.secure = flag("secure");
    record.http_only = flag("httpOnly");
    record.same_site = same_site(cookie.get("sameSite").and_then(Value::as_str));
    record.expires = cookie.get("expiry").and_then(Value::as_i64).and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    Some(Held { record, whole })
}

/// `storage.PartialCookie`; `None` when a part cannot be sent.
fn param(cookie: &CookieRecord) -> Option<Value> {
    let utf8 = |octets: &[u8]| std::str::from_utf8(octets).ok().map(str::to_owned);
    let key = &cookie.key;
    let mut param = json!({
        "name": utf8(key.name.as_bytes())?,
        "value": value(cookie.value.as_bytes())?,
        "domain": key.dotted_domain(),
        "path": utf8(key.path.as_bytes())?,
        "secure": cookie.secure,
        "httpOnly": cookie.http_only,
        "sameSite": if cookie.same_site == SameSite::Unspecified { "default".to_owned() } else { cookie.same_site.as_str().to_lowercase() },
    });
    if let Some(expires) = cookie.expires {
        param["expiry"] = expires.unix_timestamp().max(1).into();
    }
    Some(param)
}

/// Firefox takes each byte for a character, and keeps that in UTF-8: what is to be there in UTF-8 goes in Latin-1.
fn value(octets: &[u8]) -> Option<Value> {
    use base64::Engine as _;
    let text = std::str::from_utf8(octets).ok()?;
    if text.is_ascii() {
        return Some(json!({ "type": "string", "value": text }));
    }
    let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    Some(json!({ "type": "base64", "value": base64::engine::general_purpose::STANDARD.encode(latin?) }))
}
