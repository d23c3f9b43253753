//! The servers of this node: what comes for them, and what they answer.

use std::collections::VecDeque;
use std::sync::Arc;

use super::calls::CallId;
use super::link::LinkId;
use super::servers::{Asked, Delivery, MailboxLimits, Refused, ServerId, Tag};
use super::target::{Place, check_name};
use super::{Arrived, Messaging, Output, Payload, too_large};
use crate::error::{Error, ErrorKind, Remote, Result};
use crate::mesh::{Header, Kind, Name, encode};
use crate::time::Instant;

impl Messaging {
    /// Registers a server. The directory says so at once; others are told by the shell.
    pub(crate) fn serve(&mut self, name: &str, limits: MailboxLimits) -> Result<ServerId> {
        check_name("server", name)?;
        if self.closing {
            return Err(Error::closed());
        }
        let id = self.servers.add(name, limits)?;
        // Of a worker, the member's directory says who hosts what.
        if self.relay.is_none() {
            let own = Arc::clone(&self.name);
            self.directory.note(&own, name, Some(id.0));
            self.servers_changed(&own, name, None);
        }
        Ok(id)
    }

    /// Takes a server off, for a reason that may be empty. What waits for it is answered with
    /// `no_server`.
    pub(crate) fn stop(&mut self, now: Instant, id: ServerId, why: &str) -> Option<Arc<str>> {
        self.at(now);
        let (name, waiting, open) = self.servers.remove(id)?;
        let own = Arc::clone(&self.name);
        self.directory.note(&own, &name, None);
        self.servers_changed(&own, &name, Some(why));
        for tag in open {
            let message = match why {
                "" => format!("\"{name}\" on \"{own}\" was stopped"),
                why => format!("\"{name}\" on \"{own}\" has ended: {why}"),
            };
            let asked = self.servers.answer(tag);
            if let Some(asked) = asked {
                self.end_asked(tag, asked.taken, Error::new(ErrorKind::Cancelled, &*message));
                let error = Error::new(ErrorKind::NoServer, message).with_executed(asked.taken);
                self.answer(&asked, Err(error));
            }
        }
        let casts = waiting.iter().filter(|waits| waits.tag.is_none()).count();
        self.counters.casts_dropped += casts as u64;
        self.out.push_back(Output::Ended(id));
        Some(name)
    }

    /// Holds a server's messages back, or hands them over again.
    pub(crate) fn pause(&mut self, id: ServerId, paused: bool) {
        if self.servers.pause(id, paused) {
            self.out.push_back(Output::Ready(id));
        }
    }

    /// The next message for a server. Those for which nobody waits any more are dropped, unrun.
    pub(crate) fn take(&mut self, now: Instant, id: ServerId) -> Option<Delivery> {
        self.at(now);
        loop {
            let mut delivery = self.servers.take(id)?;
            if delivery.deadline > self.now {
                match delivery.tag {
                    Some(_) => self.counters.calls_served += u64::from(self.is_users(id)),
                    None => self.counters.casts_served += 1,
                }
                if delivery.streams {
                    // It goes on for as long as something moves.
                    delivery.deadline = Instant::NEVER;
                }
                return Some(delivery);
            }
            self.counters.requests_expired += 1;
            match delivery.tag {
                Some(tag) => {
                    self.servers.answer(tag);
                    self.leave_asked(tag, false, ErrorKind::Cancelled);
                }
                None => self.counters.casts_dropped += 1,
            }
        }
    }

    /// Takes casts along that come next. What is not handed over after all is given back.
    pub(crate) fn take_ahead(&mut self, id: ServerId, into: &mut VecDeque<Delivery>) {
        self.servers.take_ahead(id, into);
        self.counters.casts_served += into.len() as u64;
    }

    /// Gives back what was taken along.
    pub(crate) fn give_back(&mut self, id: ServerId, ahead: &mut VecDeque<Delivery>) {
        self.counters.casts_served -= ahead.len() as u64;
        self.servers.give_back(id, ahead);
        self.counters.casts_dropped += ahead.drain(..).len() as u64;
    }

    /// Answers a call; whether anybody was still waiting for that.
    pub(crate) fn reply(&mut self, now: Instant, tag: Tag, result: Result<Payload>) -> bool {
        self.at(now);
        let Some(asked) = self.servers.answer(tag) else {
            self.counters.replies_late += 1;
            return false;
        };
        if asked.streams {
            self.end_asked(tag, true, Error::new(ErrorKind::Cancelled, "the call is answered"));
        }
        self.answer(&asked, result);
        true
    }

    fn answer(&mut self, asked: &Asked, result: Result<Payload>) {
        if asked.link == LinkId::HERE {
            let result = result.map_err(|error| self.own_words(error));
            return self.settle(CallId::from_number(asked.id), result);
        }
        let Some(link) = self.links.get_mut(&asked.link) else { return };
        let limit = link.message_max;
        let fits = |payload: Payload| match payload.bytes.len() <= limit {
            true => Ok(payload),
            false => Err(too_large("reply", payload.bytes.len(), limit).with_executed(true)),
        };
        let result = result.and_then(fits);
        if asked.streams {
            return self.answer_streamed(asked, result);
        }
        match result {
            Ok(Payload { codec, bytes }) => {
                let header = Header { codec, ..Header::new(Kind::Reply, asked.id) };
                if link.is_clear("", bytes.len()) {
                    link.send(header, |_| {}, &bytes);
                } else {
                    self.reply_later(asked.link, header, bytes);
                }
            }
            Err(error) => {
                let (failure, header) = (self.failure(error), Header::new(Kind::Failure, asked.id));
                if let Some(link) = self.links.get_mut(&asked.link) {
                    link.control(header, |out| encode(&failure, out));
                }
            }
        }
        self.write(asked.link);
    }

    /// An error of a server on this node says where it was, as it would to others.
    fn own_words(&self, error: Error) -> Error {
        match error.remote() {
            Some(remote) if remote.node.is_empty() => {
                Error::remote_error(Remote { node: self.name.to_string(), ..remote.clone() })
            }
            _ => error,
        }
    }

    /// Whether somebody waits for the answer to a question.
    pub(crate) fn is_open(&self, tag: Tag) -> bool {
        self.servers.is_open(tag)
    }

    /// Puts a message into a mailbox of this node.
    pub(super) fn deliver(
        &mut self,
        link: LinkId,
        id: Option<u64>,
        arrived: Arrived<'_>,
    ) -> Result<()> {
        let Arrived { from, head, payload, deadline, streams, latest } = arrived;
        let found = self.servers.find(head.server).or_else(|| self.relay.as_ref()?.desk());
        let Some(server) = found else {
            let place = Place::At(self.name.to_string());
            return Err(self.directory.no_server(head.server, &place));
        };
        if self.servers.has_room(server, payload.bytes.len()) == Err(Refused::Full) {
            self.counters.requests_refused += 1;
            let message = format!(
                "the mailbox of \"{}\" on \"{}\" is full; call less often, or serve it with more",
                head.server, self.name
            );
            return Err(Error::new(ErrorKind::Overloaded, message));
        }
        if streams {
            self.streams.check_asked()?;
        }
        let tag = id.map(|id| self.servers.ask(server, link, id, streams));
        if let Some(tag) = tag.filter(|_| streams) {
            self.streams.asked(tag, self.now);
        }
        let (from, relayed) = match &self.relay {
            Some(relay) => relay.origin(from, &head, latest),
            None => (from, None),
        };
        let delivery = Delivery {
            tag,
            from,
            relayed,
            op: Name::from(head.op),
            key: head.key.map(Into::into),
            headers: head.headers.into(),
            payload,
            deadline,
            streams,
        };
        if self.servers.put(server, delivery) {
            self.out.push_back(Output::Ready(server));
        }
        Ok(())
    }
}
