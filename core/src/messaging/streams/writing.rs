//! What the writer of an end does, and how it is told to the other end.

use super::super::link::LinkId;
use super::super::outbox::Item;
use super::super::{CallId, Messaging, too_large};
use super::{Said, StreamId, cancelled, cost};
use crate::error::{Error, ErrorKind, Result};
use crate::mesh::{Flags, Header, Kind, Name};
use crate::messaging::Payload;
use crate::time::Instant;

impl Messaging {
    /// Sends an item; or gives it back, if there is no room: there will be an
    /// [`Output::Writable`](super::super::Output::Writable).
    ///
    /// # Errors
    /// `too_large` for this one. Otherwise nothing can be sent any more: how the call ended;
    /// `cancelled` when the other side reads no more, or has answered; `bad_argument` after
    /// [`Messaging::finish_items`].
    pub(crate) fn send_item(
        &mut self,
        now: Instant,
        id: StreamId,
        item: Payload,
    ) -> Result<Option<Payload>> {
        self.at(now);
        let (way, mut limit) = (self.way(id), self.payload_max());
        let end = self.streams.ends.get_mut(&id);
        let Some(end) = end else { return Err(cancelled("the call is over")) };
        if let Some(error) = &end.writer.stopped {
            return Err(error.clone());
        }
        if end.writer.finished {
            let message = "it was said that no more items would come";
            return Err(Error::new(ErrorKind::BadArgument, message));
        }
        let length = item.bytes.len();
        let link = way.and_then(|(at, _)| self.links.get_mut(&at));
        if let Some(link) = &link {
            limit = limit.min(link.message_max);
        }
        if length > limit {
            return Err(too_large("item", length, limit));
        }
        end.writer.waits = end.writer.credit <= 0;
        if let Some(link) = link.filter(|link| !end.writer.waits && !link.has_room()) {
            link.stalled.insert(id);
            end.writer.waits = true;
        }
        if end.writer.waits {
            return Ok(Some(item));
        }
        end.writer.credit -= cost(&item);
        end.moved = self.now;
        self.counters.items_sent += 1;
        self.say(id, Said::Item(item));
        Ok(None)
    }

    /// Whether an item could be sent now; if not, there will be an
    /// [`Output::Writable`](super::super::Output::Writable). So nothing has to be taken elsewhere
    /// before there is room for it.
    ///
    /// # Errors
    /// As [`Messaging::send_item`], where nothing can be sent any more.
    #[cfg(all(unix, feature = "runtime"))]
    pub(crate) fn has_room_for_items(&mut self, id: StreamId) -> Result<bool> {
        let way = self.way(id);
        let end = self.streams.ends.get_mut(&id);
        let Some(end) = end else { return Err(cancelled("the call is over")) };
        if let Some(error) = &end.writer.stopped {
            return Err(error.clone());
        }
        end.writer.waits = end.writer.credit <= 0;
        let link = way.and_then(|(at, _)| self.links.get_mut(&at));
        if let Some(link) = link.filter(|link| !end.writer.waits && !link.has_room()) {
            link.stalled.insert(id);
            end.writer.waits = true;
        }
        Ok(!end.writer.waits)
    }

    /// No more items of a request will come. What a server sends ends with its answer.
    pub(crate) fn finish_items(&mut self, now: Instant, id: StreamId) {
        self.at(now);
        let Some(end) = self.streams.ends.get_mut(&id) else { return };
        let before = std::mem::replace(&mut end.writer.finished, true);
        end.moved = self.now;
        // Who has not got the call is told when it reads.
        if !before && end.writer.reached && matches!(id, StreamId::Made(_)) {
            self.say(id, Said::End);
        }
    }

    /// The connection, and the number on it, of a call that is under way.
    fn way(&mut self, id: StreamId) -> Option<(LinkId, u64)> {
        match id {
            StreamId::Made(call) => {
                let held = self.calls.get_mut(call)?;
                let link = if held.peer.is_none() { Some(LinkId::HERE) } else { held.link };
                Some((link?, call.number()))
            }
            StreamId::Asked(tag) => self.servers.origin(tag),
        }
    }

    /// Says something to the other end.
    pub(super) fn say(&mut self, id: StreamId, said: Said) {
        let Some((at, number)) = self.way(id) else { return };
        if at == LinkId::HERE {
            let other = match id {
                StreamId::Asked(_) => Some(StreamId::Made(CallId::from_number(number))),
                StreamId::Made(_) => self.servers.find_asked(at, number).map(StreamId::Asked),
            };
            // What is not in order here is not sent either.
            if let Some(other) = other {
                let _ = self.hear(other, said);
            }
            return;
        }
        let by_server = matches!(id, StreamId::Asked(_));
        let flags = |of_reply| Flags::default().with(Flags::OF_REPLY, of_reply);
        let framed =
            |kind, of_reply| Header { flags: flags(of_reply), ..Header::new(kind, number) };
        match said {
            Said::Item(Payload { codec, bytes }) => {
                let header = Header { codec, ..framed(Kind::Item, by_server) };
                self.put_in_order(at, header, Vec::new(), bytes);
            }
            Said::End => self.put_in_order(at, framed(Kind::End, false), Vec::new(), Vec::new()),
            Said::Credit(bytes) => {
                let header = framed(Kind::Credit, !by_server);
                self.control(at, header, |out| out.extend_from_slice(&bytes.to_le_bytes()));
            }
            Said::Stop => self.control(at, framed(Kind::Stop, !by_server), |_| {}),
        }
    }

    fn control(&mut self, at: LinkId, header: Header, put: impl FnOnce(&mut Vec<u8>)) {
        if let Some(link) = self.links.get_mut(&at) {
            link.control(header, put);
        }
        self.write(at);
    }

    /// Puts a frame on its way, behind what the same end has said before.
    pub(super) fn put_in_order(
        &mut self,
        at: LinkId,
        header: Header,
        head: Vec<u8>,
        payload: Vec<u8>,
    ) {
        let Some(link) = self.links.get_mut(&at) else { return };
        if link.is_in_order(payload.len()) {
            link.send(header, |out| out.extend_from_slice(&head), &payload);
        } else {
            let request =
                matches!(header.kind, Kind::Item | Kind::End) && !header.flags.has(Flags::OF_REPLY);
            // No server has such a name.
            let lane = format!("{}{}", if request { '>' } else { '<' }, header.id);
            let lane = Name::from(&*lane);
            let (call, expires, latest) = (None, Instant::NEVER, false);
            link.commit(Item { header, head, payload, lane, call, expires, latest });
        }
        self.write(at);
    }
}
