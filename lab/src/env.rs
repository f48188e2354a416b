//! Typed reading of the environment: every error names the variable and says what would have been right.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use url::Url;

use super::LabError;

/// The environment of an app. A variable set to nothing counts as not set, as compose files have it.
#[derive(Clone, Copy)]
pub(super) struct Env<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Env<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Env(lookup)
    }

    /// The variable's text, without surrounding white space.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let value = (self.0)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    pub(super) fn required(&self, name: &'static str, meaning: &'static str) -> Result<String, LabError> {
        self.get(name).ok_or(LabError::Missing { name, meaning })
    }

    /// The port to listen on; 0 lets the system choose.
    pub(super) fn port(&self) -> Result<u16, LabError> {
        self.required("PORT", "the port to listen on")?
            .parse()
            .map_err(|_| LabError::Invalid { name: "PORT", expected: "a port number from 0 to 65535".to_owned() })
    }

    /// The address to listen on: loopback unless told otherwise. In a container nobody comes by loopback.
    pub(super) fn host(&self) -> Result<IpAddr, LabError> {
        let Some(text) = self.get("HOST") else { return Ok(Ipv4Addr::LOCALHOST.into()) };
        text.parse().map_err(|_| LabError::Invalid { name: "HOST", expected: "an IP address, such as 0.0.0.0".to_owned() })
    }

    /// An absolute http or https URL.
    pub(super) fn url(&self, name: &'static str) -> Result<Option<Url>, LabError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Some(url)),
            _ => Err(LabError::Invalid { name, expected: "an absolute http or https URL".to_owned() }),
        }
    }

    pub(super) fn required_url(&self, name: &'static str, meaning: &'static str) -> Result<Url, LabError> {
        self.url(name)?.ok_or(LabError::Missing { name, meaning })
    }

    /// A whole number of seconds.
    pub(super) fn seconds(&self, name: &'static str, default: Duration) -> Result<Duration, LabError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        // Past a century a lifetime is a typing error, and dates would leave the range that can be written out.
        match text.parse::<u32>() {
            Ok(seconds) => Ok(Duration::from_secs(u64::from(seconds))),
            Err(_) => Err(LabError::Invalid { name, expected: format!("a number of seconds from 0 to {}", u32::MAX) }),
        }
    }

    /// One of a few words; the first of them is the default.
    pub(super) fn choice<T: Copy>(&self, name: &'static str, choices: &[(&str, T)]) -> Result<T, LabError> {
        let wanted = self.get(name);
        let found = match &wanted {
            None => choices.first(),
            Some(word) => choices.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)),
        };
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
            LabError::Invalid { name, expected: format!("one of {}", words.join(", ")) }
        })
    }

    /// `on` or `off`.
    pub(super) fn switch(&self, name: &'static str, default: bool) -> Result<bool, LabError> {
        let choices = [("on", true), ("off", false), ("true", true), ("false", false)];
        match self.get(name) {
            None => Ok(default),
            Some(_) => self.choice(name, &choices),
        }
    }

    /// A comma-separated list; empty entries fall away.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_variable_set_to_nothing_is_not_set() {
        let lookup = with(&[("PORT", "  ")]);
        let error = Env::new(&lookup).port().expect_err("an empty port is none").to_string();
        assert_eq!(error, "environment variable `PORT` is not set; it is the port to listen on");
    }

    #[test]
    fn a_wrong_word_lists_the_right_ones_and_keeps_the_value_to_itself() {
        let lookup = with(&[("GUARD", "hunter2")]);
        let error = Env::new(&lookup).choice("GUARD", &[("cookie", 1), ("bearer", 2)]).expect_err("no such word");
        assert_eq!(error.to_string(), "environment variable `GUARD` is not one of `cookie`, `bearer`");
    }

    #[test]
    fn the_first_choice_is_the_default() {
        let lookup = with(&[]);
        assert_eq!(Env::new(&lookup).choice("GUARD", &[("cookie", 1), ("bearer", 2)]).expect("defaulted"), 1);
    }

    #[test]
    fn lists_lose_their_white_space_and_empty_entries() {
        let lookup = with(&[("TRUSTED_ORIGINS", " https://a.test , ,https://b.test,")]);
        assert_eq!(Env::new(&lookup).list("TRUSTED_ORIGINS"), ["https://a.test", "https://b.test"]);
    }
}
