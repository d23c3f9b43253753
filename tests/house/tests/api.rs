//! What `api.toml` says is what every language has.

use chinwag_house::files::{exists, in_ci, refresh};
use chinwag_house::manifest::Manifest;
use chinwag_house::parity::{BINDINGS, missing};
use chinwag_house::write;

#[test]
fn generated_files_are_fresh() {
    let api = Manifest::load().expect("api.toml is in order");
    let files = write::all(&api).expect("every file can be written");
    let stale: Vec<String> =
        files.iter().filter_map(|(path, text)| refresh(path, text).err()).collect();
    assert!(stale.is_empty(), "\n{}", stale.join("\n"));
}

#[test]
fn every_language_has_everything() {
    let api = Manifest::load().expect("api.toml is in order");
    let mut report = Vec::new();
    for binding in BINDINGS {
        if exists(binding.manifest) {
            report.extend(missing(&api, binding));
        } else if in_ci() {
            report.push(format!("{}: {} is missing", binding.language, binding.manifest));
        }
    }
    assert!(report.is_empty(), "\n{}", report.join("\n"));
}
