//! Cases, their routes, and the answers.

use super::errand::{Errand, Neighbours};
use crate::wire;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// One broken app.
pub struct Case {
    /// Its name, as `CASE` gives it.
    pub name: &'static str,
    /// Ids of what a diagnosis must find in it.
    pub finds: &'static [&'static str],
    /// Ids of what is near and must not be found.
    pub spares: &'static [&'static str],
    routes: Vec<Route>,
}

/// A request, as far as routes look at it.
pub(super) struct Asked<'r> {
    pub(super) method: &'r Method,
    pub(super) uri: &'r Uri,
    pub(super) headers: &'r HeaderMap,
}

/// One route: what it is asked, and what it answers.
pub(super) struct Route {
    method: Method,
    path: &'static str,
    host: Option<&'static str>,
    cookies: Vec<(&'static str, bool)>,
    field: Option<(&'static str, &'static str)>,
    query: Option<&'static str>,
    turn: Option<u32>,
    asked: AtomicU32,
    status: StatusCode,
    fields: Vec<(&'static str, String)>,
    content: Content,
    errand: Option<Errand>,
}

enum Content {
    Text(String),
    /// A token response, made when it is asked for: from the seconds since 1970.
    Tokens(fn(i64) -> Value),
}

impl Case {
    pub(super) fn new(name: &'static str, finds: &'static [&'static str], routes: impl IntoIterator<Item = Route>) -> Case {
        Case { name, finds, spares: &[], routes: routes.into_iter().collect() }
    }

    /// What is near, and must not be found.
    pub(super) fn spares(mut self, ids: &'static [&'static str]) -> Case {
        self.spares = ids;
        self
    }

    /// The answer of the first route that fits and whose errand, if it has one, was a success.
    pub(super) async fn answer(&self, asked: &Asked<'_>, neighbours: &Neighbours) -> Response {
        if asked.uri.path() == "/health" {
            return Response::new(Body::from("ok"));
        }
        for route in &self.routes {
            let Some(count) = route.fits(asked) else { continue };
            let cookie = |name: &str| wire::cookie(asked.headers, name).map(<[u8]>::to_vec);
            let is_done = match &route.errand {
                Some(errand) => neighbours.run(errand, cookie).await,
                None => true,
            };
            if is_done {
                return route.answer(asked, count);
            }
        }
        get("/").status(404).page("Not found", "").answer(asked, 1)
    }
}

/// A route for GET.
pub(super) fn get(path: &'static str) -> Route {
    Route::new(Method::GET, path)
}

/// A route for POST.
pub(super) fn post(path: &'static str) -> Route {
    Route::new(Method::POST, path)
}

impl Route {
    fn new(method: Method, path: &'static str) -> Route {
        Route {
            method,
            path,
            host: None,
            cookies: Vec::new(),
            field: None,
            query: None,
            turn: None,
            asked: AtomicU32::new(0),
            status: StatusCode::OK,
            fields: Vec::new(),
            content: Content::Text(String::new()),
            errand: None,
        }
    }

    /// A route for OPTIONS.
    pub(super) fn options(path: &'static str) -> Route {
        Route::new(Method::OPTIONS, path)
    }

    /// Only on hosts that begin so.
    pub(super) fn host(mut self, start: &'static str) -> Route {
        self.host = Some(start);
        self
    }

    /// Only when the cookie came: `name=` with any value, `name=value` with the very one; the first of that name counts.
    pub(super) fn with(mut self, pair: &'static str) -> Route {
        self.cookies.push((pair, true));
        self
    }

    /// Only when it did not.
    pub(super) fn without(mut self, pair: &'static str) -> Route {
        self.cookies.push((pair, false));
        self
    }

    /// Only when a field of the request's header holds the text.
    pub(super) fn field(mut self, name: &'static str, holds: &'static str) -> Route {
        self.field = Some((name, holds));
        self
    }

    /// Only when the query holds the text.
    pub(super) fn query(mut self, holds: &'static str) -> Route {
        self.query = Some(holds);
        self
    }

    /// Only the first `times` that it would fit.
    pub(super) fn turn(mut self, times: u32) -> Route {
        self.turn = Some(times);
        self
    }

    /// Refreshes at this URL, by the token that the cookie holds, before it answers.
    pub(super) fn refreshes(mut self, url: &'static str, cookie: &'static str) -> Route {
        self.errand = Some(Errand::Refreshes { url, cookie });
        self
    }

    /// Mails this link before it answers.
    pub(super) fn mails(mut self, link: &'static str) -> Route {
        self.errand = Some(Errand::Mails(link));
        self
    }

    pub(super) fn status(mut self, status: u16) -> Route {
        self.status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self
    }

    /// Adds a field to the answer's header.
    pub(super) fn says(mut self, name: &'static str, value: impl Into<String>) -> Route {
        self.fields.push((name, value.into()));
        self
    }

    /// Sets a cookie.
    pub(super) fn sets(self, line: impl Into<String>) -> Route {
        self.says("set-cookie", line)
    }

    /// Redirects with 303, or with the status that was given before. `{query}` stands for the request's query, `{state}` and
    /// `{next}` for these of its parameters.
    pub(super) fn goes(mut self, target: impl Into<String>) -> Route {
        if self.status == StatusCode::OK {
            self.status = StatusCode::SEE_OTHER;
        }
        self.says("location", target)
    }

    /// A page with a title and the HTML below it.
    pub(super) fn page(mut self, title: &str, content: &str) -> Route {
        self.content = Content::Text(format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><link rel=\"icon\" href=\"data:,\"></head>\
             <body><h1>{title}</h1>{content}</body></html>"
        ));
        self.says("content-type", "text/html; charset=utf-8")
    }

    pub(super) fn json(mut self, body: &Value) -> Route {
        self.content = Content::Text(body.to_string());
        self.says("content-type", "application/json")
    }

    pub(super) fn script(mut self, text: &str) -> Route {
        self.content = Content::Text(text.to_owned());
        self.says("content-type", "text/javascript")
    }

    /// A token response (RFC 6749 §5.1).
    pub(super) fn tokens(mut self, tokens: fn(i64) -> Value) -> Route {
        self.content = Content::Tokens(tokens);
        self.says("content-type", "application/json")
    }

    /// How often it was asked with this request, when it fits.
    fn fits(&self, asked: &Asked<'_>) -> Option<u32> {
        let host =
            wire::first_forwarded(asked.headers, "x-forwarded-host").or_else(|| wire::text(asked.headers, "host")).unwrap_or_default();
        let has = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            wire::cookie(asked.headers, name).is_some_and(|sent| value.is_empty() || sent == value.as_bytes())
        };
        let fits = self.method == *asked.method
            && self.path == asked.uri.path()
            && self.host.is_none_or(|start| host.starts_with(start))
            && self.cookies.iter().all(|(pair, wanted)| has(pair) == *wanted)
            && self.field.is_none_or(|(name, holds)| wire::text(asked.headers, name).is_some_and(|value| value.contains(holds)))
            && self.query.is_none_or(|holds| asked.uri.query().unwrap_or_default().contains(holds));
        if !fits {
            return None;
        }
        let count = self.asked.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        self.turn.is_none_or(|most| count <= most).then_some(count)
    }

    fn answer(&self, asked: &Asked<'_>, count: u32) -> Response {
        let query = asked.uri.query().unwrap_or_default();
        let state = wire::query(Some(query), "state").unwrap_or_default();
        let next = wire::query(Some(query), "next").unwrap_or_default();
        let filled = |text: &str| {
            let text = text.replace("{query}", query).replace("{state}", &state).replace("{next}", &next);
            text.replace("{count}", &format!("{count:04}"))
        };
        let body = match &self.content {
            Content::Text(text) => filled(text),
            Content::Tokens(tokens) => tokens(now()).to_string(),
        };
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() = self.status;
        let kept = self.fields.iter().any(|(name, _)| *name == "cache-control");
        if !kept {
            answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        for (name, value) in &self.fields {
            if let Ok(value) = HeaderValue::from_str(&filled(value)) {
                answer.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        answer
    }
}

/// Seconds since 1970, by the clock that libfaketime moves.
#[allow(clippy::disallowed_methods, reason = "an app of the lab is a process of its own, with the clock any process has")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A form whose button is `Continue`, filled in already.
pub(super) fn form(action: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{action}\"><label>Username <input name=\"username\" value=\"ada\"></label>\
         <label>Password <input type=\"password\" name=\"password\" value=\"lab-only\"></label><button>Continue</button></form>"
    )
}

/// A link that is called `Continue`.
pub(super) fn link(target: &str) -> String {
    format!("<p><a href=\"{target}\">Continue</a></p>")
}

/// The URL of the provider's authorization endpoint, asked by the gallery's client, state and redirect URI as given.
pub(super) fn authorize(state: &str, redirect_uri: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([
        ("client_id", "gallery"),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", state),
        ("nonce", "nonce-of-the-gallery"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
        ("redirect_uri", redirect_uri),
    ]);
    format!("https://id.provider.test/authorize?{}", query.finish())
}

/// A token with these claims in the form of a signed one (RFC 7515 §3.1). The signature is made up: nobody checks it here.
pub(super) fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(&json!({ "alg": "RS256", "kid": "gallery-1" })), part(claims), URL_SAFE_NO_PAD.encode("made up"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(case: &Case, path: &str, cookie: &str) -> (u16, Option<String>) {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("app.gallery.test"));
        headers.insert("cookie", HeaderValue::from_str(cookie).expect("a cookie"));
        let uri: Uri = path.parse().expect("a path");
        let nobody = Neighbours::new(&crate::env::Env::new(&|_| None)).expect("no neighbours");
        let answer = case.answer(&Asked { method: &Method::GET, uri: &uri, headers: &headers }, &nobody).await;
        let target = answer.headers().get("location").map(|value| value.to_str().expect("text").to_owned());
        (answer.status().as_u16(), target)
    }

    #[tokio::test]
    async fn the_first_route_that_fits_answers() {
        let case = Case::new(
            "x",
            &[],
            [
                get("/home").with("session=live").status(200),
                get("/home").host("api.").status(500),
                get("/home").turn(1).goes("/login?{query}&was={state}"),
                get("/mail").mails("https://app.gallery.test/verify"),
                get("/mail").status(503),
                get("/home").status(401),
            ],
        );
        assert_eq!(ask(&case, "/home", "session=live").await, (200, None));
        assert_eq!(ask(&case, "/home?state=s", "session=dead; session=live").await, (303, Some("/login?state=s&was=s".to_owned())));
        assert_eq!(ask(&case, "/home", "x=y").await, (401, None));
        assert_eq!(ask(&case, "/mail", "x=y").await, (503, None), "there is no mail server");
        assert_eq!(ask(&case, "/elsewhere", "x=y").await, (404, None));
    }

    #[test]
    fn names_are_told_once_and_every_case_says_what_it_shows() {
        let cases = super::super::cases();
        let mut names: Vec<_> = cases.iter().map(|case| case.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), cases.len());
        for case in &cases {
            assert!(case.spares.iter().all(|spared| !case.finds.contains(spared)), "{}", case.name);
        }
    }
}
