//! `chinwag ring plan`: what would move if nodes came and went.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use chinwag::ring::{Ring, RingChange};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;
use serde_json::Value;

use super::moves::{self, Move};
use super::{is_json, output, source, svg};
use crate::chart;
use crate::failure::Failure;
use crate::show::{percent, plain, table};

/// How the subcommand is spelled.
pub(super) fn command() -> Command {
    let add = Arg::new("add")
        .long("add")
        .value_name("NAME[=WEIGHT[@ZONE]]")
        .action(ArgAction::Append)
        .help("A node that would come. May be repeated");
    let remove = Arg::new("remove")
        .long("remove")
        .value_name("NAME")
        .action(ArgAction::Append)
        .help("A node that would go; one that is added as well gets another weight or zone");
    Command::new("plan")
        .about("Print what would move from whom to whom if nodes came and went")
        .args([add, remove])
        .args(source::args())
        .args([svg(), output(&["table", "json"])])
}

/// Runs it.
pub(super) fn run(matches: &ArgMatches, ring: &Ring) -> Result<(), Failure> {
    let all = |id: &str| matches.get_many::<String>(id).into_iter().flatten();
    let mut builder = ring.to_builder();
    if all("add").chain(all("remove")).next().is_none() {
        return Err(Failure::usage("say who comes or goes: --add NAME, --remove NAME"));
    }
    for name in all("remove") {
        builder = builder.remove(name);
    }
    let mut changed: BTreeSet<String> = all("remove").cloned().collect();
    for text in all("add") {
        let node = source::node(text)?;
        changed.insert(node.name.clone());
        builder = builder.node(node);
    }
    let change = RingChange::new(ring, &builder.build()?);
    let plan = Plan::of(&change);
    if let Some(path) = matches.get_one::<PathBuf>("svg") {
        let title = format!("{} of all keys move, ideal {}", plan.moved(), percent(plan.ideal));
        chart::write(path, &chart::movement(&title, plan.flows(&changed))?)?;
    }
    let text = if is_json(matches) { plan.json(&change) } else { plan.rows() };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// What moves, and what would have to by the weights alone.
struct Plan {
    moves: Vec<Move>,
    /// How many there are in all; none on a ring of points.
    slots: Option<usize>,
    ideal: f64,
}

/// A move as JSON.
#[derive(Serialize)]
struct JsonMove<'p> {
    from: Option<&'p str>,
    to: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slots: Option<u64>,
    share: f64,
}

impl<'p> JsonMove<'p> {
    fn of(one: &'p Move, has_slots: bool) -> Self {
        let slots = has_slots.then_some(one.places);
        Self { from: one.from.as_deref(), to: one.to.as_deref(), slots, share: one.share }
    }
}

/// A plan as JSON; with both rings, so that it can be asked about keys later on.
#[derive(Serialize)]
struct JsonPlan<'p> {
    moved: f64,
    ideal: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    slots: Option<usize>,
    moves: Vec<JsonMove<'p>>,
    before: Value,
    after: Value,
}

impl Plan {
    fn of(change: &RingChange) -> Self {
        let (before, after) = (change.before(), change.after());
        let slots = before.slots().count().max(after.slots().count());
        Self {
            moves: moves::moves(change),
            slots: (slots > 0).then_some(slots),
            ideal: moves::ideal(before, after),
        }
    }

    fn share(&self) -> f64 {
        self.moves.iter().map(|one| one.share).sum()
    }

    fn moved(&self) -> String {
        percent(self.share())
    }

    fn rows(&self) -> String {
        let name = |name: &Option<String>| name.as_deref().map_or_else(|| "-".to_owned(), plain);
        let row = |one: &Move| {
            let mut row = vec![name(&one.from), name(&one.to), percent(one.share)];
            row.extend(self.slots.map(|_| one.places.to_string()));
            row
        };
        let rows: Vec<Vec<String>> = self.moves.iter().map(row).collect();
        let header = ["FROM", "TO", "SHARE", "SLOTS"];
        let columns = if self.slots.is_some() { 4 } else { 3 };
        let text = table(header.get(..columns).unwrap_or(&header), &rows);
        format!("{text}\n{}\n", self.sum())
    }

    /// One sentence.
    fn sum(&self) -> String {
        let slots = self.slots.map(|slots| {
            let moved: u64 = self.moves.iter().map(|one| one.places).sum();
            format!(", {moved} of {slots} slots")
        });
        let (moved, ideal) = (self.moved(), percent(self.ideal));
        format!("{moved} of all keys move{}; ideal by weight {ideal}", slots.unwrap_or_default())
    }

    fn json(&self, change: &RingChange) -> String {
        let ring = |ring: &Ring| serde_json::from_str(&ring.to_json()).unwrap_or_default();
        let plan = JsonPlan {
            moved: self.share(),
            ideal: self.ideal,
            slots: self.slots,
            moves: self.moves.iter().map(|one| JsonMove::of(one, self.slots.is_some())).collect(),
            before: ring(change.before()),
            after: ring(change.after()),
        };
        // Strings and finite numbers: there is nothing that could fail.
        serde_json::to_string(&plan).unwrap_or_default() + "\n"
    }

    /// For a picture. What comes or goes has a colour of its own.
    fn flows(&self, changed: &BTreeSet<String>) -> Vec<chart::Flow> {
        let name =
            |name: &Option<String>| name.as_deref().map_or_else(|| "nobody".to_owned(), plain);
        let changed = |name: &Option<String>| {
            name.as_ref().filter(|name| changed.contains(*name)).map(|name| plain(name))
        };
        let flow = |one: &Move| chart::Flow {
            from: name(&one.from),
            to: name(&one.to),
            share: one.share,
            because: changed(&one.to).or_else(|| changed(&one.from)),
        };
        self.moves.iter().map(flow).collect()
    }
}

/// The two rings of what `plan -o json` wrote into a file.
pub(super) fn read(path: &Path) -> Result<RingChange, Failure> {
    let wrong = |why: &str| {
        Failure::usage(format!("{}: {why}; `ring plan -o json` writes one", path.display()))
    };
    let value: Value = serde_json::from_str(&source::read(path)?)
        .map_err(|error| wrong(&format!("this is no plan: {error}")))?;
    let ring = |field: &str| match value.get(field) {
        Some(ring @ Value::Object(_)) => {
            Ring::from_json(&ring.to_string()).map_err(|error| source::about(path, &error))
        }
        _ => Err(wrong(&format!("this is no plan: it lacks the ring `{field}`"))),
    };
    Ok(RingChange::new(&ring("before")?, &ring("after")?))
}
