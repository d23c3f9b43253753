//! Where things are, and the rule of generated files: a test refreshes them, no build script does.

use std::fs;
use std::path::PathBuf;

/// The root of the repository. Cargo names it at run time; what was known when this was compiled
/// may be another checkout whose `target` was copied here.
pub fn root() -> PathBuf {
    let house = std::env::var_os("CARGO_MANIFEST_DIR");
    let house = house.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    house.ancestors().nth(2).map(PathBuf::from).unwrap_or_default()
}

/// The text of a file of the repository; empty when there is none.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// Whether the repository has that file.
pub fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// Whether nothing may be left out and nothing may be rewritten.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// Compares `path` with what it should be. A stale file is rewritten and reported once; with `CI`
/// set it is only reported.
///
/// # Errors
/// What is stale, and what to do about it.
pub fn refresh(path: &str, wanted: &str) -> Result<(), String> {
    let file = root().join(path);
    if fs::read_to_string(&file).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    if in_ci() {
        return Err(format!("{path} is stale: run `cargo test -p chinwag-house` and commit it"));
    }
    let written =
        file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, wanted));
    Err(match written {
        Ok(()) => format!("{path} was stale and has been rewritten: look at it and run again"),
        Err(cause) => format!("{path} is stale and cannot be rewritten: {cause}"),
    })
}
