//! One version for everything that is released.

use chinwag_house::files::{exists, in_ci, read};

/// The workspace's own version, from which all others are checked.
fn version() -> String {
    let workspace = read("Cargo.toml");
    let package = workspace.split("[workspace.package]").nth(1).unwrap_or_default();
    after(package, "version = \"").expect("the workspace has a version")
}

/// The text between `marker` and the next double quote.
fn after(text: &str, marker: &str) -> Option<String> {
    let rest = &text[text.find(marker)? + marker.len()..];
    rest.split('"').next().map(str::to_owned)
}

/// Files that name the version, and what stands before it. The first hit counts.
const PLACES: &[(&str, &str)] = &[
    ("Cargo.toml", "chinwag = { path = \"core\", version = \"="),
    ("Cargo.lock", "name = \"chinwag\"\nversion = \""),
    ("bindings-python/pyproject.toml", "\nversion = \""),
    ("bindings-node/package.json", "\"version\": \""),
    ("bindings-node/package-lock.json", "\"version\": \""),
    ("bindings-elixir/mix.exs", "version: \""),
    ("include/chinwag.h", "#define CHINWAG_VERSION \""),
];

/// What the place says, if its file is there.
fn said(path: &str, marker: &str) -> Option<String> {
    let hint = format!("<nothing after {marker:?}>");
    exists(path).then(|| after(&read(path), marker).unwrap_or(hint))
}

#[test]
fn every_place_names_the_same_version() {
    let version = version();
    let mut wrong = Vec::new();
    for (path, marker) in PLACES {
        match said(path, marker) {
            Some(other) if other != version => wrong.push(format!("{path}: {other}")),
            None if in_ci() => wrong.push(format!("{path} is missing")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "the workspace is {version}\n{}", wrong.join("\n"));
}

#[test]
fn the_numbers_in_the_header_come_to_the_version() {
    if !exists("include/chinwag.h") {
        assert!(!in_ci(), "include/chinwag.h is missing");
        return;
    }
    let header = read("include/chinwag.h");
    let number = |part: &str| {
        let marker = format!("#define CHINWAG_VERSION_{part} ");
        let line = header.lines().find_map(|line| line.strip_prefix(marker.as_str()));
        line.unwrap_or_else(|| panic!("the header lacks {marker}")).trim().to_owned()
    };
    let computed = format!("{}.{}.{}", number("MAJOR"), number("MINOR"), number("PATCH"));
    assert_eq!(computed, version());
    let value = |part: &str| number(part).parse::<u64>().expect("a number");
    let sum = value("MAJOR") * 1_000_000 + value("MINOR") * 1_000 + value("PATCH");
    assert_eq!(number("NUMBER"), sum.to_string(), "major * 1000000 + minor * 1000 + patch");
}

#[test]
fn every_crate_takes_the_version_of_the_workspace() {
    let workspace = read("Cargo.toml");
    let members = workspace.split("members = [").nth(1).and_then(|text| text.split(']').next());
    let mut count = 0;
    for member in members.unwrap_or_default().split('"').skip(1).step_by(2) {
        let manifest = read(&format!("{member}/Cargo.toml"));
        assert!(manifest.contains("version.workspace = true"), "{member} has a version of its own");
        count += 1;
    }
    assert!(count > 5, "only {count} members were found");
}

/// A literal version would be one more place.
#[test]
fn the_installer_takes_the_version_from_the_header() {
    let installer = read("bindings-c/install.sh");
    assert!(installer.contains("Version: $version"), "what pkg-config is told has no version");
    assert!(!installer.contains(&version()), "the installer names the version itself");
}

#[test]
fn a_different_version_is_noticed() {
    assert_eq!(after("a\nversion = \"1.2.3\"\n", "\nversion = \"").as_deref(), Some("1.2.3"));
    assert_eq!(
        said("api.toml", "version = \"").as_deref(),
        Some("<nothing after \"version = \\\"\">")
    );
    assert_eq!(said("no/such/file", "x"), None);
}
