//! What serf adds to memberlist: intents, user events, queries and coordinates.
//!
//! A state machine that is told things and wishes for others. It knows neither sockets nor the
//! roster.

mod clock;
mod coordinate;
mod events;
mod intents;

pub use self::coordinate::Coordinate;
