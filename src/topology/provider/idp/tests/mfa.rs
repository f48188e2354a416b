//! The second factor on the plain pages.

use super::*;
use time::OffsetDateTime;

const LOGIN: &str = "/if/flow/default-authentication-flow/";
/// The seed of RFC 6238, appendix B.
const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn seed() -> TotpSeed {
    TotpSeed::read(&Secret::new("seed", SEED)).unwrap()
}

pub(super) fn with_totp() -> Browser {
    Browser::new(|plan| plan.users[0].mfa = Some(Mfa::Totp(seed())))
}

pub(super) fn with_mail() -> Browser {
    Browser::new(|plan| plan.users[0].mfa = Some(Mfa::Mail("jarvis@mosaic.test".to_owned())))
}

impl Browser {
    /// The code that the user's app shows `ahead` seconds from now.
    pub(super) fn app_code(&self, ahead: i64) -> String {
        let now: OffsetDateTime = self.surroundings.clock.now();
        seed().code(u64::try_from(now.unix_timestamp() + ahead).unwrap())
    }

    /// The code in the last of `count` mails.
    pub(super) fn mailed_code(&self, count: usize) -> String {
        let messages = self.surroundings.inbox.messages();
        assert_eq!(messages.len(), count);
        let draft = &messages.last().unwrap().draft;
        assert_eq!((draft.to.as_slice(), draft.from.as_str()), (["jarvis@mosaic.test".to_owned()].as_slice(), "no-reply@auth.test"));
        let found = draft.text.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 6);
        found.unwrap_or_else(|| panic!("{}", draft.text)).to_owned()
    }

    /// From an authorization request up to the page for the code: its address and its form's transaction.
    async fn up_to_code(&mut self) -> (String, String) {
        let login = self.get(&authorize_uri(&healthy())).await.location().to_owned();
        let reply = self.log_in(&login, "jarvis", "jarvis-pässword").await;
        let address = reply.location().to_owned();
        let page = self.get(&address).await;
        assert_eq!(page.text("h1"), "Enter your code");
        (address, page.transaction())
    }

    async fn type_code(&mut self, (address, transaction): &(String, String), code: &str) -> Reply {
        self.post(address, &[("transaction", transaction), ("code", code)]).await
    }
}

#[tokio::test]
async fn a_code_of_the_app_ends_the_login_and_is_good_once() {
    let mut browser = with_totp();
    let page = browser.up_to_code().await;
    let code = browser.app_code(0);
    let reply = browser.type_code(&page, &code).await;
    assert_eq!(reply.note, "login: `jarvis` logged in, the code is right");
    let back = reply.location().to_owned();
    let granted = browser.get(&back).await.returned().remove("code").expect("the session is fresh for the request");
    let tokens = browser.redeem(&granted).await.json();
    assert_eq!(browser.verify(tokens["id_token"].as_str().unwrap()).await["amr"], json!(["pwd", "otp", "mfa"]));

    let mut other = browser.another();
    let page = other.up_to_code().await;
    let reply = other.type_code(&page, &code).await;
    assert_eq!((reply.status.as_u16(), reply.note.as_str()), (200, "login: refused, the code was used before (user `jarvis`)"));
    assert!(other.get("/if/user/").await.location().starts_with(LOGIN));
}

#[tokio::test]
async fn without_the_code_nobody_is_logged_in() {
    let mut browser = with_totp();
    let page = browser.up_to_code().await;
    assert!(browser.get(&authorize_uri(&healthy())).await.location().starts_with(LOGIN));
    let reply = browser.type_code(&page, "000000").await;
    assert_eq!(reply.text("[role=alert]"), "This code is not right. Please check it and try again.");
    assert_eq!(reply.attribute("input[name=code]", "aria-describedby").as_deref(), Some("error"));
    assert!(browser.get(&authorize_uri(&healthy())).await.location().starts_with(LOGIN));
}

#[tokio::test]
async fn after_five_wrong_codes_the_login_starts_over() {
    let mut browser = with_totp();
    let page = browser.up_to_code().await;
    for _ in 0..4 {
        assert_eq!(browser.type_code(&page, "nonsense").await.status, 200);
    }
    let reply = browser.type_code(&page, "nonsense").await;
    assert_eq!((reply.status.as_u16(), reply.text("h1")), (403, "Log in".to_owned()));
    assert_eq!(reply.note, "login: refused, too many wrong codes, the login starts over (client mosaic)");
    let code = browser.app_code(0);
    assert_eq!(browser.type_code(&page, &code).await.status, 403, "the page for the code is closed");
}

#[tokio::test]
async fn the_page_for_the_code_has_what_phones_and_readers_need() {
    let mut browser = with_mail();
    let (address, _) = browser.up_to_code().await;
    let page = browser.get(&address).await;
    let field = |name| page.attribute("label[for=code] ~ input#code", name);
    assert_eq!(field("autocomplete").as_deref(), Some("one-time-code"));
    assert_eq!((field("inputmode").as_deref(), field("name").as_deref()), (Some("numeric"), Some("code")));
    assert!(field("required").is_some() && field("autofocus").is_some());
    assert!(page.text(".lead").contains("j***@mosaic.test"), "the address is masked");
    assert!(page.attribute("button[name=resend]", "formnovalidate").is_some());
}

#[tokio::test]
async fn a_mailed_code_ends_the_login_and_never_stands_in_a_note() {
    let mut browser = with_mail();
    let login = browser.get(&authorize_uri(&healthy())).await.location().to_owned();
    let sent = browser.log_in(&login, "jarvis", "jarvis-pässword").await;
    assert_eq!(sent.note, "login: password right, a code was mailed (user `jarvis`)");
    let address = sent.location().to_owned();
    let page = browser.get(&address).await;
    let code = browser.mailed_code(1);
    let spaced = format!(" {}-{} ", &code[..3], &code[3..]);
    let reply = browser.type_code(&(address, page.transaction()), &spaced).await;
    assert!(reply.location().starts_with("/application/o/authorize/"));
    assert!(![sent.note, page.note, reply.note].concat().contains(&code));
}

#[tokio::test]
async fn a_mailed_code_expires_after_five_minutes_of_the_run_and_another_can_be_sent() {
    let mut browser = with_mail();
    let page = browser.up_to_code().await;
    browser.surroundings.clock.advance(Duration::from_secs(300));
    let code = browser.mailed_code(1);
    let reply = browser.type_code(&page, &code).await;
    assert_eq!(reply.note, "login: refused, the code is expired (user `jarvis`)");
    let reply = browser.post(&page.0, &[("transaction", &page.1), ("resend", "1"), ("code", "")]).await;
    assert_eq!(
        (reply.text("[role=status]").as_str(), reply.note.as_str()),
        ("A new code is on its way.", "login: another code was mailed (user `jarvis`)")
    );
    assert!(browser.type_code(&page, &code).await.note.contains("wrong code"), "the code before is void");
    let code = browser.mailed_code(2);
    assert_eq!(browser.type_code(&page, &code).await.status, 303);
}

#[tokio::test]
async fn a_mailed_code_can_be_tried_five_times_and_five_are_sent() {
    let mut browser = with_mail();
    let page = browser.up_to_code().await;
    for _ in 0..5 {
        browser.type_code(&page, "nonsense").await;
    }
    let code = browser.mailed_code(1);
    let reply = browser.type_code(&page, &code).await;
    assert_eq!(reply.note, "login: refused, the code was tried too often (user `jarvis`)");
    for mails in 2..=5 {
        browser.post(&page.0, &[("transaction", &page.1), ("resend", "1")]).await;
        browser.mailed_code(mails);
    }
    let reply = browser.post(&page.0, &[("transaction", &page.1), ("resend", "1")]).await;
    assert_eq!((reply.status.as_u16(), reply.note.as_str()), (403, "login: refused, too many codes were mailed (client mosaic)"));
    browser.mailed_code(5);
}

#[tokio::test]
async fn the_page_for_the_code_belongs_to_one_browser() {
    let mut browser = with_totp();
    let page = browser.up_to_code().await;
    let mut attacker = browser.another();
    attacker.get(LOGIN).await;
    assert_eq!(attacker.get(&page.0).await.text("h1"), "Log in");
    let code = browser.app_code(0);
    assert_eq!(attacker.type_code(&page, &code).await.status, 403);
    assert_eq!(browser.type_code(&page, &code).await.status, 303);
}

#[tokio::test]
async fn a_locked_user_is_told_so_only_after_the_right_password() {
    let mut browser = Browser::new(|plan| plan.users[0].locked = true);
    let wrong = browser.log_in(LOGIN, "jarvis", "guess").await;
    assert_eq!(wrong.text("[role=alert]"), "Invalid username or password");
    let right = browser.log_in(LOGIN, "jarvis", "jarvis-pässword").await;
    assert_eq!((right.status.as_u16(), right.text("h1")), (403, "Access denied".to_owned()));
    assert!(right.text("[role=alert]").contains("jarvis is locked"));
    assert_eq!(right.note, "login: refused, the account of `jarvis` is locked");
    assert!(browser.get("/if/user/").await.location().starts_with(LOGIN));
}
