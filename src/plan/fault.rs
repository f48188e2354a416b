//! What goes wrong on purpose, ready to be done.

use super::duration;
use crate::base::diagnostic::nearest;
pub use crate::scenario::fault::{Argument, CATALOGUE, FaultKind, FaultSpec, Service};
use serde_json::{Map, Value, json};
use std::time::Duration;

const WHAT: &str = "a fault is a name, or an object with the name as its one member";

/// A fault that is on.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Which.
    pub kind: FaultKind,
    /// What it was told.
    pub arguments: FaultArguments,
    /// The calls it concerns.
    pub scope: FaultScope,
}

/// What a fault was told; what its row in the catalogue [needs](FaultSpec::needs) is always there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultArguments {
    /// A claim by name.
    pub claim: Option<String>,
    /// Any JSON.
    pub value: Option<Value>,
    /// An HTTP status, 100 to 599.
    pub status: Option<u16>,
    /// `error`, or an error code.
    pub error: Option<String>,
    /// `error_description`, or a message.
    pub description: Option<String>,
    /// One endpoint.
    pub endpoint: Option<String>,
    /// A length of time.
    pub by: Option<Duration>,
    /// What `Retry-After` says.
    pub retry_after: Option<Duration>,
    /// A host name.
    pub host: Option<String>,
    /// A header by name.
    pub header: Option<http::HeaderName>,
    /// Whether the request is meant, and not the response.
    pub of_request: bool,
}

/// The calls that a fault concerns: all of them by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultScope {
    /// Only those of this client.
    pub client: Option<String>,
    /// Only those that concern this user.
    pub user: Option<String>,
    /// From which on, counted from 1 over the calls that the rest of the scope fits; once unless `times` says more.
    pub nth: Option<u64>,
    /// How many.
    pub times: Option<u64>,
}

impl FaultScope {
    /// Whether the `count`th call, counted from 1, is concerned.
    #[must_use]
    pub fn takes(&self, count: u64) -> bool {
        let first = self.nth.unwrap_or(1).max(1);
        let times = self.times.or(self.nth.map(|_| 1));
        count >= first && times.is_none_or(|times| count - first < times)
    }
}

impl From<FaultKind> for Fault {
    /// The fault for every call and without arguments, which some faults [need](FaultSpec::needs).
    fn from(kind: FaultKind) -> Self {
        Self { kind, arguments: FaultArguments::default(), scope: FaultScope::default() }
    }
}

impl FaultArguments {
    /// Takes one argument in.
    ///
    /// # Errors
    /// Why the value will not do, as a fragment.
    pub fn set(&mut self, argument: Argument, value: Value) -> Result<(), String> {
        let text = |value: Value| match value {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            other => Err(format!("`{}` must be text, not {other}", argument.name())),
        };
        let length = |value: Value| {
            let text = text(value)?;
            duration(&text).ok_or_else(|| format!("`{text}` is not a length of time such as `90s`"))
        };
        match argument {
            Argument::Value => self.value = Some(value),
            Argument::Status => {
                let text = text(value)?;
                let status = text.parse().ok().filter(|status| (100..=599).contains(status));
                self.status = Some(status.ok_or_else(|| format!("`{text}` is not an HTTP status (100 to 599)"))?);
            }
            Argument::Claim => self.claim = Some(text(value)?),
            Argument::Error => self.error = Some(text(value)?),
            Argument::Description => self.description = Some(text(value)?),
            Argument::Endpoint => self.endpoint = Some(text(value)?),
            Argument::Host => self.host = Some(text(value)?),
            Argument::Header => {
                let name = text(value)?;
                let header = http::HeaderName::from_bytes(name.as_bytes());
                self.header = Some(header.map_err(|_| format!("`{name}` is not the name of a header"))?);
            }
            Argument::Of => match text(value)?.as_str() {
                "request" => self.of_request = true,
                "response" => self.of_request = false,
                other => return Err(format!("`{other}` is neither `request` nor `response`")),
            },
            Argument::By => self.by = Some(length(value)?),
            Argument::RetryAfter => self.retry_after = Some(length(value)?),
        }
        Ok(())
    }

    fn get(&self, argument: Argument) -> Option<Value> {
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let length = |by: &Option<Duration>| by.map(|by| format!("{}ms", by.as_millis()).into());
        match argument {
            Argument::Claim => text(&self.claim),
            Argument::Value => self.value.clone(),
            Argument::Status => self.status.map(Value::from),
            Argument::Error => text(&self.error),
            Argument::Description => text(&self.description),
            Argument::Endpoint => text(&self.endpoint),
            Argument::Host => text(&self.host),
            Argument::Header => self.header.as_ref().map(|header| header.as_str().into()),
            Argument::Of => self.of_request.then(|| "request".into()),
            Argument::By => length(&self.by),
            Argument::RetryAfter => length(&self.retry_after),
        }
    }
}

impl Fault {
    /// Whether `service` can do it, and has the endpoint that it names.
    ///
    /// # Errors
    /// Why not, as a fragment.
    pub fn fits(&self, service: Service) -> Result<(), String> {
        let spec = self.kind.spec();
        if !spec.services.contains(&service) {
            let who: Vec<_> = spec.services.iter().map(|service| format!("`{}`", service.name())).collect();
            return Err(format!("`{}` is a fault of {}, not of `{}`", spec.name, who.join(" and "), service.name()));
        }
        match &self.arguments.endpoint {
            Some(endpoint) if service == Service::Edge => {
                if endpoint.starts_with('/') {
                    Ok(())
                } else {
                    Err(format!("`{endpoint}` is no path; write `/{endpoint}`"))
                }
            }
            Some(endpoint) if !service.endpoints().contains(&endpoint.as_str()) => {
                Err(format!("`{}` has no endpoint `{endpoint}`; there are: {}", service.name(), service.endpoints().join(", ")))
            }
            _ => Ok(()),
        }
    }

    /// Reads a fault of `service` from a flag: its name, `name=value` with its first argument, or JSON.
    ///
    /// # Errors
    /// What is wrong, as a fragment.
    pub fn parse(text: &str, service: Service) -> Result<Self, String> {
        let value = if text.trim_start().starts_with(['{', '"']) {
            serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?
        } else {
            match text.split_once('=') {
                None => json!(text.trim()),
                Some((name, value)) => json!({ name.trim(): value }),
            }
        };
        Self::from_json(&value, service)
    }

    /// Reads a fault of `service` from JSON: `"name"`, `{ "name": value }` with its first argument, or
    /// `{ "name": { "argument": …, "client": …, "nth": … } }`.
    ///
    /// # Errors
    /// What is wrong, as a fragment.
    pub fn from_json(value: &Value, service: Service) -> Result<Self, String> {
        let (name, told) = match value {
            Value::String(name) => (name.as_str(), &Value::Null),
            Value::Object(members) => match members.iter().collect::<Vec<_>>().as_slice() {
                [(name, told)] => (name.as_str(), *told),
                _ => return Err(WHAT.to_owned()),
            },
            _ => return Err(WHAT.to_owned()),
        };
        let Some(spec) = FaultSpec::named(name) else {
            let known = CATALOGUE.iter().filter(|spec| spec.services.contains(&service)).map(|spec| spec.name);
            let near = nearest(name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(format!("unknown fault `{name}`{near}"));
        };
        let mut fault = Self::from(spec.kind);
        match told {
            Value::Null | Value::Bool(true) => {}
            Value::Object(members) => members.iter().try_for_each(|(key, value)| fault.member(spec, key, value))?,
            value => match spec.main() {
                Some(main) => fault.arguments.set(main, value.clone())?,
                None => return Err(format!("`{name}` takes no value")),
            },
        }
        if let Some(needed) = spec.needs.iter().find(|needed| fault.arguments.get(**needed).is_none()) {
            return Err(format!("`{name}` needs `{}`: {}", needed.name(), needed.about()));
        }
        fault.fits(service)?;
        Ok(fault)
    }

    fn member(&mut self, spec: &FaultSpec, key: &str, value: &Value) -> Result<(), String> {
        let text = || value.as_str().map(str::to_owned).ok_or_else(|| format!("`{key}` must be text"));
        let count = || value.as_u64().ok_or_else(|| format!("`{key}` must be a whole number"));
        match key {
            "client" => self.scope.client = Some(text()?),
            "user" => self.scope.user = Some(text()?),
            "nth" => self.scope.nth = Some(count()?),
            "times" => self.scope.times = Some(count()?),
            _ => match spec.arguments().find(|argument| argument.name() == key) {
                Some(argument) => self.arguments.set(argument, value.clone())?,
                None => return Err(format!("`{}` takes no `{key}`", spec.name)),
            },
        }
        Ok(())
    }

    /// The fault in the form that [`from_json`](Self::from_json) reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let spec = self.kind.spec();
        let mut told: Map<_, _> =
            spec.arguments().filter_map(|argument| Some((argument.name().to_owned(), self.arguments.get(argument)?))).collect();
        let FaultScope { client, user, nth, times } = &self.scope;
        let scope = [
            ("client", client.clone().map(Value::from)),
            ("user", user.clone().map(Value::from)),
            ("nth", nth.map(Value::from)),
            ("times", times.map(Value::from)),
        ];
        told.extend(scope.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        json!({ spec.name: told })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_a_name_a_value_or_json_and_survives_the_way_back() {
        let parse = |text: &str| Fault::parse(text, Service::Idp).unwrap();
        assert_eq!(parse("state_altered"), FaultKind::StateAltered.into());
        assert_eq!(parse("claim_missing=email").arguments.claim.as_deref(), Some("email"));
        let full = parse(r#"{"token_error": {"status": 503, "error": "server_error", "client": "app", "nth": 2}}"#);
        assert_eq!((full.arguments.status, full.scope.client.as_deref(), full.scope.nth), (Some(503), Some("app"), Some(2)));
        for text in ["alg_none", "slow=90s", r#"{"throttled": {"retry_after": "30s", "endpoint": "token", "times": 1}}"#] {
            assert_eq!(Fault::from_json(&parse(text).to_json(), Service::Idp), Ok(parse(text)), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        for (text, told) in [
            ("aud_wrng", "unknown fault `aud_wrng`; did you mean `aud_wrong`?"),
            ("claim_missing", "`claim_missing` needs `claim`: a claim by name"),
            ("otp_unsent", "`otp_unsent` is a fault of `otp`, not of `idp`"),
            ("userinfo_error=7", "`7` is not an HTTP status (100 to 599)"),
            (r#"{"reset": {"endpoint": "tokn"}}"#, "`idp` has no endpoint `tokn`"),
            (r#"{"alg_none": {"by": "1s"}}"#, "`alg_none` takes no `by`"),
            ("{", "not JSON"),
        ] {
            let error = Fault::parse(text, Service::Idp).unwrap_err();
            assert!(error.starts_with(told), "{text}: {error}");
        }
    }

    #[test]
    fn a_scope_counts_calls() {
        let takes =
            |nth, times| (1..=5).filter(|count| FaultScope { nth, times, ..FaultScope::default() }.takes(*count)).collect::<Vec<_>>();
        assert_eq!(takes(None, None), [1, 2, 3, 4, 5]);
        assert_eq!(takes(Some(2), None), [2]);
        assert_eq!(takes(None, Some(2)), [1, 2]);
        assert_eq!(takes(Some(3), Some(2)), [3, 4]);
    }
}
