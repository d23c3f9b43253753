//! `core/src/api.rs`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{NOTICE, WIDTH};
use crate::files;
use crate::manifest::{ErrorRow, EventRow, Kind, Manifest, Opt, Row};
use crate::names::{pascal, quoted, wrap};

pub(super) fn api(api: &Manifest) -> Result<String, String> {
    let parts = [
        format!("// {NOTICE}\n"),
        HEAD.to_owned(),
        table(
            "Every option, in the order of the manifest.",
            "OPTIONS: &[OptionInfo]",
            &api.options,
            option,
        ),
        ERROR_KIND.to_owned(),
        api.errors.iter().map(|e| format!("    /// {}\n    {},\n", e.row.doc, e.title)).collect(),
        "}\n\n".to_owned(),
        ERROR_INFO.to_owned(),
        table(
            "Every kind of error, in the order of the manifest.",
            "ERRORS: &[ErrorInfo]",
            &api.errors,
            error,
        ),
        EVENT_INFO.to_owned(),
        table(
            "Every type of event, in the order of the manifest.",
            "EVENTS: &[EventInfo]",
            &api.events,
            event,
        ),
        WARNING_CODE.to_owned(),
        api.warnings.iter().map(state).collect(),
        "}\n\n".to_owned(),
        WARNING_INFO.to_owned(),
        table(
            "Every warning, in the order of the manifest.",
            "WARNINGS: &[WarningInfo]",
            &api.warnings,
            warning,
        ),
        STATE.to_owned(),
        api.states.iter().map(state).collect(),
        "}\n\n".to_owned(),
        table(
            "Every member state and its permanent word.",
            "STATES: &[(MemberState, &str)]",
            &api.states,
            |row| format!("(MemberState::{}, {})", pascal(&row.name), quoted(&row.name)),
        ),
    ];
    rustfmt(&parts.concat())
}

fn table<T>(doc: &str, named: &str, rows: &[T], write: impl Fn(&T) -> String) -> String {
    let rows: String = rows.iter().map(|row| format!("    {},\n", write(row))).collect();
    format!("/// {doc}\npub const {named} = &[\n{rows}];\n\n")
}

fn option(option: &Opt) -> String {
    let kind = match &option.kind {
        Kind::Text => "Text".to_owned(),
        Kind::Addr => "Addr".to_owned(),
        Kind::List => "List".to_owned(),
        Kind::Map => "Map".to_owned(),
        Kind::Bytes => "Bytes".to_owned(),
        Kind::Duration => "Duration".to_owned(),
        Kind::Flag => "Flag".to_owned(),
        Kind::Count(min, max) => format!("Count {{ min: {min}, max: {max} }}"),
        Kind::Choice(words) => {
            format!("Choice(&[{}])", words.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(", "))
        }
    };
    let maybe = |text: &Option<String>| {
        text.as_ref().map_or_else(|| "None".to_owned(), |text| format!("Some({})", quoted(text)))
    };
    format!(
        "OptionInfo {{ name: {}, kind: OptionKind::{kind}, secret: {}, default: {}, wan: {}, \
         local: {}, fast: {},\n{} }}",
        quoted(&option.name),
        option.secret,
        quoted(&option.default),
        maybe(&option.wan),
        maybe(&option.local),
        maybe(&option.fast),
        doc(&option.doc)
    )
}

fn error(error: &ErrorRow) -> String {
    format!(
        "ErrorInfo {{ kind: ErrorKind::{}, number: {}, code: {},\n\
         retryable: {}, maybe_executed: {},\n{} }}",
        error.title,
        error.row.number,
        quoted(&error.row.name),
        error.retryable,
        error.maybe_executed,
        doc(&error.row.doc)
    )
}

fn event(EventRow { row, fields, .. }: &EventRow) -> String {
    let token = quoted(&row.name);
    let field = |(name, kind): &(String, String)| {
        format!("({}, FieldKind::{})", quoted(name), pascal(kind))
    };
    let fields: Vec<String> = fields.iter().map(field).collect();
    format!(
        "EventInfo {{ number: {}, token: {token}, fields: &[{}],\n{} }}",
        row.number,
        fields.join(", "),
        doc(&row.doc)
    )
}

fn warning(row: &Row) -> String {
    let (code, title) = (quoted(&row.name), pascal(&row.name));
    format!("WarningInfo {{ warning: WarningCode::{title}, code: {code},\n{} }}", doc(&row.doc))
}

fn state(row: &Row) -> String {
    format!("    /// {}\n    {} = {},\n", row.doc, pascal(&row.name), row.number)
}

/// The field `doc` of a row, its text broken where rustfmt would leave the line too long.
fn doc(text: &str) -> String {
    const FIELD: &str = "        doc: ";
    let line = format!("{FIELD}{},", quoted(text));
    if line.len() <= WIDTH {
        return line;
    }
    let lines = wrap(&quoted(text), &" ".repeat(FIELD.len() + 1), WIDTH - 2);
    let broken = lines.trim_end().replace('\n', " \\\n");
    format!("{FIELD}{},", broken.trim_start())
}

/// `source` as the repository's rustfmt writes it.
pub(super) fn rustfmt(source: &str) -> Result<String, String> {
    let failed = |cause: &dyn std::fmt::Display| format!("rustfmt: {cause}");
    let mut child = Command::new("rustfmt")
        .arg("--config-path")
        .arg(files::root().join("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|cause| failed(&cause))?;
    let mut stdin = child.stdin.take().ok_or_else(|| failed(&"no input"))?;
    stdin.write_all(source.as_bytes()).map_err(|cause| failed(&cause))?;
    drop(stdin);
    let output = child.wait_with_output().map_err(|cause| failed(&cause))?;
    if !output.status.success() {
        return Err(failed(&output.status));
    }
    String::from_utf8(output.stdout).map_err(|cause| failed(&cause))
}

const HEAD: &str = r#"
//! The vocabulary that every language shares: options, error codes, event types, member states.

/// What an option's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// Free text.
    Text,
    /// An IP address and a port.
    Addr,
    /// Texts; one text is split at commas.
    List,
    /// `key=value` pairs; one text is split at commas.
    Map,
    /// Bytes, passed as they are.
    Bytes,
    /// A span of time: a number with `ns`, `us`, `ms`, `s` or `m`.
    Duration,
    /// `true` or `false`.
    Flag,
    /// A whole number between the bounds.
    Count {
        /// Smallest allowed value.
        min: u64,
        /// Largest allowed value.
        max: u64,
    },
    /// One of the listed words.
    Choice(&'static [&'static str]),
}

/// One row of the option table.
#[derive(Clone, Copy, Debug)]
pub struct OptionInfo {
    /// The key, in snake case.
    pub name: &'static str,
    /// How its text is read.
    pub kind: OptionKind,
    /// Whether its value is never shown, and never a flag of the command.
    pub secret: bool,
    /// Default under the `lan` profile, as text; empty when `doc` says how it is found.
    pub default: &'static str,
    /// Default under `wan`, where it differs.
    pub wan: Option<&'static str>,
    /// Default under `local`, where it differs.
    pub local: Option<&'static str>,
    /// Default under `fast`, where it differs.
    pub fast: Option<&'static str>,
    /// One line for help texts.
    pub doc: &'static str,
}

"#;

const ERROR_KIND: &str = r#"
/// What went wrong, as a stable number and code. The sentence beside it says what happened to the
/// state; the message of the [`Error`](crate::Error) names the culprit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
"#;

const ERROR_INFO: &str = r#"/// One row of the error table.
#[derive(Clone, Copy, Debug)]
pub struct ErrorInfo {
    /// The kind.
    pub kind: ErrorKind,
    /// Its permanent number, from 1.
    pub number: u32,
    /// Its permanent code, in snake case.
    pub code: &'static str,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// Whether what was asked for may have happened, where an error says nothing else.
    pub maybe_executed: bool,
    /// What happened.
    pub doc: &'static str,
}

"#;

const WARNING_CODE: &str = r#"/// What a node warns of while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WarningCode {
"#;

const WARNING_INFO: &str = r#"/// One row of the table of warnings.
#[derive(Clone, Copy, Debug)]
pub struct WarningInfo {
    /// The warning.
    pub warning: WarningCode,
    /// Its permanent code, in kebab case.
    pub code: &'static str,
    /// What is wrong.
    pub doc: &'static str,
}

"#;

const EVENT_INFO: &str = r#"/// The kind of something that an event carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A member.
    Member,
    /// Members.
    Members,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// A whole number.
    Count,
    /// Yes or no.
    Flag,
    /// A span of time.
    Duration,
    /// From one ring of the cluster to the next.
    Change,
    /// Slots of a ring, in order.
    Slots,
}

/// One row of the event table.
#[derive(Clone, Copy, Debug)]
pub struct EventInfo {
    /// Its permanent number, from 1.
    pub number: u32,
    /// Its permanent type, in kebab case.
    pub token: &'static str,
    /// What it carries, in order.
    pub fields: &'static [(&'static str, FieldKind)],
    /// What happened.
    pub doc: &'static str,
}

"#;

const STATE: &str = r#"/// What is believed about a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemberState {
"#;
