//! The text of a snapshot.

use super::mask::Labels;
use super::order::{Entry, Shown, entries};
use super::{calls, cookies, messages, shape};
use crate::base::Redactor;
use crate::judge::text::{shown, shown_bytes};
use crate::plan::Plan;
use crate::trace::{Cause, Chain, FailureKind, Hop, HopId, Response, StepRecord};
use time::OffsetDateTime;

/// Indent of what stands beneath a hop.
pub(super) const BENEATH: &str = "       ";

/// The chain as text made for review. See the [module](super) for what it shows and what it leaves out.
#[must_use]
pub fn render(plan: &Plan, chain: &Chain, redactor: &Redactor) -> String {
    render_hops(plan, chain, redactor, Shown::All)
}

/// The same without what only a real browser asks for: what engines have in common.
#[must_use]
pub fn render_common(plan: &Plan, chain: &Chain, redactor: &Redactor) -> String {
    render_hops(plan, chain, redactor, Shown::Common)
}

fn render_hops(plan: &Plan, chain: &Chain, redactor: &Redactor, shown: Shown) -> String {
    let labels = Labels::numbered().without_secrets(redactor);
    let mut text = Writer { chain, several: several(chain), labels, number: Some(0), out: String::new() };
    for entry in &ordered(plan, chain, redactor, shown) {
        text.step(entry);
    }
    // What servers asked because of a probe is as much chance as the probe's own requests.
    let calls: Vec<_> = chain.calls.iter().filter(|call| !is_of_a_probe(chain, call.at)).cloned().collect();
    let calls = calls::lines(&calls);
    if !calls.is_empty() {
        text.out.push_str("── calls between servers\n");
        for line in calls {
            text.out.push_str(&format!("     {line}\n"));
        }
    }
    let messages = messages::lines(&chain.messages, &mut Labels::kinds_only().without_secrets(redactor));
    if !messages.is_empty() {
        text.out.push_str("── messages\n");
        for line in messages {
            text.out.push_str(&format!("     {line}\n"));
        }
    }
    redactor.text(&text.out).into_owned()
}

/// Whether something happened in the time of a probe.
fn is_of_a_probe(chain: &Chain, at: OffsetDateTime) -> bool {
    let mut steps = chain.probes.iter().filter_map(|probe| chain.steps.get(probe.step));
    steps.any(|step| step.started <= at && at <= step.started + step.took)
}

/// The hops in the order in which the snapshot numbers them.
#[must_use]
pub fn numbered(plan: &Plan, chain: &Chain, redactor: &Redactor) -> Vec<HopId> {
    ordered(plan, chain, redactor, Shown::All).iter().flat_map(|entry| &entry.hops).map(|hop| hop.id).collect()
}

fn ordered<'a>(plan: &Plan, chain: &'a Chain, redactor: &Redactor, shown: Shown) -> Vec<Entry<'a>> {
    entries(plan, chain, shown, |entry| {
        let labels = Labels::kinds_only().without_secrets(redactor);
        let mut text = Writer { chain, several: several(chain), labels, number: None, out: String::new() };
        text.step(entry);
        text.out
    })
}

fn several(chain: &Chain) -> bool {
    chain.steps.iter().any(|step| step.actor != chain.steps[0].actor)
}

struct Writer<'a> {
    chain: &'a Chain,
    /// Whether there are several actors, so that each hop names its own.
    several: bool,
    labels: Labels,
    /// The last hop's number; without one, hops are not numbered.
    number: Option<usize>,
    out: String,
}

impl Writer<'_> {
    fn step(&mut self, entry: &Entry<'_>) {
        let step = &self.chain.steps[entry.step];
        let actor = if self.several { format!("[{}] ", shown(&step.actor, 40)) } else { String::new() };
        self.line(&format!("{}── {actor}{}", "  ".repeat(step.depth.min(8)), shown(&step.label, 200)));
        for (at, hop) in entry.hops.iter().enumerate() {
            let ends = at + 1 == entry.hops.len();
            self.hop(hop, step, ends);
        }
        if let Some(error) = &step.error {
            let error = self.labels.text(error.lines().next().unwrap_or_default());
            self.line(&format!("{BENEATH}failed: {error}"));
        }
    }

    fn hop(&mut self, hop: &Hop, step: &StepRecord, ends_step: bool) {
        let number = match &mut self.number {
            Some(number) => {
                *number += 1;
                format!("{number:>4}")
            }
            None => "   #".to_owned(),
        };
        let url = self.labels.url(hop.request.url.as_str());
        let mut line = format!("{number}  {} {url}  ", shown(&hop.request.method, 20));
        match &hop.outcome {
            Ok(response) => line.push_str(&self.answer(hop, response, step, ends_step)),
            Err(failure) => line.push_str(&format!("✗ {}", failure_word(failure.kind))),
        }
        self.line(&line);
        for line in cookies::lines(hop, &mut self.labels) {
            self.line(&format!("{BENEATH}{line}"));
        }
        // The body of a redirect is nobody's: browsers do not even keep it.
        if let Some(response) = hop.response().filter(|_| hop.redirect_target().is_none()) {
            self.json(response);
        }
    }

    /// Status, redirect target or what the body is.
    fn answer(&mut self, hop: &Hop, response: &Response, step: &StepRecord, ends_step: bool) -> String {
        let status = response.status;
        if let Some(target) = hop.redirect_target() {
            return format!("{status} → {}", self.labels.url(&target));
        }
        let Some(kind) = response.headers.get("content-type").filter(|_| !response.body.bytes.is_empty()) else {
            return status.to_string();
        };
        let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
        let mut text = format!("{status} {}", shown_bytes(&essence, 60));
        let is_page = !hop.cause.is_by_hand() && hop.cause != Cause::Subresource;
        if let Some(title) = step.title.as_deref().filter(|_| ends_step && is_page && essence == b"text/html") {
            text.push_str(&format!(" \"{}\"", self.labels.text(title)));
        }
        text
    }

    fn json(&mut self, response: &Response) {
        let is_json = response.headers.content_type().is_some_and(|kind| kind.is_json());
        if !is_json || response.body.bytes.is_empty() {
            return;
        }
        let Some(body) = response.body.json() else {
            let why = if response.body.truncated { "json  cut: larger than what is kept" } else { "json  not valid" };
            return self.line(&format!("{BENEATH}{why}"));
        };
        let failed = response.status >= 400;
        for (at, line) in shape::lines(&body, failed, &mut self.labels).iter().enumerate() {
            let head = if at == 0 { "json  " } else { "      " };
            self.line(&format!("{BENEATH}{head}{line}"));
        }
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }
}

fn failure_word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Undeclared => "undeclared origin",
        FailureKind::Connect => "no connection",
        FailureKind::Tls => "no TLS",
        FailureKind::Timeout => "timed out",
        FailureKind::Broken => "connection broke",
        FailureKind::Malformed => "malformed response",
        FailureKind::TooLarge => "body too large",
        FailureKind::Redirect => "redirect not followed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::judge::testing::Story;
    use crate::plan::{Step, Verb};
    use serde_json::json;

    /// A login; `salt` stands for all that differs from run to run.
    fn login(salt: &str) -> Story {
        let (state, code, token) = (
            format!("St4te{salt}0123456789abcdef01"),
            format!("C0de{salt}0123456789abcdef01"),
            format!("T0ken{salt}0123456789abcdef.S1g%3D"),
        );
        let mut story = Story::new();
        story.step("click \"Sign in\"").submit("https://api.test/sign-in").sets(&format!("state={state}; Max-Age=300; Path=/"));
        story.follow(&format!("https://idp.test/authorize?client_id=m&response_type=code&state={state}")).html("Log in");
        story.step("click \"Allow\"").submit("https://idp.test/allow").follow(&format!("https://api.test/cb?code={code}&state={state}"));
        story
            .cookies(&format!("state={state}"))
            .sets(&format!("session={token}; Path=/; HttpOnly; Secure"))
            .follow("https://app.test/?error=none")
            .html("Home");
        story.step("get /session").get("https://api.test/session").cookies(&format!("session={token}")).status(401);
        story.json(json!({"message": "Invalid or expired session", "statusCode": 401}));
        story.call("POST", "https://idp.test/token/", 200);
        story
    }

    fn text(story: &Story) -> String {
        render(&story.plan, &story.chain, &Redactor::default())
    }

    #[test]
    fn a_chain_reads_like_this() {
        let expected = "\
── click \"Sign in\"
   1  POST https://api.test/sign-in  302 → https://idp.test/authorize?client_id=m&response_type=code&state=‹state:1›
       set   state=‹state:1›; Max-Age=300; Path=/  → stored
   2  GET https://idp.test/authorize?client_id=m&response_type=code&state=‹state:1›  200 text/html \"Log in\"
── click \"Allow\"
   3  POST https://idp.test/allow  302 → https://api.test/cb?code=‹code:1›&state=‹state:1›
   4  GET https://api.test/cb?code=‹code:1›&state=‹state:1›  302 → https://app.test/?error=none
       sent  state=‹state:1›
       set   session=‹value:1›; Path=/; Secure; HttpOnly  → stored
   5  GET https://app.test/?error=none  200 text/html \"Home\"
── get /session
   6  GET https://api.test/session  401 application/json
       sent  session=‹value:1›
       json  message: \"Invalid or expired session\"
             statusCode: 401
── calls between servers
     POST https://idp.test/token/  200  ×1
";
        assert_eq!(text(&login("A")), expected);
    }

    #[test]
    fn two_runs_of_the_same_thing_are_byte_equal() {
        assert_eq!(text(&login("A")), text(&login("ZZ9")));
    }

    #[test]
    fn a_value_that_is_no_longer_the_same_shows() {
        let mut other = login("A");
        other.chain.hops[3].sent[0].value = "St4te-other-0123456789abcdef01".into();
        assert_ne!(text(&login("A")), text(&other));
    }

    #[test]
    fn secrets_and_hostile_text_do_not_get_through() {
        let mut story = Story::new();
        story
            .step("get \u{1b}[2J")
            .get("https://api.test/hunter2hunter2?q=\u{202e}")
            .fails(FailureKind::Connect, "127.0.0.1:40123 refused");
        let redactor = Redactor::default();
        redactor.learn(&Secret::new("jarvis", "hunter2hunter2"));
        let text = render(&story.plan, &story.chain, &redactor);
        assert!(text.contains("/‹secret:jarvis›?q=") && text.ends_with("✗ no connection\n"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']) && !text.contains("40123"), "{text}");
    }

    /// Two requests at once, of which one wins; `order` is the order in which they came.
    fn race(order: [u16; 2]) -> Story {
        let mut story = Story::new();
        story.step("race");
        for status in order {
            story.step("post /refresh").last_step().concurrent = true;
            story.last_step().depth = 1;
            story.post("https://api.test/refresh").status(status);
        }
        story
    }

    #[test]
    fn the_order_of_chance_does_not_show() {
        let one = text(&race([200, 401]));
        assert_eq!(one, text(&race([401, 200])));
        assert_eq!(one.matches("post /refresh").count(), 2);
        assert_ne!(one, text(&race([200, 200])));
    }

    #[test]
    fn of_a_poll_only_the_last_try_shows() {
        let polled = |tries: usize| {
            let mut story = Story::new();
            story.step("get /ready");
            let mut inner: Step = story.plan.steps[0].clone();
            inner.number = crate::plan::StepId(1);
            story.plan.steps[0].verb =
                Verb::Poll { step: Box::new(inner), every: std::time::Duration::ZERO, within: std::time::Duration::ZERO };
            for at in 0..tries {
                story.record("get /ready", 1).get("https://api.test/ready").status(if at + 1 == tries { 200 } else { 503 });
            }
            text(&story)
        };
        assert_eq!(polled(1), polled(5));
        assert!(polled(3).contains("   1  GET https://api.test/ready  200"), "{}", polled(3));
    }

    #[test]
    fn several_actors_are_named() {
        let mut story = login("A");
        story.actor("eve").step("get /x").get("https://api.test/x");
        assert!(text(&story).contains("── [eve] get /x\n"), "{}", text(&story));
        assert!(text(&story).contains("── [user] get /session\n"));
    }
}
