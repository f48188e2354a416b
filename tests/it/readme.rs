//! The README's commands and its first scenario, run as they stand there.

use crate::world::{World, project};

fn readme() -> String {
    std::fs::read_to_string(project().join("README.md")).expect("the README")
}

/// The fenced blocks of this language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

#[test]
fn the_first_scenario_and_its_commands_work_as_printed() {
    let text = readme();
    let scenario = blocks(&text, "yaml").into_iter().find(|block| block.starts_with("scenario:")).expect("a first scenario");
    let world = World::new();
    world.write("scenarios/login.yaml", scenario);
    let console = blocks(&text, "console").concat();
    let commands = |start: &str| {
        let prefix = format!("$ {start}");
        let lines = console.lines().filter(move |line| line.starts_with(&prefix));
        lines
            .map(|line| line.split('#').next().unwrap_or_default().trim().trim_start_matches("$ authchain ").to_owned())
            .collect::<Vec<_>>()
    };
    let all = commands("authchain");
    assert!(all.len() >= 5, "{all:?}");
    for command in all {
        let arguments: Vec<&str> = command.split_whitespace().collect();
        // `review` asks on a terminal, and the staging profile is for a provider of one's own.
        match arguments.as_slice() {
            ["review"] => world.run(&["accept"]).says(0, &["accepted"]),
            ["run", "--profile", "staging"] => world.run(&arguments).says(2, &["staging"]),
            _ => world.run(&arguments).says(0, &[]),
        };
    }
    assert!(world.path().join("report.xml").exists());
}

#[test]
fn the_rules_it_names_exist() {
    let text = readme();
    let world = World::new();
    for line in text.lines() {
        for rest in line.split("authchain explain ").skip(1) {
            let rule = rest.split('`').next().unwrap_or_default();
            world.run(&["explain", rule]).says(0, &["fix"]);
        }
    }
}

#[test]
fn documented_services_compile() {
    let text = std::fs::read_to_string(project().join("docs/providers.md")).expect("the document");
    let all: Vec<_> = blocks(&text, "yaml").into_iter().filter(|block| block.starts_with("origins:")).collect();
    assert!(all.len() >= 4, "{all:?}");
    for block in all {
        let names: std::collections::BTreeSet<_> =
            block.split("${secret.").skip(1).filter_map(|rest| rest.split('}').next()).map(str::to_owned).collect();
        // Base32, so that it may be the seed of an authenticator app.
        let secrets: String = names.iter().map(|name| format!("  {name}: {{ default: GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ }}\n")).collect();
        let secrets = if secrets.is_empty() { secrets } else { format!("secrets:\n{secrets}") };
        let origin = block.lines().nth(1).expect("an origin").trim().trim_end_matches(':').to_owned();
        World::with(&format!("scenario: case\n{secrets}{block}steps: [{{ get: \"{origin}/\" }}]\n"))
            .run(&["check", "case.yaml"])
            .says(0, &[]);
    }
}
