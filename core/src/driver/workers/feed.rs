//! What a worker is told: the members and keys as they are, and what happens then.
//!
//! Each batch is a call, and the next one is made of what there is once the last was answered. So a
//! worker that is slow holds one batch here, and is otherwise behind as any reader of the board may
//! be, with the same bounds.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::{Hub, nothing};
use crate::attach::{self, EventBody, News};
use crate::driver::board::{Read, Reader, ShownRead, ShownReader};
use crate::driver::mesh::Mesh;
use crate::engine::StateChange;
use crate::error::{ErrorKind, Result};
use crate::event::EventKind;
use crate::member::Member;
use crate::messaging::{Ask, Payload, Target};

/// A worker that takes nothing for so long is let go.
const LIMIT: Duration = Duration::from_secs(10);
/// A batch is full with so many pieces of news, or so many bytes.
const PIECES: usize = 512;
const BYTES: usize = 256 * 1024;

/// What one worker has yet to be told.
struct Feed {
    reader: Reader,
    shown: ShownReader,
    /// As it was told last.
    local: Option<Member>,
    /// All others, which are told before anything that happened after.
    others: VecDeque<Member>,
    /// How many events they stand for, until they have all been told.
    missed: Option<u64>,
    /// The same of keys.
    keys: VecDeque<StateChange>,
    keys_anew: bool,
    keys_whole: bool,
}

/// Tells a worker until it is gone.
pub(super) async fn keep(hub: Arc<Hub>, worker: Arc<str>) {
    let (reader, others) = Reader::follow(Arc::clone(&hub.board));
    let mut feed = Feed {
        reader,
        shown: ShownReader::new(Arc::clone(hub.board.shown()), "", true),
        local: None,
        others,
        missed: Some(0),
        keys: VecDeque::new(),
        keys_anew: true,
        keys_whole: false,
    };
    loop {
        let news = feed.next(&hub).await;
        // The member is closing.
        if news.is_empty() {
            return;
        }
        if let Err(error) = tell(&hub, &worker, &news).await {
            if error.kind() != ErrorKind::NodeDown {
                hub.drop_worker(&worker, &error);
            }
            return;
        }
    }
}

async fn tell(hub: &Hub, worker: &Arc<str>, news: &[News]) -> Result<()> {
    let target = Target::desk_of(worker);
    let payload = Payload { bytes: attach::encode(&news)?, ..nothing() };
    let deadline = Mesh::deadline(LIMIT);
    let ask = Ask { target: &target, op: "news", headers: &[], payload, deadline, latest: false };
    hub.local.call(ask).await.map(drop)
}

impl Feed {
    /// The next batch, once there is something; nothing when the member closes.
    async fn next(&mut self, hub: &Hub) -> Vec<News> {
        loop {
            let (mut news, mut open) = (Vec::new(), true);
            poll_fn(|context| {
                open = self.collect(hub, context.waker(), &mut news);
                if news.is_empty() && open { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            if !news.is_empty() || !open {
                return news;
            }
        }
    }

    /// Appends what there is, up to a batch; whether more may come.
    fn collect(&mut self, hub: &Hub, waker: &Waker, news: &mut Vec<News>) -> bool {
        let mut bytes = 0;
        let mut add = |news: &mut Vec<News>, piece: News| {
            bytes += piece.weight();
            news.push(piece);
            news.len() < PIECES && bytes < BYTES
        };
        // The reader is asked first, so that it wakes for the local member from here on.
        loop {
            if let Some(member) = self.others.pop_front() {
                if !add(news, News::Member((&member).into())) {
                    return true;
                }
                continue;
            }
            if let Some(missed) = self.missed.take() {
                add(news, News::Present(missed));
            }
            match self.reader.next(Some(waker)) {
                Read::Event(event) => match event.kind {
                    EventKind::EventsLost { count, members } => {
                        self.others = members.into();
                        self.missed = Some(count);
                    }
                    kind => {
                        let piece = EventBody::of(&kind).map(News::Event);
                        if piece.is_some_and(|piece| !add(news, piece)) {
                            return true;
                        }
                    }
                },
                Read::Waiting => break,
                Read::Closed => return false,
            }
        }
        let local = hub.board.local();
        if self.local.as_ref() != Some(&local) {
            add(news, News::Local((&local).into()));
            self.local = Some(local);
        }
        self.collect_keys(waker, news, &mut add)
    }

    fn collect_keys(
        &mut self,
        waker: &Waker,
        news: &mut Vec<News>,
        add: &mut impl FnMut(&mut Vec<News>, News) -> bool,
    ) -> bool {
        if std::mem::take(&mut self.keys_anew) {
            add(news, News::StateAnew);
        }
        loop {
            if let Some(change) = self.keys.pop_front() {
                if !add(news, News::State(change.into())) {
                    return true;
                }
                continue;
            }
            if std::mem::take(&mut self.keys_whole) {
                add(news, News::StateWhole);
            }
            match self.shown.next(Some(waker)) {
                ShownRead::Change(change) => {
                    if !add(news, News::State(change.into())) {
                        return true;
                    }
                }
                ShownRead::ReplayDone => {
                    add(news, News::StateWhole);
                }
                ShownRead::Lost(_, entries) => {
                    add(news, News::StateAnew);
                    self.keys = entries.into();
                    self.keys_whole = true;
                }
                ShownRead::Waiting => return true,
                ShownRead::Closed => return false,
            }
        }
    }
}
