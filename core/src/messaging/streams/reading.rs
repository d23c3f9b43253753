//! What the reader of an end does.

use super::super::Messaging;
use super::{Said, Stage, StreamId, cost};
use crate::error::Result;
use crate::mesh::WINDOW;
use crate::messaging::Payload;
use crate::time::Instant;

/// What there is to be read.
#[derive(Debug)]
pub(crate) enum Next {
    Item(Payload),
    /// There are no more items. Of who calls: what was answered; of the server: nothing.
    End(Result<Payload>),
    /// The end was read before, or it is not there any more.
    Over,
    /// Nothing now: there will be an [`Output::Readable`](super::super::Output::Readable).
    Later,
}

impl Messaging {
    /// Takes the next item. The first time that a server asks, the caller is told to send.
    pub(crate) fn next_item(&mut self, now: Instant, id: StreamId) -> Next {
        self.at(now);
        let Some(end) = self.streams.ends.get_mut(&id) else { return Next::Over };
        if let Some(item) = end.inbox.items.pop_front() {
            self.streams.bytes -= item.bytes.len();
            end.moved = self.now;
            end.inbox.owed += cost(&item);
            self.grant(id);
            return Next::Item(item);
        }
        if let Some(result) = end.inbox.end.take() {
            return Next::End(result);
        }
        match end.inbox.stage {
            Stage::Ended | Stage::Unread => return Next::Over,
            Stage::Open => end.inbox.waits = true,
            Stage::Closed => {
                (end.inbox.stage, end.inbox.waits) = (Stage::Open, true);
                end.inbox.granted = i64::from(WINDOW);
                self.say(id, Said::Credit(WINDOW));
            }
        }
        Next::Later
    }

    /// Gives credit for what was taken, half a window at a time.
    fn grant(&mut self, id: StreamId) {
        let Some(end) = self.streams.ends.get_mut(&id) else { return };
        let inbox = &mut end.inbox;
        if inbox.stage != Stage::Open || inbox.owed < i64::from(WINDOW / 2) {
            return;
        }
        let bytes = u32::try_from(std::mem::take(&mut inbox.owed)).unwrap_or(u32::MAX);
        inbox.granted += i64::from(bytes);
        self.say(id, Said::Credit(bytes));
    }

    /// Nobody reads the items any more; the other side may still write, and answer.
    pub(crate) fn stop_items(&mut self, now: Instant, id: StreamId) {
        self.at(now);
        let Some(end) = self.streams.ends.get_mut(&id) else { return };
        self.streams.bytes -= end.inbox.bytes();
        end.inbox.items.clear();
        match end.inbox.stage {
            Stage::Ended | Stage::Unread => end.inbox.end = None,
            Stage::Closed | Stage::Open => {
                end.inbox.stage = Stage::Unread;
                self.say(id, Said::Stop);
            }
        }
    }
}
