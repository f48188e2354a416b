//! `authchain doctor`: what is there, and what installs the rest.

use crate::world::{Ran, World};

#[test]
fn a_browser_that_is_there_is_tried() {
    let ran = World::new().run(&["doctor", "--engine", "browser"]);
    ran.says(0, &[]);
    let tried = ran.out.lines().find(|line| line.contains("a page in the browser")).unwrap_or_else(|| panic!("{}", ran.out));
    assert!(tried.contains("ok") && tried.contains("loaded in"), "{tried}");
    assert!(!ran.out.contains("http engine"), "{}", ran.out);
}

#[test]
fn what_is_missing_comes_with_the_command_that_installs_it() {
    let world = World::new();
    let ran = Ran::of(world.command().env("PATH", world.path()).args(["doctor"]));
    ran.says(3, &[]);
    for (name, install) in [("chromedriver", "install"), ("geckodriver", "cargo install geckodriver --locked"), ("redis-server", "install")]
    {
        let line = ran.out.lines().find(|line| line.contains(&format!("  {name}"))).unwrap_or_else(|| panic!("{name} in {}", ran.out));
        assert!(line.contains("missing") && line.contains(install), "{line}");
    }
    // Runs without a browser are still possible, and said to be.
    assert!(ran.out.lines().any(|line| line.contains("a page without a browser") && line.contains("ok")), "{}", ran.out);
    let without = Ran::of(world.command().env("PATH", world.path()).args(["doctor", "--engine", "http"]));
    without.says(0, &[]);
}

#[test]
fn a_browser_that_does_not_start_is_told_apart_from_one_that_is_missing() {
    let world = World::new();
    let ran = world.run(&["doctor", "--engine", "browser", "--driver", "/bin/false"]);
    let line = ran.out.lines().find(|line| line.contains("a page in the browser")).unwrap_or_else(|| panic!("{}", ran.out));
    assert!(line.contains("broken") && line.contains("/bin/false"), "{line}");
}
