//! The frames of one device's tabs: what each shows, what it is loading, and why.

use crate::trace::Cause;
use crate::web::cookie::Target;
use crate::web::origin::Origin;
use crate::web::site::Site;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Most frames that are looked after.
const MOST_FRAMES: usize = 10_000;
/// How deep frames are nested, at most, as far as sites are asked for.
const DEEPEST: usize = 64;
/// The longest delay of a refresh that is waited for. The http engine follows the same ones.
const PROMPT: f64 = 5.0;
/// How long a navigation that the page asked for may take to begin; it may also come to nothing.
const BEGINS_WITHIN: Duration = Duration::from_millis(500);

/// All frames by their ids (BiDi's contexts; Chromium's frame ids are the same).
#[derive(Debug, Default)]
pub(super) struct Frames {
    frames: HashMap<String, Frame>,
    /// Tabs that were opened and not looked at so far, oldest first.
    opened: Vec<String>,
    /// Counts the driver's actions, to tell what a page does by itself from what it was made to do.
    action: u64,
    /// Counts what begins and ends.
    stirred: u64,
    /// A window was asked for, and is not there so far.
    window: Option<Instant>,
}

#[derive(Debug, Default)]
struct Frame {
    parent: Option<String>,
    /// What it shows.
    url: Option<Url>,
    /// The action in which that was shown first.
    shown_in: u64,
    /// The navigation under way: its id, or nothing where the browser gives none.
    loading: Option<Option<String>>,
    /// The last navigation that came to its end.
    loaded: Option<String>,
    /// Navigations that the page asked for, by URL, and that have not begun.
    asked: Option<Wish>,
    dialog: bool,
    /// A page opened it, and its first page has not been asked for.
    by_page: bool,
}

#[derive(Debug)]
struct Wish {
    url: String,
    cause: Cause,
    until: Instant,
}

impl Frames {
    /// The driver does something.
    pub(super) fn act(&mut self, now: Instant) {
        self.action += 1;
        for entry in self.frames.values_mut() {
            entry.asked.take_if(|wish| wish.until <= now);
        }
        self.opened.clear();
    }

    pub(super) fn stirred(&self) -> u64 {
        self.stirred
    }

    pub(super) fn knows(&self, frame: &str) -> bool {
        self.frames.contains_key(frame)
    }

    pub(super) fn created(&mut self, frame: &str, parent: Option<&str>, url: Option<&str>) {
        self.stirred += 1;
        if self.frames.len() >= MOST_FRAMES && !self.knows(frame) {
            return;
        }
        let url = url.and_then(|url| Url::parse(url).ok());
        let known = self.frames.contains_key(frame);
        let entry = self.frames.entry(frame.to_owned()).or_default();
        entry.parent = parent.map(str::to_owned);
        if !known {
            (entry.url, entry.shown_in) = (url, self.action);
            if parent.is_none() {
                entry.by_page = self.window.take().is_some();
                self.opened.push(frame.to_owned());
            }
        }
    }

    pub(super) fn destroyed(&mut self, frame: &str) {
        self.frames.remove(frame);
        self.opened.retain(|opened| opened != frame);
    }

    /// A page asks for a window.
    pub(super) fn window_asked(&mut self, now: Instant) {
        self.stirred += 1;
        self.window = Some(now + BEGINS_WITHIN);
    }

    /// A page asks to go somewhere, after `delay` seconds.
    pub(super) fn asked(&mut self, frame: &str, url: &str, cause: Cause, delay: f64, now: Instant) {
        let action = self.action;
        let Some(entry) = self.frames.get_mut(frame) else { return };
        if !(0.0..=PROMPT).contains(&delay) {
            entry.asked = None;
            return;
        }
        // What a page that came in this very action does, nobody asked for by hand.
        let by_itself = entry.shown_in == action && entry.url.as_ref().is_some_and(|url| matches!(url.scheme(), "http" | "https"));
        let cause = match cause {
            Cause::Form if by_itself => Cause::AutoForm,
            Cause::Link if by_itself => Cause::Script,
            cause => cause,
        };
        self.stirred += 1;
        let until = now + BEGINS_WITHIN + Duration::from_secs_f64(delay);
        entry.asked = Some(Wish { url: url.to_owned(), cause, until });
    }

    /// A navigation that the page asked for is no more to come: it has begun, of which its request may tell later, or the
    /// page changed its mind.
    pub(super) fn unasked(&mut self, frame: &str, now: Instant) {
        if let Some(wish) = self.frames.get_mut(frame).and_then(|entry| entry.asked.as_mut()) {
            wish.until = now;
        }
    }

    /// Why a frame goes to this URL, if the page asked for it.
    pub(super) fn why(&mut self, frame: &str, url: &str) -> Option<Cause> {
        let entry = self.frames.get_mut(frame)?;
        let bare = |url: &str| url.split('#').next().unwrap_or_default().to_owned();
        let wish = entry.asked.take_if(|wish| bare(&wish.url) == bare(url))?;
        Some(wish.cause)
    }

    /// Whether a tab's first page is asked for by the page that opened the tab.
    pub(super) fn is_opened_by_page(&mut self, frame: &str) -> bool {
        self.frames.get_mut(frame).is_some_and(|entry| std::mem::take(&mut entry.by_page))
    }

    /// What a page does by itself in the action in which it came.
    pub(super) fn is_fresh(&self, frame: &str) -> bool {
        let shown = self.frames.get(frame);
        shown.is_some_and(|entry| entry.shown_in == self.action && entry.url.as_ref().is_some_and(|url| url.scheme() != "about"))
    }

    pub(super) fn started(&mut self, frame: &str, navigation: Option<&str>) {
        self.stirred += 1;
        if let Some(entry) = self.frames.get_mut(frame) {
            entry.loading = Some(navigation.map(str::to_owned));
        }
    }

    /// A frame shows something new.
    pub(super) fn committed(&mut self, frame: &str, navigation: Option<&str>, url: Option<&str>) {
        self.stirred += 1;
        let action = self.action;
        let Some(entry) = self.frames.get_mut(frame) else { return };
        entry.url = url.and_then(|url| Url::parse(url).ok());
        entry.shown_in = action;
        // A page from the back/forward cache comes with the navigation that loaded it once, and is loaded.
        if navigation.is_some() && entry.loaded.as_deref() == navigation {
            entry.loading = None;
        }
        entry.asked = None;
    }

    /// A navigation came to its end, this way or that.
    pub(super) fn ended(&mut self, frame: &str, navigation: Option<&str>, loaded: bool) {
        self.stirred += 1;
        let Some(entry) = self.frames.get_mut(frame) else { return };
        if loaded {
            entry.loaded = navigation.map(str::to_owned);
        }
        // One that another took the place of may end after that one began.
        if entry.loading.as_ref().is_some_and(|loading| loading.is_none() || navigation.is_none() || loading.as_deref() == navigation) {
            entry.loading = None;
        }
    }

    pub(super) fn dialog(&mut self, frame: &str, open: bool) {
        if let Some(entry) = self.frames.get_mut(frame) {
            entry.dialog = open;
        }
    }

    /// Whether a dialog waits for an answer: then nothing else happens in its tab.
    pub(super) fn has_dialog(&self) -> bool {
        self.frames.values().any(|entry| entry.dialog)
    }

    /// Tabs that came to be in this action.
    pub(super) fn opened(&self) -> &[String] {
        &self.opened
    }

    /// Whether any frame is on its way.
    pub(super) fn busy(&mut self, now: Instant) -> Option<String> {
        self.window = self.window.filter(|until| now < *until);
        if self.window.is_some() {
            return Some("a new window".to_owned());
        }
        for entry in self.frames.values() {
            if let Some(wish) = entry.asked.as_ref().filter(|wish| now < wish.until) {
                return Some(format!("a navigation to {}", shown(&wish.url)));
            }
            if entry.loading.is_some() {
                let url = entry.url.as_ref().map(|url| shown(url.as_str())).unwrap_or_default();
                return Some(format!("the loading of a page (from {url})"));
            }
        }
        None
    }

    /// The URL that a frame shows.
    pub(super) fn url(&self, frame: &str) -> Option<&Url> {
        self.frames.get(frame)?.url.as_ref()
    }

    /// Where the answer to a frame's request goes: to the tab itself, or within the pages above (RFC 6265bis §5.2).
    pub(super) fn target(&self, frame: &str, is_document: bool) -> Target {
        let Some(entry) = self.frames.get(frame) else { return Target::MainFrame };
        if is_document && entry.parent.is_none() {
            return Target::MainFrame;
        }
        let first = if is_document { entry.parent.as_deref() } else { Some(frame) };
        let (mut at, mut sites) = (first, Vec::new());
        while let Some(entry) = at.and_then(|at| self.frames.get(at)) {
            sites.push(entry.url.as_ref().and_then(|url| Origin::of(url).ok()).map(|origin| Site::of(&origin)));
            at = entry.parent.as_deref();
            if sites.len() >= DEEPEST {
                break;
            }
        }
        let top_level = sites.last().cloned().flatten();
        let same = |site: &Option<Site>| matches!((site, &top_level), (Some(site), Some(top)) if site.same_site(top));
        let site_for_cookies = top_level.clone().filter(|_| sites.iter().all(same));
        Target::Inside { top_level, site_for_cookies }
    }

    /// Whether a frame is a tab's own.
    pub(super) fn is_top(&self, frame: &str) -> bool {
        self.frames.get(frame).is_none_or(|entry| entry.parent.is_none())
    }
}

/// A URL for messages.
fn shown(url: &str) -> String {
    Url::parse(url).map(|url| crate::drive::http::shown(&url)).unwrap_or_else(|_| "a URL that cannot be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tab() -> Frames {
        let mut frames = Frames::default();
        frames.created("tab", None, Some("about:blank"));
        frames.committed("tab", Some("1"), Some("https://app.mosaic.test/"));
        frames.ended("tab", Some("1"), true);
        frames
    }

    #[test]
    fn a_frame_is_busy_from_the_wish_to_the_load() {
        let (mut frames, now) = (tab(), Instant::now());
        assert_eq!(frames.busy(now), None);
        frames.asked("tab", "https://idp.test/?code=secret", Cause::Form, 0.0, now);
        assert_eq!(frames.busy(now).as_deref(), Some("a navigation to https://idp.test/?code=…"));
        frames.started("tab", Some("2"));
        assert_eq!(frames.why("tab", "https://idp.test/?code=secret"), Some(Cause::AutoForm));
        assert!(frames.busy(now).is_some());
        frames.started("tab", Some("3"));
        frames.ended("tab", Some("2"), false);
        assert!(frames.busy(now).is_some(), "another took its place");
        frames.ended("tab", Some("3"), true);
        assert_eq!(frames.busy(now), None);
    }

    #[test]
    fn a_wish_that_comes_to_nothing_is_not_waited_for_for_ever() {
        let (mut frames, now) = (tab(), Instant::now());
        frames.asked("tab", "https://idp.test/", Cause::Link, 0.0, now);
        assert!(frames.busy(now).is_some());
        assert_eq!(frames.busy(now + BEGINS_WITHIN), None);
        frames.asked("tab", "https://idp.test/", Cause::Refresh, 3600.0, now);
        assert_eq!(frames.busy(now), None, "nobody waits an hour for a refresh");
    }

    #[test]
    fn what_a_page_does_by_itself_is_told_from_what_it_was_made_to_do() {
        let (mut frames, now) = (tab(), Instant::now());
        frames.act(now);
        frames.asked("tab", "https://idp.test/", Cause::Form, 0.0, now);
        assert_eq!(frames.why("tab", "https://idp.test/#x"), Some(Cause::Form));
        frames.committed("tab", Some("2"), Some("https://idp.test/"));
        frames.asked("tab", "https://app.test/", Cause::Form, 0.0, now);
        assert_eq!(frames.why("tab", "https://app.test/"), Some(Cause::AutoForm));
        assert_eq!(frames.why("tab", "https://app.test/"), None);
    }

    #[test]
    fn a_page_from_the_back_forward_cache_is_there_at_once() {
        let (mut frames, now) = (tab(), Instant::now());
        frames.started("tab", Some("2"));
        frames.ended("tab", Some("2"), true);
        frames.started("tab", Some("3"));
        frames.committed("tab", Some("2"), Some("https://app.mosaic.test/"));
        assert_eq!(frames.busy(now), None);
    }

    #[test]
    fn a_frame_of_another_site_has_no_site_for_cookies() {
        let mut frames = tab();
        frames.created("same", Some("tab"), None);
        frames.committed("same", None, Some("https://api.mosaic.test/frame"));
        frames.created("other", Some("same"), None);
        frames.committed("other", None, Some("https://idp.test/"));
        let top = Site::of_url(&Url::parse("https://mosaic.test").unwrap());
        assert_eq!(frames.target("tab", true), Target::MainFrame);
        assert_eq!(frames.target("same", false), Target::Inside { top_level: top.clone(), site_for_cookies: top.clone() });
        assert_eq!(frames.target("other", true), Target::Inside { top_level: top.clone(), site_for_cookies: top.clone() });
        assert_eq!(frames.target("other", false), Target::Inside { top_level: top, site_for_cookies: None });
    }
}
