//! The cookies of a browser's user context as records of our [`Jar`](crate::web::cookie::Jar), and back.
//!
//! A browser lives by the machine's clock, a run by its own, which scenarios move forwards. So an expiry is mapped on the way
//! in and out, and [`age`] takes from all cookies what a scenario has added to the clock.
//!
//! Chromium's cookies are read and written over CDP (`Storage.getCookies`, `Storage.setCookies`): BiDi has no partition key
//! there, and tells a SameSite that was not given as `none`. Firefox's come over BiDi (WebDriver BiDi §7.7). Neither protocol
//! carries bytes that are not UTF-8: a value with such bytes is taken from what the recorder saw of it, and to write one is an
//! error. After every write the cookies are read back, since a browser passes over in silence what it does not like.

mod chromium;
mod firefox;

use super::bidi::BidiError;
use super::launch::{BrowserKind, Device};
use crate::base::Clock;
use crate::base::clock::wall;
use crate::web::cookie::{CookieKey, CookieRecord, CookieValue, SameSite};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;

/// How long the browser may take.
const WITHIN: Duration = Duration::from_secs(30);
/// An expiry may come back this much off: protocols and browsers keep it in seconds or in fractions of their own.
const ROUNDING: time::Duration = time::Duration::seconds(2);

/// Why the browser's cookies are not as they were to be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JarError {
    /// The browser did not answer, or refused.
    #[error("the browser's cookies cannot be reached: {0}")]
    Browser(#[from] BidiError),
    /// A value came that is not what the browser holds.
    #[error("the value of {0} holds bytes that are not UTF-8, which the browser's protocol does not carry; nothing is known of it")]
    Unreadable(Box<CookieKey>),
    /// A value cannot be sent.
    #[error("{0} cannot be given to the browser: its name, value or path holds bytes that are not UTF-8, which no protocol carries")]
    Unwritable(Box<CookieKey>),
    /// The browser passed over it.
    #[error("the browser did not take {what}: {why}")]
    NotTaken {
        /// The cookies.
        what: String,
        /// What came of them instead.
        why: String,
    },
    /// The browser kept it.
    #[error("the browser did not delete {0}")]
    NotDeleted(String),
}

/// A cookie as a protocol tells of it, by the browser's clock.
#[derive(Debug, Clone)]
struct Held {
    record: CookieRecord,
    /// Whether the value is whole.
    whole: bool,
}

/// All cookies of a device that have not expired, by the run's clock. `known` tells a value whose bytes do not come whole.
///
/// # Errors
/// When the browser does not tell, or when nobody knows such a value.
pub(crate) async fn read(
    device: &Device,
    clock: &Clock,
    known: impl Fn(&CookieKey) -> Option<CookieValue>,
) -> Result<Vec<CookieRecord>, JarError> {
    let ahead = clock.ahead();
    let whole = |mut held: Held| {
        if !held.whole {
            held.record.value = known(&held.record.key).ok_or_else(|| JarError::Unreadable(Box::new(held.record.key.clone())))?;
        }
        held.record.expires = held.record.expires.map(|expires| expires.saturating_add(signed(ahead)));
        Ok(held.record)
    };
    held(device, clock.now()).await?.into_iter().map(whole).collect()
}

/// Gives a device these cookies, in place of what it has under their keys.
///
/// # Errors
/// When one cannot be carried, or when the browser does not hold it afterwards.
pub(crate) async fn write(device: &Device, cookies: &[CookieRecord], clock: &Clock) -> Result<(), JarError> {
    let back = |cookie: &CookieRecord| {
        let mut cookie = cookie.clone();
        cookie.expires = cookie.expires.map(|expires| expires.saturating_sub(signed(clock.ahead())));
        cookie
    };
    let cookies: Vec<_> = cookies.iter().map(back).collect();
    let refused = put(device, &cookies).await?;
    let there = held(device, wall()).await?;
    let missing = |cookie: &&CookieRecord| !there.iter().any(|held| is_same(&held.record, cookie)) && !cookie.is_expired(wall());
    let missing: Vec<_> = cookies.iter().filter(missing).collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let why = match (refused, there.iter().find(|held| held.record.key == first.key)) {
        (Some(refused), _) => refused,
        (None, Some(held)) => format!("it holds it with {}", differences(&held.record, first)),
        (None, None) => "it does not hold it; a prefix, a missing `Secure` or an expiry in the past may be why".to_owned(),
    };
    Err(JarError::NotTaken { what: names(missing.iter().map(|cookie| &cookie.key)), why })
}

/// Takes these cookies from a device.
///
/// # Errors
/// When the browser still holds one of them afterwards.
pub(crate) async fn delete(device: &Device, cookies: &[CookieRecord]) -> Result<(), JarError> {
    match device.kind {
        BrowserKind::Chromium => chromium::delete(device, cookies).await?,
        BrowserKind::Firefox => firefox::delete(device, cookies).await?,
    }
    let there = held(device, wall()).await?;
    let left: Vec<_> = cookies.iter().map(|cookie| &cookie.key).filter(|key| there.iter().any(|held| held.record.key == **key)).collect();
    if left.is_empty() { Ok(()) } else { Err(JarError::NotDeleted(names(left.into_iter()))) }
}

/// Makes all cookies of a device older: the run's clock was moved by so much.
///
/// # Errors
/// As [`write()`] and [`delete`].
pub(crate) async fn age(device: &Device, by: Duration) -> Result<(), JarError> {
    let mut lasting: Vec<_> = held(device, wall()).await?.into_iter().map(|held| held.record).collect();
    lasting.retain(CookieRecord::is_persistent);
    for cookie in &mut lasting {
        cookie.expires = cookie.expires.map(|expires| expires.saturating_sub(signed(by)));
    }
    let (gone, left): (Vec<_>, Vec<_>) = lasting.into_iter().partition(|cookie| cookie.is_expired(wall()));
    if !gone.is_empty() {
        delete(device, &gone).await?;
    }
    if left.is_empty() { Ok(()) } else { write(device, &left, &Clock::default()).await }
}

/// What a device holds; `now` is when cookies count as having come to be, which no browser tells.
async fn held(device: &Device, now: OffsetDateTime) -> Result<Vec<Held>, JarError> {
    match device.kind {
        BrowserKind::Chromium => chromium::held(device, now).await,
        BrowserKind::Firefox => firefox::held(device, now).await,
    }
}

/// Puts cookies in, and hands back what the browser says against them.
async fn put(device: &Device, cookies: &[CookieRecord]) -> Result<Option<String>, JarError> {
    match device.kind {
        BrowserKind::Chromium => chromium::put(device, cookies).await,
        BrowserKind::Firefox => firefox::put(device, cookies).await,
    }
}

fn deadline() -> Instant {
    Instant::now() + WITHIN
}

fn signed(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}

fn is_same(held: &CookieRecord, wanted: &CookieRecord) -> bool {
    held.key == wanted.key && differences(held, wanted).is_empty()
}

/// In what a cookie is other than it was to be; never the value itself.
fn differences(held: &CookieRecord, wanted: &CookieRecord) -> String {
    let expiry = match (held.expires, wanted.expires) {
        (Some(held), Some(wanted)) => (held - wanted).abs() > ROUNDING,
        (held, wanted) => held.is_some() != wanted.is_some(),
    };
    let all = [
        (held.value != wanted.value, "another value"),
        (held.secure != wanted.secure, "another `Secure`"),
        (held.http_only != wanted.http_only, "another `HttpOnly`"),
        (held.same_site != wanted.same_site, "another `SameSite`"),
        (expiry, "another expiry"),
    ];
    all.into_iter().filter_map(|(differs, what)| differs.then_some(what)).collect::<Vec<_>>().join(", ")
}

fn names<'a>(keys: impl Iterator<Item = &'a CookieKey>) -> String {
    keys.map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A protocol's word for SameSite, in any case of letters.
fn same_site(word: Option<&str>) -> SameSite {
    word.map(|word| SameSite::declared(word.as_bytes())).unwrap_or_default()
}

#[cfg(test)]
mod tests;
