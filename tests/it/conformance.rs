//! The published conformance data of the standards that authchain stands on.
//!
//! The data is not part of the repository: the variable `AUTHCHAIN_DATA` names its folder, and without it these tests say that
//! they are skipped. Where our answer differs from the published one, the test holds a table with the case, our answer and the
//! reason; a case that is missing from the table, or no longer differs, fails the test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use authchain::web::cookie::{Initiator, Jar, Policy, Profile, SendContext, parse_cookie_date};
use authchain::web::site::registrable_domain;
use http::Method;
use serde_json_path::JsonPath;
use time::OffsetDateTime;
use time::macros::{datetime, format_description};
use url::Url;

/// Before the dates of the http-state cases, of which some have since passed.
const NOW: OffsetDateTime = datetime!(2018-06-01 00:00 UTC);

/// The data folder, or `None` with a word about it.
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("AUTHCHAIN_DATA").map(PathBuf::from);
    if folder.is_none() {
        say("skipped: AUTHCHAIN_DATA is not set");
    }
    folder
}

#[expect(clippy::print_stdout, reason = "a test's only way to tell that it was skipped, or how far it came")]
fn say(text: &str) {
    println!("{text}");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// A case whose answer is not the published one.
struct Departure {
    case: &'static str,
    /// Our Cookie header; `None` for none.
    ours: Option<&'static str>,
    why: &'static str,
}

const CONTROL: &str = "RFC 6265bis §5.6 step 1: a line with a control character is ignored whole, not cut off there";
const ENCODED: &str = "RFC 6265bis §5.1.4 and §5.6: paths are compared octet by octet, `%6F` is not `o`";
const NAMELESS: &str = "RFC 6265bis §5.6 step 3 and §5.8.3 step 4: a pair without `=` or a name is a cookie without a name";
const RESET: &str = "RFC 6265bis §5.6.3 and §5.7 step 7: an empty Domain counts too, and the last one decides";

/// What differs even for a client that keeps to RFC 6265 about cookies without a name and empty Domain attributes.
const IN_ANY_READING: [Departure; 3] = [
    Departure { case: "disabled-chromium0022", ours: None, why: CONTROL },
    Departure { case: "disabled-chromium0023", ours: None, why: CONTROL },
    Departure { case: "disabled-path0029", ours: None, why: ENCODED },
];

/// What differs besides because the data follows RFC 6265 and browsers follow RFC 6265bis.
const SINCE_6265BIS: [Departure; 24] = [
    Departure { case: "0004", ours: Some("foo"), why: NAMELESS },
    Departure { case: "0021", ours: Some("a=b; x; c=d"), why: NAMELESS },
    Departure { case: "0023", ours: Some("foo"), why: NAMELESS },
    Departure { case: "0024", ours: Some("foo"), why: NAMELESS },
    Departure { case: "0025", ours: Some("foo"), why: NAMELESS },
    Departure { case: "0026", ours: Some("foo"), why: NAMELESS },
    Departure { case: "0027", ours: Some("bar"), why: NAMELESS },
    Departure { case: "0028", ours: Some("foo"), why: NAMELESS },
    Departure { case: "chromium0009", ours: Some("BLAHHH"), why: NAMELESS },
    Departure { case: "chromium0010", ours: Some(r#""BLA\"HHH""#), why: NAMELESS },
    Departure { case: "chromium0012", ours: Some("ABC"), why: NAMELESS },
    Departure { case: "mozilla0012", ours: Some(r#"test="fubar! = foo; five"#), why: NAMELESS },
    Departure { case: "mozilla0014", ours: Some("six"), why: NAMELESS },
    Departure { case: "mozilla0015", ours: Some("seven"), why: NAMELESS },
    Departure { case: "mozilla0016", ours: Some("eight"), why: NAMELESS },
    Departure { case: "mozilla0017", ours: Some("eight; test=six"), why: NAMELESS },
    Departure { case: "name0017", ours: Some("a=bar"), why: NAMELESS },
    Departure { case: "name0023", ours: Some("foo"), why: NAMELESS },
    Departure { case: "name0025", ours: Some("==a=bar"), why: NAMELESS },
    Departure { case: "name0028", ours: Some("a"), why: NAMELESS },
    Departure { case: "name0031", ours: Some(r#""foo"#), why: NAMELESS },
    Departure { case: "name0032", ours: Some(r#""foo\"bar"#), why: NAMELESS },
    Departure { case: "name0033", ours: Some("aaa"), why: NAMELESS },
    Departure { case: "optional-domain0042", ours: Some("foo=bar"), why: RESET },
];

/// The Cookie header of the request that follows the response in `case`.
fn follow(folder: &Path, case: &str, profile: Profile) -> Option<Vec<u8>> {
    let response = fs::read(folder.join(format!("{case}-test"))).expect("the case was listed");
    let asked = Url::parse(&format!("http://home.example.org:8888/cookie-parser?{case}")).expect("a plain URL");
    let start = SendContext::navigation(asked.clone(), Method::GET, Initiator::UserAgent);
    let mut jar = Jar::new(Policy { profile, ..Policy::default() });
    let mut location = format!("/cookie-parser-result?{case}");
    for field in response.split(|&byte| byte == b'\n') {
        if let Some(line) = field.strip_prefix(b"Set-Cookie:") {
            jar.store(&start.response(), line, NOW);
        } else if let Some(target) = field.strip_prefix(b"Location: ") {
            location = String::from_utf8_lossy(target).into_owned();
        }
    }
    let next = asked.join(&location).expect("locations in the data are URLs");
    jar.cookies_for(&start.redirected(next, Method::GET), NOW).header
}

/// The published header; `None` for none. One file holds a copy of its test instead of a header, and means none.
fn published(folder: &Path, case: &str) -> Option<Vec<u8>> {
    let text = fs::read(folder.join(format!("{case}-expected"))).expect("every case has an answer");
    text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"Cookie: ")).map(<[u8]>::to_vec)
}

/// Runs all cases and holds the differences to the table.
fn check_parser(profile: Profile, departures: &[&Departure]) {
    let Some(folder) = data().map(|data| data.join("http-state/parser")) else { return };
    let mut cases: Vec<String> = fs::read_dir(&folder)
        .expect("the data folder has the http-state cases")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix("-test")?.to_owned()))
        .collect();
    cases.sort();
    assert_eq!(cases.len(), 222, "the data is complete");
    let known: BTreeMap<_, _> = departures.iter().map(|departure| (departure.case, departure)).collect();
    let mut faults = Vec::new();
    for case in &cases {
        let (ours, theirs) = (follow(&folder, case, profile), published(&folder, case));
        let wanted = match known.get(case.as_str()) {
            Some(departure) if departure.ours.map(str::as_bytes) == theirs.as_deref() => {
                faults.push(format!("{case} is in the table but does not differ ({})", departure.why));
                continue;
            }
            Some(departure) => departure.ours.map(|header| header.as_bytes().to_vec()),
            None => theirs,
        };
        if ours != wanted {
            let show = |header: &Option<Vec<u8>>| header.as_deref().map(|header| header.escape_ascii().to_string());
            faults.push(format!("{case}: sends {:?}, not {:?}", show(&ours), show(&wanted)));
        }
    }
    assert!(faults.is_empty(), "{profile}:\n{}", faults.join("\n"));
    say(&format!("{profile}: {} of {} http-state cases as published, {} explained", cases.len() - known.len(), cases.len(), known.len()));
}

#[test]
fn a_client_of_rfc_6265_agrees_with_the_http_state_cases() {
    check_parser(Profile::Curl, &IN_ANY_READING.iter().collect::<Vec<_>>());
}

#[test]
fn a_browser_differs_from_the_http_state_cases_only_where_rfc_6265bis_does() {
    check_parser(Profile::Chrome, &IN_ANY_READING.iter().chain(&SINCE_6265BIS).collect::<Vec<_>>());
}

#[test]
fn cookie_dates_are_read_as_published() {
    #[derive(serde::Deserialize)]
    struct Case {
        test: String,
        expected: Option<String>,
    }
    let Some(folder) = data().map(|data| data.join("http-state/dates")) else { return };
    let form = format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let mut count = 0;
    for file in ["examples.json", "bsd-examples.json"] {
        let text = read(&folder.join(file));
        let json: String = text.lines().filter(|line| !line.starts_with("//")).collect();
        for case in serde_json::from_str::<Vec<Case>>(&json).expect("a list of cases") {
            let date = parse_cookie_date(case.test.as_bytes()).map(|date| date.format(&form).expect("a full date"));
            assert_eq!(date, case.expected, "{file}: {}", case.test);
            count += 1;
        }
    }
    assert_eq!(count, 70, "the data is complete");
}

#[test]
fn registrable_domains_are_those_of_the_public_suffix_list() {
    let Some(path) = data().map(|data| data.join("public-suffix/tests.txt")) else { return };
    let text = read(&path);
    let cases = text.lines().filter(|line| !line.is_empty() && !line.starts_with("//"));
    let mut count = 0;
    for case in cases {
        let (host, expected) = case.split_once(' ').expect("two fields");
        let answer = if host == "null" { None } else { registrable_domain(host) };
        assert_eq!(answer.as_deref().unwrap_or("null"), expected, "{host}");
        count += 1;
    }
    assert_eq!(count, 78, "the data is complete: 82 lines less the 4 that its authors commented out");
}

/// Cases of the JSONPath suite that the library fails.
const JSONPATH_FAILURES: [&str; 0] = [];

#[test]
fn jsonpath_is_that_of_rfc_9535() {
    #[derive(serde::Deserialize)]
    struct Suite {
        tests: Vec<Case>,
    }
    #[derive(serde::Deserialize)]
    struct Case {
        name: String,
        selector: String,
        #[serde(default)]
        invalid_selector: bool,
        #[serde(default)]
        document: serde_json::Value,
        result: Option<Vec<serde_json::Value>>,
        #[serde(default)]
        results: Vec<Vec<serde_json::Value>>,
    }
    let Some(path) = data().map(|data| data.join("jsonpath/cts.json")) else { return };
    let suite: Suite = serde_json::from_str(&read(&path)).expect("the suite's own schema");
    assert_eq!(suite.tests.len(), 703, "the data is complete");
    let passes = |case: &Case| match JsonPath::parse(&case.selector) {
        Err(_) => case.invalid_selector,
        Ok(_) if case.invalid_selector => false,
        Ok(path) => {
            let found: Vec<_> = path.query(&case.document).all().into_iter().cloned().collect();
            case.result.iter().chain(&case.results).any(|result| *result == found)
        }
    };
    let failures: Vec<_> = suite.tests.iter().filter(|case| !passes(case)).map(|case| case.name.as_str()).collect();
    assert_eq!(failures, JSONPATH_FAILURES);
}
