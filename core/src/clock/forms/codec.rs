//! Numbers, and names that share their beginning with the name before.

use super::super::actors::ACTOR_MAX;
use crate::error::{Error, ErrorKind, Result};

/// The first byte of each form: its kind, and in the lower half its version.
pub(super) mod head {
    pub(in super::super) const CLOCK: u8 = 0x11;
    pub(in super::super) const STAMPED: u8 = 0x21;
    pub(in super::super) const FOLDED: u8 = 0x31;
    pub(in super::super) const SIBLINGS: u8 = 0x41;
    pub(in super::super) const DENSE: u8 = 0x51;
    pub(in super::super) const RETIRED: u8 = 0x61;
}

/// A length that does not fit into half a byte.
const LONG: usize = 15;

/// Writes a number in groups of 7 bits, the lowest first; all but the last have their high bit set.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Writes a name: how many bytes it shares with the one before and how many follow, in a byte if
/// both are small, and those that follow.
pub(super) fn put_name(out: &mut Vec<u8>, before: &str, name: &str) {
    let same = |(a, b): &(u8, u8)| a == b;
    let shared = before.bytes().zip(name.bytes()).take_while(same).count();
    put_suffix(out, shared, &name.as_bytes()[shared..]);
}

/// Writes a name of which the one before has so many bytes, and these follow.
pub(super) fn put_suffix(out: &mut Vec<u8>, shared: usize, suffix: &[u8]) {
    let fresh = suffix.len();
    out.push((shared.min(LONG) << 4 | fresh.min(LONG)) as u8);
    for length in [shared, fresh].into_iter().filter(|length| *length >= LONG) {
        put_number(out, (length - LONG) as u64);
    }
    out.extend_from_slice(suffix);
}

/// Bytes from outside, read once from their beginning.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// What they should be, for errors.
    what: &'static str,
    /// The name that was read last.
    name: Vec<u8>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, what, name: Vec::new() }
    }

    /// An error that says why this is none.
    pub(super) fn wrong(&self, why: &str) -> Error {
        let message = format!("the bytes are no {}: {why}, at byte {}", self.what, self.at);
        Error::new(ErrorKind::BadArgument, message)
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let taken = self.rest().get(..count).ok_or_else(|| self.wrong("they end too early"))?;
        self.at += count;
        Ok(taken)
    }

    pub(super) fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if byte == 0 && shift > 0 {
                return Err(self.wrong("a number is longer than it needs to be"));
            }
            if shift == 63 && byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.wrong("a number is larger than 64 bits"))
    }

    /// How many things of at least so many bytes each follow.
    pub(super) fn count(&mut self, bytes_each: usize) -> Result<usize> {
        let count = self.number()?;
        let room = self.rest().len() / bytes_each;
        let fits = usize::try_from(count).ok().filter(|count| *count <= room);
        fits.ok_or_else(|| self.wrong("it announces more than there is"))
    }

    /// The name after the one before it.
    pub(super) fn name(&mut self) -> Result<&str> {
        let lengths = usize::from(self.byte()?);
        let (shared, fresh) = (self.length(lengths >> 4)?, self.length(lengths & LONG)?);
        if shared > self.name.len() || fresh == 0 || shared + fresh > ACTOR_MAX {
            return Err(self.wrong("a name has a length that it cannot have"));
        }
        let suffix = self.take(fresh)?;
        // So it shares all that it can with the name before, and comes after it.
        if self.name.get(shared).is_some_and(|byte| suffix[0] <= *byte) {
            return Err(self.wrong("names are not in order"));
        }
        self.name.truncate(shared);
        self.name.extend_from_slice(suffix);
        std::str::from_utf8(&self.name).map_err(|_| self.wrong("a name is no UTF-8"))
    }

    /// Everything was read.
    pub(super) fn end(&self) -> Result<()> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.wrong("something follows")) }
    }

    fn length(&mut self, short: usize) -> Result<usize> {
        if short < LONG {
            return Ok(short);
        }
        let more = usize::try_from(self.number()?).ok().filter(|more| *more <= ACTOR_MAX);
        more.map(|more| LONG + more).ok_or_else(|| self.wrong("a name is too long"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(bytes: &[u8]) -> Option<u64> {
        let mut reader = Reader::new("number", bytes);
        reader.number().ok().filter(|_| reader.end().is_ok())
    }

    #[test]
    fn a_number_has_one_form() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            put_number(&mut out, value);
            assert_eq!(number(&out), Some(value));
            // One byte more or less is another number, or none.
            assert_eq!(number(&[&out[..], &[0]].concat()), None);
            assert_eq!(number(&out[..out.len() - 1]), None);
        }
        assert_eq!(number(&[0x80, 0]), None, "a zero of two bytes");
        assert_eq!(number(&[0xff; 11]), None);
        let mut large = [0xff; 10];
        large[9] = 2;
        assert_eq!(number(&large), None, "65 bits");
    }

    #[test]
    fn a_name_shares_all_that_it_can() {
        let mut out = Vec::new();
        put_name(&mut out, "", "web-1");
        put_name(&mut out, "web-1", "web-10");
        assert_eq!(out, [&[0x05][..], b"web-1", &[0x51], b"0"].concat());
        let long = "x".repeat(20);
        out.clear();
        put_name(&mut out, "", &long);
        put_name(&mut out, &long, &format!("{long}y"));
        assert_eq!(out, [&[0x0f, 5][..], long.as_bytes(), &[0xf1, 5], b"y"].concat());
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        let names = |bytes: &[u8]| {
            let mut reader = Reader::new("list", bytes);
            reader.name().map(str::to_owned).and_then(|_| reader.name().map(str::to_owned)).is_ok()
        };
        assert!(names(b"\x02ab\x11c"));
        assert!(names(b"\x02ab\x21c"));
        assert!(!names(b"\x02ab\x11a"), "not after the one before");
        assert!(!names(b"\x02ab\x11b"), "the same again");
        assert!(!names(b"\x02ab\x12bc"), "more is shared than said");
        assert!(!names(b"\x02ab\x31c"), "more is shared than there was");
        assert!(!names(b"\x02ab\x20"), "nothing follows");
        assert!(!names(b"\x11ab\x11c"), "shared with nothing");
        assert!(!names(b"\x01\xc3\x01\xc4"), "no UTF-8");
        assert!(!names(b"\x02ab\x0f\xff\x07c"), "longer than a name can be");
    }
}
