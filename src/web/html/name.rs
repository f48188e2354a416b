//! What a person calls an element: the parts of the accessible name computation (accname 1.2 §4.3, HTML-AAM §4.1)
//! that pages with forms and links use.

use super::dom::{Data, Dom, Element, NodeId};
use super::text::{is_block, one_line};

/// Longest name that is put together; enough to tell one element from another.
const MAX_NAME: usize = 400;

/// The accessible name of an element, on one line; empty when it has none. `labels` are the `<label>`s of a control.
pub(super) fn accessible_name(dom: &Dom, id: NodeId, labels: &[NodeId]) -> String {
    let Some(element) = dom.element(id) else { return String::new() };
    explicit(dom, id, element)
        .or_else(|| own(dom, id, element, labels))
        .or_else(|| element.filled("title").map(one_line))
        .or_else(|| element.filled("placeholder").map(one_line))
        .unwrap_or_default()
}

/// Only what labels an element: `aria-labelledby`, `aria-label` and `<label>`, neither title nor placeholder.
pub(super) fn label(dom: &Dom, id: NodeId, labels: &[NodeId]) -> String {
    let Some(element) = dom.element(id) else { return String::new() };
    explicit(dom, id, element).or_else(|| labels_text(dom, id, labels)).unwrap_or_default()
}

/// accname steps 2B and 2D: `aria-labelledby` (even to hidden elements, but not through a second reference), `aria-label`.
fn explicit(dom: &Dom, id: NodeId, element: &Element) -> Option<String> {
    let by_reference = element.filled("aria-labelledby").map(|references| {
        let parts: Vec<_> = references
            .split_ascii_whitespace()
            .take(20)
            .filter_map(|reference| dom.by_id(reference))
            .map(|target| {
                let label = dom.element(target).and_then(|target| target.filled("aria-label")).map(one_line);
                label.unwrap_or_else(|| if target == id { String::new() } else { content(dom, target, None) })
            })
            .collect();
        one_line(&parts.join(" "))
    });
    by_reference.filter(|name| !name.is_empty()).or_else(|| element.filled("aria-label").map(one_line))
}

/// accname steps 2E to 2G by HTML-AAM: what the element's kind offers.
fn own(dom: &Dom, id: NodeId, element: &Element, labels: &[NodeId]) -> Option<String> {
    let from_content = || Some(content(dom, id, None)).filter(|name| !name.is_empty());
    match element.name.as_str() {
        "input" => {
            let labelled = labels_text(dom, id, labels);
            let value = element.filled("value").map(one_line);
            let or = |default: &str| Some(default.to_owned());
            match element.keyword("type").as_str() {
                "submit" => labelled.or(value).or_else(|| or("Submit")),
                "reset" => labelled.or(value).or_else(|| or("Reset")),
                "button" => labelled.or(value),
                "image" => labelled
                    .or_else(|| element.filled("alt").map(one_line))
                    .or_else(|| element.filled("title").map(one_line))
                    .or_else(|| or("Submit")),
                _ => labelled,
            }
        }
        "select" | "textarea" | "meter" | "output" | "progress" => labels_text(dom, id, labels),
        "button" => labels_text(dom, id, labels).or_else(from_content),
        "img" | "area" => element.filled("alt").map(one_line),
        "fieldset" => first_child(dom, id, "legend"),
        "table" => first_child(dom, id, "caption"),
        "a" | "summary" | "option" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => from_content(),
        _ if matches!(element.keyword("role").as_str(), "button" | "link" | "heading" | "option" | "tab" | "menuitem") => from_content(),
        _ => None,
    }
}

fn first_child(dom: &Dom, id: NodeId, name: &str) -> Option<String> {
    dom.children(id).find(|&child| dom.element(child).is_some_and(|child| child.is(name))).map(|child| content(dom, child, None))
}

fn labels_text(dom: &Dom, control: NodeId, labels: &[NodeId]) -> Option<String> {
    let texts: Vec<_> = labels.iter().map(|&label| content(dom, label, Some(control))).collect();
    Some(one_line(&texts.join(" "))).filter(|text| !text.is_empty())
}

/// Name from content (accname step 2F): text, the alternatives of images, nested `aria-label`s; neither hidden parts nor
/// the value of a control that stands inside its own label.
fn content(dom: &Dom, root: NodeId, control: Option<NodeId>) -> String {
    let root_hidden = dom.is_hidden(root);
    let mut out = String::new();
    let mut at = root + 1;
    while at < dom.end(root) && out.len() < MAX_NAME {
        let next = match dom.data(at) {
            // A hidden root is read when it is referenced; hidden parts of a visible one are not.
            _ if dom.is_hidden(at) && !root_hidden => dom.end(at),
            Data::Text(text) => {
                out.push_str(text);
                at + 1
            }
            Data::Element(element) if Some(at) == control || is_left_out(element) => dom.end(at),
            Data::Element(element) => {
                if is_block(element) || matches!(element.name.as_str(), "br" | "td" | "th") {
                    out.push(' ');
                }
                let alternative = if element.is("img") { element.attr("alt") } else { element.filled("aria-label") };
                match alternative {
                    Some(text) => {
                        out.push_str(text);
                        dom.end(at)
                    }
                    None => at + 1,
                }
            }
        };
        at = next;
    }
    one_line(&out)
}

fn is_left_out(element: &Element) -> bool {
    element.keyword("aria-hidden") == "true"
        || matches!(element.name.as_str(), "input" | "select" | "textarea" | "script" | "style" | "template")
}

#[cfg(test)]
mod tests {
    use url::Url;

    use crate::web::html::{Locator, Page, Wanted};

    /// The name of the element with `id=x`.
    fn name(html: &str) -> String {
        let page = Page::parse(html, &Url::parse("https://app.test/").unwrap());
        let id = page.find(&Locator::parse("css=#x").unwrap(), Wanted::Element).unwrap();
        page.name(id)
    }

    #[test]
    fn names_come_from_where_accname_says_in_its_order() {
        for (html, expected) in [
            ("<label for=x>User <b>name</b>:</label><input id=x>", "User name:"),
            ("<label>Pass<i>word</i> <input id=x placeholder=p></label>", "Password"),
            ("<label for=x>A</label><label for=x>B</label><input id=x>", "A B"),
            ("<label>Country <select id=x><option>NL</select></label>", "Country"),
            ("<span id=a>Code</span><input id=x aria-labelledby='a nowhere' aria-label=no title=no>", "Code"),
            ("<span id=a hidden>Secret</span><input id=x aria-labelledby=a>", "Secret"),
            ("<label for=x>no</label><input id=x aria-label=' E-mail \n address '>", "E-mail address"),
            ("<input id=x title=T placeholder=P>", "T"),
            ("<input id=x placeholder=P>", "P"),
            ("<input id=x name=user>", ""),
            ("<input id=x type=submit>", "Submit"),
            ("<input id=x type=submit value='Log in'>", "Log in"),
            ("<input id=x type=image alt=Go>", "Go"),
            ("<button id=x> Sign <span aria-hidden=true>★</span> in </button>", "Sign in"),
            ("<button id=x aria-label=Close>×</button>", "Close"),
            ("<button id=x><img alt=Home><span hidden>no</span></button>", "Home"),
            ("<a id=x href=/><svg></svg><span>Back</span></a>", "Back"),
            ("<a id=x href=/ title=Help></a>", "Help"),
            ("<fieldset id=x><legend>Plan</legend></fieldset>", "Plan"),
            ("<div id=x role=button>Open</div>", "Open"),
            ("<h1 id=x>Welcome<br>back</h1>", "Welcome back"),
        ] {
            assert_eq!(name(html), expected, "{html}");
        }
    }
}
