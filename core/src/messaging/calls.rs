//! Calls that this node has made and that are not answered yet.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::link::LinkId;
use super::{Payload, Target};
use crate::time::Instant;

/// Names one call. Never used twice: the place in the table and how often it was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallId(u64);

impl CallId {
    pub(crate) const fn from_number(number: u64) -> Self {
        Self(number)
    }

    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    /// Its place in tables, which is used again by later calls.
    pub(crate) const fn place(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }
}

/// A call under way.
#[derive(Debug)]
pub(super) struct Call {
    /// Whom it went to; this node itself has no name here.
    pub(super) peer: Option<Arc<str>>,
    /// The connection that it went out on, once it has.
    pub(super) link: Option<LinkId>,
    /// For the sentences of errors.
    pub(super) server: Box<str>,
    pub(super) deadline: Instant,
    /// What is needed to ask somebody else, once.
    pub(super) again: Option<Box<Again>>,
}

/// A call to be repeated elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Again {
    pub(super) target: Target,
    pub(super) op: Box<str>,
    pub(super) headers: Vec<u8>,
    pub(super) payload: Payload,
}

/// The table of calls.
#[derive(Debug, Default)]
pub(super) struct Calls {
    slots: Vec<(u32, Option<Call>)>,
    free: Vec<u32>,
    deadlines: BTreeSet<(Instant, CallId)>,
}

impl Calls {
    pub(super) fn insert(&mut self, call: Call) -> CallId {
        let deadline = call.deadline;
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            (self.slots.len() - 1) as u32
        });
        let mut id = CallId(u64::from(place));
        if let Some((used, slot)) = self.slots.get_mut(place as usize) {
            // Casts are numbered without.
            *used = used.wrapping_add(1).max(1);
            *slot = Some(call);
            id = CallId(u64::from(*used) << 32 | u64::from(place));
        }
        if deadline != Instant::NEVER {
            self.deadlines.insert((deadline, id));
        }
        id
    }

    pub(super) fn get_mut(&mut self, id: CallId) -> Option<&mut Call> {
        let (used, slot) = self.slots.get_mut(id.place())?;
        slot.as_mut().filter(|_| u64::from(*used) == id.0 >> 32)
    }

    pub(super) fn remove(&mut self, id: CallId) -> Option<Call> {
        let (used, slot) = self.slots.get_mut(id.place())?;
        let call = slot.take_if(|_| u64::from(*used) == id.0 >> 32)?;
        self.free.push(id.place() as u32);
        if call.deadline != Instant::NEVER {
            self.deadlines.remove(&(call.deadline, id));
        }
        Some(call)
    }

    /// Gives a call time until then.
    pub(super) fn postpone(&mut self, id: CallId, until: Instant) {
        let Some(call) = self.get_mut(id) else { return };
        let before = std::mem::replace(&mut call.deadline, until);
        self.deadlines.remove(&(before, id));
        if until != Instant::NEVER {
            self.deadlines.insert((until, id));
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Those that `wanted` says.
    pub(super) fn find(&self, mut wanted: impl FnMut(&Call) -> bool) -> Vec<CallId> {
        let mut found = Vec::new();
        for (place, (used, slot)) in self.slots.iter().enumerate() {
            if slot.as_ref().is_some_and(&mut wanted) {
                found.push(CallId(u64::from(*used) << 32 | place as u64));
            }
        }
        found
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.deadlines.first().map_or(Instant::NEVER, |(at, _)| *at)
    }

    /// One whose time is over.
    pub(super) fn late(&self, now: Instant) -> Option<CallId> {
        self.deadlines.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }
}
