//! The embedded auth server as a scenario declares it.

use super::*;
use crate::plan::{Backend, GotrueAlgorithm, GotruePlan, RefreshKind};
use std::time::Duration;

fn text(rest: &str) -> String {
    format!(
        "scenario: s\norigins: {{ https://a.test: {{ gotrue: {{ site_url: https://app.test{rest} }} }} }}\nsteps: [{{ open: https://a.test/ }}]\n"
    )
}

fn gotrue(rest: &str) -> GotruePlan {
    let mut compiled = compiled(&text(rest));
    match compiled.plans.remove(0).origins.remove(0).backend {
        Backend::Gotrue(gotrue) => *gotrue,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_said_is_as_a_hosted_project_has_it() {
    let plan = gotrue("");
    assert_eq!((plan.prefix.as_str(), plan.site_url.as_str(), plan.anon_key), ("/auth/v1", "https://app.test/", None));
    assert_eq!((plan.jwt.ttl, plan.jwt.algorithm), (Duration::from_secs(3600), GotrueAlgorithm::Es256));
    assert_eq!((plan.refresh.rotate, plan.refresh.reuse_interval, plan.refresh.kind), (true, Duration::from_secs(10), RefreshKind::Random));
    assert_eq!((plan.rate_limits.token_refresh, plan.rate_limits.sign_in, plan.rate_limits.verify), (150, 30, 30));
    assert_eq!((plan.session.timebox, plan.session.inactivity, plan.signup_disabled, plan.autoconfirm), (None, None, false, false));
}

#[test]
fn everything_can_be_said() {
    let plan = gotrue(
        ", users: { Ada@X.test: { password: p, phone: \"+49 170 1\", user_metadata: { a: 1 } }, \"+4915112345678\": { banned: true, confirmed: false } }, \
         external: { Google: { issuer: https://idp.test/, client_id: c, secret: s } }, redirect_urls: [https://*.app.test/**], anon_key: k, \
         jwt: { ttl: 5m, alg: HS256, secret: s }, refresh: { rotate: false, reuse_interval: 0s, kind: counter }, \
         session: { timebox: 24h, inactivity: 8h }, otp: { mail_ttl: 10m, sms_ttl: 30s, frequency: 1s, link: https://app.test/c }, \
         rate_limits: { verify: 3 }, signup: false, autoconfirm: true, prefix: /, faults: [jwt_expired]",
    );
    let [ada, other] = plan.users.as_slice() else { panic!("two users") };
    assert_eq!((ada.email.as_deref(), ada.phone.as_deref(), ada.confirmed), (Some("ada@x.test"), Some("491701"), true));
    assert_eq!((other.email.as_deref(), other.phone.as_deref(), other.banned, other.confirmed), (None, Some("4915112345678"), true, false));
    assert_eq!((plan.external[0].name.as_str(), plan.external[0].scopes.as_str()), ("google", "openid email profile"));
    assert!(plan.redirect_urls[0].fits("https://pr.app.test/x") && matches!(plan.jwt.algorithm, GotrueAlgorithm::Hs256(_)));
    assert_eq!((plan.refresh.kind, plan.session.timebox), (RefreshKind::Counter, Some(Duration::from_secs(86400))));
    assert_eq!((plan.prefix.as_str(), plan.rate_limits.verify, plan.signup_disabled, plan.faults.len()), ("", 3, true, 1));
}

#[test]
fn what_cannot_be_meant_is_told_with_the_way_out() {
    for (rest, message, hint) in [
        (", users: { ada: {} }", "`ada` is no phone number", "name a user by e-mail address"),
        (", users: { a@x.test: { id: 7 } }", "`7` is no UUID", "8-4-4-4-12"),
        (", users: { \"+491701234567\": { phone: \"+491701234568\" } }", "has two phone numbers", "leave `phone` out"),
        (", external: { g: { issuer: idp.test, client_id: c } }", "`idp.test` is no issuer", "write its whole URL"),
        (", redirect_urls: [\"https://[a\"]", "not a pattern for addresses", "write `https://app.test/**`"),
        (", jwt: { alg: HS256 }", "`HS256` needs a secret", "add `secret`"),
        (", jwt: { alg: ES256, secret: s }", "`ES256` takes no secret", "leave `secret` out"),
        (", jwt: { alg: RS256 }", "unknown algorithm `RS256`", "did you mean `ES256`?"),
        (", refresh: { kind: v2 }", "unknown kind of refresh token `v2`", "random"),
        (", prefix: auth", "`auth` is no path", "`/auth/v1`"),
        (", faults: [otp_unsent]", "`otp_unsent` is a fault of `otp`, not of `gotrue`", ""),
    ] {
        let told = told(&text(rest));
        assert!(told.contains(message) && told.contains(hint), "{rest}:\n{told}");
    }
    let no_site = told("scenario: s\norigins: { https://a.test: { gotrue: { site_url: app } } }\nsteps: [{ open: https://a.test/ }]\n");
    assert!(no_site.contains("`app` is no address") && no_site.contains("`https://app.test`"), "{no_site}");
}
