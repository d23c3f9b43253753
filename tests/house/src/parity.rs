//! Every language has everything, or `api.toml` says why not.

use std::fs;
use std::path::Path;

use crate::files;
use crate::manifest::{EventRow, Manifest, Operation};
use crate::names::{camel, pascal, screaming, snake, status};

/// A language, and where its public face is.
#[derive(Debug)]
pub struct Binding {
    /// The manifest's name of the language.
    pub language: &'static str,
    /// The file that a binding of this language cannot be without.
    pub manifest: &'static str,
    /// Generated constants.
    pub constants: &'static [&'static str],
    /// Files, or folders of files, that define the operations.
    pub sources: &'static [&'static str],
}

/// All of them.
pub const BINDINGS: &[Binding] = &[
    Binding {
        language: "rust",
        manifest: "core/Cargo.toml",
        constants: &["core/src/api.rs"],
        sources: &["core/src/node"],
    },
    Binding {
        language: "c",
        manifest: "bindings-c/cbindgen.toml",
        constants: &["bindings-c/src/constants.rs"],
        sources: &["bindings-c/src"],
    },
    Binding {
        language: "python",
        manifest: "bindings-python/pyproject.toml",
        constants: &["bindings-python/python/chinwag/_constants.py"],
        sources: &["bindings-python/python/chinwag"],
    },
    Binding {
        language: "node",
        manifest: "bindings-node/package.json",
        constants: &["bindings-node/constants.js", "bindings-node/constants.d.ts"],
        sources: &["bindings-node/index.d.ts"],
    },
    Binding {
        language: "elixir",
        manifest: "bindings-elixir/mix.exs",
        constants: &["bindings-elixir/lib/chinwag/constants.ex"],
        sources: &["bindings-elixir/lib"],
    },
];

/// How a language spells an operation.
pub fn spelled(operation: &Operation, language: &str) -> String {
    let own = operation.spelled.iter().find(|(known, _)| known == language);
    match (own, language) {
        (Some((_, text)), _) => text.clone(),
        (None, "node") => camel(&operation.name),
        (None, "c") => format!("chinwag_{}", operation.name),
        (None, _) => operation.name.clone(),
    }
}

/// What the binding lacks without saying so, and what it says it lacks although it is there.
pub fn missing(api: &Manifest, binding: &Binding) -> Vec<String> {
    let constants: String = binding.constants.iter().map(|path| files::read(path)).collect();
    let sources: String =
        binding.sources.iter().map(|path| text(&files::root().join(path))).collect();
    let mut report = words(api, binding.language, &constants);
    report.extend(operations(api, binding.language, &sources));
    report
}

/// Options, errors, events and states that the constants do not spell.
fn words(api: &Manifest, language: &str, constants: &str) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    // C hands the keys to the core as they are, so it has them all.
    let options = api.options.iter().filter(|_| language != "c");
    wanted.extend(options.map(|o| match language {
        "node" => format!("{}:", camel(&o.name)),
        "elixir" => format!("{}: :", o.name),
        "python" => format!("{}: ", o.name),
        _ => format!("\"{}\"", o.name),
    }));
    wanted.extend(api.errors.iter().map(|e| match language {
        "c" => format!("{} =", status(&e.row.name)),
        "node" => format!("'ERR_CHINWAG_{}'", screaming(&e.row.name)),
        "elixir" => format!("{}: {}", e.row.name, e.row.number),
        "rust" => format!("ErrorKind::{},", e.title),
        _ => format!("\"{}\"", e.title),
    }));
    wanted.extend(api.events.iter().map(|EventRow { row, .. }| match language {
        "c" => format!("CHINWAG_EVENT_{} =", screaming(&row.name)),
        "node" => format!("'{}'", row.name),
        "elixir" => format!("{}: {}", snake(&row.name), row.number),
        _ => format!("\"{}\"", row.name),
    }));
    wanted.extend(api.states.iter().map(|row| match language {
        "c" => format!("CHINWAG_STATE_{} =", screaming(&row.name)),
        "node" => format!("'{}'", row.name),
        "elixir" => format!("{}: {}", row.name, row.number),
        "rust" => format!("MemberState::{},", pascal(&row.name)),
        _ => format!("\"{}\"", row.name),
    }));
    wanted.retain(|word| !constants.contains(word.as_str()));
    wanted.into_iter().map(|word| format!("{language}: the constants lack {word}")).collect()
}

/// Operations that no source defines, and gaps that are none.
fn operations(api: &Manifest, language: &str, sources: &str) -> Vec<String> {
    let mut report = Vec::new();
    for operation in &api.operations {
        let name = spelled(operation, language);
        let here = defines(sources, language, &name);
        let gap = api.gaps.iter().any(|g| g.language == language && g.lacks == operation.name);
        match (here, gap) {
            (false, false) => report.push(format!("{language}: nothing defines {name}")),
            (true, true) => report.push(format!("{language}: {name} is there, the gap is stale")),
            _ => {}
        }
    }
    report
}

/// Whether `sources` define a public function of that name in the language's own way.
fn defines(sources: &str, language: &str, name: &str) -> bool {
    let heads: &[&str] = match language {
        "rust" => &["pub fn ", "pub async fn "],
        "c" => &["extern \"C\" fn "],
        "python" => &["def "],
        "elixir" => &["  def "],
        _ => &["  ", "function "],
    };
    sources.lines().any(|line| {
        heads.iter().any(|head| {
            let after = line.split_once(head).and_then(|(_, rest)| rest.strip_prefix(name));
            after.is_some_and(|rest| rest.starts_with(['(', '<']))
        })
    })
}

/// The text of a file, or of every file under a folder.
fn text(path: &Path) -> String {
    let Ok(entries) = fs::read_dir(path) else {
        return fs::read_to_string(path).unwrap_or_default();
    };
    entries.flatten().map(|entry| text(&entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = "[[operation]]\nname = \"local_member\"\ndoc = \"x\"\nc = \"chinwag_self\"\n";
    const GAP: &str = "[[gap]]\nlanguage = \"node\"\nlacks = \"local_member\"\nreason = \"x\"\n";

    #[test]
    fn an_operation_is_found_by_its_definition_only() {
        let api = Manifest::parse(API).expect("a manifest");
        let found = |language, source| operations(&api, language, source).is_empty();
        assert!(found("rust", "    pub fn local_member(&self)"));
        assert!(!found("rust", "    self.local_member()"));
        assert!(found("c", "pub extern \"C\" fn chinwag_self("));
        assert!(found("python", "    def local_member(self)"));
        assert!(found("node", "  localMember(): Member;"));
        assert!(!found("node", "  localMembers(): Member;"));
        assert!(found("elixir", "  def local_member(node)"));
        assert!(!found("elixir", "  defp local_member(node)"));
    }

    #[test]
    fn a_stale_gap_is_reported_and_a_true_one_is_not() {
        let api = Manifest::parse(&format!("{API}{GAP}")).expect("a manifest");
        assert!(operations(&api, "node", "").is_empty());
        assert_eq!(operations(&api, "node", "  localMember(): M;").len(), 1);
    }

    #[test]
    fn a_missing_word_is_reported() {
        let api = Manifest::load().expect("the manifest");
        let files = crate::write::all(&api).expect("every file");
        for binding in BINDINGS {
            let constants: String = binding
                .constants
                .iter()
                .flat_map(|path| files.iter().filter(move |(known, _)| known == path))
                .map(|(_, text)| text.as_str())
                .collect();
            assert!(words(&api, binding.language, &constants).is_empty(), "{}", binding.language);
            let holed = ["member-failed", "member_failed", "MEMBER_FAILED"]
                .iter()
                .fold(constants, |text, word| text.replace(word, ""));
            assert!(!words(&api, binding.language, &holed).is_empty(), "{}", binding.language);
        }
    }
}
