use proptest::prelude::*;

use super::*;

const JWT: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJqYXJ2aXMifQ.MEUCIQDx";

#[test]
fn values_are_known_by_their_shape() {
    for (value, expected) in [
        (JWT, Kind::Jwt),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", Kind::Jwt),
        ("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", Kind::Jwt),
        ("0190a8b4-7b1c-7d3e-8f00-0123456789ab", Kind::Uuid),
        ("0190A8B4-7B1C-7D3E-8F00-0123456789AB", Kind::Uuid),
        ("urn:uuid:0190a8b4-7b1c-7d3e-8f00-0123456789ab", Kind::Uuid),
        ("01J5Z3NDEKTSV4RRFFQ69G5FAV", Kind::Id),
        ("01j5z3ndektsv4rrffq69g5fav", Kind::Id),
        ("d41d8cd98f00b204e9800998ecf8427e", Kind::Id),
        ("9f86d081884c7d65", Kind::Id),
        ("V1StGXR8_Z5jdHi6B-myT", Kind::Id),
        ("175928847299117063", Kind::Id),
        ("2026-11-21T01:44:02Z", Kind::Time),
        ("2026-11-21T01:44:02.123456+01:00", Kind::Time),
        ("2026-11-21 01:44:02", Kind::Time),
        ("2026-11-21T01:44:02.5", Kind::Time),
        ("Sat, 21 Nov 2026 01:44:02 GMT", Kind::Time),
        ("Sat, 21-Nov-2026 01:44:02 GMT", Kind::Time),
        ("Sat Nov  1 01:44:02 2026", Kind::Time),
        ("1795225442", Kind::Time),
        ("1795225442123", Kind::Time),
        ("1795225442.25", Kind::Time),
        ("SplxlOBeZQQYbYS6WxSbIA", Kind::Token),
        ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", Kind::Token),
        ("k3JxQ0bV9mTzLr7HnWc2YdPa.9uS5eKf1GhZxC8vBnM3qWtRyUiOpAsDf%2BgHj%3D", Kind::Token),
        ("s%3Ak3JxQ0bV9mTzLr7HnWc2YdPa.9uS5eKf1GhZxC8vBnM3qWtRyUiOpAsDf", Kind::Token),
    ] {
        assert_eq!(kind(None, value), Some(expected), "{value}");
    }
}

#[test]
fn what_people_write_stays_readable() {
    for value in [
        "",
        "0",
        "1",
        "200",
        "3600",
        "86400000",
        "-1",
        "3.14",
        "true",
        "null",
        "jarvis",
        "jarvis@mosaic.test",
        "a.very.long.address.of.somebody@subdomain.example.com",
        "openid email profile offline_access",
        "code",
        "S256",
        "authorization_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "https://api.mosaic.test/auth/oauth2/callback/authentik",
        "/auth/oauth2/callback/authentik",
        "/application/o/authorize/",
        "please_restart_the_process",
        "challenge_not_found",
        "flow_state_already_used",
        "ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION",
        "SameSiteUnspecifiedTreatedAsLax",
        "UnknownErrorWhileAuthenticating",
        "better-auth.session_token",
        "__Secure-better-auth.session_token",
        "default-authentication-flow",
        "default-provider-authorization-explicit-consent",
        "application/x-www-form-urlencoded",
        "text/html; charset=utf-8",
        "preferredUsernameClaimMapping",
        "responseHeadersMultipleLocation",
        "com.example.mobile.authentication.Activity",
        "mosaic-web-frontend-production",
        "kubernetes.default.svc.cluster.local",
        "+15551234567",
        "5551234567",
        "2025550123",
        "004915112345678",
        "1990-01-31",
        "2026-11",
        "12:30:00",
        "v1.2.3-beta.4",
        "1.2.3",
        "Mozilla/5.0",
        "en-US,en;q=0.9",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "0000000000000000",
        "aaaaaaaaaaaaaaaaaaaa",
        "no-store, no-cache, must-revalidate",
        "Sign in with Authentik",
        "max-age=31536000; includeSubDomains",
        "abcdefghijklmnopqrstuvwxyz",
        "emailVerificationRequired",
        "AUTHENTIK_BOOTSTRAP_PASSWORD",
        "IdentityProviderMisconfigured",
        "localhost:3000",
        "app.mosaic.test",
        "e3.b0.c4",
        "x-forwarded-proto",
        "getServerSideSessionFromRequestHeaders",
        "users/profile/settings/AccountInformation",
        "NEXT_PUBLIC_BETTER_AUTH_URL",
        "signInWithOAuth2Provider",
        "Content-Security-Policy",
        "org/doc/html/rfc3339",
        "/draft/html/rfc6265bis-22",
    ] {
        assert_eq!(kind(None, value), None, "{value}");
        assert_eq!(mask(None, value), value);
    }
}

#[test]
fn names_tell_what_shape_cannot() {
    for (key, value, expected) in [
        ("state", "xyz123", Some(Kind::State)),
        ("state", "active", None),
        ("state", "SIGNED_OUT", None),
        ("state", JWT, Some(Kind::Jwt)),
        ("code", "a1b2c3", Some(Kind::Code)),
        ("code", "482913", Some(Kind::Code)),
        ("code", "401", None),
        ("code", "challenge_expired", None),
        ("code", "INVALID_TOKEN", None),
        ("error_code", "otp_expired", None),
        ("nonce", "n", Some(Kind::Nonce)),
        ("code_challenge", "plain", Some(Kind::Pkce)),
        ("codeVerifier", "abc", Some(Kind::Pkce)),
        ("code_challenge_method", "S256", None),
        ("access_token", JWT, Some(Kind::Jwt)),
        ("refreshToken", "r1", Some(Kind::Token)),
        ("id_token", JWT, Some(Kind::Jwt)),
        ("token_type", "Bearer", None),
        ("ott", "4f2a", Some(Kind::Token)),
        ("session_state", "s1.s2", Some(Kind::Token)),
        ("csrfmiddlewaretoken", "x1", Some(Kind::Csrf)),
        ("X-CSRF-Token", "k9", Some(Kind::Csrf)),
        ("authenticity_token", "k9==", Some(Kind::Csrf)),
        ("exp", "2147483648", Some(Kind::Time)),
        ("expires_in", "3600", None),
        ("phone", "1555123456", Some(Kind::Time)),
        ("status", "active", None),
        ("email", "jarvis@mosaic.test", None),
        ("client_id", "mosaic", None),
        ("redirect_uri", "https://api.mosaic.test/cb", None),
    ] {
        assert_eq!(kind(Some(key), value), expected, "{key}={value}");
    }
}

#[test]
fn placeholders_are_distinct_and_marked() {
    let kinds = [Kind::Jwt, Kind::Uuid, Kind::Id, Kind::Time, Kind::Token, Kind::Code, Kind::State, Kind::Nonce, Kind::Pkce, Kind::Csrf];
    let words: std::collections::HashSet<_> = kinds.iter().map(|kind| kind.word()).collect();
    assert_eq!(words.len(), kinds.len());
    assert_eq!(Kind::State.to_string(), "‹state›");
    assert_eq!(mask(None, JWT), "‹jwt›");
}

/// A small fixed generator: the property is about a hundred thousand values, the same on each run.
fn random_texts(alphabet: &[u8], len: usize, count: usize) -> Vec<String> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let index = |number: u64| usize::try_from(number % alphabet.len() as u64).unwrap_or(0);
    (0..count).map(|_| (0..len).map(|_| char::from(alphabet[index(next() >> 11)])).collect()).collect()
}

#[test]
fn random_values_are_masked_and_always_by_the_same_kind() {
    const BASE64URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (base62, base36, hex) = (&BASE64URL[..62], &BASE64URL[26..62], b"0123456789abcdef".as_slice());
    // Misses in ten thousand that are tolerable: short values of few classes can look like words.
    for (alphabet, len, expected, tolerated) in [
        (BASE64URL, 21, Kind::Id, 10),
        (BASE64URL, 22, Kind::Token, 10),
        (BASE64URL, 27, Kind::Token, 3),
        (BASE64URL, 32, Kind::Token, 1),
        (BASE64URL, 43, Kind::Token, 0),
        (base62, 20, Kind::Token, 10),
        (base62, 32, Kind::Token, 1),
        (base36, 24, Kind::Token, 20),
        (base36, 32, Kind::Token, 3),
        (hex, 32, Kind::Id, 0),
        (hex, 64, Kind::Id, 0),
    ] {
        let missed: Vec<_> = random_texts(alphabet, len, 10_000).into_iter().filter(|text| kind(None, text) != Some(expected)).collect();
        assert!(missed.len() <= tolerated, "{} of {len}: {} missed, {:?}", alphabet.len(), missed.len(), missed.first());
    }
}

proptest! {
    #[test]
    fn no_value_makes_it_panic(key: Option<String>, value: String) {
        let _ = kind(key.as_deref(), &value);
    }

    #[test]
    fn ordinary_sentences_stay(words in prop::collection::vec("[a-z]{1,9}", 2..8)) {
        let sentence = words.join(" ");
        prop_assert_eq!(kind(None, &sentence), None);
    }
}
