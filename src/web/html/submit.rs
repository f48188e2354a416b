//! From a form's state to a request (HTML §4.10.21.3 "form submission algorithm").

use std::fmt;

use url::Url;

use super::control::{Control, ControlKind};
use super::dom::{Element, NodeId};
use super::encode::{self, Enctype, Entry, EntryValue};
use super::error::PageError;
use super::page::Page;

/// How a form is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Entries become the URL's query.
    Get,
    /// Entries become the body.
    Post,
}

impl Method {
    /// The method as it stands in a request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// The request that a form makes.
#[derive(Clone, PartialEq, Eq)]
pub struct Submission {
    /// How.
    pub method: Method,
    /// Where to; with [`Method::Get`] the entries are in its query.
    pub url: Url,
    /// The form's encoding; without meaning for [`Method::Get`].
    pub enctype: Enctype,
    /// The body; empty with [`Method::Get`].
    pub body: Vec<u8>,
    /// The body's `Content-Type`.
    pub content_type: Option<String>,
}

/// Neither the body nor the query: both may hold a password.
impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission")
            .field("method", &self.method)
            .field("origin", &self.url.origin().ascii_serialization())
            .field("path", &self.url.path())
            .field("content_type", &self.content_type)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Page {
    /// The request that submitting a form makes, by a button or (`None`) by script or Enter.
    pub(super) fn submission(&self, form: NodeId, submitter: Option<NodeId>, validate: bool) -> Result<Submission, PageError> {
        let button = submitter.and_then(|node| self.dom.element(node));
        let owner = self.dom.element(form);
        // The submitter's `form…` attribute wins over the form's own.
        let attribute = |on_button: &str, on_form: &str| -> Option<&str> {
            button.and_then(|button| button.attr(on_button)).or_else(|| owner?.attr(on_form))
        };
        let keyword = |on_button, on_form| attribute(on_button, on_form).unwrap_or_default().trim().to_ascii_lowercase();

        let lenient = button.is_some_and(|button| button.has("formnovalidate")) || owner.is_some_and(|form| form.has("novalidate"));
        if validate && !lenient {
            let violations = self.violations(form);
            if !violations.is_empty() {
                return Err(PageError::Blocked(violations));
            }
        }
        let method = match keyword("formmethod", "method").as_str() {
            "post" => Method::Post,
            "dialog" => return Err(PageError::Dialog),
            _ => Method::Get,
        };
        let mut url = self.action(attribute("formaction", "action").unwrap_or_default().trim())?;
        let enctype = Enctype::parse(&keyword("formenctype", "enctype"));
        let entries = self.entries(form, submitter);
        let (body, content_type) = match method {
            Method::Get => {
                url.set_query(Some(&encode::url_encoded(&entries)));
                (Vec::new(), None)
            }
            Method::Post => {
                let (body, content_type) = encode::body(enctype, &entries);
                (body, Some(content_type))
            }
        };
        Ok(Submission { method, url, enctype, body, content_type })
    }

    /// Steps 12 to 16: an empty action is the page itself, even beside a `<base>`.
    fn action(&self, action: &str) -> Result<Url, PageError> {
        let bad = |reason| PageError::BadTarget { what: "the form".to_owned(), url: action.to_owned(), reason };
        if action.is_empty() {
            return Ok(self.url.clone());
        }
        let url = self.base.join(action).map_err(|cause| bad(format!("which is no URL: {cause}")))?;
        match url.scheme() {
            "http" | "https" => Ok(url),
            "javascript" => Err(PageError::NoEffect { what: "the form's action runs `javascript:` and".to_owned() }),
            scheme => Err(bad(format!("and a form cannot be sent to a `{scheme}:` URL here"))),
        }
    }

    /// HTML §4.10.21.4 "constructing the entry list".
    fn entries(&self, form: NodeId, submitter: Option<NodeId>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for control in self.controls_of(form) {
            let is_submitter = submitter == Some(control.node);
            if control.disabled
                || control.in_datalist
                || (control.kind.is_button() && !is_submitter)
                || (control.kind.is_tickable() && !control.state.checked)
            {
                continue;
            }
            if let Some(element) = self.dom.element(control.node) {
                self.append(&mut entries, control, element);
            }
        }
        entries
    }

    fn append(&self, entries: &mut Vec<Entry>, control: &Control, element: &Element) {
        let mut push = |name: &str, value: &str| {
            entries.push(Entry { name: name.to_owned(), value: EntryValue::Text(value.to_owned()) });
        };
        let name = control.name.as_str();
        if control.kind == ControlKind::Image {
            // Where the pointer was; a keyboard presses the corner.
            let prefix = if name.is_empty() { String::new() } else { format!("{name}.") };
            push(&format!("{prefix}x"), "0");
            push(&format!("{prefix}y"), "0");
            return;
        }
        if name.is_empty() {
            return;
        }
        match control.kind {
            ControlKind::Select => {
                let chosen = control.choices.iter().zip(&control.state.selected);
                for (choice, _) in chosen.filter(|(choice, selected)| **selected && !choice.disabled) {
                    push(name, &choice.value);
                }
            }
            ControlKind::Checkbox | ControlKind::Radio if !element.has("value") => push(name, "on"),
            ControlKind::Hidden if name.eq_ignore_ascii_case("_charset_") => push(name, "UTF-8"),
            ControlKind::File => entries.push(Entry { name: name.to_owned(), value: EntryValue::EmptyFile }),
            _ => push(name, &control.state.value),
        }
        let takes_direction = control.kind.is_text_line() || matches!(control.kind, ControlKind::Textarea | ControlKind::Hidden);
        if let Some(dirname) = element.attr("dirname").filter(|dirname| takes_direction && !dirname.is_empty()) {
            let direction = self.direction(control.node);
            entries.push(Entry { name: dirname.to_owned(), value: EntryValue::Text(direction.to_owned()) });
        }
    }

    /// The directionality by the nearest `dir`; `auto` is taken for left to right.
    fn direction(&self, node: NodeId) -> &'static str {
        let own = self.dom.element(node).map(|element| (node, element));
        let nearest = own.into_iter().chain(self.dom.ancestors(node)).find_map(|(_, element)| element.filled("dir"));
        if nearest.is_some_and(|dir| dir.eq_ignore_ascii_case("rtl")) { "rtl" } else { "ltr" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::html::{Click, Locator, Violation};

    fn page(html: &str) -> Page {
        Page::parse(html, &Url::parse("https://app.test/dir/login?x=1#f").unwrap())
    }

    fn click(html: &str, button: &str) -> Result<Submission, PageError> {
        match page(html).click(&Locator::parse(button).unwrap())? {
            Click::Submit(submission) => Ok(submission),
            other => panic!("{other:?}"),
        }
    }

    fn body(html: &str) -> String {
        let html = format!("<form method=post>{html}<button>Go</button></form>");
        String::from_utf8(click(&html, "Go").unwrap().body).unwrap()
    }

    #[test]
    fn successful_controls_are_sent_in_tree_order() {
        for (controls, sent) in [
            ("<input name=b value=2><input name=a value=1>", "b=2&a=1"),
            ("<input value=x><input name='' value=x>", ""),
            ("<input name=a disabled value=1><fieldset disabled><legend><input name=b></legend><input name=c></fieldset>", "b="),
            ("<input type=checkbox name=a><input type=checkbox name=b checked><input type=checkbox name=c checked value=3>", "b=on&c=3"),
            ("<input type=radio name=a value=1 checked><input type=radio name=a value=2 checked>", "a=2"),
            ("<select name=a><option>One  two<option value=2>x</select>", "a=One+two"),
            ("<select name=a><option disabled>x<option value=2>y</select>", "a=2"),
            ("<select name=a><option selected>1<option selected>2</select>", "a=2"),
            ("<select name=a multiple><option selected>1<option>2<option selected>3</select>", "a=1&a=3"),
            ("<select name=a size=3><option>1</select>", ""),
            ("<select name=a><optgroup disabled><option selected>1</optgroup><option>2</select>", ""),
            ("<textarea name=a>\nx\ny</textarea>", "a=x%0D%0Ay"),
            ("<input type=hidden name=_CHARSET_ value=x>", "_CHARSET_=UTF-8"),
            ("<input type=file name=f>", "f="),
            ("<datalist><input name=a></datalist><button name=no value=1>B</button><input type=reset name=r><input name=z>", "z="),
            ("<div dir=rtl><input name=q value=1 dirname=q.dir></div>", "q=1&q.dir=rtl"),
            ("<input type=range name=r><input type=color name=c><input type=number name=n value=x>", "r=50&c=%23000000&n="),
            ("<input name=e type=email value=' a@b.c\n'>", "e=a%40b.c"),
        ] {
            assert_eq!(body(controls), sent, "{controls}");
        }
    }

    #[test]
    fn a_control_belongs_to_the_form_that_html_says() {
        for html in [
            "<form id=f method=post></form><input name=a form=f><button form=f>Go</button>",
            "<table><form method=post><tr><td><input name=a><td><button>Go</button></form></table>",
            "<form method=post><div><input name=a></form><button>Go</button></div>",
        ] {
            let sent = click(html, "Go").map(|submission| String::from_utf8(submission.body).unwrap());
            assert_eq!(sent.as_deref(), Ok("a="), "{html}");
        }
        for html in ["<form id=f><button form=g>Go</button></form>", "<form></form><button>Go</button>"] {
            assert!(matches!(click(html, "Go"), Err(PageError::NoForm { .. })), "{html}");
        }
    }

    #[test]
    fn the_button_decides_when_it_says_so() {
        let html = "<form action=/a><input name=q value=1>
            <button name=do value=allow formmethod=POST formaction=/b formenctype=text/plain>Allow</button>
            <button name=do value=deny>Deny</button><input type=image name=i alt=Map></form>";
        let allow = click(html, "Allow").unwrap();
        assert_eq!((allow.method, allow.url.as_str()), (Method::Post, "https://app.test/b"));
        assert_eq!((allow.content_type.as_deref(), allow.body.as_slice()), (Some("text/plain"), &b"q=1\r\ndo=allow\r\n"[..]));
        assert_eq!(click(html, "Deny").unwrap().url.as_str(), "https://app.test/a?q=1&do=deny");
        assert_eq!(click(html, "Map").unwrap().url.as_str(), "https://app.test/a?q=1&i.x=0&i.y=0");
    }

    #[test]
    fn get_replaces_the_query_and_an_empty_action_is_the_page() {
        let get = click("<base href=/other/><form><input name=q value='a b'><button>Go</button></form>", "Go").unwrap();
        assert_eq!(get.url.as_str(), "https://app.test/dir/login?q=a+b#f");
        assert_eq!((get.body.as_slice(), get.content_type), (&b""[..], None));
        let post = click("<form method=post action='?y=2'><button>Go</button></form>", "Go").unwrap();
        assert_eq!(post.url.as_str(), "https://app.test/dir/login?y=2");
    }

    #[test]
    fn what_cannot_be_sent_says_why() {
        for (form, expected) in [
            ("<form method=dialog>", "the form has `method=dialog`: it closes a dialog and sends nothing"),
            (
                "<form action='javascript:go()'>",
                "the form's action runs `javascript:` and has no effect without script; use the browser engine",
            ),
            ("<form action=mailto:a@b.c>", "the form leads to `mailto:a@b.c`, and a form cannot be sent to a `mailto:` URL here"),
            ("<form action=https://:x>", "the form leads to `https://:x`, which is no URL: empty host"),
        ] {
            let error = click(&format!("{form}<button>Go</button></form>"), "Go").unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn an_invalid_form_is_held_back_unless_it_asks_not_to_be() {
        let html = "<form><label>E-mail <input name=e required></label><button>Go</button><button formnovalidate>Skip</button></form>";
        let missing = Violation { field: "E-mail".into(), reason: "must be filled in".into() };
        assert_eq!(click(html, "Go"), Err(PageError::Blocked(vec![missing])));
        assert!(click(html, "Skip").is_ok());
        assert!(click(&html.replace("<form>", "<form novalidate>"), "Go").is_ok());
    }
}
