//! A hybrid logical clock: stamps near the time on the wall that never run backwards.
//!
//! After Kulkarni, Demirbas, Madappa, Avva and Leone, "Logical physical clocks", OPODIS 2014.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

/// Milliseconds take 48 bits, the counter 16.
const COUNTER_BITS: u32 = 16;
const MS_MAX: u64 = u64::MAX >> COUNTER_BITS;
/// What another clock may be ahead unless told otherwise, in microseconds.
const DRIFT_US: u64 = 500_000;

/// A stamp: 48 bits of milliseconds, 16 bits of a counter within them. Stamps of one clock are all
/// different and ascend; what was stamped after having seen another stamp is greater than it.
///
/// Its text has 15 digits of milliseconds, a dot and 5 digits, such as `001795316449123.00042`, so
/// that texts sort as stamps do; its bytes are the number, the highest first, and sort as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HybridTime(u64);

impl HybridTime {
    /// The stamp of a number that [`as_u64`](Self::as_u64) gave.
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The stamp as one number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Milliseconds, of the caller's time.
    pub const fn ms(self) -> u64 {
        self.0 >> COUNTER_BITS
    }

    /// What tells stamps of one millisecond apart.
    pub const fn counter(self) -> u16 {
        // The lowest 16 bits are meant.
        self.0 as u16
    }

    /// 8 bytes, the highest first.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The stamp of 8 bytes. Errors: `bad_argument` for any other number of them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let wrong = |_| refused(format!("a stamp has 8 bytes, not {}", bytes.len()));
        bytes.try_into().map(u64::from_be_bytes).map(Self).map_err(wrong)
    }

    /// The smallest stamp of a time in microseconds.
    fn at(now_us: u64) -> Self {
        Self((now_us / 1_000).min(MS_MAX) << COUNTER_BITS)
    }

    const fn next(self) -> Self {
        // A full counter runs over into the milliseconds.
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for HybridTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:015}.{:05}", self.ms(), self.counter())
    }
}

impl FromStr for HybridTime {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = || {
            let (ms, counter) = text.split_once('.')?;
            let plain = |part: &str, digits| {
                part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit())
            };
            let whole = plain(ms, 15) && plain(counter, 5);
            let ms: u64 = ms.parse().ok().filter(|ms| whole && *ms <= MS_MAX)?;
            let counter: u16 = counter.parse().ok()?;
            Some(Self(ms << COUNTER_BITS | u64::from(counter)))
        };
        parsed().ok_or_else(|| {
            refused("a stamp is written as 15 digits, a dot and 5 digits at most 65535".to_owned())
        })
    }
}

/// A hybrid logical clock. It is told the time, and gives stamps that ascend whatever the time
/// does.
///
/// ```
/// use chinwag::clock::HybridClock;
///
/// # fn main() -> chinwag::Result<()> {
/// let (mut ours, mut theirs) = (HybridClock::new(), HybridClock::new());
/// let sent = theirs.tick(1_795_316_449_123_000);
/// // Our clock is behind by 100 ms, and what we stamp is later all the same.
/// let received = ours.observe(sent, 1_795_316_449_023_000)?;
/// assert!(received > sent);
/// assert_eq!(received.to_string(), "001795316449123.00001");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HybridClock {
    last: HybridTime,
    drift_us: u64,
}

impl Default for HybridClock {
    fn default() -> Self {
        Self::new()
    }
}

impl HybridClock {
    /// A clock that accepts stamps of others up to half a second ahead of its own time.
    pub const fn new() -> Self {
        Self::with_drift(DRIFT_US)
    }

    /// A clock that accepts stamps of others up to so many microseconds ahead of its own time.
    pub const fn with_drift(drift_us: u64) -> Self {
        Self::resume(HybridTime(0), drift_us)
    }

    /// A clock that goes on after a stamp, such as the last one of a process that has ended.
    pub const fn resume(last: HybridTime, drift_us: u64) -> Self {
        Self { last, drift_us }
    }

    /// The last stamp that was given.
    pub const fn last(&self) -> HybridTime {
        self.last
    }

    /// A stamp for something that happens here, now: greater than all before. (After the year
    /// 10889, at the largest number, it stays.)
    pub fn tick(&mut self, now_us: u64) -> HybridTime {
        self.last = HybridTime::at(now_us).max(self.last.next());
        self.last
    }

    /// A stamp for having received that one, now: greater than it, and than all before.
    ///
    /// Errors: `bad_argument` when the other is farther ahead of `now_us` than is allowed; the
    /// clock stays as it is. So one host with a wrong time cannot take everybody along.
    pub fn observe(&mut self, remote: HybridTime, now_us: u64) -> Result<HybridTime> {
        let latest = now_us.saturating_add(self.drift_us) / 1_000;
        if remote.ms() > latest {
            let (ahead, drift) = (remote.ms() - now_us / 1_000, self.drift_us / 1_000);
            return Err(refused(format!(
                "the stamp {remote} is {ahead} ms ahead of the time here, at most {drift} are \
                 allowed; set the time of that host, or of this one"
            )));
        }
        self.last = HybridTime::at(now_us).max(self.last.max(remote).next());
        Ok(self.last)
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::BadArgument, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_795_316_449_123_456;

    fn stamp(ms: u64, counter: u16) -> HybridTime {
        HybridTime(ms << 16 | u64::from(counter))
    }

    #[test]
    fn stamps_ascend_when_the_time_does_not() {
        let mut clock = HybridClock::new();
        assert_eq!(clock.tick(NOW), stamp(1_795_316_449_123, 0));
        assert_eq!(clock.tick(NOW), stamp(1_795_316_449_123, 1));
        assert_eq!(clock.tick(NOW - 5_000_000), stamp(1_795_316_449_123, 2));
        assert_eq!(clock.tick(NOW + 1_000), stamp(1_795_316_449_124, 0));
        assert_eq!(clock.last().ms(), 1_795_316_449_124);
    }

    #[test]
    fn a_full_counter_runs_over_into_the_milliseconds() {
        let mut clock = HybridClock { last: stamp(7, u16::MAX), ..HybridClock::new() };
        assert_eq!(clock.tick(7_000), stamp(8, 0));
        assert_eq!(clock.tick(7_000), stamp(8, 1));
        let mut last = HybridClock { last: HybridTime(u64::MAX), ..HybridClock::new() };
        assert_eq!(last.tick(u64::MAX), HybridTime(u64::MAX), "it never begins anew");
    }

    #[test]
    fn a_clock_goes_on_where_another_ended() {
        let mut clock = HybridClock::resume(stamp(7, 3), 1_000);
        assert_eq!((clock.last(), clock.tick(0)), (stamp(7, 3), stamp(7, 4)));
        assert!(clock.observe(stamp(9, 0), 8_000).is_ok());
        assert!(clock.observe(stamp(10, 0), 8_000).is_err());
    }

    #[test]
    fn what_was_received_is_before_what_follows() {
        let mut clock = HybridClock::new();
        clock.tick(NOW);
        let ms = NOW / 1_000;
        assert_eq!(clock.observe(stamp(ms + 20, 9), NOW), Ok(stamp(ms + 20, 10)));
        assert_eq!(clock.observe(stamp(ms + 20, 3), NOW), Ok(stamp(ms + 20, 11)));
        assert_eq!(clock.observe(stamp(ms, 3), NOW + 30_000), Ok(stamp(ms + 30, 0)));
    }

    #[test]
    fn a_stamp_too_far_ahead_is_refused_and_changes_nothing() {
        let mut clock = HybridClock::with_drift(2_000);
        clock.tick(10_000);
        let before = clock;
        let error = clock.observe(stamp(13, 0), 10_999).expect_err("3 ms ahead");
        assert_eq!((error.kind(), clock), (ErrorKind::BadArgument, before));
        assert!(clock.observe(HybridTime(u64::MAX), 10_999).is_err());
        assert_eq!(clock.observe(stamp(12, 65_535), 10_999), Ok(stamp(13, 0)));
    }

    #[test]
    fn only_the_whole_text_is_one() {
        let text = "001795316449123.00042";
        assert_eq!(text.parse(), Ok(stamp(1_795_316_449_123, 42)));
        assert_eq!(stamp(1_795_316_449_123, 42).to_string(), text);
        let others = [
            "",
            "1795316449123.42",
            "001795316449123.65536",
            "281474976710656.00000",
            "+01795316449123.00042",
            "001795316449123.+0042",
            "001795316449123,00042",
            "001795316449123.00042 ",
            "٠٠١٧٩٥٣١٦٤٤٩١٢٣.00042",
        ];
        for other in others {
            assert!(other.parse::<HybridTime>().is_err(), "{other}");
        }
        assert_eq!("281474976710655.65535".parse(), Ok(HybridTime(u64::MAX)));
        assert!(HybridTime::from_bytes(&[0; 7]).is_err());
    }

    proptest! {
        #[test]
        fn text_bytes_and_number_are_one_stamp_in_one_order(a: u64, b: u64) {
            let (x, y) = (HybridTime::from_u64(a), HybridTime::from_u64(b));
            prop_assert_eq!(x.to_string().parse(), Ok(x));
            prop_assert_eq!(HybridTime::from_bytes(&x.to_bytes()), Ok(x));
            prop_assert_eq!(x.as_u64(), a);
            prop_assert_eq!(x.cmp(&y), x.to_string().cmp(&y.to_string()));
            prop_assert_eq!(x.cmp(&y), x.to_bytes().cmp(&y.to_bytes()));
        }

        #[test]
        fn stamps_ascend_and_stay_near_the_time(
            steps in prop::collection::vec((0_u64..3_000, prop::option::of(0_u64..3_000)), 0..60),
        ) {
            let (mut clock, mut latest) = (HybridClock::with_drift(100_000), 0);
            for (now_ms, remote) in steps {
                let (before, now_us) = (clock.last(), now_ms * 1_000);
                latest = latest.max(now_ms);
                let Some(remote) = remote else {
                    prop_assert!(clock.tick(now_us) > before);
                    continue;
                };
                match clock.observe(stamp(remote, 3), now_us) {
                    Ok(given) => prop_assert!(given > before && given > stamp(remote, 3)),
                    Err(_) => prop_assert!(clock.last() == before && remote > now_ms + 100),
                }
                prop_assert!(clock.last().ms() <= latest + 100);
            }
        }
    }
}
