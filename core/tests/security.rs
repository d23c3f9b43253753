//! Labels and keys between nodes, in the simulator.

use std::time::Duration;

use chinwag::sim::{NodeId, Sim};
use chinwag::wire::{Key, Keyring, Security};

const SOON: Duration = Duration::from_secs(20);

fn key(byte: u8, len: usize) -> Key {
    Key::from_bytes(&vec![byte; len]).expect("a length of AES")
}

fn keyed(label: &str, key: Key) -> Security {
    Security { keyring: Some(Keyring::new(key)), ..Security::labelled(label) }
}

/// A pair that has joined.
fn pair(sim: &mut Sim, security: &Security) -> (NodeId, NodeId) {
    sim.set_security(security.clone());
    let (a, b) = (sim.start("a"), sim.start("b"));
    sim.join(b, &[a]);
    assert!(sim.run_until(SOON, Sim::all_see_all), "seed {}", sim.seed());
    (a, b)
}

#[test]
fn probes_are_answered_under_label_and_key() {
    for len in [16, 24, 32] {
        for security in
            [Security::labelled("blue"), keyed("", key(1, len)), keyed("blue", key(1, len))]
        {
            let mut sim = Sim::new(1);
            let (a, b) = pair(&mut sim, &security);
            sim.run_for(Duration::from_secs(30));
            for node in [a, b] {
                let stats = sim.stats(node);
                assert!(stats.probes_answered > 20, "{security:?}: {stats:?}");
                assert_eq!((stats.probes_saved_by_tcp, stats.probes_failed), (0, 0), "{stats:?}");
                let refused = stats.packets_mislabelled + stats.packets_undecryptable;
                assert_eq!(refused + stats.packets_plaintext_refused, 0, "{stats:?}");
                assert_eq!((stats.packets_malformed, stats.streams_failed), (0, 0), "{stats:?}");
            }
        }
    }
}
