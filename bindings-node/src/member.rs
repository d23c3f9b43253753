//! Members and events as three values instead of thousands: one text, one row of numbers, one run
//! of bytes. Crossing the border once a batch is what makes a burst cheap; `lib/packed.js` reads
//! them in the same order. Rings are no values of that kind and go beside them, as objects.

use std::net::SocketAddr;

use chinwag::event::Field;
use chinwag::host::{push_addr, tag_pairs};
use chinwag::ring::Ring;
use chinwag::{Event, EventKind, Member};
use napi::Env;
use napi::bindgen_prelude::{Float64ArraySlice, Uint8ArraySlice};
use napi_derive::napi;

use crate::error::{Result, broken};
use crate::ring::NativeRing;

/// The length of a text that is the same as that of the member packed just before.
const SAME: f64 = -1.0;

/// Members or events, packed. Texts are cut out of `text` by their lengths in UTF-16 units.
#[napi(object, object_from_js = false)]
pub struct Packed<'env> {
    /// All texts, one behind the other.
    pub text: String,
    /// Everything that is a number, lengths included.
    pub numbers: Float64ArraySlice<'env>,
    /// The metadata of all members, one behind the other.
    pub bytes: Uint8ArraySlice<'env>,
    /// For each change of rings that before it and that after it; null without any.
    pub rings: Option<Vec<NativeRing>>,
}

/// What is packed so far.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    text: String,
    numbers: Vec<f64>,
    bytes: Vec<u8>,
    rings: Vec<Ring>,
}

impl Packer {
    /// The number of members, then each.
    pub(crate) fn members(members: &[Member]) -> Self {
        let mut packer = Self::default();
        packer.all(members);
        packer
    }

    /// The number of events, then each.
    pub(crate) fn events(events: &[Event]) -> Self {
        let mut packer = Self::default();
        packer.number(events.len() as f64);
        for event in events {
            packer.event(event);
        }
        packer
    }

    /// Hands everything to JavaScript.
    pub(crate) fn packed(self, env: &Env) -> Result<Packed<'_>> {
        let rings = |rings: Vec<Ring>| {
            rings.into_iter().map(|ring| NativeRing::held(env, ring)).collect::<napi::Result<_>>()
        };
        let some = Some(self.rings).filter(|rings| !rings.is_empty());
        Ok(Packed {
            text: self.text,
            numbers: Float64ArraySlice::copy_from(env, &self.numbers).map_err(broken)?,
            bytes: Uint8ArraySlice::copy_from(env, &self.bytes).map_err(broken)?,
            rings: some.map(rings).transpose().map_err(broken)?,
        })
    }

    fn event(&mut self, event: &Event) {
        self.number(f64::from(event.kind.info().number));
        // Exact up to 2^53: at a million events a second, for 285 years.
        self.number(event.seq as f64);
        match &event.kind {
            EventKind::MemberUpdate { member, previous } => {
                self.member(member, None);
                self.member(previous, Some(member));
            }
            other => {
                for field in other.fields() {
                    self.field(&field);
                }
            }
        }
    }

    fn field(&mut self, field: &Field<'_>) {
        match field {
            Field::Member(member) => self.member(member, None),
            Field::Members(members) => self.all(members),
            Field::Text(text) => self.put(text),
            Field::Bytes(bytes) => {
                self.number(bytes.len() as f64);
                self.bytes.extend_from_slice(bytes);
            }
            Field::Count(count) => self.number(*count as f64),
            Field::Flag(flag) => self.number(f64::from(u8::from(*flag))),
            Field::Duration(span) => self.number(span.as_secs_f64() * 1000.0),
            Field::Change(changed) => {
                self.rings.extend([changed.before().clone(), changed.after().clone()]);
            }
            Field::Slots(slots) => {
                self.number(slots.len() as f64);
                slots.iter().for_each(|slot| self.number(f64::from(*slot)));
            }
        }
    }

    fn all(&mut self, members: &[Member]) {
        self.number(members.len() as f64);
        for member in members {
            self.member(member, None);
        }
    }

    /// A text that it shares with `like`, which was packed just before, has the length [`SAME`].
    fn member(&mut self, member: &Member, like: Option<&Member>) {
        self.number(f64::from(member.state() as u8));
        self.number(f64::from(member.incarnation()));
        self.number(member.versions().iter().fold(0.0, |sum, v| sum * 256.0 + f64::from(*v)));
        self.number(member.meta().len() as f64);
        self.bytes.extend_from_slice(member.meta());
        match like.is_some_and(|like| like.name() == member.name()) {
            true => self.number(SAME),
            false => self.put(member.name()),
        }
        match like.is_some_and(|like| like.addr() == member.addr()) {
            true => self.number(SAME),
            false => self.addr(member.addr()),
        }
        let tags = tag_pairs(member);
        self.number(tags.len() as f64);
        for (key, value) in tags {
            self.put(&key);
            self.put(&value);
        }
    }

    fn addr(&mut self, addr: SocketAddr) {
        let before = self.text.len();
        push_addr(&mut self.text, addr);
        self.number((self.text.len() - before) as f64);
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        let units = if text.is_ascii() { text.len() } else { text.encode_utf16().count() };
        self.number(units as f64);
    }

    fn number(&mut self, number: f64) {
        self.numbers.push(number);
    }
}
