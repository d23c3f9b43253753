//! What mends by itself: members that were lost are looked for.

mod check;
mod lost;

use std::collections::BTreeMap;

use self::check::Check;
use self::lost::Lost;

/// What is only there when something went wrong.
#[derive(Debug, Default)]
pub(super) struct Healing {
    /// Questions under way whether somebody is there, by the number of their ping.
    checks: BTreeMap<u32, Box<Check>>,
    /// Failed members that the roster has forgotten.
    lost: Lost,
}
