//! Expectations and captures of a step.

use super::compiler::Compiler;
use super::matcher::Subject;
use crate::plan::{
    Beside, Capture, CaptureFrom, CookieExpectation, Expectation, ExpectationKind, HopExpectation, Matcher, SameAs, UrlPart,
};
use crate::scenario::expect::{self, CaptureSource, Captured, CookieExpect, Expect, HopExpect, Part};
use crate::scenario::node::Key;
use crate::scenario::probe;
use crate::scenario::read::{At, Map, Short, Text};

/// What may be said of a cookie in one word.
const COOKIE_WORDS: [&str; 6] = ["present", "absent", "set", "stored", "sent", "deleted"];

impl Compiler<'_> {
    /// Compiles all that a step must show, in the order of the keys' meaning.
    pub(super) fn expectations(&mut self, expect: &Expect) -> Vec<Expectation> {
        type Make = fn(Matcher) -> ExpectationKind;
        let asked: [(&Option<At<expect::Matcher>>, Subject, Make); 14] = [
            (&expect.status, Subject::Status, ExpectationKind::Status),
            (&expect.redirect, Subject::Text, ExpectationKind::Redirect),
            (&expect.url, Subject::Text, ExpectationKind::Url),
            (&expect.origin, Subject::Text, ExpectationKind::Origin),
            (&expect.error, Subject::Text, ExpectationKind::Error),
            (&expect.failure, Subject::Text, ExpectationKind::Failure),
            (&expect.body, Subject::Text, ExpectationKind::Body),
            (&expect.text, Subject::Visible, ExpectationKind::Text),
            (&expect.title, Subject::Text, ExpectationKind::Title),
            (&expect.console, Subject::Number, ExpectationKind::Console),
            (&expect.dialog, Subject::Visible, ExpectationKind::Dialog),
            (&expect.time, Subject::Time, ExpectationKind::Time),
            (&expect.clock_skew, Subject::Time, ExpectationKind::ClockSkew),
            (&expect.hop_count, Subject::Number, ExpectationKind::HopCount),
        ];
        let mut all = Vec::new();
        for (matcher, subject, make) in asked {
            let Some(At { value, span }) = matcher else { continue };
            all.extend(self.matcher(&value.0, subject).map(|matcher| Expectation { kind: make(matcher), span: *span }));
        }
        for (key, matcher) in &expect.header.0 {
            let kind = self.matcher(&matcher.0, Subject::Presence).map(|matcher| ExpectationKind::Header(key.name.clone(), matcher));
            all.extend(kind.map(|kind| Expectation { kind, span: key.span }));
        }
        for (key, cookie) in &expect.cookie.0 {
            let kind = self.cookie(cookie).map(|cookie| ExpectationKind::Cookie(key.name.clone(), Box::new(cookie)));
            all.extend(kind.map(|kind| Expectation { kind, span: key.span }));
        }
        for (key, matcher) in &expect.json.0 {
            let path = self.json_path(&key.name, key.span);
            let matcher = self.matcher(&matcher.0, Subject::Json);
            if let (Some(path), Some(matcher)) = (path, matcher) {
                all.push(Expectation { kind: ExpectationKind::Json(path, matcher), span: key.span });
            }
        }
        if let Some(storage) = &expect.storage {
            type Keep = fn(String, Matcher) -> ExpectationKind;
            let kinds: [(_, Keep); 2] = [(&storage.local, ExpectationKind::Local), (&storage.session, ExpectationKind::Session)];
            for (keys, make) in kinds {
                for (key, matcher) in &keys.0 {
                    let matcher = self.matcher(&matcher.0, Subject::Presence);
                    all.extend(matcher.map(|matcher| Expectation { kind: make(key.name.clone(), matcher), span: key.span }));
                }
            }
        }
        if let Some(first) = expect.hops.first() {
            let span = first.span;
            let hops = expect.hops.iter().filter_map(|hop| self.hop(hop)).collect();
            all.push(Expectation { kind: ExpectationKind::Hops(hops), span });
        }
        if let Some(At { value, span }) = &expect.same_as {
            let same = Box::new(self.same_as(value));
            all.push(Expectation { kind: ExpectationKind::SameAs(same), span: *span });
        }
        all
    }

    fn same_as(&mut self, same: &Short<probe::SameAs>) -> SameAs {
        let long = match same {
            Short::Text(id) => return SameAs { step: self.reference(id), json: Vec::new(), headers: Vec::new(), ignore: Vec::new() },
            Short::Long(long) => &long.value,
        };
        let step = self.reference(&long.step);
        let mut paths = |paths: &[Text]| paths.iter().filter_map(|path| self.json_path(&path.value, path.span)).collect();
        let (json, ignore) = (paths(&long.json.0), paths(&long.ignore.0));
        SameAs { step, json, headers: long.header.0.iter().map(|name| name.value.clone()).collect(), ignore }
    }

    fn hop(&mut self, hop: &At<HopExpect>) -> Option<HopExpectation> {
        let HopExpect { url, method, status, redirect, error } = &hop.value;
        Some(HopExpectation {
            method: self.optional(method.as_ref(), Subject::Text),
            status: self.optional(status.as_ref(), Subject::Status),
            redirect: self.optional(redirect.as_ref(), Subject::Text),
            error: self.optional(error.as_ref(), Subject::Text),
            url: self.matcher(&url.0, Subject::Text)?,
            span: hop.span,
        })
    }

    fn cookie(&mut self, cookie: &Short<CookieExpect>) -> Option<CookieExpectation> {
        let long = match cookie {
            Short::Text(word) => {
                let mut expectation = CookieExpectation::default();
                match word.value.as_str() {
                    "present" | "stored" => expectation.stored = Some(true),
                    "absent" => expectation.stored = Some(false),
                    "set" => expectation.set = Some(true),
                    "sent" => expectation.sent = Some(true),
                    "deleted" => expectation.deleted = Some(true),
                    other => {
                        self.unknown(word.span, "word for a cookie", other, COOKIE_WORDS);
                        return None;
                    }
                }
                return Some(expectation);
            }
            Short::Long(long) => &long.value,
        };
        Some(CookieExpectation {
            set: long.set,
            stored: long.stored,
            sent: long.sent,
            deleted: long.deleted,
            value: self.optional(long.value.as_ref(), Subject::Text),
            max_age: self.optional(long.max_age.as_ref(), Subject::Number),
            path: self.optional(long.path.as_ref(), Subject::Text),
            domain: self.optional(long.domain.as_ref(), Subject::Text),
            secure: long.secure,
            http_only: long.http_only,
            same_site: self.optional(long.same_site.as_ref(), Subject::Text),
            blocked: self.optional(long.blocked.as_ref(), Subject::Text),
        })
    }

    /// Compiles what a step keeps; later steps may use it from here on.
    pub(super) fn captures(&mut self, captures: &Map<Captured>) -> Vec<Capture> {
        let mut all = Vec::new();
        for (key, captured) in &captures.0 {
            let (same, other) = (captured.same_as.iter().map(|id| (id, true)), captured.differs_from.iter().map(|id| (id, false)));
            let beside = same.chain(other).map(|(id, same)| Beside { step: self.capturing(id, &key.name), same }).collect();
            if let Some(from) = self.capture_from(&captured.source) {
                all.push(Capture { name: key.name.clone(), from, beside, span: key.span });
            }
        }
        for (key, _) in &captures.0 {
            self.capture_name(key);
            self.captured.insert(key.name.clone());
        }
        all
    }

    /// The id of an earlier step, which captures a value under this name too.
    fn capturing(&mut self, id: &Text, name: &str) -> String {
        let step = self.reference(id);
        if self.ids.contains_key(&step)
            && let Some(captured) = self.captured_by.get(&step)
            && !captured.contains(name)
        {
            self.fault_with(id.span, format!("step `{step}` captures no `{name}`"), "both steps capture the value under the same name");
        }
        step
    }

    fn capture_name(&mut self, key: &Key) {
        let good = key.name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        if !good || key.name.is_empty() {
            self.fault_with(key.span, format!("`{}` is not a name", key.name), "names have letters, digits, `_` and `-`");
        } else if self.written.contains_key(&key.name) {
            self.fault_with(key.span, format!("`{}` is a variable already", key.name), "give the capture another name");
        }
    }

    fn capture_from(&mut self, source: &CaptureSource) -> Option<CaptureFrom> {
        let group = |compiler: &mut Self, text: &Text| compiler.regex(text);
        Some(match source {
            CaptureSource::Json(path) => CaptureFrom::Json(self.json_path(&path.value, path.span)?),
            CaptureSource::Header(name) => CaptureFrom::Header(self.known(name, "a header's name")),
            CaptureSource::Cookie(name) => CaptureFrom::Cookie(self.known(name, "a cookie's name")),
            CaptureSource::Url(part) => CaptureFrom::Url(self.url_part(part)),
            CaptureSource::Redirect(part) => CaptureFrom::Redirect(self.url_part(part)),
            CaptureSource::Body(text) => CaptureFrom::Body(group(self, text)?),
            CaptureSource::Text(text) => CaptureFrom::Text(group(self, text)?),
            CaptureSource::Local(key) => CaptureFrom::Local(self.known(key, "a key")),
            CaptureSource::Session(key) => CaptureFrom::Session(self.known(key, "a key")),
            CaptureSource::Status => CaptureFrom::Status,
        })
    }

    fn url_part(&mut self, part: &Part) -> UrlPart {
        match part {
            Part::Whole => UrlPart::Whole,
            Part::Query(name) => UrlPart::Query(self.known(name, "a parameter's name")),
        }
    }
}
