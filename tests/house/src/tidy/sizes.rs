//! Files, folders and columns.

use std::collections::BTreeMap;

use super::blank::production;
use super::{File, Tree};

/// Columns at most.
const COLUMNS: usize = 100;
/// Production lines of a file at most.
const LINES: usize = 600;
/// Files of a folder at most.
const FILES: usize = 12;

/// Folders that hold one file for each thing of a growing list.
const LISTS: &[&str] = &["docs/decisions", "tests/scenarios", "tests/vectors", "tests/gaps"];

/// Lines of code that are too long.
pub fn columns(tree: &Tree) -> Vec<String> {
    let mut report = Vec::new();
    // The header is written from comments that fit where they stand.
    for file in tree.code().filter(|file| !file.path.starts_with("include/")) {
        for (line, text) in (1..).zip(file.text.lines()) {
            let columns = text.chars().count();
            if columns > COLUMNS {
                report.push(format!("{}:{line}: {columns} columns, at most {COLUMNS}", file.path));
            }
        }
    }
    report
}

/// Files that are too long; their tests do not count.
pub fn lines(tree: &Tree) -> Vec<String> {
    // The header is written from the sources, whose files are short; tables from the manifest.
    let written = |file: &File| {
        file.path.starts_with("include/") || file.text.contains("Written from api.toml")
    };
    let ours = tree.code().filter(|file| !file.is_test() && !written(file));
    let long = ours.filter_map(|file| {
        let lines = production(&file.text).lines().count();
        (lines > LINES).then(|| format!("{}: {lines} lines, at most {LINES}", file.path))
    });
    long.collect()
}

/// Folders with too many files of code.
pub fn folders(tree: &Tree) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    // The root of a crate or a module is the folder's index.
    for file in tree.code().filter(|file| !matches!(file.name(), "lib.rs" | "main.rs" | "mod.rs")) {
        *counts.entry(file.folder()).or_default() += 1;
    }
    counts.retain(|folder, count| {
        *count > FILES && !LISTS.iter().any(|list| folder.starts_with(list))
    });
    counts
        .iter()
        .map(|(folder, count)| format!("{folder}: {count} files, at most {FILES}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_reported() {
        let wide = |n| format!("{}\n", "é".repeat(n));
        assert!(columns(&Tree::of(&[("a.rs", &wide(100))])).is_empty());
        assert_eq!(columns(&Tree::of(&[("a.rs", &wide(101))])).len(), 1);
        assert!(columns(&Tree::of(&[("a.md", &wide(200))])).is_empty());
    }

    #[test]
    fn a_long_file_is_reported_and_its_tests_do_not_count() {
        let text = "a\n".repeat(601);
        assert_eq!(lines(&Tree::of(&[("a.rs", &text)])).len(), 1);
        let tests = format!("a\n#[cfg(test)]\nmod tests {{\n{text}}}\n");
        assert!(lines(&Tree::of(&[("a.rs", &tests)])).is_empty());
        assert!(lines(&Tree::of(&[("core/tests/a.rs", &text)])).is_empty());
    }

    #[test]
    fn a_full_folder_is_reported() {
        let paths: Vec<String> = (0..13).map(|n| format!("core/{n}.rs")).collect();
        let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
        assert!(folders(&Tree::of(&files[..12])).is_empty());
        assert_eq!(folders(&Tree::of(&files)).len(), 1);
    }
}
