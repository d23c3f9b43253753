//! `bindings-c/src/constants.rs`, from which cbindgen writes the enumerations of the header.

use super::core::rustfmt;
use super::{NOTICE, WIDTH};
use crate::manifest::{Manifest, Row};
use crate::names::{screaming, status, wrap};

pub(super) fn constants(api: &Manifest) -> Result<String, String> {
    let mut text = format!("// {NOTICE}\n\n{HEAD}");
    text += STATUS;
    for error in &api.errors {
        text += &variant(&status(&error.row.name), &error.row);
    }
    text += "}\n\n";
    text += EVENT;
    for event in &api.events {
        text += &variant(&format!("CHINWAG_EVENT_{}", screaming(&event.name)), event);
    }
    text += "}\n\n";
    text += STATE;
    for state in &api.states {
        text += &variant(&format!("CHINWAG_STATE_{}", screaming(&state.name)), state);
    }
    text += "}\n\n";
    text += &tables(api);
    rustfmt(&text)
}

fn variant(name: &str, row: &Row) -> String {
    let doc = wrap(&row.doc, "    /// ", WIDTH);
    format!("{doc}    {name} = {},\n", row.number)
}

fn tables(api: &Manifest) -> String {
    let mut text =
        "/// The keys that `chinwag_config_set` knows, in the order of the manifest.\n".to_owned();
    text += "pub(crate) const OPTION_KEYS: &[&CStr] = &[\n";
    for option in &api.options {
        text += &format!("    c\"{}\",\n", option.name);
    }
    text += "];\n\n/// The permanent code of each status, by its number.\n";
    text += "pub(crate) const STATUS_CODES: &[&CStr] = &[\n    c\"ok\",\n";
    for error in &api.errors {
        text += &format!("    c\"{}\",\n", error.row.name);
    }
    text += "];\n\n/// The permanent type of each event, by its number less one.\n";
    text += "pub(crate) const EVENT_TYPES: &[&CStr] = &[\n";
    for event in &api.events {
        text += &format!("    c\"{}\",\n", event.name);
    }
    text += "];\n\n/// The permanent word of each state, by its number.\n";
    text += "pub(crate) const STATE_WORDS: &[&CStr] = &[\n";
    for state in &api.states {
        text += &format!("    c\"{}\",\n", state.name);
    }
    text + "];\n"
}

const HEAD: &str = r#"//! Numbers and words of the C interface. The names are C's.
#![allow(non_camel_case_types, reason = "cbindgen takes the names over as they are")]

use std::ffi::CStr;
"#;

const STATUS: &str = r#"
/// What a function came to: `CHINWAG_OK`, or what went wrong. Numbers are permanent.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum chinwag_status {
    /// It worked.
    CHINWAG_OK = 0,
"#;

const EVENT: &str = r#"/// What an event tells. Numbers are permanent; new ones may be added.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum chinwag_event_type {
"#;

const STATE: &str = r#"/// What is believed about a member.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum chinwag_member_state {
"#;
