//! Everybody's keys and values.

use std::collections::BTreeMap;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::space::{Change, Mark, Space, Written};
use super::{OTHERS_BYTES, Own, STRANGER_BYTES, STRANGERS_MAX, StateChange};
use crate::time::Instant;
use crate::wire::{StateDelta, StateMark};

/// The space of this node, and what is known of those of others.
#[derive(Debug)]
pub(crate) struct Spaces {
    name: Arc<str>,
    own: Own,
    others: BTreeMap<Arc<str>, Held>,
    /// What those of others take.
    memory: usize,
    /// Those of them whose owners are not known.
    strangers: usize,
    /// Of those that are shown, this node's among them.
    fingerprint: u64,
}

/// The space of another member.
#[derive(Debug)]
struct Held {
    space: Space,
    standing: Standing,
    /// When it was last added to.
    changed: Instant,
}

/// What the membership knows of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is there: its keys are shown.
    Present,
    /// It has failed or left: its keys are kept.
    Absent,
    /// It is not known, or not yet.
    Stranger,
}

/// What a delta came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It brought something.
    News,
    /// All of it was known.
    Known,
    /// It is of an earlier run than is known.
    Outdated,
    /// Something is missing in front of it.
    Gap,
    /// It is more than may be held.
    Refused,
}

impl Spaces {
    /// Those of a node of that name, which knows its own.
    pub(crate) fn new(name: Arc<str>, own: Own) -> Self {
        let others = BTreeMap::new();
        Self { name, own, others, memory: 0, strangers: 0, fingerprint: 0 }
    }

    pub(crate) fn own(&self) -> &Own {
        &self.own
    }

    /// Changes the own space.
    pub(crate) fn change_own<T>(&mut self, change: impl FnOnce(&mut Own) -> T) -> T {
        self.fingerprint ^= sign(&self.name, self.own.space().mark());
        let outcome = change(&mut self.own);
        self.fingerprint ^= sign(&self.name, self.own.space().mark());
        outcome
    }

    /// What all members agree on that know the same of the same members; 0 if that is nothing.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Whether there is nothing, and never was.
    pub(crate) fn is_empty(&self) -> bool {
        self.others.is_empty() && self.own.space().mark().version == 0
    }

    /// The space of a member, or of a stranger.
    pub(crate) fn space(&self, owner: &str) -> Option<&Space> {
        match owner == &*self.name {
            true => Some(self.own.space()),
            false => self.others.get(owner).map(|held| &held.space),
        }
    }

    /// How far that is known; nothing is the least.
    pub(crate) fn mark(&self, owner: &str) -> Mark {
        self.space(owner).map(Space::mark).unwrap_or_default()
    }

    /// When something of another was last learnt.
    pub(crate) fn changed(&self, owner: &str) -> Option<Instant> {
        self.others.get(owner).map(|held| held.changed)
    }

    /// How far each is known that is shown.
    pub(crate) fn marks(&self) -> impl Iterator<Item = StateMark<'_>> {
        let shown = self.others.iter().filter(|(_, held)| held.standing == Standing::Present);
        let shown = shown.map(|(owner, held)| (&**owner, held.space.mark()));
        let all = std::iter::once((&*self.name, self.own.space().mark())).chain(shown);
        all.filter(|(_, mark)| mark.version > 0).map(|(owner, mark)| StateMark {
            owner,
            epoch: mark.epoch,
            version: mark.version,
        })
    }

    /// Takes over what a delta tells of another member; what it came to, and what is to be told.
    pub(crate) fn hear(
        &mut self,
        now: Instant,
        delta: &StateDelta<'_>,
        standing: Standing,
    ) -> (Heard, Vec<StateChange>) {
        debug_assert!(*delta.owner != *self.name, "nobody tells this node what it has");
        let known = self.mark(delta.owner);
        let complete = delta.full || (delta.from == 0 && delta.floor == 0);
        if delta.epoch < known.epoch {
            return (Heard::Outdated, Vec::new());
        }
        let later = delta.epoch > known.epoch;
        if !later && delta.to <= known.version {
            return (Heard::Known, Vec::new());
        }
        if later && !complete || !later && !delta.full && delta.from > known.version {
            return (Heard::Gap, Vec::new());
        }
        let room = self.room_for(delta.owner, standing);
        let copied = later || delta.full;
        let (heard, changes) = match copied {
            true => self.copy(now, delta, standing, room),
            false => self.add(now, delta, room),
        };
        let shown = standing == Standing::Present;
        let changes = if shown { told(delta.owner, changes) } else { Vec::new() };
        (heard, changes)
    }

    /// Bytes of memory that the space of that owner may take.
    fn room_for(&mut self, owner: &str, standing: Standing) -> usize {
        let own = self.others.get(owner).map_or(0, |held| held.space.memory());
        match standing {
            Standing::Stranger => {
                if own == 0 && self.strangers >= STRANGERS_MAX {
                    self.drop_stranger();
                }
                STRANGER_BYTES.min(OTHERS_BYTES.saturating_sub(self.memory - own))
            }
            Standing::Present | Standing::Absent => OTHERS_BYTES.saturating_sub(self.memory - own),
        }
    }

    /// Makes room for another stranger: one that was not heard of for longest.
    fn drop_stranger(&mut self) {
        let strangers = self.others.iter().filter(|(_, h)| h.standing == Standing::Stranger);
        let oldest = strangers.min_by_key(|(_, held)| held.changed);
        if let Some(owner) = oldest.map(|(owner, _)| Arc::clone(owner)) {
            self.forget(&owner);
        }
    }

    fn copy(
        &mut self,
        now: Instant,
        delta: &StateDelta<'_>,
        standing: Standing,
        room: usize,
    ) -> (Heard, Vec<Change>) {
        let Some(space) = Space::whole(delta, room) else { return (Heard::Refused, Vec::new()) };
        let before = self.take_out(delta.owner).unwrap_or_default();
        let changes = space.changes_from(&before);
        self.put_in(delta.owner.into(), Held { space, standing, changed: now });
        (Heard::News, changes)
    }

    fn add(&mut self, now: Instant, delta: &StateDelta<'_>, room: usize) -> (Heard, Vec<Change>) {
        let mut changes = Vec::new();
        let Some((owner, mut held)) = self.remove(delta.owner) else {
            return (Heard::Gap, changes);
        };
        let done = held.space.take(delta, room, &mut changes);
        held.changed = now;
        self.put_in(owner, held);
        (if done { Heard::News } else { Heard::Refused }, changes)
    }

    fn take_out(&mut self, owner: &str) -> Option<Space> {
        self.remove(owner).map(|(_, held)| held.space)
    }

    fn remove(&mut self, owner: &str) -> Option<(Arc<str>, Held)> {
        let (owner, held) = self.others.remove_entry(owner)?;
        self.memory -= held.space.memory();
        match held.standing {
            Standing::Present => self.fingerprint ^= sign(&owner, held.space.mark()),
            Standing::Stranger => self.strangers -= 1,
            Standing::Absent => {}
        }
        Some((owner, held))
    }

    fn put_in(&mut self, owner: Arc<str>, held: Held) {
        self.memory += held.space.memory();
        match held.standing {
            Standing::Present => self.fingerprint ^= sign(&owner, held.space.mark()),
            Standing::Stranger => self.strangers += 1,
            Standing::Absent => {}
        }
        self.others.insert(owner, held);
    }

    /// An owner came or went; what is to be told.
    pub(crate) fn stand(&mut self, owner: &str, standing: Standing) -> Vec<StateChange> {
        let was = self.others.get(owner).map(|held| held.standing);
        if was.is_none_or(|was| was == standing) {
            return Vec::new();
        }
        let Some((owner, mut held)) = self.remove(owner) else { return Vec::new() };
        held.standing = standing;
        let changes: Vec<Change> = match (was, standing) {
            (_, Standing::Present) => held.space.values().collect(),
            (Some(Standing::Present), _) => hidden(&held.space),
            _ => Vec::new(),
        };
        let changes = told(&owner, changes);
        self.put_in(owner, held);
        changes
    }

    /// Forgets the space of an owner; what is to be told.
    pub(crate) fn forget(&mut self, owner: &str) -> Vec<StateChange> {
        let Some((owner, held)) = self.remove(owner) else { return Vec::new() };
        match held.standing {
            Standing::Present => told(&owner, hidden(&held.space)),
            Standing::Absent | Standing::Stranger => Vec::new(),
        }
    }

    /// Appends what somebody lacks who knows a space that far.
    pub(crate) fn since(
        &self,
        owner: &str,
        known: Mark,
        room: usize,
        out: &mut Vec<u8>,
    ) -> Written {
        self.space(owner).map_or(Written::Nothing, |space| space.since(owner, known, room, out))
    }

    /// Every key and value that is shown, with its owner: those of this node first.
    #[cfg(any(feature = "sim", test))]
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&str, Change)> {
        let own = self.own.space().values().map(|change| (&*self.name, change));
        let shown = self.others.iter().filter(|(_, held)| held.standing == Standing::Present);
        own.chain(shown.flat_map(|(owner, h)| h.space.values().map(|change| (&**owner, change))))
    }

    /// Bytes of memory that those of others take.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }
}

fn hidden(space: &Space) -> Vec<Change> {
    space.values().map(|(key, _, version)| (key, None, version)).collect()
}

pub(crate) fn told(owner: &str, changes: Vec<Change>) -> Vec<StateChange> {
    let owner: Arc<str> = owner.into();
    let told =
        |(key, value, version)| StateChange { owner: Arc::clone(&owner), key, value, version };
    changes.into_iter().map(told).collect()
}

/// One space's part of the fingerprint. Nothing has none.
fn sign(owner: &str, mark: Mark) -> u64 {
    if mark.version == 0 {
        return 0;
    }
    let numbers = [mark.epoch, mark.version].map(u64::to_be_bytes);
    xxh3_64(&[&numbers.concat(), owner.as_bytes()].concat())
}
