//! Pages that send their form by themselves: OAuth 2.0 Form Post Response Mode §2, SAML's POST binding, WS-Federation.
//!
//! No script is run. What is recognised is a call that submits a form, at a place in the script that is executed while
//! the page loads: at top level, in `onload`, in a handler of `load` or `DOMContentLoaded`, behind `setTimeout`, or in a
//! function that one of these calls. A call inside of a click handler is none of these.

use std::sync::LazyLock;

use regex::Regex;

use super::dom::NodeId;
use super::page::Page;
use super::script::{Script, mask};
use super::submit::Submission;

/// Calls looked at in one script, which keeps a hostile page from costing quadratic time.
const MAX_CALLS: usize = 32;

impl Page {
    /// The request that the page makes by itself on load, if it has one form and a script that submits it.
    ///
    /// `form.submit()` neither validates nor names a button. It fails, as in a browser, when a control is called
    /// `submit` and so hides the method.
    #[must_use]
    pub fn auto_submit(&self) -> Option<Submission> {
        let mut forms = self.form_nodes();
        let form = forms.next().filter(|_| forms.next().is_none())?;
        let scripts = self.scripts();
        let scripts: Vec<_> = scripts.iter().map(|code| mask(code)).collect();
        let call = scripts.iter().find_map(|script| self.submitting_call(script, &scripts, form))?;
        let validates = call.validates || call.button.is_some();
        self.submission(form, call.button, validates).ok()
    }

    /// Code that runs by itself: inline classic and module scripts, and `<body onload>`.
    fn scripts(&self) -> Vec<String> {
        let mut scripts = Vec::new();
        for (id, element) in self.dom.elements() {
            if element.is("script") && !element.has("src") && is_javascript(&element.keyword("type")) {
                scripts.push(self.dom.text_content(id));
            } else if element.is("body")
                && let Some(code) = element.attr("onload")
            {
                scripts.push(code.trim().trim_start_matches("javascript:").to_owned());
            }
        }
        scripts
    }

    fn submitting_call(&self, script: &Script, all: &[Script], form: NodeId) -> Option<Call> {
        static CALL: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"\.\s*(?:(submit)\s*\(\s*\)|(submit)\s*\.\s*(?:call|apply)\s*\(|(requestSubmit)\s*\(|(click)\s*\(\s*\))")
                .expect("the pattern is a constant, and the tests use it")
        });
        let runs = |at: usize| script.runs_on_load(at, all);
        for found in CALL.captures_iter(&script.masked).take(MAX_CALLS) {
            let at = found.get(0).map_or(0, |whole| whole.start());
            let call = match (found.get(1), found.get(2), found.get(3)) {
                (Some(_), _, _) if self.hides_submit(form) => None,
                (Some(_), _, _) | (_, Some(_), _) => Some(Call { button: None, validates: false }),
                (_, _, Some(_)) => Some(Call { button: None, validates: true }),
                _ => self.clicked_button(script, at, form).map(|button| Call { button: Some(button), validates: true }),
            };
            if let Some(call) = call.filter(|_| runs(at)) {
                return Some(call);
            }
        }
        // `setTimeout('document.forms[0].submit()', 0)`: the text is code.
        let delayed = script.delayed_code().take(MAX_CALLS).filter(|(at, _)| runs(*at));
        delayed.map(|(_, code)| mask(code)).find_map(|inner| {
            // Text in text in text is not followed.
            if inner.delayed_code().next().is_some() { None } else { self.submitting_call(&inner, all, form) }
        })
    }

    /// Whether a control's name or id takes the place of the form's `submit` method.
    fn hides_submit(&self, form: NodeId) -> bool {
        self.controls_of(form).any(|control| {
            let id = self.dom.element(control.node).and_then(|element| element.attr("id"));
            control.name == "submit" || id == Some("submit")
        })
    }

    /// The form's submit button that `getElementById("…").click()` presses.
    fn clicked_button(&self, script: &Script, at: usize, form: NodeId) -> Option<NodeId> {
        let before: String = script.code.get(..at)?.split_whitespace().collect();
        self.controls_of(form).filter(|control| control.kind.submits() && !control.disabled).find_map(|control| {
            let id = self.dom.element(control.node)?.filled("id")?;
            let by_id = ['"', '\''].iter().any(|quote| before.ends_with(&format!("getElementById({quote}{id}{quote})")));
            by_id.then_some(control.node)
        })
    }
}

struct Call {
    button: Option<NodeId>,
    validates: bool,
}

fn is_javascript(kind: &str) -> bool {
    matches!(kind, "" | "module") || (kind.ends_with("javascript") || kind.ends_with("ecmascript")) && !kind.contains('+')
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    const FORM: &str = r#"<form method=post action=https://app.test/cb><input type=hidden name=code value=c1>
        <noscript><button id=go name=go value=1>Continue</button></noscript></form>"#;

    fn auto(html: &str) -> Option<String> {
        let page = Page::parse(html, &Url::parse("https://idp.test/authorize").unwrap());
        page.auto_submit().map(|submission| String::from_utf8(submission.body).unwrap())
    }

    #[test]
    fn calls_that_run_on_load_submit_the_form() {
        for script in [
            "document.forms[0].submit()",
            "document.forms[0].submit ( ) ;",
            "document.getElementById('f').submit();",
            "HTMLFormElement.prototype.submit.call(document.forms[0]);",
            "window.onload = function() { document.forms[0].submit(); }",
            "window.addEventListener('load', function(){document.forms[0].submit();});",
            "document.addEventListener(\"DOMContentLoaded\", () => document.forms[0].submit());",
            "(function () { try { document.forms[0].submit(); } catch (e) {} })();",
            "(() => document.forms[0].submit())()",
            "for (const f of document.forms) { f.submit(); }",
            "window.setTimeout('document.forms[0].submit()', 0);",
            "setTimeout(() => { document.forms[0].submit() }, 10)",
            "$(document).ready(function () { $('form').submit(); });",
            "function go() { document.forms[0].submit(); } go();",
            "function go() { document.forms[0].submit(); } window.onload = go;",
            "const go = () => { document.forms[0].requestSubmit(); }; addEventListener('load', go)",
            "/* it's quoted */ if (self === top) { document.forms[0].submit(); } // }",
        ] {
            assert_eq!(auto(&format!("{FORM}<script>{script}</script>")).as_deref(), Some("code=c1"), "{script}");
        }
        for onload in ["document.forms[0].submit()", "javascript:document.forms[0].submit()", "go()"] {
            let html = format!("<script>function go(){{document.forms[0].submit()}}</script><body onload=\"{onload}\">{FORM}");
            assert_eq!(auto(&html).as_deref(), Some("code=c1"), "{onload}");
        }
        let clicked = format!("{FORM}<script>document.getElementById('go').click()</script>");
        assert_eq!(auto(&clicked).as_deref(), Some("code=c1&go=1"));
    }

    #[test]
    fn calls_that_wait_for_a_person_do_not() {
        for script in [
            "",
            "// document.forms[0].submit()",
            "var s = 'document.forms[0].submit()';",
            "button.onclick = function() { document.forms[0].submit(); }",
            "list.addEventListener('change', () => document.forms[0].submit())",
            "function go() { document.forms[0].submit(); }",
            "$('form').submit(function (e) { e.preventDefault(); })",
            "window.onload = function() { b.onclick = function() { document.forms[0].submit(); } }",
            "function go() { document.forms[0].submit(); } button.onclick = function () { go(); }",
            "class Login { go() { document.forms[0].submit(); } }",
            "document.getElementById('menu').click()",
        ] {
            assert_eq!(auto(&format!("{FORM}<script>{script}</script>")), None, "{script}");
        }
        for html in [
            "<script>document.forms[0].submit()</script>".to_owned(),
            format!("{FORM}{FORM}<script>document.forms[0].submit()</script>"),
            format!("{FORM}<script type=application/json>document.forms[0].submit()</script>"),
            format!("{FORM}<script src=x.js>document.forms[0].submit()</script>"),
            format!("{FORM}<button onclick='document.forms[0].submit()'>"),
            "<form><input name=submit type=submit></form><script>document.forms[0].submit()</script>".to_owned(),
        ] {
            assert_eq!(auto(&html), None, "{html}");
        }
    }
}
