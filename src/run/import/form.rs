//! What a person must have entered for a form to be sent as it was.

use crate::run::recorded::{escaped, name_of, quoted};
use crate::trace::Hop;
use crate::web::har::redact::is_password;
use crate::web::html::{ElementId, Locator, Page, Wanted};
use std::collections::BTreeMap;
use url::{Position, Url};

/// Most fields that are filled.
const MOST_FIELDS: usize = 100;

/// The steps that send the form whose request `hop` is, from the page before it; `None` when the page has no such form, as
/// where a script made it. `secrets` gets the names of passwords with their environment variables.
pub(super) fn submitted(before: &Hop, hop: &Hop, secrets: &mut BTreeMap<String, String>) -> Option<Vec<String>> {
    let page = page_of(before)?;
    let is_get = hop.request.method == "GET";
    let bare = |url: &Url| if is_get { url[..Position::AfterPath].to_owned() } else { url[..Position::AfterQuery].to_owned() };
    let method = hop.request.method.to_ascii_lowercase();
    let target = bare(&hop.request.url);
    let form =
        page.forms().into_iter().find(|form| form.method == method && form.action.as_ref().is_some_and(|url| bare(url) == target))?;
    let sent = if is_get { hop.request.url.query().unwrap_or_default().as_bytes() } else { &hop.request.body };
    let mut lines = Vec::new();
    let mut fills = Vec::new();
    let mut pressed = None;
    for (name, value) in url::form_urlencoded::parse(sent).take(MOST_FIELDS) {
        // A name in a selector: what would end it is left to the page's own value.
        if name.is_empty() || name.contains(['"', '\\', '\n']) {
            continue;
        }
        let is = |selector: &str| find(&page, &format!("css={selector}[name=\"{name}\"]"), Wanted::Element);
        if let Some(button) = is("button").or_else(|| is("input[type=submit]")) {
            pressed = Some(page.name(button));
            continue;
        }
        let Some(field) = find(&page, &format!("name={name}"), Wanted::Field) else { continue };
        if page.value(field) == Some(&*value) && is("input[type=password]").is_none() {
            continue;
        }
        let locator = quoted(&format!("name={name}"));
        if is("select").is_some() {
            lines.push(format!("- select: {{ {locator}: {} }}", quoted(&escaped(&value))));
        } else if is("input[type=checkbox]").is_some() {
            fills.push(format!("{locator}: true"));
        } else if is("input[type=password]").is_some() || is_password(&name) {
            fills.push(format!("{locator}: {}", secret(&name, secrets)));
        } else {
            fills.push(format!("{locator}: {}", quoted(&escaped(&value))));
        }
    }
    if !fills.is_empty() {
        lines.insert(0, format!("- fill: {{ {} }}", fills.join(", ")));
    }
    let button = pressed.filter(|name| !name.is_empty()).or_else(|| form.buttons.into_iter().find(|name| !name.is_empty()));
    lines.push(match button.filter(|name| find(&page, name, Wanted::Pressable).is_some()) {
        Some(name) => format!("- click: {}", quoted(&escaped(&name))),
        None => "- press: Enter".to_owned(),
    });
    Some(lines)
}

/// The step that follows a link to where `hop` went, if the page before it has one.
pub(super) fn followed(before: &Hop, hop: &Hop) -> Option<String> {
    let page = page_of(before)?;
    let bare = |url: &Url| url[..Position::AfterQuery].to_owned();
    let target = bare(&hop.request.url);
    let link = page.links().into_iter().find(|link| !link.name.is_empty() && link.url.as_ref().is_some_and(|url| bare(url) == target))?;
    find(&page, &link.name, Wanted::Pressable)?;
    Some(format!("- click: {}", quoted(&escaped(&link.name))))
}

/// A placeholder for a password, which gets a name of its own.
pub(super) fn secret(field: &str, secrets: &mut BTreeMap<String, String>) -> String {
    let name = name_of(field);
    secrets.insert(name.clone(), name.to_uppercase());
    quoted(&format!("${{secret.{name}}}"))
}

fn page_of(hop: &Hop) -> Option<Page> {
    let response = hop.response()?;
    let is_html = response.headers.content_type().is_some_and(|kind| kind.is_html());
    is_html.then(|| Page::parse(&response.body.text(), &hop.request.url))
}

fn find(page: &Page, locator: &str, wanted: Wanted) -> Option<ElementId> {
    page.find(&Locator::parse(locator).ok()?, wanted).ok()
}
