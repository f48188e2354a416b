//! Where in an entry secrets stand.

use super::pseudonym::Pseudonyms;
use crate::web::har::{Entry, Pair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

impl Pseudonyms {
    /// Replaces what is secret in an entry, wherever it stands.
    pub fn entry(&mut self, entry: &mut Entry) {
        let request = &mut entry.request;
        request.url = self.url(&request.url, 0);
        request.headers.iter_mut().for_each(|field| self.field(field));
        request.cookies.iter_mut().for_each(|cookie| cookie.value = self.secret(&cookie.value));
        for pair in &mut request.query_string {
            pair.value = self.value(Some(&pair.name), &pair.value, 0);
        }
        if let Some(data) = &mut request.post_data {
            for field in &mut data.params {
                field.value = self.value(Some(&field.name), &field.value, 0);
            }
            data.text = self.body(&data.mime_type, data.encoding.as_deref(), &data.text);
        }
        let response = &mut entry.response;
        response.headers.iter_mut().for_each(|field| self.field(field));
        response.cookies.iter_mut().for_each(|cookie| cookie.value = self.secret(&cookie.value));
        response.redirect_url = self.url(&response.redirect_url, 0);
        if let Some(text) = response.content.text.take() {
            response.content.text = Some(self.body(&response.content.mime_type, response.content.encoding.as_deref(), &text));
        }
        if let Some(url) = &mut entry.initiator.url {
            *url = self.url(url, 0);
        }
        if let Some(own) = &mut entry.authchain {
            self.known_within(own, 0);
        }
    }

    /// What authchain itself told holds words of its own, which may look like values; known secrets alone are replaced.
    fn known_within(&self, value: &mut serde_json::Value, depth: usize) {
        match value {
            serde_json::Value::String(text) => *text = self.text(text),
            serde_json::Value::Array(list) if depth < 24 => list.iter_mut().for_each(|value| self.known_within(value, depth + 1)),
            serde_json::Value::Object(map) if depth < 24 => map.values_mut().for_each(|value| self.known_within(value, depth + 1)),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => *value = serde_json::Value::Null,
            _ => {}
        }
    }

    /// A header field.
    fn field(&mut self, field: &mut Pair) {
        let value = &field.value;
        field.value = match field.name.to_ascii_lowercase().as_str() {
            "cookie" => value.split(';').map(|pair| self.pair(pair)).collect::<Vec<_>>().join(";"),
            "set-cookie" => value.split('\n').map(|line| self.set_cookie(line)).collect::<Vec<_>>().join("\n"),
            "authorization" | "proxy-authorization" => match value.split_once(' ') {
                Some((scheme, credentials)) => format!("{scheme} {}", self.secret(credentials)),
                None => self.secret(value),
            },
            "location" | "referer" | "content-location" | ":path" | "refresh" | "link" | "origin" => self.url(value, 0),
            name if ["token", "secret", "api-key", "csrf", "xsrf", "session", "password"].iter().any(|word| name.contains(word)) => {
                self.secret(value)
            }
            name => self.value(Some(name), value, 0),
        };
    }

    /// A cookie's pair: everything behind the first `=`; all of it where there is none.
    fn pair(&mut self, pair: &str) -> String {
        match pair.split_once('=') {
            Some((name, value)) => format!("{name}={}", self.secret(value)),
            None => self.secret(pair),
        }
    }

    /// A Set-Cookie line: attributes stay. Further pairs of a line that was folded are cookies too.
    fn set_cookie(&mut self, line: &str) -> String {
        const ATTRIBUTES: [&str; 9] = ["expires", "max-age", "domain", "path", "samesite", "secure", "httponly", "partitioned", "priority"];
        let is_attribute = |part: &str| {
            let name = part.split('=').next().unwrap_or_default().trim();
            ATTRIBUTES.iter().any(|known| name.eq_ignore_ascii_case(known))
        };
        let parts = line.split(';').enumerate().map(|(at, part)| {
            if at > 0 && is_attribute(part) {
                // Behind a comma in `Path=/, b=2` the next cookie begins; in a date, none does.
                return match part.split_once(',') {
                    Some((attribute, next)) if next.contains('=') => format!("{attribute},{}", self.pair(next)),
                    _ => part.to_owned(),
                };
            }
            self.pair(part)
        });
        parts.collect::<Vec<_>>().join(";")
    }

    /// A body by its type.
    fn body(&mut self, kind: &str, encoding: Option<&str>, body: &str) -> String {
        if encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64")) {
            let plain = STANDARD.decode(body).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            // What is no text is a picture or the like; a body that cannot be read at all is left out.
            return match plain {
                Some(plain) => STANDARD.encode(self.body(kind, None, &plain)),
                None if STANDARD.decode(body).is_ok() => body.to_owned(),
                None => String::new(),
            };
        }
        let kind = kind.to_ascii_lowercase();
        if kind.contains("html") {
            self.learn_fields(body);
        }
        if kind.contains("x-www-form-urlencoded") {
            self.form(body, 0)
        } else if kind.contains("json") || body.starts_with(['{', '[']) {
            self.json_text(None, body, 0)
        } else if kind.starts_with("multipart/") {
            self.multipart(body)
        } else {
            self.text(body)
        }
    }

    /// The parts of a multipart body (RFC 7578), each by its name.
    fn multipart(&mut self, body: &str) -> String {
        let mut out = String::with_capacity(body.len());
        let mut name: Option<String> = None;
        let mut in_head = true;
        for line in body.split_inclusive('\n') {
            let text = line.trim_end_matches(['\r', '\n']);
            if text.starts_with("--") {
                (name, in_head) = (None, true);
                out.push_str(line);
            } else if in_head {
                in_head = !text.is_empty();
                let named =
                    text.split(';').find_map(|part| part.trim().strip_prefix("name=").map(|name| name.trim_matches('"').to_owned()));
                name = named.or(name);
                out.push_str(line);
            } else {
                out.push_str(&self.value(name.as_deref(), text, 0));
                out.push_str(&line[text.len()..]);
            }
        }
        out
    }
}
