//! Vivaldi: where this node stands, from round-trip times and where others say that they stand.
//!
//! The algorithm and its constants are those of serf's `coordinate` package, step by step, so that
//! the coordinates of both can be mixed; `tests/vectors/serf/coordinates.txt` has its numbers.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

pub use crate::wire::serf::Coordinate;
use crate::wire::serf::DIMENSIONS;

/// How much one measurement may change the error, and the place.
const CE: f64 = 0.25;
const CC: f64 = 0.25;
/// Measurements that the adjustment is the mean of.
const ADJUSTMENT_WINDOW: usize = 20;
/// Measurements of one member that the median is taken of.
const LATENCY_FILTER: usize = 3;
/// How weakly everything is pulled to the centre.
const GRAVITY_RHO: f64 = 150.0;
/// Smaller times and errors count as this.
const ZERO: f64 = 1.0e-6;
/// Longer round trips are no measurement.
const RTT_MAX: Duration = Duration::from_secs(10);
/// Nobody is farther from the centre, in seconds: measurements are at most [`RTT_MAX`].
const PLACE_MAX: f64 = 60.0;

/// Why a measurement does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rogue;

/// The last measurements of one member.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latencies {
    seconds: [f64; LATENCY_FILTER],
    count: u8,
}

impl Latencies {
    /// Takes a measurement in, and gives the median.
    fn filter(&mut self, seconds: f64) -> f64 {
        if usize::from(self.count) == LATENCY_FILTER {
            self.seconds.rotate_left(1);
        } else {
            self.count += 1;
        }
        let count = usize::from(self.count);
        self.seconds[count - 1] = seconds;
        let mut sorted = self.seconds;
        sorted[..count].sort_by(f64::total_cmp);
        sorted[count / 2]
    }
}

/// What is known of one member's distance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// Where it said last that it stands.
    pub(crate) coordinate: Coordinate,
    latencies: Latencies,
}

/// Where this node stands.
#[derive(Debug)]
pub(crate) struct Vivaldi {
    own: Coordinate,
    samples: [f64; ADJUSTMENT_WINDOW],
    next_sample: usize,
}

impl Vivaldi {
    pub(crate) const fn new() -> Self {
        Self { own: Coordinate::ORIGIN, samples: [0.0; ADJUSTMENT_WINDOW], next_sample: 0 }
    }

    pub(crate) const fn own(&self) -> &Coordinate {
        &self.own
    }

    /// Takes a measurement in: a member that says it stands there answered after that time.
    pub(crate) fn measure(
        &mut self,
        peer: &mut Option<Box<Peer>>,
        there: Coordinate,
        rtt: Duration,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<(), Rogue> {
        if !is_sane(&there) || rtt > RTT_MAX {
            return Err(Rogue);
        }
        let fresh = || Box::new(Peer { coordinate: there, latencies: Latencies::default() });
        let peer = peer.get_or_insert_with(fresh);
        peer.coordinate = there;
        let seconds = peer.latencies.filter(rtt.as_secs_f64());
        self.spring(&there, seconds, rng);
        self.adjust(&there, seconds);
        self.gravitate(rng);
        if !self.own.is_finite() {
            self.own = Coordinate::ORIGIN;
        }
        Ok(())
    }

    /// Two members are the ends of a spring whose length is the round-trip time.
    fn spring(&mut self, there: &Coordinate, seconds: f64, rng: &mut Xoshiro256PlusPlus) {
        let distance = self.own.distance_to(there).as_secs_f64();
        let seconds = seconds.max(ZERO);
        let wrongness = (distance - seconds).abs() / seconds;
        let weight = self.own.error / (self.own.error + there.error).max(ZERO);
        let error = CE * weight * wrongness + self.own.error * (1.0 - CE * weight);
        self.own.error = error.min(ERROR_MAX);
        let force = CC * weight * (seconds - distance);
        self.own = self.own.pushed(force, there, || any_direction(rng));
    }

    /// What the space cannot express is the mean of what estimates are off by.
    fn adjust(&mut self, there: &Coordinate, seconds: f64) {
        self.samples[self.next_sample] = seconds - self.own.raw_distance_to(there);
        self.next_sample = (self.next_sample + 1) % ADJUSTMENT_WINDOW;
        let sum: f64 = self.samples.iter().sum();
        self.own.adjustment = sum / (2.0 * ADJUSTMENT_WINDOW as f64);
    }

    /// Keeps everybody together from drifting off.
    fn gravitate(&mut self, rng: &mut Xoshiro256PlusPlus) {
        let distance = Coordinate::ORIGIN.distance_to(&self.own).as_secs_f64();
        let pull = distance / GRAVITY_RHO;
        let force = -(pull * pull);
        self.own = self.own.pushed(force, &Coordinate::ORIGIN, || any_direction(rng));
    }
}

/// Whether an honest member may say that it stands there. serf refuses only what is no number; a
/// single one that claims to be hours away would throw everybody off who measures it.
fn is_sane(there: &Coordinate) -> bool {
    there.is_finite()
        && there.error >= 0.0
        && (0.0..=PLACE_MAX).contains(&there.height)
        && there.adjustment.abs() <= PLACE_MAX
        && there.vec.iter().all(|part| part.abs() <= PLACE_MAX)
}

fn any_direction(rng: &mut Xoshiro256PlusPlus) -> [f64; DIMENSIONS] {
    unit(std::array::from_fn(|_| rng.random_range(-0.5..0.5)))
}

/// The least height: a member is never at no distance from another.
const HEIGHT_MIN: f64 = 10.0e-6;
/// The error of who has measured nothing, and the most there is.
const ERROR_MAX: f64 = 1.5;

impl Coordinate {
    /// Where everybody begins.
    const ORIGIN: Self =
        Self { vec: [0.0; DIMENSIONS], error: ERROR_MAX, adjustment: 0.0, height: HEIGHT_MIN };

    /// The estimated round-trip time between two members.
    pub fn distance_to(&self, other: &Self) -> Duration {
        let raw = self.raw_distance_to(other);
        let adjusted = raw + self.adjustment + other.adjustment;
        let seconds = if adjusted > 0.0 { adjusted } else { raw };
        // Saturates, and what is no number becomes zero.
        Duration::from_nanos((seconds * 1.0e9) as u64)
    }

    /// In seconds, without the corrections of the two.
    fn raw_distance_to(&self, other: &Self) -> f64 {
        magnitude(&difference(&self.vec, &other.vec)) + self.height + other.height
    }

    /// Pushed away from `other` by so many seconds. `direction` is asked for one where the two
    /// stand in the same place.
    #[must_use]
    fn pushed(
        &self,
        force: f64,
        other: &Self,
        direction: impl FnOnce() -> [f64; DIMENSIONS],
    ) -> Self {
        let mut pushed = *self;
        let mut unit = difference(&self.vec, &other.vec);
        let mut length = magnitude(&unit);
        if length > SAME_PLACE {
            unit = unit.map(|part| part * (1.0 / length));
        } else {
            (unit, length) = (direction(), 0.0);
        }
        for (place, part) in pushed.vec.iter_mut().zip(unit) {
            *place += part * force;
        }
        if length > SAME_PLACE {
            let height = (self.height + other.height) * force / length + self.height;
            pushed.height = height.max(HEIGHT_MIN);
        }
        pushed
    }

    /// Whether every number of it is one.
    fn is_finite(&self) -> bool {
        let others = [self.error, self.adjustment, self.height];
        self.vec.iter().chain(&others).all(|number| number.is_finite())
    }
}

/// Nearer than this, in seconds, there is no direction from one to the other.
const SAME_PLACE: f64 = 1.0e-6;

/// A vector of length one in the direction of `vec`, if it has one.
fn unit(vec: [f64; DIMENSIONS]) -> [f64; DIMENSIONS] {
    let length = magnitude(&vec);
    if length > SAME_PLACE {
        return vec.map(|part| part * (1.0 / length));
    }
    let mut first = [0.0; DIMENSIONS];
    first[0] = 1.0;
    first
}

fn difference(a: &[f64; DIMENSIONS], b: &[f64; DIMENSIONS]) -> [f64; DIMENSIONS] {
    let mut difference = *a;
    difference.iter_mut().zip(b).for_each(|(a, b)| *a -= b);
    difference
}

fn magnitude(vec: &[f64; DIMENSIONS]) -> f64 {
    vec.iter().map(|part| part * part).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng;

    use super::*;

    fn rng() -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(7)
    }

    fn coordinate(columns: &[&str]) -> Coordinate {
        let number = |at: usize| f64::from_bits(u64::from_str_radix(columns[at], 16).unwrap());
        let vec = std::array::from_fn(number);
        Coordinate { vec, error: number(8), adjustment: number(9), height: number(10) }
    }

    #[test]
    fn the_numbers_are_serfs_to_the_last_bit() {
        let table = include_str!("../../../tests/vectors/serf/coordinates.txt");
        let mut vivaldi = Vivaldi::new();
        let mut peers = BTreeMap::new();
        let mut measured = 0;
        for row in table.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = row.split(' ').collect();
            assert_eq!(columns.len(), 25, "{row}");
            let (node, after) = (columns[0], coordinate(&columns[14..]));
            if node == "-" {
                vivaldi.own = after;
                continue;
            }
            let there = coordinate(&columns[2..13]);
            let before = vivaldi.own.distance_to(&there);
            assert_eq!(before.as_nanos().to_string(), columns[13], "{row}");
            let rtt = Duration::from_nanos(columns[1].parse().unwrap());
            let peer = peers.entry(node).or_insert(None);
            vivaldi.measure(peer, there, rtt, &mut rng()).unwrap();
            assert_eq!(vivaldi.own, after, "{row}");
            measured += 1;
        }
        assert_eq!(measured, 40);
    }

    #[test]
    fn rogue_values_change_nothing() {
        let honest = Coordinate { error: 1.0, ..Coordinate::ORIGIN };
        let far = |at: usize, value: f64| {
            let mut there = honest;
            there.vec[at] = value;
            there
        };
        let rogues = [
            far(0, f64::NAN),
            far(7, f64::INFINITY),
            far(3, 61.0),
            Coordinate { error: f64::NAN, ..honest },
            Coordinate { error: -0.1, ..honest },
            Coordinate { adjustment: f64::NEG_INFINITY, ..honest },
            Coordinate { adjustment: -61.0, ..honest },
            Coordinate { height: -0.1, ..honest },
            Coordinate { height: 61.0, ..honest },
        ];
        let (mut vivaldi, mut peer) = (Vivaldi::new(), None);
        let rtt = Duration::from_millis(5);
        for rogue in rogues {
            assert_eq!(vivaldi.measure(&mut peer, rogue, rtt, &mut rng()), Err(Rogue), "{rogue:?}");
        }
        let slow = RTT_MAX + Duration::from_nanos(1);
        assert_eq!(vivaldi.measure(&mut peer, honest, slow, &mut rng()), Err(Rogue));
        assert!(peer.is_none() && *vivaldi.own() == Coordinate::ORIGIN);
        assert_eq!(vivaldi.measure(&mut peer, honest, RTT_MAX, &mut rng()), Ok(()));
        assert!(peer.is_some() && *vivaldi.own() != Coordinate::ORIGIN);
        assert_eq!(vivaldi.measure(&mut peer, honest, Duration::ZERO, &mut rng()), Ok(()));
    }

    /// As serf's own test: the estimates of nodes that measure each other approach the truth.
    #[test]
    fn estimates_approach_the_truth() {
        const NODES: usize = 10;
        let truth = |a: usize, b: usize| {
            // Two places, 200 ms apart, 10 ms within each.
            let far = (a < NODES / 2) != (b < NODES / 2);
            Duration::from_millis(if far { 210 } else { 10 })
        };
        let mut rng = rng();
        let mut nodes: Vec<Vivaldi> = (0..NODES).map(|_| Vivaldi::new()).collect();
        let mut peers = vec![None; NODES * NODES];
        for _ in 0..1000 {
            for a in 0..NODES {
                let b = rng.random_range(0..NODES);
                if a != b {
                    let there = *nodes[b].own();
                    let peer = &mut peers[a * NODES + b];
                    nodes[a].measure(peer, there, truth(a, b), &mut rng).unwrap();
                }
            }
        }
        for a in 0..NODES {
            for b in 0..a {
                let estimate = nodes[a].own().distance_to(nodes[b].own()).as_secs_f64();
                let truth = truth(a, b).as_secs_f64();
                assert!((estimate - truth).abs() < truth / 5.0, "{a}, {b}: {estimate} of {truth}");
            }
        }
    }

    #[test]
    fn the_median_rides_out_one_slow_answer() {
        let mut latencies = Latencies::default();
        let medians = [1.0, 9.0, 2.0, 3.0, 1.0].map(|seconds| latencies.filter(seconds));
        assert_eq!(medians, [1.0, 9.0, 2.0, 3.0, 2.0]);
    }
}
