//! Network coordinates, in the payload of acks.

use super::{Reader, Result, fields};
use crate::wire::WireError;
use crate::wire::msgpack::{put_array_len, put_f64, put_key, put_map};

/// Dimensions of the space that members are placed in.
pub const DIMENSIONS: usize = 8;

/// The first byte of an ack's payload.
pub const PING_VERSION: u8 = 1;

/// Where a member stands, so that distances are round-trip times. In seconds, but for the error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinate {
    /// The place in space.
    pub vec: [f64; DIMENSIONS],
    /// How far off estimates are, as a share of them.
    pub error: f64,
    /// A correction to all distances from here.
    pub adjustment: f64,
    /// The way from the member to that place: its own line, say.
    pub height: f64,
}

impl Coordinate {
    /// Appends the payload of an ack.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(PING_VERSION);
        put_map(out, 4);
        for (key, value) in
            [("Adjustment", self.adjustment), ("Error", self.error), ("Height", self.height)]
        {
            put_key(out, key);
            put_f64(out, value);
        }
        put_key(out, "Vec");
        put_array_len(out, DIMENSIONS);
        self.vec.iter().for_each(|value| put_f64(out, *value));
    }

    /// Decodes the payload of an ack; with what stands behind the coordinate, which serf does not
    /// read. One of another space is refused as too large or truncated; what its numbers are is the
    /// receiver's to judge.
    pub fn decode(payload: &[u8]) -> Result<(Self, &[u8])> {
        let mut reader = super::body(payload, PING_VERSION)?;
        let mut read = Self { vec: [0.0; DIMENSIONS], error: 0.0, adjustment: 0.0, height: 0.0 };
        let mut dimensions = 0;
        fields(&mut reader, &["Vec", "Error", "Adjustment", "Height"], |field, value| {
            match field {
                "Vec" => dimensions = read_vec(value, &mut read.vec)?,
                "Error" => read.error = value.float()?,
                "Adjustment" => read.adjustment = value.float()?,
                _ => read.height = value.float()?,
            }
            Ok(())
        })?;
        if dimensions < DIMENSIONS { Err(WireError::Truncated) } else { Ok((read, reader.rest())) }
    }
}

fn read_vec(value: &mut Reader<'_>, vec: &mut [f64; DIMENSIONS]) -> Result<usize> {
    let count = value.array_len()? as usize;
    let places = vec.get_mut(..count).ok_or(WireError::TooLarge)?;
    for place in places {
        *place = value.float()?;
    }
    Ok(count)
}
