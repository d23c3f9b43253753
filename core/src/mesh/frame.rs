//! The frames that a connection for messages carries.
//!
//! ```text
//! length u32 | kind u8 | flags u8 | codec u8 | 0 | id u64 | body, `length` bytes
//! ```
//!
//! Numbers have their lowest byte first. The body of a call, a cast or a publication is
//!
//! ```text
//! [total u32] | budget u32 | len u8, len u8, len u16, len u16, 0 u16
//!     | server | op | key | headers | payload
//! ```
//!
//! where `total` is there with the flag `MORE` only: it is the length of the whole payload, whose
//! rest follows in frames of kind `Chunk` under the same id. A reply and an item are the payload,
//! behind the same total. Other bodies are in `control`. The budget is what is left of the caller's
//! time, in milliseconds; 0 is none. A header is a name behind its length in a byte and a value
//! behind its length in two.
//!
//! The server of a publication is its topic, and the operation says for whom of its subscribers it
//! is: the names of queues with commas between them, each of which gets it once, and `*` for all
//! subscribers of no queue.
//!
//! A call with the flag `STREAMS` has items, all under its id: those of the request from the
//! caller, those of the reply, with `OF_REPLY`, from the server. `Credit` and `Stop` go against
//! them, and have the flag of the items that they are about. A credit is a number of bytes in a
//! u32; `End` and `Stop` have no body. Each item costs its length and [`ITEM_COST`] more, and may
//! be sent while the credit is above nothing. The call itself is a credit of [`WINDOW`] for items
//! of the reply; for those of the request there is none before the server reads them. The reply or
//! the failure ends them all, behind the items that were sent before.

/// Bytes in front of each body.
pub(crate) const HEADER: usize = 16;
/// Payload that one frame carries at most; more of it is cut into chunks, so that what comes after
/// it does not have to wait.
pub(crate) const CHUNK: usize = 32 * 1024;
/// The longest body: a chunk, and everything that may stand in front of it.
const BODY_MAX: usize = CHUNK + 4 + HEAD + 3 * NAME_MAX + 1 + KEY_MAX + HEADERS_MAX;
/// Bytes of what is fixed in front of a request.
const HEAD: usize = 12;
/// The longest name of a server, an operation or a topic.
pub(crate) const NAME_MAX: usize = 255;
/// The longest key.
pub(crate) const KEY_MAX: usize = 1024;
/// What an item takes of the credit, beside its length.
pub(crate) const ITEM_COST: usize = 64;
/// The credit for items of a reply that a call is.
pub(crate) const WINDOW: u32 = 256 * 1024;
/// The longest headers, as they are sent.
pub(crate) const HEADERS_MAX: usize = 4096;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Who has dialled.
    Intro = 1,
    /// Who was dialled, and that it listens.
    Welcome = 2,
    /// Why this connection is not wanted.
    Refused = 3,
    /// Whether anybody is there.
    Ping = 4,
    /// Yes.
    Pong = 5,
    /// Nothing new will come; what is under way is finished.
    Drain = 6,
    /// How many casts and publications of the other side have come in its run, in the place of
    /// the id.
    Ack = 7,
    /// Something that wants a reply.
    Call = 16,
    /// Something that wants none.
    Cast = 17,
    /// What a call came to.
    Reply = 18,
    /// Why a call came to nothing.
    Failure = 19,
    /// Nobody waits for the reply any more.
    Cancel = 20,
    /// More of a payload.
    Chunk = 21,
    /// Something for the subscribers of a topic.
    Publish = 22,
    /// One of the payloads of a call that streams.
    Item = 23,
    /// No more items of the request will come.
    End = 24,
    /// So many bytes of items may be sent beyond those before.
    Credit = 25,
    /// Nobody reads the items any more. The call goes on.
    Stop = 26,
}

impl Kind {
    const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Intro,
            2 => Self::Welcome,
            3 => Self::Refused,
            4 => Self::Ping,
            5 => Self::Pong,
            6 => Self::Drain,
            7 => Self::Ack,
            16 => Self::Call,
            17 => Self::Cast,
            18 => Self::Reply,
            19 => Self::Failure,
            20 => Self::Cancel,
            21 => Self::Chunk,
            22 => Self::Publish,
            23 => Self::Item,
            24 => Self::End,
            25 => Self::Credit,
            26 => Self::Stop,
            _ => return None,
        })
    }
}

/// What else is said of a frame. Bits that are not known are left to later versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    /// More of the payload follows.
    pub(crate) const MORE: Self = Self(1);
    /// It is about a reply: the chunk or the item is one of it, and the id is one of the side that
    /// gets it; the credit is for items of it.
    pub(crate) const OF_REPLY: Self = Self(2);
    /// The request has a key, which may be empty.
    pub(crate) const KEYED: Self = Self(4);
    /// The request was sent elsewhere before: it is not to be sent on.
    pub(crate) const SENT_ON: Self = Self(8);
    /// The call has items, in both directions.
    pub(crate) const STREAMS: Self = Self(16);
    /// From a worker to its member: a newer one of the cast may take its place while it waits.
    pub(crate) const LATEST: Self = Self(64);
    /// Between a member and its workers: the request says whom it is for, or who has sent it.
    pub(crate) const VIA: Self = Self(128);

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    #[must_use]
    pub(crate) const fn with(self, other: Self, set: bool) -> Self {
        if set { Self(self.0 | other.0) } else { self }
    }
}

/// What stands in front of a body, but for its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) flags: Flags,
    /// How the payload is encoded.
    pub(crate) codec: u8,
    /// What the frame is about.
    pub(crate) id: u64,
}

impl Header {
    /// A header without flags and codec.
    pub(crate) const fn new(kind: Kind, id: u64) -> Self {
        Self { kind, flags: Flags(0), codec: 0, id }
    }

    /// Appends the frame whose body `put` appends.
    pub(crate) fn put(self, out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        let mut bytes = [0; HEADER];
        bytes[4..8].copy_from_slice(&[self.kind as u8, self.flags.0, self.codec, 0]);
        bytes[8..].copy_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&bytes);
        put(out);
        let length = out.len() - start - HEADER;
        debug_assert!(length <= BODY_MAX, "checked before");
        if let Some(room) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
            *room = (length as u32).to_le_bytes();
        }
    }

    /// The header, and the length of the body.
    fn read(bytes: [u8; HEADER]) -> Result<(Self, usize), FrameError> {
        let [a, b, c, d, kind, flags, codec, zero, id @ ..] = bytes;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let kind = Kind::from_byte(kind).filter(|_| zero == 0).ok_or(FrameError::Kind)?;
        if length > BODY_MAX {
            return Err(FrameError::Length);
        }
        Ok((Self { kind, flags: Flags(flags), codec, id: u64::from_le_bytes(id) }, length))
    }
}

/// A frame that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) header: Header,
    pub(crate) body: &'a [u8],
}

/// What ends a connection: the other side does not keep to what is written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// No such kind of frame.
    Kind,
    /// Longer than any.
    Length,
    /// The body does not hold what its kind has.
    Body,
    /// A frame that has no place here.
    Order,
}

impl FrameError {
    /// As the cause of an end.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "it sent a frame of no known kind",
            Self::Length => "it sent more than it may",
            Self::Body => "it sent a frame that cannot be read",
            Self::Order => "it sent a frame that has no place there",
        }
    }
}

/// Cuts what comes into frames.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    /// The beginning of a frame.
    partial: Vec<u8>,
}

impl Cutter {
    /// Hands over each frame that `bytes` complete.
    ///
    /// # Errors
    /// That of a frame, or of `each`; nothing may be read after it.
    pub(crate) fn cut(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(Frame<'_>) -> Result<(), FrameError>,
    ) -> Result<(), FrameError> {
        while !self.partial.is_empty() {
            let wanted = match self.partial.first_chunk() {
                Some(header) => HEADER + Header::read(*header)?.1,
                None => HEADER,
            };
            let lacking = wanted - self.partial.len();
            self.partial.reserve_exact(lacking);
            let Some((part, rest)) = bytes.split_at_checked(lacking) else {
                self.partial.extend_from_slice(bytes);
                return Ok(());
            };
            self.partial.extend_from_slice(part);
            bytes = rest;
            let Some((header, body)) = self.partial.split_first_chunk() else { continue };
            let (header, length) = Header::read(*header)?;
            if body.len() < length {
                continue;
            }
            let frame = std::mem::take(&mut self.partial);
            each(Frame { header, body: frame.get(HEADER..).unwrap_or_default() })?;
        }
        while let Some((header, rest)) = bytes.split_first_chunk() {
            let (header, length) = Header::read(*header)?;
            let Some((body, rest)) = rest.split_at_checked(length) else { break };
            each(Frame { header, body })?;
            bytes = rest;
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }
}

/// Whether there is more than the one frame that these begin with.
pub(crate) fn holds_several(frames: &[u8]) -> bool {
    let first = frames.first_chunk().and_then(|header| Header::read(*header).ok());
    first.is_some_and(|(_, length)| frames.len() > HEADER + length)
}

/// What a request says of itself, beside its payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    /// Milliseconds that are left of the caller's time; 0 for no end.
    pub(crate) budget: u32,
    /// The server or the topic.
    pub(crate) server: &'a str,
    /// The operation; of a publication whom it is for.
    pub(crate) op: &'a str,
    /// The key after `#`.
    pub(crate) key: Option<&'a [u8]>,
    /// The headers as [`put_headers`] has them.
    pub(crate) headers: &'a [u8],
    /// Between a member and its workers, behind the headers and its length in a byte: from a
    /// worker, the member that it is for; to a worker, the one that has sent it.
    pub(crate) via: Option<&'a str>,
}

/// A request that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) head: Head<'a>,
    /// The length of the whole payload, if more follows.
    pub(crate) total: Option<u32>,
    pub(crate) payload: &'a [u8],
}

impl<'a> Head<'a> {
    /// Bytes of a frame with it, but for the payload.
    pub(crate) fn size(&self) -> usize {
        let key = self.key.map_or(0, <[u8]>::len);
        let via = self.via.map_or(0, |via| 1 + via.len());
        HEADER + HEAD + self.server.len() + self.op.len() + key + self.headers.len() + via
    }

    /// Appends what stands in front of the payload. What is too long for its place has no encoding;
    /// whoever makes a request has checked that.
    pub(crate) fn put(&self, total: Option<u32>, out: &mut Vec<u8>) {
        let key = self.key.unwrap_or_default();
        debug_assert!(self.server.len() <= NAME_MAX && self.op.len() <= NAME_MAX);
        debug_assert!(key.len() <= KEY_MAX && self.headers.len() <= HEADERS_MAX);
        if let Some(total) = total {
            out.extend_from_slice(&total.to_le_bytes());
        }
        out.extend_from_slice(&self.budget.to_le_bytes());
        out.extend_from_slice(&[self.server.len() as u8, self.op.len() as u8]);
        out.extend_from_slice(&(key.len() as u16).to_le_bytes());
        out.extend_from_slice(&(self.headers.len() as u16).to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        for part in [self.server.as_bytes(), self.op.as_bytes(), key, self.headers] {
            out.extend_from_slice(part);
        }
        if let Some(via) = self.via {
            debug_assert!(via.len() <= NAME_MAX);
            out.push(via.len() as u8);
            out.extend_from_slice(via.as_bytes());
        }
    }
}

impl<'a> Request<'a> {
    /// The request that a body is.
    pub(crate) fn read(flags: Flags, body: &'a [u8]) -> Result<Self, FrameError> {
        Self::parse(flags, body).ok_or(FrameError::Body)
    }

    fn parse(flags: Flags, body: &'a [u8]) -> Option<Self> {
        let (total, body) = total(flags, body)?;
        let (head, rest) = body.split_first_chunk::<HEAD>()?;
        let [b0, b1, b2, b3, server, op, k0, k1, h0, h1, _, _] = *head;
        let key_length = usize::from(u16::from_le_bytes([k0, k1]));
        let headers_length = usize::from(u16::from_le_bytes([h0, h1]));
        if key_length > KEY_MAX || headers_length > HEADERS_MAX {
            return None;
        }
        let (server, rest) = rest.split_at_checked(usize::from(server))?;
        let (op, rest) = rest.split_at_checked(usize::from(op))?;
        let (key, rest) = rest.split_at_checked(key_length)?;
        let (headers, rest) = rest.split_at_checked(headers_length)?;
        let (via, payload) = via(flags, rest)?;
        if total.is_some_and(|total| (total as usize) <= payload.len()) || payload.len() > CHUNK {
            return None;
        }
        let head = Head {
            budget: u32::from_le_bytes([b0, b1, b2, b3]),
            server: std::str::from_utf8(server).ok()?,
            op: std::str::from_utf8(op).ok()?,
            key: flags.has(Flags::KEYED).then_some(key),
            headers,
            via,
        };
        Some(Self { head, total, payload })
    }
}

/// Whom a request between a member and its workers is about, and the payload behind that.
fn via(flags: Flags, rest: &[u8]) -> Option<(Option<&str>, &[u8])> {
    if !flags.has(Flags::VIA) {
        return Some((None, rest));
    }
    let (length, rest) = rest.split_first()?;
    let (via, payload) = rest.split_at_checked(usize::from(*length))?;
    Some((Some(std::str::from_utf8(via).ok()?), payload))
}

/// The total in front of a body, if there is one, and what follows it.
fn total(flags: Flags, body: &[u8]) -> Option<(Option<u32>, &[u8])> {
    if !flags.has(Flags::MORE) {
        return Some((None, body));
    }
    let (total, rest) = body.split_first_chunk()?;
    Some((Some(u32::from_le_bytes(*total)), rest))
}

/// The payload of a reply or an item, and the length of the whole if more follows.
pub(crate) fn reply(flags: Flags, body: &[u8]) -> Result<(Option<u32>, &[u8]), FrameError> {
    let (total, payload) = total(flags, body).ok_or(FrameError::Body)?;
    if total.is_some_and(|total| (total as usize) <= payload.len()) || payload.len() > CHUNK {
        return Err(FrameError::Body);
    }
    Ok((total, payload))
}

/// How many bytes a credit is about.
pub(crate) fn credit(body: &[u8]) -> Result<u32, FrameError> {
    let bytes = <[u8; 4]>::try_from(body).map_err(|_| FrameError::Body)?;
    Ok(u32::from_le_bytes(bytes))
}

/// Headers as they are sent; `None` if they are too long for that.
pub(crate) fn put_headers<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for (name, value) in headers {
        out.push(u8::try_from(name.len()).ok()?);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&u16::try_from(value.len()).ok()?.to_le_bytes());
        out.extend_from_slice(value.as_bytes());
    }
    (out.len() <= HEADERS_MAX).then_some(out)
}

/// Headers as they were sent.
pub(crate) fn headers(mut bytes: &[u8]) -> Result<Vec<(String, String)>, FrameError> {
    let mut headers = Vec::new();
    while !bytes.is_empty() {
        headers.push(header(&mut bytes).ok_or(FrameError::Body)?);
    }
    Ok(headers)
}

fn header(bytes: &mut &[u8]) -> Option<(String, String)> {
    let (length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let (length, rest) = rest.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    *bytes = rest;
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    Some((text(name)?, text(value)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(cutter: &mut Cutter, bytes: &[u8]) -> Result<Vec<(Header, Vec<u8>)>, FrameError> {
        let mut frames = Vec::new();
        cutter.cut(bytes, |frame| {
            frames.push((frame.header, frame.body.to_vec()));
            Ok(())
        })?;
        Ok(frames)
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..20),
            part in 1_usize..200,
        ) {
            let (mut bytes, mut wanted) = (Vec::new(), Vec::new());
            for (id, body) in bodies.iter().enumerate() {
                let header = Header::new(Kind::Chunk, id as u64);
                header.put(&mut bytes, |out| out.extend_from_slice(body));
                wanted.push((header, body.clone()));
            }
            prop_assert_eq!(holds_several(&bytes), bodies.len() > 1);
            let (mut cutter, mut frames) = (Cutter::default(), Vec::new());
            for part in bytes.chunks(part) {
                frames.extend(cut(&mut cutter, part).expect("well-formed"));
            }
            prop_assert_eq!(frames, wanted);
        }

        #[test]
        fn requests_come_out_as_they_went_in(
            texts in prop::array::uniform2("\\PC{0,60}"),
            key in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
            (budget, more) in (any::<u32>(), any::<bool>()),
            via in prop::option::of("\\PC{0,60}"),
            payload in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let headers = put_headers([("traceparent", &*texts[0])]).expect("short");
            let head = Head {
                budget,
                server: &texts[0],
                op: &texts[1],
                key: key.as_deref(),
                headers: &headers,
                via: via.as_deref(),
            };
            let total = more.then_some(1_000);
            let mut body = Vec::new();
            head.put(total, &mut body);
            prop_assert_eq!(body.len() + HEADER, head.size() + if more { 4 } else { 0 });
            body.extend_from_slice(&payload);
            let flags = Flags::default().with(Flags::MORE, more);
            let flags = flags.with(Flags::KEYED, key.is_some()).with(Flags::VIA, via.is_some());
            let request = Request { head, total, payload: &payload };
            prop_assert_eq!(Request::read(flags, &body), Ok(request));
            for cut in 0..body.len() - payload.len() {
                prop_assert_eq!(Request::read(flags, &body[..cut]), Err(FrameError::Body));
            }
            let shown = super::headers(&headers).expect("well-formed");
            prop_assert_eq!(shown, [("traceparent".to_owned(), texts[0].clone())]);
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), flags: u8) {
            let _ = cut(&mut Cutter::default(), &bytes);
            let _ = Request::read(Flags(flags), &bytes);
            let _ = reply(Flags(flags), &bytes);
            let _ = credit(&bytes);
            let _ = headers(&bytes);
        }
    }

    #[test]
    fn what_is_no_frame_is_refused_before_it_is_waited_for() {
        let mut long = Vec::new();
        Header::new(Kind::Ping, 0).put(&mut long, |_| {});
        long[..4].copy_from_slice(&(BODY_MAX as u32 + 1).to_le_bytes());
        assert_eq!(cut(&mut Cutter::default(), &long), Err(FrameError::Length));
        let mut unknown = Vec::new();
        Header::new(Kind::Ping, 0).put(&mut unknown, |_| {});
        unknown[4] = 99;
        assert_eq!(cut(&mut Cutter::default(), &unknown), Err(FrameError::Kind));
        // In two parts as well.
        let mut cutter = Cutter::default();
        assert_eq!(cut(&mut cutter, &long[..7]), Ok(vec![]));
        assert_eq!(cut(&mut cutter, &long[7..]), Err(FrameError::Length));
    }

    #[test]
    fn a_credit_is_four_bytes() {
        assert_eq!(credit(&[1, 2, 0, 0]), Ok(513));
        assert_eq!(credit(&[1, 2, 0]), Err(FrameError::Body));
        assert_eq!(credit(&[1, 2, 0, 0, 0]), Err(FrameError::Body));
    }

    #[test]
    fn a_total_is_more_than_what_is_there() {
        let flags = Flags::MORE;
        assert_eq!(reply(flags, &[2, 0, 0, 0, 7]), Ok((Some(2), &[7][..])));
        assert_eq!(reply(flags, &[1, 0, 0, 0, 7]), Err(FrameError::Body));
        assert_eq!(reply(flags, &[1, 0, 0]), Err(FrameError::Body));
        assert_eq!(reply(Flags::default(), &[7]), Ok((None, &[7][..])));
    }
}
