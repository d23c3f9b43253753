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

/// The wall clock since the beginning of 2024; zero if it says that it is earlier.
fn wall() -> Duration {
    (SystemTime::UNIX_EPOCH + YEAR_2024).elapsed().unwrap_or_default()
}

/// Seconds since the beginning of 2024; 1 if the clock says that it is earlier. Greater than that
/// of the last run also when the clock has been set back.
pub(super) fn starting_incarnation(last: Option<u32>) -> u32 {
    let seconds = u32::try_from(wall().as_secs()).unwrap_or(u32::MAX);
    seconds.max(last.unwrap_or(0).saturating_add(1))
}

/// Microseconds since the beginning of 2024.
pub(super) fn wall_micros() -> u64 {
    u64::try_from(wall().as_micros()).unwrap_or(u64::MAX)
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
