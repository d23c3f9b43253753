//! `bindings-node/constants.js` and its types.

use super::{NOTICE, WIDTH};
use crate::manifest::{Kind, Manifest};
use crate::names::{camel, screaming, wrap};

pub(super) fn constants(api: &Manifest) -> String {
    let mut text = format!("// {NOTICE}\n'use strict';\n\n");
    text += "// Every event type, by its number less one.\nconst EVENT_TYPES = Object.freeze([\n";
    for event in &api.events {
        text += &format!("  '{}',\n", event.row.name);
    }
    text += "]);\n\n// What each type of event carries, by its number less one: name and kind.\n";
    text += "const EVENT_FIELDS = Object.freeze([\n";
    for event in &api.events {
        let fields: Vec<String> =
            event.fields.iter().map(|(name, kind)| format!("['{name}', '{kind}']")).collect();
        let line = format!("  [{}],\n", fields.join(", "));
        text += &match line.len() {
            0..=COLUMNS => line,
            _ => format!("  [\n    {},\n  ],\n", fields.join(",\n    ")),
        };
    }
    text += "]);\n\n// Every member state, by its number.\nconst MEMBER_STATES = Object.freeze([\n";
    for state in &api.states {
        text += &format!("  '{}',\n", state.name);
    }
    text += "]);\n\n// Every error code of the core.\nconst ERRORS = Object.freeze({\n";
    for error in &api.errors {
        text += &format!(
            "  {}: {{\n    number: {}, code: '{}',\n    retryable: {}, maybeExecuted: {},\n  }},\n",
            error.row.name,
            error.row.number,
            code(&error.row.name),
            error.retryable,
            error.maybe_executed
        );
    }
    text += "});\n\n// Every option as it is spelled here, and its key and kind in the core.\n";
    text += "const OPTIONS = Object.freeze({\n";
    for option in &api.options {
        let (name, key, kind) = (camel(&option.name), &option.name, option.kind.word());
        text += &format!("  {name}: {{ key: '{key}', kind: '{kind}' }},\n");
    }
    text += "});\n\n";
    text + "module.exports = { EVENT_TYPES, EVENT_FIELDS, MEMBER_STATES, ERRORS, OPTIONS };\n"
}

/// Of a line, its end included.
const COLUMNS: usize = 101;

pub(super) fn types(api: &Manifest) -> String {
    let mut text = format!("// {NOTICE}\n\n");
    text += &union(
        "What an event tells.",
        "EventType",
        api.events.iter().map(|e| &e.row.name).cloned(),
    );
    let states = api.states.iter().map(|s| &s.name).cloned();
    text += &union("What is believed about a member.", "MemberState", states);
    let warnings = api.warnings.iter().map(|w| w.name.clone());
    text += &union("What a node warns of.", "WarningCode", warnings);
    let codes = api.errors.iter().map(|e| code(&e.row.name));
    text += &union("`code` of every error.", "ErrorCode", codes);
    text += &format!("/** {OPTIONS} */\n");
    text += "export interface StartOptions {\n";
    for option in &api.options {
        text += &doc(&option.described());
        text += &format!("  {}?: {} | undefined;\n", camel(&option.name), kind(&option.kind));
    }
    text += "}\n\n";
    text + TABLES
}

/// The `code` property of the error: node's own convention.
fn code(name: &str) -> String {
    format!("ERR_CHINWAG_{}", screaming(name))
}

fn union(doc: &str, name: &str, words: impl Iterator<Item = String>) -> String {
    let words: String = words.map(|word| format!("\n  | '{word}'")).collect();
    format!("/** {doc} */\nexport type {name} ={words};\n\n")
}

fn doc(text: &str) -> String {
    let one = format!("  /** {text} */\n");
    if one.len() <= WIDTH {
        return one;
    }
    format!("  /**\n{}   */\n", wrap(text, "   * ", WIDTH))
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Text | Kind::Addr => "string".to_owned(),
        Kind::List => "readonly string[]".to_owned(),
        Kind::Map => "Readonly<Record<string, string>>".to_owned(),
        Kind::Bytes => "Uint8Array".to_owned(),
        Kind::Duration | Kind::Count(..) => "number".to_owned(),
        Kind::Flag => "boolean".to_owned(),
        Kind::Choice(words) => {
            words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" | ")
        }
    }
}

const OPTIONS: &str =
    "Options of a node; what is absent has its default. Times are in milliseconds.";

const TABLES: &str = r#"/** Every event type, by its number less one. */
export const EVENT_TYPES: readonly EventType[];
/** What each type of event carries, by its number less one: name and kind. */
export const EVENT_FIELDS: readonly (readonly (readonly [string, string])[])[];
/** Every member state, by its number. */
export const MEMBER_STATES: readonly MemberState[];
/** Every error code of the core. */
export const ERRORS: Readonly<
  Record<
    string,
    {
      readonly number: number;
      readonly code: ErrorCode;
      readonly retryable: boolean;
      readonly maybeExecuted: boolean;
    }
  >
>;
/** Every option as it is spelled here, and its key and kind in the core. */
export const OPTIONS: Readonly<
  Record<keyof StartOptions, { readonly key: string; readonly kind: string }>
>;
"#;
