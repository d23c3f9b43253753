//! House style as tests. Each rule takes a [`Tree`] and says what breaks it; each has a test of its
//! own on a small tree that does, because a rule that cannot fail is a defect.

pub mod arrows;
pub mod bindings;
pub mod blank;
pub mod functions;
pub mod sizes;
pub mod words;

use std::fs;
use std::path::Path;

use crate::files;

/// A text file of the repository.
#[derive(Clone, Debug)]
pub struct File {
    /// Path from the root, with slashes.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl File {
    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The path without its last part; empty at the root.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// What follows the last dot of the name.
    pub fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// Whether it is source code.
    pub fn is_code(&self) -> bool {
        CODE.contains(&self.extension())
    }

    /// Whether it only tests its crate or package.
    pub fn is_test(&self) -> bool {
        let inner = self.path.split('/').skip(1).any(|part| part == "tests" || part == "test");
        inner || self.name() == "tests.rs"
    }

    /// Whether it is part of a binding.
    pub fn is_binding(&self) -> bool {
        self.path.starts_with("bindings-")
    }
}

/// The text files of the repository.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// In the order of their paths.
    pub files: Vec<File>,
}

const CODE: &[&str] =
    &["rs", "py", "pyi", "js", "mjs", "cjs", "ts", "ex", "exs", "c", "cpp", "h", "go", "sh"];
const TEXT: &[&str] =
    &["toml", "md", "json", "lock", "txt", "yml", "yaml", "mod", "sum", "in", "cfg", "hex"];
const BARE: &[&str] = &["Makefile", "run", ".gitignore"];
/// What builds and tools leave behind; none of it is committed.
const SKIPPED: &[&str] = &["target", "node_modules", "_build", "deps", "dist"];

impl Tree {
    /// The tree of this repository.
    pub fn load() -> Self {
        let mut tree = Self::default();
        tree.walk(&files::root(), "");
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        tree
    }

    /// A tree of the given paths and texts.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| File { path: path.into(), text: text.into() };
        Self { files: files.iter().map(file).collect() }
    }

    /// The code files.
    pub fn code(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_code())
    }

    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.extension() == "rs")
    }

    fn walk(&mut self, folder: &Path, path: &str) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let inner = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            if entry.path().is_dir() {
                // Tools keep their caches in hidden folders, and some in `__pycache__`.
                let hidden = name.starts_with(['.', '_']) && !OWN.contains(&name.as_str());
                if !hidden && !SKIPPED.contains(&name.as_str()) && !name.ends_with(".egg-info") {
                    self.walk(&entry.path(), &inner);
                }
                continue;
            }
            let mut file = File { path: inner, text: String::new() };
            let known = file.is_code() || TEXT.contains(&file.extension());
            if known || BARE.contains(&file.name()) {
                file.text = fs::read_to_string(entry.path()).unwrap_or_default();
                self.files.push(file);
            }
        }
    }
}

/// Hidden folders that are ours.
const OWN: &[&str] = &[".ci", ".cargo", ".github"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_has_what_is_ours_and_nothing_else() {
        let tree = Tree::load();
        let has = |path: &str| tree.files.iter().any(|file| file.path == path);
        assert!(has("api.toml") && has("core/src/lib.rs") && has("Cargo.lock"));
        assert!(!tree.files.iter().any(|file| file.path.starts_with("target/")));
    }
}
