//! Payloads: terms as the bytes that every language reads, and back.
//!
//! An ordinary scheduler does as much as is done within a millisecond, and says `large` where there
//! is more; a dirty one then does it all. No atom is ever made.

use chinwag::payload::json::{from_msgpack, to_msgpack};
use chinwag::payload::{Reader, SIZE_MAX, Token, Writer, check};
use chinwag::{Error, ErrorKind, Result};
use rustler::types::map::MapIterator;
use rustler::{Atom, Binary, Encoder, Env, Term, TermType};

use crate::config::is_nil;
use crate::direct::Tuple;
use crate::member::bytes;
use crate::{atoms, error};

/// Bytes of a payload that an ordinary scheduler makes or reads at most. Each may be a value.
const SMALL: usize = 8_192;
/// Seconds of a day.
const DAY: i64 = 86_400;
/// The years that a `DateTime` can have, in seconds since 1970: -9999 to 9999.
const YEARS: std::ops::Range<i64> = -377_705_116_800..253_402_300_800;

/// `{:ok, payload}`, `{:error, error}`, or `large`.
#[rustler::nif]
fn payload_encode<'a>(env: Env<'a>, value: Term<'a>) -> Term<'a> {
    match encode(value, SMALL) {
        Err(error) if error.kind() == ErrorKind::TooLarge => atoms::large().encode(env),
        outcome => told(env, outcome.map(|payload| bytes(env, &payload))),
    }
}

/// `{:ok, payload}` or `{:error, error}`.
#[rustler::nif(schedule = "DirtyCpu")]
fn payload_encode_large<'a>(env: Env<'a>, value: Term<'a>) -> Term<'a> {
    told(env, encode(value, SIZE_MAX).map(|payload| bytes(env, &payload)))
}

/// `{:ok, value}`, `{:error, error}`, or `large`.
#[rustler::nif]
fn payload_decode<'a>(env: Env<'a>, payload: Term<'a>) -> Term<'a> {
    match payload.decode::<Binary<'_>>() {
        Ok(payload) if payload.len() > SMALL => atoms::large().encode(env),
        _ => told(env, decoded(env, payload)),
    }
}

/// `{:ok, value}` or `{:error, error}`.
#[rustler::nif(schedule = "DirtyCpu")]
fn payload_decode_large<'a>(env: Env<'a>, payload: Term<'a>) -> Term<'a> {
    told(env, decoded(env, payload))
}

/// The JSON text of a payload: `{:ok, text}`, `{:error, error}`, or `large`.
#[rustler::nif]
fn payload_to_json<'a>(env: Env<'a>, payload: Binary<'a>) -> Term<'a> {
    match payload.len() > SMALL {
        true => atoms::large().encode(env),
        false => to_json(env, &payload),
    }
}

/// As `payload_to_json`, however long.
#[rustler::nif(schedule = "DirtyCpu")]
fn payload_to_json_large<'a>(env: Env<'a>, payload: Binary<'a>) -> Term<'a> {
    to_json(env, &payload)
}

fn to_json<'a>(env: Env<'a>, payload: &[u8]) -> Term<'a> {
    told(env, from_msgpack(payload).map(|text| bytes(env, text.as_bytes())))
}

/// The value of a JSON text: `{:ok, value}`, `{:error, error}`, or `large`.
#[rustler::nif]
fn payload_from_json<'a>(env: Env<'a>, text: Binary<'a>) -> Term<'a> {
    match text.len() > SMALL {
        true => atoms::large().encode(env),
        false => told(env, from_json(env, &text)),
    }
}

/// As `payload_from_json`, however long.
#[rustler::nif(schedule = "DirtyCpu")]
fn payload_from_json_large<'a>(env: Env<'a>, text: Binary<'a>) -> Term<'a> {
    told(env, from_json(env, &text))
}

fn from_json<'a>(env: Env<'a>, text: &[u8]) -> Result<Term<'a>> {
    let text = std::str::from_utf8(text)
        .map_err(|_| Error::new(ErrorKind::Codec, "JSON is text in UTF-8, and this is none"))?;
    decode(env, &to_msgpack(text)?)
}

fn told<'a>(env: Env<'a>, outcome: Result<Term<'a>>) -> Term<'a> {
    match outcome {
        Ok(term) => (atoms::ok(), term).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

fn decoded<'a>(env: Env<'a>, payload: Term<'a>) -> Result<Term<'a>> {
    let given = payload.decode::<Binary<'_>>();
    let given = given.map_err(|_| {
        error::bad(format!("a payload is a binary, and not {}", error::shown(payload)))
    })?;
    decode(env, given.as_slice())
}

/// The bytes of a term, up to so many.
pub(crate) fn encode(value: Term<'_>, limit: usize) -> Result<Vec<u8>> {
    let mut put = Put { writer: Writer::onto(Vec::new(), limit), limit, is_mixed: false };
    put.any(value)?;
    let payload = put.writer.finish()?;
    if put.is_mixed {
        check(&payload)?;
    }
    Ok(payload)
}

/// The term of these bytes.
pub(crate) fn decode<'a>(env: Env<'a>, payload: &[u8]) -> Result<Term<'a>> {
    take(env, &mut Reader::new(payload))
}

struct Put {
    writer: Writer,
    limit: usize,
    /// Whether a map had atoms as keys and texts as well: two may be the same.
    is_mixed: bool,
}

impl Put {
    fn any(&mut self, value: Term<'_>) -> Result<()> {
        match value.get_type() {
            TermType::Binary => {
                let text = self.text(value)?;
                self.writer.text(text)
            }
            TermType::Integer => self.integer(value),
            TermType::Atom => self.atom(value),
            TermType::Float => {
                let float = value.decode().map_err(|_| self.writer.wrong("no float"))?;
                self.writer.float(float)
            }
            TermType::Map => self.map(value),
            TermType::List => self.list(value),
            TermType::Tuple => self.tuple(value),
            other => {
                let kind = format!("{other:?}").to_lowercase();
                Err(self.writer.wrong(&format!("no encoding for a {kind}")))
            }
        }
    }

    fn text<'a>(&self, value: Term<'a>) -> Result<&'a str> {
        let Ok(binary) = value.decode::<Binary<'a>>() else {
            return Err(self.writer.wrong("no encoding for bits that are no whole bytes"));
        };
        self.fits(binary.len())?;
        std::str::from_utf8(binary.as_slice()).map_err(|_| {
            self.writer.wrong("a binary that is no UTF-8, which {:bytes, binary} is for,")
        })
    }

    /// Before a binary is looked at: so many bytes may be too many for this scheduler.
    fn fits(&self, count: usize) -> Result<()> {
        match count <= self.limit {
            true => Ok(()),
            false => {
                let message = format!("the payload has more than {} bytes", self.limit);
                Err(Error::new(ErrorKind::TooLarge, message))
            }
        }
    }

    fn integer(&mut self, value: Term<'_>) -> Result<()> {
        if let Ok(number) = value.decode::<i64>() {
            return self.writer.int(number);
        }
        match value.decode::<u64>() {
            Ok(number) => self.writer.uint(number),
            Err(_) => {
                let bits = bits(value.to_binary().as_slice());
                Err(self.writer.wrong(&format!("no encoding for an integer of {bits} bits")))
            }
        }
    }

    fn atom(&mut self, value: Term<'_>) -> Result<()> {
        if let Ok(flag) = value.decode::<bool>() {
            return self.writer.bool(flag);
        }
        match is_nil(value) {
            true => self.writer.nil(),
            false => {
                let name = self.name(value)?;
                self.writer.text(&name)
            }
        }
    }

    fn name(&self, atom: Term<'_>) -> Result<String> {
        atom.atom_to_string().map_err(|_| self.writer.wrong("an atom without a name"))
    }

    /// A list is as long as it is found to be: to count it takes time as well.
    fn list(&mut self, mut list: Term<'_>) -> Result<()> {
        self.writer.begin_array()?;
        while let Ok((head, tail)) = list.list_get_cell() {
            self.any(head)?;
            list = tail;
        }
        match list.is_empty_list() {
            true => self.writer.end(),
            false => Err(self.writer.wrong("the end of a list that is no list")),
        }
    }

    fn tuple(&mut self, value: Term<'_>) -> Result<()> {
        let items = Tuple::of(value).map(Tuple::items).unwrap_or_default();
        let env = value.get_env();
        if let [tag, binary] = items
            && tag.term(env) == atoms::bytes().to_term(env)
        {
            let Ok(binary) = binary.term(env).decode::<Binary<'_>>() else {
                return Err(self.writer.wrong("{:bytes, _} without a binary"));
            };
            self.fits(binary.len())?;
            return self.writer.bytes(binary.as_slice());
        }
        self.writer.array(items.len())?;
        items.iter().try_for_each(|item| self.any(item.term(env)))
    }

    fn map(&mut self, map: Term<'_>) -> Result<()> {
        if let Ok(module) = map.map_get(atoms::__struct__()) {
            return self.structure(map, module);
        }
        self.writer.map(map.map_size().unwrap_or_default())?;
        let (mut atoms, mut texts) = (false, false);
        for (key, value) in MapIterator::new(map).into_iter().flatten() {
            match key.get_type() {
                TermType::Binary => {
                    texts = true;
                    let key = self.text(key)?;
                    self.writer.key(key)?;
                }
                TermType::Atom if !is_nil(key) && key.decode::<bool>().is_err() => {
                    atoms = true;
                    let key = self.name(key)?;
                    self.writer.key(&key)?;
                }
                _ => {
                    let why = format!("a key of a map that is no text, but {},", error::shown(key));
                    return Err(self.writer.wrong(&why));
                }
            }
            self.any(value)?;
        }
        self.is_mixed |= atoms && texts;
        Ok(())
    }

    fn structure<'a>(&mut self, map: Term<'a>, module: Term<'a>) -> Result<()> {
        if module == atoms::date_time().to_term(map.get_env()) {
            let Some((secs, nanos)) = point(map) else {
                return Err(self.writer.wrong("no encoding for a DateTime that is none of ISO's"));
            };
            return self.writer.timestamp(secs, nanos);
        }
        let name = module.atom_to_string().unwrap_or_else(|_| "no module".to_owned());
        let name = name.strip_prefix("Elixir.").unwrap_or(&name);
        Err(self.writer.wrong(&format!("no encoding for a struct of {name}")))
    }
}

/// Bits that an integer takes, that of its sign among them, by Erlang's external format: a version,
/// a tag, a length of one byte or four, the sign, and the bytes, the lowest first.
fn bits(external: &[u8]) -> usize {
    let (sign, magnitude) = match external {
        [_, 110, _, sign, magnitude @ ..] => (*sign, magnitude),
        [_, 111, _, _, _, _, sign, magnitude @ ..] => (*sign, magnitude),
        _ => return 0,
    };
    let Some((top, below)) = magnitude.split_last() else { return 0 };
    let bits = 8 * magnitude.len() - top.leading_zeros() as usize;
    let is_power = top.is_power_of_two() && below.iter().all(|byte| *byte == 0);
    bits + usize::from(sign == 1 && !is_power)
}

/// Seconds and nanoseconds of a `DateTime`.
fn point(time: Term<'_>) -> Option<(i64, u32)> {
    let field = |name: Atom| time.map_get(name).ok();
    let number = |name: Atom| field(name)?.decode::<i64>().ok();
    if field(atoms::calendar())? != atoms::iso().to_term(time.get_env()) {
        return None;
    }
    let days = days(number(atoms::year())?, number(atoms::month())?, number(atoms::day())?)?;
    let (hour, minute) = (number(atoms::hour())?, number(atoms::minute())?);
    let clock = hour.checked_mul(3_600)?.checked_add(minute.checked_mul(60)?)?;
    let clock = clock.checked_add(number(atoms::second())?)?;
    let offset = number(atoms::utc_offset())?.checked_add(number(atoms::std_offset())?)?;
    let (micros, _): (u32, u32) = field(atoms::microsecond())?.decode().ok()?;
    let secs = (days * DAY).checked_add(clock)?.checked_sub(offset)?;
    Some((secs, micros.checked_mul(1_000).filter(|nanos| *nanos < 1_000_000_000)?))
}

/// Days from 1970 to a day of the Gregorian calendar. Years are counted from March, so that the
/// day that some have comes last.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_one = (-9_999..=9_999).contains(&year) && (1..=12).contains(&month);
    if !is_one || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// The year, the month and the day that so many days after 1970 are.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn take<'a>(env: Env<'a>, reader: &mut Reader<'_>) -> Result<Term<'a>> {
    Ok(match reader.token()? {
        Token::Nil => atoms::nil().encode(env),
        Token::Bool(flag) => flag.encode(env),
        Token::Int(number) => number.encode(env),
        Token::Uint(number) => number.encode(env),
        Token::Float(number) if number.is_finite() => number.encode(env),
        Token::Float(number) => {
            return Err(reader.wrong(&format!("a float of Erlang cannot hold {number}")));
        }
        Token::Text(text) => bytes(env, text.as_bytes()),
        Token::Bytes(binary) => (atoms::bytes(), bytes(env, binary)).encode(env),
        Token::Array(len) => {
            let mut items = Vec::with_capacity(len);
            for _ in 0..len {
                items.push(take(env, reader)?);
            }
            items.encode(env)
        }
        Token::Map(len) => {
            let (mut keys, mut values) = (Vec::with_capacity(len), Vec::with_capacity(len));
            for _ in 0..len {
                keys.push(bytes(env, reader.key()?.as_bytes()));
                values.push(take(env, reader)?);
            }
            let map = Term::map_from_term_arrays(env, &keys, &values);
            map.map_err(|_| reader.wrong("a key comes twice in a map"))?
        }
        Token::Timestamp { secs, nanos } => time(env, secs, nanos).ok_or_else(|| {
            let why = format!("a DateTime cannot hold {secs} s and {nanos} ns since 1970");
            reader.wrong(&why)
        })?,
    })
}

/// A `DateTime` in UTC, with as many digits as it needs: none, 3 or 6.
fn time(env: Env<'_>, secs: i64, nanos: u32) -> Option<Term<'_>> {
    if !YEARS.contains(&secs) || !nanos.is_multiple_of(1_000) {
        return None;
    }
    let precision = match nanos {
        0 => 0,
        nanos if nanos.is_multiple_of(1_000_000) => 3,
        _ => 6,
    };
    let ((year, month, day), clock) = (civil(secs.div_euclid(DAY)), secs.rem_euclid(DAY));
    Some(rustler::term_map!(env, {
        atoms::__struct__() => atoms::date_time(),
        atoms::calendar() => atoms::iso(),
        atoms::year() => year,
        atoms::month() => month,
        atoms::day() => day,
        atoms::hour() => clock / 3_600,
        atoms::minute() => clock / 60 % 60,
        atoms::second() => clock % 60,
        atoms::microsecond() => (nanos / 1_000, precision),
        atoms::utc_offset() => 0,
        atoms::std_offset() => 0,
        atoms::time_zone() => "Etc/UTC",
        atoms::zone_abbr() => "UTC",
    }))
}
