//! The clock of all nodes of a process.
//!
//! They share its origin, so that rounds which begin on the grid of the protocol begin together
//! and wake the process once.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant as System;

use crate::time::Instant;

/// The runtime's timer takes no later time.
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

static ORIGIN: OnceLock<System> = OnceLock::new();

fn origin() -> System {
    *ORIGIN.get_or_init(System::now)
}

pub(super) fn now() -> Instant {
    let nanos = origin().elapsed().as_nanos();
    Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// That time, as the runtime's timer takes it.
pub(super) fn system(at: Instant) -> System {
    let span = at.since(Instant::from_nanos(0));
    let origin = origin();
    origin.checked_add(span.min(FAR)).unwrap_or(origin)
}
