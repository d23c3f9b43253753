//! Reading a stream in pieces of any size.
//!
//! [`StreamReader`] looks at every byte once, however the pieces are cut, and holds what has
//! arrived and no more: a length in a header is a limit to check, never a size to allocate.

use std::sync::Arc;

use super::body::{
    Header, read_ack, read_err, read_node, read_ping, read_sorted_node, read_user_header,
};
use super::{HEADER, PushPull, Side, StreamMessage, additional_data};
use crate::wire::compress::{Inflater, packed_bytes};
use crate::wire::crypt::{self, SEALED_FROM};
use crate::wire::msgpack::Scanner;
use crate::wire::{Security, WireError, kind, label};

type Result<T> = std::result::Result<T, WireError>;

const MIB: usize = 1024 * 1024;

/// What a stream may make its reader hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Nodes in a push/pull.
    pub nodes: usize,
    /// Bytes of user state in a push/pull.
    pub user_state: usize,
    /// Bytes of a user message.
    pub user_message: usize,
    /// Bytes that a compressed message decompresses to.
    pub inflated: usize,
    /// Bytes of an encrypted message.
    pub sealed: usize,
    /// Bytes received, label to end.
    pub stream: usize,
    /// Bytes of a header, and of any message that is only a header: ping, ack and error.
    pub control: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            nodes: 1024 * 1024,
            user_state: 20 * MIB,
            user_message: 20 * MIB,
            inflated: 40 * MIB,
            sealed: 20 * MIB,
            stream: 64 * MIB,
            control: 64 * 1024,
        }
    }
}

/// Reads the one message of a stream from pieces of any size.
#[derive(Debug)]
pub struct StreamReader {
    limits: StreamLimits,
    security: Arc<Security>,
    stage: Stage,
    layer: Layer,
    scanner: Scanner,
    buffer: Vec<u8>,
    /// How much of the buffer has been handled.
    at: usize,
    received: usize,
    /// Steps, tokens and bytes moved, to prove the work linear.
    #[cfg(test)]
    pub(in crate::wire) work: usize,
}

/// What has been taken off around the message. Each wrapper may be there once, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    /// The bytes come as they were received.
    Stream,
    /// They were encrypted, and are all there is.
    Decrypted,
    /// They were compressed, and are all there is.
    Inflated,
}

/// What the next bytes are.
#[derive(Debug)]
enum Stage {
    Label,
    Kind,
    SealedLength,
    Sealed { header: [u8; HEADER], length: usize },
    Ping,
    Ack,
    Err,
    Compressed,
    PushPullHeader,
    Nodes { push_pull: PushPull, left: usize, state_len: usize },
    UserState { push_pull: PushPull, state_len: usize },
    UserHeader,
    UserMessage(usize),
    Done,
    Failed(WireError),
}

/// How far one step came.
enum Step {
    /// The bytes do not suffice.
    Starved,
    /// So many bytes were handled; go on in this stage.
    Next(usize, Stage),
    /// That was all of it.
    Complete(StreamMessage),
}

impl StreamReader {
    /// A reader of the one message that comes to this side. The label is expected in front of what
    /// comes to the accepting side only.
    pub fn new(limits: StreamLimits, side: Side, security: Arc<Security>) -> Self {
        Self {
            limits,
            security,
            stage: match side {
                Side::Accepting => Stage::Label,
                Side::Dialling => Stage::Kind,
            },
            layer: Layer::Stream,
            scanner: Scanner::default(),
            buffer: Vec::new(),
            at: 0,
            received: 0,
            #[cfg(test)]
            work: 0,
        }
    }

    /// Takes the next piece; returns the message once, as soon as it is complete.
    ///
    /// Bytes after the message are ignored. After an error, every call returns the same error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<StreamMessage>> {
        match self.stage {
            Stage::Failed(error) => return Err(error),
            Stage::Done => return Ok(None),
            _ => {}
        }
        let result = self.accept(bytes).and_then(|()| self.advance());
        match &result {
            Ok(None) => return result,
            Ok(Some(_)) => self.stage = Stage::Done,
            Err(error) => self.stage = Stage::Failed(*error),
        }
        self.buffer = Vec::new();
        result
    }

    /// How many bytes have arrived.
    pub const fn received(&self) -> usize {
        self.received
    }

    /// How many bytes of buffer are held.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    fn accept(&mut self, bytes: &[u8]) -> Result<()> {
        self.received = self.received.saturating_add(bytes.len());
        if self.received > self.limits.stream {
            return Err(WireError::TooLarge);
        }
        // Moving the rest down costs no more than what was handled since the last time.
        if self.at > self.buffer.len() / 2 {
            self.buffer.drain(..self.at);
            self.at = 0;
            #[cfg(test)]
            {
                self.work += self.buffer.len();
            }
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<StreamMessage>> {
        loop {
            match self.step()? {
                Step::Starved if self.layer > Layer::Stream => return Err(WireError::Truncated),
                Step::Starved => return Ok(None),
                Step::Complete(message) => return Ok(Some(message)),
                Step::Next(count, stage) => {
                    self.at += count;
                    self.stage = stage;
                }
            }
        }
    }

    fn step(&mut self) -> Result<Step> {
        #[cfg(test)]
        {
            self.work += 1;
        }
        match self.stage {
            Stage::Label => self.label(),
            Stage::Kind => self.kind(),
            Stage::SealedLength => self.sealed_length(),
            Stage::Sealed { header, length } => self.sealed(header, length),
            Stage::Ping => self.control(read_ping),
            Stage::Ack => self.control(read_ack),
            Stage::Err => self.control(read_err),
            Stage::Compressed => self.compressed(),
            Stage::PushPullHeader => self.push_pull_header(),
            Stage::UserHeader => self.user_header(),
            Stage::Nodes { .. } => self.nodes(),
            Stage::UserState { .. } => self.user_state(),
            Stage::UserMessage(len) => Ok(match self.tail(len) {
                Some(message) => Step::Complete(StreamMessage::User(message)),
                None => Step::Starved,
            }),
            Stage::Done => Ok(Step::Starved),
            Stage::Failed(error) => Err(error),
        }
    }

    fn label(&self) -> Result<Step> {
        let bytes = self.unread();
        let Some((found, rest)) = label::take(bytes)? else {
            return Ok(Step::Starved);
        };
        if found != self.security.expected_label() {
            return Err(WireError::BadLabel);
        }
        Ok(Step::Next(bytes.len() - rest.len(), Stage::Kind))
    }

    fn kind(&self) -> Result<Step> {
        let Some(first) = self.unread().first() else {
            return Ok(Step::Starved);
        };
        let outermost = self.layer == Layer::Stream;
        let stage = match *first {
            kind::ENCRYPT if outermost && self.security.keyring.is_none() => {
                return Err(WireError::Encrypted);
            }
            kind::ENCRYPT if outermost => Stage::SealedLength,
            kind::PING => Stage::Ping,
            kind::ACK => Stage::Ack,
            kind::PUSH_PULL => Stage::PushPullHeader,
            kind::USER => Stage::UserHeader,
            kind::ERR => Stage::Err,
            kind::COMPRESS if self.layer < Layer::Inflated => Stage::Compressed,
            _ => return Err(WireError::BadType),
        };
        match stage {
            Stage::SealedLength => Ok(Step::Next(0, stage)),
            _ if outermost && self.security.refuses_plaintext() => Err(WireError::Plaintext),
            stage => Ok(Step::Next(1, stage)),
        }
    }

    fn sealed_length(&self) -> Result<Step> {
        let Some(header) = self.unread().first_chunk::<HEADER>() else {
            return Ok(Step::Starved);
        };
        let [_, length @ ..] = *header;
        let length = bounded(u64::from(u32::from_be_bytes(length)), self.limits.sealed)?;
        Ok(Step::Next(HEADER, Stage::Sealed { header: *header, length }))
    }

    /// Once all of it has arrived, goes on with what was inside.
    fn sealed(&mut self, header: [u8; HEADER], length: usize) -> Result<Step> {
        let Some(mut envelope) = self.tail(length) else { return Ok(Step::Starved) };
        let keyring = self.security.keyring.as_ref().ok_or(WireError::Encrypted)?;
        let aad = additional_data(header, &self.security.label);
        crypt::open_in_place(keyring, &aad, &mut envelope)?;
        self.buffer = envelope;
        self.layer = Layer::Decrypted;
        Ok(Step::Next(SEALED_FROM, Stage::Kind))
    }

    /// A message that is one struct and nothing else.
    fn control(&mut self, read: impl FnOnce(&[u8]) -> Result<StreamMessage>) -> Result<Step> {
        let Some(end) = self.value(self.limits.control)? else {
            return Ok(Step::Starved);
        };
        read(self.first(end)).map(Step::Complete)
    }

    fn compressed(&mut self) -> Result<Step> {
        let Some(end) = self.value(self.limits.stream)? else {
            return Ok(Step::Starved);
        };
        let packed = packed_bytes(self.first(end))?;
        self.buffer = Inflater::default().inflate(packed, self.limits.inflated)?;
        self.at = 0;
        self.layer = Layer::Inflated;
        Ok(Step::Next(0, Stage::Kind))
    }

    fn push_pull_header(&mut self) -> Result<Step> {
        let Some(end) = self.value(self.limits.control)? else {
            return Ok(Step::Starved);
        };
        let header = Header::read(self.first(end))?;
        let left = bounded(header.nodes, self.limits.nodes)?;
        let state_len = bounded(header.state_len, self.limits.user_state)?;
        let push_pull = PushPull { join: header.join, ..PushPull::default() };
        Ok(Step::Next(end, Stage::Nodes { push_pull, left, state_len }))
    }

    /// Takes every node that has arrived.
    fn nodes(&mut self) -> Result<Step> {
        loop {
            if let Stage::Nodes { push_pull, left: 0, state_len } = &mut self.stage {
                let (push_pull, state_len) = (std::mem::take(push_pull), *state_len);
                return Ok(Step::Next(0, Stage::UserState { push_pull, state_len }));
            }
            // Tried once for each, or small pieces would have the same bytes read over and over.
            let sorted = self.scanner.is_fresh() && self.sorted_node();
            if !sorted && !self.any_node()? {
                return Ok(Step::Starved);
            }
            if let Stage::Nodes { left, .. } = &mut self.stage {
                *left -= 1;
            }
        }
    }

    /// Takes the next node if it is of the usual form, and all there.
    fn sorted_node(&mut self) -> bool {
        let node = read_sorted_node(self.buffer.get(self.at..).unwrap_or_default());
        let (Some((node, length)), Stage::Nodes { push_pull, .. }) = (node, &mut self.stage) else {
            return false;
        };
        push_pull.nodes.push(node);
        self.at += length;
        #[cfg(test)]
        {
            self.work += 1;
        }
        true
    }

    /// Takes the next node, of whatever form, if it is all there.
    fn any_node(&mut self) -> Result<bool> {
        let Some(length) = self.value(self.limits.stream)? else { return Ok(false) };
        let end = self.at + length;
        let node = read_node(self.buffer.get(self.at..end).unwrap_or_default());
        self.at = end;
        if let Stage::Nodes { push_pull, .. } = &mut self.stage {
            match node {
                Ok(node) => push_pull.nodes.push(node),
                Err(WireError::BadUtf8 | WireError::BadAddress) => push_pull.skipped += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn user_state(&mut self) -> Result<Step> {
        let Stage::UserState { push_pull, state_len } = &mut self.stage else {
            return Ok(Step::Starved);
        };
        let (mut push_pull, state_len) = (std::mem::take(push_pull), *state_len);
        match self.tail(state_len) {
            Some(user_state) => {
                push_pull.user_state = user_state;
                Ok(Step::Complete(StreamMessage::PushPull(push_pull)))
            }
            None => {
                self.stage = Stage::UserState { push_pull, state_len };
                Ok(Step::Starved)
            }
        }
    }

    fn user_header(&mut self) -> Result<Step> {
        let Some(end) = self.value(self.limits.control)? else {
            return Ok(Step::Starved);
        };
        let len = bounded(read_user_header(self.first(end))?, self.limits.user_message)?;
        Ok(Step::Next(end, Stage::UserMessage(len)))
    }

    /// The length of the value that comes next, if all of it is there.
    fn value(&mut self, limit: usize) -> Result<Option<usize>> {
        let bytes = self.buffer.get(self.at..).unwrap_or_default();
        let end = self.scanner.scan(bytes)?;
        if self.scanner.needs() > limit {
            return Err(WireError::TooLarge);
        }
        if end.is_some() {
            #[cfg(test)]
            {
                self.work += self.scanner.looks;
            }
            self.scanner = Scanner::default();
        }
        Ok(end)
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    fn first(&self, end: usize) -> &[u8] {
        self.unread().get(..end).unwrap_or_default()
    }

    /// The last `len` bytes of the message, if they are all there, in the buffer's own memory.
    fn tail(&mut self, len: usize) -> Option<Vec<u8>> {
        if self.unread().len() < len {
            return None;
        }
        let mut tail = std::mem::take(&mut self.buffer);
        tail.drain(..self.at);
        tail.truncate(len);
        tail.shrink_to_fit();
        self.at = 0;
        Some(tail)
    }
}

/// A length or count that a peer claims, if it may be that large.
fn bounded(claim: u64, limit: usize) -> Result<usize> {
    usize::try_from(claim).ok().filter(|claim| *claim <= limit).ok_or(WireError::TooLarge)
}
