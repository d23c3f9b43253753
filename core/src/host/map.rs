//! Shared maps for a binding, as keys of members are (`state.rs`).

use super::state::Watching;
use super::{Host, Op};
use crate::engine::MapWrite;
use crate::error::Result;
use crate::node::{MapEntry, MapWatch, Replay};

impl Op {
    /// To give a key of a shared map a value, or without one to delete it: in place of all that the
    /// node knows, or with the bytes of a context, of what was read with it.
    ///
    /// # Errors
    /// `bad_argument` for bytes that are no context.
    pub fn write_map(
        map: String,
        key: String,
        value: Option<Vec<u8>>,
        context: Option<&[u8]>,
    ) -> Result<Self> {
        MapWrite::with_context(map, key, value, context).map(Box::new).map(Self::WriteMap)
    }
}

impl Host {
    /// The values of a key of a shared map, the newest first, and their context, as far as this
    /// node has heard.
    ///
    /// # Errors
    /// `bad_argument` for what is no name of a map; `forked`.
    pub fn map_read(&self, map: &str, key: &str) -> Result<Option<MapEntry>> {
        self.check()?;
        Ok(self.node.map(map)?.read(key))
    }

    /// The keys of a shared map that begin so, in their order.
    ///
    /// # Errors
    /// As [`Host::map_read`].
    pub fn map_entries(&self, map: &str, prefix: &str) -> Result<Vec<MapEntry>> {
        self.check()?;
        Ok(self.node.map(map)?.entries(prefix))
    }

    /// Follows the keys of a shared map that begin so, as [`Host::watch`] does those of members.
    ///
    /// # Errors
    /// As [`Host::map_read`].
    pub fn map_watch(&self, map: &str, prefix: &str, replay: Replay) -> Result<Watching<MapWatch>> {
        self.check()?;
        Ok(self.watching(self.node.map(map)?.watch(prefix, replay)))
    }
}
