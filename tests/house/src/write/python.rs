//! `bindings-python/python/chinwag/_constants.py`.

use super::{NOTICE, WIDTH};
use crate::manifest::{Kind, Manifest, Opt};
use crate::names::{quoted, screaming, wrap};

pub(super) fn constants(api: &Manifest) -> String {
    let mut text = format!("# {NOTICE}{HEAD}");
    text += &literal("EventType", api.events.iter().map(|e| &e.row.name));
    text += &literal("WarningCode", api.warnings.iter().map(|w| &w.name));
    text += &literal("ErrorCode", api.errors.iter().map(|e| &e.row.name));
    text += &literal("OptionName", api.options.iter().map(|o| &o.name));
    text +=
        "\n\nclass MemberState(str, Enum):\n    \"\"\"What is believed about a member.\"\"\"\n\n";
    for state in &api.states {
        let name = screaming(&state.name);
        text += &format!("    {name} = {}\n    \"\"\"{}\"\"\"\n", quoted(&state.name), state.doc);
    }
    text += "\n    def __str__(self) -> str:\n        return self.value\n";
    text += "\n\nclass Options(TypedDict, total=False):\n";
    text += "    \"\"\"Every option of a node; what is absent has its default.\"\"\"\n\n";
    for option in &api.options {
        text +=
            &format!("    {}: {}\n{}", option.name, kind(option), docstring(&option.described()));
    }
    text += ERROR_INFO;
    for error in &api.errors {
        let row = &error.row;
        let flag = |flag| if flag { "True" } else { "False" };
        let flags = [flag(error.retryable), flag(error.maybe_executed)].join(", ");
        let head = [quoted(&row.name), row.number.to_string(), quoted(&error.title)].join(", ");
        text += &format!("    ErrorInfo({head}, {}, {flags}),\n", error.python);
    }
    text += ")\n\n#: Number of each type of event.\nEVENTS: Final[dict[EventType, int]] = {\n";
    for event in &api.events {
        text += &format!("    {}: {},\n", quoted(&event.row.name), event.row.number);
    }
    text += "}\n\n#: Member states by their number.\nSTATES: Final[tuple[MemberState, ...]] = (\n";
    for state in &api.states {
        text += &format!("    MemberState.{},\n", screaming(&state.name));
    }
    text + ")\n"
}

fn literal<'a>(name: &str, words: impl Iterator<Item = &'a String>) -> String {
    let words: String = words.map(|word| format!("    {},\n", quoted(word))).collect();
    format!("{name} = Literal[\n{words}]\n")
}

fn kind(option: &Opt) -> String {
    match &option.kind {
        Kind::Text | Kind::Addr => "str".to_owned(),
        Kind::List => "Iterable[str]".to_owned(),
        Kind::Map => "Mapping[str, str]".to_owned(),
        Kind::Bytes => "bytes".to_owned(),
        Kind::Duration => "float | timedelta".to_owned(),
        Kind::Flag => "bool".to_owned(),
        Kind::Count(..) => "int".to_owned(),
        Kind::Choice(words) => {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            format!("Literal[{}]", words.join(", "))
        }
    }
}

fn docstring(doc: &str) -> String {
    let lines = wrap(&format!("\"\"\"{doc}"), "    ", WIDTH);
    if lines.len() + 3 <= WIDTH && lines.matches('\n').count() == 1 {
        return format!("{}\"\"\"\n", lines.trim_end());
    }
    format!("{lines}    \"\"\"\n")
}

const HEAD: &str = r#"
"""The vocabulary that every language shares: options, error codes, event types, member states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Final, Literal, NamedTuple, TypedDict

"#;

const ERROR_INFO: &str = r#"

class ErrorInfo(NamedTuple):
    """One row of the error table."""

    code: ErrorCode
    number: int
    title: str
    """Name of the exception class."""
    base: type[Exception]
    """The builtin that it extends beside `ChinwagError`."""
    retryable: bool
    maybe_executed: bool
    """Whether what was asked for may have happened, where an error says nothing else."""


#: Every error code, in the order of the manifest.
ERRORS: Final[tuple[ErrorInfo, ...]] = (
"#;
