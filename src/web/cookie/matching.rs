//! Which hosts and paths a cookie is for, RFC 6265bis §5.1.3 and §5.1.4.

use crate::web::site::is_address;

/// Whether `host` is `domain` or a name below it (§5.1.3). Both canonical: lower case, no leading dot.
///
/// IP addresses match only themselves.
pub fn domain_match(host: &str, domain: &str) -> bool {
    if host == domain {
        return true;
    }
    let below = host.strip_suffix(domain).is_some_and(|head| head.ends_with('.'));
    below && !domain.is_empty() && !is_address(host)
}

/// Whether a request path lies under a cookie's path (§5.1.4). Octets are compared, nothing is decoded.
pub fn path_match(request: &[u8], cookie: &[u8]) -> bool {
    match request.strip_prefix(cookie) {
        Some(rest) => rest.is_empty() || cookie.ends_with(b"/") || rest.starts_with(b"/"),
        None => false,
    }
}

/// The path of a cookie without a Path attribute: the request path up to its last `/`, or `/` (§5.1.4).
pub fn default_path(request: &str) -> &str {
    match request.rfind('/') {
        Some(0) | None => "/",
        Some(_) if !request.starts_with('/') => "/",
        Some(last) => &request[..last],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_covers_itself_and_what_is_below() {
        assert!(domain_match("a.test", "a.test"));
        assert!(domain_match("b.a.test", "a.test"));
        assert!(!domain_match("ba.test", "a.test"));
        assert!(!domain_match("a.test", "b.a.test"));
        assert!(!domain_match("a.test", ""));
        assert!(!domain_match("a.test.", ""));
    }

    #[test]
    fn addresses_cover_themselves_alone() {
        assert!(domain_match("127.0.0.1", "127.0.0.1"));
        assert!(!domain_match("127.0.0.1", "0.0.1"));
    }

    #[test]
    fn a_path_covers_whole_segments() {
        assert!(path_match(b"/a", b"/a") && path_match(b"/a/b", b"/a") && path_match(b"/a/b", b"/a/"));
        assert!(path_match(b"/x", b"/"));
        assert!(!path_match(b"/ab", b"/a") && !path_match(b"/a", b"/a/") && !path_match(b"/A", b"/a"));
    }

    #[test]
    fn the_default_path_is_the_directory() {
        assert_eq!(default_path("/"), "/");
        assert_eq!(default_path("/login"), "/");
        assert_eq!(default_path("/api/auth/callback"), "/api/auth");
        assert_eq!(default_path("/api/"), "/api");
        assert_eq!(default_path(""), "/");
        assert_eq!(default_path("a/b"), "/");
    }
}
