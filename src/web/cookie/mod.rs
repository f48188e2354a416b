//! The browser's cookie rules: which Set-Cookie lines are stored, which cookies are sent, and why the others are not.
//!
//! The base is RFC 6265bis (draft-ietf-httpbis-rfc6265bis-22); where browsers do otherwise the code follows Chromium and
//! says so. Section numbers in these modules are that draft's. Reasons are named in Chromium's own vocabulary, so that
//! a decision made here and one reported by a real browser read the same.
//!
//! | file | what it decides |
//! |---|---|
//! | `parse`, `date`, `text` | Set-Cookie octets → name, value, attributes (§5.1.1, §5.6) |
//! | `store` | the storage model, one line at a time (§5.7) |
//! | `send` | the Cookie header of one request (§5.8) |
//! | `same_site` | same-site and cross-site requests (§5.2), Strict and Lax (§5.6.7) |
//! | `evict` | what goes when there are too many (§5.7, "remove excess cookies") |
//! | `jar`, `record` | the cookies themselves, and a test's hands on them |
//! | `profile` | how user agents differ |
//! | `reason` | the words for why not |
//!
//! ```
//! use authchain::web::cookie::{Initiator, Jar, Policy, SendContext, StoreContext};
//! use time::macros::datetime;
//!
//! let now = datetime!(2026-01-01 00:00 UTC);
//! let mut jar = Jar::new(Policy::default());
//! let login = "https://api.mosaic.test/login".parse()?;
//! let verdict = jar.store(&StoreContext::navigation(login), b"sid=1; Path=/; SameSite=None", now);
//! assert_eq!(verdict.reasons()[0].as_str(), "SameSiteNoneInsecure");
//!
//! let home = "https://api.mosaic.test/".parse()?;
//! let decision = jar.cookies_for(&SendContext::navigation(home, http::Method::GET, Initiator::UserAgent), now);
//! assert_eq!(decision.header, None);
//! # Ok::<(), url::ParseError>(())
//! ```

mod context;
mod date;
mod evict;
mod jar;
mod matching;
mod parse;
mod profile;
mod reason;
mod record;
mod same_site;
mod send;
mod store;
mod text;

pub use context::{Initiator, RedirectChain, SendContext, StoreContext, Target};
pub use date::parse_cookie_date;
pub use jar::{InvalidCookie, Jar};
pub use matching::{default_path, domain_match, path_match};
pub use parse::{Attribute, MAX_ATTRIBUTE_OCTETS, MAX_NAME_VALUE_OCTETS, ParsedCookie};
pub use profile::{Policy, Profile, Rules, ThirdPartyCookies, UnknownProfile};
pub use reason::{SendBlock, SendWarning, SetBlock, SetWarning, UnknownReason};
pub use record::{CookieKey, CookieRecord, SameSite};
pub use send::{SendDecision, Withheld};
pub use store::{StoreOutcome, StoreVerdict};
pub use text::{CookieName, CookiePath, CookieValue};
