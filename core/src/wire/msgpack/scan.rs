//! Finding the end of a value without building it.

use rmp::Marker;

use super::{Reader, Result};
use crate::wire::WireError;

/// How deep containers may nest inside an unknown value.
pub(crate) const MAX_DEPTH: usize = 16;

/// Steps over one value, and can stop and go on as bytes arrive.
///
/// Every token is looked at once, however small the pieces are: the work is linear in the bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scanner {
    /// Where the next token starts; may lie beyond the bytes seen, when a string is still arriving.
    at: usize,
    /// How many values are still to come in each open container, innermost last.
    open: [u64; MAX_DEPTH],
    depth: usize,
    started: bool,
    /// How many times a token was looked at, to prove the work linear.
    #[cfg(test)]
    pub(crate) looks: usize,
}

impl Scanner {
    /// Looks for the end of the value at the start of `bytes`: `None` means more are needed.
    ///
    /// Called again with more bytes, those bytes must begin with the ones given before.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Result<Option<usize>> {
        while !(self.started && self.depth == 0) {
            let Some(token) = bytes.get(self.at..).filter(|token| !token.is_empty()) else {
                return Ok(None);
            };
            #[cfg(test)]
            {
                self.looks += 1;
            }
            let mut reader = Reader::new(token);
            match reader.token() {
                Ok((payload, children)) => {
                    let header = token.len() - reader.rest.len();
                    self.at = self
                        .at
                        .checked_add(header)
                        .and_then(|at| at.checked_add(payload))
                        .ok_or(WireError::TooLarge)?;
                    self.descend(children)?;
                }
                Err(WireError::Truncated) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok((self.at <= bytes.len()).then_some(self.at))
    }

    /// Whether no part of a value has been looked at yet.
    pub(crate) const fn is_fresh(&self) -> bool {
        !self.started && self.at == 0
    }

    /// How many bytes the value is known to need so far.
    pub(crate) const fn needs(&self) -> usize {
        self.at
    }

    /// One value was stepped over, which opened a container of `children` values, or none.
    fn descend(&mut self, children: u64) -> Result<()> {
        self.started = true;
        if children > 0 {
            *self.open.get_mut(self.depth).ok_or(WireError::TooDeep)? = children;
            self.depth += 1;
            return Ok(());
        }
        while let Some(left) = self.depth.checked_sub(1).and_then(|top| self.open.get_mut(top)) {
            *left -= 1;
            if *left > 0 {
                break;
            }
            self.depth -= 1;
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// The header of any value: the length of the bytes that follow it, and of the values.
    fn token(&mut self) -> Result<(usize, u64)> {
        let payload = match self.marker()? {
            Marker::FixPos(_) | Marker::FixNeg(_) => 0,
            Marker::Null | Marker::True | Marker::False => 0,
            Marker::U8 | Marker::I8 => 1,
            Marker::U16 | Marker::I16 => 2,
            Marker::U32 | Marker::I32 | Marker::F32 => 4,
            Marker::U64 | Marker::I64 | Marker::F64 => 8,
            Marker::FixStr(n) => u64::from(n),
            Marker::Str8 | Marker::Bin8 => u64::from(self.byte()?),
            Marker::Str16 | Marker::Bin16 => u64::from(self.be16()?),
            Marker::Str32 | Marker::Bin32 => u64::from(self.be32()?),
            Marker::FixArray(n) => return Ok((0, u64::from(n))),
            Marker::Array16 => return Ok((0, u64::from(self.be16()?))),
            Marker::Array32 => return Ok((0, u64::from(self.be32()?))),
            Marker::FixMap(n) => return Ok((0, 2 * u64::from(n))),
            Marker::Map16 => return Ok((0, 2 * u64::from(self.be16()?))),
            Marker::Map32 => return Ok((0, 2 * u64::from(self.be32()?))),
            // An extension carries a type byte before its payload.
            Marker::FixExt1 => 2,
            Marker::FixExt2 => 3,
            Marker::FixExt4 => 5,
            Marker::FixExt8 => 9,
            Marker::FixExt16 => 17,
            Marker::Ext8 => 1 + u64::from(self.byte()?),
            Marker::Ext16 => 1 + u64::from(self.be16()?),
            Marker::Ext32 => 1 + u64::from(self.be32()?),
            Marker::Reserved => return Err(WireError::BadMsgpack),
        };
        Ok((usize::try_from(payload).map_err(|_| WireError::TooLarge)?, 0))
    }
}
