//! Answers by origin and by what was asked.

use super::asked::Asked;
use super::live::Live;
use crate::web::har::{Entry, HarError, Item, Reader, parse_date};
use crate::web::headers::Headers;
use crate::web::origin::Origin;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use time::OffsetDateTime;
use url::Url;

/// Largest body of an answer that is served whole.
const LARGEST_BODY: usize = 16 * 1024 * 1024;
/// How much of a request's body is looked at.
const LARGEST_ASKED: usize = 256 * 1024;
/// How much all bodies may take, equal ones counted once.
const ALL_BODIES: usize = 256 * 1024 * 1024;
/// Most entries that are served; a recording of a login has hundreds.
const MOST_ENTRIES: usize = 100_000;

/// What a HAR has to serve.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(super) sites: HashMap<Origin, Site>,
    /// Names of cookies that some answer set: others were there before, or scripts made them.
    pub(super) set: HashSet<Vec<u8>>,
    /// Whether requests show their cookies at all.
    pub(super) has_cookies: bool,
    /// Values of this run.
    pub(super) live: Live,
}

/// What an origin answered.
#[derive(Debug, Default)]
pub(super) struct Site {
    /// In the order of the requests.
    pub(super) entries: Vec<Recorded>,
    /// Entries that ask the same, by what they ask.
    pub(super) by_key: HashMap<String, Vec<usize>>,
}

/// One request and its answer.
#[derive(Debug)]
pub(super) struct Recorded {
    /// Its number in the file, counted from one.
    pub(super) number: u64,
    /// What was asked.
    pub(super) asked: Asked,
    /// The answer; a connection that broke has none.
    pub(super) answer: Option<Answer>,
}

/// A recorded answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
    /// Whether the exporter had the body as text, and so in UTF-8 whatever its type says.
    pub(super) as_text: bool,
    /// When it was asked for.
    pub(super) at: Option<OffsetDateTime>,
}

/// Why a HAR cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordingError {
    /// It cannot be read.
    #[error(transparent)]
    Har(#[from] HarError),
    /// It is too large to be held.
    #[error("{0}")]
    TooLarge(&'static str),
}

impl Recording {
    /// Reads a HAR.
    ///
    /// # Errors
    /// When it cannot be read, is none, or is too large to be held in memory.
    pub(crate) fn read(path: &Path) -> Result<Arc<Self>, RecordingError> {
        let mut reader = Reader::new(File::open(path).map_err(HarError::from)?);
        let mut filling = Filling::default();
        while let Some(item) = reader.read()? {
            if let Item::Entry(number, entry) = item {
                filling.take(number, &entry)?;
            }
        }
        Ok(Arc::new(filling.finish()))
    }

    /// Whether it has anything of this origin.
    pub(crate) fn knows(&self, origin: &Origin) -> bool {
        self.sites.contains_key(origin)
    }

    /// Its origins, for a message.
    pub(crate) fn origins(&self) -> String {
        let mut names: Vec<_> = self.sites.keys().map(ToString::to_string).collect();
        names.sort();
        let more = names.len().saturating_sub(8);
        names.truncate(8);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        if names.is_empty() { "none".to_owned() } else { format!("{}{more}", names.join(", ")) }
    }
}

/// A recording in the making.
#[derive(Default)]
struct Filling {
    recording: Recording,
    /// Entries with their times, as they came.
    entries: Vec<(Option<OffsetDateTime>, Origin, Recorded)>,
    bodies: HashSet<Bytes>,
    size: usize,
}

impl Filling {
    fn take(&mut self, number: u64, entry: &Entry) -> Result<(), RecordingError> {
        let Ok(url) = Url::parse(&entry.request.url) else { return Ok(()) };
        let Ok(origin) = Origin::of(&url) else { return Ok(()) };
        let is_socket = entry.web_socket || entry.resource_type.as_deref() == Some("websocket");
        // No server answered these: a later or an earlier entry has what it said, if it said anything.
        let by_browser =
            entry.response.error.as_deref().is_some_and(|error| error.contains("TOO_MANY_REDIRECTS") || error.contains("BLOCKED_BY"));
        if is_socket || by_browser || !matches!(url.scheme(), "http" | "https") {
            return Ok(());
        }
        if self.entries.len() >= MOST_ENTRIES {
            return Err(RecordingError::TooLarge("it has more than 100000 requests"));
        }
        let fields = entry.request.fields();
        self.recording.has_cookies |= fields.contains("cookie");
        let (body, _) = entry.request.body(LARGEST_ASKED);
        let asked = Asked::new(&entry.request.method, url.path(), url.query(), &fields, &body);
        let at = parse_date(&entry.started_date_time);
        let answer = self.answer(entry, at)?;
        self.entries.push((at, origin, Recorded { number, asked, answer }));
        Ok(())
    }

    fn answer(&mut self, entry: &Entry, at: Option<OffsetDateTime>) -> Result<Option<Answer>, RecordingError> {
        let response = &entry.response;
        let status = response.status as u16;
        // Interim answers are no answers (RFC 9110 §15.2).
        if !(200..=599).contains(&status) {
            return Ok(None);
        }
        let headers = response.fields();
        for line in headers.get_all("set-cookie") {
            let pair = line.split(|&byte| byte == b';').next().unwrap_or_default();
            let name = pair.split(|&byte| byte == b'=').next().unwrap_or_default();
            self.recording.set.insert(name.trim_ascii().to_vec());
        }
        let (body, _) = response.content.body(LARGEST_BODY);
        let as_text = response.content.encoding.is_none();
        Ok(Some(Answer { status, headers, body: self.shared(body.into())?, as_text, at }))
    }

    /// The same bytes, held once however often a page was loaded.
    fn shared(&mut self, body: Bytes) -> Result<Bytes, RecordingError> {
        if let Some(known) = self.bodies.get(&body) {
            return Ok(known.clone());
        }
        self.size += body.len();
        if self.size > ALL_BODIES {
            return Err(RecordingError::TooLarge("its bodies take more than 256 MiB"));
        }
        self.bodies.insert(body.clone());
        Ok(body)
    }

    /// In the order of time: some exporters write entries as they end.
    fn finish(mut self) -> Recording {
        let mut last = None;
        for (at, ..) in &mut self.entries {
            last = at.or(last);
            *at = last;
        }
        self.entries.sort_by_key(|(at, ..)| *at);
        for (_, origin, recorded) in self.entries {
            let site = self.recording.sites.entry(origin).or_default();
            site.by_key.entry(recorded.asked.key.clone()).or_default().push(site.entries.len());
            site.entries.push(recorded);
        }
        self.recording
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A recording of these entries.
    pub(in crate::topology::replay) fn recording(entries: Value) -> Arc<Recording> {
        let mut filling = Filling::default();
        let entries: Vec<Entry> = serde_json::from_value(entries).unwrap();
        for (number, entry) in (1..).zip(&entries) {
            filling.take(number, entry).unwrap();
        }
        Arc::new(filling.finish())
    }

    #[test]
    fn entries_stand_in_the_order_of_time_and_equal_bodies_are_held_once() {
        let entry = |at: &str, status: u16| {
            json!({"startedDateTime": at, "request": {"method": "GET", "url": "https://a.test/"},
                   "response": {"status": status, "content": {"mimeType": "text/html", "text": "the page"}}})
        };
        let recording = recording(json!([entry("2026-03-01T12:00:02Z", 401), entry("2026-03-01T12:00:01Z", 200), entry("no date", 403)]));
        let site = &recording.sites[&"https://a.test".parse().unwrap()];
        let answers: Vec<_> = site.entries.iter().map(|entry| entry.answer.as_ref().unwrap()).collect();
        assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 403, 401]);
        assert!(answers.iter().all(|answer| answer.body.as_ptr() == answers[0].body.as_ptr()));
        assert_eq!(recording.origins(), "https://a.test");
    }

    #[test]
    fn what_no_server_answered_is_not_served() {
        let recording = recording(json!([
            {"request": {"method": "GET", "url": "https://a.test/loop"}, "response": {"status": 0, "_error": "net::ERR_TOO_MANY_REDIRECTS"}},
            {"request": {"method": "GET", "url": "wss://a.test/socket"}, "response": {"status": 101}},
            {"request": {"method": "GET", "url": "data:text/plain,x"}, "response": {"status": 200}},
            {"request": {"method": "GET", "url": "https://a.test/broken"}, "response": {"status": 0, "_error": "net::ERR_CONNECTION_RESET"}}
        ]));
        let site = &recording.sites[&"https://a.test".parse().unwrap()];
        assert_eq!(site.entries.len(), 1);
        assert!(site.entries[0].answer.is_none());
    }
}
