//! Go memberlist, through the agent of the scenario tests (`tests/agents/README.md`).

use std::ops::{Deref, DerefMut};
use std::process::Command;

use crate::agent::Agent;
use crate::{address, root};

/// Where the build of the agent on the newest memberlist puts it.
pub const AGENT: &str = "target/agents/go/agent";
/// The same on memberlist 0.2.2, which knows no labels.
pub const OLD_AGENT: &str = "target/agents/go-0.2.2/agent";

/// A running agent with a member. memberlist lists those who are present, so all are alive.
#[derive(Debug)]
pub struct Go(Agent);

impl Go {
    /// Starts a member with the tag `of=<name>`; `more` are further words of its start.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, seed: Option<&str>, more: &str) -> Self {
        Self::start_with(AGENT, name, seed, more)
    }

    /// The same with that agent.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_with(agent: &str, name: &str, seed: Option<&str>, more: &str) -> Self {
        let seeds = seed.map(|seed| format!(" seeds={seed}")).unwrap_or_default();
        let mut command = Command::new(root().join(agent));
        Self(Agent::start(&mut command, name, &address(), &format!("{seeds}{more}")))
    }
}

impl Deref for Go {
    type Target = Agent;

    fn deref(&self) -> &Agent {
        &self.0
    }
}

impl DerefMut for Go {
    fn deref_mut(&mut self) -> &mut Agent {
        &mut self.0
    }
}
