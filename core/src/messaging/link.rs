//! One connection: what is on its way on it, in both directions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::outbox::Item;
use super::streams::StreamId;
use crate::mesh::{CHUNK, Cutter, Flags, FrameError, Header, Kind, Proof};
use crate::time::Instant;

/// Names one connection. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkId(pub(crate) u64);

impl LinkId {
    /// No connection: what this node says to itself.
    pub(super) const HERE: Self = Self(0);
}

/// Bytes that may wait for the socket; more stays in the outbox, where it can be taken back.
const WIRE_MAX: usize = 256 * 1024;
/// Answers without a payload that may wait; a peer that asks and asks and does not read is let go.
const UNREAD_MAX: usize = 32 * 1024 * 1024;
/// Large payloads that are under way at the same time, each in turn.
const BULKS_MAX: usize = 16;
/// Bytes that a payload of several chunks sets aside at first, whatever length it claims.
const RESERVE: usize = 64 * 1024;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// This node has dialled, and waits for a welcome.
    Dialled,
    /// The other side has dialled, and has yet to say who it is.
    Accepted,
    /// Both know each other.
    Up,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) stage: Stage,
    /// The other side, once it is known, or whom this node has dialled.
    pub(super) peer: Option<Arc<str>>,
    /// What the other side has shown of who it is.
    pub(super) proof: Proof,
    pub(super) cutter: Cutter,
    /// Frames for the socket.
    wire: Vec<u8>,
    bulks: VecDeque<Bulk>,
    /// The driver knows that there is something to write.
    pub(super) writing: bool,
    assemblies: BTreeMap<(bool, u64), Assembly>,
    /// When something last came.
    pub(super) heard: Instant,
    /// It was asked whether anybody is there.
    pub(super) pinged: bool,
    /// Nothing new comes from the other side, or may be sent to it.
    pub(super) draining: bool,
    /// The longest payload that the other side takes.
    pub(super) message_max: usize,
    /// How many connections the other side had had when it agreed to this one.
    pub(super) behind: u64,
    /// Who has items to send, and found no room for them.
    pub(super) stalled: BTreeSet<StreamId>,
}

/// A payload that is sent in chunks, and what must not be sent before it.
#[derive(Debug)]
struct Bulk {
    item: Item,
    sent: usize,
    after: VecDeque<Item>,
}

/// A message of which some has come.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) header: Header,
    /// What stood in front of the payload; empty for a reply.
    pub(super) head: Vec<u8>,
    pub(super) payload: Vec<u8>,
    total: usize,
}

impl Link {
    pub(super) fn new(stage: Stage, peer: Option<Arc<str>>, now: Instant) -> Self {
        Self {
            stage,
            peer,
            proof: Proof::None,
            cutter: Cutter::default(),
            wire: Vec::new(),
            bulks: VecDeque::new(),
            writing: false,
            assemblies: BTreeMap::new(),
            heard: now,
            pinged: false,
            draining: false,
            message_max: 0,
            behind: 0,
            stalled: BTreeSet::new(),
        }
    }

    /// Appends a frame that has no payload.
    pub(super) fn control(&mut self, header: Header, put: impl FnOnce(&mut Vec<u8>)) {
        header.put(&mut self.wire, put);
    }

    /// Whether more may be put on its way.
    pub(super) fn has_room(&self) -> bool {
        self.wire.len() < WIRE_MAX && self.bulks.len() < BULKS_MAX
    }

    /// Whether the other side asks for more than it reads.
    pub(super) fn is_unread(&self) -> bool {
        self.wire.len() > UNREAD_MAX
    }

    /// Whether there is anything to write.
    pub(super) fn has_work(&self) -> bool {
        !self.wire.is_empty() || !self.bulks.is_empty()
    }

    /// Bytes that are on their way.
    pub(super) fn bytes(&self) -> usize {
        let of = |bulk: &Bulk| bulk.item.size() + bulk.after.iter().map(Item::size).sum::<usize>();
        self.wire.len() + self.bulks.iter().map(of).sum::<usize>()
    }

    /// Bytes that it holds, in both directions.
    #[cfg(feature = "sim")]
    pub(super) fn held(&self) -> usize {
        let of = |assembly: &Assembly| assembly.payload.capacity() + assembly.head.capacity();
        self.bytes() + self.wire.capacity() + self.assemblies.values().map(of).sum::<usize>()
    }

    /// Whether a message of that lane can go out at once, in one piece.
    pub(super) fn is_clear(&self, lane: &str, length: usize) -> bool {
        length <= CHUNK && self.wire.len() < WIRE_MAX && !self.is_held_up(lane)
    }

    fn is_held_up(&self, lane: &str) -> bool {
        !lane.is_empty() && self.bulks.iter().any(|bulk| bulk.item.lane.as_str() == lane)
    }

    /// Whether a frame goes out behind all that was said before it.
    pub(super) fn is_in_order(&self, length: usize) -> bool {
        length <= CHUNK && self.bulks.is_empty()
    }

    /// Appends a whole message.
    pub(super) fn send(&mut self, header: Header, head: impl FnOnce(&mut Vec<u8>), payload: &[u8]) {
        header.put(&mut self.wire, |out| {
            head(out);
            out.extend_from_slice(payload);
        });
    }

    /// Puts a message on its way: whole, in chunks, or behind one in chunks of the same lane.
    pub(super) fn commit(&mut self, item: Item) {
        let lane = |bulk: &&mut Bulk| !item.lane.is_empty() && bulk.item.lane == item.lane;
        if let Some(bulk) = self.bulks.iter_mut().find(lane) {
            bulk.after.push_back(item);
        } else if item.payload.len() <= CHUNK {
            let Item { header, head, payload, .. } = &item;
            header.put(&mut self.wire, |out| {
                out.extend_from_slice(head);
                out.extend_from_slice(payload);
            });
        } else {
            self.bulks.push_back(Bulk { item, sent: 0, after: VecDeque::new() });
        }
    }

    /// Moves what is to be written next to `out`: what waits, and one chunk of each large payload.
    pub(super) fn transmit(&mut self, out: &mut Vec<u8>) {
        match out.is_empty() {
            true => std::mem::swap(&mut self.wire, out),
            false => out.append(&mut self.wire),
        }
        // The other side takes so many at once; the rest waits until some are through.
        let active = self.bulks.len().min(BULKS_MAX);
        let mut unfinished = Vec::with_capacity(active);
        for mut bulk in self.bulks.drain(..active).collect::<Vec<_>>() {
            if bulk.put_chunk(out) {
                unfinished.push(bulk);
                continue;
            }
            let mut after = bulk.after.into_iter();
            while let Some(item) = after.next() {
                let is_large = item.payload.len() > CHUNK;
                self.commit(item);
                if is_large && let Some(next) = self.bulks.back_mut() {
                    next.after = after.collect();
                    break;
                }
            }
        }
        for bulk in unfinished.into_iter().rev() {
            self.bulks.push_front(bulk);
        }
        out.append(&mut self.wire);
    }

    /// Whether a message goes with this connection; what of a large one is behind it stays.
    pub(super) fn withdraw(&mut self, id: u64) {
        for bulk in &mut self.bulks {
            bulk.after.retain(|item| {
                let of_call = matches!(item.header.kind, Kind::Call | Kind::Item | Kind::End);
                !of_call || item.header.id != id || item.header.flags.has(Flags::OF_REPLY)
            });
        }
    }

    /// How many casts were put on their way and never began to be sent.
    pub(super) fn unsent_casts(&self) -> u64 {
        let is_cast = |item: &&Item| matches!(item.header.kind, Kind::Cast | Kind::Publish);
        let begun = self.bulks.iter().filter(|bulk| bulk.sent == 0).map(|bulk| &bulk.item);
        let behind = self.bulks.iter().flat_map(|bulk| &bulk.after);
        begun.chain(behind).filter(is_cast).count() as u64
    }

    /// What was put on its way and never began to be sent, in order.
    pub(super) fn take_unsent(&mut self) -> Vec<Item> {
        let mut unsent = Vec::new();
        for bulk in std::mem::take(&mut self.bulks) {
            if bulk.sent == 0 {
                unsent.push(bulk.item);
            }
            unsent.extend(bulk.after);
        }
        unsent
    }

    /// The beginning of a payload of several chunks.
    ///
    /// # Errors
    /// Those of a side that does not keep to the limits that it was told.
    pub(super) fn begin(
        &mut self,
        header: Header,
        head: Vec<u8>,
        total: u32,
        first: &[u8],
        limit: usize,
    ) -> Result<(), FrameError> {
        let (is_reply, total) = (of_reply(&header), total as usize);
        if total > limit || self.assemblies.len() >= BULKS_MAX {
            return Err(FrameError::Length);
        }
        let mut payload = Vec::with_capacity(total.min(RESERVE));
        payload.extend_from_slice(first);
        let assembly = Assembly { header, head, payload, total };
        match self.assemblies.insert((is_reply, header.id), assembly) {
            None => Ok(()),
            Some(_) => Err(FrameError::Order),
        }
    }

    /// More of a payload; the message, if that was all.
    ///
    /// # Errors
    /// As above.
    pub(super) fn more(
        &mut self,
        header: Header,
        chunk: &[u8],
    ) -> Result<Option<Assembly>, FrameError> {
        let key = (header.flags.has(Flags::OF_REPLY), header.id);
        let assembly = self.assemblies.get_mut(&key).ok_or(FrameError::Order)?;
        let length = assembly.payload.len() + chunk.len();
        if chunk.is_empty() || chunk.len() > CHUNK || length > assembly.total {
            return Err(FrameError::Length);
        }
        assembly.payload.extend_from_slice(chunk);
        Ok(if length == assembly.total { self.assemblies.remove(&key) } else { None })
    }
}

/// Whether the id is one of the side that gets the message.
fn of_reply(header: &Header) -> bool {
    header.kind == Kind::Reply || header.flags.has(Flags::OF_REPLY)
}

impl Bulk {
    /// Appends the next chunk; whether there is another one.
    fn put_chunk(&mut self, out: &mut Vec<u8>) -> bool {
        let Item { header, head, payload, .. } = &self.item;
        let end = payload.len().min(self.sent + CHUNK);
        let chunk = payload.get(self.sent..end).unwrap_or_default();
        if self.sent == 0 {
            let more = Header { flags: header.flags.with(Flags::MORE, true), ..*header };
            more.put(out, |out| {
                out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
                out.extend_from_slice(head);
                out.extend_from_slice(chunk);
            });
        } else {
            let flags = Flags::default().with(Flags::OF_REPLY, of_reply(header));
            let next = Header { flags, ..Header::new(Kind::Chunk, header.id) };
            next.put(out, |out| out.extend_from_slice(chunk));
        }
        self.sent = end;
        end < payload.len()
    }
}
