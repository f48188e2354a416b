//! The environment of authsession and of the gateway.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use url::Url;

use super::contract::{CACHE_PREFIX, SOURCE_PREFIX, STREAM, Version};
use crate::LabError;
use crate::env::Env;

/// Variables that a newer build refuses to start with.
const RETIRED: [&str; 4] =
    ["AUTHSESSION_REDIS_ADDR", "AUTHSESSION_REDIS_TLS_ENABLED", "AUTHSESSION_REDIS_USERNAME", "AUTHSESSION_REDIS_TLS_CA"];

/// A neighbour that is asked over HTTP, or none.
#[derive(Clone)]
pub(super) struct Rest {
    pub(super) base: Url,
    pub(super) timeout: Duration,
}

/// How snapshots are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Publish {
    /// Nothing follows a revocation.
    Guarded,
    /// The last writer wins.
    Blind,
    /// A revocation is never published.
    NotRevoked,
    /// Snapshots are written, and no events.
    NoEvents,
}

/// What authsession is told.
#[derive(Clone)]
pub(super) struct Config {
    pub(super) version: Version,
    pub(super) public: SocketAddr,
    pub(super) internal: SocketAddr,
    pub(super) redis: RedisConfig,
    pub(super) source_prefix: String,
    pub(super) cache_prefix: String,
    pub(super) stream: String,
    pub(super) user: Option<Rest>,
    pub(super) mail: Option<Rest>,
    pub(super) shutdown: Duration,
    pub(super) publish: Publish,
    pub(super) faults: Vec<String>,
}

/// Where Redis is.
#[derive(Clone)]
pub(super) struct RedisConfig {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) password: Option<String>,
    pub(super) db: i64,
}

/// Switches of the lab, by name in `FAULTS`.
pub(super) const FAULTS: [&str; 16] = [
    "health",            // 002-09: there is a /healthz
    "one-listener-log",  // 002-11
    "lenient-json",      // 002-13, 002-49
    "unknown-user-404",  // 002-14
    "no-signals",        // 002-16: SIGINT is ignored
    "clients-first",     // 002-18
    "not-idempotent",    // 002-23
    "raw-address",       // 002-34
    "sliding-window",    // 002-35
    "shared-status",     // 002-36: suppressed is stored as throttled
    "user-twice-more",   // 002-40: the user service is asked three times
    "mail-retried",      // 002-41
    "downstream-500",    // 002-37, 002-38, 002-42, 002-43: 500 instead of 503
    "expired-forgotten", // 002-44: an expired challenge is "not found"
    "blocked-told",      // 002-50
    "cooldown-tells",    // 002-32: 429 for a throttled send
];

impl Config {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, LabError> {
        let version = env.choice("CONTRACT", &[("april", Version::April), ("march", Version::March), ("backend", Version::Backend)])?;
        if version != Version::March
            && let Some(name) = RETIRED.into_iter().find(|name| env.get(name).is_some())
        {
            return Err(LabError::Invalid {
                name,
                expected: "allowed any more: it is retired, see `AUTHSESSION_REDIS_MASTER_ADDR`".to_owned(),
            });
        }
        let (name, meaning) = if version == Version::March {
            ("AUTHSESSION_REDIS_ADDR", "host and port of Redis")
        } else {
            ("AUTHSESSION_REDIS_MASTER_ADDR", "host and port of the Redis master")
        };
        let password = match version {
            Version::March => env.get("AUTHSESSION_REDIS_PASSWORD"),
            _ => Some(env.required("AUTHSESSION_REDIS_PASSWORD", "the password of Redis")?),
        };
        let db = env.get("AUTHSESSION_REDIS_DB").map(|text| text.parse()).transpose();
        let db = db.map_err(|_| LabError::Invalid { name: "AUTHSESSION_REDIS_DB", expected: "the number of a database".to_owned() })?;
        let faults = env.list("FAULTS");
        if faults.iter().any(|fault| !FAULTS.contains(&fault.as_str())) {
            return Err(LabError::Invalid { name: "FAULTS", expected: format!("a list of {}", FAULTS.join(", ")) });
        }
        Ok(Self {
            version,
            public: listener(env, "AUTHSESSION_PUBLIC_HTTP_ADDR", 8080)?,
            internal: listener(env, "AUTHSESSION_INTERNAL_HTTP_ADDR", 8081)?,
            redis: redis(&env.required(name, meaning)?, name, password, db.unwrap_or(0))?,
            source_prefix: env.get("AUTHSESSION_REDIS_KEY_PREFIX").unwrap_or_else(|| SOURCE_PREFIX.to_owned()),
            cache_prefix: env.get("AUTHSESSION_GATEWAY_SESSION_CACHE_KEY_PREFIX").unwrap_or_else(|| CACHE_PREFIX.to_owned()),
            stream: env.get("AUTHSESSION_GATEWAY_SESSION_EVENTS_STREAM").unwrap_or_else(|| STREAM.to_owned()),
            user: rest(
                env,
                "AUTHSESSION_USER_SERVICE_MODE",
                "AUTHSESSION_USER_SERVICE_BASE_URL",
                "AUTHSESSION_USER_SERVICE_REQUEST_TIMEOUT",
            )?,
            mail: rest(
                env,
                "AUTHSESSION_MAIL_SERVICE_MODE",
                "AUTHSESSION_MAIL_SERVICE_BASE_URL",
                "AUTHSESSION_MAIL_SERVICE_REQUEST_TIMEOUT",
            )?,
            shutdown: millis(env, "AUTHSESSION_SHUTDOWN_TIMEOUT")?.unwrap_or(Duration::from_secs(5)),
            publish: env.choice(
                "PUBLISH",
                &[
                    ("guarded", Publish::Guarded),
                    ("blind", Publish::Blind),
                    ("not-revoked", Publish::NotRevoked),
                    ("no-events", Publish::NoEvents),
                ],
            )?,
            faults,
        })
    }

    pub(super) fn has(&self, fault: &str) -> bool {
        self.faults.iter().any(|known| known == fault)
    }
}

/// `host:port` or `:port`; every app of the lab listens on this machine alone.
pub(super) fn listener(env: &Env<'_>, name: &'static str, default: u16) -> Result<SocketAddr, LabError> {
    let Some(text) = env.get(name) else { return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, default))) };
    let port = text.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let port = port.ok_or_else(|| LabError::Invalid { name, expected: "an address such as `:8080`".to_owned() })?;
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

pub(super) fn redis(address: &str, name: &'static str, password: Option<String>, db: i64) -> Result<RedisConfig, LabError> {
    let parts = address.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    let (host, port) = parts.ok_or_else(|| LabError::Invalid { name, expected: "a host and a port".to_owned() })?;
    Ok(RedisConfig { host, port, password, db })
}

/// `250ms`, `3s`.
fn millis(env: &Env<'_>, name: &'static str) -> Result<Option<Duration>, LabError> {
    let Some(text) = env.get(name) else { return Ok(None) };
    let parsed = match text.strip_suffix("ms") {
        Some(number) => number.parse().ok().map(Duration::from_millis),
        None => text.strip_suffix('s').and_then(|number| number.parse().ok()).map(Duration::from_secs),
    };
    parsed.map(Some).ok_or_else(|| LabError::Invalid { name, expected: "a duration such as `500ms` or `3s`".to_owned() })
}

fn rest(env: &Env<'_>, mode: &'static str, base: &'static str, timeout: &'static str) -> Result<Option<Rest>, LabError> {
    if !env.choice(mode, &[("stub", false), ("rest", true)])? {
        return Ok(None);
    }
    let base = env.required_url(base, "where the service is, as the mode is `rest`")?;
    let timeout = millis(env, timeout)?
        .ok_or(LabError::Missing { name: timeout, meaning: "how long the service may take, as the mode is `rest`" })?;
    Ok(Some(Rest { base, timeout }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: [(&str, &str); 2] = [("AUTHSESSION_REDIS_MASTER_ADDR", "redis:6379"), ("AUTHSESSION_REDIS_PASSWORD", "p")];

    /// What is read of a whole environment with these variables over it; an empty one is not set.
    fn read(over: &[(&str, &str)]) -> Result<Config, String> {
        let lookup = |name: &str| over.iter().chain(&WHOLE).find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Config::read(&Env::new(&lookup)).map_err(|error| error.to_string())
    }

    fn refused(over: &[(&str, &str)]) -> String {
        read(over).err().unwrap_or_else(|| panic!("{over:?} was taken"))
    }

    #[test]
    fn a_build_of_april_needs_a_password_and_knows_the_old_names_no_more() {
        assert!(read(&[]).is_ok());
        assert!(refused(&[("AUTHSESSION_REDIS_PASSWORD", "")]).contains("`AUTHSESSION_REDIS_PASSWORD` is not set"));
        for name in RETIRED {
            assert!(refused(&[(name, "x:1")]).contains(&format!("`{name}` is not allowed any more")));
        }
        let march = [("CONTRACT", "march"), ("AUTHSESSION_REDIS_ADDR", "old:1"), ("AUTHSESSION_REDIS_PASSWORD", "")];
        let march = read(&march).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((march.redis.host.as_str(), march.redis.port, march.redis.password), ("old", 1, None));
    }

    #[test]
    fn a_neighbour_that_is_asked_over_http_needs_an_address_and_a_bound() {
        let rest = ("AUTHSESSION_MAIL_SERVICE_MODE", "rest");
        let (base, timeout) =
            (("AUTHSESSION_MAIL_SERVICE_BASE_URL", "https://mail.test"), ("AUTHSESSION_MAIL_SERVICE_REQUEST_TIMEOUT", "250ms"));
        assert!(read(&[]).is_ok_and(|config| config.mail.is_none()));
        assert!(refused(&[rest, timeout]).contains(base.0) && refused(&[rest, base]).contains(timeout.0));
        let mail = read(&[rest, base, timeout]).ok().and_then(|config| config.mail);
        assert_eq!(mail.map(|mail| mail.timeout), Some(Duration::from_millis(250)));
        for wrong in ["250", "s", "-1s", "1.5s", "1h"] {
            assert!(refused(&[rest, base, (timeout.0, wrong)]).contains("a duration such as"), "{wrong}");
        }
    }

    #[test]
    fn a_switch_that_is_none_and_an_address_that_is_none_are_told() {
        assert!(read(&[("FAULTS", "health,sliding-window")]).is_ok_and(|config| config.has("health") && !config.has("raw-address")));
        assert!(refused(&[("FAULTS", "helth")]).contains("health, one-listener-log"));
        assert!(refused(&[("AUTHSESSION_REDIS_MASTER_ADDR", "redis")]).contains("a host and a port"));
        assert!(refused(&[("AUTHSESSION_PUBLIC_HTTP_ADDR", "8080")]).contains("an address such as `:8080`"));
        assert!(refused(&[("AUTHSESSION_REDIS_DB", "x")]).contains("the number of a database"));
    }
}
