//! The text of the scenario.

use super::steps::Steps;
use crate::run::recorded::{escaped, quoted};
use crate::trace::{Chain, Resource};

/// Where editors find the schema.
const SCHEMA: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/raw/main/schema/scenario.json");

/// What the scenario is to tell.
pub(super) struct Told<'a> {
    pub(super) title: &'a str,
    /// The HAR's name, beside the scenario.
    pub(super) recording: &'a str,
    pub(super) origins: &'a [String],
    pub(super) finds: &'a [String],
    pub(super) needs_browser: bool,
    /// Cookies from before the recording, by origin.
    pub(super) before: &'a [(String, Vec<String>)],
    pub(super) steps: &'a Steps,
}

/// Origins that answered, those of pages first, in the order in which they were met.
pub(super) fn origins(chain: &Chain) -> Vec<String> {
    let mut origins: Vec<String> = Vec::new();
    let of_pages = chain.hops.iter().filter(|hop| hop.resource == Resource::Document);
    for hop in of_pages.chain(&chain.hops).filter(|hop| hop.status().is_some_and(|status| status >= 200)) {
        let origin = hop.request.url.origin().ascii_serialization();
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    origins
}

/// The whole file.
pub(super) fn scenario(told: &Told<'_>) -> String {
    let mut text = format!("# yaml-language-server: $schema={SCHEMA}\n");
    let example = told.origins.first().map_or("https://app.example.com", String::as_str);
    text.push_str(
        "# Every origin answers as it did when this was recorded. Values are stand-ins: equal ones are alike, none can be read back.\n",
    );
    text.push_str("# To find the cause, put a build of your own behind one origin after the other until the finding is gone:\n");
    text.push_str(&format!("#   {}: {{ upstream: \"http://127.0.0.1:3000\" }}\n", quoted(example)));
    text.push_str(&format!("scenario: {}\ntags: [imported]\n", quoted(&escaped(&format!("what {} recorded", told.title)))));
    if !told.finds.is_empty() {
        text.push_str(&format!("finds: [{}]\n", told.finds.join(", ")));
    }
    if told.needs_browser {
        text.push_str("engine: browser\n");
    }
    if told.steps.is_endless {
        text.push_str("differs: browsers give up a loop of redirects one earlier than the standard says\n");
    }
    text.push_str("settings: { snapshot: false }\n");
    if !told.steps.secrets.is_empty() {
        text.push_str("# A recording takes any password; a build of your own wants the real one, from the environment.\nsecrets:\n");
        for (name, variable) in &told.steps.secrets {
            text.push_str(&format!("  {name}: {{ env: {variable}, default: not-recorded }}\n"));
        }
    }
    text.push_str("origins:\n");
    for origin in told.origins {
        text.push_str(&format!("  {}: {{ replay: {} }}\n", quoted(origin), quoted(told.recording)));
    }
    text.push_str("steps:\n");
    if !told.before.is_empty() {
        text.push_str("  # What the browser had before the recording began.\n");
    }
    for (origin, lines) in told.before {
        let lines: Vec<_> = lines.iter().map(|line| quoted(&escaped(line))).collect();
        text.push_str(&format!("  - cookies: {{ at: {}, set: [{}] }}\n", quoted(&format!("{origin}/")), lines.join(", ")));
    }
    for line in &told.steps.lines {
        text.push_str(line);
        text.push('\n');
    }
    text
}
