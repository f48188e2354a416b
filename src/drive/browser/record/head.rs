//! Header fields as the protocols give them.

use super::json::{list, text};
use crate::web::headers::Headers;
use serde_json::Value;

/// Most fields of one message that are kept.
const MOST: usize = 1000;

/// CDP's `Headers`: an object whose order is the alphabet's, and whose values join fields of one name by line feeds.
///
/// Chromium sorts it, so the order on the wire is lost; [`wire_order`] puts requests back in it.
pub(super) fn of_object(value: Option<&Value>) -> Headers {
    let mut headers = Headers::new();
    let Some(fields) = value.and_then(Value::as_object) else { return headers };
    for (name, value) in fields.iter().take(MOST) {
        for line in value.as_str().unwrap_or_default().split('\n') {
            headers.append(name.as_str(), line);
        }
    }
    headers
}

/// CDP's `headersText`: the head of an HTTP/1 message as it came, so in order, and each field by itself.
pub(super) fn of_text(head: &str) -> Option<Headers> {
    let (first, fields) = head.split_once("\r\n")?;
    if !first.starts_with("HTTP/") {
        return None;
    }
    let field = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
    Some(fields.split("\r\n").take(MOST).filter_map(field).collect())
}

/// BiDi's `network.Header` list: in order. Firefox joins Set-Cookie lines by line feeds.
pub(super) fn of_list(value: &Value, name: &str) -> Headers {
    let mut headers = Headers::new();
    for header in list(value, name).iter().take(MOST) {
        let Some(name) = text(header, "name") else { continue };
        match header.get("value").and_then(octets) {
            Some(value) if name.eq_ignore_ascii_case("set-cookie") => {
                value.split(|&byte| byte == b'\n').for_each(|line| headers.append(name, line));
            }
            Some(value) => headers.append(name, value),
            None => headers.append(name, ""),
        }
    }
    headers
}

/// BiDi's `network.BytesValue` (WebDriver BiDi §7.5.2.3).
pub(crate) fn octets(value: &Value) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let content = text(value, "value")?;
    match text(value, "type") {
        Some("base64") => base64::engine::general_purpose::STANDARD.decode(content).ok(),
        _ => Some(content.as_bytes().to_vec()),
    }
}

/// Request headers in the order in which Chromium writes them over HTTP/1.1; what a page sets itself keeps the alphabet's.
pub(super) fn wire_order(headers: &Headers) -> Headers {
    let order: &[&str] = if headers.contains("upgrade-insecure-requests") { &NAVIGATION } else { &FETCH };
    let rest = order.iter().position(|name| name.is_empty()).unwrap_or(order.len());
    let place = |name: &str| order.iter().position(|known| name.eq_ignore_ascii_case(known)).unwrap_or(rest);
    let mut fields: Vec<_> = headers.iter().filter(|header| !header.name.starts_with(':')).collect();
    fields.sort_by_key(|header| place(&header.name));
    fields.into_iter().map(|header| (header.name.clone(), header.value.clone())).collect()
}

/// The order of a navigation; the empty name stands for all others.
const NAVIGATION: [&str; 25] = [
    "Host",
    "Connection",
    "Proxy-Connection",
    "Content-Length",
    "Pragma",
    "Cache-Control",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "Upgrade-Insecure-Requests",
    "Content-Type",
    "User-Agent",
    "Origin",
    "",
    "Accept",
    "Sec-Fetch-Site",
    "Sec-Fetch-Mode",
    "Sec-Fetch-User",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Storage-Access",
    "Referer",
    "Accept-Encoding",
    "Accept-Language",
    "If-None-Match",
    "Cookie",
];
/// The order of everything else.
const FETCH: [&str; 23] = [
    "Host",
    "Connection",
    "Proxy-Connection",
    "Content-Length",
    "Pragma",
    "Cache-Control",
    "sec-ch-ua-platform",
    "User-Agent",
    "sec-ch-ua",
    "Content-Type",
    "",
    "sec-ch-ua-mobile",
    "Accept",
    "Origin",
    "Sec-Fetch-Site",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Storage-Access",
    "Referer",
    "Accept-Encoding",
    "Accept-Language",
    "If-None-Match",
    "Cookie",
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pairs(headers: &Headers) -> Vec<(String, String)> {
        headers.iter().map(|header| (header.name.clone(), header.text().into_owned())).collect()
    }

    #[test]
    fn set_cookie_lines_come_apart_in_each_form() {
        let expected = [("set-cookie".to_owned(), "a=1; Path=/".to_owned()), ("set-cookie".to_owned(), "b=2".to_owned())];
        assert_eq!(pairs(&of_object(Some(&json!({ "set-cookie": "a=1; Path=/\nb=2" })))), expected);
        let head = "HTTP/1.1 302 Found\r\nset-cookie: a=1; Path=/\r\nset-cookie: b=2\r\n\r\n";
        assert_eq!(pairs(&of_text(head).unwrap()), expected);
        let list = json!({ "headers": [{ "name": "set-cookie", "value": { "type": "string", "value": "a=1; Path=/\nb=2" } }] });
        assert_eq!(pairs(&of_list(&list, "headers")), expected);
    }

    #[test]
    fn what_is_no_header_is_passed_over() {
        assert_eq!(of_text("SPDY"), None);
        assert_eq!(of_text("garbage\r\na: b"), None);
        assert!(of_object(Some(&json!("text"))).is_empty() && of_object(None).is_empty());
        assert!(of_list(&json!({ "headers": [1, {}, { "value": {} }] }), "headers").is_empty());
        assert_eq!(pairs(&of_object(Some(&json!({ "a": 1 })))), [("a".to_owned(), String::new())]);
    }

    #[test]
    fn bytes_come_as_text_or_in_base64() {
        assert_eq!(octets(&json!({ "type": "base64", "value": "Y2Fm6Q==" })), Some(b"caf\xe9".to_vec()));
        assert_eq!(octets(&json!({ "type": "string", "value": "café" })), Some("café".as_bytes().to_vec()));
        assert_eq!(octets(&json!({ "type": "base64", "value": "%" })), None);
    }
}
