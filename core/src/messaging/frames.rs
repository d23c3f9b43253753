//! What comes on a connection.

use std::sync::Arc;
use std::time::Duration;

use super::calls::Again;
use super::link::{Assembly, LinkId, Stage};
use super::target::Place;
use super::{Arrived, Ask, CallId, Messaging, Output, Payload, failure};
use crate::api::ERRORS;
use crate::error::{Error, ErrorKind, Remote, Result};
use crate::mesh::{
    Failure, Flags, Frame, FrameError, Head, Header, Intro, Kind, Refused, RemoteFailure, Request,
    decode, encode, reply,
};
use crate::time::Instant;

impl Messaging {
    /// Bytes have come on a connection, in clear.
    pub(crate) fn received(&mut self, now: Instant, at: LinkId, bytes: &[u8]) {
        self.at(now);
        let Some(link) = self.links.get_mut(&at) else { return };
        (link.heard, link.pinged) = (self.now, false);
        let mut cutter = std::mem::take(&mut link.cutter);
        let outcome = cutter.cut(bytes, |frame| self.on_frame(at, frame));
        match outcome {
            Ok(()) => {
                let Some(link) = self.links.get_mut(&at) else { return };
                link.cutter = cutter;
                if link.is_unread() {
                    self.out.push_back(Output::Close { link: at, flush: false });
                    self.closed(now, at, "it does not read what it asks for");
                }
            }
            Err(error) => {
                self.counters.frames_malformed += 1;
                self.out.push_back(Output::Close { link: at, flush: false });
                self.closed(now, at, error.as_str());
            }
        }
    }

    fn on_frame(&mut self, at: LinkId, frame: Frame<'_>) -> std::result::Result<(), FrameError> {
        let Frame { header, body } = frame;
        // It may have been closed by what came before.
        let Some(link) = self.links.get_mut(&at) else { return Ok(()) };
        match (link.stage, header.kind) {
            (Stage::Up, Kind::Call | Kind::Cast | Kind::Publish) => {
                return self.on_request(at, header, body);
            }
            (Stage::Up, Kind::Item | Kind::End | Kind::Credit | Kind::Stop) => {
                return self.on_streamed(at, header, body);
            }
            (Stage::Up, Kind::Reply) => return self.on_reply(at, header, body),
            (Stage::Up, Kind::Failure) => {
                let failure = decode(body)?;
                self.on_failure(at, CallId::from_number(header.id), failure);
            }
            (Stage::Up, Kind::Chunk) => {
                if let Some(whole) = link.more(header, body)? {
                    return self.on_whole(at, whole);
                }
            }
            (Stage::Up, Kind::Cancel) => {
                self.given_up(at, header.id, ErrorKind::Cancelled);
            }
            (Stage::Up, Kind::Ping) => {
                link.control(Header::new(Kind::Pong, header.id), |_| {});
                self.write(at);
            }
            (Stage::Up, Kind::Pong) => self.on_pong(at, header.id),
            (Stage::Up, Kind::Drain) => link.draining = true,
            (Stage::Up, Kind::Ack) => self.on_ack(at, header.id)?,
            (Stage::Accepted, Kind::Intro) => self.on_intro(at, decode::<Intro>(body)?),
            (Stage::Dialled, Kind::Welcome) => self.on_welcome(at, &decode::<Intro>(body)?),
            (Stage::Dialled, Kind::Refused) => self.on_refused(at, &decode::<Refused>(body)?),
            _ => return Err(FrameError::Order),
        }
        Ok(())
    }

    fn on_request(
        &mut self,
        at: LinkId,
        header: Header,
        body: &[u8],
    ) -> std::result::Result<(), FrameError> {
        let Request { head, total, payload } = Request::read(header.flags, body)?;
        let is_known =
            header.kind == Kind::Call && self.servers.find_asked(at, header.id).is_some();
        if is_known || (head.via.is_some() && self.relay.is_none()) {
            return Err(FrameError::Order);
        }
        if let Some(total) = total {
            let limit = self.limits.message_max;
            let mut kept = Vec::with_capacity(head.size());
            head.put(None, &mut kept);
            let Some(link) = self.links.get_mut(&at) else { return Ok(()) };
            return link.begin(header, kept, total, payload, limit);
        }
        let payload = Payload { codec: header.codec, bytes: payload.to_vec() };
        match header.kind {
            Kind::Publish => self.on_published(at, &head, payload),
            _ => self.arrive(at, header, head, payload),
        }
        Ok(())
    }

    /// A ping is answered, whose number is the time at which it was sent.
    fn on_pong(&mut self, at: LinkId, sent: u64) {
        let span = self.now.since(Instant::from_nanos(sent));
        let name = self.links.get(&at).and_then(|link| link.peer.clone());
        if let Some(peer) = name.and_then(|name| self.peers.get_mut(&name)) {
            peer.round_trip = span;
        }
    }

    /// So many casts of this run have come there.
    fn on_ack(&mut self, at: LinkId, received: u64) -> std::result::Result<(), FrameError> {
        let name = self.links.get(&at).and_then(|link| link.peer.clone());
        let Some(peer) = name.and_then(|name| self.peers.get_mut(&name)) else { return Ok(()) };
        if peer.link != Some(at) {
            return Ok(());
        }
        if !(peer.tally.acked..=peer.tally.sent).contains(&received) {
            return Err(FrameError::Order);
        }
        peer.tally.acked = received;
        Ok(())
    }

    /// The last chunk of something has come.
    fn on_whole(&mut self, at: LinkId, whole: Assembly) -> std::result::Result<(), FrameError> {
        if whole.header.kind == Kind::Item {
            return self.on_whole_item(at, whole);
        }
        let Assembly { header, head, payload, .. } = whole;
        let payload = Payload { codec: header.codec, bytes: payload };
        if header.kind == Kind::Reply {
            self.answered(at, CallId::from_number(header.id), Ok(payload));
            return Ok(());
        }
        // It was read before, when it came.
        let flags = Flags::default().with(Flags::KEYED, header.flags.has(Flags::KEYED));
        let flags = flags.with(Flags::VIA, header.flags.has(Flags::VIA));
        let head = Request::read(flags, &head)?.head;
        match header.kind {
            Kind::Publish => self.on_published(at, &head, payload),
            _ => self.arrive(at, header, head, payload),
        }
        Ok(())
    }

    /// A message of a peer.
    fn arrive(&mut self, at: LinkId, header: Header, head: Head<'_>, payload: Payload) {
        let Some(from) = self.links.get(&at).and_then(|link| link.peer.clone()) else { return };
        let is_call = header.kind == Kind::Call;
        if !is_call && let Some(peer) = self.peers.get_mut(&from) {
            peer.tally.received += 1;
        }
        let deadline = match head.budget {
            0 => Instant::NEVER,
            budget => self.now + Duration::from_millis(u64::from(budget)),
        };
        if let Some(owner) = self.owned_elsewhere(&head, header.flags) {
            match is_call {
                true => self.fail(at, header.id, &Failure::Moved(owner.to_string())),
                false => self.send_on(&owner, &head, payload, deadline),
            }
            return;
        }
        let streams = is_call && header.flags.has(Flags::STREAMS);
        let latest = !is_call && header.flags.has(Flags::LATEST);
        let arrived = Arrived { from, head, payload, deadline, streams, latest };
        if let Err(error) = self.deliver(at, is_call.then_some(header.id), arrived) {
            match is_call {
                true => self.fail(at, header.id, &failure(error)),
                false => self.counters.casts_dropped += 1,
            }
        }
    }

    /// Who owns the key of a request, if it is somebody else, as far as this node sees.
    fn owned_elsewhere(&mut self, head: &Head<'_>, flags: Flags) -> Option<Arc<str>> {
        let key = head.key.filter(|_| !flags.has(Flags::SENT_ON))?;
        if self.members.ring().is_none() {
            self.out.push_back(Output::NeedsRing);
        }
        self.owner(head.server, key).filter(|owner| **owner != *self.name)
    }

    /// A cast goes to who owns its key.
    fn send_on(&mut self, owner: &Arc<str>, head: &Head<'_>, payload: Payload, deadline: Instant) {
        let key = head.key.unwrap_or_default();
        let sent = super::Target::key(head.server, key).and_then(|target| {
            let (op, headers) = (head.op, head.headers);
            let ask = Ask { target: &target, op, headers, payload, deadline, latest: false };
            self.submit(Some(Arc::clone(owner)), None, ask, true)
        });
        if sent.is_err() {
            self.counters.casts_dropped += 1;
        }
    }

    fn fail(&mut self, at: LinkId, id: u64, failure: &Failure) {
        if let Some(link) = self.links.get_mut(&at) {
            link.control(Header::new(Kind::Failure, id), |out| encode(failure, out));
        }
        self.write(at);
    }

    fn on_reply(
        &mut self,
        at: LinkId,
        header: Header,
        body: &[u8],
    ) -> std::result::Result<(), FrameError> {
        let (total, payload) = reply(header.flags, body)?;
        if let Some(total) = total {
            let limit = self.limits.message_max;
            let Some(link) = self.links.get_mut(&at) else { return Ok(()) };
            return link.begin(header, Vec::new(), total, payload, limit);
        }
        let payload = Payload { codec: header.codec, bytes: payload.to_vec() };
        self.answered(at, CallId::from_number(header.id), Ok(payload));
        Ok(())
    }

    /// An answer counts if it comes on the connection that the call went out on.
    fn answered(&mut self, at: LinkId, id: CallId, result: Result<Payload>) {
        match self.calls.get_mut(id).is_some_and(|call| call.link == Some(at)) {
            true => self.settle(id, result),
            false => self.counters.replies_unwanted += 1,
        }
    }

    fn on_failure(&mut self, at: LinkId, id: CallId, failure: Failure) {
        let Some(call) = self.calls.get_mut(id).filter(|call| call.link == Some(at)) else {
            self.counters.replies_unwanted += 1;
            return;
        };
        let node = call.peer.as_deref().unwrap_or_default().to_owned();
        let error = match failure {
            Failure::Moved(owner) => match call.again.take() {
                Some(again) => return self.ask_again(id, &owner, &again),
                None => {
                    let message = format!("\"{node}\" says that the key is \"{owner}\"'s");
                    Error::new(ErrorKind::NoServer, message)
                }
            },
            Failure::Remote(remote) => Error::remote_error(failed_on(node, remote)),
            Failure::Elsewhere(there, remote) => {
                let node = if self.relay.is_some() { there } else { node };
                Error::remote_error(failed_on(node, remote))
            }
            Failure::Error(number, message, executed) => {
                let row = ERRORS.iter().find(|row| row.number == number);
                let kind = row.map_or(ErrorKind::Internal, |row| row.kind);
                Error::new(kind, message).with_executed(executed)
            }
        };
        self.settle(id, Err(error));
    }

    /// Asks the owner that somebody who was asked knows of.
    fn ask_again(&mut self, id: CallId, owner: &str, again: &Again) {
        let is_here = *owner == *self.name;
        let is_known = matches!(self.members.find(owner), Some(super::Whereabouts::Here(_)));
        let peer = (!is_here).then(|| Arc::from(owner));
        if !is_here && !is_known {
            let error = self.directory.no_server(again.target.name(), &Place::At(owner.to_owned()));
            return self.settle(id, Err(error));
        }
        let Some(call) = self.calls.get_mut(id) else { return };
        (call.peer, call.link) = (peer.clone(), None);
        let deadline = call.deadline;
        let ask = Ask {
            target: &again.target,
            op: &again.op,
            headers: &again.headers,
            payload: again.payload.clone(),
            deadline,
            latest: false,
        };
        if let Err(error) = self.submit(peer, Some(id), ask, true) {
            self.settle(id, Err(error));
        }
    }
}

fn failed_on(node: String, failure: RemoteFailure) -> Remote {
    let RemoteFailure { language, class, message, stack } = failure;
    Remote { node, language, class, message, stack }
}
