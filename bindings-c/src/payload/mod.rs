//! Payloads as C sees them: written part by part, and read part by part.

use std::ffi::c_char;
use std::mem::{MaybeUninit, take};

use chinwag::error::{Error as CoreError, Result};
use chinwag::payload::{Reader, Token, Writer, check};

use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{given, items, status, value};

/// A value that is written part by part, as the bytes that every language reads alike. You free it
/// with chinwag_payload_free(). One thread at a time uses it.
///
/// A container says how many values it has, and these come next; in a map each has its
/// chinwag_payload_key() before it. What does not belong where it stands is CHINWAG_ECODEC, what is
/// larger than 64 MiB CHINWAG_ETOOLARGE. An error stays: nothing is written any more, every call
/// has that status, and chinwag_payload_bytes() has the error. So it is enough to look there.
pub struct Payload {
    state: State,
}

enum State {
    Open(Writer),
    Whole(Vec<u8>),
    Failed(CoreError),
}

impl Default for State {
    fn default() -> Self {
        Self::Open(Writer::new())
    }
}

impl Payload {
    fn put(&mut self, write: impl FnOnce(&mut Writer) -> Result<()>) -> Result<()> {
        let outcome = match &mut self.state {
            State::Open(writer) => write(writer),
            // Another value behind the one that there is, which is told as such.
            State::Whole(_) => past_the_end(write),
            State::Failed(error) => Err(error.clone()),
        };
        if let Err(error) = &outcome {
            self.state = State::Failed(error.clone());
        }
        outcome
    }

    fn whole(&mut self) -> Result<&[u8]> {
        if let State::Open(writer) = &mut self.state {
            let bytes = take(writer).finish().and_then(|bytes| check(&bytes).map(|()| bytes));
            self.state = bytes.map_or_else(State::Failed, State::Whole);
        }
        match &self.state {
            State::Whole(bytes) => Ok(bytes),
            State::Failed(error) => Err(error.clone()),
            State::Open(writer) => Err(writer.wrong("the value is not whole")),
        }
    }
}

fn past_the_end(write: impl FnOnce(&mut Writer) -> Result<()>) -> Result<()> {
    let mut writer = Writer::new();
    writer.nil()?;
    write(&mut writer)
}

/// What a part of a value is.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "these are C's names")]
pub enum PayloadKind {
    /// The whole value was read.
    CHINWAG_PAYLOAD_END = 0,
    /// Nothing.
    CHINWAG_PAYLOAD_NIL = 1,
    /// `flag`.
    CHINWAG_PAYLOAD_BOOL = 2,
    /// `integer`, up to 2^63 - 1, and the same in `natural` if it is not negative.
    CHINWAG_PAYLOAD_INT = 3,
    /// `natural`, from 2^63 on.
    CHINWAG_PAYLOAD_UINT = 4,
    /// `number`.
    CHINWAG_PAYLOAD_FLOAT = 5,
    /// `count` bytes of UTF-8 at `text`, without a zero byte at their end, perhaps with some
    /// within; in a map, each key is one.
    CHINWAG_PAYLOAD_TEXT = 6,
    /// `count` bytes at `bytes`.
    CHINWAG_PAYLOAD_BYTES = 7,
    /// A list: the next `count` values.
    CHINWAG_PAYLOAD_ARRAY = 8,
    /// A map: the next `count` pairs, each a text as its key and a value.
    CHINWAG_PAYLOAD_MAP = 9,
    /// A point in time: `integer` seconds since 1970 in UTC, and `nanos` after that.
    CHINWAG_PAYLOAD_TIMESTAMP = 10,
}

/// A part of a value. What its kind does not name is 0 or NULL.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PayloadPart {
    /// What it is.
    pub kind: PayloadKind,
    /// Nanoseconds, below 1,000,000,000.
    pub nanos: u32,
    /// True or false.
    pub flag: bool,
    /// An integer, or seconds.
    pub integer: i64,
    /// An integer that is not negative.
    pub natural: u64,
    /// A float.
    pub number: f64,
    /// A text, as long as the payload is there.
    pub text: *const c_char,
    /// Bytes, as long as the payload is there.
    pub bytes: *const u8,
    /// Bytes of a text or of bytes; values of a list; pairs of a map.
    pub count: usize,
}

/// Reads a payload part by part. You free it with chinwag_payload_reader_free(). One thread at a
/// time uses it.
pub struct PayloadReader {
    reader: Reader<'static>,
    /// Why it goes no further.
    failure: Option<CoreError>,
}

impl PayloadReader {
    fn read(&mut self) -> Result<PayloadPart> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.reader.is_done() {
            return Ok(PayloadPart::END);
        }
        let read = self.reader.token();
        self.failure = read.as_ref().err().cloned();
        read.map(PayloadPart::of)
    }
}

impl PayloadPart {
    const END: Self = Self {
        kind: PayloadKind::CHINWAG_PAYLOAD_END,
        nanos: 0,
        flag: false,
        integer: 0,
        natural: 0,
        number: 0.0,
        text: std::ptr::null(),
        bytes: std::ptr::null(),
        count: 0,
    };

    fn of(token: Token<'_>) -> Self {
        use PayloadKind as Kind;
        let none = Self::END;
        match token {
            Token::Nil => Self { kind: Kind::CHINWAG_PAYLOAD_NIL, ..none },
            Token::Bool(flag) => Self { kind: Kind::CHINWAG_PAYLOAD_BOOL, flag, ..none },
            Token::Int(integer) => Self {
                kind: Kind::CHINWAG_PAYLOAD_INT,
                integer,
                natural: u64::try_from(integer).unwrap_or(0),
                ..none
            },
            Token::Uint(natural) => Self { kind: Kind::CHINWAG_PAYLOAD_UINT, natural, ..none },
            Token::Float(number) => Self { kind: Kind::CHINWAG_PAYLOAD_FLOAT, number, ..none },
            Token::Text(text) => Self {
                kind: Kind::CHINWAG_PAYLOAD_TEXT,
                text: text.as_ptr().cast(),
                count: text.len(),
                ..none
            },
            Token::Bytes(bytes) => Self {
                kind: Kind::CHINWAG_PAYLOAD_BYTES,
                bytes: bytes.as_ptr(),
                count: bytes.len(),
                ..none
            },
            Token::Array(count) => Self { kind: Kind::CHINWAG_PAYLOAD_ARRAY, count, ..none },
            Token::Map(count) => Self { kind: Kind::CHINWAG_PAYLOAD_MAP, count, ..none },
            Token::Timestamp { secs, nanos } => {
                Self { kind: Kind::CHINWAG_PAYLOAD_TIMESTAMP, integer: secs, nanos, ..none }
            }
        }
    }
}

/// A value of which nothing was written.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_new() -> Option<Box<Payload>> {
    value(None, || Some(Box::new(Payload { state: State::default() })))
}

/// Frees a value. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_free(payload: Option<Box<Payload>>) {
    value((), || drop(payload));
}

/// Nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_nil(payload: Option<&mut Payload>) -> Status {
    status(None, || given(payload, "payload")?.put(Writer::nil))
}

/// True or false.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_bool(payload: Option<&mut Payload>, flag: bool) -> Status {
    status(None, || given(payload, "payload")?.put(|writer| writer.bool(flag)))
}

/// An integer.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_int(payload: Option<&mut Payload>, integer: i64) -> Status {
    status(None, || given(payload, "payload")?.put(|writer| writer.int(integer)))
}

/// An integer that is not negative.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_uint(payload: Option<&mut Payload>, natural: u64) -> Status {
    status(None, || given(payload, "payload")?.put(|writer| writer.uint(natural)))
}

/// A float. Every NaN becomes the same one.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_float(payload: Option<&mut Payload>, number: f64) -> Status {
    status(None, || given(payload, "payload")?.put(|writer| writer.float(number)))
}

/// A text of `count` bytes; there may be zero bytes in it. CHINWAG_ECODEC for what is no UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_text(
    payload: Option<&mut Payload>,
    text: *const c_char,
    count: usize,
) -> Status {
    status(None, || {
        given(payload, "payload")?.put(|writer| {
            // SAFETY: C passes NULL, or so many bytes that stay as they are until the call returns.
            let text = unsafe { items(text.cast::<u8>(), count, "text") }?;
            writer.text(utf8(writer, text)?)
        })
    })
}

/// The key of the value that comes next in a map, of `count` bytes. The keys of a map differ.
/// CHINWAG_ECODEC for what is no UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_key(
    payload: Option<&mut Payload>,
    key: *const c_char,
    count: usize,
) -> Status {
    status(None, || {
        given(payload, "payload")?.put(|writer| {
            // SAFETY: C passes NULL, or so many bytes that stay as they are until the call returns.
            let key = unsafe { items(key.cast::<u8>(), count, "key") }?;
            writer.key(utf8(writer, key)?)
        })
    })
}

/// Bytes. NULL is allowed for none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_octets(
    payload: Option<&mut Payload>,
    bytes: *const u8,
    count: usize,
) -> Status {
    status(None, || {
        given(payload, "payload")?.put(|writer| {
            // SAFETY: C passes NULL, or so many bytes that stay as they are until the call returns.
            writer.bytes(unsafe { items(bytes, count, "bytes") }?)
        })
    })
}

/// A list of `count` values, which come next.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_array(payload: Option<&mut Payload>, count: usize) -> Status {
    status(None, || given(payload, "payload")?.put(|writer| writer.array(count)))
}

/// A map of `count` pairs, which come next: a chinwag_payload_key() and a value each.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_map(payload: Option<&mut Payload>, count: usize) -> Status {
    status(None, || given(payload, "payload")?.put(|writer| writer.map(count)))
}

/// A point in time: seconds since 1970 in UTC, and nanoseconds after that, below 1,000,000,000.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_timestamp(
    payload: Option<&mut Payload>,
    secs: i64,
    nanos: u32,
) -> Status {
    status(None, || given(payload, "payload")?.put(|writer| writer.timestamp(secs, nanos)))
}

/// The bytes of a value that is whole, borrowed until it is freed, or written to again.
///
/// CHINWAG_ECODEC when something is missing, when a key comes twice, and for whatever else went
/// wrong before; the message has the place, such as `$.items[3].price`.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_bytes(
    payload: Option<&mut Payload>,
    bytes: Option<&mut MaybeUninit<*const u8>>,
    count: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (bytes, count) = (given(bytes, "bytes")?, given(count, "count")?);
        let whole = given(payload, "payload")?.whole()?;
        bytes.write(whole.as_ptr());
        count.write(whole.len());
        Ok(())
    })
}

/// A reader of `count` bytes, which must stay as they are until it is freed. NULL when `bytes` is
/// NULL and `count` is not 0.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_reader_new(
    bytes: *const u8,
    count: usize,
) -> Option<Box<PayloadReader>> {
    value(None, || {
        // SAFETY: C passes NULL, or so many bytes, and the header says how long they have to stay.
        let bytes: &'static [u8] = unsafe { items(bytes, count, "bytes") }.ok()?;
        Some(Box::new(PayloadReader { reader: Reader::new(bytes), failure: None }))
    })
}

/// Frees a reader. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_reader_free(reader: Option<Box<PayloadReader>>) {
    value((), || drop(reader));
}

/// The part that comes next; after the last one CHINWAG_PAYLOAD_END, each time.
///
/// CHINWAG_ECODEC for bytes that are no payload; the message has the place, and every further call
/// the same error. All containers within
/// each other together never announce more values than there are bytes, and go 64 deep at most.
/// That nothing follows the value is known with its last part, that the keys of a map differ behind
/// its last value.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_read(
    reader: Option<&mut PayloadReader>,
    part: Option<&mut MaybeUninit<PayloadPart>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (reader, part) = (given(reader, "reader")?, given(part, "part")?);
        part.write(reader.read()?);
        Ok(())
    })
}

/// The error of a reader for what is valid and yet not what the program expects, at the part that
/// was read last: CHINWAG_ECODEC with the place. `why` says what is wrong with it.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_payload_wrong(
    reader: Option<&PayloadReader>,
    why: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // SAFETY: C passes NULL or text.
        let why = unsafe { crate::ffi::text(why, "why") }?;
        Err(given(reader, "reader")?.reader.wrong(why))
    })
}

fn utf8<'a>(writer: &Writer, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|_| writer.wrong("a text that is no UTF-8"))
}
