//! What exactly is started: program, arguments, directory and environment; or an image with what goes into it.

use super::fake_time::FakeTime;
use crate::plan::{ImagePlan, ProcessPlan, Scope, Template};
use crate::topology::container::{Bridge, INSIDE, Recipe};
use crate::topology::{Context, Declared, TopologyError};
use serde_json::Value;
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// What a process gets of the environment that authchain itself was started in.
const PASSED_ON: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];
/// What a process reaches directly instead of through the edge.
const NOT_PROXIED: &str = "localhost,127.0.0.1,::1";
/// Where a container finds the run's authority, and with it the system's roots.
const AUTHORITY_INSIDE: &str = "/authchain/authority.pem";
const BUNDLE_INSIDE: &str = "/authchain/bundle.pem";

/// How a process reaches the run's other origins.
#[derive(Debug, Clone)]
pub(crate) struct Outward {
    /// The edge's listener for it.
    pub(crate) proxy: SocketAddr,
    /// PEM file with the run's authority.
    pub(crate) authority: PathBuf,
    /// PEM file with the run's authority and the system's roots.
    pub(crate) bundle: PathBuf,
}

impl Outward {
    /// The variables by which common clients find proxy and roots.
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        variables(&self.proxy.to_string(), NOT_PROXIED, self.authority.clone().into(), self.bundle.clone().into())
    }
}

/// The variables by which common clients find a proxy at `proxy`, and roots in these files.
fn variables(proxy: &str, direct: &str, authority: OsString, bundle: OsString) -> Vec<(&'static str, OsString)> {
    let proxy = || OsString::from(format!("http://{proxy}"));
    vec![
        ("HTTP_PROXY", proxy()),
        ("http_proxy", proxy()),
        ("HTTPS_PROXY", proxy()),
        ("https_proxy", proxy()),
        ("NO_PROXY", direct.into()),
        ("no_proxy", direct.into()),
        // Node looks at the proxy variables only if it is told to (from 22.21 and 24.0 on).
        ("NODE_USE_ENV_PROXY", "1".into()),
        ("NODE_EXTRA_CA_CERTS", authority),
        ("SSL_CERT_FILE", bundle.clone()),
        ("REQUESTS_CA_BUNDLE", bundle.clone()),
        ("CURL_CA_BUNDLE", bundle),
    ]
}

/// What exactly is started. No `Debug`: arguments and environment may hold secrets.
pub(crate) enum Launch {
    /// A program of this machine.
    Program(Program),
    /// An image.
    Image(Recipe),
}

/// A program of this machine.
pub(crate) struct Program {
    pub(super) program: OsString,
    pub(super) args: Vec<String>,
    pub(super) dir: PathBuf,
    /// The whole environment; of a name that occurs twice the later value counts.
    pub(super) env: Vec<(OsString, OsString)>,
    /// The program as the scenario writes it.
    pub(super) shown: String,
}

/// Where what is started finds itself.
pub(crate) struct Surroundings<'a> {
    /// How it reaches other origins.
    pub(crate) outward: &'a Outward,
    /// The clock that it lives by, where that is moved.
    pub(crate) fake_time: Option<&'a FakeTime>,
    /// How a container reaches this machine.
    pub(crate) bridge: Option<&'a Bridge>,
}

impl Launch {
    /// Fills the templates of `plan`, with `${port}` among the captures; the first of `ports` is that one, the others are
    /// known by name. `over` is laid over its environment.
    ///
    /// # Errors
    /// When a template has no value, or there is no program.
    pub(crate) fn new(
        at: &Declared,
        plan: &ProcessPlan,
        over: &[(String, Option<Template>)],
        ports: &[(String, u16)],
        surroundings: &Surroundings<'_>,
        context: &Context,
    ) -> Result<Self, TopologyError> {
        let filling = Filling { at, plan, over, context };
        match &plan.image {
            None => filling.program(ports, surroundings).map(Self::Program),
            Some(image) => filling.recipe(image, ports, surroundings).map(Self::Image),
        }
    }
}

/// A plan on its way to values.
struct Filling<'a> {
    at: &'a Declared,
    plan: &'a ProcessPlan,
    over: &'a [(String, Option<Template>)],
    context: &'a Context,
}

impl Filling<'_> {
    fn program(&self, ports: &[(String, u16)], surroundings: &Surroundings<'_>) -> Result<Program, TopologyError> {
        let (at, plan) = (self.at, self.plan);
        let scope = with_ports(self.context.scope.clone(), ports.iter().map(|(name, port)| (name.as_str(), *port)));
        let mut words = self.words(&scope)?.into_iter();
        let program = words.next().filter(|program| !program.is_empty());
        let program = program.ok_or_else(|| TopologyError::NothingToRun { at: Box::new(at.clone()) })?;
        let shown = plan.run.first().map(Template::display).unwrap_or_default();

        let mut env = passed_on();
        env.extend(surroundings.outward.environment().into_iter().map(|(name, value)| (name.into(), value)));
        let port = ports.first().map_or(0, |(_, port)| *port);
        env.push(("PORT".into(), port.to_string().into()));
        self.own_environment(&scope, &mut env)?;
        if let Some(fake_time) = surroundings.fake_time {
            let own = env.iter().rev().find(|(name, _)| name == "LD_PRELOAD").map(|(_, value)| value.clone());
            env.extend(fake_time.environment(own.as_deref()));
        }
        Ok(Program { program: resolve(&program, &plan.dir, &self.context.exe), args: words.collect(), dir: plan.dir.clone(), env, shown })
    }

    fn recipe(&self, image: &ImagePlan, ports: &[(String, u16)], surroundings: &Surroundings<'_>) -> Result<Recipe, TopologyError> {
        let inside: Vec<u16> = std::iter::once(image.port).chain(image.ports.iter().copied()).collect();
        let named = ports.iter().map(|(name, _)| name.as_str()).zip(inside.iter().copied());
        let mut scope = with_ports(self.context.scope.clone(), named);
        let mut env: Vec<(OsString, OsString)> = vec![("PORT".into(), image.port.to_string().into())];
        let mut files = Vec::new();
        if let Some(bridge) = surroundings.bridge {
            let through = |to| bridge.gate(to).map_err(|cause| TopologyError::system("opening a way out of a container", cause));
            reached_inside(&mut scope, through)?;
            let proxy = format!("{INSIDE}:{}", through(surroundings.outward.proxy)?);
            let direct = format!("{NOT_PROXIED},{INSIDE}");
            let variables = variables(&proxy, &direct, AUTHORITY_INSIDE.into(), BUNDLE_INSIDE.into());
            env.extend(variables.into_iter().map(|(name, value)| (name.into(), value)));
            for (inside, file) in [(AUTHORITY_INSIDE, &surroundings.outward.authority), (BUNDLE_INSIDE, &surroundings.outward.bundle)] {
                let bytes = std::fs::read(file).map_err(|cause| TopologyError::system("reading the run's certificates", cause))?;
                files.push((inside.to_owned(), bytes));
            }
        }
        self.own_environment(&scope, &mut env)?;
        for (path, text) in &image.files {
            files.push((path.clone(), fill(self.at, text, &scope, &|| format!("file `{path}`"))?.into_bytes()));
        }
        // Of a name that occurs twice the later value counts.
        let text = |value: OsString| value.to_string_lossy().into_owned();
        let env = env.into_iter().map(|(name, value)| (text(name), text(value))).collect();
        let ports = inside.into_iter().zip(ports.iter().map(|(_, port)| *port)).collect();
        Ok(Recipe { image: image.name.clone(), command: self.words(&scope)?, env, files, ports })
    }

    fn words(&self, scope: &Scope) -> Result<Vec<String>, TopologyError> {
        let words = self.plan.run.iter().enumerate();
        words.map(|(n, word)| fill(self.at, word, scope, &|| format!("word {} of its command", n + 1))).collect()
    }

    /// The scenario's own variables, and what a step lays over them.
    fn own_environment(&self, scope: &Scope, env: &mut Vec<(OsString, OsString)>) -> Result<(), TopologyError> {
        let render = |name: &str, value: &Template| fill(self.at, value, scope, &|| format!("environment variable {name}"));
        for (name, value) in &self.plan.env {
            env.push((name.into(), render(name, value)?.into()));
        }
        for (name, value) in self.over {
            env.retain(|(known, _)| known != name.as_str());
            if let Some(value) = value {
                env.push((name.into(), render(name, value)?.into()));
            }
        }
        Ok(())
    }
}

/// A scope in which `${port}` is the first of these ports, and `${port.NAME}` each other.
fn with_ports<'a>(mut scope: Scope, mut ports: impl Iterator<Item = (&'a str, u16)>) -> Scope {
    let first = ports.next().map_or(0, |(_, port)| port);
    scope.captures.insert("port".to_owned(), Value::from(first));
    scope.captures.extend(ports.map(|(name, port)| (format!("port.{name}"), Value::from(port))));
    scope
}

/// Lets templates know where services of the run are as a container sees them: `${service.NAME.host}`, `port` and `url`.
fn reached_inside(scope: &mut Scope, through: impl Fn(SocketAddr) -> Result<u16, TopologyError>) -> Result<(), TopologyError> {
    let names: Vec<String> =
        scope.captures.keys().filter_map(|key| Some(key.strip_prefix("service.")?.strip_suffix(".host")?.to_owned())).collect();
    for name in names {
        let of = |scope: &Scope, field: &str| scope.captures.get(&format!("service.{name}.{field}")).cloned().unwrap_or_default();
        let (host, port, url) = (of(scope, "host"), of(scope, "port"), of(scope, "url"));
        let ip = host.as_str().and_then(|host| host.parse::<IpAddr>().ok());
        let port = port.as_u64().and_then(|port| u16::try_from(port).ok());
        let (Some(ip), Some(port)) = (ip, port) else { continue };
        let address = SocketAddr::new(ip, port);
        let gate = through(address)?;
        let url = url.as_str().unwrap_or_default().replace(&address.to_string(), &format!("{INSIDE}:{gate}"));
        for (field, value) in [("host", Value::from(INSIDE)), ("port", gate.into()), ("url", url.into())] {
            scope.captures.insert(format!("service.{name}.{field}"), value);
        }
    }
    Ok(())
}

fn fill(at: &Declared, template: &Template, scope: &Scope, what: &dyn Fn() -> String) -> Result<String, TopologyError> {
    template.render(scope).map_err(|cause| TopologyError::Template { at: Box::new(at.clone()), what: what(), cause })
}

/// `authchain` is this executable, a path is relative to `dir` (the system leaves open what it would be relative to), and
/// anything else is looked up in PATH.
fn resolve(program: &str, dir: &Path, exe: &Path) -> OsString {
    if program == "authchain" {
        exe.into()
    } else if program.contains('/') {
        // `dir` itself is relative to where authchain was started, but the program is looked up after going there.
        std::path::absolute(dir.join(program)).unwrap_or_else(|_| dir.join(program)).into()
    } else {
        program.into()
    }
}

/// The one place of the topology that reads the environment.
#[allow(clippy::disallowed_methods)]
fn passed_on() -> Vec<(OsString, OsString)> {
    PASSED_ON.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_this_one_a_path_or_a_name() {
        let (dir, exe) = (Path::new("/scenarios/a"), Path::new("/bin/authchain-1"));
        assert_eq!(resolve("authchain", dir, exe), "/bin/authchain-1");
        assert_eq!(resolve("./server", dir, exe), "/scenarios/a/server");
        assert_eq!(resolve("/usr/bin/node", dir, exe), "/usr/bin/node");
        assert_eq!(resolve("node", dir, exe), "node");
    }
}
