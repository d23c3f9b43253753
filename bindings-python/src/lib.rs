//! The native half of the `chinwag` package: the facade of the core, in values that Python knows.
//!
//! No thread of the core ever attaches to the interpreter. It rings a bell; threads of Python's own
//! take what there is, in batches. Everything pleasant is Python, in `python/chinwag`.
#![forbid(unsafe_code)]

mod answer;
mod clock;
mod config;
mod error;
mod events;
mod member;
mod messages;
mod node;
mod payload;
mod ring;
mod state;

/// The private module `chinwag._chinwag`.
#[pyo3::pymodule(gil_used = false)]
mod _chinwag {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::answer::specimen;
    #[pymodule_export]
    use super::clock::forms::ActorTable;
    #[pymodule_export]
    use super::clock::retired::{Folded, Retired};
    #[pymodule_export]
    use super::clock::siblings::Siblings;
    #[pymodule_export]
    use super::clock::stamps::{HybridClock, HybridTime, LamportClock};
    #[pymodule_export]
    use super::clock::{VectorClock, actor, split_actor};
    #[pymodule_export]
    use super::error::panic;
    #[pymodule_export]
    use super::events::{Subscription, Wake};
    #[pymodule_export]
    use super::member::Member;
    #[pymodule_export]
    use super::messages::monitor::{loop_state, loop_turned, monitor, unwatch_loop, watch_loop};
    #[pymodule_export]
    use super::messages::serving::{From, Mailbox};
    #[pymodule_export]
    use super::messages::streams::{Streaming, moved_streams, open_stream, stream_of};
    #[pymodule_export]
    use super::messages::topics::{
        Published, Subscribed, publish, subscribe_topic, subscribers, topics,
    };
    #[pymodule_export]
    use super::node::Host;
    #[pymodule_export]
    use super::payload::{decoded, encoded};
    #[pymodule_export]
    use super::ring::Ring;
    #[pymodule_export]
    use super::ring::change::{RingChange, bucket};
    #[pymodule_export]
    use super::state::map::{MapWatching, map_entries, map_read, map_watch, map_write};
    #[pymodule_export]
    use super::state::{Watching, delete, entries, get, put, watch};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
