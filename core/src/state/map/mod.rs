//! Maps that all members write to, on top of the spaces that only their owners write to.
//!
//! A key of a map is a record of siblings ([`Siblings`](crate::clock::Siblings)): who writes puts
//! the record as it is with the new value under a key of its own space, and what a key has is what
//! all those records say together. So there is nothing to agree on: records that know of each other
//! are one after the other, and others leave siblings.
//!
//! Each node keeps all that it has seen ([`Known`]), and looks after two things. A record that is
//! told by another member too, or that is behind one, is taken out of the own space. What nobody
//! tells any more, because its member has gone, is taken into it: by the member that comes first in
//! an order that all have, or the next one if nobody did meanwhile.
//!
//! A deleted key is a record without values; whoever has it in its space forgets it after an hour.

mod record;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use self::record::Shape;
pub use self::record::{MapRecord, MapValue};
use super::{GRAVES_KEPT, OTHERS_BYTES, StateChange, StateWrite};
use crate::clock::{Causality, HybridClock, VectorClock, actor};
use crate::error::{Error, ErrorKind, Result};
use crate::time::Instant;
use crate::wire::{STATE_KEY_MAX, STATE_VALUE_MAX};

/// In front of the keys of shared maps, in the space of whoever holds them.
pub(crate) const MAPS: &str = "m:";
/// What names of maps begin with that are not the user's.
const RESERVED: &str = "chinwag.";
/// Bytes that all records together may have that a node knows.
const KNOWN_BYTES: usize = OTHERS_BYTES;
/// Bytes of what several members say of one key, together.
const RECORD_MAX: usize = 4 * STATE_VALUE_MAX;
/// Deleted keys that a member tells of at most.
const GRAVES_MAX: usize = 4_096;
/// How far ahead of the time here a stamp may be that the own clock follows, in microseconds.
const DRIFT_US: u64 = 10_000_000;
/// What nobody tells of is taken in after that time, and one of those for each member in front.
const ADOPTED_AFTER: Duration = Duration::from_millis(300);
const TURN: Duration = Duration::from_millis(200);
/// Members that take turns; those behind them do not wait longer.
const TURNS: u64 = 32;
/// What another tells of too is taken out after that time.
const DROPPED_AFTER: Duration = Duration::from_secs(2);
/// What could not be written is tried again after that time.
const RETRY: Duration = Duration::from_secs(10);
/// Keys that are looked after in one go.
const BATCH: usize = 256;

/// What becomes of a key of a shared map.
#[derive(Clone, Debug)]
pub struct MapWrite {
    /// Which map: 1 to 64 letters, digits and `._:-`.
    pub map: String,
    /// Which key.
    pub key: String,
    /// None deletes it.
    pub value: Option<Vec<u8>>,
    /// What was read and is replaced; none is all that this node knows.
    pub context: Option<VectorClock>,
}

/// What all members say of the maps, as far as this node has heard.
#[derive(Debug)]
pub(crate) struct Maps {
    name: Arc<str>,
    /// This run as one that writes.
    actor: String,
    /// The number of its last event, of whichever key: none is given twice, though keys are
    /// forgotten.
    issued: u64,
    clock: HybridClock,
    known: BTreeMap<Arc<str>, Known>,
    /// Bytes of all records.
    bytes: usize,
    /// When a key is looked after.
    due: BTreeSet<(Instant, Arc<str>)>,
    /// Deleted keys in the own space, by when they came there.
    graves: BTreeSet<(Instant, Arc<str>)>,
}

/// What is known of a key.
#[derive(Debug)]
struct Known {
    /// All that was said of it, together.
    record: Arc<[u8]>,
    shape: Shape,
    /// What present members say of it, this one among them.
    holders: BTreeMap<Arc<str>, Shape>,
    due: Instant,
    /// Since when something of it is in nobody's space.
    unheld: Option<Instant>,
    /// Since when what is in the own space is told by another member too.
    doubled: Option<Instant>,
    /// When it was put into the own space.
    took: Instant,
}

/// Why something that a member tells is not heeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoilt {
    /// Those bytes are no record.
    Malformed,
    /// It is more than may be known.
    TooMuch,
}

impl MapWrite {
    /// A user's, whose context is given as bytes.
    ///
    /// # Errors
    /// `bad_argument` for bytes that are none, or what is no name of a map.
    pub fn with_context(
        map: String,
        key: String,
        value: Option<Vec<u8>>,
        context: Option<&[u8]>,
    ) -> Result<Self> {
        Self::check_name(&map)?;
        let context = context.map(VectorClock::from_bytes).transpose()?;
        Ok(Self { map, key, value, context })
    }

    /// Whether a user's map can have that name.
    ///
    /// # Errors
    /// `bad_argument`, if not.
    pub fn check_name(map: &str) -> Result<()> {
        if map.starts_with(RESERVED) {
            let text = format!("names of maps that begin with \"{RESERVED}\" are reserved");
            return Err(Error::new(ErrorKind::BadArgument, text));
        }
        Self::check_form(map)
    }

    fn check_form(map: &str) -> Result<()> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        if (1..=64).contains(&map.len()) && map.bytes().all(fits) {
            return Ok(());
        }
        let text = format!("\"{map:.80}\" is no name of a map: 1 to 64 letters, digits and ._:-");
        Err(Error::new(ErrorKind::BadArgument, text))
    }
}

/// The key under which a key of a map is in the spaces.
fn full_key(map: &str, key: &str) -> Result<String> {
    MapWrite::check_form(map)?;
    if key.is_empty() {
        return Err(Error::new(ErrorKind::BadArgument, "a key has one byte at least"));
    }
    let full = format!("{MAPS}{map}/{key}");
    if full.len() > STATE_KEY_MAX {
        let (has, may) = (key.len(), STATE_KEY_MAX - (full.len() - key.len()));
        let text = format!("the key \"{key:.40}\" of a map has {has} bytes and may have {may}");
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    Ok(full)
}

impl Known {
    fn is_deleted(&self) -> bool {
        self.shape.is_empty()
    }

    /// Whether all that is known is in the spaces of present members.
    fn is_held(&self) -> bool {
        let knows_all = |shape: &Shape| {
            matches!(shape.compare(&self.shape), Causality::Equal | Causality::After)
        };
        if self.holders.values().any(knows_all) {
            return true;
        }
        let mut together = Shape::new();
        let mut join = |shape: &Shape| together.merge(shape.clone()).is_ok();
        self.holders.values().all(&mut join) && knows_all(&together)
    }

    /// When a deleted key is taken out of the own space, if it is there.
    fn grave_end(&self, name: &str) -> Option<Instant> {
        let own = self.holders.get(name)?;
        own.is_empty().then(|| self.took + GRAVES_KEPT)
    }

    /// What this node does about it, which waits so long before it takes something in. What is
    /// `surplus` is not kept.
    fn task(&self, now: Instant, name: &str, wait: Duration, surplus: bool) -> Task {
        let out = self.doubled.map(|since| since + DROPPED_AFTER);
        let out = [out, self.grave_end(name)].into_iter().flatten().min();
        let out = out.unwrap_or(Instant::NEVER);
        let turn = self.unheld.map_or(Instant::NEVER, |since| since + wait);
        match self.unheld {
            Some(since) if self.is_deleted() && now >= since + GRAVES_KEPT => Task::Forget,
            _ if surplus || out <= now => Task::TakeOut,
            Some(_) if turn <= now => Task::TakeIn,
            _ => Task::Wait(out.min(turn)),
        }
    }

    /// Whether another member says what `name` does, or more. Of two that say the same, the
    /// first by name goes on: so never does everybody stop.
    fn is_doubled(&self, name: &str) -> bool {
        let Some(own) = self.holders.get(name) else { return false };
        self.holders.iter().filter(|(owner, _)| ***owner != *name).any(|(owner, shape)| match shape
            .compare(own)
        {
            Causality::After => true,
            Causality::Equal => **owner < *name,
            Causality::Before | Causality::Concurrent => false,
        })
    }
}

/// What is to be done about a key.
enum Task {
    /// Nothing before that time.
    Wait(Instant),
    TakeIn,
    TakeOut,
    Forget,
}

impl Maps {
    /// Those of a node of that name, in a life of that number.
    pub(crate) fn new(name: Arc<str>, life: u64) -> Self {
        Self {
            // A name that is too long for an actor has no space either.
            actor: actor(&name, life).unwrap_or_else(|_| format!("~{life}")),
            name,
            issued: 0,
            clock: HybridClock::with_drift(DRIFT_US),
            known: BTreeMap::new(),
            bytes: 0,
            due: BTreeSet::new(),
            graves: BTreeSet::new(),
        }
    }

    /// What has to be written to the own space for that, if anything. `wall_us` is the time in
    /// microseconds since 1970.
    pub(crate) fn write(&mut self, wall_us: u64, write: MapWrite) -> Result<Option<StateWrite>> {
        let key = full_key(&write.map, &write.key)?;
        let known = self.known.get(&*key);
        let mut record = known.and_then(|known| record::decode(&known.record)).unwrap_or_default();
        let mut context = write.context.unwrap_or_else(|| record.context().clone());
        let mut record = std::mem::take(&mut record).map(Cow::Borrowed);
        match write.value {
            Some(value) => {
                if record.context().count(&self.actor) == 0 && self.issued > 0 {
                    let seen = context.count(&self.actor);
                    context.update(&self.actor, self.issued.max(seen))?;
                }
                let stamp = self.clock.tick(wall_us);
                record.put(&self.actor, &context, record::stamped(stamp, &value))?;
            }
            None if record.is_empty() => return Ok(None),
            None => record.discard(&context)?,
        }
        let bytes = record.to_bytes();
        if known.is_some_and(|known| *known.record == *bytes) {
            return Ok(None);
        }
        if bytes.len() > STATE_VALUE_MAX {
            let text = format!(
                "what is put and what stays beside it have {} bytes with their history, and a key \
                 of a map may have {STATE_VALUE_MAX}",
                bytes.len()
            );
            return Err(Error::new(ErrorKind::TooLarge, text));
        }
        Ok(Some(StateWrite { key, value: Some(bytes), ttl: None }))
    }

    /// A present member, perhaps this one, has that record in its space; what is to be told.
    pub(crate) fn hear(
        &mut self,
        now: Instant,
        wall_us: u64,
        change: &StateChange,
    ) -> std::result::Result<Option<StateChange>, Spoilt> {
        let StateChange { owner, key, value: Some(bytes), .. } = change else { return Ok(None) };
        let Some(shape) = record::shape(bytes) else {
            self.lose(now, owner, key, false);
            return Err(Spoilt::Malformed);
        };
        if let Some(stamp) = record::newest(bytes) {
            // One that is too far ahead is ordered as it is; the own clock does not follow it.
            let _ = self.clock.observe(stamp, wall_us);
        }
        self.issued = self.issued.max(shape.context().count(&self.actor));
        let learnt = match self.learn(key, bytes, &shape) {
            Ok(learnt) => learnt,
            Err(spoilt) => {
                self.lose(now, owner, key, false);
                return Err(spoilt);
            }
        };
        let Some(known) = self.known.get_mut(key) else { return Ok(None) };
        if **owner == *self.name {
            self.graves.remove(&(known.took, Arc::clone(key)));
            known.took = now;
            if shape.is_empty() {
                self.graves.insert((now, Arc::clone(key)));
            }
        }
        known.holders.insert(Arc::clone(owner), shape);
        self.plan(now, key);
        self.forget_graves(now);
        Ok(learnt)
    }

    /// Adds what a record says to what is known of its key; what is to be told.
    fn learn(
        &mut self,
        key: &Arc<str>,
        bytes: &Arc<[u8]>,
        shape: &Shape,
    ) -> std::result::Result<Option<StateChange>, Spoilt> {
        let known = self.known.get(key);
        let (record, shape) = match known.map(|known| (known, shape.compare(&known.shape))) {
            None | Some((_, Causality::After)) => (Arc::clone(bytes), shape.clone()),
            Some((_, Causality::Before)) => return Ok(None),
            // The same events with other values are forged; all members take the same ones.
            Some((known, Causality::Equal)) if **bytes <= *known.record => return Ok(None),
            Some((_, Causality::Equal)) => (Arc::clone(bytes), shape.clone()),
            Some((known, Causality::Concurrent)) => {
                let joined = record::join(&known.record, bytes).ok_or(Spoilt::TooMuch)?;
                let shape = record::shape(&joined).ok_or(Spoilt::TooMuch)?;
                (joined.into(), shape)
            }
        };
        let (before, deleted) =
            known.map_or((0, true), |known| (known.record.len(), known.is_deleted()));
        let after = self.bytes - before + record.len();
        if record.len() > RECORD_MAX || after > KNOWN_BYTES {
            return Err(Spoilt::TooMuch);
        }
        self.bytes = after;
        let value = (!shape.is_empty()).then(|| Arc::clone(&record));
        let told = value.is_some() || !deleted;
        let known = self.known.entry(Arc::clone(key)).or_insert_with(|| Known {
            record: Arc::default(),
            shape: Shape::new(),
            holders: BTreeMap::new(),
            due: Instant::NEVER,
            unheld: None,
            doubled: None,
            took: Instant::default(),
        });
        (known.record, known.shape) = (record, shape);
        Ok(told.then(|| merged(key, value)))
    }

    /// A member does not say anything of that key any more: it took it out of its space, `by
    /// intent`, or is not here.
    pub(crate) fn lose(&mut self, now: Instant, owner: &str, key: &Arc<str>, by_intent: bool) {
        let Some(known) = self.known.get_mut(key) else { return };
        known.holders.remove(owner);
        if *owner == *self.name {
            self.graves.remove(&(known.took, Arc::clone(key)));
        }
        match by_intent && known.is_deleted() && known.holders.is_empty() {
            true => self.forget(key),
            false => self.plan(now, key),
        }
        self.forget_graves(now);
    }

    fn forget(&mut self, key: &Arc<str>) {
        let Some(known) = self.known.remove(key) else { return };
        self.bytes -= known.record.len();
        self.due.remove(&(known.due, Arc::clone(key)));
        self.graves.remove(&(known.took, Arc::clone(key)));
    }

    /// More deleted keys than may be in the own space: the oldest is due.
    fn forget_graves(&mut self, now: Instant) {
        if self.graves.len() > GRAVES_MAX
            && let Some((_, key)) = self.graves.first().cloned()
        {
            self.schedule(now, &key);
        }
    }

    /// Notes what is to be done about a key, and when.
    fn plan(&mut self, now: Instant, key: &Arc<str>) {
        let Some(known) = self.known.get_mut(key) else { return };
        let since = |holds: bool, before: Option<Instant>| holds.then(|| before.unwrap_or(now));
        known.unheld = since(!known.is_held(), known.unheld);
        known.doubled = since(known.is_doubled(&self.name), known.doubled);
        let at = [
            known.unheld.map(|since| since + ADOPTED_AFTER),
            known.doubled.map(|since| since + DROPPED_AFTER),
            known.grave_end(&self.name),
        ];
        let at = at.into_iter().flatten().min().unwrap_or(Instant::NEVER);
        self.schedule(at, key);
    }

    fn schedule(&mut self, at: Instant, key: &Arc<str>) {
        let Some(known) = self.known.get_mut(key) else { return };
        if known.due != Instant::NEVER {
            self.due.remove(&(known.due, Arc::clone(key)));
        }
        known.due = at;
        if at != Instant::NEVER {
            self.due.insert((at, Arc::clone(key)));
        }
    }

    /// When [`Maps::tend`] has something to do.
    pub(crate) fn next(&self) -> Instant {
        self.due.first().map_or(Instant::NEVER, |(at, _)| *at)
    }

    /// What has to be written to the own space now: what nobody tells of, and deletions of what
    /// others tell of too, or of what was deleted long ago. Whoever writes it has it heard, and
    /// lost; what could not be written is tried again. `place` is that of this node among the
    /// present members by name, and how many those are.
    pub(crate) fn tend(&mut self, now: Instant, place: (u64, u64)) -> Vec<StateWrite> {
        let mut writes = Vec::new();
        for _ in 0..BATCH {
            let Some((_, key)) = self.due.first().filter(|(at, _)| *at <= now).cloned() else {
                break;
            };
            let Some(known) = self.known.get(&key) else { break };
            let many = self.graves.len() > GRAVES_MAX;
            let oldest = many && self.graves.first().is_some_and(|(_, first)| *first == key);
            let value = match known.task(now, &self.name, wait(&key, place), oldest) {
                Task::Forget => {
                    self.forget(&key);
                    continue;
                }
                Task::Wait(until) => {
                    self.schedule(until, &key);
                    continue;
                }
                Task::TakeIn => Some(known.record.to_vec()),
                Task::TakeOut => None,
            };
            self.schedule(now + RETRY, &key);
            writes.push(StateWrite { key: key.to_string(), value, ttl: None });
        }
        writes
    }

    /// Keys that have a value.
    #[cfg(any(feature = "sim", test))]
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let there = self.known.iter().filter(|(_, known)| !known.is_deleted());
        there.map(|(key, known)| (&**key, &*known.record))
    }
}

/// How long this node waits for others to take in what nobody tells of.
fn wait(key: &str, (place, count): (u64, u64)) -> Duration {
    let (hash, count) = (xxh3_64(key.as_bytes()), count.max(1));
    let first = hash % count;
    let turn = (place + count - first) % count;
    // Those who have no turn any more do not all come at once.
    let turn = if turn < TURNS { turn } else { TURNS + (turn ^ hash >> 32) % TURNS };
    ADOPTED_AFTER + TURN * u32::try_from(turn).unwrap_or_default()
}

/// What all together say of a key is nobody's.
fn merged(key: &Arc<str>, value: Option<Arc<[u8]>>) -> StateChange {
    StateChange { owner: "".into(), key: Arc::clone(key), value, version: 0 }
}
