//! Every fault with every client: whether it was noticed, and by which error.

use crate::driver::{Driver, Hello, Outcome};
use crate::expectations::{Expectations, Must, Row};
use crate::gotrue::Server;
use crate::idp::{Login, Provider};
use crate::install::{Installed, root};
use crate::table::{self, Column, Section};
use crate::{PLACES, tls, told};
use anyhow::{Context as _, Error, Result, bail, ensure};
use authchain::plan::fault::CATALOGUE;
use authchain::plan::{Fault, Service};
use std::collections::BTreeSet;

/// The drivers of OpenID clients, and the names by which the expectations call them.
const OPENID: [(&str, &str); 4] = [
    ("openid-client", "openid-client"),
    ("oauth4webapi", "oauth4webapi"),
    ("express-openid-connect", "express-openid-connect"),
    ("authlib_flask", "Authlib"),
];

/// Says that the table is to be written instead of compared.
const UPDATE: &str = "AUTHCHAIN_UPDATE_CLIENTS";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_make_of_every_fault_what_the_table_says() {
    told(observe().await);
}

async fn observe() -> Result<()> {
    tls();
    let expectations = Expectations::read()?;
    let installed = Installed::ensure()?;
    let [openid_client, oauth4webapi, express, authlib] =
        OPENID.map(|(driver, client)| column::<Provider>(installed, driver, client, &expectations.idp.tried));
    let supabase = column::<Server>(installed, "supabase-js", "@supabase/supabase-js", &expectations.gotrue.tried);
    let (openid_client, oauth4webapi, express, authlib, supabase) =
        tokio::try_join!(openid_client, oauth4webapi, express, authlib, supabase)?;
    let openid = [openid_client, oauth4webapi, express, authlib];
    let supabase = [supabase];
    let sections = [
        Section { title: "OpenID provider", faults: &expectations.idp, columns: &openid },
        Section { title: "Auth server in the style of GoTrue", faults: &expectations.gotrue, columns: &supabase },
    ];
    let wrong: Vec<_> = sections.iter().flat_map(Section::disobedience).collect();
    let page = table::page(&expectations.notes, &sections)?;
    let path = root().join("docs/clients.md");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::create_dir_all(root().join("docs"))?;
        std::fs::write(&path, &page)?;
    }
    ensure!(wrong.is_empty(), "clients did not do what they must:\n{}", wrong.join("\n"));
    let kept = std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
    if kept != page {
        let diff = similar::TextDiff::from_lines(&kept, &page);
        bail!("docs/clients.md is out of date; `cargo xtask generate clients` writes it anew:\n{}", diff.unified_diff().context_radius(0));
    }
    Ok(())
}

/// A provider that one driver logs in at, fault by fault.
trait Trial: Sized {
    const SERVICE: Service;

    async fn start(hello: &Hello) -> Result<Self>;

    /// One login of a new person, as clients usually do it, while the provider does these things wrong.
    async fn login(&self, driver: &mut Driver, faults: Vec<Fault>) -> Result<Outcome>;

    /// How many calls of the last login a fault struck.
    fn struck(&self) -> u64;
}

impl Trial for Provider {
    const SERVICE: Service = Service::Idp;

    async fn start(hello: &Hello) -> Result<Self> {
        Self::start(hello).await
    }

    async fn login(&self, driver: &mut Driver, faults: Vec<Fault>) -> Result<Outcome> {
        self.login(driver, Login { logout: false, ..Login::default() }, faults).await
    }

    fn struck(&self) -> u64 {
        self.struck()
    }
}

impl Trial for Server {
    const SERVICE: Service = Service::Gotrue;

    async fn start(hello: &Hello) -> Result<Self> {
        Self::start(hello, &[]).await
    }

    async fn login(&self, driver: &mut Driver, faults: Vec<Fault>) -> Result<Outcome> {
        self.sign_in(driver, "global", faults).await
    }

    fn struck(&self) -> u64 {
        self.struck()
    }
}

async fn column<T: Trial>(installed: &Installed, name: &'static str, client: &'static str, rows: &[Row]) -> Result<Column> {
    let _place = PLACES.acquire().await?;
    let mut driver = Driver::start(installed, name).await?;
    let provider = T::start(&driver.hello).await?;
    let mut outcomes = Vec::new();
    for row in rows {
        let fault = row.read(T::SERVICE)?;
        let outcome = provider.login(&mut driver, vec![fault]).await.with_context(|| format!("{client}, {}", row.fault))?;
        // A client that does not look at something never asks for it.
        let looked = provider.struck() > 0 || row.excuse(client).is_some();
        ensure!(looked, "{client} never came to where `{}` strikes ({outcome:?})", row.fault);
        outcomes.push(outcome);
    }
    // The faults were the reason, and nothing that they left behind.
    let healthy = provider.login(&mut driver, Vec::new()).await?;
    ensure!(matches!(healthy, Outcome::Accepted(_)), "{client}, without a fault: {healthy:?}");
    driver.end().await?;
    Ok(Column { client, outcomes })
}

impl Section<'_> {
    /// What its clients did against the expectations, a line each.
    fn disobedience(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for column in self.columns {
            for (row, outcome) in self.faults.tried.iter().zip(&column.outcomes) {
                let accepted = matches!(outcome, Outcome::Accepted(_));
                let obeys = match row.must {
                    Must::Either => true,
                    Must::Accept => accepted,
                    Must::Refuse => !accepted,
                };
                match (obeys, row.excuse(column.client)) {
                    (true, None) | (false, Some(_)) => {}
                    (false, None) => lines.push(format!("{}, {}: must {:?}, but: {outcome:?}", column.client, row.fault, row.must)),
                    (true, Some(_)) => lines.push(format!("{}, {}: does what it must; take it out of `except`", column.client, row.fault)),
                }
            }
        }
        lines
    }
}

/// What the note on signatures says of openid-client.
#[tokio::test]
async fn openid_client_looks_at_signatures_only_when_told_to() {
    let outcomes = told(with_and_without_checks("signature_broken").await);
    assert!(matches!(outcomes, [Outcome::Refused { .. }, Outcome::Accepted(_)]), "{outcomes:?}");
}

async fn with_and_without_checks(fault: &str) -> Result<[Outcome; 2]> {
    tls();
    let installed = Installed::ensure()?;
    let _place = PLACES.acquire().await?;
    let mut driver = Driver::start(installed, "openid-client").await?;
    let provider = Provider::start(&driver.hello).await?;
    let fault = Fault::parse(fault, Service::Idp).map_err(Error::msg)?;
    let mut login = Login { logout: false, ..Login::default() };
    let with = provider.login(&mut driver, login, vec![fault.clone()]).await?;
    login.full_checks = false;
    let without = provider.login(&mut driver, login, vec![fault]).await?;
    driver.end().await?;
    Ok([with, without])
}

#[test]
fn every_fault_of_the_catalogue_is_tried_or_has_a_reason_not_to_be() {
    let expectations = told(Expectations::read());
    for (service, faults) in expectations.services() {
        let tried: BTreeSet<_> = faults.tried.iter().map(|row| told(row.read(service)).kind.spec().name).collect();
        let untried: BTreeSet<_> = faults.untried.keys().map(String::as_str).collect();
        let known: BTreeSet<_> = CATALOGUE.iter().filter(|spec| spec.services.contains(&service)).map(|spec| spec.name).collect();
        assert_eq!(&tried | &untried, known);
        assert_eq!(&tried & &untried, BTreeSet::new());
        for note in faults.tried.iter().flat_map(|row| row.except.values()) {
            assert!(expectations.notes.contains_key(note), "there is no note `{note}`");
        }
    }
}
