//! `authchain idp`.

use super::signals::Signals;
use crate::base::{Diagnostic, Printer, Secret};
use crate::report::console::Style;
use crate::run::alone::{self, BUILT_IN_USER, CannotListen, ClientRequest, Facts, Fault, NoProvider, Provider, ProviderRequest};
use crate::scenario::fault::Service;
use anyhow::Context as _;
use clap::Args;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

const EXAMPLES: &str = "\
Examples:
  authchain idp --client app=http://localhost:3000/callback
      a public client (PKCE is demanded), and a user `user` with the password
      `password`; issuer, discovery and endpoints are printed
  authchain idp --client app:s3cret=http://localhost:3000/callback \\
                --user ada@example.test:lovelace
      a client with a secret, and a user of your own
  authchain idp idp.yaml --admin 127.0.0.1:9001
      all from a file, and an API to switch faults while it runs:
      curl -X POST -d '\"email_unverified\"' http://127.0.0.1:9001/faults
  authchain idp --client app=http://localhost:3000/callback \\
                --fault claim_missing=email --fault slow=2s
      a slow provider that sends no e-mail address

A file holds what stands under `idp:` in a scenario, and may define `secrets:`
beside it:
  secrets: { app: { env: APP_SECRET } }
  consent: once
  users:
    ada: { password: lovelace, claims: { email: ada@example.test } }
  clients:
    app:
      secret: \"${secret.app}\"
      redirect_uris: [\"http://localhost:3000/callback\"]

Redirect URIs are compared character by character (RFC 9700 §2.1). All is kept
in memory: after a restart, keys, sessions and tokens are new ones.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Idp {
    /// What stands under `idp:` in a scenario.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// A client and where it may be sent back to; several with one ID make one client. Without SECRET it is a public one.
    /// Others on this machine can see flags: a secret that protects something belongs in the environment (see FILE).
    #[arg(long, value_name = "ID[:SECRET]=REDIRECT_URI", value_parser = client)]
    client: Vec<ClientRequest>,
    /// Somebody who can log in. May be given several times.
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = user)]
    user: Vec<(String, Secret)>,
    /// Where to listen; with port 0 the system chooses one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000", value_parser = address)]
    listen: SocketAddr,
    /// Where clients see the provider, when it is behind a proxy: `https://auth.example.test`.
    #[arg(long, value_name = "URL", value_parser = issuer)]
    issuer: Option<Url>,
    /// Something to do wrong: NAME, NAME=VALUE, or JSON such as `{"throttled": {"endpoint": "token", "times": 2}}`.
    #[arg(long, value_name = "FAULT", value_parser = alone::parse_fault)]
    fault: Vec<Fault>,
    /// List what can be done wrong.
    #[arg(long)]
    list_faults: bool,
    /// Where to listen for the admin API: faults, calls, inbox, clock and keys, without a password. Off unless given.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    admin: Option<SocketAddr>,
}

pub(super) fn idp(command: Idp, printer: &Printer, quiet: bool) -> anyhow::Result<u8> {
    if command.list_faults {
        return super::faults::list(Some(Service::Idp), printer);
    }
    let request = ProviderRequest {
        file: command.file,
        users: command.user,
        clients: command.client,
        faults: command.fault,
        listen: command.listen,
        issuer: command.issuer,
        admin: command.admin,
    };
    let runtime = super::runtime()?;
    let result = runtime.block_on(serve(&request, printer, quiet));
    // Whoever waits for an answer that never comes is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

async fn serve(request: &ProviderRequest, printer: &Printer, quiet: bool) -> anyhow::Result<u8> {
    let mut signals = Signals::new(printer.watched()).context("failed to listen for signals")?;
    let provider = match Provider::bind(request).await {
        Ok(provider) => provider,
        Err(NoProvider::Unusable(unusable)) => return Ok(super::refuse(&[unusable], printer)),
        Err(NoProvider::CannotListen(why)) => return cannot_listen(&why, printer),
    };
    banner(provider.facts(), printer)?;
    for warning in warnings(provider.facts()) {
        printer.talk(&warning.render(&crate::base::Sources::default(), printer.err_styled()));
    }
    let log = printer.clone();
    let log: Arc<dyn Fn(&str) + Send + Sync> = Arc::new(move |line: &str| {
        if !quiet {
            // Nobody may read any more; the provider goes on.
            drop(log.data(line));
        }
    });
    tokio::select! {
        () = provider.serve(log) => {}
        () = signals.next() => {}
    }
    Ok(0)
}

fn cannot_listen(why: &CannotListen, printer: &Printer) -> anyhow::Result<u8> {
    let mut told = Diagnostic::error(why.to_string());
    told = match why.source.kind() {
        std::io::ErrorKind::AddrInUse => told.hint("stop what listens there, or take another port; with port 0 the system chooses one"),
        std::io::ErrorKind::PermissionDenied => told.hint("ports below 1024 are the administrator's; take a higher one"),
        _ => told.hint("listen on an address of this machine: `127.0.0.1:9000`"),
    };
    super::wrong(&told, printer);
    Ok(3)
}

fn banner(facts: &Facts, printer: &Printer) -> std::io::Result<()> {
    let style = Style::new(printer.out_styled());
    let mut rows = vec![("issuer".to_owned(), facts.issuer.clone())];
    rows.extend(facts.endpoints.iter().cloned());
    for (id, has_secret, uris) in &facts.clients {
        let kind = if *has_secret { "with a secret" } else { "public" };
        rows.push(("client".to_owned(), format!("{id} ({kind}) → {}", uris.join(", "))));
    }
    for (name, beside) in &facts.users {
        let password = if facts.built_in_user { format!(" with the password {}", BUILT_IN_USER.1) } else { String::new() };
        let beside = if beside.is_empty() { String::new() } else { format!(" ({beside})") };
        rows.push(("user".to_owned(), format!("{name}{password}{beside}")));
    }
    rows.extend(facts.admin.map(|address| ("admin".to_owned(), format!("http://{address}/"))));
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines = rows.iter().map(|(name, value)| {
        let padded = format!("{name:<width$}");
        format!("  {}  {}", style.dim(&padded), crate::base::escape::line(value))
    });
    let lines: Vec<_> = lines.collect();
    printer.data(&format!("listening on http://{}\n{}", facts.address, lines.join("\n")))
}

/// What is most likely not meant.
fn warnings(facts: &Facts) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    if facts.clients.is_empty() {
        let told = Diagnostic::warning("no client is registered: every authorization request will be refused");
        warnings.push(told.hint("add one: `--client app=http://localhost:3000/callback`"));
    }
    if facts.mails && facts.admin.is_none() {
        let told = Diagnostic::warning("codes are sent by mail, and nobody can read the mail");
        warnings.push(told.hint("add `--admin 127.0.0.1:9001`, and look at http://127.0.0.1:9001/inbox"));
    }
    if let Some(address) = facts.admin.filter(|address| !is_local(address.ip())) {
        let told = Diagnostic::warning(format!("the admin API on {address} asks nobody for a password"));
        warnings.push(told.hint("listen on 127.0.0.1, unless the network around is yours"));
    }
    warnings
}

fn is_local(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

fn client(text: &str) -> Result<ClientRequest, String> {
    let (who, uri) = text.split_once('=').ok_or("write ID=REDIRECT_URI, or ID:SECRET=REDIRECT_URI")?;
    let (id, secret) = match who.split_once(':') {
        Some((id, secret)) => (id, Some(secret)),
        None => (who, None),
    };
    if id.is_empty() {
        return Err("the client has no id: write ID=REDIRECT_URI".to_owned());
    }
    if secret == Some("") {
        return Err("the secret is empty; leave out the colon for a public client".to_owned());
    }
    match Url::parse(uri) {
        // RFC 6749 §3.1.2: absolute, and without a fragment.
        Ok(url) if url.fragment().is_some() => Err(format!("a redirect URI has no fragment (RFC 6749 §3.1.2): `{uri}`")),
        Ok(_) => Ok(ClientRequest {
            id: id.to_owned(),
            secret: secret.map(|secret| Secret::new(format!("client {id}"), secret)),
            redirect_uri: uri.to_owned(),
        }),
        Err(error) => Err(format!("`{uri}` is not a URL: {error}")),
    }
}

fn user(text: &str) -> Result<(String, Secret), String> {
    match text.split_once(':') {
        Some((name, password)) if !name.is_empty() && !password.is_empty() => {
            Ok((name.to_owned(), Secret::new(format!("user {name}"), password)))
        }
        _ => Err("write NAME:PASSWORD".to_owned()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    numeric.parse().map_err(|_| "write an IP address and a port: `127.0.0.1:9000`".to_owned())
}

fn issuer(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    match url.scheme() {
        "http" | "https" if url.query().is_none() && url.fragment().is_none() && url.username().is_empty() => Ok(url),
        "http" | "https" => Err("an issuer has no query, no fragment and no user (OpenID Connect Discovery 1.0 §3)".to_owned()),
        other => Err(format!("an issuer is `https` or `http`, not `{other}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_read_with_and_without_a_secret() {
        let read = client("app=http://localhost:3000/cb?a=b").unwrap();
        assert_eq!((read.id.as_str(), read.secret, read.redirect_uri.as_str()), ("app", None, "http://localhost:3000/cb?a=b"));
        let read = client("app:s:e=app://callback").unwrap();
        assert_eq!(read.secret.unwrap().expose(), "s:e");
        for wrong in ["app", "=http://a/", "app:=http://a/", "app=/callback", "app=http://a/#b"] {
            assert!(client(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_and_issuers_are_read_strictly() {
        assert_eq!(address("localhost:0").unwrap().to_string(), "127.0.0.1:0");
        assert!(address("[::1]:9000").is_ok() && address("9000").is_err() && address("auth.test:1").is_err());
        assert!(issuer("https://auth.example.test").is_ok());
        for wrong in ["auth.test", "ftp://a", "https://a/?b", "https://u@a/", "https://a/#b"] {
            assert!(issuer(wrong).is_err(), "{wrong}");
        }
        assert!(user("a:b:c").is_ok() && user("a").is_err() && user(":b").is_err());
    }
}
