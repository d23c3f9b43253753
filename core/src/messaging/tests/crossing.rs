//! Two connections between the same two, for a moment.

use super::*;

/// Each has dialled the other, and what the one said first may come after all the rest.
#[test]
fn two_that_dial_each_other_keep_what_they_have() {
    let mut crossed = 0;
    for seed in 9_000..9_000 + 20 * seeds() {
        let mut world = World::new(seed, 2);
        world.rough = false;
        for at in [0, 1] {
            world.call(at, 1 - at);
            world.drain(at);
            // The other one is about to dial, does, or has just done so.
            let wait = Duration::from_micros(world.rng.random_range(0..8_000));
            world.run(wait);
        }
        for _ in 0..50 {
            let at = world.rng.random_range(0..2);
            world.call(at, 1 - at);
            world.drain(at);
            world.run(Duration::from_micros(500));
        }
        world.run(Duration::from_secs(5));
        assert_eq!(world.tale.failed.get("node_down"), None, "seed {seed:#x}: {:?}", world.tale);
        let dialled = |at: usize| world.nodes[at].machine.last_link > 1;
        crossed += u64::from(dialled(0) && dialled(1));
    }
    assert!(crossed > 0, "they never dialled each other");
}
