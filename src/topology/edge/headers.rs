//! Header fields that change on the way through a gateway.

use crate::web::origin::Origin;
use http::header::{CONNECTION, COOKIE, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::IpAddr;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Fields that are for the next hop alone (RFC 9110 §7.6.1; §11.7.1 and §11.7.2 for the two of proxy authentication).
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Removes what is for the next hop alone, and every field that `Connection` names (RFC 9110 §7.6.1).
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = connection_options(headers).filter_map(|name| HeaderName::from_bytes(name).ok()).collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b',')).map(<[u8]>::trim_ascii)
}

/// Puts the cookies of a request into one field: HTTP/2 may send each in a field of its own, but nobody behind the edge speaks it
/// (RFC 9113 §8.2.3).
pub(super) fn join_cookies(headers: &mut HeaderMap) {
    let fields: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if fields.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&fields.join(b"; ".as_slice()))
    {
        headers.insert(COOKIE, joined);
    }
}

/// The protocol that the sender wants to switch to (RFC 9110 §7.8), if it says so in both fields.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let named = connection_options(headers).any(|option| option.eq_ignore_ascii_case(b"upgrade"));
    headers.get(UPGRADE).filter(|_| named).cloned()
}

/// Asks the next hop to switch to `protocol`, or tells that it did.
pub(super) fn set_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

/// Sets `Host`; `authority` is as the client wrote it.
pub(super) fn set_host(headers: &mut HeaderMap, authority: &str) {
    if let Ok(value) = HeaderValue::from_str(authority) {
        headers.insert(HOST, value);
    }
}

/// Tells whoever stands behind how the request looked in front, as reverse proxies commonly do: the client's address is
/// appended to `X-Forwarded-For` (a client may have sent one: nobody behind may trust more than its last entry), the
/// others are replaced.
pub(super) fn set_forwarded(headers: &mut HeaderMap, client: IpAddr, origin: &Origin, authority: &str) {
    let mut chain: Vec<u8> = Vec::new();
    for value in headers.get_all(X_FORWARDED_FOR) {
        chain.extend_from_slice(value.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(client.to_string().as_bytes());
    let mut set = |name: HeaderName, value: &[u8]| {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
    };
    set(X_FORWARDED_FOR, &chain);
    set(X_FORWARDED_PROTO, origin.scheme().as_str().as_bytes());
    set(X_FORWARDED_HOST, authority.as_bytes());
    set(X_FORWARDED_PORT, origin.port().to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&str, &[u8])]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value).unwrap()))
            .collect()
    }

    #[test]
    fn fields_for_one_hop_go_and_so_does_what_connection_names() {
        let mut map = headers(&[
            ("connection", b"close, X-Trace"),
            ("connection", b"te"),
            ("x-trace", b"1"),
            ("te", b"trailers"),
            ("keep-alive", b"timeout=5"),
            ("proxy-authorization", b"Basic x"),
            ("transfer-encoding", b"chunked"),
            ("cookie", b"a=\xff"),
        ]);
        strip_hop_by_hop(&mut map);
        assert_eq!(map, headers(&[("cookie", b"a=\xff")]));
    }

    #[test]
    fn cookies_that_came_one_by_one_go_on_as_one_field() {
        let mut map = headers(&[("cookie", b"a=1"), ("x", b"y"), ("cookie", b"b=\xff"), ("cookie", b"c=3; d=4")]);
        join_cookies(&mut map);
        assert_eq!(map, headers(&[("cookie", b"a=1; b=\xff; c=3; d=4"), ("x", b"y")]));
    }

    #[test]
    fn an_upgrade_needs_both_fields() {
        assert_eq!(upgrade(&headers(&[("connection", b"keep-alive, Upgrade"), ("upgrade", b"websocket")])).unwrap(), "websocket");
        assert!(upgrade(&headers(&[("upgrade", b"h2c")])).is_none());
        assert!(upgrade(&headers(&[("connection", b"upgrade")])).is_none());
    }

    #[test]
    fn the_clients_address_is_appended_and_the_rest_replaced() {
        let mut map = headers(&[("x-forwarded-for", b"203.0.113.9"), ("x-forwarded-for", b"10.0.0.1"), ("x-forwarded-proto", b"gopher")]);
        let origin = "https://app.mosaic.test:8443".parse().unwrap();
        set_forwarded(&mut map, IpAddr::from([127, 0, 0, 1]), &origin, "App.mosaic.test:8443");
        assert_eq!(map["x-forwarded-for"], "203.0.113.9, 10.0.0.1, 127.0.0.1");
        assert_eq!(map.get_all("x-forwarded-for").iter().count(), 1);
        assert_eq!(map["x-forwarded-proto"], "https");
        assert_eq!(map["x-forwarded-host"], "App.mosaic.test:8443");
        assert_eq!(map["x-forwarded-port"], "8443");
    }
}
