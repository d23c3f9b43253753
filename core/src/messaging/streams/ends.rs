//! How calls that stream begin and end.

use super::super::link::LinkId;
use super::super::peers::no_room;
use super::super::servers::Asked;
use super::super::{Ask, CallId, Messaging, Payload, Tag};
use super::{StreamId, cancelled};
use crate::error::{Error, ErrorKind, Result};
use crate::mesh::{Header, Kind, encode};
use crate::time::Instant;

impl Messaging {
    /// Makes a call that streams. Its deadline says how long nothing may move. What it comes to is
    /// read behind the items of the answer.
    ///
    /// # Errors
    /// What is known at once: nothing was sent then.
    pub(crate) fn open(&mut self, now: Instant, ask: Ask<'_>) -> Result<StreamId> {
        self.at(now);
        self.streams.check_made()?;
        self.begin(ask, true).map(StreamId::Made)
    }

    /// A call that streams is over: the reader finds out behind the items that have come, and the
    /// writer at once. Gives the result back if the call does not stream.
    pub(in crate::messaging) fn end_made(
        &mut self,
        call: CallId,
        result: Result<Payload>,
    ) -> Option<Result<Payload>> {
        let id = StreamId::Made(call);
        if !self.streams.ends.contains_key(&id) {
            return Some(result);
        }
        let answered = || cancelled("the server has answered, and reads no more");
        let stopped = result.as_ref().map_or_else(Clone::clone, |_| answered());
        self.end(id, result, stopped);
        None
    }

    /// A call that streams will not be answered any more, or was: it says which.
    pub(in crate::messaging) fn end_asked(&mut self, tag: Tag, taken: bool, error: Error) {
        let id = StreamId::Asked(tag);
        match taken {
            true => self.end(id, Err(error.clone()), error),
            // There is nobody who could let go of it.
            false => self.streams.remove(id),
        }
    }

    fn end(&mut self, id: StreamId, result: Result<Payload>, stopped: Error) {
        let Some(end) = self.streams.ends.get_mut(&id) else { return };
        end.inbox.end(result);
        end.writer.stopped.get_or_insert(stopped);
        self.wake_reader(id);
        self.wake_writer(id);
    }

    /// The caller of a call has gone, or does not wait any more.
    pub(in crate::messaging) fn leave_asked(&mut self, tag: Tag, taken: bool, kind: ErrorKind) {
        if !self.streams.ends.contains_key(&StreamId::Asked(tag)) {
            return;
        }
        let why = match kind {
            ErrorKind::NodeDown => "the connection to the caller broke",
            _ => "the caller has given the call up",
        };
        self.end_asked(tag, taken, Error::new(kind, why));
    }

    /// Answers a call of another member that streams, behind the items.
    pub(in crate::messaging) fn answer_streamed(&mut self, asked: &Asked, result: Result<Payload>) {
        let result = match result {
            Ok(Payload { bytes, .. }) if !self.may_reply(asked.link, bytes.len()) => {
                self.counters.requests_refused += 1;
                Err(no_room())
            }
            result => result,
        };
        match result {
            Ok(Payload { codec, bytes }) => {
                let header = Header { codec, ..Header::new(Kind::Reply, asked.id) };
                self.put_in_order(asked.link, header, Vec::new(), bytes);
            }
            Err(error) => {
                let mut body = Vec::new();
                encode(&self.failure(error), &mut body);
                let header = Header::new(Kind::Failure, asked.id);
                self.put_in_order(asked.link, header, body, Vec::new());
            }
        }
    }

    /// Gives a call up that this node has made: the server is told, and whoever reads here.
    pub(crate) fn abandon(&mut self, now: Instant, id: StreamId) {
        self.at(now);
        let StreamId::Made(call) = id else { return };
        if let Some(held) = self.calls.remove(call) {
            self.withdraw(call, &held);
            self.end_made(call, Err(cancelled("given up by whoever asked for it")));
        }
    }

    /// The node is closed: every end says so, behind the items that have come.
    pub(crate) fn end_streams(&mut self, now: Instant) {
        self.at(now);
        for id in self.streams.ends.keys().copied().collect::<Vec<_>>() {
            self.end(id, Err(Error::closed()), Error::closed());
        }
    }

    /// Nobody holds an end any more.
    pub(crate) fn close_stream(&mut self, now: Instant, id: StreamId) {
        self.abandon(now, id);
        self.stop_items(now, id);
        self.streams.remove(id);
    }

    /// Whoever had no room on a connection may try again.
    pub(in crate::messaging) fn unstall(&mut self, at: LinkId) {
        let Some(link) = self.links.get_mut(&at) else { return };
        for id in std::mem::take(&mut link.stalled) {
            self.wake_writer(id);
        }
    }
}
