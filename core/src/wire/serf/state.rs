//! The user state of an exchange: the three clocks, the statuses, and the recent events.

use super::{Reader, Result, UserEvent, body, fields, fields_or_nil, kind};
use crate::wire::WireError;
use crate::wire::msgpack::{
    put_array_len, put_blob, put_key, put_map, put_map_len, put_nil, put_raw, put_str, put_uint,
};

/// Names that one state may hold: as many as there may be members.
const NAMES_MAX: u32 = 131_072;

/// What the other side of an exchange knows. Read as it is looked at; nothing of it is built.
#[derive(Clone, Copy, Debug, Default)]
pub struct State<'a> {
    /// Its member clock.
    pub ltime: u64,
    /// Its event clock.
    pub event_ltime: u64,
    /// Its query clock.
    pub query_ltime: u64,
    /// What stands behind the state, which serf does not read.
    pub rest: &'a [u8],
    statuses: List<'a>,
    left: List<'a>,
    events: List<'a>,
}

/// Values that were found to be well-formed.
#[derive(Clone, Copy, Debug, Default)]
struct List<'a> {
    reader: Reader<'a>,
    count: u32,
}

impl<'a> List<'a> {
    /// Where the values stand, stepping over them with `step`.
    fn read(
        value: &mut Reader<'a>,
        count: u32,
        mut step: impl FnMut(&mut Reader<'a>) -> Result<()>,
    ) -> Result<Self> {
        let list = Self { reader: *value, count };
        for _ in 0..count {
            step(value)?;
        }
        Ok(list)
    }
}

impl<'a> State<'a> {
    /// Decodes a user state.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        const FIELDS: [&str; 6] =
            ["LTime", "StatusLTimes", "LeftMembers", "EventLTime", "Events", "QueryLTime"];
        let mut state = Self::default();
        let mut reader = body(bytes, kind::STATE)?;
        fields(&mut reader, &FIELDS, |field, value| {
            match field {
                "LTime" => state.ltime = value.uint()?,
                "EventLTime" => state.event_ltime = value.uint()?,
                "QueryLTime" => state.query_ltime = value.uint()?,
                "StatusLTimes" => {
                    let count = at_most(value.map_len()?)?;
                    state.statuses = List::read(value, count, |value| {
                        value.raw()?;
                        value.uint::<u64>().map(drop)
                    })?;
                }
                "LeftMembers" => {
                    let count = at_most(value.array_len()?)?;
                    state.left = List::read(value, count, |value| value.raw().map(drop))?;
                }
                _ => {
                    let count = value.array_len()?;
                    state.events = List::read(value, count, |value| read_slot(value).map(drop))?;
                }
            }
            Ok(())
        })?;
        state.rest = reader.rest();
        Ok(state)
    }

    /// Each member, and the Lamport time of its last intent. Names that are no text are left out.
    pub fn statuses(&self) -> impl Iterator<Item = (&'a str, u64)> + use<'a> {
        let List { mut reader, count } = self.statuses;
        let pairs = (0..count).map_while(move |_| Some((reader.raw().ok()?, reader.uint().ok()?)));
        pairs.filter_map(|(name, ltime)| Some((std::str::from_utf8(name).ok()?, ltime)))
    }

    /// The members that have left.
    pub fn left(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let List { mut reader, count } = self.left;
        let names = (0..count).map_while(move |_| reader.raw().ok());
        names.filter_map(|name| std::str::from_utf8(name).ok())
    }

    /// Calls `visit` for each recent event. That it may be coalesced is not told again.
    pub fn each_event(&self, mut visit: impl FnMut(UserEvent<'a>)) {
        let List { mut reader, count } = self.events;
        for _ in 0..count {
            let Ok(slot) = read_slot(&mut reader) else { return };
            let mut events = slot.events.reader;
            for _ in 0..slot.events.count {
                let Ok((name, payload)) = read_event(&mut events) else { return };
                if let Ok(name) = std::str::from_utf8(name) {
                    visit(UserEvent { ltime: slot.ltime, name, payload, coalesce: false });
                }
            }
        }
    }
}

fn at_most(count: u32) -> Result<u32> {
    if count > NAMES_MAX { Err(WireError::TooLarge) } else { Ok(count) }
}

/// The events of one Lamport time.
#[derive(Default)]
struct Slot<'a> {
    ltime: u64,
    events: List<'a>,
}

fn read_slot<'a>(reader: &mut Reader<'a>) -> Result<Slot<'a>> {
    let mut slot = Slot::default();
    fields_or_nil(reader, &["LTime", "Events"], |field, value| {
        match field {
            "LTime" => slot.ltime = value.uint()?,
            _ => {
                let count = value.array_len()?;
                slot.events = List::read(value, count, |value| read_event(value).map(drop))?;
            }
        }
        Ok(())
    })?;
    Ok(slot)
}

fn read_event<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], &'a [u8])> {
    let (mut name, mut payload): (&[u8], &[u8]) = (&[], &[]);
    fields_or_nil(reader, &["Name", "Payload"], |field, value| {
        match field {
            "Name" => name = value.raw()?,
            _ => payload = value.raw()?,
        }
        Ok(())
    })?;
    Ok((name, payload))
}

/// Writes a user state, in the order in which its parts travel.
#[derive(Debug)]
pub struct StateWriter<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> StateWriter<'o> {
    /// Begins with the event clock, and says for how many Lamport times events follow. serf sends
    /// a slot for each that it could hold; how many there are makes no difference to it.
    pub fn new(out: &'o mut Vec<u8>, event_ltime: u64, slots: usize) -> Self {
        out.push(kind::STATE);
        put_map(out, 6);
        put_key(out, "EventLTime");
        put_uint(out, event_ltime);
        put_key(out, "Events");
        put_array_len(out, slots);
        Self { out }
    }

    /// Appends a slot without events.
    pub fn empty_slot(&mut self) {
        put_nil(self.out);
    }

    /// Appends the events of one Lamport time, each a name and a payload.
    pub fn slot<'e, E>(&mut self, ltime: u64, events: E)
    where
        E: ExactSizeIterator<Item = (&'e str, &'e [u8])>,
    {
        put_map(self.out, 2);
        put_key(self.out, "Events");
        put_array_len(self.out, events.len());
        for (name, payload) in events {
            put_map(self.out, 2);
            put_str(self.out, "Name", name);
            put_blob(self.out, "Payload", payload);
        }
        put_key(self.out, "LTime");
        put_uint(self.out, ltime);
    }

    /// Ends with the other two clocks and with the members: those who have left, and the Lamport
    /// time of the last intent of each.
    pub fn finish<'m, L, S>(self, ltime: u64, left: L, query_ltime: u64, statuses: S)
    where
        L: ExactSizeIterator<Item = &'m str>,
        S: ExactSizeIterator<Item = (&'m str, u64)>,
    {
        put_key(self.out, "LTime");
        put_uint(self.out, ltime);
        put_key(self.out, "LeftMembers");
        put_array_len(self.out, left.len());
        left.for_each(|name| put_raw(self.out, name.as_bytes()));
        put_key(self.out, "QueryLTime");
        put_uint(self.out, query_ltime);
        put_key(self.out, "StatusLTimes");
        put_map_len(self.out, statuses.len());
        for (name, status) in statuses {
            put_raw(self.out, name.as_bytes());
            put_uint(self.out, status);
        }
    }
}
