//! Set-Cookie lines and what became of them: the browser's word where it has one, our own jar's otherwise.

use super::fact::Refused;
use crate::drive::cookies::{set, unseen};
use crate::trace::{CookieSet, Reason, SetVerdict};
use crate::web::cookie::{Jar, SetBlock, StoreContext};
use time::OffsetDateTime;

/// The verdict on each line of one response.
///
/// `jar` is a shadow of the browser's: it sees the same lines, and tells what a stored cookie did to those that were
/// there. `refused` is what the browser says that it refused; `None` when it says nothing, and then `jar` decides.
pub(super) fn verdicts<'a>(
    jar: &mut Jar,
    context: &StoreContext,
    lines: impl Iterator<Item = &'a [u8]>,
    refused: Option<&[Refused]>,
    credentials: bool,
    now: OffsetDateTime,
) -> Vec<CookieSet> {
    let mut refused: Option<Vec<&Refused>> = refused.map(|refused| refused.iter().collect());
    let one = |line: &'a [u8]| {
        if !credentials {
            let reason = Reason {
                code: "CredentialsOmitted".to_owned(),
                explanation: "the request was made without credentials, so that its answer can set no cookie".to_owned(),
            };
            return CookieSet { verdict: SetVerdict::Blocked(vec![reason]), ..unseen(line) };
        }
        let Some(refused) = &mut refused else { return own(set(&jar.store(context, line, now))) };
        // The same line may come twice, and may be refused once (as it replaces what the first one stored).
        match refused.iter().position(|refused| is_line(refused, line)) {
            Some(at) => {
                let plain = !context.is_schemelessly_same_site();
                let reasons = refused.remove(at).reasons.iter().map(|word| why(if plain { plainly(word) } else { word })).collect();
                CookieSet { verdict: SetVerdict::Blocked(reasons), ..unseen(line) }
            }
            None => kept(set(&jar.store(context, line, now))),
        }
    };
    lines.map(one).collect()
}

fn is_line(refused: &Refused, line: &[u8]) -> bool {
    refused.line.as_bytes() == line || refused.line.trim().as_bytes() == line.trim_ascii()
}

/// What a SameSite word means where more than the scheme makes a request cross-site: Chromium 156 words every SameSite reason
/// as if it were the scheme alone, earlier ones tell the two apart.
pub(super) fn plainly(word: &str) -> &str {
    match word.strip_prefix("Schemeful") {
        Some(plain) if plain.starts_with("SameSite") => plain,
        _ => word,
    }
}

/// The browser stored it, whatever our own rules say, unless they speak of what the browser refuses without a word.
fn kept(mut set: CookieSet) -> CookieSet {
    let silent = |reason: &Reason| reason.code.parse::<SetBlock>().is_ok_and(|block| block.protocol_word().is_none());
    if matches!(&set.verdict, SetVerdict::Blocked(reasons) if reasons.iter().any(silent)) {
        return own(set);
    }
    if let SetVerdict::Blocked(reasons) = set.verdict {
        for reason in reasons {
            let explanation = format!("the browser kept it, though by the rules known here {} ({})", reason.explanation, reason.code);
            set.warnings.push(Reason { code: "BrowserDiffers".to_owned(), explanation });
        }
        set.verdict = SetVerdict::Stored;
    }
    set
}

/// Our own verdict, and marked as such where it is a refusal.
fn own(mut set: CookieSet) -> CookieSet {
    if let SetVerdict::Blocked(reasons) = &mut set.verdict {
        for reason in reasons {
            reason.explanation.push_str(" (told by authchain's own cookie rules: this browser gives no reasons)");
        }
    }
    set
}

fn why(word: &str) -> Reason {
    let known = SetBlock::ALL.iter().find(|block| block.protocol_word() == Some(word));
    let explanation = known.map_or("the browser refused it, by a rule that is not known here", |block| block.explain());
    Reason { code: word.to_owned(), explanation: explanation.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn verdict(jar: &mut Jar, lines: &[&str], refused: Option<&[(&str, &str)]>) -> Vec<SetVerdict> {
        let context = StoreContext::navigation("https://app.test/".parse().unwrap());
        let refused: Option<Vec<_>> = refused.map(|refused| {
            refused.iter().map(|(line, word)| Refused { line: (*line).to_owned(), reasons: vec![(*word).to_owned()] }).collect()
        });
        let lines = lines.iter().map(|line| line.as_bytes());
        verdicts(jar, &context, lines, refused.as_deref(), true, NOW).into_iter().map(|set| set.verdict).collect()
    }

    fn words(verdict: &SetVerdict) -> Vec<&str> {
        match verdict {
            SetVerdict::Blocked(reasons) => reasons.iter().map(|reason| reason.code.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn the_browsers_word_counts() {
        let mut jar = Jar::default();
        let told = verdict(&mut jar, &["a=1", "b=2", "a=2"], Some(&[("b=2", "UserPreferences")]));
        assert_eq!((&told[0], words(&told[1]), &told[2]), (&SetVerdict::Stored, vec!["UserPreferences"], &SetVerdict::Replaced));
        assert_eq!(jar.len(), 1, "what the browser refused is not in the shadow");
        let told = verdict(&mut jar, &["c=1; SameSite=None"], Some(&[]));
        assert_eq!(told, [SetVerdict::Stored], "the browser kept it");
        let told = verdict(&mut jar, &["d=1"], Some(&[("d=1", "NewRule")]));
        assert_eq!(words(&told[0]), ["NewRule"]);
    }

    #[test]
    fn what_is_refused_without_a_word_is_refused_all_the_same() {
        let told = verdict(&mut Jar::default(), &["a=1; Partitioned"], Some(&[]));
        assert_eq!(words(&told[0]), ["InvalidPartitioned"]);
    }

    #[test]
    fn a_word_about_schemes_stays_only_where_the_scheme_alone_differs() {
        let page = |page: &str| StoreContext::subresource("https://app.test/".parse().unwrap(), &page.parse().unwrap());
        let refused = [Refused { line: "a=1".to_owned(), reasons: vec!["SchemefulSameSiteLax".to_owned(), "UserPreferences".to_owned()] }];
        let told = |from: &str| {
            let verdict =
                verdicts(&mut Jar::default(), &page(from), [&b"a=1"[..]].into_iter(), Some(&refused), true, NOW).remove(0).verdict;
            words(&verdict).iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(told("http://app.test"), ["SchemefulSameSiteLax", "UserPreferences"]);
        assert_eq!(told("https://other.test"), ["SameSiteLax", "UserPreferences"]);
    }

    #[test]
    fn the_same_line_is_refused_as_often_as_the_browser_says() {
        let told = verdict(&mut Jar::default(), &["a=1", "a=1"], Some(&[("a=1", "OverwriteSecure")]));
        assert_eq!((words(&told[0]), &told[1]), (vec!["OverwriteSecure"], &SetVerdict::Stored));
    }

    #[test]
    fn without_a_word_of_the_browser_our_own_rules_decide_and_say_so() {
        let told = verdict(&mut Jar::default(), &["a=1; SameSite=None"], None);
        let SetVerdict::Blocked(reasons) = &told[0] else { panic!("{told:?}") };
        assert_eq!(reasons[0].code, "SameSiteNoneInsecure");
        assert!(reasons[0].explanation.contains("own cookie rules"));
    }

    #[test]
    fn a_request_without_credentials_sets_nothing() {
        let context = StoreContext::navigation("https://app.test/".parse().unwrap());
        let mut jar = Jar::default();
        let told = verdicts(&mut jar, &context, [&b"a=1"[..]].into_iter(), Some(&[]), false, NOW);
        assert!(matches!(told[0].verdict, SetVerdict::Blocked(_)) && jar.is_empty());
    }
}
