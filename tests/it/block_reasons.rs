//! Why a browser drops or withholds a cookie: for each reason that a server can bring about, the browser's own word, the same
//! word of the http engine, and a finding that quotes it. What the documentation says of it is held to the same table.

use crate::world::{Ran, World, project};
use serde_json::Value;
use std::collections::BTreeSet;

/// When a cookie meets its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Set,
    Sent,
}
use At::{Sent, Set};

/// A reason, the run that shows it, and the rule whose finding quotes it, where there is one.
const TABLE: [(At, &str, &str, Option<&str>); 33] = [
    (Set, "SecureOnly", "not-stored#secure-over-http", Some("cookie-secure-over-http")),
    (Set, "SameSiteNoneInsecure", "not-stored#none-insecure", Some("cookie-none-insecure")),
    (Set, "InvalidDomain", "not-stored#foreign-domain", Some("cookie-domain-foreign")),
    (Set, "InvalidDomain", "not-stored#sibling-domain", Some("cookie-domain-foreign")),
    (Set, "InvalidDomain", "not-stored#public-suffix", Some("cookie-domain-public-suffix")),
    (Set, "NameValuePairExceedsMaxSize", "not-stored#too-large", Some("cookie-too-large")),
    (Set, "DisallowedCharacter", "not-stored#control-character", Some("cookie-illegal-bytes")),
    (Set, "NoCookieContent", "no-cookie#nothing-in-it", None),
    (Set, "InvalidPrefix", "prefixes#host-with-domain", Some("cookie-host-prefix-broken")),
    (Set, "InvalidPrefix", "prefixes#host-without-path", Some("cookie-host-prefix-broken")),
    (Set, "InvalidPrefix", "prefixes#host-insecure", Some("cookie-host-prefix-broken")),
    (Set, "InvalidPrefix", "prefixes#secure-insecure", Some("cookie-secure-prefix-broken")),
    (Set, "InvalidPrefix", "prefixes#http-for-scripts", Some("cookie-http-prefix-broken")),
    (Set, "OverwriteSecure", "over-secure#same-name", Some("cookie-overlay-secure")),
    (Set, "SameSiteStrict", "set-across-sites#strict", Some("cookie-lax-set-in-subrequest")),
    (Set, "SameSiteLax", "set-across-sites#lax", Some("cookie-lax-set-in-subrequest")),
    (Set, "SameSiteUnspecifiedTreatedAsLax", "set-across-sites#unspecified", Some("cookie-lax-set-in-subrequest")),
    (Set, "SchemefulSameSiteStrict", "set-across-sites#strict-from-http", Some("cookie-lax-set-in-subrequest")),
    (Set, "SchemefulSameSiteLax", "set-across-sites#lax-from-http", Some("cookie-lax-set-in-subrequest")),
    (Set, "SchemefulSameSiteUnspecifiedTreatedAsLax", "set-across-sites#unspecified-from-http", Some("cookie-lax-set-in-subrequest")),
    (Set, "UserPreferences", "set-across-sites#none-blocked", Some("cookie-third-party-blocked")),
    (Sent, "NotOnPath", "not-sent#not-on-path", Some("cookie-path-miss")),
    (Sent, "DomainMismatch", "not-sent#other-host", Some("cookie-host-only-elsewhere")),
    (Sent, "SecureOnly", "not-sent#secure-over-http", Some("cookie-scheme-downgrade")),
    (Sent, "SameSiteStrict", "navigated-across-sites#strict", Some("cookie-strict-on-return")),
    // As `response_mode=form_post` does: Lax holds back what a page of another site posts, in the browser and here alike.
    (Sent, "SameSiteLax", "navigated-across-sites#lax", Some("cookie-lax-on-post-callback")),
    (Sent, "SameSiteStrict", "sent-across-sites#strict", None),
    (Sent, "SameSiteLax", "sent-across-sites#lax", None),
    (Sent, "SameSiteUnspecifiedTreatedAsLax", "sent-across-sites#unspecified", None),
    (Sent, "SchemefulSameSiteStrict", "sent-across-sites#strict-from-http", None),
    (Sent, "SchemefulSameSiteLax", "sent-across-sites#lax-from-http", None),
    (Sent, "SchemefulSameSiteUnspecifiedTreatedAsLax", "sent-across-sites#unspecified-from-http", None),
    (Sent, "UserPreferences", "sent-across-sites#none-blocked", None),
];

#[test]
fn both_engines_give_every_reason_the_same_word_and_the_finding_quotes_it() {
    let runs = runs();
    for (at, word, name, rule) in TABLE {
        for engine in ["http", "browser"] {
            let run = runs.iter().find(|run| run["engine"] == engine && is_called(run, name));
            let run = run.unwrap_or_else(|| panic!("`{name}` ran in the {engine} engine"));
            assert_eq!(run["outcome"], "passed", "{name} in {engine}");
            assert!(words(run, at).contains(word), "{name} in {engine}: {word} among {:?}", words(run, at));
            let Some(rule) = rule else { continue };
            let finding = run["findings"].as_array().into_iter().flatten().find(|finding| finding["rule"] == rule);
            let finding = finding.unwrap_or_else(|| panic!("{name} in {engine}: a finding of {rule}"));
            assert!(finding["evidence"].to_string().contains(word), "{name} in {engine}: {rule} quotes {word}");
        }
    }
}

#[test]
fn the_documentation_lists_the_reasons_of_the_table() {
    let text = std::fs::read_to_string(project().join("docs/cookies.md")).expect("the documentation");
    for (at, title) in [(Set, "## Not stored"), (Sent, "## Stored, and not sent")] {
        let section = text.split_once(title).expect("the section").1.split("\n## ").next().unwrap_or_default();
        let listed =
            section.lines().filter(|line| line.starts_with("| `")).flat_map(|line| full_words(line.split('|').nth(1).unwrap_or_default()));
        let listed: BTreeSet<String> = listed.collect();
        let tested: BTreeSet<String> = TABLE.iter().filter(|row| row.0 == at).map(|row| row.1.to_owned()).collect();
        assert_eq!(listed, tested, "{title}");
    }
}

/// The words of a cell; `…Lax` behind `SchemefulSameSiteStrict` is short for `SchemefulSameSiteLax`.
fn full_words(cell: &str) -> Vec<String> {
    let mut stem = "";
    let words = cell.split(',').map(|word| word.trim().trim_matches('`'));
    words
        .map(|word| {
            if let Some(start) = word.strip_suffix("Strict") {
                stem = start;
            }
            word.strip_prefix('…').map_or_else(|| word.to_owned(), |rest| format!("{stem}{rest}"))
        })
        .collect()
}

/// Every scenario about reasons, in both engines.
fn runs() -> Vec<Value> {
    let world = World::new();
    let folder = project().join("scenarios/browser");
    let files: BTreeSet<&str> = TABLE.iter().map(|row| row.2.split('#').next().unwrap_or_default()).collect();
    let files = files.into_iter().map(|file| folder.join(format!("{file}.yaml")));
    let mut command = world.command();
    command.arg("run").args(files).args(["--engine", "both", "--ci", "--quiet", "--json", "report.json"]);
    Ran::of(command.timeout(std::time::Duration::from_secs(300))).says(0, &[]);
    let report = std::fs::read(world.path().join("report.json")).expect("a report");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    report["runs"].as_array().expect("runs").clone()
}

/// Whether a run is that of `FILE#VARIANT`, in whichever engine.
fn is_called(run: &Value, name: &str) -> bool {
    let (file, variant) = name.split_once('#').unwrap_or((name, ""));
    run["variant"] == variant && run["file"].as_str().is_some_and(|path| path.ends_with(&format!("/{file}.yaml")))
}

/// The reasons of all cookies that were not stored, or not sent.
fn words(run: &Value, at: At) -> BTreeSet<&str> {
    let (list, reasons) = match at {
        Set => ("set", "blocked"),
        Sent => ("withheld", "reasons"),
    };
    let hops = run["hops"].as_array().into_iter().flatten();
    let cookies = hops.flat_map(|hop| hop[list].as_array().into_iter().flatten());
    cookies.flat_map(|cookie| cookie[reasons].as_array().into_iter().flatten()).filter_map(Value::as_str).collect()
}
