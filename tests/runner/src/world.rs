//! Where the nodes of a scenario live. The player gives commands and waits; a world carries them
//! out with processes and real time, or in the simulator with virtual time.

use std::time::Duration;

/// A place for nodes. Dropping it ends whatever still runs in it.
pub(crate) trait World {
    /// The IP address that nodes bind.
    fn host(&self) -> &str;

    /// Brings up the agent of a node, which has no node open yet.
    fn launch(&mut self, node: &str) -> Result<(), String>;

    /// Whether the agent of a node is up.
    fn is_up(&self, node: &str) -> bool;

    /// Gives an agent one line.
    fn send(&mut self, node: &str, line: &str) -> Result<(), String>;

    /// Does something to a node that it has no say in.
    fn strike(&mut self, node: &str, strike: Strike) -> Result<(), String>;

    /// Time since the world began.
    fn now(&self) -> Duration;

    /// The next line of any agent, if one comes before `deadline`.
    fn next(&mut self, deadline: Duration) -> Option<Spoken>;
}

/// What is done to a node from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    /// It is gone at once, and nothing it said last counts.
    Crash,
    /// It stands still, sockets open.
    Pause,
    /// It goes on after standing still.
    Resume,
    /// It is asked to end, as by `kill`.
    Terminate,
}

/// What an agent said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spoken {
    pub(crate) node: String,
    pub(crate) what: Words,
}

/// One line, or the end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// A line, without its end.
    Line(String),
    /// A line that is for people only.
    Log(String),
    /// The agent has ended; how.
    Ended {
        /// Whether its exit status was 0.
        well: bool,
        /// The status as text.
        how: String,
    },
}
