//! The libraries that are measured, behind one face.

use std::collections::BTreeMap;
use std::hint::black_box;

use chinwag::clock::{ActorTable, VectorClock};
use crdts::{CmRDT, CvRDT};

/// Two equal clocks of one library, and what is done with them.
pub(super) trait Work {
    fn name(&self) -> &'static str;
    /// Does it so many times.
    fn work(&mut self, what: &str, times: usize);
    /// What a clock takes as bytes.
    fn sizes(&self) -> BTreeMap<String, f64>;
}

/// What every counter is at: two bytes, as those of a process that has worked for a while.
const COUNT: u64 = 1_000;

fn repeat<T>(times: usize, mut once: impl FnMut() -> T) {
    for _ in 0..times {
        black_box(once());
    }
}

/// This one.
pub(super) struct Ours {
    names: Vec<String>,
    clock: VectorClock,
    other: VectorClock,
    bytes: Vec<u8>,
}

impl Ours {
    pub(super) fn new(names: &[String]) -> Self {
        let mut clock = VectorClock::new();
        names.iter().for_each(|name| clock.update(name, COUNT).expect("an actor"));
        let (other, bytes) = (clock.clone(), clock.to_bytes());
        Self { names: names.to_vec(), clock, other, bytes }
    }
}

impl Work for Ours {
    fn name(&self) -> &'static str {
        "chinwag"
    }

    fn work(&mut self, what: &str, times: usize) {
        let Self { names, clock, other, bytes } = self;
        match what {
            "increment" => {
                let mut actors = names.iter().cycle();
                repeat(times, || actors.next().map(|actor| clock.increment(actor)));
            }
            "merge" => repeat(times, || clock.merge(black_box(other))),
            "compare" => repeat(times, || clock.compare(black_box(other))),
            "encode" => repeat(times, || clock.to_bytes()),
            _ => repeat(times, || VectorClock::from_bytes(black_box(bytes))),
        }
    }

    fn sizes(&self) -> BTreeMap<String, f64> {
        let table = ActorTable::new(self.names.iter().map(String::as_str)).expect("actors");
        let dense = self.other.to_dense(&table).expect("the same actors");
        BTreeMap::from([
            ("bytes".to_owned(), self.bytes.len() as f64),
            ("bytes, dense".to_owned(), dense.len() as f64),
        ])
    }
}

/// `vclock`, a `HashMap`; its bytes are postcard's.
pub(super) struct Vclock {
    names: Vec<String>,
    clock: vclock::VClock<String, u64>,
    other: vclock::VClock<String, u64>,
    bytes: Vec<u8>,
}

impl Vclock {
    pub(super) fn new(names: &[String]) -> Self {
        let mut clock = vclock::VClock::default();
        for name in names {
            (0..COUNT).for_each(|_| clock.incr(name));
        }
        let bytes = postcard::to_allocvec(&clock).expect("serializable");
        Self { names: names.to_vec(), other: clock.clone(), clock, bytes }
    }
}

impl Work for Vclock {
    fn name(&self) -> &'static str {
        "vclock"
    }

    fn work(&mut self, what: &str, times: usize) {
        let Self { names, clock, other, bytes } = self;
        match what {
            "increment" => {
                let mut actors = names.iter().cycle();
                repeat(times, || actors.next().map(|actor| clock.incr(actor)));
            }
            "merge" => repeat(times, || clock.merge(black_box(other))),
            "compare" => repeat(times, || (*clock).partial_cmp(black_box(other))),
            "encode" => repeat(times, || postcard::to_allocvec(clock)),
            _ => repeat(times, || {
                postcard::from_bytes::<vclock::VClock<String, u64>>(black_box(bytes))
            }),
        }
    }

    fn sizes(&self) -> BTreeMap<String, f64> {
        BTreeMap::from([("bytes".to_owned(), self.bytes.len() as f64)])
    }
}

/// `crdts`, a `BTreeMap`, whose merge takes the other clock for itself; its bytes are postcard's.
pub(super) struct Crdts {
    names: Vec<String>,
    clock: crdts::VClock<String>,
    other: crdts::VClock<String>,
    bytes: Vec<u8>,
}

impl Crdts {
    pub(super) fn new(names: &[String]) -> Self {
        let clock: crdts::VClock<String> =
            names.iter().map(|name| crdts::Dot::new(name.clone(), COUNT)).collect();
        let bytes = postcard::to_allocvec(&clock).expect("serializable");
        Self { names: names.to_vec(), other: clock.clone(), clock, bytes }
    }
}

impl Work for Crdts {
    fn name(&self) -> &'static str {
        "crdts"
    }

    fn work(&mut self, what: &str, times: usize) {
        let Self { names, clock, other, bytes } = self;
        match what {
            "increment" => {
                let mut actors = names.iter().cycle();
                repeat(times, || actors.next().map(|actor| clock.apply(clock.inc(actor.clone()))));
            }
            "merge" => repeat(times, || clock.merge(black_box(&*other).clone())),
            "compare" => repeat(times, || (*clock).partial_cmp(black_box(other))),
            "encode" => repeat(times, || postcard::to_allocvec(clock)),
            _ => repeat(times, || postcard::from_bytes::<crdts::VClock<String>>(black_box(bytes))),
        }
    }

    fn sizes(&self) -> BTreeMap<String, f64> {
        BTreeMap::from([("bytes".to_owned(), self.bytes.len() as f64)])
    }
}
