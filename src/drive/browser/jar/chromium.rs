//! Chromium's cookies, over CDP's `Storage` domain: all attributes, for one browser context, which is BiDi's user context.

use super::{Held, JarError, deadline, same_site};
use crate::drive::browser::bidi::BidiError;
use crate::drive::browser::launch::Device;
use crate::web::cookie::{CookieKey, CookieRecord, SameSite};
use crate::web::origin::{Origin, Scheme};
use crate::web::site::Site;
use serde_json::{Value, json};
use time::OffsetDateTime;
use url::Url;

/// A moment that is over, in seconds since 1970.
const LONG_AGO: f64 = 1.0;

pub(super) async fn held(device: &Device, now: OffsetDateTime) -> Result<Vec<Held>, JarError> {
    let wanted = json!({ "browserContextId": device.user_context });
    let answer = device.bidi.cdp(None, "Storage.getCookies", wanted, deadline()).await?;
    let cookies = answer.get("cookies").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Ok(cookies.iter().filter_map(|cookie| record(cookie, now)).collect())
}

pub(super) async fn put(device: &Device, cookies: &[CookieRecord]) -> Result<Option<String>, JarError> {
    let mut params = Vec::with_capacity(cookies.len());
    for cookie in cookies {
        let across = is_across(&cookie.key);
        params.push(param(cookie, across).ok_or_else(|| JarError::Unwritable(Box::new(cookie.key.clone())))?);
    }
    set(device, params).await
}

/// A cookie that comes with an expiry in the past takes the one of its key away.
pub(super) async fn delete(device: &Device, cookies: &[CookieRecord]) -> Result<(), JarError> {
    let mut params = Vec::new();
    for cookie in cookies {
        // Which of the two it is, our key does not tell.
        let sides: &[bool] = if cookie.key.partition.is_some() { &[false, true] } else { &[false] };
        for &across in sides {
            // The value plays no part, so that one which cannot be sent can be deleted.
            let mut bare = cookie.clone();
            bare.value = "-".into();
            let mut param = param(&bare, across).ok_or_else(|| JarError::Unwritable(Box::new(cookie.key.clone())))?;
            param["expires"] = LONG_AGO.into();
            params.push(param);
        }
    }
    set(device, params).await.map(drop)
}

/// All at once; if the browser refuses one, one by one, so that the others take.
async fn set(device: &Device, params: Vec<Value>) -> Result<Option<String>, JarError> {
    match send(device, &params).await {
        Err(BidiError::Refused { .. }) if params.len() > 1 => {}
        Err(BidiError::Refused { message, .. }) => return Ok(Some(format!("it says “{message}”"))),
        other => return Ok(other.map(|()| None)?),
    }
    let mut refused = None;
    for param in params {
        match send(device, std::slice::from_ref(&param)).await {
            Err(BidiError::Refused { message, .. }) => refused = Some(format!("it says “{message}”")),
            other => other?,
        }
    }
    Ok(refused)
}

async fn send(device: &Device, params: &[Value]) -> Result<(), BidiError> {
    let wanted = json!({ "browserContextId": device.user_context, "cookies": params });
    device.bidi.cdp(None, "Storage.setCookies", wanted, deadline()).await.map(drop)
}

/// CDP `Network.Cookie`.
pub(super) fn record(cookie: &Value, now: OffsetDateTime) -> Option<Held> {
    let text = |name: &str| cookie.get(name).and_then(Value::as_str).unwrap_or_default();
    let flag = |name: &str| cookie.get(name).and_then(Value::as_bool).unwrap_or_default();
    let domain = text("domain");
    let (name, value) = (text("name"), text("value"));
    let source_scheme = if text("sourceScheme") == "NonSecure" { Scheme::Http } else { Scheme::Https };
    let bare = domain.trim_start_matches('.');
    let url = Url::parse(&format!("{source_scheme}://{bare}/")).ok()?;
    let mut record = CookieRecord::new(&url, name, value.as_bytes(), now)?;
    let partition = cookie.get("partitionKey");
    let top = partition.and_then(|key| key.get("topLevelSite").and_then(Value::as_str));
    record.key.host_only = !domain.starts_with('.');
    record.key.path = text("path").into();
    record.key.partition = top.and_then(|top| top.parse::<Origin>().ok()).map(|origin| Site::of(&origin));
    // A session cookie has -1.
    record.expires = cookie.get("expires").and_then(Value::as_f64).filter(|at| *at > 0.0).and_then(moment);
    record.secure = flag("secure");
    record.http_only = flag("httpOnly");
    record.same_site = same_site(cookie.get("sameSite").and_then(Value::as_str));
    let port = cookie.get("sourcePort").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    record.source_port = port.unwrap_or(record.source_port);
    // Bytes that are no UTF-8 are left out of what is told, but counted.
    let size = cookie.get("size").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
    let whole = size.is_none_or(|size| size == name.len() + value.len());
    Some(Held { record, whole })
}

/// CDP `Network.CookieParam`; `None` when a part is no UTF-8. With a domain in place of a URL, the cookie gets the attributes
/// that are given and no others; a domain without a leading dot makes a host-only cookie.
pub(super) fn param(cookie: &CookieRecord, cross_site_ancestor: bool) -> Option<Value> {
    let utf8 = |octets: &[u8]| std::str::from_utf8(octets).ok().map(str::to_owned);
    let key = &cookie.key;
    let mut param = json!({
        "name": utf8(key.name.as_bytes())?,
        "value": utf8(cookie.value.as_bytes())?,
        "domain": key.dotted_domain(),
        "path": utf8(key.path.as_bytes())?,
        "secure": cookie.secure,
        "httpOnly": cookie.http_only,
        "sourceScheme": if cookie.source_scheme == Scheme::Https { "Secure" } else { "NonSecure" },
        "sourcePort": cookie.source_port,
    });
    if cookie.same_site != SameSite::Unspecified {
        param["sameSite"] = cookie.same_site.as_str().into();
    }
    if let Some(expires) = cookie.expires {
        // Nothing but a positive number is a moment here.
        #[expect(clippy::cast_precision_loss, reason = "a double holds any moment of this age to the microsecond")]
        let seconds = (expires.unix_timestamp_nanos() as f64 / 1e9).max(LONG_AGO);
        param["expires"] = seconds.into();
    }
    if let Some(site) = &key.partition {
        param["partitionKey"] = json!({ "topLevelSite": site.to_string(), "hasCrossSiteAncestor": cross_site_ancestor });
    }
    Some(param)
}

/// Whether a partitioned cookie is one of another site's frame.
fn is_across(key: &CookieKey) -> bool {
    let own = Url::parse(&format!("https://{}/", key.domain)).ok().and_then(|url| Site::of_url(&url));
    match (&key.partition, own) {
        (Some(top), Some(own)) => !own.same_site(top),
        _ => false,
    }
}

fn moment(seconds: f64) -> Option<OffsetDateTime> {
    #[expect(clippy::cast_possible_truncation, reason = "a moment beyond the calendar is refused in the next step")]
    let nanoseconds = (seconds * 1e9) as i128;
    // Beyond the calendar's end a cookie lives as long as there are days.
    Some(OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(time::macros::datetime!(9999-12-31 23:59:59 UTC)))
}
