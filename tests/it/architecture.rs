//! The import table: who may know whom. It keeps the data flowing one way.

use crate::world::project;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Each module and what it may import besides itself and `base`.
const TABLE: [(&str, &[&str]); 11] = [
    ("base", &[]),
    ("web", &[]),
    ("trace", &["web"]),
    ("scenario", &["web"]),
    ("plan", &["scenario", "web"]),
    ("judge", &["plan", "trace", "web"]),
    ("topology", &["plan", "web"]),
    ("drive", &["plan", "trace", "web"]),
    ("report", &["trace", "judge", "web"]),
    ("run", &["scenario", "plan", "topology", "drive", "trace", "judge", "report", "web"]),
    ("cli", &["run", "report", "scenario"]),
];

/// Words that pure modules must not contain: IO belongs elsewhere.
const IMPURE: [&str; 5] = ["tokio", "hyper::", "std::fs", "std::net", "reqwest"];

#[test]
fn modules_import_only_what_the_table_allows() {
    let table: BTreeMap<_, _> = TABLE.into_iter().collect();
    let import = regex::Regex::new(r"\bcrate::(?:\{([^}]*)\}|([a-z_]+))").expect("a fixed expression");
    let mut offences = Vec::new();
    each_source(|module, path, text| {
        let Some(allowed) = table.get(module) else {
            assert!(matches!(module, "lib" | "main"), "{} is in no module of the table", path.display());
            return;
        };
        for found in import.captures_iter(text) {
            let names = found.get(1).or(found.get(2)).map_or("", |names| names.as_str());
            for name in names.split(',').map(|name| name.trim().split("::").next().unwrap_or_default()) {
                let known = table.contains_key(name);
                if known && name != module && name != "base" && !allowed.contains(&name) {
                    offences.push(format!("{}: {module} must not import {name}", path.display()));
                }
            }
        }
    });
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

#[test]
fn judges_and_reports_never_see_sockets_or_files() {
    each_source(|module, path, text| {
        if matches!(module, "web" | "trace" | "judge" | "report") {
            for word in IMPURE {
                assert!(!text.contains(word), "{} mentions {word}", path.display());
            }
        }
    });
}

#[test]
fn one_tls_provider_is_linked() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(project())
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8_lossy(&tree.stdout);
    let linked = |name: &str| tree.lines().any(|line| line.starts_with(&format!("{name} v")));
    assert!(linked("ring"), "ring is the provider");
    for other in ["aws-lc-rs", "aws-lc-sys", "openssl-sys", "native-tls"] {
        assert!(!linked(other), "{other} must not be linked beside ring");
    }
}

fn each_source(mut look: impl FnMut(&str, &Path, &str)) {
    let root = project().join("src");
    let mut folders = vec![root.clone()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).expect("below src");
                let first = inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
                let text = std::fs::read_to_string(&path).expect("text");
                look(first.trim_end_matches(".rs"), inside, &text);
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "the sources were found");
}
