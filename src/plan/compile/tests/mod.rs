//! Scenarios through the whole compiler: what good ones become, and what bad ones are told.

mod bad;
mod good;
mod gotrue;
mod idp;
mod lints;
mod names;
mod probe;
mod repository;
mod values;
mod world;

use super::{Compiled, compile, compile_variant};
use crate::base::Sources;
use crate::scenario::environment::Fixed;
use crate::scenario::{Diagnostics, Loaded, load_from};
use std::path::Path;
use std::sync::Arc;

/// Loads `main.yaml` of `world`.
fn load(world: Fixed) -> (Sources, Result<Loaded, Diagnostics>) {
    let mut sources = Sources::default();
    let loaded = load_from(Path::new("main.yaml"), &mut sources, Arc::new(world));
    (sources, loaded)
}

/// Compiles one file with nothing around it.
fn compiled(text: &str) -> Compiled {
    compiled_in(Fixed::default().file("main.yaml", text), None)
}

fn compiled_in(world: Fixed, profile: Option<&str>) -> Compiled {
    let (sources, loaded) = load(world);
    match loaded.and_then(|loaded| compile(&loaded, profile)) {
        Ok(compiled) => compiled,
        Err(faults) => panic!("{}", faults.render(&sources, false)),
    }
}

/// What a person is told about `fixtures/bad/NAME.yaml`.
fn told_of(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bad");
    let mut world = Fixed::default();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        world = world.file(path.file_name().unwrap(), std::fs::read(&path).unwrap());
    }
    let mut sources = Sources::default();
    let loaded = load_from(Path::new(&format!("{name}.yaml")), &mut sources, Arc::new(world));
    match loaded.and_then(|loaded| compile(&loaded, None)) {
        Ok(_) => panic!("{name}.yaml was taken"),
        Err(faults) => faults.render(&sources, false),
    }
}

/// What a person is told about one text.
fn told(text: &str) -> String {
    let (sources, loaded) = load(Fixed::default().file("main.yaml", text));
    match loaded.and_then(|loaded| compile(&loaded, None)) {
        Ok(_) => panic!("this was taken:\n{text}"),
        Err(faults) => faults.render(&sources, false),
    }
}

/// The start of a scenario with one origin, and `rest`.
fn scenario(rest: &str) -> String {
    format!("scenario: s\norigins: {{ https://app.test: {{ stub: [{{ path: /, reply: {{}} }}] }} }}\n{rest}")
}
