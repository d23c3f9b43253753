//! A ring as bytes: one form for each ring, the same in every language.
//!
//! `docs/RING.md` has it in words. It is what the ring is made from, and not its slots: whoever
//! reads it finds those out.

use std::collections::{BTreeMap, BTreeSet};

use super::spec::{NODES_MAX, OVERRIDES_MAX, Profile, RingNode, Spec, at_most, bad};
use super::{Overrides, Ring};
use crate::error::Result;

/// The first byte.
const VERSION: u8 = 1;
/// What stands for the profiles.
const SLOTS: u8 = 0;
const KETAMA: u8 = 1;
const CLUSTERLUCK: u8 = 2;
/// The bit of the flags for hash tags.
const HASH_TAGS: u8 = 1;

impl Ring {
    /// The ring as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.spec.to_bytes()
    }

    /// The ring of these bytes.
    ///
    /// # Errors
    ///
    /// `bad_argument` for bytes that [`to_bytes`](Self::to_bytes) would not give, `too_large` for
    /// more than a ring can have. Nothing is allocated for what the bytes only announce; but a ring
    /// is built, and a few thousand bytes can be one of 800 million bids, which are six to ten
    /// seconds of one core.
    /// [`Builder::from_bytes`](super::Builder::from_bytes) looks at bytes of strangers first.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Self::from_spec(Spec::from_bytes(bytes)?, None))
    }
}

impl Spec {
    /// What a ring of these bytes is made from.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let spec = Reader { bytes }.spec().ok_or_else(|| {
            bad("these are not the bytes of a ring, or they are of a later version".to_owned())
        })??;
        spec.check()?;
        Ok(spec)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.canonical();
        bytes.push(self.replicas);
        bytes
    }

    /// What decides who owns what, as bytes.
    pub(super) fn canonical(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        match self.profile {
            Profile::Slots { slots, slack } => {
                out.push(SLOTS);
                put_number(&mut out, slots.into());
                put_number(&mut out, slack.map_or(0, |slack| u64::from(slack) + 1));
            }
            Profile::Ketama => out.push(KETAMA),
            Profile::Clusterluck => out.push(CLUSTERLUCK),
        }
        out.push(if self.hash_tags { HASH_TAGS } else { 0 });
        put_number(&mut out, self.nodes.len() as u64);
        for (name, share) in &self.nodes {
            put_text(&mut out, name.as_bytes());
            put_number(&mut out, share.weight.into());
            put_text(&mut out, share.zone.as_bytes());
        }
        put_overrides(&mut out, &self.excluded, [&self.keys, &self.prefixes]);
        out
    }
}

#[cfg(any(feature = "serde", feature = "runtime", feature = "sim"))]
impl Overrides {
    /// As the part of a ring that they are, with the version before it.
    pub(crate) fn to_octets(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put_overrides(&mut out, &self.excluded, [&self.pins, &self.pin_prefixes]);
        out
    }

    /// The overrides of these bytes.
    ///
    /// # Errors
    /// `bad_argument`, `too_large`.
    pub(crate) fn of_octets(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader { bytes };
        let whole = |reader: &mut Reader<'_>| {
            (reader.byte()? == VERSION).then_some(())?;
            let overrides = reader.overrides()?;
            (overrides.is_err() || reader.bytes.is_empty()).then_some(overrides)
        };
        let wrong = || bad("these are not the bytes of the overrides of a ring".to_owned());
        whole(&mut reader).ok_or_else(wrong)??.checked()
    }
}

type Pins = BTreeMap<Vec<u8>, String>;

fn put_overrides(out: &mut Vec<u8>, excluded: &BTreeSet<String>, pins: [&Pins; 2]) {
    put_number(out, excluded.len() as u64);
    excluded.iter().for_each(|name| put_text(out, name.as_bytes()));
    for pins in pins {
        put_number(out, pins.len() as u64);
        for (key, name) in pins {
            put_text(out, key);
            put_text(out, name.as_bytes());
        }
    }
}

/// Seven bits a byte, the least first; all but the last byte have their highest bit set.
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// Bytes that are read. Nothing if they are not what they should be.
struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    fn spec(mut self) -> Option<Result<Spec>> {
        if self.byte()? != VERSION {
            return None;
        }
        let profile = match self.byte()? {
            SLOTS => {
                let (slots, slack) = (self.number()?, self.number()?);
                let (slots, slack) = (u32::try_from(slots).ok()?, u32::try_from(slack).ok()?);
                Profile::Slots { slots, slack: slack.checked_sub(1) }
            }
            KETAMA => Profile::Ketama,
            CLUSTERLUCK => Profile::Clusterluck,
            _ => return None,
        };
        let mut spec = Spec::new(profile);
        spec.hash_tags = match self.byte()? {
            0 => false,
            HASH_TAGS => true,
            _ => return None,
        };
        let mut last = None;
        for _ in 0..self.number()? {
            let name = self.name(&mut last)?;
            let weight = u32::try_from(self.number()?).ok()?;
            let zone = std::str::from_utf8(self.text()?).ok()?.to_owned();
            let added = spec.add(RingNode { name: name.to_owned(), weight, zone });
            // What is too much is not read to its end.
            if let Err(error) = added.and_then(|()| at_most(spec.nodes.len(), NODES_MAX, "nodes")) {
                return Some(Err(error));
            }
        }
        match self.overrides()? {
            Ok(Overrides { excluded, pins, pin_prefixes }) => {
                (spec.excluded, spec.keys, spec.prefixes) = (excluded, pins, pin_prefixes);
            }
            Err(error) => return Some(Err(error)),
        }
        spec.replicas = self.byte()?;
        self.bytes.is_empty().then_some(Ok(spec))
    }

    fn overrides(&mut self) -> Option<Result<Overrides>> {
        let (mut excluded, mut last) = (BTreeSet::new(), None);
        for _ in 0..self.number()? {
            excluded.insert(self.name(&mut last)?.to_owned());
            if let Err(error) = at_most(excluded.len(), OVERRIDES_MAX, "excluded names") {
                return Some(Err(error));
            }
        }
        let (mut pins, mut pin_prefixes) = (Pins::new(), Pins::new());
        for of_kind in [&mut pins, &mut pin_prefixes] {
            match self.pins()? {
                Ok(read) => *of_kind = read,
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(Overrides { excluded, pins, pin_prefixes }))
    }

    fn pins(&mut self) -> Option<Result<Pins>> {
        let mut overrides = Pins::new();
        let mut last: Option<&[u8]> = None;
        for _ in 0..self.number()? {
            let key = self.text()?;
            if last.is_some_and(|last| last >= key) {
                return None;
            }
            last = Some(key);
            let name = std::str::from_utf8(self.text()?).ok()?;
            overrides.insert(key.to_vec(), name.to_owned());
            if let Err(error) = at_most(overrides.len(), OVERRIDES_MAX, "overrides of a kind") {
                return Some(Err(error));
            }
        }
        Some(Ok(overrides))
    }

    /// A name that comes after the last one.
    fn name(&mut self, last: &mut Option<&'b str>) -> Option<&'b str> {
        let name = std::str::from_utf8(self.text()?).ok()?;
        (*last < Some(name)).then(|| *last = Some(name))?;
        Some(name)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    /// A number in its shortest form.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return (byte != 0 || shift == 0).then_some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(text)
    }
}
