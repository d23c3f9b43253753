//! The six version bytes that a node announces.

use super::WireError;
use super::msgpack::Reader;

/// The protocol and application versions that a node announces, as many bytes as it sent.
///
/// Bytes after the sixth have no meaning and are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vsn {
    // Bytes past `len` are zero, so that derived equality is equality of what was sent.
    bytes: [u8; 6],
    len: u8,
}

impl Vsn {
    /// What memberlist announces by default: protocol 1 to 5, speaking 2, no application versions.
    pub const MEMBERLIST: Self = Self::new([1, 5, 2, 0, 0, 0]);

    /// All six versions: `[pmin, pmax, pcur, dmin, dmax, dcur]`.
    pub const fn new(bytes: [u8; 6]) -> Self {
        Self { bytes, len: 6 }
    }

    /// The first six of these bytes, or fewer.
    pub fn from_slice(raw: &[u8]) -> Self {
        let mut vsn = Self::default();
        for (to, from) in vsn.bytes.iter_mut().zip(raw) {
            *to = *from;
            vsn.len += 1;
        }
        vsn
    }

    /// The bytes as sent.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// All six versions; those that were not sent are zero.
    pub const fn to_array(self) -> [u8; 6] {
        self.bytes
    }

    /// Whether all six versions were sent. One that was not reads as 0.
    pub const fn is_complete(&self) -> bool {
        self.len == 6
    }

    /// The oldest protocol version understood.
    pub const fn pmin(&self) -> u8 {
        self.bytes[0]
    }

    /// The newest protocol version understood.
    pub const fn pmax(&self) -> u8 {
        self.bytes[1]
    }

    /// The protocol version spoken.
    pub const fn pcur(&self) -> u8 {
        self.bytes[2]
    }

    /// The oldest application version understood.
    pub const fn dmin(&self) -> u8 {
        self.bytes[3]
    }

    /// The newest application version understood.
    pub const fn dmax(&self) -> u8 {
        self.bytes[4]
    }

    /// The application version spoken.
    pub const fn dcur(&self) -> u8 {
        self.bytes[5]
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut vsn = Self::default();
        // At most the six bytes there is room for.
        vsn.len = reader.bytes_or_ints(&mut vsn.bytes)? as u8;
        Ok(vsn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_bytes_are_kept_as_were_sent_up_to_six() {
        for len in 0..9 {
            let raw: Vec<u8> = (1..=len).collect();
            let vsn = Vsn::from_slice(&raw);
            assert_eq!(vsn.as_bytes(), &raw[..raw.len().min(6)]);
            assert_eq!(vsn.is_complete(), len >= 6);
            assert_eq!(vsn.pmax(), if len >= 2 { 2 } else { 0 });
        }
    }

    #[test]
    fn raw_bytes_and_arrays_of_integers_read_alike() {
        let raw = [0xa6, 1, 5, 2, 0, 0, 200];
        let array = [0x96, 1, 5, 0xd1, 0, 2, 0, 0xc0, 0xcc, 200];
        for bytes in [&raw[..], &array[..]] {
            let vsn = Vsn::read(&mut Reader::new(bytes));
            assert_eq!(vsn, Ok(Vsn::new([1, 5, 2, 0, 0, 200])));
        }
        assert_eq!(Vsn::read(&mut Reader::new(&[0xc0])), Ok(Vsn::default()));
        let long = [0x97, 1, 2, 3, 4, 5, 6, 7];
        assert_eq!(Vsn::read(&mut Reader::new(&long)), Ok(Vsn::new([1, 2, 3, 4, 5, 6])));
        let wide = [0x91, 0xcd, 1, 0];
        assert_eq!(Vsn::read(&mut Reader::new(&wide)), Err(WireError::BadMsgpack));
    }
}
