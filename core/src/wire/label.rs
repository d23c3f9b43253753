//! The cluster label: `f4`, a length, the label, in clear in front of everything else.
//!
//! It keeps clusters that share a network apart. It is no secret and no protection.

use super::{WireError, kind};

/// The longest label that fits its length byte.
pub const LABEL_MAX: usize = 255;

/// A type byte and a length byte.
const HEADER: usize = 2;

/// A label, and what stands behind it.
pub type Split<'a> = (&'a [u8], &'a [u8]);

/// How many bytes the label takes from every packet: none without a label.
pub const fn label_overhead(label: &str) -> usize {
    if label.is_empty() { 0 } else { HEADER + label.len() }
}

/// Appends the label header, or nothing for the empty label.
///
/// A label longer than [`LABEL_MAX`] has no encoding; configuration refuses it before this.
pub fn add(label: &str, out: &mut Vec<u8>) {
    debug_assert!(label.len() <= LABEL_MAX, "configuration checks the length of a label");
    let bytes = label.as_bytes().get(..LABEL_MAX).unwrap_or(label.as_bytes());
    if let (1.., Ok(len)) = (bytes.len(), u8::try_from(bytes.len())) {
        out.extend_from_slice(&[kind::LABEL, len]);
        out.extend_from_slice(bytes);
    }
}

/// Splits a packet into its label, empty if it has none, and the rest.
pub fn strip(packet: &[u8]) -> Result<Split<'_>, WireError> {
    take(packet)?.ok_or(WireError::Truncated)
}

/// Splits the start of a stream into label and rest: `None` means that more bytes are needed.
///
/// A first byte other than the label's means that there is no label: it comes back empty, and all
/// bytes are the rest.
pub fn take(bytes: &[u8]) -> Result<Option<Split<'_>>, WireError> {
    match bytes {
        [] => Ok(None),
        [kind::LABEL] => Ok(None),
        [kind::LABEL, 0, ..] => Err(WireError::BadLabel),
        [kind::LABEL, len, rest @ ..] => Ok(rest.split_at_checked(usize::from(*len))),
        _ => Ok(Some((&[], bytes))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_stripped() {
        for label in ["", "b", "blue", &"x".repeat(LABEL_MAX)] {
            let mut packet = Vec::new();
            add(label, &mut packet);
            assert_eq!(packet.len(), label_overhead(label));
            packet.extend_from_slice(b"\x00rest");
            assert_eq!(strip(&packet), Ok((label.as_bytes(), &b"\x00rest"[..])));
        }
    }

    #[test]
    fn a_cut_label_needs_more_bytes() {
        let mut packet = Vec::new();
        add("blue", &mut packet);
        for cut in 0..packet.len() {
            assert_eq!(take(&packet[..cut]), Ok(None), "{cut}");
            assert_eq!(strip(&packet[..cut]), Err(WireError::Truncated), "{cut}");
        }
        assert_eq!(take(&packet), Ok(Some((&b"blue"[..], &b""[..]))));
    }

    #[test]
    fn an_empty_label_on_the_wire_is_refused() {
        assert_eq!(take(&[kind::LABEL, 0]), Err(WireError::BadLabel));
        assert_eq!(strip(&[kind::LABEL, 0, 1, 2]), Err(WireError::BadLabel));
    }
}
