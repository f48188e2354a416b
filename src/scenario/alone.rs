//! The embedded OpenID provider by itself: a file that holds what stands under `idp:` in a scenario, and what a command line adds.

use super::environment::{Diagnostics, Environment};
use super::file::{Scenario, SecretSource};
use super::load::{Loaded, read_node};
use super::node::{self, Key, Kind, Node};
use super::origin::{Idp, Origin};
use super::read::{FromYaml, Map, Reader};
use crate::base::{Diagnostic, Sources};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The one origin of the scenario that is made of it. Nothing is ever sent there.
const ORIGIN: &str = "http://idp.localhost";

/// How errors name what came from the command line.
const COMMAND_LINE: &str = "command line";

/// A scenario without steps whose one origin is the provider that `file` describes, with what `added` says (the same, as JSON)
/// laid over it. A file may define its secrets beside the provider's own keys, under `secrets:`.
///
/// # Errors
/// Everything that is wrong in the file, as far as it shows without compiling; users and clients that are in both.
pub fn load_idp(file: Option<&Path>, added: &str, sources: &mut Sources, environment: Arc<dyn Environment>) -> Result<Loaded, Diagnostics> {
    let mut reader = Reader::default();
    let mut secrets = Map::default();
    let mut idp = None;
    if let Some(path) = file {
        let node = read_node(&*environment, sources, path, "say who may ask: `clients: { app: { redirect_uris: [URL] } }`")
            .map_err(|diagnostic| Diagnostics(vec![*diagnostic]))?;
        let (own, rest) = without_secrets(node);
        if let Some(own) = own {
            secrets = Map::<SecretSource>::read(&own, &mut reader).unwrap_or_default();
        }
        idp = Idp::read(&rest, &mut reader);
    }
    let id = sources.add(COMMAND_LINE, added);
    let node = node::parse(id, added).map_err(|diagnostic| Diagnostics(vec![*diagnostic]))?;
    if let Some(over) = node.and_then(|node| Idp::read(&node, &mut reader)) {
        idp = Some(match idp {
            None => over,
            Some(below) => joined(below, over, &mut reader),
        });
    }
    match idp {
        Some(idp) if reader.diagnostics.is_empty() => {
            let key = Key { name: ORIGIN.to_owned(), span: crate::base::Span::new(id, 0..0) };
            let origin = Origin { idp: Some(idp), ..nothing::<Origin>(&key) };
            let origins = Map(vec![(key.clone(), origin)]);
            let scenario = Scenario { origins, secrets, ..nothing::<Scenario>(&key) };
            let file = file.map_or_else(|| PathBuf::from(COMMAND_LINE), Path::to_owned);
            Ok(Loaded { scenario, file, sources: sources.clone(), environment })
        }
        _ => Err(Diagnostics::in_order(reader.diagnostics)),
    }
}

/// A record in which nothing is said; only for those whose keys may all be left out.
fn nothing<T: FromYaml>(at: &Key) -> T {
    let empty = Node { kind: Kind::Map(Vec::new()), span: at.span };
    T::read(&empty, &mut Reader::default()).expect("every key of it may be left out")
}

/// The value of `secrets`, and all else.
fn without_secrets(mut node: Node) -> (Option<Node>, Node) {
    let Kind::Map(entries) = &mut node.kind else { return (None, node) };
    let found = entries.iter().position(|(key, _)| key.name == "secrets").map(|at| entries.remove(at).1);
    (found, node)
}

/// `below` with the users and clients of `over`.
fn joined(mut below: Idp, over: Idp, reader: &mut Reader) -> Idp {
    join("user", &mut below.users, over.users, reader);
    join("client", &mut below.clients, over.clients, reader);
    below
}

fn join<T>(what: &str, below: &mut Map<T>, over: Map<T>, reader: &mut Reader) {
    for (key, value) in over.0 {
        match below.0.iter().find(|(known, _)| known.name == key.name) {
            Some((known, _)) => reader.fault(
                Diagnostic::error(format!("{what} `{}` is in the file and on the command line", key.name))
                    .at(known.span, "in the file")
                    .hint("keep one of them"),
            ),
            None => below.0.push((key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::environment::Fixed;

    fn load(file: Option<&str>, added: &str) -> Result<Idp, String> {
        let mut sources = Sources::default();
        let world = file.map_or_else(Fixed::default, |text| Fixed::default().file("idp.yaml", text));
        let loaded = load_idp(file.map(|_| Path::new("idp.yaml")), added, &mut sources, Arc::new(world));
        let loaded = loaded.map_err(|diagnostics| diagnostics.render(&sources, false))?;
        Ok(loaded.scenario.origins.0.into_iter().next().and_then(|(_, origin)| origin.idp).expect("a provider"))
    }

    #[test]
    fn the_command_line_adds_to_the_file() {
        let idp = load(Some("slug: x\nusers: { a: { password: p } }\n"), r#"{"users": {"b": {"password": "q"}}}"#).unwrap();
        assert_eq!(idp.users.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(idp.slug.map(|slug| slug.value).as_deref(), Some("x"));
        assert_eq!(load(None, "{}").unwrap().users.names().count(), 0);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let text = load(Some("usres: {}\n"), "{}").unwrap_err();
        assert!(text.contains("idp.yaml:1:1") && text.contains("did you mean `users`?"), "{text}");
        let text = load(Some("users: { a: { password: p } }\n"), r#"{"users": {"a": {"password": "q"}}}"#).unwrap_err();
        assert!(text.contains("user `a` is in the file and on the command line") && text.contains("idp.yaml:1:10"), "{text}");
        assert!(load(Some(""), "{}").unwrap_err().contains("idp.yaml is empty"));
        assert!(load(Some("- a\n"), "{}").unwrap_err().contains("expected a mapping"));
    }
}
