//! Words that must not be committed, and documents that must look like documents.

use super::{File, Tree};

/// What is left over from work that is not finished. Written in halves, so that this file passes.
const LEFTOVERS: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("db", "g!("),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("#[ign", "ore"),
    concat!("<<<<", "<<<"),
    concat!(">>>>", ">>>"),
];

/// Leftovers in code.
pub fn leftovers(tree: &Tree) -> Vec<String> {
    find(tree.code(), LEFTOVERS)
}

/// Paths of one machine, in any file.
pub fn machine_paths(tree: &Tree) -> Vec<String> {
    find(tree.files.iter(), &[concat!("/wor", "k/"), concat!("/ho", "me/"), concat!("/ro", "ot/")])
}

fn find<'a>(files: impl Iterator<Item = &'a File>, words: &[&str]) -> Vec<String> {
    let mut report = Vec::new();
    for file in files {
        for (number, line) in (1..).zip(file.text.lines()) {
            for word in words.iter().filter(|word| line.contains(**word)) {
                report.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    report
}

/// The public index, which every lock file may name.
const INDEX: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Lock files that say where something was downloaded from.
pub fn lock_files(tree: &Tree) -> Vec<String> {
    let locks = |file: &&File| matches!(file.name(), "Cargo.lock" | "package-lock.json");
    let mut report = Vec::new();
    for file in tree.files.iter().filter(locks) {
        for (number, line) in (1..).zip(file.text.lines()) {
            let resolved = line.contains("\"resolved\":");
            let elsewhere = line.starts_with("source = ") && !line.contains(INDEX);
            if resolved || elsewhere {
                report.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    report
}

/// Documents without exactly one title.
pub fn titles(tree: &Tree) -> Vec<String> {
    let mut report = Vec::new();
    for file in tree.files.iter().filter(|file| file.extension() == "md") {
        let mut code = false;
        let titles = file.text.lines().filter(|line| {
            code ^= line.trim_start().starts_with("```");
            !code && line.starts_with("# ")
        });
        let count = titles.count();
        if count != 1 {
            report.push(format!("{}: {count} titles, must be one", file.path));
        }
    }
    report
}

/// Folders of ours, as documents name them.
const OURS: &[&str] = &["core/", "docs/", "tests/", "bindings-", "include/", "cli/", ".ci/"];

/// Files and folders that documents name and that are not there.
pub fn places(tree: &Tree) -> Vec<String> {
    let there = |path: &str| {
        let path = path.trim_end_matches('/');
        tree.files.iter().any(|file| {
            file.path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let mut report = Vec::new();
    for file in tree.files.iter().filter(|file| file.extension() == "md") {
        // Beside packages and agents, documents speak of what building them makes.
        if !(file.folder().is_empty() || file.folder().starts_with("docs")) {
            continue;
        }
        for word in file.text.split('`').skip(1).step_by(2) {
            let path = OURS.iter().any(|own| word.starts_with(own));
            let plain = !word.contains([' ', '*', '<', '{', '\n']);
            if path && plain && !there(word) {
                report.push(format!("{}: {word} is not there", file.path));
            }
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_and_machine_paths_are_reported() {
        for word in LEFTOVERS {
            assert_eq!(leftovers(&Tree::of(&[("a.rs", word)])).len(), 1, "{word}");
        }
        let path = concat!("cd /ro", "ot/x");
        assert_eq!(machine_paths(&Tree::of(&[("Makefile", path)])).len(), 1);
        assert!(machine_paths(&Tree::of(&[("Makefile", "cd /tmp/x")])).is_empty());
    }

    #[test]
    fn a_download_address_in_a_lock_file_is_reported() {
        let lock = |path, line: &str| lock_files(&Tree::of(&[(path, line)])).len();
        assert_eq!(lock("a/package-lock.json", "  \"resolved\": \"https://x\","), 1);
        assert_eq!(lock("Cargo.lock", "source = \"registry+https://mirror.example\""), 1);
        assert_eq!(lock("Cargo.lock", &format!("source = \"{INDEX}\"")), 0);
    }

    #[test]
    fn a_place_that_is_not_there_is_reported() {
        let tree = |text| Tree::of(&[("docs/a.md", text), ("core/src/lib.rs", "")]);
        assert!(places(&tree("see `core/src/lib.rs`, `core/src/` and `core`")).is_empty());
        assert!(places(&tree("as in `quinn/a.rs` and `core/src/*.rs`")).is_empty());
        assert_eq!(places(&tree("see `core/src/li`")).len(), 1);
    }

    #[test]
    fn a_document_has_one_title() {
        let count = |text| titles(&Tree::of(&[("a.md", text)])).len();
        assert_eq!(count("# A\n```sh\n# not one\n```\n"), 0);
        assert_eq!(count("# A\n# B\n"), 1);
        assert_eq!(count("## A\n"), 1);
    }
}
