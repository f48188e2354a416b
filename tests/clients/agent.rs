//! The person at the browser: follows redirects, keeps cookies, logs in, agrees, and stops where the client waits.

use anyhow::{Context as _, Result, bail};
use authchain::web::html::{Click, Locator, Page, Submission, Wanted};
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, Response};
use std::collections::HashMap;
use url::{Origin, Url};

/// More requests than any login needs.
const MOST: usize = 20;

/// Who types what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) password: &'static str,
}

/// A browser without script. Cookies are kept by origin, which is stricter than browsers are (RFC 6265bis §8.5).
pub(crate) struct Agent {
    http: Client,
    person: Person,
    cookies: HashMap<Origin, Vec<(String, String)>>,
}

/// Where the person ended.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// On the way to what the client waits for; the request is not sent.
    Sent { url: Url, method: &'static str, body: String },
    /// On a page that leads no further.
    Stuck(String),
}

/// The next request.
struct Next {
    method: Method,
    url: Url,
    body: Option<(String, Vec<u8>)>,
}

impl From<Submission> for Next {
    fn from(form: Submission) -> Self {
        let method = if form.method.as_str() == "POST" { Method::POST } else { Method::GET };
        Self { method, url: form.url, body: form.content_type.map(|kind| (kind, form.body)) }
    }
}

impl Agent {
    pub(crate) fn new(http: Client, person: Person) -> Self {
        Self { http, person, cookies: HashMap::new() }
    }

    /// Opens `url` and goes on until a request begins with `until`.
    pub(crate) async fn open(&mut self, url: Url, until: &str) -> Result<Arrival> {
        let mut next = Next { method: Method::GET, url, body: None };
        for _ in 0..MOST {
            if begins(&next.url, until) {
                let method = if next.method == Method::POST { "POST" } else { "GET" };
                let body = next.body.map(|(_, body)| String::from_utf8(body)).transpose()?.unwrap_or_default();
                return Ok(Arrival::Sent { url: next.url, method, body });
            }
            let response = match self.send(&next).await {
                Ok(response) => response,
                Err(error) if error.is_connect() => return Ok(Arrival::Stuck("no connection".to_owned())),
                Err(error) if error.is_request() || error.is_body() => return Ok(Arrival::Stuck("connection broken off".to_owned())),
                Err(error) => return Err(error.into()),
            };
            self.keep_cookies(&next.url, &response);
            let location = response.headers().get(LOCATION).map(|to| to.to_str().map(str::to_owned)).transpose()?;
            if let Some(location) = location.filter(|_| response.status().is_redirection()) {
                next = Next { method: Method::GET, url: next.url.join(&location)?, body: None };
                continue;
            }
            let status = response.status();
            let Ok(html) = response.text().await else { return Ok(Arrival::Stuck("connection broken off".to_owned())) };
            let mut page = Page::parse(&html, &next.url);
            match self.act(&mut page)? {
                Some(form) => next = form.into(),
                None => return Ok(Arrival::Stuck(format!("page {}: {}", status.as_u16(), page.title().unwrap_or_default()))),
            }
        }
        bail!("{MOST} requests did not lead to {until}")
    }

    async fn send(&self, next: &Next) -> reqwest::Result<Response> {
        let mut request = self.http.request(next.method.clone(), next.url.clone());
        if let Some(cookies) = self.cookies.get(&next.url.origin()).filter(|cookies| !cookies.is_empty()) {
            let line: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, line.join("; "));
        }
        if let Some((kind, body)) = &next.body {
            request = request.header(CONTENT_TYPE, kind).body(body.clone());
        }
        request.send().await
    }

    fn keep_cookies(&mut self, url: &Url, response: &Response) {
        let jar = self.cookies.entry(url.origin()).or_default();
        for line in response.headers().get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
            let mut parts = line.split(';');
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            jar.retain(|(kept, _)| kept != name);
            let ended = parts
                .any(|part| matches!(part.trim().to_ascii_lowercase().as_str(), "max-age=0" | "expires=thu, 01 jan 1970 00:00:00 gmt"));
            if !ended {
                jar.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// What the person does on a page: logs in, allows, confirms, or lets a page send itself on.
    fn act(&self, page: &mut Page) -> Result<Option<Submission>> {
        if let Some(form) = page.auto_submit() {
            return Ok(Some(form));
        }
        let password = Locator::parse("css=input[type=password]")?;
        if page.find(&password, Wanted::Field).is_ok() {
            page.fill(&Locator::parse("Username")?, self.person.name).context("the login page has no field for a name")?;
            page.fill(&password, self.person.password)?;
            return press(page, "Log in");
        }
        for button in ["Allow", "Log out"] {
            if page.buttons().iter().any(|name| name == button) {
                return press(page, button);
            }
        }
        Ok(None)
    }
}

fn press(page: &mut Page, button: &str) -> Result<Option<Submission>> {
    match page.click(&Locator::parse(button)?)? {
        Click::Submit(form) => Ok(Some(form)),
        other => bail!("the button {button:?} sends no form: {other:?}"),
    }
}

/// Whether `url` is `until`, or goes on from there with a query.
fn begins(url: &Url, until: &str) -> bool {
    url.as_str().strip_prefix(until).is_some_and(|rest| rest.is_empty() || rest.starts_with(['?', '#']))
}
