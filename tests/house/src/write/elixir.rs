//! `bindings-elixir/lib/chinwag/constants.ex`.

use super::NOTICE;
use crate::manifest::{Kind, Manifest, Opt, Row};
use crate::names::{quoted, snake, wrap};

/// The formatter's own limit.
const WIDTH: usize = 98;

pub(super) fn constants(api: &Manifest) -> String {
    let mut text = format!("# {NOTICE}\ndefmodule Chinwag.Constants do\n  @moduledoc \"\"\"\n");
    text += "  The vocabulary that every language shares.\n\n  ## Options\n\n";
    for option in &api.options {
        text += &bullet(&format!("`:{}`", option.name), &option.described());
    }
    text += "\n  ## Errors\n\n";
    text += &api.errors.iter().map(|e| bullet(&atom(&e.row), &e.row.doc)).collect::<String>();
    text += "\n  ## Events\n\n";
    text += &api.events.iter().map(|e| bullet(&atom(&e.row), &e.row.doc)).collect::<String>();
    text += "\n  ## Warnings\n\n";
    text += &api.warnings.iter().map(|row| bullet(&atom(row), &row.doc)).collect::<String>();
    text += "\n  ## Member states\n\n";
    text += &api.states.iter().map(|row| bullet(&atom(row), &row.doc)).collect::<String>();
    text += "  \"\"\"\n\n";
    text += &union("What went wrong.", "error_code", api.errors.iter().map(|e| &e.row));
    text += &union("What an event tells.", "event_type", api.events.iter().map(|e| &e.row));
    text += &union("What a node warns of.", "warning_code", api.warnings.iter());
    text += &union("What is believed about a member.", "member_state", api.states.iter());
    text += "  @typedoc \"An option of a node.\"\n  @type option ::\n";
    let options: Vec<String> = api.options.iter().map(typed).collect();
    text += &format!("{}\n\n", options.join("\n          | ").replacen("", "          ", 1));
    text += &list(
        "options",
        "Every option and its kind, in the order of the manifest.",
        api.options.iter().map(|o| format!("{}: :{}", o.name, o.kind.word())),
    );
    text += &list(
        "errors",
        "Every error code and its number.",
        api.errors.iter().map(|e| format!("{}: {}", e.row.name, e.row.number)),
    );
    text += &list(
        "retryable",
        "Error codes after which the same call may succeed later.",
        api.errors.iter().filter(|e| e.retryable).map(|e| format!(":{}", e.row.name)),
    );
    text += &list(
        "maybe_executed",
        "Error codes after which what was asked for may have happened, where nothing else is said.",
        api.errors.iter().filter(|e| e.maybe_executed).map(|e| format!(":{}", e.row.name)),
    );
    text += &list(
        "events",
        "Every type of event and its number.",
        api.events.iter().map(|e| format!("{}: {}", snake(&e.row.name), e.row.number)),
    );
    text += &list(
        "fields",
        "What each type of event carries, in order.",
        api.events.iter().map(|e| {
            let names: Vec<String> = e.fields.iter().map(|(n, _)| format!(":{n}")).collect();
            format!("{}: [{}]", snake(&e.row.name), names.join(", "))
        }),
    );
    text += &list(
        "warnings",
        "Every code of a warning, as the core spells it.",
        api.warnings.iter().map(|row| format!("{}: {}", snake(&row.name), quoted(&row.name))),
    );
    text += &list(
        "states",
        "Every member state and its number.",
        api.states.iter().map(|e| format!("{}: {}", snake(&e.name), e.number)),
    );
    format!("{}\nend\n", text.trim_end())
}

fn atom(row: &Row) -> String {
    format!("`:{}`", snake(&row.name))
}

fn bullet(head: &str, doc: &str) -> String {
    let lines = wrap(&format!("{head} - {doc}"), "    ", WIDTH);
    lines.replacen("    ", "  * ", 1)
}

fn union<'a>(doc: &str, name: &str, rows: impl Iterator<Item = &'a Row>) -> String {
    let words: Vec<String> = rows.map(|row| format!(":{}", snake(&row.name))).collect();
    let words = words.join("\n          | ");
    format!("  @typedoc {}\n  @type {name} ::\n          {words}\n\n", quoted(doc))
}

/// The rows stand outside of the function, which would grow with the vocabulary.
fn list(name: &str, doc: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: Vec<String> = rows.collect();
    format!(
        "  @{name} [\n    {}\n  ]\n\n  @doc {}\n  def {name}, do: @{name}\n\n",
        rows.join(",\n    "),
        quoted(doc)
    )
}

fn typed(option: &Opt) -> String {
    format!("{{:{}, {}}}", option.name, kind(option))
}

fn kind(option: &Opt) -> String {
    match &option.kind {
        Kind::Text | Kind::Addr => "String.t()".to_owned(),
        Kind::List => "[String.t()]".to_owned(),
        Kind::Map => "Enumerable.t()".to_owned(),
        Kind::Bytes => "binary()".to_owned(),
        Kind::Duration | Kind::Count(..) => "non_neg_integer()".to_owned(),
        Kind::Flag => "boolean()".to_owned(),
        Kind::Choice(words) => {
            words.iter().map(|word| format!(":{}", snake(word))).collect::<Vec<_>>().join(" | ")
        }
    }
}
