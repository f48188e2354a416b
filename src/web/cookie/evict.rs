//! What goes when there are too many cookies (RFC 6265bis §5.7, "remove excess cookies"), with Chromium's numbers.
//!
//! Chromium weighs cookies by Priority too; here they are all of one priority. Its order otherwise: least recently used first,
//! Secure ones last within a domain; and over the whole jar only what nobody touched for thirty days.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};

use super::jar::Jar;
use super::record::{CookieKey, CookieRecord};
use crate::web::site::Site;

/// More cookies than this under one registrable domain, and it is cut back to [`DOMAIN_KEEP`].
const DOMAIN_MAX: usize = 180;
const DOMAIN_KEEP: usize = 150;
/// More cookies than this in the jar, and it is cut back towards [`JAR_KEEP`].
const JAR_MAX: usize = 3300;
const JAR_KEEP: usize = 3000;
/// What was used since then stays when the whole jar is cut back.
const SAFE_FROM_JAR_CUT: Duration = Duration::days(30);
/// A partition's cookies of one registrable domain: so many, and so many octets of names and values.
const PARTITION_MAX: usize = 180;
const PARTITION_MAX_OCTETS: usize = 10 * 1024;

impl Jar {
    /// Makes room after a cookie of this family and partition came in; tells what had to go.
    pub(super) fn evict(&mut self, family: &str, partition: Option<&Site>, now: OffsetDateTime) -> Vec<CookieKey> {
        let mut doomed = match partition {
            None => self.domain_excess(family),
            Some(site) => self.partition_excess(family, site),
        };
        self.take(&doomed);
        let excess = self.jar_excess(now);
        self.take(&excess);
        doomed.extend(excess);
        doomed
    }

    fn domain_excess(&self, family: &str) -> Vec<CookieKey> {
        if self.members(family, None).count() <= DOMAIN_MAX {
            return Vec::new();
        }
        let mut cookies: Vec<_> = self.members(family, None).collect();
        cookies.sort_by_key(|cookie| (cookie.secure, cookie.last_access, cookie.order));
        keys(&cookies[..cookies.len() - DOMAIN_KEEP])
    }

    fn partition_excess(&self, family: &str, site: &Site) -> Vec<CookieKey> {
        let mut cookies: Vec<_> = self.members(family, Some(site)).collect();
        cookies.sort_by_key(|cookie| (cookie.last_access, cookie.order));
        let (mut count, mut octets) = (cookies.len(), cookies.iter().map(|cookie| cookie.size()).sum::<usize>());
        let excess = cookies
            .iter()
            .take_while(|cookie| {
                let over = count > PARTITION_MAX || octets > PARTITION_MAX_OCTETS;
                count -= 1;
                octets -= cookie.size();
                over
            })
            .count();
        keys(&cookies[..excess])
    }

    fn jar_excess(&mut self, now: OffsetDateTime) -> Vec<CookieKey> {
        if self.len() <= JAR_MAX {
            return Vec::new();
        }
        self.remove_expired(now);
        let mut cookies: Vec<_> = self.iter().filter(|cookie| cookie.key.partition.is_none()).collect();
        if cookies.len() <= JAR_MAX {
            return Vec::new();
        }
        let goal = cookies.len() - JAR_KEEP;
        cookies.retain(|cookie| now - cookie.last_access > SAFE_FROM_JAR_CUT);
        cookies.sort_by_key(|cookie| (cookie.last_access, cookie.order));
        keys(&cookies[..goal.min(cookies.len())])
    }

    fn members<'a>(&'a self, family: &str, partition: Option<&'a Site>) -> impl Iterator<Item = &'a CookieRecord> {
        self.families.get(family).into_iter().flatten().filter(move |cookie| cookie.key.partition.as_ref() == partition)
    }

    fn take(&mut self, doomed: &[CookieKey]) {
        if !doomed.is_empty() {
            let doomed: BTreeSet<_> = doomed.iter().collect();
            self.remove_matching(|cookie| doomed.contains(&cookie.key));
        }
    }
}

fn keys(cookies: &[&CookieRecord]) -> Vec<CookieKey> {
    cookies.iter().map(|cookie| cookie.key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::cookie::{StoreContext, StoreOutcome};
    use time::macros::datetime;

    const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn second(n: usize) -> OffsetDateTime {
        START + Duration::seconds(i64::try_from(n).expect("a small number"))
    }

    fn set(jar: &mut Jar, host: &str, line: &str, now: OffsetDateTime) -> Vec<CookieKey> {
        let url = format!("https://{host}/").parse().expect("a URL");
        let verdict = jar.store(&StoreContext::navigation(url), line.as_bytes(), now);
        assert!(matches!(verdict.outcome, StoreOutcome::Stored { .. }), "{:?}", verdict.outcome);
        verdict.evicted
    }

    fn names(keys: &[CookieKey]) -> Vec<String> {
        keys.iter().map(|key| key.name.to_string()).collect()
    }

    #[test]
    fn the_181st_cookie_of_a_domain_costs_the_31_least_recently_used() {
        let mut jar = Jar::default();
        for n in 0..180 {
            assert!(set(&mut jar, &format!("h{}.x.test", n % 3), &format!("c{n}=1"), second(n)).is_empty());
        }
        let evicted = set(&mut jar, "x.test", "last=1", second(180));
        assert_eq!(names(&evicted), (0..31).map(|n| format!("c{n}")).collect::<Vec<_>>());
        assert_eq!(jar.len(), 150);
    }

    #[test]
    fn secure_cookies_of_a_domain_go_last() {
        let mut jar = Jar::default();
        for n in 0..170 {
            set(&mut jar, "x.test", &format!("s{n}=1; Secure"), second(n));
        }
        for n in 170..180 {
            set(&mut jar, "x.test", &format!("p{n}=1"), second(n));
        }
        let evicted = names(&set(&mut jar, "x.test", "last=1; Secure", second(180)));
        assert_eq!(evicted.len(), 31);
        assert_eq!(evicted.iter().filter(|name| name.starts_with('p')).count(), 10);
        assert!(evicted.contains(&"s20".to_owned()) && !evicted.contains(&"s21".to_owned()));
    }

    #[test]
    fn a_full_jar_gives_up_only_what_was_idle_for_thirty_days() {
        let mut jar = Jar::default();
        for n in 0..3300 {
            set(&mut jar, &format!("h{}.test", n / 100), &format!("c{n}=1"), second(n));
        }
        let mut soon = jar.clone();
        assert!(set(&mut soon, "new.test", "a=1", second(4000)).is_empty());
        assert_eq!(soon.len(), 3301);
        let evicted = set(&mut jar, "new.test", "a=1", START + Duration::days(31));
        assert_eq!(evicted.len(), 301);
        assert_eq!(names(&evicted[..2]), ["c0", "c1"]);
        assert_eq!(jar.len(), 3000);
    }

    #[test]
    fn a_partition_holds_ten_kibibytes_of_a_domain() {
        let mut jar = Jar::default();
        let value = "v".repeat(4000);
        for (n, expected) in [vec![], vec![], vec!["c0"], vec!["c1"]].into_iter().enumerate() {
            let line = format!("c{n}={value}; Secure; Partitioned; SameSite=None");
            assert_eq!(names(&set(&mut jar, "x.test", &line, second(n))), expected);
        }
    }
}
