//! The clock of all nodes of a process.
//!
//! They share its origin, so that rounds which begin on the grid of the protocol begin together
//! and wake the process once.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use tokio::time::Instant as System;

use crate::time::Instant;

/// The runtime's timer takes no later time.
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The beginning of 2024, in seconds since that of 1970.
const YEAR_2024: Duration = Duration::from_secs(1_704_067_200);

static ORIGIN: OnceLock<System> = OnceLock::new();

fn origin() -> System {
    *ORIGIN.get_or_init(System::now)
}

/// Seconds since the beginning of 2024; 1 if the clock says that it is earlier.
pub(super) fn starting_incarnation() -> u32 {
    let year_2024 = SystemTime::UNIX_EPOCH + YEAR_2024;
    let seconds = year_2024.elapsed().map_or(0, |since| since.as_secs());
    u32::try_from(seconds).unwrap_or(u32::MAX).max(1)
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
