//! `docs/reference.md`: what the manifest says, in every language's spelling.

use crate::manifest::{ErrorRow, EventRow, Kind, Manifest, Operation, Opt, Row};
use crate::names::{camel, pascal, screaming, snake, status};
use crate::parity;

pub(super) fn page(api: &Manifest) -> String {
    let mut text = HEAD.to_owned();
    text += "## Operations\n\n";
    text += &table(
        &["Operation", "Rust", "Python", "Node", "Elixir", "C", "What it does"],
        api.operations.iter().map(|row| operation(api, row)),
    );
    text += OPTIONS;
    text += &table(
        &["Option", "Node", "Kind", "`lan`", "`wan`", "`local`", "`fast`", "Meaning"],
        api.options.iter().map(option),
    );
    text += ERRORS;
    text += &table(
        &[
            "Code",
            "Number",
            "Python",
            "Node",
            "Elixir",
            "C",
            "Rust",
            "Retry",
            "Maybe",
            "What happened",
        ],
        api.errors.iter().map(error),
    );
    text += EVENTS;
    text += &table(
        &["Type", "Number", "Python, Rust", "Elixir", "C", "Carries", "What happened"],
        api.events.iter().map(event),
    );
    text += WARNINGS;
    text += &table(&["Code", "Number", "What is wrong"], api.warnings.iter().map(warning));
    text += "## Member states\n\n";
    text += "The word is the same everywhere; Elixir has it as an atom, C also as a number.\n\n";
    text +=
        &table(&["State", "Number", "Python, Rust", "C", "Meaning"], api.states.iter().map(state));
    if !api.gaps.is_empty() {
        text += "## Deliberate gaps\n\n";
        let gaps = api
            .gaps
            .iter()
            .map(|gap| vec![gap.language.clone(), tick(&gap.lacks), gap.reason.clone()]);
        text += &table(&["Language", "Lacks", "Why"], gaps);
    }
    format!("{}\n", text.trim_end())
}

fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let heads: Vec<String> = heads.iter().map(|&head| head.to_owned()).collect();
    let rule = "|---".repeat(heads.len()) + "|\n";
    line(&heads) + &rule + &rows.map(|row| line(&row)).collect::<String>() + "\n"
}

fn tick(text: &str) -> String {
    format!("`{text}`")
}

fn operation(api: &Manifest, row: &Operation) -> Vec<String> {
    let mut cells = vec![row.name.replace('_', " ")];
    for language in ["rust", "python", "node", "elixir", "c"] {
        let gap = api.gaps.iter().any(|gap| gap.language == language && gap.lacks == row.name);
        cells.push(if gap { "–".to_owned() } else { tick(&parity::spelled(row, language)) });
    }
    cells.push(row.doc.clone());
    cells
}

fn option(option: &Opt) -> Vec<String> {
    let kind = match &option.kind {
        Kind::Count(min, max) => format!("count, {min} to {max}"),
        Kind::Choice(words) => words.iter().map(|word| tick(word)).collect::<Vec<_>>().join(", "),
        kind => kind.word().to_owned(),
    };
    let kind = if option.secret { format!("{kind}, secret") } else { kind };
    let cell = |text: &str| if text.is_empty() { String::new() } else { tick(text) };
    let profile = |text: &Option<String>| cell(text.as_ref().unwrap_or(&option.default));
    vec![
        tick(&option.name),
        tick(&camel(&option.name)),
        kind,
        cell(&option.default),
        profile(&option.wan),
        profile(&option.local),
        profile(&option.fast),
        option.doc.clone(),
    ]
}

fn error(error: &ErrorRow) -> Vec<String> {
    let row = &error.row;
    vec![
        tick(&row.name),
        row.number.to_string(),
        format!("`{}` ({})", error.title, error.python),
        tick(&format!("ERR_CHINWAG_{}", screaming(&row.name))),
        tick(&format!(":{}", row.name)),
        tick(&status(&row.name)),
        tick(&format!("ErrorKind::{}", error.title)),
        if error.retryable { "yes" } else { "no" }.to_owned(),
        if error.maybe_executed { "yes" } else { "no" }.to_owned(),
        row.doc.clone(),
    ]
}

fn event(EventRow { row, python, fields }: &EventRow) -> Vec<String> {
    let fields: Vec<String> = fields.iter().map(|(name, _)| tick(name)).collect();
    let own = python.iter().map(|python| tick(python));
    let classes: Vec<String> = own.chain([tick(&pascal(&row.name))]).collect();
    vec![
        tick(&row.name),
        row.number.to_string(),
        classes.join(", "),
        tick(&format!(":{}", snake(&row.name))),
        tick(&format!("CHINWAG_EVENT_{}", screaming(&row.name))),
        fields.join(", "),
        row.doc.clone(),
    ]
}

fn warning(row: &Row) -> Vec<String> {
    vec![tick(&row.name), row.number.to_string(), row.doc.clone()]
}

fn state(row: &Row) -> Vec<String> {
    vec![
        tick(&row.name),
        row.number.to_string(),
        tick(&pascal(&row.name)),
        tick(&format!("CHINWAG_STATE_{}", screaming(&row.name))),
        row.doc.clone(),
    ]
}

const HEAD: &str = "\
# Reference

<!-- Written from api.toml by `cargo test -p chinwag-house --test api`. Change it there. -->

One vocabulary in every language: the same operations, options, error codes, event types and states.

";

const OPTIONS: &str = "\
## Options

Python, Elixir, C (`chinwag_config_set`) and Rust (`Builder::option`) use the key as it is; Node
uses camel case. The command has each as a flag in kebab case, `--join` for `seeds` and `--tag` for
`tags`, and takes the rest from `CHINWAG_…` in the environment.

As text, a list is separated by commas, a map is `key=value` pairs separated by commas, and a time
has a unit (`500ms`, `5s`). As a value, a time is in seconds in Python (or a `timedelta`), in
milliseconds in Node and Elixir. An unknown option is an error that names the nearest known one. The
options from `probe_interval` to `tcp_timeout` are memberlist's own; their defaults depend on
`profile`. A secret is shown by no message and no log, and is no flag of the command: it comes from
its variable in the environment.

";

const ERRORS: &str = "\
## Errors

Every error carries its code and a message. *Retry* says whether the same call may succeed later,
*Maybe* whether what was asked for may have happened, where an error itself says nothing else.
Numbers and codes are permanent.

";

const WARNINGS: &str = "\
## Warnings

What a `warning` event tells by its `code`: the node goes on. At most one of a code in ten seconds;
more are counted.

";

const EVENTS: &str = "\
## Events

Node and the command use the type as it is. Events are ordered and numbered, and never about the
local member.

";
