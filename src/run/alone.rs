//! The OpenID provider alone, from a file and flags to a server.

use super::Unusable;
use crate::base::{Diagnostic, Secret, Sources};
pub use crate::plan::Fault;
use crate::plan::{Backend, IdpPlan, Mfa, Service, compile};
use crate::scenario::alone::load_idp;
use crate::scenario::{Diagnostics, System};
use crate::topology::provider::{Alone, alone::Log, serve};
use axum::body::{Body, to_bytes};
use serde_json::{Map, Value, json};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tower::ServiceExt as _;
use url::Url;

/// Largest discovery document that is read; ours has a few kilobytes.
const LARGEST_DOCUMENT: usize = 256 * 1024;

/// Name and password of the user that is there when nobody says who is.
pub const BUILT_IN_USER: (&str, &str) = ("user", "password");

/// What the provider is to be.
#[derive(Debug, Clone)]
pub struct ProviderRequest {
    /// A file with what stands under `idp:` in a scenario.
    pub file: Option<PathBuf>,
    /// Further users.
    pub users: Vec<(String, Secret)>,
    /// Further clients.
    pub clients: Vec<ClientRequest>,
    /// Faults that are on from the start.
    pub faults: Vec<Fault>,
    /// Where it listens; with port 0 the system chooses one.
    pub listen: SocketAddr,
    /// Where clients see it, when that is elsewhere.
    pub issuer: Option<Url>,
    /// Where its admin API listens, if anywhere.
    pub admin: Option<SocketAddr>,
}

/// A client as a flag tells it.
#[derive(Debug, Clone)]
pub struct ClientRequest {
    /// `client_id`.
    pub id: String,
    /// `client_secret`; a public client has none.
    pub secret: Option<Secret>,
    /// One redirect URI; flags of the same id add theirs.
    pub redirect_uri: String,
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct CannotListen {
    /// The address.
    pub address: SocketAddr,
    /// What the system said.
    pub source: std::io::Error,
}

/// Why there is no provider.
#[derive(Debug)]
pub enum NoProvider {
    /// File or flags are wrong.
    Unusable(Unusable),
    /// The system does not give an address.
    CannotListen(CannotListen),
}

/// A provider that listens and waits to be served.
#[derive(Debug)]
pub struct Provider {
    alone: Alone,
    listener: TcpListener,
    admin: Option<TcpListener>,
    facts: Facts,
}

/// What people want to know of a provider.
#[derive(Debug, Clone)]
pub struct Facts {
    /// `iss`.
    pub issuer: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Names and URLs, the discovery document first.
    pub endpoints: Vec<(String, String)>,
    /// Who can log in: the name, and what has to be known beside the password.
    pub users: Vec<(String, &'static str)>,
    /// Who may ask: the id, whether there is a secret, and the redirect URIs.
    pub clients: Vec<(String, bool, Vec<String>)>,
    /// Where the admin API listens.
    pub admin: Option<SocketAddr>,
    /// Whether the only user is the built-in one, whose password is no secret.
    pub built_in_user: bool,
    /// Whether somebody gets codes by mail.
    pub mails: bool,
}

impl Provider {
    /// Reads file and flags, and opens the addresses.
    ///
    /// # Errors
    /// When file or flags are wrong, or an address cannot be listened on.
    pub async fn bind(request: &ProviderRequest) -> Result<Self, NoProvider> {
        let plan = plan(request).map_err(NoProvider::Unusable)?;
        let listener = listen(request.listen).await?;
        let address = listener.local_addr().map_err(|source| cannot(request.listen, source))?;
        let admin = match request.admin {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let base = request.issuer.clone().unwrap_or_else(|| base_of(address));
        let alone = Alone::new(&plan, base);
        let facts = Facts {
            issuer: alone.idp().issuer().to_owned(),
            address,
            endpoints: endpoints(&alone).await,
            users: plan.users.iter().map(|user| (user.name.clone(), beside_password(user.mfa.as_ref(), user.locked))).collect(),
            clients: plan.clients.iter().map(|client| (client.id.clone(), client.secret.is_some(), client.redirect_uris.clone())).collect(),
            admin: admin.as_ref().and_then(|listener| listener.local_addr().ok()),
            built_in_user: has_built_in_user(request),
            mails: plan.users.iter().any(|user| matches!(user.mfa, Some(Mfa::Mail(_)))),
        };
        Ok(Self { alone, listener, admin, facts })
    }

    /// What people want to know of it.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Serves until the future is dropped, which closes every connection. Each request is one line for `log`.
    pub async fn serve(self, log: Log) {
        let everybody = serve(self.listener, self.alone.router(log));
        match self.admin {
            Some(admin) => {
                tokio::join!(everybody, serve(admin, self.alone.admin()));
            }
            None => everybody.await,
        }
    }
}

/// Reads a fault of the provider from a flag: its name, `name=value` with its first argument, or JSON.
///
/// # Errors
/// What is wrong, as a fragment.
pub fn parse_fault(text: &str) -> Result<Fault, String> {
    Fault::parse(text, Service::Idp)
}

fn plan(request: &ProviderRequest) -> Result<IdpPlan, Unusable> {
    let mut sources = Sources::default();
    let unusable = |diagnostics: Vec<Diagnostic>, sources: Sources| Unusable { diagnostics, sources: Arc::new(sources) };
    let added = match added(request) {
        Ok(added) => added,
        Err(diagnostic) => return Err(unusable(vec![*diagnostic], sources)),
    };
    let loaded = load_idp(request.file.as_deref(), &added, &mut sources, Arc::new(System));
    let mut plan = match loaded.and_then(|loaded| compile(&loaded, None)).map(provider_of) {
        Ok(Some(plan)) => plan,
        Ok(None) => return Err(unusable(vec![Diagnostic::error("the file describes no provider")], sources)),
        Err(Diagnostics(diagnostics)) => return Err(unusable(diagnostics, sources)),
    };
    plan.faults.extend(request.faults.iter().cloned());
    if let Some(issuer) = &request.issuer {
        let whole = format!("/application/o/{}/", plan.slug);
        if !matches!(issuer.path(), "" | "/") && issuer.path() != whole {
            let told =
                Diagnostic::error(format!("the provider is always at `{whole}` of its host, and `--issuer` says `{}`", issuer.path()));
            let mut root = issuer.clone();
            root.set_path("");
            return Err(unusable(vec![told.hint(format!("leave the path out: `--issuer {root}`"))], sources));
        }
    }
    Ok(plan)
}

fn provider_of(compiled: crate::plan::Compiled) -> Option<IdpPlan> {
    match compiled.plans.into_iter().next()?.origins.into_iter().next()?.backend {
        Backend::Idp(plan) => Some(*plan),
        _ => None,
    }
}

/// What the flags say, in the form of the file.
fn added(request: &ProviderRequest) -> Result<String, Box<Diagnostic>> {
    let mut users = Map::new();
    let mut add = |name: &str, password: &str| -> Result<(), Box<Diagnostic>> {
        let email = if name.contains('@') { name.to_owned() } else { format!("{name}@example.test") };
        let claims = json!({ "email": literal(&email), "email_verified": true });
        match users.insert(name.to_owned(), json!({ "password": literal(password), "claims": claims })) {
            None => Ok(()),
            Some(_) => Err(Box::new(Diagnostic::error(format!("`--user` names `{name}` twice")).hint("keep one of them"))),
        }
    };
    if has_built_in_user(request) {
        add(BUILT_IN_USER.0, BUILT_IN_USER.1)?;
    }
    for (name, password) in &request.users {
        add(name, password.expose())?;
    }
    let mut clients: Map<String, Value> = Map::new();
    for client in &request.clients {
        let uri = json!(literal(&client.redirect_uri));
        let secret = client.secret.as_ref().map(|secret| json!(literal(secret.expose())));
        match clients.get_mut(&client.id) {
            None => {
                let mut told = json!({ "redirect_uris": [uri] });
                if let Some(secret) = secret {
                    told["secret"] = secret;
                }
                clients.insert(client.id.clone(), told);
            }
            Some(known) if known.get("secret") == secret.as_ref() => {
                if let Some(uris) = known["redirect_uris"].as_array_mut() {
                    uris.push(uri);
                }
            }
            Some(_) => {
                let told = Diagnostic::error(format!("`--client` gives `{}` two secrets", client.id));
                return Err(Box::new(told.hint("write the same secret each time, or another id")));
            }
        }
    }
    Ok(json!({ "users": users, "clients": clients }).to_string())
}

/// Text that holds no placeholders, whatever stands in it.
fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

fn has_built_in_user(request: &ProviderRequest) -> bool {
    request.file.is_none() && request.users.is_empty()
}

fn beside_password(mfa: Option<&Mfa>, locked: bool) -> &'static str {
    match (locked, mfa) {
        (true, _) => "locked",
        (false, Some(Mfa::Totp(_))) => "with a code of an authenticator app",
        (false, Some(Mfa::Mail(_))) => "with a code sent by mail",
        (false, None) => "",
    }
}

/// Where clients on this machine see a server that listens on `address`.
fn base_of(address: SocketAddr) -> Url {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    Url::parse(&format!("http://{}", SocketAddr::new(ip, address.port()))).expect("an address is a host and a port")
}

async fn listen(address: SocketAddr) -> Result<TcpListener, NoProvider> {
    TcpListener::bind(address).await.map_err(|source| cannot(address, source))
}

fn cannot(address: SocketAddr, source: std::io::Error) -> NoProvider {
    NoProvider::CannotListen(CannotListen { address, source })
}

/// The endpoints that the provider announces.
async fn endpoints(alone: &Alone) -> Vec<(String, String)> {
    let discovery = format!("{}.well-known/openid-configuration", alone.idp().issuer());
    let path = Url::parse(&discovery).map(|url| url.path().to_owned()).unwrap_or_default();
    let request = http::Request::get(path).body(Body::empty()).expect("the path of a URL is fit for a request");
    let Ok(response) = alone.idp().router().oneshot(request).await;
    let body = to_bytes(response.into_body(), LARGEST_DOCUMENT).await.unwrap_or_default();
    let document: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
    let announced = document.iter().filter_map(|(name, value)| {
        let name = name.strip_suffix("_endpoint").or_else(|| name.strip_suffix("_uri"))?;
        Some((name.replace('_', " "), value.as_str()?.to_owned()))
    });
    std::iter::once(("discovery".to_owned(), discovery)).chain(announced).collect()
}
