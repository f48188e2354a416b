use super::*;
use proptest::prelude::*;

/// Entries with their numbers, and what was wrong with others.
type Found = (Vec<(u64, Box<Entry>)>, Vec<String>);

fn read(bytes: &[u8]) -> Result<Found, HarError> {
    read_limited(bytes, Limits::default())
}

fn read_limited(bytes: &[u8], limits: Limits) -> Result<Found, HarError> {
    let mut reader = Reader::with_limits(bytes, limits);
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    while let Some(item) = reader.read()? {
        match item {
            Item::Entry(number, entry) => entries.push((number, entry)),
            Item::Problem(problem) => problems.push(problem.to_string()),
            Item::Page(_) => {}
        }
    }
    Ok((entries, problems))
}

fn har(entries: &str) -> String {
    format!(
        r#"{{"log": {{"version": "1.2", "creator": {{"name": "x", "version": "1"}}, "pages": [{{"id": "p"}}], "entries": [{entries}]}}}}"#
    )
}

const GOOD: &str = r#"{"startedDateTime": "2026-03-01T12:00:00Z", "request": {"method": "GET", "url": "https://a.test/", "headers": [{"name": "a", "value": "b"}]}, "response": {"status": 200}}"#;

#[test]
fn a_byte_order_mark_missing_members_and_wrong_types_are_no_trouble() {
    let odd = r#"{"time": "12", "request": {"url": "https://a.test/", "method": null, "headers": [null, {"name": "a", "value": 7}], "cookies": {}},
        "response": {"status": "302", "headers": null, "content": null, "redirectURL": null}, "timings": {"wait": -1}, "_webSocketMessages": [{}]}"#;
    let document = format!("\u{feff}\n{}", har(odd));
    let (entries, problems) = read(document.as_bytes()).unwrap();
    let entry = &entries[0].1;
    assert_eq!((entry.response.status, entry.time, entry.request.headers[0].value.as_str()), (302.0, 12.0, "7"));
    assert!(entry.web_socket && problems.is_empty(), "{problems:?}");
    let none = har(r#"{"request": {"url": "https://a.test/"}, "response": null}"#);
    assert_eq!(read(none.as_bytes()).unwrap().0[0].1.response.status, 0.0);
}

#[test]
fn a_bad_entry_is_named_with_its_place_and_skipped() {
    let document = har(&format!("{GOOD},\n {{\"request\": 5}},\n{{\"request\": {{\"url\": \"https://b.test/\" x}}}},\n{{}},{GOOD}"));
    let (entries, problems) = read(document.as_bytes()).unwrap();
    assert_eq!(entries.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 5]);
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(
        problems[0].starts_with("entry 2 at line 2, column 14") && problems[0].ends_with("where struct Request should be"),
        "{problems:?}"
    );
    assert!(problems[1].starts_with("entry 3 at line 3,"), "{problems:?}");
    assert!(
        problems[2].starts_with("entry 4 at line 4, column 1") && problems[2].ends_with("it has no request with a URL"),
        "{problems:?}"
    );
}

#[test]
fn a_file_that_ends_in_the_middle_gives_what_came_before() {
    let document = har(&format!("{GOOD}, {GOOD}"));
    let (entries, problems) = read(&document.as_bytes()[..document.len() - 60]).unwrap();
    assert_eq!(entries.len(), 1);
    assert!(problems[0].starts_with("entry 2 at line 1,") && problems[0].ends_with("the file ends here, in the middle"), "{problems:?}");
    let (entries, problems) = read(har(&format!("{GOOD},")).as_bytes()).unwrap();
    assert_eq!((entries.len(), problems.len()), (1, 0));
}

#[test]
fn what_is_no_har_is_refused_with_its_place() {
    for (text, why) in [
        ("", "the file ends before its log"),
        ("hello", "a JSON object should begin at line 1, column 1"),
        ("\n [1]", "a JSON object should begin at line 2, column 2"),
        ("{\"a\": 1}", "it has no `log`"),
        ("{\"log\": []}", "`log` should be an object"),
        ("\u{feff}<html>", "a JSON object should begin"),
    ] {
        let error = read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
    assert!(read(b"\xff\xfe{\0").unwrap_err().to_string().contains("UTF-16"));
}

#[test]
fn an_entry_beyond_the_limit_is_skipped_without_being_held() {
    let large = GOOD.replace("\"b\"", &format!("\"{}\"", "x".repeat(2_000_000)));
    let document = har(&format!("{large},{GOOD}"));
    let (entries, problems) = read_limited(document.as_bytes(), Limits { entry: 1_000_000 }).unwrap();
    assert_eq!((entries.len(), entries[0].0), (1, 2));
    assert!(problems[0].starts_with("entry 1") && problems[0].contains("larger"), "{problems:?}");
}

#[test]
fn memory_is_bounded_by_the_largest_entry() {
    let one = GOOD.replace("\"b\"", &format!("\"{}\"", "x".repeat(100_000)));
    let document = har(&vec![one.as_str(); 200].join(","));
    let mut reader = Reader::new(document.as_bytes());
    while reader.read().unwrap().is_some() {
        assert!(reader.scanner.capacity() < 4 * 1024 * 1024, "{}", reader.scanner.capacity());
    }
}

#[test]
fn bytes_that_are_no_unicode_do_not_lose_the_entry() {
    let mut document = har(&GOOD.replace("\"b\"", r#""\ud83d\ude00 \ud800 \\ud800""#)).into_bytes();
    let at = document.windows(3).position(|part| part == b"\"a\"").unwrap();
    document[at + 1] = 0xE9;
    let (entries, problems) = read(&document).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(entries[0].1.request.headers[0].value, "\u{1F600} \u{fffd} \\ud800");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_change_of_a_har_makes_it_panic(at in 0usize..700, byte: u8, cut in 0usize..700) {
        let mut document = har(&format!("{GOOD},{GOOD},{GOOD}")).into_bytes();
        let length = document.len();
        document[at % length] = byte;
        let _ = read(&document);
        let _ = read(&document[..cut % length]);
    }
}
