//! What comes from the other end.

use super::super::link::{Assembly, LinkId};
use super::super::{CallId, Messaging, Output};
use super::{Said, Stage, StreamId, cancelled, cost};
use crate::mesh::{Flags, FrameError, Header, Kind, credit, reply};
use crate::messaging::Payload;

impl Messaging {
    /// A frame of a call that streams.
    pub(in crate::messaging) fn on_streamed(
        &mut self,
        at: LinkId,
        header: Header,
        body: &[u8],
    ) -> Result<(), FrameError> {
        let of_reply = header.flags.has(Flags::OF_REPLY);
        let said = match header.kind {
            Kind::Item => {
                let (total, payload) = reply(header.flags, body)?;
                let limit = self.item_max();
                if let Some(total) = total {
                    let Some(link) = self.links.get_mut(&at) else { return Ok(()) };
                    return link.begin(header, Vec::new(), total, payload, limit);
                }
                if payload.len() > limit {
                    return Err(FrameError::Length);
                }
                Said::Item(Payload { codec: header.codec, bytes: payload.to_vec() })
            }
            Kind::End if body.is_empty() && !of_reply => Said::End,
            Kind::Stop if body.is_empty() => Said::Stop,
            Kind::Credit => Said::Credit(credit(body)?),
            _ => return Err(FrameError::Body),
        };
        self.on_said(at, header, said)
    }

    /// The last chunk of an item has come.
    pub(in crate::messaging) fn on_whole_item(
        &mut self,
        at: LinkId,
        whole: Assembly,
    ) -> Result<(), FrameError> {
        let Assembly { header, payload, .. } = whole;
        self.on_said(at, header, Said::Item(Payload { codec: header.codec, bytes: payload }))
    }

    fn on_said(&mut self, at: LinkId, header: Header, said: Said) -> Result<(), FrameError> {
        // Items go with the flag, and what is said of them comes against it.
        let from_server = match said {
            Said::Item(_) | Said::End => header.flags.has(Flags::OF_REPLY),
            Said::Credit(_) | Said::Stop => !header.flags.has(Flags::OF_REPLY),
        };
        let id = match from_server {
            true => {
                let call = CallId::from_number(header.id);
                let known = self.calls.get_mut(call).is_some_and(|held| held.link == Some(at));
                known.then_some(StreamId::Made(call))
            }
            false => self.servers.find_asked(at, header.id).map(StreamId::Asked),
        };
        match id {
            // Only what was on its way when the call ended.
            None => self.counters.items_unwanted += u64::from(matches!(said, Said::Item(_))),
            Some(id) => return self.hear(id, said),
        }
        Ok(())
    }

    /// What the other end of a call says that is under way.
    ///
    /// # Errors
    /// It is none that streams; or says more than it may.
    pub(super) fn hear(&mut self, id: StreamId, said: Said) -> Result<(), FrameError> {
        let Some(end) = self.streams.ends.get_mut(&id) else { return Err(FrameError::Order) };
        end.moved = self.now;
        match said {
            Said::Item(item) => {
                let inbox = &mut end.inbox;
                if inbox.stage == Stage::Ended || inbox.granted <= 0 {
                    return Err(FrameError::Order);
                }
                inbox.granted -= cost(&item);
                if inbox.stage == Stage::Unread {
                    self.counters.items_unwanted += 1;
                    // It may have been said before the call itself was on its way.
                    if !std::mem::replace(&mut inbox.refused, true) {
                        self.say(id, Said::Stop);
                    }
                    return Ok(());
                }
                self.counters.items_received += 1;
                self.streams.bytes += item.bytes.len();
                inbox.items.push_back(item);
                self.wake_reader(id);
            }
            Said::End => {
                if end.inbox.stage == Stage::Ended {
                    return Err(FrameError::Order);
                }
                end.inbox.end(Ok(Payload::default()));
                self.wake_reader(id);
            }
            Said::Credit(bytes) => {
                let writer = &mut end.writer;
                writer.credit = writer.credit.saturating_add(i64::from(bytes));
                let was_told = std::mem::replace(&mut writer.reached, true);
                if writer.finished && !was_told {
                    self.say(id, Said::End);
                }
                self.wake_writer(id);
            }
            Said::Stop => {
                let error = cancelled("nobody reads what is sent any more");
                end.writer.stopped.get_or_insert(error);
                self.wake_writer(id);
            }
        }
        Ok(())
    }

    pub(super) fn wake_reader(&mut self, id: StreamId) {
        let end = self.streams.ends.get_mut(&id);
        if end.is_some_and(|end| std::mem::take(&mut end.inbox.waits)) {
            self.out.push_back(Output::Readable(id));
        }
    }

    pub(in crate::messaging) fn wake_writer(&mut self, id: StreamId) {
        let end = self.streams.ends.get_mut(&id);
        if end.is_some_and(|end| std::mem::take(&mut end.writer.waits)) {
            self.out.push_back(Output::Writable(id));
        }
    }
}
