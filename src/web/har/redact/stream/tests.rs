use super::*;
use crate::base::Redactor;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

fn through(document: &Value) -> Value {
    let bytes = document.to_string().into_bytes();
    let mut pseudonyms = Pseudonyms::new(Redactor::default());
    learn(&*bytes, &mut pseudonyms, |_| {}).unwrap();
    let (redacted, out) = redact(&*bytes, Vec::new(), &mut pseudonyms, |_| {}).unwrap();
    assert!(redacted.problems.is_empty(), "{redacted:?}");
    serde_json::from_slice(&out).unwrap()
}

fn jwt() -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": "https://idp.test/", "sub": "user-48213907", "exp": 1_772_366_400, "nonce": "Zn0nce8842xQ"});
    format!("{}.{}.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg", part(json!({"alg": "RS256", "kid": "k1"})), part(claims))
}

const SESSION: &str = "s3ssi0nT0kenValue.c2lnbmF0dXJl%2FZm9v%3D";
const CODE: &str = "SplxlOBeZQQYbYS6WxSbIA";
const STATE: &str = "af0ifjsldkj8271";
const PASSWORD: &str = "correcthorse battery";
const CSRF: &str = "Qx9dL2mN7pR4tV1w";

/// Secrets in every place that a login has for them.
fn secretive() -> Value {
    let page = format!("<input name=csrf value={CSRF}><a href=\"/cb?code={CODE}\">");
    let pair = |name: &str, value: String| json!({"name": name, "value": value});
    json!({"log": {"version": "1.2", "pages": [{"id": "p1", "title": format!("https://app.test/cb?code={CODE}")}], "entries": [
        {"startedDateTime": "2026-03-01T12:00:00Z", "pageref": "p1", "_initiator": {"type": "script", "url": format!("https://app.test/?code={CODE}"), "stack": {"x": SESSION}},
         "request": {"method": "GET", "url": "https://app.test/login"},
         "response": {"status": 200, "content": {"mimeType": "text/html", "text": page}}},
        {"request": {"method": "POST", "url": format!("https://app.test/login?next=%2Fauthorize%3Fstate%3D{STATE}"), "headers": [pair("Content-Type", "application/x-www-form-urlencoded".into())],
                     "postData": {"mimeType": "application/x-www-form-urlencoded", "text": format!("user=jo&password=correcthorse+battery&csrf={CSRF}"), "params": [pair("password", PASSWORD.into())]}},
         "response": {"status": 302, "redirectURL": format!("https://app.test/cb?code={CODE}&state={STATE}"),
                      "headers": [pair("Set-Cookie", format!("sid={SESSION}; Path=/; Expires=Wed, 01 Apr 2026 00:00:00 GMT\nother=Kq8Wm3Zx7Yp2; Secure")), pair("Location", format!("/cb?code={CODE}&state={STATE}"))],
                      "cookies": [{"name": "sid", "value": SESSION}]}},
        {"request": {"method": "GET", "url": format!("https://app.test/cb?code={CODE}&state={STATE}"),
                     "headers": [pair("Cookie", format!("sid={SESSION}; other=Kq8Wm3Zx7Yp2")), pair("Authorization", format!("Bearer {}", jwt())), pair("Referer", format!("https://idp.test/?state={STATE}"))],
                     "cookies": [{"name": "sid", "value": SESSION}], "queryString": [pair("code", CODE.into())]},
         "response": {"status": 200, "content": {"mimeType": "application/json", "text": json!({"id_token": jwt(), "password": PASSWORD, "user": {"otp": 48_219_377}}).to_string()}}},
        {"request": {"method": "POST", "url": "https://app.test/x", "postData": {"mimeType": "multipart/form-data; boundary=b", "text": format!("--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{PASSWORD}\r\n--b--\r\n")}},
         "response": {"status": 200, "content": {"mimeType": "text/plain", "encoding": "base64", "text": STANDARD.encode(format!("your code was {CODE}"))}},
         "_webSocketMessages": [{"data": SESSION}]}
    ]}})
}

#[test]
fn no_secret_survives_anywhere() {
    let out = through(&secretive()).to_string();
    let token = jwt();
    let parts: Vec<&str> = token.split('.').skip(1).collect();
    let secrets = [
        "s3ssi0nT0kenValue",
        "c2lnbmF0dXJl",
        "Zm9v",
        CODE,
        STATE,
        CSRF,
        "correcthorse",
        "battery",
        "Kq8Wm3Zx7Yp2",
        "48219377",
        "user-48213907",
        "Zn0nce8842xQ",
    ];
    for secret in secrets.into_iter().chain(parts) {
        assert!(!out.contains(secret), "{secret} in {out}");
        assert!(!out.contains(&STANDARD.encode(format!("your code was {secret}"))));
    }
    assert!(out.contains("Expires=Wed, 01 Apr 2026 00:00:00 GMT") && out.contains("user=jo&"), "{out}");
}

#[test]
fn equal_values_stay_equal_and_keep_their_form() {
    let out = through(&secretive());
    let entries = out["log"]["entries"].as_array().unwrap();
    let set = entries[1]["response"]["headers"][0]["value"].as_str().unwrap();
    let session = set.split([';', '=']).nth(1).unwrap();
    assert_eq!(session.len(), SESSION.len());
    assert!(session.ends_with("%3D") && session.contains("%2F"), "{session}");
    assert!(entries[2]["request"]["headers"][0]["value"].as_str().unwrap().contains(session));
    assert_eq!(entries[2]["request"]["cookies"][0]["value"], session);
    let url = entries[2]["request"]["url"].as_str().unwrap();
    assert_eq!(entries[1]["response"]["redirectURL"], url);
    let body: Value = serde_json::from_str(entries[2]["response"]["content"]["text"].as_str().unwrap()).unwrap();
    let token = body["id_token"].as_str().unwrap();
    assert!(entries[2]["request"]["headers"][1]["value"].as_str().unwrap().ends_with(token));
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!((&claims["iss"], &claims["exp"]), (&json!("https://idp.test/"), &json!(1_772_366_400)));
}

#[test]
fn a_password_is_one_whatever_its_field_is_called() {
    let page = "<form><input name=who><INPUT  Name = 'j_geheim' class=\"a b\" type=\"password\" /></form>";
    let out = through(&json!({"log": {"entries": [
        {"request": {"url": "https://a.test/"}, "response": {"status": 200, "content": {"mimeType": "text/html", "text": page}}},
        {"request": {"method": "POST", "url": "https://a.test/", "postData": {"mimeType": "application/x-www-form-urlencoded", "text": "who=ada&j_geheim=opensesame"}},
         "response": {"status": 200, "content": {"mimeType": "text/plain", "text": "ada: opensesame"}}}
    ]}}));
    let text = out.to_string();
    assert!(!text.contains("opensesame") && text.contains("who=ada&"), "{text}");
}

#[test]
fn pseudonyms_differ_from_file_to_file() {
    assert_ne!(through(&secretive()).to_string(), through(&secretive()).to_string());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_decoded_value_has_the_decoded_pseudonym(value in "[A-Za-z0-9+/=. ~-]{1,60}") {
        let mut pseudonyms = Pseudonyms::new(Redactor::default());
        const ALL_BUT_HYPHEN: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC.remove(b'-');
        let encoded = percent_encoding::utf8_percent_encode(&value, ALL_BUT_HYPHEN).to_string();
        let hidden = pseudonyms.secret(&encoded);
        let plain = percent_encoding::percent_decode_str(&hidden).decode_utf8_lossy().into_owned();
        prop_assert_eq!(plain, pseudonyms.secret(&value));
    }

    #[test]
    fn no_entry_makes_it_panic(url: String, header: String, body: String, kind in "(application/json|multipart/x|application/x-www-form-urlencoded|text/html)") {
        let mut pseudonyms = Pseudonyms::new(Redactor::default());
        let names = ["Cookie", "Set-Cookie", "Authorization", "Location", "X-Csrf-Token"];
        let headers: Vec<_> = names.iter().map(|name| json!({"name": name, "value": header})).collect();
        let mut entry = serde_json::from_value(json!({"request": {"url": url, "headers": headers, "postData": {"mimeType": kind, "text": body}},
            "response": {"status": 200, "headers": headers, "content": {"mimeType": kind, "text": body, "encoding": "base64"}}})).unwrap();
        pseudonyms.entry(&mut entry);
    }
}
