//! Shared maps: their keys as the spaces of all have them, and what this node does for them.

use super::Cause;
use crate::engine::Reply;
use crate::error::Result;
use crate::membership::{Membership, Presence};
use crate::state::{MapWrite, Spoilt, StateChange};
use crate::time::Instant;

/// Microseconds from 1970 to 2024.
const YEAR_2024_US: u64 = 1_704_067_200_000_000;
/// Bits of what tells runs of the same time apart. Beside them, microseconds last until 2166.
const RUN_BITS: u32 = 12;

/// The number of a run that began at that time, among all of its name.
pub(super) fn life(epoch: u64, run: u32) -> u64 {
    epoch << RUN_BITS | u64::from(run) & ((1 << RUN_BITS) - 1)
}

impl Membership {
    /// Writes to a key of a shared map.
    pub(in crate::membership) fn write_map(&mut self, write: MapWrite) -> Result<Reply> {
        let wall_us = self.wall_us();
        match self.state.maps.write(wall_us, write)? {
            Some(write) => self.write_state(vec![write]),
            None => Ok(Reply::Done),
        }
    }

    /// A key of a map in somebody's space has changed.
    pub(super) fn hear_of_map(&mut self, change: &StateChange, cause: Cause) {
        let (now, wall_us) = (self.now, self.wall_us());
        self.state.unplanned = true;
        if change.value.is_none() {
            self.state.maps.lose(now, &change.owner, &change.key, cause == Cause::Owner);
            return;
        }
        match self.state.maps.hear(now, wall_us, change) {
            Ok(Some(change)) => self.show_change(change),
            Ok(None) => {}
            Err(Spoilt::Malformed) => self.stats.map_records_malformed += 1,
            Err(Spoilt::TooMuch) => self.stats.map_records_refused += 1,
        }
    }

    /// Takes into the own space what nobody tells of, and out of it what others tell of too.
    pub(super) fn tend_maps(&mut self) {
        if self.maps_next() > self.now {
            return;
        }
        let mut place = (0, 0);
        for record in self.roster.iter().filter(|record| record.member.state().is_present()) {
            place.0 += u64::from(record.member.name() < &*self.name);
            place.1 += 1;
        }
        for write in self.state.maps.tend(self.now, place) {
            let adopts = write.value.is_some();
            match self.write_state(vec![write]) {
                Ok(_) => self.stats.map_records_adopted += u64::from(adopts),
                // Others may have room for it; until then, it is known here.
                Err(_) => self.stats.map_records_refused += 1,
            }
        }
    }

    /// When something is to be done for maps. Who is not in the cluster does nothing.
    pub(super) fn maps_next(&self) -> Instant {
        match self.presence {
            Presence::Here => self.state.maps.next(),
            Presence::Leaving(_) | Presence::Gone => Instant::NEVER,
        }
    }

    /// Microseconds since 1970, as far as is known here: the time of the start, and how long ago
    /// that was.
    fn wall_us(&self) -> u64 {
        self.placements.clock(self.now).saturating_add(YEAR_2024_US)
    }
}
