//! Payloads. `lib/payload` goes through objects of JavaScript, and says of them in numbers, one
//! text and one run of bytes what there is; here that becomes a payload, and a payload becomes
//! that. So a value crosses the border once, and what its bytes are is known here alone.

use std::collections::BTreeMap;

use chinwag::payload::{Reader, Token, Writer};
use chinwag::{Error, ErrorKind};
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
    /// A key that came before, the how-manieth of those that differ.
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
    let payload = encode(&ops, &text, &bytes).map_err(failure)?;
    BufferSlice::copy_from(env, payload).map_err(broken)
}

/// What there is in a payload.
#[napi(catch_unwind)]
pub fn decode_payload<'env>(env: &'env Env, payload: Uint8ArraySlice<'_>) -> Result<Parts<'env>> {
    let parts = decode(&payload).map_err(failure)?;
    Ok(Parts {
        ops: Float64ArraySlice::from_data(env, parts.ops).map_err(broken)?,
        text: parts.text,
        bytes: BufferSlice::copy_from(env, parts.bytes).map_err(broken)?,
    })
}

/// What is left to say of a value.
struct Said<'a> {
    ops: std::slice::Iter<'a, f64>,
    text: &'a str,
    bytes: &'a [u8],
}

impl<'a> Said<'a> {
    fn number(&mut self) -> chinwag::Result<f64> {
        self.ops.next().copied().ok_or_else(unsaid)
    }

    /// A text of so many units.
    fn text(&mut self) -> chinwag::Result<&'a str> {
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
}

/// The two sides do not speak of the same.
fn unsaid() -> Error {
    Error::new(ErrorKind::Internal, "lib/payload says less than it announces")
}

/// The bytes of what there is.
pub(crate) fn encode(ops: &[f64], text: &str, bytes: &[u8]) -> chinwag::Result<Vec<u8>> {
    let mut writer = Writer::new();
    let mut said = Said { ops: ops.iter(), text, bytes };
    while let Some(op) = said.ops.next() {
        put(&mut writer, *op as u8, &mut said)?;
    }
    writer.finish()
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

/// What is said of a payload.
#[derive(Default)]
pub(crate) struct Told {
    ops: Vec<f64>,
    text: String,
    bytes: Vec<u8>,
}

impl Told {
    fn op(&mut self, op: u8, numbers: &[f64]) {
        self.ops.push(op.into());
        self.ops.extend_from_slice(numbers);
    }

    fn text(&mut self, op: u8, text: &str) {
        let units = if text.is_ascii() { text.len() } else { text.encode_utf16().count() };
        self.op(op, &[units as f64]);
        self.text.push_str(text);
    }

    fn unsigned(&mut self, value: u64) {
        self.op(op::UNSIGNED, &[(value >> 32) as f64, f64::from(value as u32)]);
    }

    fn integer(&mut self, value: i64) {
        match value.unsigned_abs() <= SAFE {
            true => self.op(op::INT, &[value as f64]),
            false => self.op(op::LONG, &[(value >> 32) as f64, f64::from(value as u32)]),
        }
    }
}

/// What there is in a payload.
pub(crate) fn decode(payload: &[u8]) -> chinwag::Result<Told> {
    let mut told = Told::default();
    tell(&mut Reader::new(payload), &mut told, &mut BTreeMap::new())?;
    Ok(told)
}

/// Tells the value that comes next. The keys that were told have numbers: a list of records has the
/// same ones over and over, and to make a property's name costs more than all else of it.
fn tell<'a>(
    reader: &mut Reader<'a>,
    told: &mut Told,
    keys: &mut BTreeMap<&'a str, usize>,
) -> chinwag::Result<()> {
    match reader.token()? {
        Token::Nil => told.op(op::NIL, &[]),
        Token::Bool(false) => told.op(op::FALSE, &[]),
        Token::Bool(true) => told.op(op::TRUE, &[]),
        Token::Int(value) => told.integer(value),
        Token::Uint(value) => told.unsigned(value),
        Token::Float(value) => told.op(op::FLOAT, &[value]),
        Token::Text(text) => told.text(op::TEXT, text),
        Token::Bytes(bytes) => {
            told.op(op::BYTES, &[bytes.len() as f64]);
            told.bytes.extend_from_slice(bytes);
        }
        Token::Array(len) => {
            told.op(op::ARRAY, &[len as f64]);
            return (0..len).try_for_each(|_| tell(reader, told, keys));
        }
        Token::Map(len) => {
            told.op(op::MAP, &[len as f64]);
            for _ in 0..len {
                let (key, fresh) = (reader.key()?, keys.len());
                match *keys.entry(key).or_insert(fresh) {
                    number if number == fresh => told.text(op::KEY, key),
                    number => told.op(op::SAME_KEY, &[number as f64]),
                }
                tell(reader, told, keys)?;
            }
        }
        Token::Timestamp { secs, nanos } => {
            let why = || format!("a Date cannot hold {secs} s and {nanos} ns since 1970");
            let ms = date(secs, nanos).ok_or_else(|| reader.wrong(&why()))?;
            told.op(op::TIME, &[ms as f64]);
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
