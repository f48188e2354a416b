//! From entries to a chain.
//!
//! A HAR does not say which redirect led to which request, what a person did, or what the browser made of a cookie. Order and
//! redirects come from times and targets, causes from what browsers tell about requests ([`kind`]), and verdicts
//! from a jar of the same kind of browser that is given every response in order. Where the recording shows that the browser
//! decided otherwise, the recording is right.

use super::draft::{Draft, Seen};
use super::kind::{self, Circumstances};
use super::own::{OwnEntry, OwnLog};
use crate::trace::{
    Cause, Chain, CookieSet, FailureKind, Hop, HopId, Reason, Resource, SetVerdict, StepRecord, Visibility, sent_in, set, unseen, withheld,
};
use crate::web::cookie::{Initiator, Jar, Policy, Profile, RedirectChain, SendContext, StoreContext, Target};
use crate::web::har::{Entry, Log, redact::Pseudonyms};
use crate::web::origin::Origin;
use crate::web::site::Site;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use url::Url;

/// How long after a redirect its target is still taken for its target.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(10);
/// Clocks of exporters are not that exact.
const SLACK: Duration = Duration::from_millis(50);
/// A request so long after everything before it is something new.
const PAUSE: Duration = Duration::from_secs(5);
/// How many redirects browsers follow (Fetch §4.5).
const MOST_REDIRECTS: usize = 20;

/// Takes the entries of a HAR and makes a chain of them.
pub struct Import {
    drafts: Vec<Draft>,
    seen: Seen,
    profile: Option<Profile>,
    pseudonyms: Option<Pseudonyms>,
    passed_over: usize,
    user_agent: Option<String>,
}

/// A chain from a HAR.
pub struct Imported {
    /// The chain.
    pub chain: Chain,
    /// By whose rules its cookies were judged.
    pub profile: Profile,
    /// Entries that are no requests of HTTP, such as WebSockets.
    pub passed_over: usize,
}

impl Import {
    /// An import that judges cookies by the rules of `profile`, or by those of the browser that wrote the HAR.
    #[must_use]
    pub fn new(profile: Option<Profile>) -> Self {
        Self { drafts: Vec::new(), seen: Seen::default(), profile, pseudonyms: None, passed_over: 0, user_agent: None }
    }

    /// Replaces what is secret by pseudonyms as it is read: equal values stay equal, and none stays.
    #[must_use]
    pub fn with_pseudonyms(mut self, pseudonyms: Pseudonyms) -> Self {
        self.pseudonyms = Some(pseudonyms);
        self
    }

    /// Takes an entry.
    pub fn entry(&mut self, mut entry: Entry) {
        if let Some(pseudonyms) = &mut self.pseudonyms {
            pseudonyms.entry(&mut entry);
        }
        let Some(draft) = Draft::of(entry) else {
            self.passed_over += 1;
            return;
        };
        let seen = draft.seen();
        self.seen.cookie |= seen.cookie;
        self.seen.set_cookie |= seen.set_cookie;
        self.seen.authorization |= seen.authorization;
        self.seen.body |= seen.body;
        self.seen.browser |= seen.browser;
        if self.user_agent.is_none() {
            self.user_agent = draft.request.headers.get_str("user-agent").map(str::to_owned);
        }
        self.drafts.push(draft);
    }

    /// The chain of all entries.
    #[must_use]
    pub fn finish(self, log: &Log) -> Imported {
        let profile = self.profile.unwrap_or_else(|| profile_of(log, self.user_agent.as_deref()));
        let passed_over = self.passed_over;
        let chain = match own(&self.drafts, log) {
            Some((entries, steps)) => restore(self.drafts, entries, steps),
            None => Building::new(profile, self.seen).chain(ordered(self.drafts)),
        };
        Imported { chain, profile, passed_over }
    }
}

/// Whose rules to go by: the browser that the log names, or the first request's User-Agent.
fn profile_of(log: &Log, user_agent: Option<&str>) -> Profile {
    let name = format!("{} {}", log.browser, log.creator).to_ascii_lowercase();
    let agent = user_agent.unwrap_or_default();
    if name.contains("firefox") || agent.contains("Firefox/") {
        Profile::Firefox
    } else if name.contains("webkit web inspector") || name.contains("safari") || agent.contains("Safari/") && !agent.contains("Chrom") {
        Profile::Safari
    } else if agent.starts_with("curl/") {
        Profile::Curl
    } else {
        Profile::Chrome
    }
}

/// Most steps that are taken from a file.
const MOST_STEPS: usize = 100_000;

/// What authchain itself told of every entry and of the steps; `None` for files of others, and where it does not fit the entries:
/// then somebody changed the file, and it is read as anybody's.
fn own(drafts: &[Draft], log: &Log) -> Option<(Vec<OwnEntry>, OwnLog)> {
    if !log.creator.starts_with("authchain") {
        return None;
    }
    let steps: OwnLog = serde_json::from_value(log.authchain.clone()?).ok()?;
    let entries: Vec<OwnEntry> =
        drafts.iter().map(|draft| serde_json::from_value(draft.entry.authchain.clone()?).ok()).collect::<Option<_>>()?;
    let places: HashSet<u32> = entries.iter().map(|entry| entry.hop).collect();
    let fits = |(entry, draft): (&OwnEntry, &Draft)| entry.step < steps.steps.len() && entry.verdicts() == lines(draft).count();
    // Cookies that were kept, and neither sent nor withheld anywhere: whoever passed the file on took them out.
    let has_cookies = drafts.iter().any(|draft| draft.request.headers.contains("cookie")) || entries.iter().any(OwnEntry::withholds);
    let agrees = has_cookies || !entries.iter().any(OwnEntry::keeps);
    let is_whole = places.len() == entries.len() && steps.steps.len() <= MOST_STEPS && entries.iter().zip(drafts).all(fits) && agrees;
    is_whole.then_some((entries, steps))
}

/// The chain as it was told.
fn restore(drafts: Vec<Draft>, entries: Vec<OwnEntry>, log: OwnLog) -> Chain {
    let mut all: Vec<_> = drafts.into_iter().zip(entries).collect();
    all.sort_by_key(|(_, own)| own.hop);
    // Entries may have been taken out of the file: places are counted anew.
    let places: HashMap<u32, u32> = all.iter().zip(0..).map(|((_, own), at)| (own.hop, at)).collect();
    let redirects = |draft: &Draft| draft.outcome.as_ref().is_ok_and(|response| (300..400).contains(&response.status));
    let redirects: HashSet<u32> = all.iter().zip(0..).filter(|((draft, _), _)| redirects(draft)).map(|(_, at)| at).collect();
    let hops = all.into_iter().zip(0..).map(|((draft, own), at)| {
        let cause = match own.cause() {
            // One comes from an earlier answer that is a redirect, or else from nowhere.
            Cause::Redirect(from) => match places.get(&from.0).filter(|from| **from < at && redirects.contains(from)) {
                Some(from) => Cause::Redirect(HopId(*from)),
                None => Cause::Open,
            },
            cause => cause,
        };
        let mut set: Vec<CookieSet> = lines(&draft).map(unseen).collect();
        own.judge(&mut set);
        Hop {
            id: HopId(at),
            step: own.step,
            actor: own.actor().into(),
            cause,
            resource: own.resource(),
            sent: draft.request.headers.get_all("cookie").flat_map(sent_in).collect(),
            withheld: own.withheld(),
            set,
            started: draft.started.unwrap_or(OffsetDateTime::UNIX_EPOCH),
            timings: draft.timings,
            request: draft.request,
            outcome: draft.outcome,
        }
    });
    Chain { hops: hops.collect(), steps: log.steps.into_iter().map(super::own::OwnStep::record).collect(), ..Chain::default() }
}

/// By start time. An entry without a date that can be read stays behind the one before it in the file.
fn ordered(drafts: Vec<Draft>) -> Vec<(OffsetDateTime, Draft)> {
    let mut last = drafts.iter().find_map(|draft| draft.started).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let dated = drafts.into_iter().map(|draft| {
        last = draft.started.unwrap_or(last);
        (last, draft)
    });
    let mut dated: Vec<_> = dated.collect();
    dated.sort_by_key(|(at, _)| *at);
    dated
}

/// A redirect that nobody followed yet.
struct Pending {
    hop: HopId,
    started: OffsetDateTime,
    ended: OffsetDateTime,
    is_document: bool,
}

/// The chain in the making.
struct Building {
    chain: Chain,
    jar: Jar,
    actor: Arc<str>,
    seen: Seen,
    contexts: Vec<SendContext>,
    pending: HashMap<String, Vec<Pending>>,
    /// How many redirects led to each hop.
    lengths: Vec<usize>,
    /// The page that stands, and by HAR page.
    page: Option<Url>,
    pages: HashMap<String, Url>,
    ended: Option<OffsetDateTime>,
    /// Lines that the jar refused, by name and value.
    refused: HashMap<(Bytes, Bytes), Vec<(usize, usize)>>,
    /// Names of cookies that were sent without having been set.
    before: HashSet<Bytes>,
    /// Whether the recording has cookies, as far as is known yet.
    has_cookies: bool,
    /// Whether a request came without any cookie though the jar had some for it.
    lacks: bool,
}

impl Building {
    fn new(profile: Profile, seen: Seen) -> Self {
        Self {
            chain: Chain::default(),
            jar: Jar::new(Policy { profile, ..Policy::default() }),
            actor: "browser".into(),
            seen,
            contexts: Vec::new(),
            pending: HashMap::new(),
            lengths: Vec::new(),
            page: None,
            pages: HashMap::new(),
            ended: None,
            refused: HashMap::new(),
            before: HashSet::new(),
            has_cookies: seen.cookie || seen.set_cookie,
            lacks: false,
        }
    }

    fn chain(mut self, drafts: Vec<(OffsetDateTime, Draft)>) -> Chain {
        for (started, draft) in drafts {
            self.add(started, draft);
        }
        self.stopped();
        // Where answers set cookies and no request carries any, either none was to be sent, or the exporter left them out.
        if !self.seen.cookie && self.lacks {
            self.has_cookies = false;
            self.chain.hops.iter_mut().for_each(|hop| hop.withheld.clear());
        }
        let seen = self.seen;
        self.chain.visibility =
            Visibility { cookies: self.has_cookies, authorization: seen.authorization, jar: false, bodies: seen.body, withheld: true };
        self.chain
    }

    fn add(&mut self, started: OffsetDateTime, draft: Draft) {
        let id = HopId(u32::try_from(self.chain.hops.len()).unwrap_or(u32::MAX));
        let ended = started + draft.timings.total;
        let from = self.redirect_to(&draft, started);
        let page = draft.entry.pageref.as_ref().and_then(|id| self.pages.get(id)).or(self.page.as_ref()).cloned();
        let cause = match from {
            Some(from) => Cause::Redirect(from),
            None => kind::cause(&Circumstances {
                entry: &draft.entry,
                headers: &draft.request.headers,
                resource: draft.resource,
                in_browser: self.seen.browser,
                same_as_page: self.page.as_ref().is_some_and(|page| without_fragment(page) == without_fragment(&draft.request.url)),
            }),
        };
        let step = self.step(&cause, &draft, started);
        let context = match from {
            Some(from) => self.contexts[from.0 as usize].redirected(draft.request.url.clone(), method(&draft)),
            None => context(&draft, page.as_ref(), self.seen.browser),
        };
        let mut hop = Hop {
            id,
            step,
            actor: self.actor.clone(),
            cause,
            resource: draft.resource,
            sent: draft.request.headers.get_all("cookie").flat_map(sent_in).collect(),
            withheld: Vec::new(),
            set: Vec::new(),
            started,
            timings: draft.timings,
            request: draft.request,
            outcome: draft.outcome,
        };
        self.cookies(&mut hop, &context, ended);
        self.lengths.push(from.map_or(0, |from| self.lengths[from.0 as usize] + 1));
        if let Some(target) = hop.redirect_target().and_then(|target| Url::parse(&target).ok()) {
            if matches!(target.scheme(), "http" | "https") {
                let is_document = hop.resource == Resource::Document;
                self.pending.entry(without_fragment(&target)).or_default().push(Pending { hop: id, started, ended, is_document });
            } else if hop.resource == Resource::Document {
                self.chain.steps[step].deep_link = Some(target.to_string());
            }
        } else if hop.resource == Resource::Document && hop.outcome.is_ok() {
            self.page = Some(hop.request.url.clone());
            self.chain.steps[step].page = self.page.clone();
            if let Some(page) = draft.entry.pageref {
                self.pages.insert(page, hop.request.url.clone());
            }
        }
        self.ended = self.ended.max(Some(ended));
        let record = &mut self.chain.steps[step];
        record.took = record.took.max((ended - record.started).try_into().unwrap_or_default());
        self.contexts.push(context);
        self.chain.hops.push(hop);
    }

    /// The redirect whose target this is: the latest that nobody followed yet.
    fn redirect_to(&mut self, draft: &Draft, started: OffsetDateTime) -> Option<HopId> {
        if draft.resource == Resource::Preflight {
            return None;
        }
        let waiting = self.pending.get_mut(&without_fragment(&draft.request.url))?;
        let is_document = draft.resource == Resource::Document;
        waiting.retain(|redirect| started <= redirect.ended + FOLLOWED_WITHIN);
        let fits = |redirect: &Pending| redirect.is_document == is_document && redirect.started <= started + SLACK;
        let at = waiting.iter().rposition(fits)?;
        Some(waiting.remove(at).hop)
    }

    /// The step that the hop belongs to: a new one for what a person began, and after a pause.
    fn step(&mut self, cause: &Cause, draft: &Draft, started: OffsetDateTime) -> usize {
        if let Cause::Redirect(from) = cause {
            return self.chain.hops[from.0 as usize].step;
        }
        let place = shown(&draft.request.url);
        let pause = self.ended.map_or(Duration::ZERO, |ended| (started - ended).try_into().unwrap_or_default());
        let label = match cause {
            Cause::Open => format!("open {place}"),
            Cause::Link => format!("follow a link to {place}"),
            Cause::Form => format!("submit a form to {place}"),
            Cause::Reload => format!("reload {place}"),
            Cause::Api => format!("{} {place}", draft.request.method),
            _ if self.chain.steps.is_empty() => format!("{} {place}", draft.request.method),
            _ if pause >= PAUSE => format!("after {} s: {} {place}", pause.as_secs(), draft.request.method),
            _ => return self.chain.steps.len() - 1,
        };
        let number = u32::try_from(self.chain.steps.len()).unwrap_or(u32::MAX);
        self.chain.steps.push(step(number, label, self.actor.clone(), started));
        self.chain.steps.len() - 1
    }

    /// What was sent, withheld and set.
    fn cookies(&mut self, hop: &mut Hop, context: &SendContext, ended: OffsetDateTime) {
        let decision = self.jar.cookies_for(context, hop.started);
        for cookie in &hop.sent {
            if !decision.sent.iter().any(|known| known.key.name.as_bytes() == cookie.name) {
                self.before.insert(cookie.name.clone());
            }
            self.refuted(&cookie.name, &cookie.value);
        }
        let was_sent = |name: &[u8]| hop.sent.iter().any(|cookie| cookie.name == name);
        if self.has_cookies {
            let stayed = decision.withheld.iter().filter(|stayed| !was_sent(stayed.cookie.key.name.as_bytes()));
            hop.withheld = stayed.map(withheld).collect();
        }
        // A script that asks without credentials sends no cookies, and the answer's are passed over (Fetch §4.6).
        let crosses = context.target != Target::MainFrame && context.initiator != initiator_of(&hop.request.url);
        self.lacks |= !crosses && hop.sent.is_empty() && !decision.sent.is_empty();
        let without_credentials = self.has_cookies && crosses && hop.sent.is_empty() && !decision.sent.is_empty();
        let response = response_context(context, hop);
        let lines: Vec<_> = hop.response().into_iter().flat_map(|response| response.headers.get_all("set-cookie")).collect();
        let judged = lines.into_iter().map(|line| {
            if without_credentials {
                return unseen(line);
            }
            let mut set = set(&self.jar.store(&response, line, ended));
            // What was there before the recording began is not in the jar, and was deleted all the same.
            if set.verdict == SetVerdict::DeletedNothing(Vec::new()) && self.before.contains(&set.name) {
                set.verdict = SetVerdict::Deleted;
            }
            set
        });
        hop.set = judged.collect();
        for (at, set) in hop.set.iter().enumerate().filter(|(_, set)| matches!(set.verdict, SetVerdict::Blocked(_))) {
            self.refused.entry((set.name.clone(), set.value.clone())).or_default().push((hop.id.0 as usize, at));
        }
    }

    /// A cookie that the jar refused and that the browser sent all the same: the browser knows better.
    fn refuted(&mut self, name: &Bytes, value: &Bytes) {
        for (hop, at) in self.refused.remove(&(name.clone(), value.clone())).into_iter().flatten() {
            let set = &mut self.chain.hops[hop].set[at];
            let reasons = match std::mem::replace(&mut set.verdict, SetVerdict::Stored) {
                SetVerdict::Blocked(reasons) => reasons.into_iter().map(|reason| reason.code).collect::<Vec<_>>().join(", "),
                _ => continue,
            };
            let explanation = format!("by the rules it would be refused ({reasons}), but the browser that was recorded sent it later");
            set.warnings.push(Reason { code: "RecordedOtherwise".to_owned(), explanation });
        }
    }

    /// Where a navigation ends with a redirect that nobody followed, the browser gave up.
    fn stopped(&mut self) {
        let open: Vec<HopId> =
            self.pending.values().flatten().filter(|redirect| redirect.is_document).map(|redirect| redirect.hop).collect();
        for hop in open {
            let at = hop.0 as usize;
            // The exporter may have an entry of its own for that.
            let is_told = self
                .chain
                .hops
                .iter()
                .skip(at)
                .take(3)
                .any(|hop| hop.outcome.as_ref().is_err_and(|failure| failure.kind == FailureKind::Redirect));
            if self.lengths[at] + 1 >= MOST_REDIRECTS && !is_told {
                let step = self.chain.hops[at].step;
                self.chain.steps[step].error = Some(format!("more than {MOST_REDIRECTS} redirects, so the browser followed no more"));
            }
        }
    }
}

/// Set-Cookie lines of a response.
fn lines(draft: &Draft) -> impl Iterator<Item = &[u8]> {
    draft.outcome.iter().flat_map(|response| response.headers.get_all("set-cookie"))
}

fn method(draft: &Draft) -> http::Method {
    draft.request.method.parse().unwrap_or(http::Method::GET)
}

fn initiator_of(url: &Url) -> Initiator {
    Origin::of(url).map_or(Initiator::Opaque, Initiator::Origin)
}

/// The circumstances of a request that no redirect made, from Fetch Metadata, Origin, Referer, or the page that stands.
fn context(draft: &Draft, page: Option<&Url>, in_browser: bool) -> SendContext {
    let url = draft.request.url.clone();
    let headers = &draft.request.headers;
    let of_field = |name: &str| headers.get_str(name).and_then(|text| Url::parse(text).ok()).and_then(|url| Origin::of(&url).ok());
    let asker = of_field("origin").or_else(|| of_field("referer"));
    let asker = asker.or_else(|| page.and_then(|page| Origin::of(page).ok()).filter(|_| draft.resource != Resource::Document));
    let initiator = match (headers.get_str("sec-fetch-site"), asker) {
        (Some("none"), _) => Initiator::UserAgent,
        (_, Some(origin)) => Initiator::Origin(origin),
        (Some("same-origin" | "same-site"), None) => initiator_of(&url),
        (Some("cross-site"), None) => Initiator::Opaque,
        _ => Initiator::UserAgent,
    };
    let navigation = SendContext::navigation(url, method(draft), initiator.clone());
    if draft.resource == Resource::Document || !in_browser {
        return navigation;
    }
    let top = page.and_then(|page| Origin::of(page).ok()).or(match initiator {
        Initiator::Origin(origin) => Some(origin),
        _ => None,
    });
    let target = match top {
        // A frame's own requests come from another site than that of the page around it.
        Some(top) => {
            let foreign = matches!(&navigation.initiator, Initiator::Origin(asker) if !Site::of(asker).same_site(&Site::of(&top)));
            if foreign { Target::cross_site_frame(&top) } else { Target::page(&top) }
        }
        None => Target::MainFrame,
    };
    SendContext { target, redirect_chain: RedirectChain::SameSite, ..navigation }
}

fn response_context(context: &SendContext, hop: &Hop) -> StoreContext {
    let date = hop.response().and_then(|response| response.headers.get("date")).and_then(crate::web::cookie::parse_cookie_date);
    StoreContext { server_date: date, ..context.response() }
}

fn without_fragment(url: &Url) -> String {
    url[..url::Position::AfterQuery].to_owned()
}

/// A URL as labels show it: without what may be secret.
fn shown(url: &Url) -> String {
    let origin = url.origin().ascii_serialization();
    crate::base::escape::shorten(&format!("{origin}{}", url.path()), 120).into_owned()
}

/// A record with nothing but its head.
pub(super) fn step(number: u32, label: String, actor: Arc<str>, started: OffsetDateTime) -> StepRecord {
    StepRecord {
        number,
        id: None,
        label,
        actor,
        depth: 0,
        concurrent: false,
        started,
        took: Duration::ZERO,
        page: None,
        deep_link: None,
        title: None,
        text: None,
        value: None,
        jar: Vec::new(),
        storage: None,
        error: None,
        meant_to_fail: false,
    }
}

#[cfg(test)]
mod tests;
