//! Cookies that are too many for the server's header buffer.

use crate::judge::diagnose::facts::{Facts, cookie_header, place};
use crate::judge::diagnose::rules::{Family, Needs, Rule};
use crate::judge::diagnose::{Evidence, Finding, Severity};
use crate::judge::text::shown;
use crate::trace::Hop;

pub(in crate::judge::diagnose::rules) const RULE: Rule = Rule {
    id: "request-header-budget",
    family: Family::Edge,
    severity: Severity::Error,
    needs: Needs::Chain,
    summary: "a request was refused because its headers are too large, most of them cookies",
    cause: "nginx (8 KB a line), Node (16 KB), Tomcat (8 KB) and load balancers limit request headers; sessions in cookies and piled-up attempts pass that",
    fix: "keep sessions on the server, delete cookies of finished attempts, narrow their Path and Domain; raise the limit on every station",
    reference: "RFC 6585 §5; oauth2-proxy/oauth2-proxy#644, #388; OpenIDC/mod_auth_openidc#114",
    check,
};

/// The smallest limit in use, and the least for which a 400 without words is taken for it.
const SMALLEST: usize = 4096;

fn check(facts: &Facts<'_>) -> Vec<Finding> {
    facts
        .chain
        .hops
        .iter()
        .find_map(|hop| {
            let bytes = cookie_header(hop)?.len();
            let refused = refusal(hop, bytes)?;
            let mut largest: Vec<_> = hop.sent.iter().map(|sent| (sent.name.len() + sent.value.len() + 1, &sent.name)).collect();
            largest.sort_by(|one, other| other.cmp(one));
            let names: Vec<_> =
                largest.iter().take(3).map(|(bytes, name)| format!("`{}` {bytes}", shown(&String::from_utf8_lossy(name), 60))).collect();
            Some(RULE.finding(
                format!("{} refused {bytes} bytes of cookies", place(hop)),
                vec![Evidence::at(
                    hop.id,
                    format!(
                        "{} got {bytes} bytes of cookies in {} and answered {refused}; the largest, in bytes: {}",
                        place(hop),
                        hop.sent.len(),
                        names.join(", ")
                    ),
                )],
            ))
        })
        .into_iter()
        .collect()
}

fn refusal(hop: &Hop, bytes: usize) -> Option<String> {
    let response = hop.response()?;
    let says = || {
        let text = response.body.text();
        let text = text[..text.floor_char_boundary(4096)].to_ascii_lowercase();
        ["header or cookie too large", "header fields too large", "headers too large", "header too large"]
            .iter()
            .any(|word| text.contains(word))
    };
    match response.status {
        // 494 is nginx's own number for it.
        431 | 494 => Some(response.status.to_string()),
        400 if bytes >= SMALLEST && says() => Some("400 and says that the headers are too large".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::judge::testing::{Story, hits};

    fn asks(bytes: usize, status: u16, title: &str) -> bool {
        let mut story = Story::new();
        story.open("https://app.test/").cookies(&format!("sid={}", "x".repeat(bytes))).status(status).html(title);
        hits(RULE.id, &story)
    }

    #[test]
    fn hits_and_near_misses() {
        const WORDS: &str = "400 Request Header Or Cookie Too Large";
        assert!(asks(9000, 431, "") && asks(9000, 400, WORDS));
        assert!(!asks(9000, 400, "Bad Request"), "it may be about anything");
        assert!(!asks(100, 400, WORDS), "it is not the cookies");
        assert!(!asks(9000, 200, WORDS));
    }
}
