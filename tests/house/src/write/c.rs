//! `bindings-c/src/constants.rs`, from which cbindgen writes the enumerations of the header.

use super::core::rustfmt;
use super::{NOTICE, WIDTH};
use crate::manifest::{Manifest, Row};
use crate::names::{screaming, status, wrap};

pub(super) fn constants(api: &Manifest) -> Result<String, String> {
    let errors = || api.errors.iter().map(|error| (status(&error.row.name), &error.row));
    let events = || api.events.iter().map(|event| (named("EVENT", &event.row), &event.row));
    let states = || api.states.iter().map(|row| (named("STATE", row), row));

    let mut text = format!("// {NOTICE}\n{HEAD}{STATUS}");
    text += &variants(errors().map(|(name, row)| (name, -row.number, row.doc.as_str())));
    text += EVENT;
    text += &variants(events().map(|(name, row)| (name, row.number, row.doc.as_str())));
    text += STATE;
    text += &variants(states().map(|(name, row)| (name, row.number, row.doc.as_str())));

    let done = std::iter::once("CHINWAG_OK".to_owned());
    text += "/// Every status, by the number of its error; `CHINWAG_OK` is number 0.\n";
    text += &table("STATUSES", "Status", done.chain(errors().map(|(name, _)| name)));
    text += "/// Every type of event, in the order of the manifest.\n";
    text += &table("EVENT_KINDS", "EventKind", events().map(|(name, _)| name));
    text += "/// Every state, in the order of the manifest.\n";
    text += &table("STATES", "State", states().map(|(name, _)| name));

    text += &api.events.iter().map(|event| mask(&event.row)).collect::<String>();
    rustfmt(&text)
}

fn named(of: &str, row: &Row) -> String {
    format!("CHINWAG_{of}_{}", screaming(&row.name))
}

fn variants<'a>(rows: impl Iterator<Item = (String, i64, &'a str)>) -> String {
    let one = |(name, number, doc): (String, i64, &str)| {
        format!("{}    {name} = {number},\n", wrap(doc, "    /// ", WIDTH))
    };
    rows.map(one).collect::<String>() + "}\n\n"
}

fn table(name: &str, kind: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: String = rows.map(|row| format!("    {kind}::{row},\n")).collect();
    format!("pub(crate) const {name}: &[{kind}] = &[\n{rows}];\n\n")
}

/// Masks choose among events: the bit of a type is the one of its number.
fn mask(row: &Row) -> String {
    let bit = 1_u64 << row.number;
    let doc = format!("/// Bit of `{}` in a mask of events.\n", row.name);
    format!("{doc}pub const {}: u32 = {bit:#x};\n", named("MASK", row))
}

const HEAD: &str = r#"
//! Numbers of outcomes, event types and member states, as C spells them.
#![allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "these are C's names")]
"#;

const STATUS: &str = r#"
/// What a call came to: zero, or the negative number of an error.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    CHINWAG_OK = 0,
"#;

const EVENT: &str = r#"/// Type of an event.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
"#;

const STATE: &str = r#"/// What is believed about a member.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
"#;
