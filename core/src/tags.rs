//! Tags inside metadata, in serf's encoding: `ff`, then a msgpack map of text to text.

use crate::member::Tags;

/// Metadata that a member may announce at most, in bytes. memberlist stops when it is exceeded.
pub const META_MAX: usize = 512;

/// The metadata that carries `tags`.
pub(crate) fn encode(tags: &Tags) -> Vec<u8> {
    let _ = tags;
    Vec::new()
}

/// The tags that `meta` carries, if it is in serf's encoding.
pub(crate) fn decode(meta: &[u8]) -> Option<Tags> {
    let _ = meta;
    None
}
