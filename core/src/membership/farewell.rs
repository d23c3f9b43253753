//! Leaving, and coming back.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::incarnation::raised;
use super::roster::LOCAL;
use super::timer::Timer;
use super::{Membership, Presence};
use crate::engine::{Reply, RequestId};
use crate::error::{Error, ErrorKind};
use crate::member::{Facts, Member, MemberState};
use crate::wire::{Dead, Message};

/// How far a farewell has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A join is still under way: whoever it reached must hear the farewell as well.
    Joining,
    /// serf peers are being told that a farewell will come.
    Intending,
    /// The farewell is being spread.
    Spreading,
}

/// Gossip intervals that an intent to leave has to spread before the farewell.
const INTENT_ROUNDS: u32 = 3;

impl Membership {
    /// Says goodbye. The node goes on answering, so that the others can hear it. Whoever asks
    /// while a farewell is under way waits for the same one.
    pub(super) fn leave(&mut self, id: RequestId, timeout: Duration) {
        match self.presence {
            Presence::Gone => return self.reply(id, Ok(Reply::Done)),
            Presence::Leaving(_) => return self.leavers.push(id),
            Presence::Here => self.leavers.push(id),
        }
        self.stop_probes();
        self.timers.set(Timer::Leave, self.now + timeout);
        self.timers.set(Timer::Farewell, self.now + timeout / 2);
        self.presence = Presence::Leaving(Stage::Joining);
        self.go_on_leaving();
    }

    /// Takes the next step of a farewell that waited for joins.
    pub(super) fn go_on_leaving(&mut self) {
        if self.presence != Presence::Leaving(Stage::Joining) || !self.joins.is_empty() {
            return;
        }
        if let (2.., Some(serf)) = (self.roster.present(), &mut self.serf) {
            serf.leave(self.now);
            self.presence = Presence::Leaving(Stage::Intending);
            let pause = self.protocol.gossip_interval.saturating_mul(INTENT_ROUNDS);
            let at = self.timers.get(Timer::Farewell).min(self.now + pause);
            self.timers.set(Timer::Farewell, at);
        } else {
            self.say_goodbye();
        }
    }

    /// The joins have had their time, or the intent has.
    pub(super) fn farewell_due(&mut self) {
        if let Presence::Leaving(Stage::Joining | Stage::Intending) = self.presence {
            self.say_goodbye();
        }
    }

    fn turn_self(&mut self, state: MemberState, incarnation: u32) {
        if let Some(serf) = &mut self.serf {
            match state.is_present() {
                true => serf.come_back(self.now),
                false => serf.left(),
            }
        }
        self.set_local(Member::new(Facts { state, incarnation, ..self.local().facts() }));
    }

    fn say_goodbye(&mut self) {
        self.timers.stop(Timer::Farewell);
        self.turn_self(MemberState::Left, self.local().incarnation());
        self.presence = Presence::Leaving(Stage::Spreading);
        if self.roster.present() > 0 {
            let (name, incarnation) = (Arc::clone(&self.name), self.local().incarnation());
            let goodbye = Dead { incarnation, node: &name, from: &name };
            self.spread(LOCAL, &Message::Dead(goodbye));
        } else {
            self.broadcasts.drop_about(LOCAL);
            self.check_farewell();
        }
    }

    /// The farewell is over once it has been sent as often as any news.
    pub(super) fn check_farewell(&mut self) {
        if self.presence == Presence::Leaving(Stage::Spreading) && !self.broadcasts.holds(LOCAL) {
            self.presence = Presence::Gone;
            self.settle_leavers(&Ok(Reply::Done));
        }
    }

    pub(super) fn leave_timed_out(&mut self) {
        if !matches!(self.presence, Presence::Leaving(_)) {
            return;
        }
        self.turn_self(MemberState::Left, self.local().incarnation());
        self.presence = Presence::Gone;
        let message = "the farewell could not be sent often enough in time; some members may see \
                       a failure instead";
        self.settle_leavers(&Err(Error::new(ErrorKind::Timeout, message)));
    }

    fn settle_leavers(&mut self, result: &crate::error::Result<Reply>) {
        self.timers.stop(Timer::Leave);
        self.timers.stop(Timer::Farewell);
        for id in mem::take(&mut self.leavers) {
            self.reply(id, result.clone());
        }
    }

    /// Takes part again after a leave.
    pub(super) fn come_back(&mut self) {
        if self.presence == Presence::Here {
            return;
        }
        self.settle_leavers(&Ok(Reply::Done));
        self.presence = Presence::Here;
        self.turn_self(MemberState::Alive, raised(self.local().incarnation()));
        self.announce();
        self.start_rounds();
        self.plan_redial();
    }
}
