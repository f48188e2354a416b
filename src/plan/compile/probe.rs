//! `probe` steps: what is asked beyond the login itself.

use super::compiler::Compiler;
use crate::base::Span;
use crate::plan::{Build, Endpoints, Forms, HttpMethod, ProbeAbout, ProbePlan, SessionProbe};
use crate::scenario::probe::Probe;
use crate::scenario::read::{At, OneOrMany, Short, Text};
use crate::web::presented::Presented;

/// Most times that replicas are asked.
const MOST_TIMES: u32 = 100;
/// What stands for the endpoints that the run itself asked.
const MET: &str = "met";

impl Compiler<'_> {
    /// A probe; `None` after noting what is wrong.
    pub(super) fn probe(&mut self, probe: &Short<Probe>, span: Span) -> Option<ProbePlan> {
        match probe {
            Short::Text(word) => self.bare_probe(word),
            Short::Long(long) => self.long_probe(&long.value, span),
        }
    }

    /// `probe: session` and `probe: replicas`.
    fn bare_probe(&mut self, word: &Text) -> Option<ProbePlan> {
        let endpoints = Endpoints::Met;
        let about = match self.known(word, "a probe").as_str() {
            "session" => ProbeAbout::Session(SessionProbe { endpoints, cookies: Vec::new(), accepted: None, refused: None }),
            "replicas" => ProbeAbout::Replicas { endpoints, times: ProbePlan::TIMES, build: None },
            other @ ("logout" | "edge") => {
                let hint = if other == "edge" { "write `edge: https://…`" } else { "write `logout: ID`, the step that signs out" };
                self.fault_with(word.span, format!("`{other}` alone does not say what to ask"), hint);
                return None;
            }
            other => {
                self.unknown(word.span, "probe", other, ["session", "replicas", "logout", "edge"]);
                return None;
            }
        };
        Some(ProbePlan::about(about))
    }

    fn long_probe(&mut self, probe: &Probe, span: Span) -> Option<ProbePlan> {
        let given = [
            ("session", probe.session.is_some()),
            ("logout", probe.logout.is_some()),
            ("replicas", probe.replicas.is_some()),
            ("edge", probe.edge.is_some()),
        ];
        let names: Vec<_> = given.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
        let [name] = names.as_slice() else {
            let found = if names.is_empty() { "none".to_owned() } else { names.join(" and ") };
            self.fault_with(
                span,
                format!("a probe is about one thing, this one about {found}"),
                "give it one of `session`, `logout`, `replicas`, `edge`",
            );
            return None;
        };
        self.only_of(name, probe, span);
        let own: &[&str] = if matches!(*name, "session" | "logout") { &["cookie", "authorization"] } else { &["cookie"] };
        for (key, _) in probe.headers.0.iter().filter(|(key, _)| own.contains(&key.name.to_ascii_lowercase().as_str())) {
            self.fault_with(key.span, format!("a probe of `{name}` writes `{}` itself", key.name), "leave it out");
        }
        let about = match (&probe.session, &probe.logout, &probe.replicas, &probe.edge) {
            (Some(endpoints), ..) => ProbeAbout::Session(SessionProbe {
                endpoints: self.endpoints(endpoints, span),
                cookies: self.cookie_names(&probe.cookie, span),
                accepted: probe.accepted.as_ref().map(|forms| self.forms(forms)),
                refused: probe.refused.as_ref().map(|forms| self.forms(forms)),
            }),
            (_, Some(step), ..) => ProbeAbout::Logout { step: self.reference(step), endpoints: self.endpoints(&probe.at, span) },
            (_, _, Some(endpoints), _) => {
                let times = probe.times.as_ref().map_or(ProbePlan::TIMES, |times| times.value);
                if let Some(written) = probe.times.as_ref().filter(|times| !(2..=MOST_TIMES).contains(&times.value)) {
                    self.fault(written.span, format!("`times` is between 2 and {MOST_TIMES}"));
                }
                let build = probe.build.as_ref().and_then(|build| self.build(build));
                ProbeAbout::Replicas { endpoints: self.endpoints(endpoints, span), times, build }
            }
            (_, _, _, Some(url)) => ProbeAbout::Edge(self.url(url)),
            _ => return None,
        };
        let method = probe.method.as_ref().map_or(Some(HttpMethod::Get), |method| self.method(method))?;
        Some(ProbePlan { method, headers: self.headers(&probe.headers), ..ProbePlan::about(about) })
    }

    /// Keys that mean nothing to this kind of probe are faults.
    fn only_of(&mut self, kind: &str, probe: &Probe, span: Span) {
        let keys = [
            ("at", "logout", probe.at.0.first().map(|text| text.span)),
            ("cookie", "session", probe.cookie.0.first().map(|text| text.span)),
            ("accepted", "session", probe.accepted.as_ref().map(|forms| forms.span)),
            ("refused", "session", probe.refused.as_ref().map(|forms| forms.span)),
            ("times", "replicas", probe.times.as_ref().map(|times| times.span)),
            ("build", "replicas", probe.build.as_ref().map(|build| build.span)),
        ];
        for (key, of, there) in keys {
            if let Some(at) = there.filter(|_| of != kind) {
                let hint = format!("`{key}` belongs to `{of}`: make a probe of its own of it");
                self.fault_with(if at == span { span } else { at }, format!("`{key}` means nothing to a probe of `{kind}`"), hint);
            }
        }
    }

    /// Who is asked: URLs, or those that the run met.
    fn endpoints(&mut self, urls: &OneOrMany<Text>, span: Span) -> Endpoints {
        if urls.0.is_empty() || matches!(urls.0.as_slice(), [only] if only.value == MET) {
            return Endpoints::Met;
        }
        if urls.0.len() > ProbePlan::MOST_ENDPOINTS {
            self.fault(span, format!("a probe asks at most {} endpoints", ProbePlan::MOST_ENDPOINTS));
        }
        Endpoints::Named(urls.0.iter().map(|url| self.url(url)).collect())
    }

    fn cookie_names(&mut self, names: &OneOrMany<Text>, span: Span) -> Vec<String> {
        if names.0.len() > ProbePlan::MOST_COOKIES {
            self.fault(span, format!("a probe presents at most {} cookies", ProbePlan::MOST_COOKIES));
        }
        names.0.iter().map(|name| self.known(name, "a cookie's name")).collect()
    }

    fn forms(&mut self, written: &At<OneOrMany<Text>>) -> Forms {
        let mut forms = Vec::new();
        for text in &written.value.0 {
            let word = self.known(text, "a form of the session");
            match Presented::ALL.iter().find(|form| form.word() == word) {
                Some(form) => forms.push(*form),
                None => self.unknown(text.span, "form", &word, Presented::ALL.map(Presented::word)),
            }
        }
        if written.value.0.is_empty() {
            self.fault(written.span, "no form is named");
        }
        Forms { forms, span: written.span }
    }

    fn method(&mut self, text: &Text) -> Option<HttpMethod> {
        let word = self.known(text, "a method").to_ascii_uppercase();
        let method = HttpMethod::ALL.into_iter().find(|method| method.as_str() == word);
        if method.is_none() {
            self.unknown(text.span, "method", &word, HttpMethod::ALL.map(HttpMethod::as_str));
        }
        method
    }

    fn build(&mut self, text: &Text) -> Option<Build> {
        let known = self.known(text, "where a build is told");
        if known.starts_with('$') {
            return self.json_path(&known, text.span).map(Build::Json);
        }
        if http::HeaderName::from_bytes(known.as_bytes()).is_err() {
            self.fault_with(
                text.span,
                format!("`{known}` is not the name of a header"),
                "write a header, or a JSONPath such as `$.version`",
            );
            return None;
        }
        Some(Build::Header(known))
    }
}
