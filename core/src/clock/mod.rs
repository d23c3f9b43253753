//! History: clocks that tell whether one state knows of another. Data alone: no node, no runtime,
//! and no wall clock; where a time matters it is a parameter, in microseconds.
//!
//! ```
//! use chinwag::clock::{Causality, Siblings, VectorClock};
//!
//! # fn main() -> chinwag::Result<()> {
//! let mut x = VectorClock::new();
//! x.increment("web-1")?;
//! let (mut y, mut z) = (x.clone(), x.clone());
//! y.increment("web-1")?;
//! z.increment("web-2")?;
//! assert!(x < y);
//! assert_eq!(y.compare(&z), Causality::Concurrent);
//! y.merge(&z)?;
//! assert!(y.dominates(&z));
//!
//! // Values that were written without knowing of each other are kept side by side.
//! let mut cart = Siblings::new();
//! let nothing = VectorClock::new();
//! cart.put("web-1", &nothing, "tea")?;
//! cart.put("web-1", &nothing, "milk")?;
//! assert_eq!(cart.values().collect::<Vec<_>>(), [&"tea", &"milk"]);
//! // Read, change, and put with the context of what was read: one value again.
//! let context = cart.context().clone();
//! cart.put("web-2", &context, "tea and milk")?;
//! assert_eq!(cart.values().collect::<Vec<_>>(), [&"tea and milk"]);
//! # Ok(())
//! # }
//! ```
//!
//! An actor is a process that writes: a node in one of its lives ([`actor`]). Never a client, for
//! a clock has an entry for every actor that ever wrote.
//!
//! With the feature `json`, clocks have a form in JSON. With `serde`, they go through its formats:
//! as in JSON where people read, elsewhere as their bytes; what is read is bounded as it is there.
//!
//! Semantics, byte forms and bounds are a contract of all languages: `docs/CLOCKS.md`, with vectors
//! in `tests/vectors/clocks/`.

mod actors;
mod forms;
mod hybrid;
mod lamport;
mod merge;
mod order;
mod retired;
mod siblings;
mod trim;
mod vector;

pub use actors::{ACTOR_MAX, NAMES_MAX, actor, split_actor};
#[cfg(feature = "json")]
pub use forms::JSON_MAX;
pub use forms::{ActorTable, PackedClock};
pub use hybrid::{HybridClock, HybridTime};
pub use lamport::LamportClock;
pub use order::Causality;
pub use retired::{Folded, Retired};
pub use siblings::Siblings;
pub use trim::TrimBounds;
pub use vector::{Dot, Entry, VectorClock};
