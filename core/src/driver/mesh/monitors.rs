//! Who waits for a server to be down.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use super::{Mesh, Shared, State, clock};
use crate::error::{Error, Result};
use crate::messaging::{Down, MonitorId, Target};

/// Who is told that a server is down, once.
pub(crate) enum Follower {
    /// A task.
    Task(oneshot::Sender<Down>),
    /// Whoever set it up: it must neither wait nor call back.
    #[cfg(feature = "host")]
    Told(Box<dyn FnOnce(Result<Down>) + Send>),
}

impl Follower {
    pub(crate) fn tell(self, down: Result<Down>) {
        match (self, down) {
            (Self::Task(follower), Ok(down)) => drop(follower.send(down)),
            (Self::Task(_), Err(_)) => {}
            #[cfg(feature = "host")]
            (Self::Told(tell), down) => tell(down),
        }
    }
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Follower")
    }
}

impl Mesh {
    /// Follows a server. Dropped, what is returned ends that.
    pub(crate) fn monitor(&self, target: &Target) -> Result<Followed> {
        let (sender, down) = oneshot::channel();
        let id = self.monitor_for(target, &mut Some(Follower::Task(sender)))?;
        Ok(Followed { shared: Arc::clone(&self.shared), id: Some(id), down })
    }

    /// Follows a server for somebody, who is taken and told once, unless it fails.
    pub(crate) fn monitor_for(
        &self,
        target: &Target,
        follower: &mut Option<Follower>,
    ) -> Result<MonitorId> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(Error::closed());
        }
        let id = state.messaging.monitor(clock::now(), target);
        if let Ok(id) = &id
            && let Some(follower) = follower.take()
        {
            state.followers.insert(*id, follower);
        }
        self.shared.carry_out(state);
        id
    }

    /// Whoever follows a server is told nothing any more.
    pub(crate) fn demonitor(&self, id: MonitorId) {
        let mut state = self.shared.lock();
        state.messaging.demonitor(id);
        let follower = state.followers.remove(&id);
        drop(state);
        // It may settle something, which is the host's business.
        drop(follower);
    }

    /// The cluster has another ring.
    pub(in crate::driver) fn ring_changed(&self) {
        self.shared.with(|messaging, now| messaging.ring_changed(now));
    }
}

impl State {
    /// A server is down.
    pub(super) fn tell_down(&mut self, id: MonitorId, down: Down) {
        if let Some(follower) = self.followers.remove(&id) {
            follower.tell(Ok(down));
        }
    }
}

/// A server that is followed.
pub(crate) struct Followed {
    shared: Arc<Shared>,
    /// Until it is down.
    id: Option<MonitorId>,
    down: oneshot::Receiver<Down>,
}

impl Followed {
    /// That it is down, once it is; not to be asked again then. None if the node has ended without
    /// a word.
    pub(crate) fn poll_down(&mut self, context: &mut Context<'_>) -> Poll<Option<Down>> {
        let down = ready!(Pin::new(&mut self.down).poll(context));
        self.id = None;
        Poll::Ready(down.ok())
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        if let Some(id) = self.id.filter(|_| !self.shared.is_forked()) {
            Mesh { shared: Arc::clone(&self.shared) }.demonitor(id);
        }
    }
}
