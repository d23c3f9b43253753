//! Which module of the core may know which.

use super::blank::{blank, production};
use super::{File, Tree};

/// Modules that anybody may know, and that know only each other.
const VALUES: &[&str] = &[
    "api", "config", "error", "event", "member", "metrics", "payload", "ring", "snapshot", "stats",
    "tags", "time",
];

/// Every allowed arrow, and to which items where not the whole module is meant.
const ARROWS: &[(&str, &str, &[&str])] = &[
    // How they go through the formats of serde.
    ("clock", "formats", &[]),
    ("ring", "formats", &[]),
    ("membership", "wire", &[]),
    // Keys and labels, from which those of a connection are derived.
    ("mesh", "wire", &["Fingerprint", "Key", "Keyring", "Security"]),
    ("messaging", "mesh", &[]),
    // Between a member and its workers.
    ("attach", "clock", &["VectorClock"]),
    ("attach", "engine", WORDS),
    ("driver", "attach", &[]),
    ("driver", "discovery", &[]),
    ("node", "discovery", &["Source", "Strategy"]),
    ("driver", "mesh", &[]),
    ("driver", "messaging", &[]),
    ("node", "mesh", &["put_headers"]),
    ("node", "messaging", &[]),
    ("host", "mesh", &["put_headers"]),
    ("host", "messaging", &[]),
    // The engine's vocabulary, and never the engine.
    ("membership", "engine", WORDS),
    // Tags live in the metadata that travels, and keys are checked when they are set; values know
    // no more of the wire.
    ("config", "wire", &["KEYS_MAX", "Key", "META_MAX", "Security", "encode_tags"]),
    ("member", "wire", &["TagPairs"]),
    ("serf", "wire", &[]),
    ("engine", "membership", &[]),
    ("engine", "wire", &["BroadcastKind"]),
    // Label and keys are handed through to the membership.
    ("engine", "wire", KEYS),
    ("sim", "wire", KEYS),
    ("driver", "wire", KEYS),
    ("driver", "wire", &["KEYS_MAX"]),
    ("node", "wire", KEYS),
    ("host", "wire", KEYS),
    ("host", "serf", &["KeyOp", "KeyOutcome"]),
    ("engine", "serf", &["Answers", "Coordinate", "Question", "Response"]),
    ("membership", "serf", &[]),
    // Spaces are told and heard as the wire has them.
    (
        "state",
        "wire",
        &["STATE_KEY_MAX", "STATE_VALUE_MAX", "StateDelta", "StateEntry", "StateMark"],
    ),
    // What is written to a shared map is compared by its history.
    ("state", "clock", CLOCKS),
    ("node", "clock", CLOCKS),
    ("membership", "state", &[]),
    ("engine", "state", &["MapRecord", "MapValue", "MapWrite", "StateChange", "StateWrite"]),
    ("driver", "engine", &[]),
    ("driver", "placement", &[]),
    ("node", "placement", &["decide"]),
    // What is decided by hand of the ring is a key of a shared map.
    ("placement", "state", &["MAPS", "MapRecord", "MapWrite"]),
    ("driver", "signals", &["Guard"]),
    ("sim", "engine", &[]),
    ("sim", "mesh", &[]),
    ("sim", "messaging", &[]),
    ("sim", "placement", &["PLACE", "Placed", "decide", "decided", "place"]),
    ("sim", "serf", &["KeyOp"]),
    ("node", "driver", &[]),
    ("node", "engine", WORDS),
    ("node", "serf", &["KeyOp", "KeyOutcome"]),
    ("node", "signals", &[]),
    ("query", "driver", &["Silence", "ask", "keys", "nonce"]),
    ("query", "placement", &["place"]),
    ("query", "wire", &[]),
    ("host", "node", &[]),
    ("host", "engine", WORDS),
];
const CLOCKS: &[&str] = &[
    "Causality",
    "Dot",
    "HybridClock",
    "HybridTime",
    "Siblings",
    "VectorClock",
    "actor",
    "split_actor",
];
const KEYS: &[&str] =
    &["Fingerprint", "Key", "KeyError", "KeyInfo", "Keyring", "Nonce", "Security"];
const WORDS: &[&str] = &[
    "Answers",
    "Broadcast",
    "BroadcastKind",
    "Coordinate",
    "Delivery",
    "Explanation",
    "Input",
    "KeyChange",
    "MapRecord",
    "MapValue",
    "MapWrite",
    "Observed",
    "Output",
    "Question",
    "Reply",
    "Request",
    "RequestId",
    "Response",
    "RoundTrip",
    "SerfRequest",
    "Setup",
    "StateChange",
    "StateWrite",
    "Stats",
    "StreamId",
];

/// Arrows that the table does not allow.
pub fn arrows(tree: &Tree) -> Vec<String> {
    let exports = exports(tree);
    let mut report = Vec::new();
    for file in tree.rust().filter(|file| file.path.starts_with("core/src/")) {
        let from = module(file);
        if from == "lib" || file.path.contains("/tests") {
            continue;
        }
        for (to, item) in mentions(file) {
            let (to, item) = match exports.iter().find(|(name, _)| *name == to) {
                Some((name, home)) => (home.clone(), name.clone()),
                None => (to, item),
            };
            if !allowed(&from, &to, &item) {
                report.push(format!("{}: {from} may not know {to}::{item}", file.path));
            }
        }
    }
    report
}

fn allowed(from: &str, to: &str, item: &str) -> bool {
    if from == to || VALUES.contains(&to) {
        return true;
    }
    ARROWS
        .iter()
        .any(|(a, b, items)| *a == from && *b == to && (items.is_empty() || items.contains(&item)))
}

/// The part of the core that a file belongs to.
fn module(file: &File) -> String {
    let inner = file.path.trim_start_matches("core/src/");
    inner.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned()
}

/// Names that `lib.rs` shows at the root, and the modules they are from.
fn exports(tree: &Tree) -> Vec<(String, String)> {
    let lib = tree.files.iter().find(|file| file.path == "core/src/lib.rs");
    let text = lib.map(|file| blank(&file.text)).unwrap_or_default();
    let mut exports = Vec::new();
    for item in text.split("pub use ").skip(1) {
        let path = item.split(';').next().unwrap_or_default();
        let Some((home, names)) = path.split_once("::") else { continue };
        for name in names.trim_matches(['{', '}']).split(',') {
            exports.push((name.trim().to_owned(), home.to_owned()));
        }
    }
    exports
}

/// What follows each `crate::`, and each `super::` that leads there. Where a module itself is
/// imported, what is taken from it afterwards counts.
fn mentions(file: &File) -> Vec<(String, String)> {
    let text = blank(production(&file.text));
    let inner = file.path.trim_start_matches("core/src/");
    let depth = inner.split('/').count() - usize::from(file.name() == "mod.rs");
    let up = "super::".repeat(depth);
    let mut found = Vec::new();
    for root in ["crate::", up.as_str()] {
        for (at, _) in text.match_indices(root) {
            // `super::super::x` holds `super::x` as well; only the longest is meant.
            if !text[..at].ends_with("super::") {
                found.extend(paths(&text[at + root.len()..]));
            }
        }
    }
    let whole = |(module, item): (String, String)| match item.as_str() {
        "" | "self" => taken_from(&text, &module),
        _ => vec![(module, item)],
    };
    found.into_iter().flat_map(whole).collect()
}

/// Each `module::item` of the text that is not a part of a longer path. A module that is imported
/// and not used counts as a whole.
fn taken_from(text: &str, module: &str) -> Vec<(String, String)> {
    let path = format!("{module}::");
    let alone =
        |at: &usize| !text[..*at].ends_with(|c: char| c == ':' || c == '_' || c.is_alphanumeric());
    let starts = text.match_indices(&path).map(|(at, _)| at).filter(alone);
    let items: Vec<_> =
        starts.map(|at| (module.to_owned(), ident(&text[at + path.len()..]).to_owned())).collect();
    if items.is_empty() { vec![(module.to_owned(), String::new())] } else { items }
}

/// The module and the items that a path, or a braced group of paths, begins with.
fn paths(text: &str) -> Vec<(String, String)> {
    if let Some(group) = text.strip_prefix('{') {
        return pieces(group).into_iter().flat_map(paths).collect();
    }
    let module = ident(text);
    let Some(rest) = text[module.len()..].strip_prefix("::") else {
        return vec![(module.to_owned(), String::new())];
    };
    let items = match rest.strip_prefix('{') {
        Some(group) => pieces(group).into_iter().map(ident).collect(),
        None => vec![ident(rest)],
    };
    items.into_iter().map(|item| (module.to_owned(), item.to_owned())).collect()
}

fn ident(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The comma-separated parts of a group whose opening brace has been read.
fn pieces(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut pieces) = (0_usize, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => {
                pieces.push(group[start..at].trim());
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                pieces.push(group[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIB: (&str, &str) = ("core/src/lib.rs", "pub use node::{Builder, Node};\n");

    fn report(path: &str, text: &str) -> usize {
        arrows(&Tree::of(&[LIB, (path, text)])).len()
    }

    #[test]
    fn an_arrow_that_is_not_in_the_table_is_reported() {
        assert_eq!(report("core/src/wire/mod.rs", "use crate::membership::Membership;"), 1);
        assert_eq!(report("core/src/time.rs", "use crate::engine;"), 1);
        assert_eq!(report("core/src/clock/forms/dense.rs", "use crate::wire::Reader;"), 1);
        assert_eq!(report("core/src/clock/mod.rs", "use crate::membership::Membership;"), 1);
        assert_eq!(
            report("core/src/wire/a/b.rs", "fn f() { super::super::super::engine::x() }"),
            1
        );
        assert_eq!(report("core/src/engine.rs", "use super::driver::Handle;"), 1);
        assert_eq!(
            report("core/src/engine.rs", "use crate::{\n    time::Instant,\n    node,\n};"),
            1
        );
        assert_eq!(report("core/src/membership/mod.rs", "use crate::engine::{Input, Engine};"), 1);
        assert_eq!(report("core/src/driver/mod.rs", "use crate::Node;"), 1);
    }

    #[test]
    fn a_module_is_known_by_what_is_taken_from_it() {
        let config = |text: &str| report("core/src/config.rs", text);
        assert_eq!(config("use crate::wire::{self, META_MAX};\nfn f() { wire::encode_tags() }"), 0);
        assert_eq!(config("use crate::wire;\nfn f() { wire::encode_tags(); wire::label() }"), 1);
        assert_eq!(config("use crate::wire::{self};"), 1);
    }

    #[test]
    fn allowed_arrows_comments_and_tests_are_not() {
        assert_eq!(report("core/src/engine.rs", "use crate::membership::Membership;"), 0);
        assert_eq!(report("core/src/clock/trim.rs", "use crate::error::Result;"), 0);
        assert_eq!(report("core/src/membership/x.rs", "use crate::engine::{Input, Output};"), 0);
        assert_eq!(report("core/src/time.rs", "//! See [crate::engine].\n"), 0);
        let test = "#[cfg(test)]\nmod tests {\n    use crate::engine;\n}\n";
        assert_eq!(report("core/src/time.rs", test), 0);
        assert_eq!(report("core/src/wire/a.rs", "use super::label;"), 0);
    }
}
