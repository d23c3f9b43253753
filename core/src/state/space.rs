//! One member's keys and values, as far as they are known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{ENTRY_COST, GRAVES_MAX, QUOTA_BYTES, QUOTA_KEYS};
use crate::wire::{StateDelta, StateEntry};

/// Keys and values up to a version.
#[derive(Clone, Debug, Default)]
pub(crate) struct Space {
    epoch: u64,
    version: u64,
    floor: u64,
    entries: BTreeMap<Arc<str>, Entry>,
    /// Every key by the version that it was last changed in.
    order: BTreeMap<u64, Arc<str>>,
    /// The versions of those that were deleted.
    graves: BTreeSet<u64>,
    /// What the keys that are there cost.
    bytes: usize,
    /// What the deleted ones cost.
    grave_bytes: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    version: u64,
    value: Option<Arc<[u8]>>,
}

/// How far a space is known: which run of its owner, and up to which version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) epoch: u64,
    pub(crate) version: u64,
}

/// A key, and what it came to in which version.
pub(super) type Change = (Arc<str>, Option<Arc<[u8]>>, u64);

/// What was written of what somebody lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It lacks nothing.
    Nothing,
    /// As much as there was room for; from where on there is more.
    Part,
    /// Everything.
    All,
    /// It takes a full copy, for which there is no room.
    TooLarge,
}

/// What an entry takes in memory, beside what it costs.
const MEMORY: usize = 152;
/// A copy of a space is taken over in steps, and between two of them it may have a key too many: an
/// owner's quota holds for what it has at one time.
const SLACK: usize = 2;

impl Space {
    /// That of a run which has not written anything.
    pub(crate) fn new(epoch: u64) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// The space as a delta that needs nothing before it tells it; none if it is larger than a
    /// space may be.
    pub(crate) fn whole(delta: &StateDelta<'_>, room: usize) -> Option<Self> {
        let mut space = Self { floor: delta.floor, ..Self::new(delta.epoch) };
        for entry in delta.entries() {
            space.put(entry.version, entry.key.into(), entry.value.map(Arc::from));
            if !space.is_within(SLACK) || space.memory() > room {
                return None;
            }
        }
        space.version = delta.to;
        space.forget_graves(delta.floor);
        Some(space)
    }

    /// Takes over what a delta has beyond this version, within `room` bytes of memory. What changed
    /// is appended to `changes`; whether it went to the end. If it did not, the space is as its
    /// owner had it before the rest.
    pub(super) fn take(
        &mut self,
        delta: &StateDelta<'_>,
        room: usize,
        changes: &mut Vec<Change>,
    ) -> bool {
        debug_assert!(delta.epoch == self.epoch && delta.from <= self.version, "no gap");
        let known = self.version;
        for entry in delta.entries().filter(|entry| entry.version > known) {
            let more = ENTRY_COST + entry.key.len() + entry.value.map_or(0, <[u8]>::len) + MEMORY;
            if !self.is_within(SLACK) || self.memory() + more > room {
                return false;
            }
            let (key, value) = (Arc::from(entry.key), entry.value.map(Arc::from));
            if self.put(entry.version, Arc::clone(&key), value.clone()) {
                changes.push((key, value, entry.version));
            }
            self.version = entry.version;
        }
        self.version = self.version.max(delta.to);
        self.forget_graves(delta.floor);
        self.is_within(SLACK)
    }

    /// Notes what a key came to in a version that is newer than all; whether the value is another.
    pub(super) fn put(&mut self, version: u64, key: Arc<str>, value: Option<Arc<[u8]>>) -> bool {
        let cost = cost(&key, &value);
        // One text for both maps, however often it is written.
        let key = self.entries.get_key_value(&key).map_or(key, |(held, _)| Arc::clone(held));
        let before = self.entries.insert(Arc::clone(&key), Entry { version, value: value.clone() });
        let mut changed = value.is_some();
        if let Some(before) = before {
            self.order.remove(&before.version);
            self.leave(&key, &before);
            changed = before.value != value;
        }
        match value {
            Some(_) => self.bytes += cost,
            None => {
                self.graves.insert(version);
                self.grave_bytes += cost;
            }
        }
        self.order.insert(version, key);
        self.version = self.version.max(version);
        changed
    }

    /// An entry is not counted any more.
    fn leave(&mut self, key: &str, entry: &Entry) {
        let cost = cost(key, &entry.value);
        match entry.value {
            Some(_) => self.bytes -= cost,
            None => {
                self.graves.remove(&entry.version);
                self.grave_bytes -= cost;
            }
        }
    }

    /// Forgets the graves up to that version.
    pub(super) fn forget_graves(&mut self, floor: u64) {
        while let Some(version) = self.graves.first().copied().filter(|version| *version <= floor) {
            self.graves.pop_first();
            if let Some(key) = self.order.remove(&version) {
                self.grave_bytes -= cost(&key, &None);
                self.entries.remove(&key);
            }
        }
        self.floor = self.floor.max(floor.min(self.version));
    }

    /// Whether that version deleted a key, which has not been written since.
    pub(super) fn has_grave(&self, version: u64) -> bool {
        self.graves.contains(&version)
    }

    /// How many there are.
    pub(super) fn graves(&self) -> usize {
        self.graves.len()
    }

    /// How far it is known.
    pub(crate) fn mark(&self) -> Mark {
        Mark { epoch: self.epoch, version: self.version }
    }

    /// It is of a later run, whose owner has the same keys. Whoever knows it under an earlier one
    /// needs all of it.
    pub(super) fn begin_anew(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.version = self.version.saturating_add(1);
    }

    /// A change that changes nothing, so that others hear of the space.
    pub(super) fn step(&mut self) {
        self.version = self.version.saturating_add(1);
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Arc<[u8]>> {
        self.entries.get(key)?.value.as_ref()
    }

    /// Every key that is there, in the order of the last changes.
    pub(super) fn values(&self) -> impl Iterator<Item = Change> {
        self.order.iter().filter_map(|(version, key)| {
            let value = self.get(key)?;
            Some((Arc::clone(key), Some(Arc::clone(value)), *version))
        })
    }

    /// What has to be told so that whoever was told of `before` knows this one.
    pub(super) fn changes_from(&self, before: &Self) -> Vec<Change> {
        let gone = before.values().filter(|(key, ..)| self.get(key).is_none());
        let mut changes: Vec<Change> = gone.map(|(key, ..)| (key, None, self.version)).collect();
        let same = before.epoch == self.epoch;
        let known = |(key, value, _): &Change| same && before.get(key) == value.as_ref();
        changes.extend(self.values().filter(|change| !known(change)));
        changes
    }

    /// Keys that are there.
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.graves.len()
    }

    /// What they cost of the quota.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it takes in memory, about.
    pub(super) fn memory(&self) -> usize {
        self.bytes + self.grave_bytes + MEMORY * self.entries.len()
    }

    fn is_within(&self, times: usize) -> bool {
        self.bytes <= times * QUOTA_BYTES
            && self.len() <= times * QUOTA_KEYS
            && self.graves.len() <= times * GRAVES_MAX
    }

    /// Appends what somebody lacks who knows it that far, in at most `room` bytes.
    pub(crate) fn since(
        &self,
        owner: &str,
        known: Mark,
        room: usize,
        out: &mut Vec<u8>,
    ) -> Written {
        if known >= self.mark() {
            return Written::Nothing;
        }
        let full = known.epoch != self.epoch || known.version < self.floor;
        let from = if full { 0 } else { known.version };
        let Some(mut left) = room.checked_sub(StateDelta::room_without(owner)) else {
            return Written::TooLarge;
        };
        let (mut entries, mut to) = (Vec::new(), self.version);
        for entry in self.entries_after(from) {
            match left.checked_sub(StateDelta::room_of(&entry)) {
                Some(rest) => left = rest,
                None if full || entries.is_empty() => return Written::TooLarge,
                None => {
                    to = entries.last().map_or(from, |entry: &StateEntry<'_>| entry.version);
                    break;
                }
            }
            entries.push(entry);
        }
        let (epoch, floor) = (self.epoch, self.floor);
        let delta = StateDelta { owner, epoch, full, floor, from, to, ..StateDelta::default() };
        delta.encode(entries.into_iter(), out);
        if to == self.version { Written::All } else { Written::Part }
    }

    /// Appends that it is known that far, and nothing of it.
    pub(crate) fn announcement(&self, owner: &str, out: &mut Vec<u8>) {
        let Mark { epoch, version: to } = self.mark();
        let floor = self.floor;
        let delta = StateDelta { owner, epoch, floor, from: to, to, ..StateDelta::default() };
        delta.encode([].into_iter(), out);
    }

    fn entries_after(&self, version: u64) -> impl Iterator<Item = StateEntry<'_>> {
        self.order.range(version.saturating_add(1)..).filter_map(|(version, key)| {
            let value = self.entries.get(key)?.value.as_deref();
            Some(StateEntry { version: *version, key, value })
        })
    }
}

pub(super) fn cost(key: &str, value: &Option<Arc<[u8]>>) -> usize {
    ENTRY_COST + key.len() + value.as_ref().map_or(0, |value| value.len())
}
