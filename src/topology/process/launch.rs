//! What exactly is started: program, arguments, directory and environment.

use super::fake_time::FakeTime;
use crate::plan::{ProcessPlan, Scope, Template};
use crate::topology::{Context, Declared, TopologyError};
use serde_json::Value;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What a process gets of the environment that authchain itself was started in.
const PASSED_ON: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];
/// What a process reaches directly instead of through the edge.
const NOT_PROXIED: &str = "localhost,127.0.0.1,::1";

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
        let proxy = || OsString::from(format!("http://{}", self.proxy));
        vec![
            ("HTTP_PROXY", proxy()),
            ("http_proxy", proxy()),
            ("HTTPS_PROXY", proxy()),
            ("https_proxy", proxy()),
            ("NO_PROXY", NOT_PROXIED.into()),
            ("no_proxy", NOT_PROXIED.into()),
            // Node looks at the proxy variables only if it is told to (from 22.21 and 24.0 on).
            ("NODE_USE_ENV_PROXY", "1".into()),
            ("NODE_EXTRA_CA_CERTS", self.authority.clone().into()),
            ("SSL_CERT_FILE", self.bundle.clone().into()),
            ("REQUESTS_CA_BUNDLE", self.bundle.clone().into()),
            ("CURL_CA_BUNDLE", self.bundle.clone().into()),
        ]
    }
}

/// What exactly is started. No `Debug`: arguments and environment may hold secrets.
pub(crate) struct Launch {
    pub(super) program: OsString,
    pub(super) args: Vec<String>,
    pub(super) dir: PathBuf,
    /// The whole environment; of a name that occurs twice the later value counts.
    pub(super) env: Vec<(OsString, OsString)>,
    /// The program as the scenario writes it.
    pub(super) shown: String,
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
        outward: &Outward,
        fake_time: Option<&FakeTime>,
        context: &Context,
    ) -> Result<Self, TopologyError> {
        let mut scope = context.scope.clone();
        let port = ports.first().map_or(0, |(_, port)| *port);
        scope.captures.insert("port".to_owned(), Value::from(port));
        scope.captures.extend(ports.iter().skip(1).map(|(name, port)| (format!("port.{name}"), Value::from(*port))));
        let render = |template: &Template, what: &dyn Fn() -> String| fill(at, template, &scope, what);

        let mut words = plan.run.iter().enumerate().map(|(n, word)| render(word, &|| format!("word {} of `run`", n + 1)));
        let program = words.next().ok_or_else(|| TopologyError::NothingToRun { at: Box::new(at.clone()) })??;
        if program.is_empty() {
            return Err(TopologyError::NothingToRun { at: Box::new(at.clone()) });
        }
        let args = words.collect::<Result<_, _>>()?;
        let shown = plan.run.first().map(Template::display).unwrap_or_default();

        let mut env = passed_on();
        env.extend(outward.environment().into_iter().map(|(name, value)| (name.into(), value)));
        env.push(("PORT".into(), port.to_string().into()));
        for (name, value) in &plan.env {
            let value = render(value, &|| format!("environment variable {name}"))?;
            env.push((name.into(), value.into()));
        }
        for (name, value) in over {
            env.retain(|(known, _)| known != name.as_str());
            if let Some(value) = value {
                let value = render(value, &|| format!("environment variable {name}"))?;
                env.push((name.into(), value.into()));
            }
        }
        if let Some(fake_time) = fake_time {
            let own = env.iter().rev().find(|(name, _)| name == "LD_PRELOAD").map(|(_, value)| value.clone());
            env.extend(fake_time.environment(own.as_deref()));
        }
        Ok(Self { program: resolve(&program, &plan.dir, &context.exe), args, dir: plan.dir.clone(), env, shown })
    }
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
