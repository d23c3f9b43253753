//! The nemesis of the simulator: everything goes wrong, several things at once, then nothing does,
//! and the cluster has to be whole. `make seeds` plays many more seeds.

mod shared;

use std::time::Duration;

use chinwag::sim::nemesis::{CALM_MAX, Toll, play};
use shared::{every_seed, is_alone};

fn toll(tolls: &[Toll]) -> Toll {
    tolls.iter().fold(Toll::default(), |mut sum, toll| {
        sum.add(toll);
        sum
    })
}

/// Unoptimised, a tenth of it, so that it takes seconds.
const LENGTH: u64 = if cfg!(debug_assertions) { 24 } else { 240 };

#[test]
fn a_cluster_is_whole_again_after_minutes_of_everything() {
    let tolls = every_seed(80, |seed| play(seed, Duration::from_secs(LENGTH), CALM_MAX));
    let sum = toll(&tolls);
    println!("whole again after {:?} at most\n{sum}", sum.calm);
    assert_eq!(sum.slow, 0, "slower than the goal");
    assert!(is_alone(tolls.len()) || sum.missing().is_empty(), "never: {:?}", sum.missing());
}

/// Seeds that took longer than half a minute once: a name that somebody else had for a while, with
/// its holder cut off, restarted, or behind by its clock; and members that missed all gossip about
/// each other.
#[test]
fn seeds_that_were_slow_once() {
    let once = [0xb, 0x19, 0x25, 0x28, 0x29, 0x39, 0x3d, 0x41, 0x49, 0x5d, 0xff, 0x103, 0x1ba];
    let calm = |seed| play(seed, Duration::from_secs(50), CALM_MAX);
    let sum = toll(&once.map(calm));
    assert_eq!(sum.slow, 0, "slower than the goal again");
}

#[test]
fn a_run_that_proves_nothing_is_found_out() {
    let quiet = play(1, Duration::ZERO, CALM_MAX);
    assert!(quiet.missing().contains(&"crash"), "{quiet}");
    assert_eq!(
        play(9, Duration::from_secs(20), CALM_MAX),
        play(9, Duration::from_secs(20), CALM_MAX)
    );
}
