//! The space that this node writes to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::space::{Change, Mark, Space, cost};
use super::{GRAVES_KEPT, GRAVES_MAX, QUOTA_BYTES, QUOTA_KEYS, StateWrite};
use crate::error::{Error, ErrorKind, Result};
use crate::time::Instant;
use crate::wire::{STATE_KEY_MAX, STATE_VALUE_MAX};

/// The space of this node. Only here do keys expire and are graves forgotten: the others hear.
#[derive(Debug, Default)]
pub(crate) struct Own {
    space: Space,
    /// When keys expire.
    ends: BTreeSet<(Instant, Arc<str>)>,
    end_of: BTreeMap<Arc<str>, Instant>,
    /// When keys were deleted, in the order of their versions.
    graves: VecDeque<(Instant, u64)>,
}

impl Own {
    /// Of a run that begins now.
    pub(crate) fn new(epoch: u64) -> Self {
        Self { space: Space::new(epoch.max(1)), ..Self::default() }
    }

    pub(crate) fn space(&self) -> &Space {
        &self.space
    }

    /// Writes all of it, in order, or nothing. What changed; a key that already has the value has
    /// not, but has its time anew.
    pub(crate) fn write(&mut self, now: Instant, writes: Vec<StateWrite>) -> Result<Vec<Change>> {
        self.check(&writes)?;
        let mut changes = Vec::new();
        for StateWrite { key, value, ttl } in writes {
            let key: Arc<str> = self.interned(&key);
            self.set_end(&key, ttl.filter(|_| value.is_some()).map(|ttl| now + ttl));
            changes.extend(self.change(now, key, value.map(Arc::from)));
        }
        self.forget_graves(now);
        Ok(changes)
    }

    /// The same key as it is held already, so that it is held once.
    fn interned(&self, key: &str) -> Arc<str> {
        self.end_of.get_key_value(key).map_or_else(|| Arc::from(key), |(key, _)| Arc::clone(key))
    }

    fn set_end(&mut self, key: &Arc<str>, end: Option<Instant>) {
        if let Some(before) = self.end_of.remove(key) {
            self.ends.remove(&(before, Arc::clone(key)));
        }
        if let Some(end) = end {
            self.ends.insert((end, Arc::clone(key)));
            self.end_of.insert(Arc::clone(key), end);
        }
    }

    fn change(&mut self, now: Instant, key: Arc<str>, value: Option<Arc<[u8]>>) -> Option<Change> {
        if self.space.get(&key) == value.as_ref() {
            return None;
        }
        let version = self.space.mark().version.saturating_add(1);
        self.space.put(version, Arc::clone(&key), value.clone());
        if value.is_none() {
            self.graves.push_back((now, version));
        }
        Some((key, value, version))
    }

    /// Whether the space would be within its quota behind all of it.
    fn check(&self, writes: &[StateWrite]) -> Result<()> {
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for StateWrite { key, value, ttl } in writes {
            if key.is_empty() || ttl.is_some_and(|ttl| ttl.is_zero()) {
                let text = "a key has a byte at least, and a time to live is longer than nothing";
                return Err(Error::new(ErrorKind::BadArgument, text));
            }
            too_large(&format!("the key \"{key:.40}\" has"), key.len(), STATE_KEY_MAX)?;
            let length = value.as_ref().map_or(0, Vec::len);
            too_large(&format!("the value of \"{key}\" has"), length, STATE_VALUE_MAX)?;
            let cost = super::ENTRY_COST + key.len() + length;
            last.insert(key, if value.is_some() { cost } else { 0 });
        }
        let (mut bytes, mut keys) = (self.space.bytes(), self.space.len());
        for (key, after) in last {
            let before = self.space.get(key).map(|value| cost(key, &Some(Arc::clone(value))));
            bytes = bytes + after - before.unwrap_or(0);
            keys = keys + usize::from(after > 0) - usize::from(before.is_some());
        }
        if keys > QUOTA_KEYS {
            let text = format!("this node would have {keys} keys and may have {QUOTA_KEYS}");
            return Err(Error::new(ErrorKind::TooLarge, text));
        }
        let grows = bytes > self.space.bytes();
        if grows {
            too_large("all keys of this node together have", bytes, QUOTA_BYTES)
        } else {
            Ok(())
        }
    }

    /// Deletes what has expired, and forgets old graves; what changed.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some((_, key)) = self.ends.first().filter(|(end, _)| *end <= now).cloned() {
            self.set_end(&key, None);
            changes.extend(self.change(now, key, None));
        }
        self.forget_graves(now);
        changes
    }

    fn forget_graves(&mut self, now: Instant) {
        while let Some((since, version)) = self.graves.front().copied() {
            let young = now < since + GRAVES_KEPT && self.space.graves() <= GRAVES_MAX;
            if young && self.space.has_grave(version) {
                break;
            }
            self.graves.pop_front();
            if self.space.has_grave(version) {
                self.space.forget_graves(version);
            }
        }
        if self.graves.len() > 2 * GRAVES_MAX {
            // Behind an old grave, keys may have come and gone ever since.
            let space = &self.space;
            self.graves.retain(|(_, version)| space.has_grave(*version));
        }
    }

    /// When something expires, or a grave is to be forgotten.
    pub(crate) fn next(&self) -> Instant {
        let end = self.ends.first().map_or(Instant::NEVER, |(end, _)| *end);
        self.graves.front().map_or(end, |(since, _)| end.min(*since + GRAVES_KEPT))
    }

    /// Somebody knows more of this node than it has said: an earlier run, or a forger. From now on
    /// this is a later run than that.
    pub(crate) fn outgrow(&mut self, heard: Mark) {
        let epoch = heard.epoch.max(self.space.mark().epoch).saturating_add(1);
        self.space.begin_anew(epoch);
    }

    /// Makes it a space that others hear of, though nothing is in it: they have that of an earlier
    /// run.
    pub(crate) fn show_empty(&mut self) {
        if self.space.mark().version == 0 {
            self.space.step();
        }
    }
}

fn too_large(what: &str, size: usize, limit: usize) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    let text = format!("{what} {size} bytes and may have {limit}; send what is large as messages");
    Err(Error::new(ErrorKind::TooLarge, text))
}
