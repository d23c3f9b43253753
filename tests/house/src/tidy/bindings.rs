//! Bindings are thin, alike, and stop every panic; Rust files are all reached; bans hold.

use std::collections::{BTreeMap, BTreeSet};

use super::blank::blank;
use super::{File, Tree};

/// Folders of the bindings' Rust sources.
const SOURCES: &[&str] = &[
    "bindings-c/src/",
    "bindings-python/src/",
    "bindings-node/src/",
    "bindings-elixir/native/chinwag_nif/src/",
];

/// Files that not every binding has, and why.
const OWN: &[(&str, &str)] = &[
    (
        "constants.rs",
        "only C has its constants in Rust; the others have them in their own language",
    ),
    ("callbacks.rs", "only C is called back on a thread of ours"),
    ("queue/feeds.rs", "only C hands over one by one, to a callback of ours or to who takes it"),
    ("ffi.rs", "only C has pointers to check"),
    ("queue/mod.rs", "only C takes events from a descriptor of ours"),
    (
        "talk/mod.rs",
        "only C has a function of its own for each operation, and too many for one file",
    ),
    ("talk/serf.rs", "as above"),
    ("talk/outcomes.rs", "only in C does a thread wait for the outcome of a call"),
    ("direct.rs", "only in Elixir do calls cost so much that some have a way of their own"),
    ("ring/lookup.rs", "what is called for every key is apart where it goes its own way"),
    ("clock/mod.rs", "C has a folder of that name, for the same reason"),
    ("clock/forms.rs", "as above"),
    ("clock/retired.rs", "as above"),
    ("clock/siblings.rs", "as above"),
    ("clock/stamps.rs", "as above"),
    ("clock.rs", "as above"),
    ("signals.rs", "the other runtimes have signal handling of their own"),
];

/// Source files that some bindings have and others lack.
pub fn same_files(tree: &Tree) -> Vec<String> {
    let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut present: BTreeSet<&str> = BTreeSet::new();
    for file in tree.rust() {
        let Some(source) = SOURCES.iter().find(|source| file.path.starts_with(**source)) else {
            continue;
        };
        owners.entry(&file.path[source.len()..]).or_default().insert(source);
        present.insert(source);
    }
    // One that has nothing but its root is not there yet.
    present.retain(|source| owners.values().filter(|own| own.contains(source)).count() > 1);
    let mut report = Vec::new();
    for (name, own) in owners {
        if OWN.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let lack = present.difference(&own).map(|source| format!("{source} lacks {name}"));
        report.extend(lack);
    }
    report
}

/// Bindings that reach past the facade.
pub fn facade_only(tree: &Tree) -> Vec<String> {
    let mut report = Vec::new();
    for file in tree.rust().filter(|file| file.is_binding()) {
        let text = blank(&file.text);
        for inner in ["engine", "membership", "wire", "driver"] {
            let direct = text.contains(&format!("chinwag::{inner}"));
            let grouped = text.split("chinwag::{").skip(1).any(|group| {
                let group = group.split(';').next().unwrap_or_default();
                group
                    .split([',', '{', '}', ' ', '\n'])
                    .any(|piece| piece == inner || piece.starts_with(&format!("{inner}::")))
            });
            if direct || grouped {
                report.push(format!("{}: chinwag::{inner} is not the facade", file.path));
            }
        }
    }
    report
}

/// Functions exported to Node that would let a panic through.
pub fn caught(tree: &Tree) -> Vec<String> {
    let mut report = Vec::new();
    for file in tree.rust().filter(|file| file.path.starts_with("bindings-node/")) {
        let text = blank(&file.text);
        let mut lines = (1..).zip(text.lines());
        while let Some((number, line)) = lines.next() {
            let attribute = line.trim();
            if !attribute.starts_with("#[napi") {
                continue;
            }
            let item = lines
                .clone()
                .map(|(_, line)| line.trim())
                .find(|line| !line.is_empty() && !line.starts_with("#["));
            let function = item.is_some_and(|item| item.split(' ').any(|word| word == "fn"));
            if function && !attribute.contains("catch_unwind") {
                report.push(format!("{}:{number}: lacks catch_unwind", file.path));
            }
        }
    }
    report
}

/// Exports to C that only name a constant.
const CONSTANT: &[&str] = &["chinwag_abi_version", "chinwag_version"];

/// What a guarded body hands its work to: a guard, or another export.
const GUARDS: &[&str] = &["    status(", "    value(", "    chinwag_"];

/// Functions exported to C whose result does not come from one of the guards of `ffi.rs`.
pub fn guarded(tree: &Tree) -> Vec<String> {
    let mut report = Vec::new();
    for file in tree.rust().filter(|file| file.path.starts_with("bindings-c/src/")) {
        // The ABI's name is the inside of a literal, and so has been blanked.
        for export in blank(&file.text).split("#[unsafe(no_mangle)]").skip(1) {
            let (head, body) = export.split_once("{\n").unwrap_or((export, ""));
            let name = head.split("fn ").nth(1).unwrap_or(head);
            let name = name.split(['(', '<']).next().unwrap_or(name);
            let guarded = body
                .lines()
                .take_while(|line| *line != "}")
                .any(|line| GUARDS.iter().any(|guard| line.starts_with(guard)));
            if !guarded && !CONSTANT.contains(&name) {
                report.push(format!("{}: {name} has no guard", file.path));
            }
        }
    }
    report
}

/// Rust files that no module declares.
pub fn orphans(tree: &Tree) -> Vec<String> {
    let mut report = Vec::new();
    for file in tree.rust() {
        let roots = ["lib.rs", "main.rs", "build.rs"];
        let target = file.folder().ends_with("/tests")
            || file.folder().ends_with("/examples")
            || file.folder().ends_with("/benches")
            || file.folder().ends_with("/targets")
            || file.folder().ends_with("/bin");
        if roots.contains(&file.name()) || (target && !file.path.contains("/src/tests/")) {
            continue;
        }
        if !declared(tree, file) {
            report.push(format!("{}: no module declares it", file.path));
        }
    }
    report
}

fn declared(tree: &Tree, file: &File) -> bool {
    let (folder, name) = match file.name() {
        "mod.rs" => file.folder().rsplit_once('/').unwrap_or_default(),
        name => (file.folder(), name.trim_end_matches(".rs")),
    };
    let beside = format!("{folder}.rs");
    let parents = ["lib.rs", "main.rs", "mod.rs"].map(|parent| format!("{folder}/{parent}"));
    let tests = file.folder().ends_with("/tests") || folder.ends_with("/tests");
    tree.rust()
        .filter(|parent| {
            parents.contains(&parent.path)
                || parent.path == beside
                || (tests && parent.folder() == folder)
        })
        .any(|parent| blank(&parent.text).contains(&format!("mod {name};")))
}

/// Modules of the core that may lift the bans of `core/clippy.toml`, and why.
const LIFTED: &[(&str, &str)] = &[
    ("core/src/driver/", "sockets, tasks, the clock and entropy are its job"),
    ("core/src/discovery/", "files, programs and the network are its job"),
    ("core/src/signals.rs", "signals need a thread"),
    ("core/tests/", "tests run real nodes"),
    ("core/benches/", "benchmarks read the clock"),
];

/// Bans lifted where they hold.
pub fn bans(tree: &Tree) -> Vec<String> {
    let mut report = Vec::new();
    for file in tree.rust().filter(|file| file.path.starts_with("core/")) {
        let may = LIFTED.iter().any(|(path, _)| file.path.starts_with(path));
        let lifts = ["disallowed_methods", "disallowed_types", "clippy::all", "clippy::style"];
        let text = blank(&file.text);
        if !may && lifts.iter().any(|lint| text.contains(lint)) {
            report.push(format!("{}: lifts a ban of core/clippy.toml", file.path));
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_one_binding_lacks_is_reported() {
        let paths = ["c/src/lib.rs", "c/src/node.rs", "node/src/lib.rs", "node/src/node.rs"];
        let paths: Vec<String> = paths.iter().map(|path| format!("bindings-{path}")).collect();
        let tree: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
        assert!(same_files(&Tree::of(&tree)).is_empty());
        let extra = [("bindings-c/src/ffi.rs", ""), ("bindings-c/src/x.rs", "")];
        let more = [&tree[..], &extra[..]].concat();
        assert_eq!(same_files(&Tree::of(&more)), ["bindings-node/src/ lacks x.rs"]);
    }

    #[test]
    fn a_binding_that_reaches_past_the_facade_is_reported() {
        let count = |text| facade_only(&Tree::of(&[("bindings-c/src/a.rs", text)])).len();
        assert_eq!(count("use chinwag::engine::Input;"), 1);
        assert_eq!(count("use chinwag::{\n    Config, wire,\n};"), 1);
        assert_eq!(count("use chinwag::{Config, Node};\n// chinwag::engine"), 0);
    }

    #[test]
    fn an_export_without_catch_unwind_is_reported() {
        let count = |text| caught(&Tree::of(&[("bindings-node/src/a.rs", text)])).len();
        assert_eq!(count("#[napi]\n/// Doc.\npub fn f() {}"), 1);
        assert_eq!(count("#[napi(catch_unwind)]\npub fn f() {}"), 0);
        assert_eq!(count("#[napi]\npub struct S {}\n#[napi]\nimpl S {}"), 0);
    }

    #[test]
    fn an_export_to_c_without_a_guard_is_reported() {
        let count = |body: &str| {
            let head = "#[unsafe(no_mangle)]\npub extern \"C\" fn chinwag_f(a: u8) -> Status {\n";
            let text = format!("{head}    {body}\n}}\n");
            guarded(&Tree::of(&[("bindings-c/src/a.rs", &text)])).len()
        };
        assert_eq!(count("status(err, || Ok(()))"), 0);
        assert_eq!(count("static A: u8 = 1;\n    value(0, || a)"), 0);
        assert_eq!(count("a.unwrap().status(err, || Ok(()))"), 1);
    }

    #[test]
    fn an_orphan_is_reported() {
        let lib = ("core/src/lib.rs", "mod a;\n// mod b;\n");
        let report = |path| orphans(&Tree::of(&[lib, (path, "")])).len();
        assert_eq!(report("core/src/a.rs"), 0);
        assert_eq!(report("core/src/a/mod.rs"), 0);
        assert_eq!(report("core/src/b.rs"), 1);
        assert_eq!(report("core/tests/c.rs"), 0);
    }

    #[test]
    fn a_lifted_ban_is_reported() {
        let count = |path| bans(&Tree::of(&[(path, "#![allow(clippy::disallowed_types)]")])).len();
        assert_eq!(count("core/src/membership/mod.rs"), 1);
        assert_eq!(count("core/src/driver/mod.rs"), 0);
    }
}
