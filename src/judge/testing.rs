//! Chains as tests tell them: a story of steps and hops, each hop shaped by the calls after it.
//!
//! ```text
//! let mut story = Story::new();
//! story.step("open /").open("https://app.test/").follow("https://idp.test/authorize").html("Log in");
//! story.step("get /me").get("https://api.test/me").cookies("sid=1").status(401);
//! ```

use crate::base::{Sources, Span};
use crate::judge::diagnose::{Finding, Severity, diagnose};
use crate::plan::{Backend, OriginPlan, Plan, Policy, Step, StepId, Verb};
use crate::trace::{
    AnsweredBy, Body, Cause, Chain, CookieSent, CookieSet, CookieWithheld, Failure, FailureKind, Hop, HopId, JarCookie, Reason, Request,
    Resource, Response, ServerCall, SetVerdict, StepRecord, Timings,
};
use crate::web::headers::Headers;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use time::macros::datetime;
use url::Url;

/// A chain and its plan in the making. Methods that shape a hop or step mean the last one.
pub(crate) struct Story {
    pub(crate) chain: Chain,
    pub(crate) plan: Plan,
    actor: Arc<str>,
    now: OffsetDateTime,
}

pub(crate) fn span() -> Span {
    Span::new(Sources::default().add("test.yaml", ""), 0..0)
}

/// An origin behind which the embedded provider stands.
pub(crate) fn provider(origin: &str) -> OriginPlan {
    OriginPlan { origin: origin.parse().unwrap(), backend: Backend::Idp(Box::default()), faults: Vec::new(), span: span() }
}

impl Story {
    pub(crate) fn new() -> Self {
        let plan = Plan {
            title: "a story".to_owned(),
            file: "scenarios/story.yaml".into(),
            variant: None,
            profile: None,
            tags: Vec::new(),
            covers: Vec::new(),
            finds: Vec::new(),
            allow: BTreeMap::new(),
            transitions: Vec::new(),
            origins: Vec::new(),
            services: Vec::new(),
            variables: BTreeMap::new(),
            secrets: BTreeMap::new(),
            steps: Vec::new(),
            after: Vec::new(),
            smoke: 0,
            policy: Policy::default(),
            needs: None,
            browser: None,
            differs: None,
            engine: crate::plan::Engine::Http,
        };
        Self { chain: Chain::default(), plan, actor: "user".into(), now: datetime!(2026-03-01 12:00 UTC) }
    }

    /// Whoever acts from here on.
    pub(crate) fn actor(&mut self, name: &str) -> &mut Self {
        self.actor = name.into();
        self
    }

    pub(crate) fn step(&mut self, label: &str) -> &mut Self {
        self.step_with(label, Verb::Expect)
    }

    /// A step of the plan and its record.
    pub(crate) fn step_with(&mut self, label: &str, verb: Verb) -> &mut Self {
        let number = u32::try_from(self.plan.steps.len()).unwrap();
        self.plan.steps.push(Step {
            number: StepId(number),
            id: None,
            label: label.to_owned(),
            span: span(),
            actor: self.actor.clone(),
            verb,
            expect: Vec::new(),
            capture: Vec::new(),
            needs: Vec::new(),
            timeout: Duration::from_secs(1),
        });
        self.record(label, number)
    }

    /// A record of an existing plan step (poll, repeat) or of a nested one.
    pub(crate) fn record(&mut self, label: &str, number: u32) -> &mut Self {
        self.chain.steps.push(StepRecord {
            number,
            id: None,
            label: label.to_owned(),
            actor: self.actor.clone(),
            depth: 0,
            concurrent: false,
            started: self.now,
            took: Duration::from_millis(5),
            page: None,
            deep_link: None,
            title: None,
            text: None,
            value: None,
            jar: Vec::new(),
            storage: None,
            error: None,
            meant_to_fail: false,
        });
        self
    }

    pub(crate) fn last_step(&mut self) -> &mut StepRecord {
        self.chain.steps.last_mut().expect("a step comes first")
    }

    pub(crate) fn last(&mut self) -> &mut Hop {
        self.chain.hops.last_mut().expect("a hop comes first")
    }

    pub(crate) fn hop(&mut self, method: &str, url: &str, cause: Cause) -> &mut Self {
        if self.chain.steps.is_empty() {
            self.step("first step");
        }
        self.now += Duration::from_millis(100);
        let response =
            Response { status: 200, version: "HTTP/1.1", headers: Headers::default(), body: Body::default(), by: AnsweredBy::Server };
        self.chain.hops.push(Hop {
            resource: Resource::Document,
            id: HopId(u32::try_from(self.chain.hops.len()).unwrap()),
            step: self.chain.steps.len() - 1,
            actor: self.actor.clone(),
            cause,
            request: Request {
                method: method.to_owned(),
                url: Url::parse(url).unwrap(),
                headers: Headers::default(),
                body: bytes::Bytes::new(),
            },
            outcome: Ok(response),
            sent: Vec::new(),
            withheld: Vec::new(),
            set: Vec::new(),
            started: self.now,
            timings: Timings::default(),
        });
        self
    }

    /// An HTTP step's GET.
    pub(crate) fn get(&mut self, url: &str) -> &mut Self {
        self.hop("GET", url, Cause::Api)
    }

    /// An HTTP step's POST.
    pub(crate) fn post(&mut self, url: &str) -> &mut Self {
        self.hop("POST", url, Cause::Api)
    }

    /// A page is opened.
    pub(crate) fn open(&mut self, url: &str) -> &mut Self {
        self.hop("GET", url, Cause::Open);
        self.at(url)
    }

    /// A form is posted.
    pub(crate) fn submit(&mut self, url: &str) -> &mut Self {
        self.hop("POST", url, Cause::Form);
        self.at(url)
    }

    /// The last hop answers 302 to `url`, and the redirect is followed.
    pub(crate) fn follow(&mut self, url: &str) -> &mut Self {
        if self.last().status() == Some(200) {
            self.status(302);
        }
        self.location(url);
        let from = self.last().id;
        let root_is_page = !self.last().cause.is_by_hand();
        self.hop("GET", url, Cause::Redirect(from));
        if root_is_page { self.at(url) } else { self }
    }

    /// The actor's page when the step ends.
    pub(crate) fn at(&mut self, url: &str) -> &mut Self {
        self.last_step().page = Url::parse(url).ok();
        self
    }

    pub(crate) fn status(&mut self, status: u16) -> &mut Self {
        self.answer().status = status;
        self
    }

    pub(crate) fn location(&mut self, url: &str) -> &mut Self {
        self.answer().headers.append("Location", url);
        self
    }

    pub(crate) fn answers(&mut self, name: &str, value: &str) -> &mut Self {
        self.answer().headers.append(name, value);
        self
    }

    pub(crate) fn json(&mut self, body: serde_json::Value) -> &mut Self {
        self.answers("Content-Type", "application/json").answer().body.bytes = body.to_string().into();
        self
    }

    pub(crate) fn html(&mut self, title: &str) -> &mut Self {
        self.answers("Content-Type", "text/html; charset=utf-8").answer().body.bytes = format!("<title>{title}</title>").into();
        self.last_step().title = Some(title.to_owned());
        self
    }

    /// The request carries this Cookie header.
    pub(crate) fn cookies(&mut self, header: &str) -> &mut Self {
        let hop = self.last();
        hop.request.headers.append("Cookie", header);
        hop.sent = header
            .split("; ")
            .map(|pair| pair.split_once('=').unwrap_or(("", pair)))
            .map(|(name, value)| CookieSent { name: name.to_owned().into(), value: value.to_owned().into() })
            .collect();
        self
    }

    pub(crate) fn sends(&mut self, name: &str, value: &str) -> &mut Self {
        self.last().request.headers.append(name, value);
        self
    }

    /// The response sets a cookie, and the jar keeps it.
    pub(crate) fn sets(&mut self, line: &str) -> &mut Self {
        self.set_cookie(line, SetVerdict::Stored)
    }

    /// The response sets a cookie, and the jar refuses it with Chromium's word.
    pub(crate) fn sets_blocked(&mut self, line: &str, word: &str) -> &mut Self {
        self.set_cookie(line, SetVerdict::Blocked(vec![reason(word)]))
    }

    pub(crate) fn set_cookie(&mut self, line: &str, verdict: SetVerdict) -> &mut Self {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).unwrap();
        let attributes = parts
            .map(|part| part.split_once('=').map_or((part.to_owned(), None), |(name, value)| (name.to_owned(), Some(value.to_owned()))));
        let set = CookieSet {
            raw: line.to_owned().into(),
            name: name.to_owned().into(),
            value: value.to_owned().into(),
            attributes: attributes.collect(),
            verdict,
            warnings: Vec::new(),
        };
        self.answers("Set-Cookie", line).last().set.push(set);
        self
    }

    /// A stored cookie stays at home.
    pub(crate) fn withheld(&mut self, name: &str, word: &str) -> &mut Self {
        let domain = self.last().request.url.host_str().unwrap().to_owned();
        self.last().withheld.push(CookieWithheld {
            name: name.to_owned().into(),
            domain,
            path: "/".to_owned(),
            reasons: vec![reason(word)],
        });
        self
    }

    pub(crate) fn fails(&mut self, kind: FailureKind, message: &str) -> &mut Self {
        self.last().outcome = Err(Failure { kind, message: message.to_owned() });
        self
    }

    pub(crate) fn jar(&mut self, host: &str, name: &str, value: &str) -> &mut Self {
        self.last_step().jar.push(JarCookie {
            name: name.to_owned().into(),
            value: value.to_owned().into(),
            domain: host.to_owned(),
            host_only: true,
            path: "/".to_owned(),
            secure: true,
            http_only: true,
            same_site: Some("Lax"),
            expires: None,
            partition: None,
        });
        self
    }

    /// A request that a server made, in the time of the last step.
    pub(crate) fn call(&mut self, method: &str, url: &str, status: u16) -> &mut Self {
        let url = Url::parse(url).unwrap();
        let target = url[url::Position::BeforePath..].to_owned();
        let at = self.now;
        self.chain.calls.push(ServerCall {
            origin: url.origin().ascii_serialization().parse().unwrap(),
            by_actor: false,
            method: method.to_owned(),
            target,
            status: Some(status),
            at,
            took: Duration::from_millis(1),
            note: None,
            unexpected: false,
            decision: None,
        });
        self
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, seconds: u64) -> &mut Self {
        self.now += Duration::from_secs(seconds);
        self
    }

    fn answer(&mut self) -> &mut Response {
        self.last().outcome.as_mut().expect("the hop has a response")
    }
}

pub(crate) fn reason(word: &str) -> Reason {
    Reason { code: word.to_owned(), explanation: format!("because of {word}") }
}

/// An authorization request of the client `m`, to be answered at `https://app.test/cb`.
pub(crate) fn authorize(state: &str) -> String {
    format!("https://idp.test/authorize?client_id=m&response_type=code&state={state}&redirect_uri=https%3A%2F%2Fapp.test%2Fcb")
}

/// Whether the rule has a finding on the story.
pub(crate) fn hits(rule: &str, story: &Story) -> bool {
    diagnose(&story.plan, &story.chain).iter().any(|finding| finding.rule == rule)
}

/// What is found on the story that breaks the chain, advice left out.
pub(crate) fn errors(story: &Story) -> Vec<Finding> {
    diagnose(&story.plan, &story.chain).into_iter().filter(|finding| finding.severity == Severity::Error).collect()
}

/// A token with these claims, as RS256 with the key `k1` would look, its signature made up.
pub(crate) fn jwt(claims: &serde_json::Value) -> String {
    use base64::Engine;
    let encode = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2ln", encode(r#"{"alg":"RS256","kid":"k1"}"#.to_owned()), encode(claims.to_string()))
}
