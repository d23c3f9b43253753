//! One cluster, every runtime: membership over HashiCorp memberlist's wire, as a library.
//!
//! ```no_run
//! # async fn example() -> chinwag::Result<()> {
//! use chinwag::{Node, Replay};
//!
//! let node = Node::builder().name("web-1").bind("127.0.0.1:7946").start().await?;
//! let mut events = node.events(Replay::Yes);
//! while let Some(event) = events.next().await {
//!     println!("{} {:?}", event.kind.token(), event.kind.member());
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

// Bytes and back. Imports nothing.
#[doc(hidden)]
pub mod wire;

// Values: import nothing but the wire's tags.
pub mod api;
pub mod clock;
pub mod config;
pub mod error;
pub mod event;
#[cfg(feature = "serde")]
mod formats;
pub mod member;
#[cfg(feature = "runtime")]
mod metrics;
pub mod payload;
#[cfg(feature = "runtime")]
#[doc(hidden)]
pub mod snapshot;
pub mod stats;
pub mod time;

// Placement: rings, which need no cluster, and the one of the members.
#[cfg(any(feature = "runtime", feature = "sim"))]
mod placement;
pub mod ring;

// What a member and the workers of its host tell each other.
#[cfg(all(unix, feature = "runtime"))]
mod attach;

// What is said on connections for messages, and what is done with it. Simulated clusters have no
// connections for messages: without the driver, only the decoders and the directory are used.
#[cfg(any(feature = "runtime", feature = "sim"))]
#[cfg_attr(not(feature = "runtime"), allow(dead_code, unused_imports, reason = "for the driver"))]
mod mesh;
#[cfg(any(feature = "runtime", feature = "sim"))]
#[cfg_attr(not(feature = "runtime"), allow(dead_code, unused_imports, reason = "for the driver"))]
mod messaging;

// The protocol, without I/O.
pub mod engine;
mod membership;
mod serf;
mod state;

// The same engine under virtual time.
#[cfg(feature = "sim")]
pub mod sim;

// Where members may be.
#[cfg(feature = "runtime")]
pub mod discovery;

// Sockets, tasks, the clock, and the facade on top of them.
#[cfg(feature = "runtime")]
mod driver;
#[cfg(feature = "host")]
pub mod host;
#[cfg(feature = "runtime")]
mod node;
#[cfg(feature = "runtime")]
pub mod query;
#[cfg(all(unix, feature = "signals"))]
pub mod signals;

pub use config::Config;
#[cfg(feature = "runtime")]
pub use driver::keys;
#[cfg(feature = "runtime")]
pub use driver::mesh::{ItemSink, Items, Mailbox, Published, Request, Subscriber};
pub use engine::{Broadcast, BroadcastKind, Delivery, Explanation, MapValue, Observed, RoundTrip};
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, EventKind};
pub use member::{LoopState, Member, MemberState, Tags};
#[cfg(any(feature = "runtime", feature = "sim"))]
pub use messaging::{Down, DownReason, Payload, Tag, Target};
#[cfg(feature = "runtime")]
pub use node::{
    Answer, Builder, Call, CallStream, Cast, Casting, Entry, Events, Failure, IntoPayload,
    IntoTarget, Monitor, Node, Publish, Replay, Replies, Sending, Served, Server, Serving,
    Subscribing, Watch, Watched,
};
#[cfg(feature = "runtime")]
pub use node::{Map, MapEntry, MapWatch, MapWatched};
pub use serf::{Answers, Coordinate, KeyOp, KeyOutcome, Question, Response};
pub use stats::Stats;
pub use wire::{Fingerprint, KeyInfo};
