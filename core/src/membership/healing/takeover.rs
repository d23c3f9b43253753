//! A name that is claimed from another address than that of the member who has it.
//!
//! Whoever has the name is asked at the old address. No answer: it came back elsewhere, and is
//! taken over. An answer: it keeps the name, and the conflict is told.

use std::net::SocketAddr;
use std::sync::Arc;

use super::super::detection::evidence::Fact;
use super::super::roster::{LOCAL, Record, Slot};
use super::super::{Membership, Presence};
use super::check::Errand;
use super::trouble::{Buried, Verdict};
use crate::event::EventKind;
use crate::member::{Member, MemberState};
use crate::time::Instant;
use crate::wire::{Alive, Dead, Message, Suspect};

/// Probe intervals between two looks into claims of one name: a flood of them must not make this
/// node flood the one who has it.
const CLAIM_ROUNDS: u32 = 5;
/// Probe intervals for which what was found out about an address holds.
const VERDICT_ROUNDS: u32 = 60;
/// Probe intervals between two conflicts that are told of, whoever they are about.
const CONFLICT_ROUNDS: u32 = 1;
/// Probe intervals between two times that a member is told what is held against it.
pub(super) const ACCUSED_ROUNDS: u32 = 2;
/// Gossip intervals for which news of an earlier process of the same name may go round.
const BURIED_ROUNDS: u32 = 20;

impl Membership {
    /// Somebody says that a present member is at another address.
    pub(crate) fn claimed_elsewhere(&mut self, slot: Slot, claim: &Alive<'_>, addr: SocketAddr) {
        let now = self.now;
        let sure = |record: &Record| record.member.state() == MemberState::Alive;
        let sure = self.roster.get(slot).is_some_and(sure);
        let Some(trouble) = self.trouble(slot) else { return };
        // Where it was once, only what it has outgrown is old news. And who has the name now may
        // have it no longer once others doubt that it is there.
        let holds = |known: &Verdict| {
            sure && known.addr == addr && now < known.until && known.covers(claim.incarnation)
        };
        let verdict = trouble.verdict.filter(holds);
        let waits = trouble.claims_wait.is_some_and(|until| now < until);
        if let Some(verdict) = verdict {
            self.stats.conflicts += u64::from(verdict.outgrown.is_none());
            return;
        }
        if self.claimed_again(slot, claim, addr) {
            return;
        }
        let Some(record) = self.roster.get(slot).filter(|_| !waits) else {
            self.stats.messages_refused += 1;
            return;
        };
        let holder = record.member.clone();
        let rival = Member::new(self.facts(claim, addr, Some(&holder)));
        let errand = Errand::Takeover { slot, rival };
        if !self.check(holder.name(), holder.addr(), errand) {
            self.stats.messages_refused += 1;
            return;
        }
        if let Some(trouble) = self.trouble(slot) {
            trouble.claims_wait = Some(Instant::NEVER);
        }
    }

    /// Whether the same claim is being looked into. It may have become louder since.
    fn claimed_again(&mut self, slot: Slot, claim: &Alive<'_>, addr: SocketAddr) -> bool {
        let Some(known) = self.rival(slot).filter(|rival| rival.addr() == addr) else {
            return false;
        };
        if claim.incarnation > known.incarnation() {
            let louder = Member::new(self.facts(claim, addr, Some(&known)));
            self.replace_rival(slot, louder);
        }
        true
    }

    /// Whether the member answers at the address that it had is known now.
    pub(super) fn takeover(&mut self, slot: Slot, rival: Member, held: SocketAddr, answered: bool) {
        let pause = self.protocol.probe_interval.saturating_mul(CLAIM_ROUNDS);
        let wait = self.now + pause;
        if let Some(trouble) = self.trouble(slot) {
            trouble.claims_wait = Some(wait);
        }
        let Some(record) = self.roster.get(slot) else { return };
        // It may have been forgotten since, or have moved: the answer is about somebody else then.
        if record.member.name() != rival.name() || record.member.addr() != held {
            return;
        }
        let holder = record.member.clone();
        match answered {
            true => self.keep(slot, holder, rival.addr()),
            false => self.take_over(slot, holder, rival),
        }
    }

    fn keep(&mut self, slot: Slot, holder: Member, claimed: SocketAddr) {
        self.stats.conflicts += 1;
        self.judge(slot, claimed, None);
        let now = self.now;
        let pause = self.protocol.probe_interval.saturating_mul(CONFLICT_ROUNDS);
        let long = self.protocol.probe_interval.saturating_mul(VERDICT_ROUNDS);
        let Some(trouble) = self.trouble(slot) else { return };
        if trouble.conflict_told.is_some_and(|until| now < until) || now < self.healing.conflicts {
            self.stats.warnings_suppressed += 1;
            return;
        }
        if let Some(trouble) = self.trouble(slot) {
            trouble.conflict_told = Some(now + long);
        }
        self.healing.conflicts = now + pause;
        self.event(EventKind::MemberConflict { member: holder, addr: claimed });
    }

    fn take_over(&mut self, slot: Slot, previous: Member, member: Member) {
        self.stats.moves += 1;
        self.note(member.name(), Fact::Moved { from: previous.addr() });
        self.judge(slot, previous.addr(), Some(previous.incarnation()));
        self.bury(slot, &previous, &member);
        self.moved_in_probe(slot);
        self.roster.update(slot, member.clone(), Some(self.now));
        self.spread_alive(slot, &member);
        self.event(match previous.state().is_present() {
            true => EventKind::MemberMove { member, previous },
            false => EventKind::MemberJoin(member),
        });
    }

    fn judge(&mut self, slot: Slot, addr: SocketAddr, outgrown: Option<u32>) {
        let rounds = self.protocol.probe_interval.saturating_mul(VERDICT_ROUNDS);
        let until = self.now + rounds;
        if let Some(trouble) = self.trouble(slot) {
            trouble.verdict = Some(Verdict { addr, outgrown, until });
        }
    }

    /// A member that is held failed or left announces itself, but no louder than that: a Go peer
    /// that was restarted and counts from 1 again, or late news. Told at once what is held against
    /// it, it can refute, instead of staying unseen until it hears of it by chance.
    pub(crate) fn tell_accused(&mut self, slot: Slot) {
        let now = self.now;
        let pause = self.protocol.probe_interval.saturating_mul(ACCUSED_ROUNDS);
        let Some(trouble) = self.trouble(slot) else { return };
        if trouble.accused.is_some_and(|until| now < until) {
            return;
        }
        trouble.accused = Some(now + pause);
        let Some(member) = self.roster.get(slot).map(|record| record.member.clone()) else {
            return;
        };
        let (incarnation, own) = (member.incarnation(), Arc::clone(&self.name));
        let accusation = Suspect { incarnation, node: member.name(), from: &own };
        self.send_together(member.addr(), &[Message::Suspect(accusation)]);
    }

    /// Somebody accuses this node at an incarnation that is over, so it has missed the newer one,
    /// and might miss it until it has given this node up. It is told at once.
    pub(crate) fn correct(&mut self, accuser: &str) {
        let slot = self.roster.find(accuser).filter(|slot| *slot != LOCAL);
        let (Some(slot), Presence::Here) = (slot, self.presence) else { return };
        let Some(to) = self.roster.get(slot).map(|record| record.member.addr()) else { return };
        let until = self.now + self.protocol.probe_interval.saturating_mul(ACCUSED_ROUNDS);
        let now = self.now;
        let Some(trouble) = self.trouble(slot) else { return };
        if trouble.corrected.is_none_or(|until| until <= now) {
            trouble.corrected = Some(until);
            let local = self.local().clone();
            self.send_alive(to, &local);
        }
    }

    /// Somebody suspects a member that has said goodbye, so it has missed that, and would take the
    /// leave for a failure. It is told at once; as with an ack, one packet answers another.
    pub(crate) fn pass_on_farewell(&mut self, slot: Slot, accuser: &str) {
        let accuser = self.roster.find(accuser).filter(|slot| *slot != LOCAL);
        let (Some(accuser), Presence::Here) = (accuser, self.presence) else { return };
        let Some(to) = self.roster.get(accuser) else { return };
        let to = to.member.addr();
        self.tell_of_farewell(slot, to);
    }

    /// Tells one address that a member has said goodbye, if it has.
    pub(crate) fn tell_of_farewell(&mut self, slot: Slot, to: SocketAddr) {
        let known = self.roster.get(slot).map(|record| &record.member);
        let Some(left) = known.filter(|member| member.state() == MemberState::Left).cloned() else {
            return;
        };
        let (incarnation, node) = (left.incarnation(), left.name());
        self.send_together(to, &[Message::Dead(Dead { incarnation, node, from: node })]);
    }

    /// A member that was gone is taken over at another address. If it counts anew, what is still
    /// told of the one before it would seem to be about it.
    pub(crate) fn bury(&mut self, slot: Slot, previous: &Member, member: &Member) {
        let incarnation = previous.incarnation();
        if member.incarnation() > incarnation {
            return;
        }
        let until = self.now + self.protocol.gossip_interval.saturating_mul(BURIED_ROUNDS);
        if let Some(trouble) = self.trouble(slot) {
            trouble.buried = Some(Buried { incarnation, until });
        }
    }

    /// Whether a death that is told of is that of an earlier process. The member is told of it, so
    /// that it outgrows it.
    pub(crate) fn is_of_the_buried(&mut self, incarnation: u32, node: &str) -> bool {
        if self.healing.troubles.is_empty() {
            return false;
        }
        let Some(slot) = self.roster.find(node) else { return false };
        let buried = self.healing.troubles.get(&slot).and_then(|trouble| trouble.buried);
        let Some(buried) = buried.filter(|buried| self.now < buried.until) else { return false };
        let Some(record) = self.roster.get(slot) else { return false };
        let member = record.member.clone();
        // It may have outgrown it, or gone in the meantime.
        if incarnation > buried.incarnation
            || member.incarnation() > buried.incarnation
            || !member.state().is_present()
        {
            return false;
        }
        let own = Arc::clone(&self.name);
        let accusation =
            Suspect { incarnation: buried.incarnation, node: member.name(), from: &own };
        self.send_together(member.addr(), &[Message::Suspect(accusation)]);
        true
    }
}
