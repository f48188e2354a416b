//! What a cookie must be like, and why it is not.

use super::matcher::{Subject, phrase};
use super::view::View;
use super::{Check, Verdict, test};
use crate::base::Span;
use crate::judge::text::shown;
use crate::plan::{CookieExpectation, Matcher, Scope};
use crate::trace::{CookieSet, Hop, JarCookie, Reason, SetVerdict};

/// One verdict for each part of the expectation.
pub(super) fn check(name: &str, wanted: &CookieExpectation, view: &View<'_>, scope: &Scope, span: Span, verdicts: &mut Vec<Verdict>) {
    let cookie = Cookie::find(name, view);
    let hop = cookie.set.map(|(hop, _)| hop.id).or_else(|| view.hop().map(|hop| hop.id));
    let mut push = |line: String, result: Check| verdicts.push(Verdict::of(line, span, hop, result));

    // Words for yes and no, what is asked, what is so, and why it is not otherwise.
    type Truth<'t> = (&'t str, &'t str, Option<bool>, Option<bool>, Option<String>);
    let truths: [Truth<'_>; 6] = [
        ("is set", "is not set", wanted.set, Some(cookie.set.is_some()), cookie.why_not_set()),
        ("is stored", "is not stored", wanted.stored, Some(cookie.jar.is_some()), cookie.why_not_stored()),
        ("is sent", "is not sent", wanted.sent, Some(cookie.sent), cookie.why_not_sent()),
        ("is deleted", "is not deleted", wanted.deleted, Some(cookie.deleted), cookie.why_not_deleted()),
        ("is Secure", "is not Secure", wanted.secure, cookie.flag("secure", |jar| jar.secure), None),
        ("is HttpOnly", "is not HttpOnly", wanted.http_only, cookie.flag("httponly", |jar| jar.http_only), None),
    ];
    for (yes, no, wanted, actual, why) in truths {
        let Some(wanted) = wanted else { continue };
        let words = |truth| if truth { yes } else { no };
        let result = match actual {
            Some(actual) if actual == wanted => Check::Met,
            Some(actual) => Check::failed(words(wanted), words(actual), why),
            None => Check::failed(words(wanted), "no such cookie", cookie.why_not_set()),
        };
        push(format!("cookie {name} {}", words(wanted)), result);
    }

    let values: [(&str, &Option<Matcher>, Subject); 5] = [
        ("value", &wanted.value, cookie.value()),
        ("Max-Age", &wanted.max_age, cookie.max_age()),
        ("Path", &wanted.path, cookie.path()),
        ("Domain", &wanted.domain, cookie.domain()),
        ("SameSite", &wanted.same_site, cookie.same_site()),
    ];
    for (part, matcher, subject) in values {
        if let Some(matcher) = matcher {
            // Without the cookie even "Domain does not exist" proves nothing.
            let result = if cookie.exists() {
                test(matcher, &subject, scope)
            } else {
                Check::failed(phrase(matcher), "no such cookie", cookie.why_not_set())
            };
            push(format!("cookie {name} {part} {}", phrase(matcher)), result);
        }
    }
    if let Some(matcher) = &wanted.blocked {
        if cookie.blocks.is_empty() && !view.chain.visibility.withheld {
            // Whether it was sent is seen all the same, and has an expectation of its own.
            push(format!("cookie {name} blocked {} (not checked: this browser does not say)", phrase(matcher)), Check::Met);
            return;
        }
        push(format!("cookie {name} blocked {}", phrase(matcher)), blocked(matcher, &cookie, scope));
    }
}

/// Any of the words may be the one asked for; without any the matcher sees nothing.
fn blocked(matcher: &Matcher, cookie: &Cookie<'_>, scope: &Scope) -> Check {
    let words: Vec<&str> = cookie.blocks.iter().map(|(_, reason)| reason.code.as_str()).collect();
    if words.is_empty() {
        return test(matcher, &Subject::Absent, scope)
            .or_note(|| Some(format!("nothing kept {} from being stored or sent in this step", cookie.name)));
    }
    if words.iter().any(|word| matches!(test(matcher, &Subject::text(*word), scope), Check::Met)) {
        return Check::Met;
    }
    let note = cookie.blocks.first().map(|(_, reason)| shown(&reason.explanation, 200));
    test(matcher, &Subject::text(words.join(", ")), scope).or_note(|| note)
}

/// Everything that a step shows of one cookie.
struct Cookie<'a> {
    name: &'a str,
    view: &'a View<'a>,
    /// The last Set-Cookie of the step and its hop.
    set: Option<(&'a Hop, &'a CookieSet)>,
    /// The cookie in the jar after the step.
    jar: Option<&'a JarCookie>,
    sent: bool,
    deleted: bool,
    /// Reasons for which the step did not store or send it, with the hop.
    blocks: Vec<(&'a Hop, &'a Reason)>,
}

impl<'a> Cookie<'a> {
    fn find(name: &'a str, view: &'a View<'a>) -> Self {
        let named = |bytes: &[u8]| bytes == name.as_bytes();
        let sets: Vec<_> =
            view.hops.iter().flat_map(|hop| hop.set.iter().map(move |set| (*hop, set))).filter(|(_, set)| named(&set.name)).collect();
        let host = view.hop().and_then(|hop| hop.request.url.host_str()).unwrap_or_default();
        let in_jar: Vec<_> = view.record.jar.iter().filter(|cookie| named(&cookie.name)).collect();
        let near = in_jar.iter().find(|cookie| belongs_to(cookie, host));
        let mut blocks = Vec::new();
        for (hop, set) in &sets {
            if let SetVerdict::Blocked(reasons) = &set.verdict {
                blocks.extend(reasons.iter().map(|reason| (*hop, reason)));
            }
        }
        for hop in &view.hops {
            let withheld = hop.withheld.iter().filter(|cookie| named(&cookie.name));
            blocks.extend(withheld.flat_map(|cookie| cookie.reasons.iter().map(|reason| (*hop, reason))));
        }
        Self {
            name,
            view,
            set: sets.last().copied(),
            jar: near.or(in_jar.first()).copied(),
            sent: view.hop().is_some_and(|hop| hop.sent.iter().any(|cookie| named(&cookie.name))),
            deleted: sets.iter().any(|(_, set)| set.verdict == SetVerdict::Deleted),
            blocks,
        }
    }

    fn exists(&self) -> bool {
        self.set.is_some() || self.jar.is_some()
    }

    fn attribute(&self, name: &str) -> Option<Option<&'a str>> {
        self.set.map(|(_, set)| set.attribute(name).and_then(|value| value.as_deref()))
    }

    fn flag(&self, attribute: &str, stored: fn(&JarCookie) -> bool) -> Option<bool> {
        self.set.map(|(_, set)| set.attribute(attribute).is_some()).or_else(|| self.jar.map(stored))
    }

    fn value(&self) -> Subject {
        let bytes = self.set.map(|(_, set)| &set.value).or_else(|| self.jar.map(|cookie| &cookie.value));
        Subject::maybe(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    }

    fn max_age(&self) -> Subject {
        match self.attribute("max-age").flatten() {
            Some(seconds) => seconds.trim().parse::<i64>().map_or_else(|_| Subject::text(seconds), Subject::number),
            None => Subject::Absent,
        }
    }

    fn path(&self) -> Subject {
        Subject::maybe(self.jar.map(|cookie| cookie.path.as_str()).or_else(|| self.attribute("path").flatten()))
    }

    fn domain(&self) -> Subject {
        match self.attribute("domain") {
            Some(domain) => Subject::maybe(domain.filter(|domain| !domain.is_empty())),
            None => Subject::maybe(self.jar.filter(|cookie| !cookie.host_only).map(|cookie| cookie.domain.as_str())),
        }
    }

    /// As declared, in the standard's spelling where it is one of its words (they are compared without case, RFC 6265bis §5.6.7).
    fn same_site(&self) -> Subject {
        let declared = match self.attribute("samesite") {
            Some(value) => value,
            None => self.jar.and_then(|cookie| cookie.same_site),
        };
        let standard = |value: &str| ["Strict", "Lax", "None"].into_iter().find(|word| word.eq_ignore_ascii_case(value)).map(str::to_owned);
        Subject::maybe(declared.map(|value| standard(value).unwrap_or_else(|| value.to_owned())))
    }

    fn why_not_set(&self) -> Option<String> {
        match self.set {
            Some((hop, _)) => Some(format!("hop {} has a Set-Cookie for it", hop.id)),
            None => {
                let mut names: Vec<_> = self.view.hops.iter().flat_map(|hop| &hop.set).map(|set| shown(&set.name_text(), 60)).collect();
                names.sort();
                names.dedup();
                names.truncate(12);
                Some(if names.is_empty() {
                    "no response of this step has a Set-Cookie".to_owned()
                } else {
                    format!("this step set {}", names.join(", "))
                })
            }
        }
    }

    fn why_not_stored(&self) -> Option<String> {
        if let Some(cookie) = self.jar {
            return Some(format!("it is in the jar for {}{}", cookie.domain, cookie.path));
        }
        let Some((hop, set)) = self.last_set() else { return Some("no response set it".to_owned()) };
        Some(match &set.verdict {
            SetVerdict::Blocked(reasons) => format!("hop {} set it, and it was refused: {}", hop.id, sentence(reasons)),
            SetVerdict::Deleted | SetVerdict::DeletedNothing(_) => format!("hop {} expired it", hop.id),
            SetVerdict::Stored | SetVerdict::Replaced => {
                format!("hop {} set it, but it is gone: it expired, was pushed out, or was removed by a step", hop.id)
            }
            SetVerdict::Unknown => format!("hop {} set it, but nobody kept a jar", hop.id),
        })
    }

    fn why_not_sent(&self) -> Option<String> {
        let hop = self.view.hop()?;
        if self.sent {
            return Some(format!("hop {} carried it", hop.id));
        }
        let withheld: Vec<_> =
            hop.withheld.iter().filter(|cookie| cookie.name == self.name.as_bytes()).flat_map(|cookie| &cookie.reasons).collect();
        if !withheld.is_empty() {
            let reasons: Vec<Reason> = withheld.into_iter().cloned().collect();
            return Some(format!("hop {} did not carry it: {}", hop.id, sentence(&reasons)));
        }
        match self.jar {
            Some(cookie) if !belongs_to(cookie, hop.request.url.host_str().unwrap_or_default()) => Some(format!(
                "it belongs to {}, and hop {} went to {}",
                cookie.domain,
                hop.id,
                hop.request.url.host_str().unwrap_or_default()
            )),
            Some(_) => Some(format!("it is in the jar now, but hop {} did not carry it", hop.id)),
            None => self.why_not_stored(),
        }
    }

    fn why_not_deleted(&self) -> Option<String> {
        match self.set.map(|(hop, set)| (hop, &set.verdict)) {
            Some((hop, SetVerdict::Deleted)) => Some(format!("hop {} removed it from the jar", hop.id)),
            Some((hop, SetVerdict::DeletedNothing(others))) if others.is_empty() => {
                Some(format!("hop {} expired it, but it was not in the jar", hop.id))
            }
            Some((hop, SetVerdict::DeletedNothing(others))) => {
                Some(format!("hop {} expired it under another key than it is stored: {}", hop.id, shown(&others.join(", "), 200)))
            }
            Some((hop, SetVerdict::Blocked(reasons))) => Some(format!("hop {} meant to, and was refused: {}", hop.id, sentence(reasons))),
            Some((hop, _)) => Some(format!("hop {} set it anew", hop.id)),
            None => self.why_not_set(),
        }
    }

    /// The last Set-Cookie for it up to the end of the step, in whatever step of the actor.
    fn last_set(&self) -> Option<(&'a Hop, &'a CookieSet)> {
        let earlier = || {
            let hops = self.view.chain.hops.iter().filter(|hop| hop.step <= self.view.index && hop.actor == self.view.record.actor);
            hops.flat_map(|hop| hop.set.iter().map(move |set| (hop, set))).rfind(|(_, set)| set.name == self.name.as_bytes())
        };
        self.set.or_else(earlier)
    }
}

fn belongs_to(cookie: &JarCookie, host: &str) -> bool {
    let below = || host.strip_suffix(cookie.domain.as_str()).is_some_and(|rest| rest.ends_with('.'));
    host == cookie.domain || !cookie.host_only && below()
}

/// Chromium's words with their explanations.
fn sentence(reasons: &[Reason]) -> String {
    let words: Vec<_> = reasons.iter().map(|reason| format!("{} ({})", reason.code, shown(&reason.explanation, 160))).collect();
    if words.is_empty() { "no reason was given".to_owned() } else { words.join("; ") }
}
