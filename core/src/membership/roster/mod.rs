//! Who is known, and which claim about whom wins.

#[cfg(feature = "sim")]
mod acquaintance;
mod order;
mod pages;

use std::hash::{DefaultHasher, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashTable;
use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

#[cfg(feature = "sim")]
pub(crate) use self::acquaintance::Acquaintance;
use self::order::{Order, shuffle};
use self::pages::Pages;
use super::detection::suspicion::Suspicion;
use crate::member::{Member, MemberState};
use crate::time::Instant;

/// Where a record stands; good until the record is removed.
pub(crate) type Slot = u32;

/// What is known about one member.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) member: Member,
    /// When it took on its present state.
    pub(crate) changed: Instant,
    /// Under way while the member is suspect.
    pub(crate) suspicion: Option<Box<Suspicion>>,
    /// Smoothed, in microseconds; 0 before the first answer.
    round_trip: u32,
    /// Its answers say which broadcasts it knows.
    pub(crate) tells_known: bool,
}

impl Record {
    pub(crate) fn new(member: Member, changed: Instant) -> Self {
        Self { member, changed, suspicion: None, round_trip: 0, tells_known: false }
    }

    /// How long it takes to answer; zero before the first answer.
    pub(crate) fn round_trip(&self) -> Duration {
        Duration::from_micros(self.round_trip.into())
    }

    pub(crate) fn set_round_trip(&mut self, span: Duration) {
        self.round_trip = u32::try_from(span.as_micros()).unwrap_or(u32::MAX).max(1);
    }
}

/// What is claimed about a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Alive,
    Suspect,
    /// Failed or left.
    Gone,
}

/// Whether a claim of incarnation `claimed` beats what is known at incarnation `known`.
///
/// | claim ＼ known | alive | suspect | failed, left |
/// | -------------- | ----- | ------- | ------------ |
/// | alive          | newer | newer   | newer        |
/// | suspect        | as new| –¹      | –            |
/// | failed, left   | as new| as new  | –            |
///
/// "newer" is a higher incarnation, "as new" the same or a higher one. ¹ It confirms the suspicion.
pub(crate) fn beats(claim: Claim, claimed: u32, state: MemberState, known: u32) -> bool {
    match (claim, state) {
        (Claim::Alive, _) => claimed > known,
        (Claim::Suspect, MemberState::Alive) => claimed >= known,
        (Claim::Gone, MemberState::Alive | MemberState::Suspect) => claimed >= known,
        (Claim::Suspect, MemberState::Suspect | MemberState::Failed | MemberState::Left)
        | (Claim::Gone, MemberState::Failed | MemberState::Left) => false,
    }
}

/// Everybody known. The local member has the first slot.
#[derive(Debug)]
pub(crate) struct Roster {
    records: Pages<Record>,
    free: Vec<Slot>,
    /// Slots that are neither used nor free; see `Acquaintance`.
    void: usize,
    /// Slots by name. Names come from outside, so the hash is keyed with the engine's seed.
    index: Arc<HashTable<Slot>>,
    hash_key: u64,
    /// Members that are alive or suspect, the local one included.
    present: usize,
    order: Order,
}

/// The slot of the local member.
pub(crate) const LOCAL: Slot = 0;

impl Roster {
    pub(crate) fn new(local: Record, hash_key: u64) -> Self {
        let mut roster = Self {
            records: Pages::new(),
            free: Vec::new(),
            void: 0,
            index: Arc::default(),
            hash_key,
            present: 0,
            order: Order::default(),
        };
        roster.place(local);
        roster
    }

    fn hash(&self, name: &[u8]) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.hash_key);
        hasher.write(name);
        hasher.finish()
    }

    /// Adds a record whose name is not known yet.
    pub(crate) fn insert(&mut self, record: Record, rng: &mut Xoshiro256PlusPlus) -> Slot {
        let slot = self.place(record);
        self.order.insert(slot, rng);
        slot
    }

    fn place(&mut self, record: Record) -> Slot {
        let hash = self.hash(record.member.name_bytes());
        if record.member.state().is_present() {
            self.present += 1;
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.records.put(slot as usize, record);
                slot
            }
            None => {
                self.records.push(record);
                u32::try_from(self.records.len() - 1).unwrap_or(Slot::MAX)
            }
        };
        let (records, key) = (&self.records, self.hash_key);
        Arc::make_mut(&mut self.index)
            .insert_unique(hash, slot, |slot| rehash(records, key, *slot));
        slot
    }

    /// Replaces what is known about a member; its name stays.
    pub(crate) fn update(&mut self, slot: Slot, member: Member, changed: Option<Instant>) {
        let Some(record) = self.records.get_mut(slot as usize) else { return };
        debug_assert_eq!(record.member.name(), member.name());
        let was = record.member.state().is_present();
        let is = member.state().is_present();
        if member.state() != MemberState::Suspect {
            record.suspicion = None;
        }
        record.member = member;
        if let Some(changed) = changed {
            record.changed = changed;
        }
        self.present = self.present + usize::from(is) - usize::from(was);
    }

    /// Forgets a member.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Member> {
        debug_assert_ne!(slot, LOCAL);
        let record = self.records.take(slot as usize)?;
        let hash = self.hash(record.member.name_bytes());
        // One that is shared goes on naming the slot, which then has nobody of that name.
        if let Some(index) = Arc::get_mut(&mut self.index)
            && let Ok(entry) = index.find_entry(hash, |other| *other == slot)
        {
            entry.remove();
        }
        self.free.push(slot);
        self.order.remove(slot);
        if record.member.state().is_present() {
            self.present -= 1;
        }
        Some(record.member)
    }

    pub(crate) fn find(&self, name: &str) -> Option<Slot> {
        let name = name.as_bytes();
        let found = self.index.find(self.hash(name), |slot| {
            self.get(*slot).is_some_and(|record| record.member.name_bytes() == name)
        });
        // An index that is shared does not have the local member in its place.
        found.copied().or_else(|| (self.local().name_bytes() == name).then_some(LOCAL))
    }

    /// As [`Roster::find`], of a member that is likely to be in that slot: whoever learnt of the
    /// members from the same peer has them in the same order.
    pub(crate) fn find_at(&self, slot: Slot, name: &str) -> Option<Slot> {
        let here = self.get(slot).is_some_and(|r| r.member.name_bytes() == name.as_bytes());
        if here { Some(slot) } else { self.find(name) }
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Record> {
        self.records.get(slot as usize)
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Record> {
        self.records.get_mut(slot as usize)
    }

    pub(crate) fn local(&self) -> &Member {
        match self.records.get(LOCAL as usize) {
            Some(record) => &record.member,
            None => unreachable!("the local member is never removed"),
        }
    }

    /// Who has that address.
    pub(crate) fn find_addr(&self, addr: SocketAddr) -> Option<Slot> {
        let at = |slot: &Slot| self.get(*slot).is_some_and(|record| record.member.addr() == addr);
        self.order.iter().find(at)
    }

    /// Members whose suspicion is under way.
    pub(crate) fn suspects(&self) -> impl Iterator<Item = Slot> {
        let suspect = |slot: &Slot| self.get(*slot).is_some_and(|r| r.suspicion.is_some());
        self.order.iter().filter(suspect)
    }

    /// Everybody, in the order of their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    /// Everybody, with their slots.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (Slot, &Record)> {
        let numbered = |(at, record)| Some((Slot::try_from(at).ok()?, record));
        self.records.numbered().filter_map(numbered)
    }

    /// Everybody, whatever their state.
    pub(crate) fn len(&self) -> usize {
        self.records.len() - self.free.len() - self.void
    }

    /// Those who are alive or suspect, the local member included.
    pub(crate) fn present(&self) -> usize {
        self.present
    }

    /// The next member to probe: everybody once in random order, then again in another one.
    pub(crate) fn next_to_probe(&mut self, rng: &mut Xoshiro256PlusPlus) -> Option<Slot> {
        for _ in 0..=self.order.len() {
            let slot = self.order.next_to_probe(rng)?;
            if self.get(slot).is_some_and(|record| record.member.state().is_present()) {
                return Some(slot);
            }
        }
        None
    }

    /// The next members to gossip to, up to `count` that `wanted` accepts. They take turns, so that
    /// one message does not reach the same member twice before it reached the others: chosen at
    /// random each time, more would miss it after as many transmissions.
    pub(crate) fn next_to_tell(
        &mut self,
        count: usize,
        wanted: impl Fn(&Record) -> bool,
    ) -> Vec<Slot> {
        let mut chosen = Vec::with_capacity(count);
        for _ in 0..self.order.len() {
            if chosen.len() == count {
                break;
            }
            let next = self.order.next_to_tell();
            chosen.extend(next.filter(|slot| self.get(*slot).is_some_and(&wanted)));
        }
        chosen
    }

    /// Up to `count` different members that `wanted` accepts, at random; never the local one.
    pub(crate) fn pick(
        &self,
        count: usize,
        rng: &mut Xoshiro256PlusPlus,
        wanted: impl Fn(&Record) -> bool,
    ) -> Vec<Slot> {
        let mut chosen = Vec::with_capacity(count);
        let others = self.order.len();
        if others < 3 * count {
            let mut all: Vec<Slot> = self.order.iter().collect();
            shuffle(&mut all, rng);
            let fits = |slot: &Slot| self.get(*slot).is_some_and(&wanted);
            chosen.extend(all.into_iter().filter(fits).take(count));
            return chosen;
        }
        for _ in 0..3 * others {
            if chosen.len() == count {
                break;
            }
            let Some(slot) = self.order.at(rng.random_range(0..others)) else { break };
            if !chosen.contains(&slot) && self.get(slot).is_some_and(&wanted) {
                chosen.push(slot);
            }
        }
        chosen
    }
}

fn rehash(records: &Pages<Record>, key: u64, slot: Slot) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(key);
    if let Some(record) = records.get(slot as usize) {
        hasher.write(record.member.name_bytes());
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;

    use super::*;
    use crate::member::Facts;

    fn record(name: &str, state: MemberState) -> Record {
        let member = Member::new(Facts {
            name,
            addr: ([10, 0, 0, 1], 7946).into(),
            state,
            incarnation: 1,
            versions: [1, 5, 2, 0, 0, 0],
            mapped: false,
            meta: b"",
        });
        Record::new(member, Instant::NEVER)
    }

    #[test]
    fn everybody_is_told_before_anybody_is_told_twice() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
        let mut roster = Roster::new(record("local", MemberState::Alive), 1);
        for index in 0..10 {
            let state = if index == 4 { MemberState::Left } else { MemberState::Alive };
            roster.insert(record(&format!("m{index}"), state), &mut rng);
        }
        let here = |record: &Record| record.member.state().is_present();
        let rounds: Vec<Vec<Slot>> = (0..3).map(|_| roster.next_to_tell(3, here)).collect();
        let told: BTreeSet<Slot> = rounds.concat().into_iter().collect();
        assert_eq!(told.len(), 9, "{rounds:?}");
        assert!(!told.contains(&LOCAL));
        assert_eq!(roster.next_to_tell(20, here).len(), 9, "and nobody twice in a round");
    }
}
