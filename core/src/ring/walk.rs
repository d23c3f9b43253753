//! Round the ring: who comes after whom, and who owns which range of the hashes.

use super::{Placement, Ring};

/// A range of places on the ring with one owner.
///
/// Places are the numbers of slots, or those of the points: 32 bits with ketama, the first ten
/// digits of base64 in the order of their characters with Clusterluck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range<'r> {
    /// The first place of it.
    pub start: u64,
    /// The last place of it.
    pub end: u64,
    /// Who owns the keys there.
    pub owner: &'r str,
}

impl Ring {
    /// Up to `count` different nodes that own the places before a key, the nearest first.
    pub fn owners_before(&self, key: impl AsRef<[u8]>, count: usize) -> Vec<&str> {
        let key = self.placed(key.as_ref());
        match &self.0.placement {
            Placement::Points(points) => self.named(points.owners_before(key, count)),
            Placement::Plain(table) | Placement::Slots(table) => {
                let slot = if self.is_empty() { 0 } else { table.slot_of(key) };
                self.named(self.others(slot, true, None, count))
            }
        }
    }

    /// Up to `count` other nodes that own the places behind the first one of a node: its first
    /// slot, or the point that is made for it first.
    pub fn next(&self, name: &str, count: usize) -> Vec<&str> {
        self.around(name, count, false)
    }

    /// Up to `count` other nodes that own the places before the first one of a node, the nearest
    /// first.
    pub fn previous(&self, name: &str, count: usize) -> Vec<&str> {
        self.around(name, count, true)
    }

    fn around(&self, name: &str, count: usize, backwards: bool) -> Vec<&str> {
        let Some(node) = self.number(name) else { return Vec::new() };
        match &self.0.placement {
            Placement::Points(points) if backwards => self.named(points.before(name, node, count)),
            Placement::Points(points) => self.named(points.after(name, node, count)),
            Placement::Plain(_) | Placement::Slots(_) => {
                let first = self.slots_of(name).next().unwrap_or(0);
                self.named(self.others(first, backwards, Some(node), count))
            }
        }
    }

    /// The different owners of slots from one on or back, without `node`.
    fn others(&self, from: u32, backwards: bool, node: Option<u16>, count: usize) -> Vec<u16> {
        let Some(table) = self.table() else { return Vec::new() };
        let (slots, mut owners) = (table.slots(), Vec::new());
        for step in 0..slots {
            if owners.len() == count {
                break;
            }
            let slot = if backwards { from + slots - 1 - step } else { from + step } % slots;
            let owner = table.owner(slot).filter(|owner| Some(*owner) != node);
            owners.extend(owner.filter(|owner| !owners.contains(owner)));
        }
        owners
    }

    /// All ranges in order, as large as they can be; together they are the whole ring.
    pub fn ranges(&self) -> Vec<Range<'_>> {
        match &self.0.placement {
            Placement::Points(points) => {
                let ranges = points.ranges();
                ranges.map(|(start, end, node)| self.range(start, end, node)).collect()
            }
            Placement::Plain(table) | Placement::Slots(table) => {
                let mut ranges: Vec<Range<'_>> = Vec::new();
                for slot in 0..table.slots() {
                    let Some(owner) = table.owner(slot) else { break };
                    let (slot, owner) = (u64::from(slot), self.name(owner));
                    match ranges.last_mut().filter(|last| last.owner == owner) {
                        Some(last) => last.end = slot,
                        None => ranges.push(Range { start: slot, end: slot, owner }),
                    }
                }
                ranges
            }
        }
    }

    fn range(&self, start: u64, end: u64, node: u16) -> Range<'_> {
        Range { start, end, owner: self.name(node) }
    }

    fn named(&self, numbers: Vec<u16>) -> Vec<&str> {
        numbers.into_iter().map(|number| self.name(number)).collect()
    }
}
