//! What an agent writes down, as it happens: a file of records of 32 bytes, each written at once,
//! so that all of them are there when the process is killed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Bytes of a record.
const SIZE: usize = 32;

/// A message, as whoever sent it names it: which process, on which of its lanes, and which number
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) seat: u8,
    /// Which process of that seat, the first one 0.
    pub(super) run: u8,
    pub(super) lane: u8,
    pub(super) number: u64,
}

/// A message that a server has got: which process it was, and the how-manieth there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Got {
    pub(super) seat: u8,
    pub(super) run: u8,
    pub(super) serial: u64,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It is about to be sent.
    Cast,
    Call,
    /// It was refused at once.
    Refused,
    /// A call was answered by that one.
    Answered(Got),
    /// A call came to an error, after which it may have run, or cannot have.
    Failed {
        maybe: bool,
    },
    /// A call was answered, and what came does not belong to it.
    Wrong,
    /// A server has got a cast, or a call, the so-manieth of all.
    Heard(u64),
    Ran(u64),
}

/// Something that has happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) id: Id,
    pub(super) event: Event,
}

impl Id {
    /// As it travels.
    pub(super) fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.seat, self.run, self.lane, 0]);
        out.extend_from_slice(&self.number.to_le_bytes());
    }

    /// Reads one, and what is behind it.
    pub(super) fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ([seat, run, lane, _], rest) = bytes.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let number = u64::from_le_bytes(*number);
        Some((Self { seat: *seat, run: *run, lane: *lane, number }, rest))
    }
}

impl Got {
    pub(super) fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.seat, self.run]);
        out.extend_from_slice(&self.serial.to_le_bytes());
    }

    pub(super) fn take(bytes: &[u8]) -> Option<Self> {
        let ([seat, run], rest) = bytes.split_first_chunk()?;
        let serial = u64::from_le_bytes(*rest.first_chunk()?);
        Some(Self { seat: *seat, run: *run, serial })
    }
}

impl Record {
    fn put(self) -> Vec<u8> {
        let (kind, got) = match self.event {
            Event::Cast => (1, None),
            Event::Call => (2, None),
            Event::Refused => (3, None),
            Event::Answered(got) => (4, Some(got)),
            Event::Failed { maybe: false } => (5, None),
            Event::Failed { maybe: true } => (6, None),
            Event::Wrong => (7, None),
            Event::Heard(serial) => (8, Some(Got { seat: 0, run: 0, serial })),
            Event::Ran(serial) => (9, Some(Got { seat: 0, run: 0, serial })),
        };
        let mut out = Vec::with_capacity(SIZE);
        out.push(kind);
        self.id.put(&mut out);
        got.unwrap_or(Got { seat: 0, run: 0, serial: 0 }).put(&mut out);
        out.resize(SIZE, 0);
        out
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (id, rest) = Id::take(rest)?;
        let got = Got::take(rest)?;
        let event = match kind {
            1 => Event::Cast,
            2 => Event::Call,
            3 => Event::Refused,
            4 => Event::Answered(got),
            5 => Event::Failed { maybe: false },
            6 => Event::Failed { maybe: true },
            7 => Event::Wrong,
            8 => Event::Heard(got.serial),
            9 => Event::Ran(got.serial),
            _ => return None,
        };
        Some(Self { id, event })
    }
}

/// Where an agent writes.
pub(super) struct Pen(Mutex<File>);

impl Pen {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(Mutex::new(File::create_new(path)?)))
    }

    /// Writes a record. One that cannot be is the end of the process: it would be missed.
    pub(super) fn note(&self, id: Id, event: Event) {
        let bytes = Record { id, event }.put();
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes);
        if let Err(error) = written {
            eprintln!("nothing more can be written down: {error}");
            std::process::exit(1);
        }
    }
}

/// The file of a process.
pub(super) fn path(folder: &Path, seat: usize, run: usize) -> PathBuf {
    folder.join(format!("{seat}-{run}"))
}

/// All that a process has written; what is not whole at the end is left out.
pub(super) fn read(path: &Path) -> io::Result<Vec<Record>> {
    let bytes = fs::read(path)?;
    let records: Option<Vec<Record>> = bytes.chunks_exact(SIZE).map(Record::take).collect();
    records.ok_or_else(|| io::Error::other(format!("{}: it is spoilt", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were() {
        let got = Got { seat: 3, run: 7, serial: u64::MAX };
        let id = Id { seat: 1, run: 2, lane: 200, number: 1 << 60 };
        for event in [
            Event::Cast,
            Event::Call,
            Event::Refused,
            Event::Answered(got),
            Event::Failed { maybe: false },
            Event::Failed { maybe: true },
            Event::Wrong,
            Event::Heard(9),
            Event::Ran(1 << 40),
        ] {
            let record = Record { id, event };
            let bytes = record.put();
            assert_eq!(bytes.len(), SIZE);
            assert_eq!(Record::take(&bytes), Some(record));
        }
        assert_eq!(Record::take(&[0; SIZE]), None);
    }
}
