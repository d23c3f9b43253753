//! Servers that are followed until they are down.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{IntoTarget, Node};
use crate::driver::mesh::Followed;
use crate::error::Result;
use crate::messaging::{Down, DownReason, Target};

/// Follows one instance of a server. As a future it is that the server is down, and why: told once.
/// Dropped, nobody is told.
#[must_use = "dropped, it follows nothing"]
pub struct Monitor {
    target: Target,
    followed: Followed,
}

impl Node {
    /// Follows a server, wherever it lives, until it is down: it was stopped or its code has ended,
    /// or its member has failed or left. `node.monitor("counter@web-2")?.down().await`.
    ///
    /// It is the one that a call to the target would go to now, and no other: one that is started
    /// again under its name, however soon, is another. With `name#key`, it is also down when the
    /// key has another owner. Where there is none, that is told at once, and is no error.
    ///
    /// # Errors
    /// `bad_argument` for what is no target; `overloaded` for more than 65,536 monitors; `closed`.
    pub fn monitor(&self, target: impl IntoTarget) -> Result<Monitor> {
        let target = target.into_target()?;
        let followed = self.mesh_for(&target).monitor(&target)?;
        Ok(Monitor { target, followed })
    }
}

impl Monitor {
    /// Waits until the server is down. Safe to cancel where it is awaited by reference, as
    /// `(&mut monitor).await`.
    pub async fn down(self) -> Down {
        self.await
    }

    /// Whom it was to follow.
    pub const fn target(&self) -> &Target {
        &self.target
    }
}

impl Future for Monitor {
    type Output = Down;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Down> {
        let Self { target, followed } = self.get_mut();
        followed.poll_down(context).map(|down| {
            down.unwrap_or_else(|| Down {
                server: target.name().to_owned(),
                member: None,
                reason: DownReason::Closed,
                text: String::new(),
            })
        })
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("target", &self.target).finish_non_exhaustive()
    }
}
