//! Payloads. `lib/payload` goes through objects of JavaScript, and says of them in numbers, one
//! text and one run of bytes what there is; here that becomes a payload, and a payload becomes
//! that. So a value crosses the border once, and what its bytes are is known here alone.

use std::collections::BTreeMap;

use chinwag::payload::{Reader, Token, Writer, json};
use chinwag::{Error, ErrorKind, Payload};
use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Float64ArraySlice, Uint8ArraySlice};
use napi_derive::napi;

use crate::error::{Result, broken, failure};

/// What there is, each a number, and after it numbers that belong to it; as in `lib/payload`.
/// Lengths of texts are in UTF-16 units.
mod op {
    pub(super) const NIL: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    /// The number.
    pub(super) const INT: u8 = 3;
    /// Of a bigint: the upper half with its sign, and the lower half.
    pub(super) const LONG: u8 = 4;
    /// The same without a sign.
    pub(super) const UNSIGNED: u8 = 5;
    /// The number.
    pub(super) const FLOAT: u8 = 6;
    /// The length.
    pub(super) const TEXT: u8 = 7;
    pub(super) const KEY: u8 = 8;
    pub(super) const BYTES: u8 = 9;
    pub(super) const ARRAY: u8 = 10;
    pub(super) const MAP: u8 = 11;
    /// The milliseconds of a `Date`.
    pub(super) const TIME: u8 = 12;
    /// What has no encoding: the length of the text that says so.
    pub(super) const WRONG: u8 = 13;
    /// A key that came before, the how-manieth of those of the payload that differ.
    pub(super) const SAME_KEY: u8 = 14;
}

/// The largest integer that a number of JavaScript holds with all before it.
const SAFE: u64 = (1 << 53) - 1;
/// The largest distance of a `Date` from 1970, in milliseconds.
const DATE_MAX: i64 = 8_640_000_000_000_000;

/// What a payload has, as this module and `lib/payload` say it.
#[napi(object, object_from_js = false)]
pub struct Parts<'env> {
    /// What there is.
    pub ops: Float64ArraySlice<'env>,
    /// All texts, one behind the other.
    pub text: String,
    /// All bytes, one behind the other.
    pub bytes: BufferSlice<'env>,
}

/// The payload of what there is.
#[napi(catch_unwind)]
pub fn encode_payload<'env>(
    env: &'env Env,
    ops: Float64ArraySlice<'_>,
    text: String,
    bytes: Uint8ArraySlice<'_>,
) -> Result<BufferSlice<'env>> {
    let payload = Said::new(&ops, &text, &bytes).value().map_err(failure)?;
    BufferSlice::copy_from(env, payload).map_err(broken)
}

/// What there is in a payload.
#[napi(catch_unwind)]
pub fn decode_payload<'env>(env: &'env Env, payload: Uint8ArraySlice<'_>) -> Result<Parts<'env>> {
    let mut told = Told::default();
    told.value(&payload).map_err(failure)?;
    told.parts(env)
}

/// What is told of each of several things; nothing of none.
pub(crate) fn all<'env, T>(
    env: &'env Env,
    things: &[T],
    tell: impl Fn(&mut Told, &T),
) -> Result<Option<Parts<'env>>> {
    let mut told = Told::default();
    things.iter().for_each(|thing| tell(&mut told, thing));
    Some(told).filter(|told| !told.is_empty()).map(|told| told.parts(env)).transpose()
}

/// What is left to say: of a value, or of a message before its value.
pub(crate) struct Said<'a> {
    ops: std::slice::Iter<'a, f64>,
    text: &'a str,
    bytes: &'a [u8],
}

impl<'a> Said<'a> {
    pub(crate) fn new(ops: &'a [f64], text: &'a str, bytes: &'a [u8]) -> Self {
        Self { ops: ops.iter(), text, bytes }
    }

    pub(crate) fn number(&mut self) -> chinwag::Result<f64> {
        self.ops.next().copied().ok_or_else(unsaid)
    }

    /// A text of so many units.
    pub(crate) fn text(&mut self) -> chinwag::Result<&'a str> {
        let mut units = self.number()? as usize;
        // Most are ASCII, whose units are bytes.
        let is_ascii = |text: &&str| text.is_ascii();
        let end = match self.text.get(..units).filter(is_ascii) {
            Some(_) => units,
            None => {
                let whole = |(_, letter): &(usize, char)| {
                    let before = units;
                    units = units.saturating_sub(letter.len_utf16());
                    before > 0
                };
                let last = self.text.char_indices().take_while(whole).last();
                last.map_or(0, |(at, letter)| at + letter.len_utf8())
            }
        };
        let (text, rest) = self.text.split_at_checked(end).ok_or_else(unsaid)?;
        self.text = rest;
        Ok(text)
    }

    fn bytes(&mut self) -> chinwag::Result<&'a [u8]> {
        let count = self.number()? as usize;
        let (bytes, rest) = self.bytes.split_at_checked(count).ok_or_else(unsaid)?;
        self.bytes = rest;
        Ok(bytes)
    }

    /// The halves of a bigint.
    fn halves(&mut self) -> chinwag::Result<(i64, i64)> {
        Ok((self.number()? as i64, self.number()? as i64))
    }

    /// The bytes of the value that is left.
    fn value(&mut self) -> chinwag::Result<Vec<u8>> {
        let mut writer = Writer::new();
        while let Some(op) = self.ops.next() {
            put(&mut writer, *op as u8, self)?;
        }
        writer.finish()
    }

    /// The payload that is left: how it is encoded, and a value, or bytes as they are.
    pub(crate) fn payload(&mut self) -> chinwag::Result<Payload> {
        let codec = self.number()? as u8;
        let bytes = match codec {
            Payload::MSGPACK => self.value()?,
            Payload::JSON => json::from_msgpack(&self.value()?)?.into_bytes(),
            _ => self.bytes.to_vec(),
        };
        Ok(Payload { codec, bytes })
    }
}

/// The two sides do not speak of the same.
fn unsaid() -> Error {
    Error::new(ErrorKind::Internal, "lib/payload says less than it announces")
}

fn put(writer: &mut Writer, op: u8, said: &mut Said<'_>) -> chinwag::Result<()> {
    match op {
        op::NIL => writer.nil(),
        op::FALSE => writer.bool(false),
        op::TRUE => writer.bool(true),
        op::INT => writer.int(said.number()? as i64),
        op::LONG => {
            let (upper, lower) = said.halves()?;
            writer.int(upper << 32 | lower)
        }
        op::UNSIGNED => {
            let (upper, lower) = said.halves()?;
            writer.uint((upper as u64) << 32 | lower as u64)
        }
        op::FLOAT => writer.float(said.number()?),
        op::TEXT => writer.text(said.text()?),
        op::KEY => writer.key(said.text()?),
        op::BYTES => writer.bytes(said.bytes()?),
        op::ARRAY => writer.array(said.number()? as usize),
        op::MAP => writer.map(said.number()? as usize),
        op::TIME => {
            let ms = said.number()? as i64;
            let nanos = ms.rem_euclid(1_000) as u32 * 1_000_000;
            writer.timestamp(ms.div_euclid(1_000), nanos)
        }
        op::WRONG => Err(writer.wrong(said.text()?)),
        _ => Err(unsaid()),
    }
}

/// What is said of payloads, and of what comes with them: one value behind the other.
#[derive(Default)]
pub(crate) struct Told {
    ops: Vec<f64>,
    text: String,
    /// Of the text, in UTF-16.
    units: usize,
    bytes: Vec<u8>,
    /// What is not taken back by a reset.
    kept: Lengths,
}

/// How much is told.
#[derive(Clone, Copy, Default)]
struct Lengths {
    ops: usize,
    text: usize,
    units: usize,
    bytes: usize,
}

/// Where a value begins in what is told.
#[napi(object, object_from_js = false)]
#[derive(Clone, Copy)]
pub struct Place {
    /// Its first number.
    pub op: f64,
    /// Its first unit of text.
    pub unit: f64,
    /// Its first byte.
    pub byte: f64,
}

impl Told {
    /// Whether there is nothing.
    pub(crate) const fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Hands everything to JavaScript.
    pub(crate) fn parts(self, env: &Env) -> Result<Parts<'_>> {
        Ok(Parts {
            ops: Float64ArraySlice::from_data(env, self.ops).map_err(broken)?,
            text: self.text,
            bytes: BufferSlice::copy_from(env, self.bytes).map_err(broken)?,
        })
    }

    pub(crate) fn number(&mut self, number: f64) {
        self.ops.push(number);
    }

    /// A text, its length before it.
    pub(crate) fn text(&mut self, text: &str) {
        let units = if text.is_ascii() { text.len() } else { text.encode_utf16().count() };
        self.ops.push(units as f64);
        self.units += units;
        self.text.push_str(text);
    }

    /// Bytes, their length before them.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.ops.push(bytes.len() as f64);
        self.bytes.extend_from_slice(bytes);
    }

    /// What is told from now on is taken back by [`Told::reset`].
    pub(crate) fn mark(&mut self) {
        self.kept = self.lengths();
    }

    /// Takes back what was told since the mark.
    pub(crate) fn reset(&mut self) {
        self.cut(self.kept);
    }

    fn lengths(&self) -> Lengths {
        let (ops, text) = (self.ops.len(), self.text.len());
        Lengths { ops, text, units: self.units, bytes: self.bytes.len() }
    }

    fn cut(&mut self, to: Lengths) {
        self.ops.truncate(to.ops);
        self.text.truncate(to.text);
        self.units = to.units;
        self.bytes.truncate(to.bytes);
    }

    /// The value of a payload, and where it is; nothing of one that cannot be read.
    pub(crate) fn payload(&mut self, payload: &Payload) -> chinwag::Result<Place> {
        let before = self.lengths();
        self.opened(payload).inspect_err(|_| self.cut(before))?;
        let Lengths { ops, units, bytes, .. } = before;
        Ok(Place { op: ops as f64, unit: units as f64, byte: bytes as f64 })
    }

    /// Whether the payload can be read, and its value; or why it cannot.
    pub(crate) fn payload_or_why(&mut self, payload: &Payload) {
        self.number(1.0);
        if let Err(error) = self.payload(payload) {
            self.ops.pop();
            self.number(0.0);
            self.text(error.message());
        }
    }

    fn opened(&mut self, payload: &Payload) -> chinwag::Result<()> {
        match payload.codec {
            Payload::MSGPACK => self.value(&payload.bytes),
            Payload::JSON => match std::str::from_utf8(&payload.bytes) {
                Ok(text) => self.value(&json::to_msgpack(text)?),
                Err(_) => Err(Error::new(ErrorKind::Codec, "JSON that is no UTF-8")),
            },
            Payload::RAW | Payload::USER.. => {
                self.op(op::BYTES);
                self.bytes(&payload.bytes);
                Ok(())
            }
            other => {
                let what = "which Node.js has not; ask for \"msgpack\", \"json\" or \"raw\"";
                Err(Error::new(ErrorKind::Codec, format!("it was sent with codec {other}, {what}")))
            }
        }
    }

    /// What there is in a payload of MessagePack.
    fn value(&mut self, payload: &[u8]) -> chinwag::Result<()> {
        tell(&mut Reader::new(payload), self, &mut BTreeMap::new())
    }

    fn op(&mut self, op: u8) {
        self.ops.push(op.into());
    }

    fn one(&mut self, op: u8, number: f64) {
        self.ops.extend_from_slice(&[op.into(), number]);
    }

    fn halves(&mut self, op: u8, upper: f64, lower: u32) {
        self.ops.extend_from_slice(&[op.into(), upper, lower.into()]);
    }

    fn integer(&mut self, value: i64) {
        match value.unsigned_abs() <= SAFE {
            true => self.one(op::INT, value as f64),
            false => self.halves(op::LONG, (value >> 32) as f64, value as u32),
        }
    }

    fn letters(&mut self, op: u8, text: &str) {
        self.op(op);
        self.text(text);
    }
}

/// Tells the value that comes next. The keys that were told have numbers: a list of records has the
/// same ones over and over, and to make a property's name costs more than all else of it.
fn tell<'a>(
    reader: &mut Reader<'a>,
    told: &mut Told,
    keys: &mut BTreeMap<&'a str, usize>,
) -> chinwag::Result<()> {
    match reader.token()? {
        Token::Nil => told.op(op::NIL),
        Token::Bool(false) => told.op(op::FALSE),
        Token::Bool(true) => told.op(op::TRUE),
        Token::Int(value) => told.integer(value),
        Token::Uint(value) => told.halves(op::UNSIGNED, (value >> 32) as f64, value as u32),
        Token::Float(value) => told.one(op::FLOAT, value),
        Token::Text(text) => told.letters(op::TEXT, text),
        Token::Bytes(bytes) => {
            told.op(op::BYTES);
            told.bytes(bytes);
        }
        Token::Array(len) => {
            told.one(op::ARRAY, len as f64);
            return (0..len).try_for_each(|_| tell(reader, told, keys));
        }
        Token::Map(len) => {
            told.one(op::MAP, len as f64);
            for _ in 0..len {
                let (key, fresh) = (reader.key()?, keys.len());
                match *keys.entry(key).or_insert(fresh) {
                    number if number == fresh => told.letters(op::KEY, key),
                    number => told.one(op::SAME_KEY, number as f64),
                }
                tell(reader, told, keys)?;
            }
        }
        Token::Timestamp { secs, nanos } => {
            let why = || format!("a Date cannot hold {secs} s and {nanos} ns since 1970");
            let ms = date(secs, nanos).ok_or_else(|| reader.wrong(&why()))?;
            told.one(op::TIME, ms as f64);
        }
    }
    Ok(())
}

/// The milliseconds of a `Date`, if it can hold that.
fn date(secs: i64, nanos: u32) -> Option<i64> {
    let whole = nanos.is_multiple_of(1_000_000).then_some(i64::from(nanos / 1_000_000))?;
    let ms = secs.checked_mul(1_000)?.checked_add(whole)?;
    (-DATE_MAX..=DATE_MAX).contains(&ms).then_some(ms)
}
