//! Between the spaces of keys and values and the rest of a node: users, other members, and time.
//!
//! What changes is gossiped at once ([`News`]), as it is when it fits into a packet, else as an
//! announcement; who lacks what is in front of it, or what was announced, asks whoever told it
//! (`pulling`). What gossip misses shows in answers to pings, which say how far the sender is and
//! what it knows of all (`repair`).

mod maps;
mod news;
mod pulling;
mod repair;
mod serving;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use self::news::News;
use self::pulling::Pulls;
use self::repair::Repair;
use super::Membership;
use super::roster::Slot;
use super::timer::Timer;
use crate::engine::{Output, Reply};
use crate::error::{Error, ErrorKind, Result};
use crate::event::EventKind;
use crate::state::{Heard, MAPS, Maps, Mark, Own, Spaces, Standing, StateChange, StateWrite, told};
use crate::time::Instant;
use crate::wire::{ENVELOPE_NAME_MAX, StateDelta, StateMessage};

/// Everybody's keys and values, and what is under way about them.
#[derive(Debug)]
pub(in crate::membership) struct State {
    spaces: Spaces,
    news: News,
    pulls: Pulls,
    repair: Repair,
    maps: Maps,
    /// When this node last contradicted what others have of it.
    contradicted: Instant,
    /// Something is to be done at another time than before.
    unplanned: bool,
}

/// How far ahead of the time a run may begin: eight years, for wrong clocks. One that is further
/// ahead is forged, or nobody could outdo it.
const EPOCH_AHEAD: u64 = 8 * 365 * 24 * 60 * 60 * 1_000_000;
/// Between two times that a node contradicts what others have of it.
const CONTRADICT_PAUSE: Duration = Duration::from_secs(1);

/// Why keys change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Their owner changed them.
    Owner,
    /// Their owner came or went, or begins anew.
    Presence,
}

impl State {
    /// Of a node of that name, whose run began at that time, in microseconds since 2024.
    /// `run` tells it from others of the same time.
    pub(in crate::membership) fn new(name: Arc<str>, epoch: u64, run: u32) -> Self {
        Self {
            maps: Maps::new(Arc::clone(&name), maps::life(epoch, run)),
            spaces: Spaces::new(name, Own::new(epoch)),
            news: News::default(),
            pulls: Pulls::default(),
            repair: Repair::default(),
            contradicted: Instant::NEVER,
            unplanned: false,
        }
    }

    /// Bytes of memory that the spaces of others take.
    pub(in crate::membership) fn memory(&self) -> u64 {
        self.spaces.memory() as u64
    }
}

impl Membership {
    /// Writes to the space of this node: all of it, or nothing.
    pub(super) fn write_state(&mut self, writes: Vec<StateWrite>) -> Result<Reply> {
        if self.name.len() > ENVELOPE_NAME_MAX {
            let text = format!(
                "a member with keys has a name of at most {ENVELOPE_NAME_MAX} bytes, and this one \
                 has {}",
                self.name.len()
            );
            return Err(Error::new(ErrorKind::TooLarge, text));
        }
        let (now, before) = (self.now, self.state.spaces.mark(&self.name));
        let changes = self.state.spaces.change_own(|own| own.write(now, writes))?;
        self.state.unplanned = true;
        if !changes.is_empty() {
            let own = Arc::clone(&self.name);
            self.tell_state(told(&own, changes), Cause::Owner);
            self.spread_state(&own, before);
        }
        Ok(Reply::Done)
    }

    fn tell_state(&mut self, changes: Vec<StateChange>, cause: Cause) {
        for change in changes {
            match change.key.starts_with(MAPS) {
                true => self.hear_of_map(&change, cause),
                false => self.show_change(change),
            }
        }
    }

    fn show_change(&mut self, change: StateChange) {
        self.stats.space_changes += 1;
        self.out.push_back(Output::State(change));
    }

    /// Somebody came or went: its keys are shown, or not any more.
    pub(super) fn show_state(&mut self, kind: &EventKind) {
        let Some(member) = kind.member().filter(|member| *member.name() != *self.name) else {
            return;
        };
        let changes = match kind {
            EventKind::MemberReap(_) => {
                self.state.pulls.forget(member.name());
                self.state.news.forget(member.name());
                self.state.spaces.forget(member.name())
            }
            _ if member.state().is_present() => {
                self.state.spaces.stand(member.name(), Standing::Present)
            }
            _ => self.state.spaces.stand(member.name(), Standing::Absent),
        };
        self.tell_state(changes, Cause::Presence);
    }

    fn standing(&self, owner: &str) -> Standing {
        match self.roster.find(owner).and_then(|slot| self.roster.get(slot)) {
            Some(record) if record.member.state().is_present() => Standing::Present,
            Some(_) => Standing::Absent,
            None => Standing::Stranger,
        }
    }

    /// Whether a user message is about spaces; it is heeded then.
    pub(super) fn on_state_message(&mut self, from: SocketAddr, payload: &[u8]) -> bool {
        if !StateMessage::is_one(payload) {
            return false;
        }
        self.stats.space_bytes_received += payload.len() as u64;
        match StateMessage::decode(payload) {
            Ok(StateMessage::Deltas(deltas)) => {
                let teller = self.roster.find_addr(from);
                for delta in deltas.iter() {
                    self.hear_delta(&delta, teller, true);
                }
                self.pull();
            }
            // They are answered over connections only, where who asks has to be who it says.
            Ok(StateMessage::Want(_) | StateMessage::Digest(_)) => self.stats.messages_refused += 1,
            Err(_) => self.stats.packets_malformed += 1,
        }
        true
    }

    /// Takes a delta over, or asks for what is missing; whether it brought something.
    fn hear_delta(
        &mut self,
        delta: &StateDelta<'_>,
        teller: Option<Slot>,
        passes_on: bool,
    ) -> bool {
        self.stats.space_deltas_received += 1;
        let mark = Mark { epoch: delta.epoch, version: delta.to };
        if *delta.owner == *self.name {
            self.hear_of_own(mark);
            return false;
        }
        if !self.is_credible(mark) {
            self.stats.space_refused += 1;
            return false;
        }
        let before = self.state.spaces.mark(delta.owner);
        let standing = self.standing(delta.owner);
        let (heard, changes) = self.state.spaces.hear(self.now, delta, standing);
        // What another run had is not deleted by the run that follows.
        let cause = if delta.epoch == before.epoch { Cause::Owner } else { Cause::Presence };
        self.tell_state(changes, cause);
        match heard {
            Heard::News => {
                self.state.pulls.caught_up(delta.owner, self.state.spaces.mark(delta.owner));
                if passes_on {
                    self.spread_state(delta.owner, before);
                }
            }
            Heard::Gap => self.lack(delta.owner, mark, teller, passes_on),
            Heard::Refused => self.stats.space_refused += 1,
            Heard::Known | Heard::Outdated => {}
        }
        heard == Heard::News
    }

    /// Whether an honest run can have begun then.
    fn is_credible(&self, mark: Mark) -> bool {
        mark.epoch <= self.placements.clock(self.now).saturating_add(EPOCH_AHEAD)
    }

    /// Somebody has the space of this node up to there. If that is more than there is, it is of an
    /// earlier run whose clock was ahead, or forged: this becomes a later one. If it is of an
    /// earlier run, they have not heard of this one.
    fn hear_of_own(&mut self, heard: Mark) {
        let own = self.state.spaces.mark(&self.name);
        let recently = self.state.contradicted != Instant::NEVER
            && self.now < self.state.contradicted + CONTRADICT_PAUSE;
        if heard.epoch == own.epoch && heard.version <= own.version
            || recently
            || heard.version == 0
            || !self.is_credible(heard)
        {
            return;
        }
        self.state.contradicted = self.now;
        self.state.spaces.change_own(|own| match heard > own.space().mark() {
            true => own.outgrow(heard),
            false => own.show_empty(),
        });
        self.spread_state(&Arc::clone(&self.name), Mark::default());
    }

    /// Time has come for something about spaces.
    pub(super) fn state_due(&mut self) {
        let (now, before) = (self.now, self.state.spaces.mark(&self.name));
        let changes = self.state.spaces.change_own(|own| own.expire(now));
        let own = Arc::clone(&self.name);
        if !changes.is_empty() {
            self.tell_state(told(&own, changes), Cause::Owner);
            self.spread_state(&own, before);
        }
        self.tend_maps();
        self.spread_what_waits();
        self.pull();
        self.state.unplanned = true;
    }

    /// Sets the time of what is to be done next. After each input.
    pub(super) fn plan_state(&mut self) {
        self.state.repair.note(self.now, self.state.spaces.fingerprint());
        if !std::mem::take(&mut self.state.unplanned) {
            return;
        }
        let own = self.state.spaces.own().next();
        let at = own.min(self.state.news.next()).min(self.state.pulls.next());
        let at = at.min(self.maps_next());
        self.timers.set(Timer::State, at.max(self.now));
    }

    /// Everything that is shown: owner, key, value. What is in shared maps has no owner.
    #[cfg(feature = "sim")]
    pub(crate) fn shown_state(&self) -> Vec<(String, String, Vec<u8>)> {
        let mut shown = Vec::new();
        for (owner, (key, value, _)) in self.state.spaces.shown() {
            if key.starts_with(MAPS) {
                continue;
            }
            let value = value.map(|value| value.to_vec()).unwrap_or_default();
            shown.push((owner.to_owned(), key.to_string(), value));
        }
        let maps = self.state.maps.shown();
        shown.extend(maps.map(|(key, record)| (String::new(), key.to_owned(), record.to_vec())));
        shown
    }
}
