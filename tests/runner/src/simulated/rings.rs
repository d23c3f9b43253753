//! What a driver does for rings: it has the ring of the members made when somebody first asks for
//! it, and again when they have changed, and tells the engine.

use std::mem;
use std::sync::Arc;

use chinwag::config::RingSettings;
use chinwag::engine::Request;
use chinwag::event::{RingChanged, Warning, WarningCode};
use chinwag::ring::{Overrides, Ring, RingChange};
use chinwag::sim::{NodeId, Sim};
use chinwag::{Error, EventKind, Member};

use super::lines::with_ring;
use crate::line::Line;

/// The rings of a node.
pub(super) struct Rings {
    settings: RingSettings,
    /// None before somebody asks.
    present: Option<Made>,
    /// What was told of the places of members on it.
    odd: Vec<Warning>,
}

/// A ring, and what it was made after.
struct Made {
    ring: Ring,
    /// How much was in the node's log.
    seen: usize,
    /// The node itself, which is no event in its log.
    local: Option<Member>,
    overrides: Overrides,
}

impl Rings {
    pub(super) fn new(settings: RingSettings) -> Self {
        Self { settings, present: None, odd: Vec::new() }
    }

    /// Whether something has happened since the ring was made.
    pub(super) fn is_behind(&self, sim: &Sim, open: NodeId) -> bool {
        self.present.as_ref().is_some_and(|made| {
            made.seen < sim.log(open).len()
                || made.local != sim.view(open, open)
                || made.overrides != sim.ring_overrides(open)
        })
    }

    /// Has the ring kept; what there is to tell, if this is the first time.
    pub(super) fn keep(&mut self, sim: &mut Sim, open: NodeId) -> Result<Vec<EventKind>, Error> {
        if self.present.is_some() {
            return Ok(Vec::new());
        }
        let (ring, told) = self.make(sim, open)?;
        let before = ring.without(sim.name(open)).unwrap_or_else(|_| ring.clone());
        place(sim, open, &before, &ring);
        Ok(told)
    }

    /// Follows the members, if the ring is kept; what there is to tell.
    pub(super) fn follow(&mut self, sim: &mut Sim, open: NodeId) -> Vec<EventKind> {
        let before = self.present.as_ref().map(|made| made.ring.clone());
        let Some(before) = before.filter(|_| self.is_behind(sim, open)) else { return Vec::new() };
        let (ring, mut told) = match self.make(sim, open) {
            Ok(made) => made,
            Err(error) => {
                self.present = Some(self.after(sim, open, before));
                let (code, text) = (WarningCode::RingFailed, error.message().to_owned());
                return vec![warning(code, String::new(), text)];
            }
        };
        if ring != before {
            let local = sim.name(open).to_owned();
            let change = place(sim, open, &before, &ring);
            told.push(EventKind::RingChange(Arc::new(RingChanged { local, change })));
        }
        told
    }

    fn make(&mut self, sim: &Sim, open: NodeId) -> Result<(Ring, Vec<EventKind>), Error> {
        let before = self.present.as_ref().map(|made| &made.ring);
        let (ring, odd) = sim.ring(open, &self.settings, before)?;
        self.present = Some(self.after(sim, open, ring.clone()));
        Ok((ring, self.complaints(odd)))
    }

    /// A ring that is made after what has happened until now.
    fn after(&self, sim: &Sim, open: NodeId, ring: Ring) -> Made {
        let (seen, local) = (sim.log(open).len(), sim.view(open, open));
        Made { ring, seen, local, overrides: sim.ring_overrides(open) }
    }

    /// Of what is odd about it, what has not been told yet.
    fn complaints(&mut self, odd: Vec<Warning>) -> Vec<EventKind> {
        let known = mem::replace(&mut self.odd, odd);
        let new = self.odd.iter().filter(|warning| !known.contains(warning));
        new.map(|warning| EventKind::Warning(Arc::new(warning.clone()))).collect()
    }

    /// The answer to a word that asks a ring which is kept; lines of data, then the final one.
    pub(super) fn answer(&self, name: &str, command: &Line) -> Vec<Line> {
        let Some(Made { ring, .. }) = &self.present else { return Vec::new() };
        let (key, ok) = (command.bytes("key"), Line::new("ok"));
        match command.word.as_str() {
            "owners" => {
                let count = command.get("count").and_then(|text| text.parse().ok()).unwrap_or(1);
                let owners = ring.owners(key, count);
                let line = |owner: &&str| Line::new("owner").with("name", owner);
                let mut lines: Vec<Line> = owners.iter().map(line).collect();
                lines.push(ok.with("count", &owners.len().to_string()));
                lines
            }
            "owns" => vec![ok.with("owns", &ring.is_owner(name, key).to_string())],
            _ => vec![with_ring(ok.with("version", &ring.version().to_string()), ring)],
        }
    }
}

/// What a command says that is decided by hand.
pub(super) fn overrides(command: &Line) -> Overrides {
    let excluded = command.get("excluded").unwrap_or_default().split(',');
    let pins = |prefix| {
        let under = command.under(prefix).into_iter();
        under.map(|(key, name)| (key.as_bytes().to_vec(), name.to_owned())).collect()
    };
    Overrides {
        excluded: excluded.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        pins: pins("pin."),
        pin_prefixes: pins("pin_prefix."),
    }
}

fn warning(code: WarningCode, subject: String, text: String) -> EventKind {
    EventKind::Warning(Arc::new(Warning { code, subject, text }))
}

/// Tells the engine.
fn place(sim: &mut Sim, open: NodeId, before: &Ring, after: &Ring) -> RingChange {
    let change = RingChange::new(before, after);
    sim.request(open, Request::Placed(Box::new(change.clone())));
    change
}
