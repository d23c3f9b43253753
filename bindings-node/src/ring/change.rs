//! Slots, the way round the ring, how even it is, and what is different between two.

use chinwag::ring::{Ring, RingChange};
use napi::Env;
use napi::bindgen_prelude::{
    BigUint64ArraySlice, Float64ArraySlice, Uint8ArraySlice, Uint16ArraySlice, Uint32ArraySlice,
};
use napi_derive::napi;

use super::{NOBODY, NativeRing};
use crate::error::{Result, broken};

/// Ranges of places, as rows of numbers.
#[napi(object, object_from_js = false)]
pub struct Ranges<'env> {
    /// Their first places.
    pub starts: BigUint64ArraySlice<'env>,
    /// Their last places.
    pub ends: BigUint64ArraySlice<'env>,
    /// The numbers of their owners.
    pub owners: Uint16ArraySlice<'env>,
}

/// How many slots go from one node to another.
#[napi(object, object_from_js = false)]
pub struct Flow {
    /// Who owned them.
    pub from: Option<String>,
    /// Who owns them.
    pub to: Option<String>,
    /// Their number.
    pub slots: u32,
}

#[napi]
#[allow(clippy::use_self, reason = "the macro moves the types of arguments out of the impl")]
impl NativeRing {
    /// The slot of a key.
    #[napi(catch_unwind)]
    pub fn slot(&self, key: Uint8ArraySlice<'_>) -> Option<u32> {
        self.ring.slot(&*key)
    }

    /// The names of those that a slot is kept with, the owner first.
    #[napi(catch_unwind)]
    pub fn slot_owners(&self, slot: u32) -> Vec<&str> {
        self.ring.slot_owners(slot).collect()
    }

    /// The slots of a node.
    #[napi(catch_unwind)]
    pub fn slots_of<'env>(&self, env: &'env Env, name: String) -> Result<Uint32ArraySlice<'env>> {
        let slots: Vec<u32> = self.ring.slots_of(&name).collect();
        Uint32ArraySlice::copy_from(env, slots).map_err(broken)
    }

    /// The names of those before a key.
    #[napi(catch_unwind)]
    pub fn owners_before(&self, key: Uint8ArraySlice<'_>, count: u32) -> Vec<&str> {
        self.ring.owners_before(&*key, count as usize)
    }

    /// The names of those behind a node.
    #[napi(catch_unwind)]
    pub fn next(&self, name: String, count: u32) -> Vec<&str> {
        self.ring.next(&name, count as usize)
    }

    /// The names of those before a node.
    #[napi(catch_unwind)]
    pub fn previous(&self, name: String, count: u32) -> Vec<&str> {
        self.ring.previous(&name, count as usize)
    }

    /// All ranges.
    #[napi(catch_unwind)]
    pub fn ranges<'env>(&self, env: &'env Env) -> Result<Ranges<'env>> {
        let (names, ranges) = (names(&self.ring), self.ring.ranges());
        let starts: Vec<u64> = ranges.iter().map(|range| range.start).collect();
        let ends: Vec<u64> = ranges.iter().map(|range| range.end).collect();
        let owners: Vec<u16> =
            ranges.iter().map(|range| number(&names, Some(range.owner))).collect();
        Ok(Ranges {
            starts: BigUint64ArraySlice::copy_from(env, starts).map_err(broken)?,
            ends: BigUint64ArraySlice::copy_from(env, ends).map_err(broken)?,
            owners: Uint16ArraySlice::copy_from(env, owners).map_err(broken)?,
        })
    }

    /// Of each name, its share of the keys and what its weight entitles it to.
    #[napi(catch_unwind)]
    pub fn balance<'env>(&self, env: &'env Env) -> Result<Float64ArraySlice<'env>> {
        let balance = self.ring.balance();
        let shares: Vec<f64> = balance.iter().flat_map(|one| [one.share, one.ideal]).collect();
        Float64ArraySlice::copy_from(env, shares).map_err(broken)
    }

    /// Of each slot that has another owner in `after`, its number and both owners' numbers.
    #[napi(catch_unwind)]
    pub fn moved_slots<'env>(
        &self,
        env: &'env Env,
        after: &NativeRing,
    ) -> Result<Uint32ArraySlice<'env>> {
        let (old, new) = (names(&self.ring), names(&after.ring));
        let change = RingChange::new(&self.ring, &after.ring);
        let row = |(slot, from, to)| [slot, u32::from(number(&old, from)), number(&new, to).into()];
        let rows = change.slots().map(|moved| (moved.key, moved.from, moved.to)).flat_map(row);
        Uint32ArraySlice::copy_from(env, rows.collect::<Vec<u32>>()).map_err(broken)
    }

    /// How many slots go from whom to whom.
    #[napi(catch_unwind)]
    pub fn flows(&self, after: &NativeRing) -> Vec<Flow> {
        let change = RingChange::new(&self.ring, &after.ring);
        let owned = |name: Option<&str>| name.map(str::to_owned);
        let flow = |((from, to), slots)| Flow {
            from: owned(from),
            to: owned(to),
            slots: u32::try_from(slots).unwrap_or(u32::MAX),
        };
        change.flows().into_iter().map(flow).collect()
    }
}

fn names(ring: &Ring) -> Vec<&str> {
    ring.names().collect()
}

/// The place of a name in the list, which is in order.
fn number(names: &[&str], name: Option<&str>) -> u16 {
    let place = name.and_then(|name| names.binary_search(&name).ok());
    place.and_then(|place| u16::try_from(place).ok()).unwrap_or(NOBODY)
}
