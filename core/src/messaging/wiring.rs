//! Connections as they come and go, and what is looked at by and by.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;

use super::link::{Link, LinkId, Stage};
use super::outbox::Item;
use super::peers::{Peer, Tally};
use super::{Messaging, Output, TICK};
use crate::error::{Error, ErrorKind};
use crate::mesh::{Header, Intro, Kind, Proof, Refused, encode};
use crate::time::Instant;

/// The pause after the first failed attempt; it doubles up to the last.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LAST: Duration = Duration::from_secs(5);
/// A connection on which nothing has come for that long is asked; after thrice that it is over.
const SILENCE: Duration = Duration::from_secs(5);
/// How long the other side's attempt is waited for when both have dialled.
const CROSSED_PAUSE: Duration = Duration::from_millis(300);
/// An attempt that takes longer than that is over.
pub(crate) const DIAL_LIMIT: Duration = Duration::from_secs(5);

impl Messaging {
    /// A peer has opened a connection, and both have greeted each other.
    pub(crate) fn accepted(&mut self, now: Instant) -> LinkId {
        self.at(now);
        self.last_link += 1;
        let at = LinkId(self.last_link);
        self.links.insert(at, Link::new(Stage::Accepted, None, self.now));
        self.look_soon();
        at
    }

    /// What the other side of a connection has shown of who it is: told after `accepted`, and
    /// before `opened`.
    pub(crate) fn proven(&mut self, at: LinkId, proof: Proof) {
        if let Some(link) = self.links.get_mut(&at) {
            link.proof = proof;
        }
    }

    /// The other side of a connection that this node has opened has greeted.
    pub(crate) fn opened(&mut self, now: Instant, at: LinkId) {
        self.at(now);
        let Some(link) = self.links.get_mut(&at) else { return };
        link.heard = self.now;
        let to = link.peer.clone();
        if to.as_ref().is_some_and(|to| !link.proof.covers(to)) {
            self.counters.links_unproven += 1;
            self.out.push_back(Output::Close { link: at, flush: false });
            return self.closed(now, at, "its certificate does not have that name");
        }
        let intro = self.intro(to.as_deref().unwrap_or_default(), at);
        if let Some(link) = self.links.get_mut(&at) {
            link.control(Header::new(Kind::Intro, 0), |out| encode(&intro, out));
        }
        self.write(at);
    }

    /// What this node says of itself. It is behind all of its connections up to that one.
    fn intro(&self, to: &str, last: LinkId) -> Intro {
        Intro {
            name: self.name.to_string(),
            run: self.run,
            to: to.to_owned(),
            message_max: u32::try_from(self.limits.message_max).unwrap_or(u32::MAX),
            received: self.peers.get(to).map(|peer| (peer.tally.run, peer.tally.received)),
            links: last.0,
        }
    }

    /// A peer has said who it is.
    pub(super) fn on_intro(&mut self, at: LinkId, intro: Intro) {
        let refusal = if self.closing {
            Some(Refused::Leaving)
        } else if intro.name == *self.name || (!intro.to.is_empty() && intro.to != *self.name) {
            Some(Refused::OtherName(self.name.to_string()))
        } else if self.links.get(&at).is_some_and(|link| !link.proof.covers(&intro.name)) {
            self.counters.links_unproven += 1;
            Some(Refused::Unproven)
        } else {
            let peer = self.peers.get(&*intro.name);
            // Both have dialled: the attempt of the one whose name comes first stays, unless it
            // has failed before, as one does if only the other direction is open.
            let crossed = peer.is_some_and(|p| p.dialling.is_some() && p.failures == 0);
            let goes_on = crossed && *self.name < *intro.name;
            (goes_on || self.is_stale(&intro)).then_some(Refused::Crossed)
        };
        if let Some(refusal) = refusal {
            if let Some(link) = self.links.get_mut(&at) {
                link.control(Header::new(Kind::Refused, 0), |out| encode(&refusal, out));
            }
            self.out.push_back(Output::Close { link: at, flush: true });
            return;
        }
        let name: Arc<str> = match self.peers.get_key_value(&*intro.name) {
            Some((name, _)) => Arc::clone(name),
            None => {
                // It may be that the membership has not heard of it yet.
                let name: Arc<str> = intro.name.as_str().into();
                self.meet(&name);
                self.peers.entry(Arc::clone(&name)).or_default();
                name
            }
        };
        let welcome = self.intro(&intro.name, LinkId(self.last_link));
        if let Some(link) = self.links.get_mut(&at) {
            link.control(Header::new(Kind::Welcome, 0), |out| encode(&welcome, out));
        }
        self.counters.links_accepted += 1;
        self.up(at, name, &intro);
        self.write(at);
    }

    /// Whether a peer had dialled before it agreed to the connection that is up, and so has given
    /// this one up: what it said first has come last.
    fn is_stale(&self, intro: &Intro) -> bool {
        let Some(peer) = self.peers.get(&*intro.name) else { return false };
        let link = peer.link.and_then(|at| self.links.get(&at));
        peer.tally.run == intro.run && link.is_some_and(|link| intro.links <= link.behind)
    }

    /// The peer that this node has dialled listens.
    pub(super) fn on_welcome(&mut self, at: LinkId, intro: &Intro) {
        let Some(name) = self.links.get(&at).and_then(|link| link.peer.clone()) else { return };
        if intro.name != *name {
            return self.on_refused(at, &Refused::OtherName(intro.name.clone()));
        }
        self.counters.links_opened += 1;
        self.up(at, name, intro);
    }

    /// Both sides of a connection know each other. One that was there before is over: the other
    /// side would not have dialled if it still had it.
    fn up(&mut self, at: LinkId, name: Arc<str>, intro: &Intro) {
        self.compare(&name, intro);
        let Some(peer) = self.peers.get_mut(&name) else { return };
        // A worker is here for as long as its connection.
        peer.present |= self.relay.is_some();
        let before = [peer.link.replace(at), peer.dialling.take()];
        (peer.failures, peer.next_dial) = (0, self.now);
        if let Some(link) = self.links.get_mut(&at) {
            link.stage = Stage::Up;
            link.proof = Proof::None;
            link.peer = Some(Arc::clone(&name));
            link.message_max = intro.message_max as usize;
            link.behind = intro.links;
            link.control(Header::new(Kind::Ping, self.now.as_nanos()), |_| {});
        }
        for old in before.into_iter().flatten().filter(|old| *old != at) {
            self.out.push_back(Output::Close { link: old, flush: false });
            self.link_lost(old, None);
        }
        self.reach(&name);
        self.write(at);
    }

    /// What of the casts before has come to a peer, as it says.
    fn compare(&mut self, name: &Arc<str>, intro: &Intro) {
        let own = self.run;
        let Some(peer) = self.peers.get_mut(name) else { return };
        // What has not begun to be sent is put back, and sent once more.
        let held = peer.link.and_then(|at| self.links.get_mut(&at));
        let unsent = held.map_or(0, |link| link.unsent_casts());
        let tally = &mut peer.tally;
        let on_the_way = (tally.sent - tally.acked).saturating_sub(unsent);
        match intro.received.filter(|(run, _)| *run == own && intro.run == tally.run) {
            Some((_, received)) if (tally.acked..=tally.sent).contains(&received) => {
                let lost = on_the_way.saturating_sub(received - tally.acked);
                self.counters.casts_lost += lost;
            }
            _ => self.counters.casts_in_doubt += on_the_way,
        }
        let (received, told) = match intro.run == tally.run {
            true => (tally.received, tally.told),
            false => (0, 0),
        };
        let sent = intro.received.filter(|(run, _)| *run == own && intro.run == tally.run);
        let sent = sent.map_or(0, |(_, received)| received) + unsent;
        let acked = sent - unsent;
        *tally = Tally { run: intro.run, sent, acked, received, told };
    }

    /// The peer does not want this connection.
    pub(super) fn on_refused(&mut self, at: LinkId, refusal: &Refused) {
        self.out.push_back(Output::Close { link: at, flush: false });
        let cause = match refusal {
            Refused::Crossed => None,
            Refused::OtherName(name) => Some(format!("there is \"{name}\" at its address")),
            Refused::Leaving => Some("it is leaving".to_owned()),
            Refused::Unproven => Some("this node's certificate does not have its name".to_owned()),
        };
        let name = self.links.get(&at).and_then(|link| link.peer.clone());
        self.links.remove(&at);
        let Some(name) = name else { return };
        let Some(peer) = self.peers.get_mut(&name) else { return };
        peer.dialling = None;
        match cause {
            None => {
                peer.next_dial = self.now + CROSSED_PAUSE;
                self.look_by(self.now + CROSSED_PAUSE);
            }
            Some(cause) => self.dial_failed(&name, &cause),
        }
    }

    /// A connection is over, or never came to be; the driver has nothing of it any more.
    pub(crate) fn closed(&mut self, now: Instant, at: LinkId, cause: &str) {
        self.at(now);
        let Some(link) = self.links.get(&at) else { return };
        let was_up = link.stage == Stage::Up && !link.draining;
        let name = link.peer.clone();
        self.link_lost(at, Some(cause));
        if self.relay.is_some() {
            self.forget_unlinked(name.as_deref());
            return;
        }
        if was_up {
            self.counters.links_lost += 1;
            let peer = name.and_then(|name| self.peers.get(&name));
            let addr = peer.and_then(|peer| peer.addr);
            self.out.extend(addr.map(Output::Doubt));
        }
    }

    /// The other side has no room for a connection just now: it is tried again.
    pub(crate) fn postponed(&mut self, now: Instant, at: LinkId) {
        self.at(now);
        let name = self.links.remove(&at).and_then(|link| link.peer);
        let Some(peer) = name.and_then(|name| self.peers.get_mut(&name)) else { return };
        peer.dialling = None;
        peer.next_dial = self.now + CROSSED_PAUSE;
        self.look_by(self.now + CROSSED_PAUSE);
    }

    /// Whoever waits for something on a connection is told; what had not begun to be sent waits
    /// for the next one.
    pub(super) fn link_lost(&mut self, at: LinkId, cause: Option<&str>) {
        let Some(mut link) = self.links.remove(&at) else { return };
        for id in self.servers.asked_on(at) {
            self.given_up(at, id, ErrorKind::NodeDown);
        }
        let Some(name) = link.peer.take() else { return };
        let unsent = link.take_unsent();
        let Some(peer) = self.peers.get_mut(&name) else { return };
        if peer.dialling == Some(at) {
            peer.dialling = None;
            if let Some(cause) = cause {
                self.dial_failed(&name, cause);
            }
            return;
        }
        if peer.link == Some(at) {
            peer.link = None;
            if !peer.present && peer.outbox.is_empty() && unsent.is_empty() {
                // It was never a member, or is none any more.
                self.counters.casts_in_doubt += peer.tally.sent - peer.tally.acked;
                self.fail_calls(&name, Some(at));
                self.peers.remove(&name);
                return;
            }
        }
        let starts =
            |item: &Item| matches!(item.header.kind, Kind::Call | Kind::Cast | Kind::Publish);
        for item in unsent.into_iter().rev().filter(starts) {
            match item.call.and_then(|id| self.calls.get_mut(id)) {
                Some(call) => call.link = None,
                None if item.call.is_none() => peer.tally.sent -= 1,
                // It was given up.
                None => continue,
            }
            peer.outbox.put_back(item);
        }
        self.fail_calls(&name, Some(at));
        self.reach(&name);
    }

    /// An attempt has failed: calls are told so, the rest waits for the next one.
    fn dial_failed(&mut self, name: &Arc<str>, cause: &str) {
        let pause = {
            let Some(peer) = self.peers.get_mut(name) else { return };
            peer.failures += 1;
            let doubled = PAUSE_FIRST.saturating_mul(1 << peer.failures.min(10));
            doubled.min(PAUSE_LAST).mul_f64(self.rng.random_range(0.5..1.0))
        };
        let Some(peer) = self.peers.get_mut(name) else { return };
        peer.next_dial = self.now + pause;
        for item in peer.outbox.take(|item| item.call.is_some()) {
            let message = format!("\"{name}\" cannot be reached: {cause}; nothing was sent");
            self.drop_item(&item, Error::new(ErrorKind::NodeDown, message));
        }
        self.look_by(self.now + pause);
    }

    // What is looked at by and by.

    /// Has everything looked at within a tick.
    pub(super) fn look_soon(&mut self) {
        self.look_by(self.now + TICK);
    }

    /// The same, by then.
    pub(super) fn look_by(&mut self, at: Instant) {
        self.tick = self.tick.min(at.max(self.now));
    }

    pub(super) fn on_tick(&mut self) {
        self.tick = Instant::NEVER;
        let now = self.now;
        // What took the room may be gone with its connection or its member.
        if std::mem::take(&mut self.wants_room) {
            self.out.push_back(Output::Room);
        }
        let mut over = Vec::new();
        let mut asked = Vec::new();
        for (at, link) in &mut self.links {
            let silent = now.since(link.heard);
            let limit = if link.stage == Stage::Up { SILENCE * 3 } else { DIAL_LIMIT };
            if silent >= limit {
                self.counters.links_nameless += u64::from(link.stage == Stage::Accepted);
                over.push(*at);
            } else if silent >= SILENCE && !link.pinged && link.stage == Stage::Up {
                link.pinged = true;
                link.control(Header::new(Kind::Ping, now.as_nanos()), |_| {});
                asked.push(*at);
            }
        }
        self.acknowledge();
        for at in asked {
            self.write(at);
        }
        for at in over {
            self.out.push_back(Output::Close { link: at, flush: false });
            self.closed(now, at, "it does not answer");
        }
        let names: Vec<Arc<str>> = self.peers.keys().cloned().collect();
        for name in names {
            if self.peers.get(&name).is_some_and(|peer| peer.outbox.next_expiry() <= now) {
                self.empty_outbox(&name, |item| item.expires <= now, ErrorKind::Timeout);
            }
            self.reach(&name);
        }
        let waits = |peer: &Peer| !peer.outbox.is_empty();
        if !self.links.is_empty() || self.peers.values().any(waits) {
            self.look_soon();
        }
    }

    /// Tells peers how many of their casts have come.
    fn acknowledge(&mut self) {
        let mut told = Vec::new();
        for peer in self.peers.values_mut() {
            let Some(at) = peer.link.filter(|_| peer.tally.told < peer.tally.received) else {
                continue;
            };
            if let Some(link) = self.links.get_mut(&at) {
                peer.tally.told = peer.tally.received;
                link.control(Header::new(Kind::Ack, peer.tally.received), |_| {});
                told.push(at);
            }
        }
        for at in told {
            self.write(at);
        }
    }

    /// Takes nothing new on, and tells so. What is under way is finished.
    pub(crate) fn drain(&mut self, now: Instant) {
        self.at(now);
        self.closing = true;
        self.end_monitors();
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for at in links {
            if let Some(link) = self.links.get_mut(&at).filter(|link| link.stage == Stage::Up) {
                link.control(Header::new(Kind::Drain, 0), |_| {});
            }
            self.write(at);
        }
    }

    /// Takes things on again, after all.
    pub(crate) fn reopen(&mut self, now: Instant) {
        self.at(now);
        self.closing = false;
        // Those that are still there have been told that nothing is taken on.
        for at in self.links.keys().copied().collect::<Vec<_>>() {
            self.out.push_back(Output::Close { link: at, flush: true });
            self.link_lost(at, None);
        }
    }

    /// Whether nothing is under way any more.
    pub(crate) fn is_idle(&self) -> bool {
        self.servers.busy() == 0
            && self.calls.len() == 0
            && self.peers.values().all(|peer| peer.outbox.is_empty())
            && self.links.values().all(|link| !link.has_work() && !link.writing)
    }
}
