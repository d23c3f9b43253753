//! Many nodes in few allocations: an exchange of states brings thousands.

use super::{NodeState, WireState};
use crate::wire::{RawAddr, Vsn};

/// The nodes of a full state, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// All names, back to back, then all metadata.
    names: String,
    metas: Vec<u8>,
    rest: Vec<Rest>,
}

/// A node without its texts, and where they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rest {
    name_end: u32,
    meta_end: u32,
    incarnation: u32,
    port: u16,
    addr: RawAddr,
    state: WireState,
    vsn: Vsn,
}

impl Nodes {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Adds one.
    pub fn push(&mut self, node: NodeState<'_>) {
        let NodeState { name, addr, port, meta, incarnation, state, vsn } = node;
        self.names.push_str(name);
        self.metas.extend_from_slice(meta);
        let (name_end, meta_end) = (end(self.names.len()), end(self.metas.len()));
        self.rest.push(Rest { name_end, meta_end, incarnation, port, addr, state, vsn });
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = NodeState<'_>> {
        let (mut name_start, mut meta_start) = (0, 0);
        self.rest.iter().map(move |rest| {
            let (name_end, meta_end) = (rest.name_end as usize, rest.meta_end as usize);
            let name = self.names.get(name_start..name_end).unwrap_or_default();
            let meta = self.metas.get(meta_start..meta_end).unwrap_or_default();
            (name_start, meta_start) = (name_end, meta_end);
            let Rest { incarnation, port, addr, state, vsn, .. } = *rest;
            NodeState { name, addr, port, meta, incarnation, state, vsn }
        })
    }
}

impl<'n> FromIterator<NodeState<'n>> for Nodes {
    fn from_iter<I: IntoIterator<Item = NodeState<'n>>>(nodes: I) -> Self {
        let mut all = Self::default();
        nodes.into_iter().for_each(|node| all.push(node));
        all
    }
}

/// A stream is far from having that many bytes.
fn end(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
