//! `api.toml`, read strictly: a key that is not known, a gap in the numbers or a name given twice
//! is a mistake in the manifest.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::files;
use crate::names;

/// The whole manifest.
#[derive(Debug)]
pub struct Manifest {
    /// Options, in order.
    pub options: Vec<Opt>,
    /// Error codes, numbered from 1.
    pub errors: Vec<ErrorRow>,
    /// Event types, numbered from 1.
    pub events: Vec<EventRow>,
    /// What a node warns of, numbered from 1.
    pub warnings: Vec<Row>,
    /// Member states, numbered from 0.
    pub states: Vec<Row>,
    /// What a node can be asked to do.
    pub operations: Vec<Operation>,
    /// Deliberate holes.
    pub gaps: Vec<Gap>,
}

/// How the text of an option is read.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// Free text.
    Text,
    /// IP address and port.
    Addr,
    /// Texts.
    List,
    /// Pairs.
    Map,
    /// Bytes.
    Bytes,
    /// A span of time.
    Duration,
    /// Yes or no.
    Flag,
    /// A number between two bounds.
    Count(i64, i64),
    /// One of some words.
    Choice(Vec<String>),
}

impl Kind {
    /// The manifest's word for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Addr => "addr",
            Self::List => "list",
            Self::Map => "map",
            Self::Bytes => "bytes",
            Self::Duration => "duration",
            Self::Flag => "flag",
            Self::Count(..) => "count",
            Self::Choice(_) => "choice",
        }
    }
}

/// An option.
#[derive(Debug)]
pub struct Opt {
    /// Its key.
    pub name: String,
    /// How it is read.
    pub kind: Kind,
    /// Whether its value is never shown.
    pub secret: bool,
    /// Its default as text; empty when the doc says how it is found.
    pub default: String,
    /// Where the `wan` profile differs.
    pub wan: Option<String>,
    /// Where the `local` profile differs.
    pub local: Option<String>,
    /// Where the `fast` profile differs.
    pub fast: Option<String>,
    /// One line.
    pub doc: String,
}

impl Opt {
    /// Its doc, with the default where the doc does not say it.
    pub fn described(&self) -> String {
        match (self.default.as_str(), &self.kind) {
            ("", _) | ("false", Kind::Flag) => self.doc.clone(),
            (default, _) => format!("{} Default: {default}.", self.doc),
        }
    }
}

/// A numbered name.
#[derive(Debug)]
pub struct Row {
    /// The name as text formats spell it.
    pub name: String,
    /// Its permanent number.
    pub number: i64,
    /// One line.
    pub doc: String,
}

/// An error code.
#[derive(Debug)]
pub struct ErrorRow {
    /// Code, number, doc.
    pub row: Row,
    /// Its name as a class.
    pub title: String,
    /// The builtin exception that Python's class extends as well.
    pub python: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// Whether what was asked for may have happened, where nothing else is said.
    pub maybe_executed: bool,
}

/// An event type.
#[derive(Debug)]
pub struct EventRow {
    /// Type, number, doc.
    pub row: Row,
    /// Python's class, where its name is another than the type's.
    pub python: Option<String>,
    /// What it carries, in order: name and kind.
    pub fields: Vec<(String, String)>,
}

/// Kinds of what an event carries.
pub const FIELD_KINDS: [&str; 9] =
    ["member", "members", "text", "bytes", "count", "flag", "duration", "change", "slots"];

/// Something that a node, or the module, can be asked to do.
#[derive(Debug)]
pub struct Operation {
    /// Its name in snake case.
    pub name: String,
    /// One line.
    pub doc: String,
    /// Spellings that are not the mechanical one, by language.
    pub spelled: Vec<(String, String)>,
}

/// A language that lacks something on purpose.
#[derive(Debug)]
pub struct Gap {
    /// Which language.
    pub language: String,
    /// The operation, option, event or error.
    pub lacks: String,
    /// Why.
    pub reason: String,
}

/// The languages, as the manifest names them.
pub const LANGUAGES: [&str; 5] = ["rust", "c", "python", "node", "elixir"];

impl Manifest {
    /// The manifest of this repository.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn load() -> Result<Self, String> {
        Self::parse(&files::read("api.toml"))
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut top: Table = text.parse().map_err(|e| format!("api.toml: {e}"))?;
        let manifest = Self {
            options: rows(&mut top, "option", option)?,
            errors: rows(&mut top, "error", error)?,
            events: rows(&mut top, "event", event)?,
            warnings: rows(&mut top, "warning", |f| numbered(f, "code"))?,
            states: rows(&mut top, "state", |f| numbered(f, "name"))?,
            operations: rows(&mut top, "operation", operation)?,
            gaps: rows(&mut top, "gap", gap)?,
        };
        if let Some(key) = top.keys().next() {
            return Err(format!("api.toml: unknown table {key}"));
        }
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        dense(self.errors.iter().map(|e| &e.row), 1)?;
        dense(self.events.iter().map(|e| &e.row), 1)?;
        dense(self.warnings.iter(), 1)?;
        dense(self.states.iter(), 0)?;
        unique(self.options.iter().map(|o| &o.name))?;
        unique(self.operations.iter().map(|o| &o.name))?;
        for error in &self.errors {
            if names::pascal(&error.row.name) != error.title {
                return Err(format!("api.toml: {} is titled {}", error.row.name, error.title));
            }
        }
        let languages = self.operations.iter().flat_map(|o| o.spelled.iter().map(|(l, _)| l));
        for language in languages.chain(self.gaps.iter().map(|gap| &gap.language)) {
            if !LANGUAGES.contains(&language.as_str()) {
                return Err(format!("api.toml: unknown language {language}"));
            }
        }
        Ok(())
    }
}

/// The fields of one row; what is left after reading is unknown.
struct Fields {
    table: Table,
    of: String,
}

impl Fields {
    fn text(&mut self, key: &str) -> Result<String, String> {
        self.maybe_text(key).ok_or_else(|| self.lacks(key))
    }

    fn maybe_text(&mut self, key: &str) -> Option<String> {
        match self.table.remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    fn number(&mut self, key: &str) -> Result<i64, String> {
        self.table.remove(key).and_then(|v| v.as_integer()).ok_or_else(|| self.lacks(key))
    }

    fn flag(&mut self, key: &str) -> Result<bool, String> {
        self.table.remove(key).and_then(|v| v.as_bool()).ok_or_else(|| self.lacks(key))
    }

    fn maybe_flag(&mut self, key: &str) -> Option<bool> {
        self.table.remove(key)?.as_bool()
    }

    fn words(&mut self, key: &str) -> Result<Vec<String>, String> {
        let Some(Value::Array(words)) = self.table.remove(key) else { return Err(self.lacks(key)) };
        Ok(words.iter().filter_map(|w| w.as_str().map(str::to_owned)).collect())
    }

    fn lacks(&self, key: &str) -> String {
        format!("api.toml: {} {:?} lacks {key}", self.of, self.table)
    }
}

fn rows<T>(
    top: &mut Table,
    of: &str,
    read: impl Fn(&mut Fields) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let Some(Value::Array(rows)) = top.remove(of) else { return Ok(Vec::new()) };
    let mut read_rows = Vec::new();
    for row in rows {
        let Value::Table(table) = row else { return Err(format!("api.toml: {of} is no table")) };
        let mut fields = Fields { table, of: of.to_owned() };
        read_rows.push(read(&mut fields)?);
        if let Some(key) = fields.table.keys().next() {
            return Err(format!("api.toml: a row of {of} has the unknown key {key}"));
        }
    }
    Ok(read_rows)
}

fn option(fields: &mut Fields) -> Result<Opt, String> {
    let kind = match fields.text("kind")?.as_str() {
        "text" => Kind::Text,
        "addr" => Kind::Addr,
        "list" => Kind::List,
        "map" => Kind::Map,
        "bytes" => Kind::Bytes,
        "duration" => Kind::Duration,
        "flag" => Kind::Flag,
        "count" => Kind::Count(fields.number("min")?, fields.number("max")?),
        "choice" => Kind::Choice(fields.words("choices")?),
        other => return Err(format!("api.toml: unknown kind of option {other}")),
    };
    Ok(Opt {
        name: fields.text("name")?,
        kind,
        secret: fields.maybe_flag("secret").unwrap_or_default(),
        default: fields.text("default")?,
        wan: fields.maybe_text("wan"),
        local: fields.maybe_text("local"),
        fast: fields.maybe_text("fast"),
        doc: fields.text("doc")?,
    })
}

fn error(fields: &mut Fields) -> Result<ErrorRow, String> {
    Ok(ErrorRow {
        row: numbered(fields, "code")?,
        title: fields.text("title")?,
        python: fields.text("python")?,
        retryable: fields.flag("retryable")?,
        maybe_executed: fields.maybe_flag("maybe_executed").unwrap_or_default(),
    })
}

fn event(fields: &mut Fields) -> Result<EventRow, String> {
    let row = numbered(fields, "type")?;
    let mut carried = Vec::new();
    for field in fields.words("fields")? {
        let (name, kind) = field.split_once(": ").unwrap_or((&field, ""));
        if !FIELD_KINDS.contains(&kind) {
            return Err(format!("api.toml: {} has the unknown kind of field {field}", row.name));
        }
        carried.push((name.to_owned(), kind.to_owned()));
    }
    Ok(EventRow { row, python: fields.maybe_text("python"), fields: carried })
}

fn numbered(fields: &mut Fields, key: &str) -> Result<Row, String> {
    Ok(Row { name: fields.text(key)?, number: fields.number("number")?, doc: fields.text("doc")? })
}

fn operation(fields: &mut Fields) -> Result<Operation, String> {
    let (name, doc) = (fields.text("name")?, fields.text("doc")?);
    let mut spelled = Vec::new();
    for language in LANGUAGES {
        spelled.extend(fields.maybe_text(language).map(|text| (language.to_owned(), text)));
    }
    Ok(Operation { name, doc, spelled })
}

fn gap(fields: &mut Fields) -> Result<Gap, String> {
    Ok(Gap {
        language: fields.text("language")?,
        lacks: fields.text("lacks")?,
        reason: fields.text("reason")?,
    })
}

/// Numbers are dense, because tables are indexed by them, and permanent, because C has them.
fn dense<'a>(rows: impl Iterator<Item = &'a Row>, first: i64) -> Result<(), String> {
    let mut seen = Vec::new();
    for (number, row) in (first..).zip(rows) {
        if row.number != number {
            return Err(format!("api.toml: {} has number {}, not {number}", row.name, row.number));
        }
        seen.push(&row.name);
    }
    unique(seen.into_iter())
}

fn unique<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("api.toml: {name} is there twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = "[[state]]\nname = \"alive\"\nnumber = 0\ndoc = \"x\"\n";

    #[test]
    fn mistakes_are_named() {
        assert!(Manifest::parse(STATE).is_ok());
        for (text, says) in [
            (STATE.replace("number = 0", "number = 7"), "not 0"),
            (STATE.replace("doc", "dok"), "lacks doc"),
            (format!("{STATE}extra = 1\n"), "unknown key extra"),
            (format!("{STATE}[[stat]]\n"), "unknown table stat"),
            (format!("{STATE}{}", STATE.replace("= 0", "= 1")), "twice"),
            ("[[option]]\nname = \"a\"\nkind = \"word\"\n".to_owned(), "unknown kind"),
            (
                "[[event]]\ntype = \"a\"\nnumber = 1\nfields = [\"a: word\"]\ndoc = \"x\"\n"
                    .to_owned(),
                "unknown kind of field",
            ),
        ] {
            let error = Manifest::parse(&text).expect_err(&text);
            assert!(error.contains(says), "{error}");
        }
    }
}
