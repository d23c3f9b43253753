//! What is said about members, and what the node makes of it: alive, suspect, failed, left; its
//! own announcements and refutations.

use std::net::SocketAddr;
use std::sync::Arc;

use super::broadcast::News;
use super::detection::evidence::{self, Fact};
use super::detection::suspicion::Suspicion;
use super::healing::flapping::{REFUTED, RETURNED};
use super::incarnation::{INCARNATION_MAX, raised};
use super::push_pull::alive;
use super::roster::{Claim, LOCAL, Record, Slot, beats};
use super::timer::Due;
use super::{Membership, Presence};
use crate::event::{EventKind, WarningCode};
use crate::member::{Facts, Member, MemberState};
use crate::wire::{Alive, Dead, Message, NodeState, RawAddr, Suspect, Vsn, to_socket_addr};

/// Members remembered at most. A flood of invented names must not take all memory.
const MEMBERS_MAX: usize = 131_072;
/// Bytes of name and metadata together that are taken over at most. memberlist sets no limit to
/// what it receives; but every remembered byte is one that a stranger may choose. Its own members
/// have 512 bytes of metadata, and those of forks a few times as many.
const TEXTS_MAX: usize = 4096;

impl Membership {
    /// Somebody says that a member is there.
    pub(super) fn on_alive(&mut self, claim: &Alive<'_>) {
        let found = self.roster.find(claim.node);
        self.on_alive_of(found, claim);
    }

    /// As above, of the member in that slot, or of one that is not known yet.
    pub(super) fn on_alive_of(&mut self, found: Option<Slot>, claim: &Alive<'_>) {
        let Some(addr) = to_socket_addr(claim.addr, claim.port) else {
            self.stats.messages_refused += 1;
            return;
        };
        if !self.allows(addr.ip()) {
            return self.address_refused(addr, "a member is announced there");
        }
        if !self.is_sane(claim, addr) {
            self.stats.messages_refused += 1;
            return;
        }
        match found {
            Some(LOCAL) => self.on_alive_about_self(claim, addr),
            Some(slot) => self.on_alive_again(slot, claim, addr),
            None => self.on_alive_first(claim, addr),
        }
    }

    /// A member that took part in spite of these would spoil every later exchange of states.
    fn is_sane(&self, claim: &Alive<'_>, addr: SocketAddr) -> bool {
        let vsn = claim.vsn;
        (!vsn.is_complete() || versions_fit(self.local().versions(), vsn.to_array()))
            && claim.incarnation <= INCARNATION_MAX
            && claim.node.len() + claim.meta.len() <= TEXTS_MAX
            && addr.port() != 0
            && !addr.ip().is_unspecified()
            && !addr.ip().is_multicast()
    }

    fn on_alive_first(&mut self, claim: &Alive<'_>, addr: SocketAddr) {
        // An incarnation of zero is never announced: the first is one.
        if claim.incarnation == 0 || self.roster.len() >= MEMBERS_MAX {
            self.stats.messages_refused += 1;
            return;
        }
        let member = self.share(Member::new(self.facts(claim, addr, None)));
        if self.is_admitted(&member) {
            self.welcome(member);
        }
    }

    /// Takes in a member that is not known yet.
    pub(super) fn welcome(&mut self, member: Member) {
        if self.roster.find(member.name()).is_some() {
            return;
        }
        self.drop_question(&member);
        let record = Record::new(member.clone(), self.now);
        let slot = self.roster.insert(record, &mut self.rng);
        self.found(member.name(), false);
        self.tell_serf_joined(member.name());
        self.spread_alive(slot, &member);
        self.event(EventKind::MemberJoin(member));
    }

    /// The member that would come in with such a state, if it is not known yet and not absurd.
    pub(super) fn newcomer(&self, node: &NodeState<'_>) -> Option<Member> {
        let claim = alive(node);
        let addr = to_socket_addr(claim.addr, claim.port)?;
        let fits = self.roster.find(claim.node).is_none()
            && claim.incarnation > 0
            && self.allows(addr.ip())
            && self.is_sane(&claim, addr);
        fits.then(|| Member::new(self.facts(&claim, addr, None)))
    }

    fn on_alive_again(&mut self, slot: Slot, claim: &Alive<'_>, addr: SocketAddr) {
        let Some(record) = self.roster.get(slot) else { return };
        let (moved, state) = (record.member.addr() != addr, record.member.state());
        let known = record.member.incarnation();
        if moved && state.is_present() {
            return self.claimed_elsewhere(slot, claim, addr);
        }
        if !moved && !self.believable(claim.incarnation, known) {
            return;
        }
        // A new address for a member that is gone is a new process, whose count starts anew.
        if !(moved || beats(Claim::Alive, claim.incarnation, state, known)) {
            if !state.is_present() {
                self.tell_accused(slot);
            }
            return;
        }
        // Not before here: nearly all that a cluster is told, it knows.
        let Some(previous) = self.roster.get(slot).map(|record| record.member.clone()) else {
            return;
        };
        if !moved {
            self.returns(slot, claim.incarnation);
        }
        let member = self.share(Member::new(self.facts(claim, addr, Some(&previous))));
        let changed = (state != MemberState::Alive).then_some(self.now);
        self.roster.update(slot, member.clone(), changed);
        self.spread_alive(slot, &member);
        if moved {
            self.moved_in_probe(slot);
            self.bury(slot, &previous, &member);
        }
        if !state.is_present() {
            self.tell_serf_joined(claim.node);
        }
        match state {
            MemberState::Failed | MemberState::Left => {
                self.note(claim.node, Fact::Back { incarnation: claim.incarnation });
                if state == MemberState::Failed {
                    self.came_back(slot, RETURNED);
                }
                self.found(claim.node, state == MemberState::Failed);
                self.event(EventKind::MemberJoin(member));
            }
            MemberState::Suspect => {
                self.note(claim.node, Fact::Refuted { incarnation: claim.incarnation });
                self.came_back(slot, REFUTED);
                self.event(EventKind::MemberRecover(member.clone()));
                self.update_event(member, previous);
            }
            MemberState::Alive => self.update_event(member, previous),
        }
    }

    fn update_event(&mut self, member: Member, previous: Member) {
        if member.meta() != previous.meta() || member.addr() != previous.addr() {
            self.event(EventKind::MemberUpdate { member, previous });
        }
    }

    pub(super) fn facts<'a>(
        &self,
        claim: &Alive<'a>,
        addr: SocketAddr,
        previous: Option<&Member>,
    ) -> Facts<'a> {
        // Without all six versions, keep what is known; zeros would spoil later exchanges.
        let fallback = previous.map_or(Vsn::MEMBERLIST.to_array(), Member::versions);
        Facts {
            name: claim.node,
            addr,
            state: MemberState::Alive,
            incarnation: claim.incarnation,
            versions: if claim.vsn.is_complete() { claim.vsn.to_array() } else { fallback },
            mapped: addr.is_ipv4() && claim.addr.len() == 16,
            meta: claim.meta,
        }
    }

    fn on_alive_about_self(&mut self, claim: &Alive<'_>, addr: SocketAddr) {
        if self.presence != Presence::Here {
            return;
        }
        let local = self.local();
        if addr != local.addr() {
            // A namesake, or what is left of an earlier run of this node.
            let own = local.addr();
            return self.name_conflict(claim.node, addr, own);
        }
        let same = claim.incarnation == local.incarnation()
            && claim.meta == local.meta()
            && (!claim.vsn.is_complete() || claim.vsn.to_array() == local.versions());
        if claim.incarnation < local.incarnation() || same {
            return;
        }
        if self.believable(claim.incarnation, self.local().incarnation()) {
            self.refute(claim.incarnation);
        }
    }

    /// Whether somebody who is known at incarnation `known` may have got to `claimed`.
    pub(super) fn believable(&mut self, claimed: u32, known: u32) -> bool {
        let believable = self.horizon.admits_alive(self.now, claimed, known);
        self.stats.messages_refused += u64::from(!believable);
        believable
    }

    fn name_conflict(&mut self, name: &str, claimed: SocketAddr, held: SocketAddr) {
        self.stats.conflicts += 1;
        self.warn(WarningCode::NameConflict, name, || {
            format!(
                "{claimed} announces itself under a name that {held} has; give one of the two \
                 another name"
            )
        });
    }

    /// Somebody, possibly this node, says that a member does not answer.
    pub(super) fn on_suspect(&mut self, incarnation: u32, node: &str, from: &str) {
        let Some((slot, record)) = self.accused(incarnation, node, from) else { return };
        let state = record.member.state();
        if state == MemberState::Suspect {
            return self.confirm_suspicion(slot, incarnation, node, from);
        }
        let known = record.member.incarnation();
        if !beats(Claim::Suspect, incarnation, state, known) {
            if state == MemberState::Left && incarnation == known {
                self.pass_on_farewell(slot, from);
            }
            return;
        }
        if slot == LOCAL {
            return self.accused_self(incarnation, from);
        }
        self.suspect(slot, incarnation, node, from);
    }

    fn suspect(&mut self, slot: Slot, incarnation: u32, node: &str, from: &str) {
        self.stats.suspicions += 1;
        let suspicion = Suspicion::new(self.now, from, self.roster.present(), &self.protocol)
            .stretched(self.patience(slot));
        self.timers.add(Due::Suspicion(slot), suspicion.deadline());
        let Some(member) = self.turn(slot, MemberState::Suspect, incarnation) else { return };
        if let Some(record) = self.roster.get_mut(slot) {
            record.suspicion = Some(Box::new(suspicion));
        }
        self.spread_suspect(slot, incarnation, node, from);
        self.note(node, Fact::Suspected { by: evidence::short(from), incarnation });
        self.event(EventKind::MemberSuspect(member));
        let own = from == &*self.name;
        if !own {
            self.look(slot);
        }
        self.plan_reminders(slot, own);
    }

    /// Another accuser: spread only if it brought the deadline closer, so that a crowd of accusers
    /// does not become a storm.
    fn confirm_suspicion(&mut self, slot: Slot, incarnation: u32, node: &str, from: &str) {
        let Some(suspicion) = self.roster.get_mut(slot).and_then(|r| r.suspicion.as_mut()) else {
            return;
        };
        if suspicion.confirm(from) {
            let deadline = suspicion.deadline();
            self.timers.add(Due::Suspicion(slot), deadline);
            self.spread_suspect(slot, incarnation, node, from);
            let left = deadline.since(self.now);
            self.note(node, Fact::Confirmed { by: evidence::short(from), left });
        }
    }

    /// The record that an accusation is about, unless the accusation is stale or absurd.
    fn accused(&mut self, incarnation: u32, node: &str, from: &str) -> Option<(Slot, &Record)> {
        let slot = self.roster.find(node)?;
        let known = self.roster.get(slot)?.member.incarnation();
        if !self.horizon.admits_accusation(self.now, incarnation, known) {
            self.stats.messages_refused += 1;
            return None;
        }
        if incarnation < known {
            match slot {
                LOCAL => self.correct(from),
                slot => self.correct_about(slot, from),
            }
            return None;
        }
        self.roster.get(slot).map(|record| (slot, record))
    }

    fn accused_self(&mut self, incarnation: u32, from: &str) {
        if self.presence == Presence::Here {
            self.refute(incarnation);
            // It need not wait for the gossip: it may have been refused on the way here.
            self.correct(from);
        }
    }

    /// The time to refute may be over.
    pub(super) fn suspicion_ended(&mut self, slot: Slot) {
        let Some(record) = self.roster.get(slot) else { return };
        let Some(suspicion) = &record.suspicion else { return };
        // Confirmations moved the deadline, or this row is of an earlier suspicion.
        if suspicion.deadline() > self.now {
            self.remind(slot);
            return self.return_due(slot);
        }
        self.give_up_suspect(slot);
    }

    /// Declares a suspect failed.
    pub(super) fn give_up_suspect(&mut self, slot: Slot) {
        let Some(record) = self.roster.get(slot) else { return };
        let (member, own) = (record.member.clone(), Arc::clone(&self.name));
        if self.settle_claim(slot) {
            return;
        }
        self.believe_dead(member.incarnation(), member.name(), &own);
    }

    /// Somebody says that a member has failed, or a member says goodbye.
    pub(super) fn on_dead(&mut self, incarnation: u32, node: &str, from: &str) {
        if self.is_of_the_buried(incarnation, node) {
            return;
        }
        if from != node && self.may_refute(incarnation, node, from) {
            return;
        }
        self.believe_dead(incarnation, node, from);
    }

    /// Whether a member that somebody gave up has the time to refute yet that this node would have
    /// given it at least. It was given up elsewhere, maybe beyond a cut that has just ended: what
    /// the other side believed comes over with the repair, and is not true here.
    ///
    /// Who is told of a suspicion by all others has had that time when it is given up by them, so
    /// nothing is lost.
    fn may_refute(&mut self, incarnation: u32, node: &str, from: &str) -> bool {
        let Some((slot, record)) = self.accused(incarnation, node, from) else { return true };
        if slot == LOCAL || !record.member.state().is_present() {
            return false;
        }
        match (record.member.state(), record.member.incarnation()) {
            (MemberState::Alive, _) => self.suspect(slot, incarnation, node, from),
            // It refuted in between, and was accused again.
            (_, known) if known < incarnation => {
                self.turn(slot, MemberState::Suspect, incarnation);
            }
            _ => {}
        }
        let least = Suspicion::minimum(self.roster.present(), &self.protocol);
        let Some(suspicion) = self.roster.get_mut(slot).and_then(|r| r.suspicion.as_mut()) else {
            return false;
        };
        let before = suspicion.deadline();
        suspicion.settle(least);
        let (deadline, now) = (suspicion.deadline(), self.now);
        if deadline < before {
            self.timers.add(Due::Suspicion(slot), deadline);
            let left = deadline.since(now);
            self.note(node, Fact::Confirmed { by: evidence::short(from), left });
        }
        if now >= deadline {
            return false;
        }
        self.witness(slot);
        // Gossip may miss the member. Who is about to be over its time with it need not ask.
        if deadline.since(now) > self.protocol.probe_interval {
            self.tell_accused(slot);
        }
        true
    }

    fn believe_dead(&mut self, incarnation: u32, node: &str, from: &str) {
        if from == node {
            self.give_up(node);
        }
        let Some((slot, record)) = self.accused(incarnation, node, from) else { return };
        if !beats(Claim::Gone, incarnation, record.member.state(), record.member.incarnation()) {
            return;
        }
        if slot == LOCAL {
            return self.accused_self(incarnation, from);
        }
        let suspicion = record.suspicion.as_ref();
        let confirmations = suspicion.map_or(0, |suspicion| suspicion.confirmations());
        let refused = suspicion.is_some_and(|suspicion| suspicion.is_hastened());
        let failed = Fact::Failed { by: evidence::short(from), confirmations, refused };
        let (state, kind): (_, fn(Member) -> EventKind) = match self.has_left(node, from == node) {
            true => (MemberState::Left, EventKind::MemberLeave),
            false => (MemberState::Failed, EventKind::MemberFailed),
        };
        self.note(node, if state == MemberState::Left { Fact::Left } else { failed });
        let Some(member) = self.turn(slot, state, incarnation) else { return };
        self.timers.add(Due::Forget(slot), self.now + self.protocol.gossip_to_the_dead_time);
        if state == MemberState::Failed {
            self.plan_redial();
        }
        self.spread(slot, &Message::Dead(Dead { incarnation, node, from }));
        if state == MemberState::Left {
            self.doubt_farewell(slot);
        }
        self.event(kind(member));
        self.settle_claim(slot);
    }

    pub(super) fn turn(
        &mut self,
        slot: Slot,
        state: MemberState,
        incarnation: u32,
    ) -> Option<Member> {
        let known = self.roster.get(slot)?.member.facts();
        let member = self.share(Member::new(Facts { state, incarnation, ..known }));
        self.roster.update(slot, member.clone(), Some(self.now));
        Some(member)
    }

    /// A failed or departed member may be forgotten, if it has not come back since.
    pub(super) fn forget(&mut self, slot: Slot) {
        let Some(record) = self.roster.get(slot) else { return };
        let due = record.changed + self.protocol.gossip_to_the_dead_time <= self.now;
        if slot == LOCAL || record.member.state().is_present() || !due {
            return;
        }
        self.remove(slot);
    }

    /// Forgets a member.
    pub(super) fn remove(&mut self, slot: Slot) {
        let Some(record) = self.roster.get(slot) else { return };
        let (state, since) = (record.member.state(), record.changed);
        if let Some(member) = self.roster.remove(slot) {
            if state == MemberState::Failed {
                self.remember_lost(&member, since);
            }
            self.broadcasts.drop_about(slot);
            self.forget_in_serf(slot, member.name());
            self.forget_talk(slot, member.name());
            self.forget_troubles(slot);
            self.event(EventKind::MemberReap(member));
        }
    }

    /// Says louder than the accusation that this node is here.
    fn refute(&mut self, accused: u32) {
        self.stats.refutations += 1;
        self.awareness.apply(1);
        self.outgrow(accused);
    }

    /// Announces this node louder than that.
    pub(super) fn outgrow(&mut self, accused: u32) {
        let incarnation = raised(self.local().incarnation().max(accused));
        self.set_local(Member::new(Facts { incarnation, ..self.local().facts() }));
        self.announce();
    }

    /// Gossips the local member as it is.
    pub(super) fn announce(&mut self) {
        let local = self.local().clone();
        self.spread_alive(LOCAL, &local);
    }

    pub(super) fn set_meta(&mut self, meta: Vec<u8>) {
        let gone = self.presence != Presence::Here;
        let known = self.local().incarnation();
        let incarnation = if gone { known } else { raised(known) };
        self.set_local(Member::new(Facts { meta: &meta, incarnation, ..self.local().facts() }));
        if !gone {
            self.announce();
        }
    }

    pub(super) fn spread_alive(&mut self, slot: Slot, member: &Member) {
        let mut bytes = Vec::with_capacity(128);
        encode_alive(&member.facts(), &mut bytes);
        self.broadcasts.push(slot, News::Alive, bytes.len());
    }

    fn spread_suspect(&mut self, slot: Slot, incarnation: u32, node: &str, from: &str) {
        self.spread(slot, &Message::Suspect(Suspect { incarnation, node, from }));
    }

    pub(super) fn spread(&mut self, about: Slot, message: &Message<'_>) {
        let mut bytes = Vec::with_capacity(128);
        message.encode(&mut bytes);
        let length = bytes.len();
        self.broadcasts.push(about, News::Message(bytes.into()), length);
    }
}

/// Appends the announcement of a member, as it is known.
pub(super) fn encode_alive(facts: &Facts<'_>, out: &mut Vec<u8>) {
    let addr = raw_addr(facts);
    let alive = Alive {
        incarnation: facts.incarnation,
        node: facts.name,
        addr: addr.as_bytes(),
        port: facts.addr.port(),
        meta: facts.meta,
        vsn: Vsn::new(facts.versions),
    };
    alive.encode(out);
}

/// The version of memberlist's protocol that is spoken.
pub(super) const PROTOCOL_VERSION: u8 = 2;

/// Whether each of the two speaks what the other understands, for the protocol and for the
/// application on top.
pub(super) fn versions_fit(own: [u8; 6], other: [u8; 6]) -> bool {
    let [own_min, own_max, own_now, own_dmin, own_dmax, own_dnow] = own;
    let [min, max, now, dmin, dmax, dnow] = other;
    min >= 1
        && (own_min..=own_max).contains(&now)
        && (min..=max).contains(&now)
        && (min..=max).contains(&own_now)
        && (own_dmin..=own_dmax).contains(&dnow)
        && (dmin..=dmax).contains(&dnow)
        && (dmin..=dmax).contains(&own_dnow)
}

/// The address as it came, so that Go peers, who compare the bytes, see the same member.
pub(super) fn raw_addr(facts: &Facts<'_>) -> RawAddr {
    match (facts.addr.ip(), facts.mapped) {
        (std::net::IpAddr::V4(ip), true) => {
            RawAddr::new(&ip.to_ipv6_mapped().octets()).unwrap_or_default()
        }
        (ip, _) => RawAddr::from(ip),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Protocol;
    use crate::engine::{Engine, Input, Setup};
    use crate::time::Instant;
    use crate::wire::{Nonce, Security};

    /// Whether a node takes over the member that such a packet tells of.
    fn is_taken_over(alive: &Alive<'_>) -> bool {
        let setup = Setup {
            name: "local".to_owned(),
            advertise: ([127, 0, 0, 1], 7946).into(),
            meta: Vec::new(),
            security: Security::default(),
            nonce: Nonce::default(),
            incarnation: 1,
            started: 0,
            clocks: [0; 3],
            protocol: Protocol::profile("lan"),
            seed: 1,
        };
        let mut engine = Engine::new(Instant::default(), setup);
        let mut bytes = Vec::new();
        alive.encode(&mut bytes);
        let from = ([127, 0, 0, 2], 7946).into();
        engine.handle(
            Instant::default() + Duration::from_secs(1),
            Input::Packet { from, bytes: &bytes },
        );
        let known = engine.member(alive.node).is_some();
        assert_eq!(engine.stats().messages_refused, u64::from(!known), "refused is counted");
        known
    }

    #[test]
    fn absurd_members_are_left_out() {
        let (long, longer) = (vec![7; TEXTS_MAX - 1], "n".repeat(TEXTS_MAX));
        let honest = Alive {
            incarnation: 1,
            node: "n",
            addr: &[127, 0, 0, 2],
            port: 7946,
            meta: &long,
            vsn: Vsn::MEMBERLIST,
        };
        assert!(is_taken_over(&honest));
        let absurd = [
            Alive { node: "nn", ..honest },
            Alive { node: &longer, meta: b"m", ..honest },
            Alive { port: 0, ..honest },
            Alive { addr: &[0; 4], ..honest },
            Alive { addr: &[224, 0, 0, 1], ..honest },
            Alive { incarnation: u32::MAX, ..honest },
            Alive { vsn: Vsn::new([3, 5, 4, 0, 0, 0]), ..honest },
        ];
        for alive in absurd {
            assert!(!is_taken_over(&alive), "{alive:?}");
        }
    }
}
