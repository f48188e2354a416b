//! A time-based code, and a server in another time.

use crate::judge::diagnose::facts::{Facts, place, server_clock};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::trace::Hop;
use serde_json::Value;
use url::form_urlencoded;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "otp-window",
    family: Family::State,
    severity: Severity::Warning,
    needs: Needs::Chain,
    summary: "a time-based code was refused by a server whose clock is more than one time step off",
    cause: "codes hold for 30 seconds by the clocks of both sides; the server's and the device's differ by more",
    fix: "keep both clocks by NTP, and accept the step before and after the current one",
    reference: "RFC 6238 §5.2, §6",
    check,
};

/// One time step (RFC 6238 §5.2), in seconds.
const STEP: i64 = 30;

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let found = facts.chain.hops.iter().filter(|hop| brings_code(hop)).find_map(|hop| {
        let refused = hop.status().filter(|status| matches!(status, 400 | 401 | 403 | 422))?;
        let off = server_clock(hop)?;
        (off.abs() > STEP).then(|| {
            let side = if off > 0 { "ahead of" } else { "behind" };
            RULE.finding(
                format!("the server's clock is {} s {side} the client's", off.abs()),
                vec![Evidence::at(
                    hop.id,
                    format!(
                        "{} brought a code, was answered {refused}, and its Date is {} s {side} the time of the request",
                        place(hop),
                        off.abs()
                    ),
                )],
            )
        })
    });
    found.into_iter().collect()
}

/// Whether the request brings a code of an authenticator app: six to eight digits under such a name, or at such a path.
fn brings_code(hop: &Hop) -> bool {
    let path = hop.request.url.path().to_ascii_lowercase();
    let by_path = ["totp", "otp", "2fa", "mfa", "two-factor", "authenticator"].iter().any(|word| path.contains(word));
    let is_code = |name: &str, value: &str| {
        let name = name.to_ascii_lowercase();
        let digits = (6..=8).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
        digits && (name.contains("totp") || by_path && (name.contains("code") || name.contains("otp") || name.contains("token")))
    };
    let body = hop.request.body.get(..hop.request.body.len().min(64 * 1024)).unwrap_or_default();
    if hop.request.method != "POST" {
        return false;
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => map.iter().any(|(name, value)| value.as_str().is_some_and(|value| is_code(name, value))),
        _ => form_urlencoded::parse(body).any(|(name, value)| is_code(&name, &value)),
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn brings(path: &str, body: &'static str, date: &str, status: u16) -> bool {
        let mut story = Story::new();
        story.submit(&format!("https://app.test{path}")).answers("Date", date).status(status).last().request.body = body.into();
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        // The story begins on Sunday, 1 March 2026, 12:00.
        let late = "Sun, 01 Mar 2026 12:02:00 GMT";
        assert!(brings("/totp/verify", "code=123456", late, 401));
        assert!(brings("/login", r#"{"totp":"123456"}"#, late, 400));
        assert!(!brings("/totp/verify", "code=123456", "Sun, 01 Mar 2026 12:00:10 GMT", 401), "the clocks agree");
        assert!(!brings("/totp/verify", "code=123456", late, 200), "it was accepted");
        assert!(!brings("/verify", "code=123456", late, 401), "a code that was sent holds for minutes");
    }
}
