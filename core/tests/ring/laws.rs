//! What holds for every ring. The order in which nodes came is irrelevant; only the keys that must
//! move do; weights are shares; unions and intersections are those of sets.

use std::collections::{BTreeMap, BTreeSet};

use chinwag::ErrorKind;
use chinwag::ring::{Builder, Profile, Ring, RingChange, RingNode};
use proptest::prelude::*;

const SLOTS: u32 = 2_048;

fn slots(slack: Option<u32>) -> Profile {
    Profile::Slots { slots: SLOTS, slack }
}

pub(super) fn ring(profile: Profile, nodes: impl IntoIterator<Item = RingNode>) -> Ring {
    Ring::builder().profile(profile).nodes(nodes).build().unwrap()
}

pub(super) fn named(count: usize) -> Vec<RingNode> {
    (0..count).map(|n| RingNode::new(format!("node-{n}"))).collect()
}

/// Nodes by number, so that two sets have some in common; some with weights and zones.
fn nodes() -> impl Strategy<Value = BTreeMap<u8, (u32, u8)>> {
    prop::collection::btree_map(0_u8..30, (1_u32..5, 0_u8..4), 1..14)
}

fn of(nodes: &BTreeMap<u8, (u32, u8)>) -> Vec<RingNode> {
    let zone = |zone: u8| if zone == 0 { String::new() } else { format!("zone-{zone}") };
    let node = |(n, (weight, z)): (&u8, &(u32, u8))| {
        RingNode::new(format!("n{n}")).weight(*weight).zone(zone(*z))
    };
    nodes.iter().map(node).collect()
}

fn profile() -> impl Strategy<Value = Profile> {
    prop_oneof![
        Just(slots(None)),
        Just(slots(Some(50))),
        Just(slots(Some(0))),
        Just(Profile::partitions(271)),
        Just(Profile::Ketama),
        Just(Profile::Clusterluck),
    ]
}

fn keys() -> Vec<String> {
    (0..300).map(|key| format!("key-{key}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_ring_depends_on_its_nodes_and_not_on_how_it_came_to_them(
        profile in profile(),
        before in nodes(),
        after in nodes(),
    ) {
        let fresh = ring(profile, of(&after).into_iter().rev());
        let mut changed = ring(profile, of(&before));
        for name in before.keys().filter(|n| !after.contains_key(n)) {
            changed = changed.without(&format!("n{name}")).unwrap();
        }
        for node in of(&after) {
            let is_there = changed.nodes().any(|other| other.name == node.name);
            let builder = changed.to_builder();
            let builder = if is_there { builder.update(node) } else { builder.node(node) };
            changed = builder.build().unwrap();
        }
        prop_assert_eq!(&changed, &fresh);
        prop_assert_eq!(changed.fingerprint(), fresh.fingerprint());
        prop_assert!(changed.slots().eq(fresh.slots()));
        for key in keys() {
            prop_assert_eq!(changed.owners(&key, 5), fresh.owners(&key, 5));
        }
    }

    #[test]
    fn owners_are_as_many_as_there_are_and_different(
        profile in profile(),
        nodes in nodes(),
        count in 0_usize..20,
    ) {
        let ring = ring(profile, of(&nodes));
        for key in keys().iter().take(40) {
            let owners = ring.owners(key, count);
            // A node that is too light for a point of ketama is not there.
            let all = ring.ranges().iter().map(|range| range.owner).collect::<BTreeSet<_>>().len();
            let has_slots = matches!(ring.profile(), Profile::Slots { .. });
            let all = if has_slots { ring.len() } else { all };
            prop_assert_eq!(owners.len(), count.min(all));
            prop_assert_eq!(owners.iter().collect::<BTreeSet<_>>().len(), owners.len());
            prop_assert_eq!(owners.first().copied(), ring.owner(key).filter(|_| count > 0));
            let (mut all, mut some) = (Vec::new(), vec![0; count]);
            ring.owner_numbers(key.as_bytes(), count, &mut all);
            prop_assert_eq!(ring.owner_numbers_into(key.as_bytes(), &mut some), all.len());
            prop_assert_eq!(&some[..all.len()], &all[..]);
            let more = ring.owners(key, count + 3);
            prop_assert_eq!(&more[..owners.len()], &owners[..]);
        }
    }

    #[test]
    fn owners_are_of_different_zones_while_there_are_some(
        nodes in nodes(),
        count in 1_usize..9,
    ) {
        let ring = ring(slots(Some(50)), of(&nodes));
        let zone_of = |name: &str| {
            let node = ring.nodes().find(|node| node.name == name).unwrap();
            if node.zone.is_empty() { name.to_owned() } else { node.zone }
        };
        let zones: BTreeSet<String> = ring.names().map(zone_of).collect();
        for key in keys().iter().take(40) {
            let owners = ring.owners(key, count);
            let different: BTreeSet<String> = owners.iter().map(|name| zone_of(name)).collect();
            prop_assert_eq!(different.len(), owners.len().min(zones.len()));
        }
    }

    #[test]
    fn in_a_pure_ring_keys_move_to_the_newcomer_only(nodes in nodes(), weight in 1_u32..5) {
        let before = ring(slots(None), of(&nodes));
        let after = before.with(RingNode::new("newcomer").weight(weight)).unwrap();
        let there = RingChange::new(&before, &after);
        prop_assert!(there.slots().all(|moved| moved.to == Some("newcomer")));
        let back = RingChange::new(&after, &before);
        prop_assert!(back.slots().all(|moved| moved.from == Some("newcomer")));
        prop_assert!(there.slots().count() == back.slots().count());
    }

    #[test]
    fn nobody_has_more_than_the_bound(nodes in nodes(), slack in 0_u32..200) {
        let ring = ring(slots(Some(slack)), of(&nodes));
        for one in ring.balance() {
            let most = (f64::from(SLOTS) * one.ideal * (1.0 + f64::from(slack) / 1e3)).ceil();
            prop_assert!((one.share * f64::from(SLOTS)).round() <= most, "{one:?}");
        }
    }

    #[test]
    fn unions_and_intersections_are_those_of_sets(a in nodes(), b in nodes(), c in nodes()) {
        let [a, b, c] = [(a, 2), (b, 3), (c, 1)].map(|(nodes, replicas)| {
            let nodes = of(&nodes);
            let builder = Ring::builder().profile(slots(None)).nodes(nodes).replicas(replicas);
            builder.build().unwrap()
        });
        let union = |x: &Ring, y: &Ring| x.union(y).unwrap();
        let both = |x: &Ring, y: &Ring| x.intersection(y).unwrap();
        prop_assert_eq!(union(&a, &b), union(&b, &a));
        prop_assert_eq!(both(&a, &b), both(&b, &a));
        prop_assert_eq!(union(&a, &union(&b, &c)), union(&union(&a, &b), &c));
        prop_assert_eq!(both(&a, &both(&b, &c)), both(&both(&a, &b), &c));
        prop_assert_eq!(union(&a, &a), a.clone());
        prop_assert_eq!(both(&a, &union(&a, &b)), a.clone());
        prop_assert_eq!(union(&a, &both(&a, &b)), a);
    }

    #[test]
    fn bytes_are_those_of_one_ring(
        profile in profile(),
        nodes in nodes(),
        at: usize,
        to: u8,
    ) {
        let ring = Ring::builder()
            .profile(profile)
            .nodes(of(&nodes))
            .pin("vip", "n1")
            .pin_prefix("user:", "n2")
            .exclude("n3")
            .build()
            .unwrap();
        let mut bytes = ring.to_bytes();
        prop_assert_eq!(&Ring::from_bytes(&bytes).unwrap(), &ring);
        prop_assert!(Ring::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        let at = at % bytes.len();
        bytes[at] = to;
        if let Ok(other) = Ring::from_bytes(&bytes) {
            prop_assert_eq!(other.to_bytes(), bytes);
        }
    }

    #[test]
    fn any_bytes_are_a_ring_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(ring) = Ring::from_bytes(&bytes) {
            prop_assert_eq!(ring.to_bytes(), bytes);
        }
    }
}

/// Goals G4 and G5 of the ring: what the default promises, of one ring of a hundred nodes.
#[test]
fn the_busiest_of_a_hundred_has_five_percent_more_and_little_moves() {
    let ring = Ring::new(named(100)).unwrap();
    let busiest = ring.balance().iter().map(|one| one.share / one.ideal).fold(0.0, f64::max);
    assert!(busiest <= 1.0516, "{busiest}");
    let exact = Ring::builder().profile(Profile::EXACT).nodes(named(100)).build().unwrap();
    let busiest = exact.balance().iter().map(|one| one.share / one.ideal).fold(0.0, f64::max);
    assert!(busiest <= 1.01, "{busiest}");
    let moved =
        |change: RingChange| change.slots().count() as f64 / f64::from(Profile::DEFAULT_SLOTS);
    let joined = moved(RingChange::new(&ring, &ring.with("one more").unwrap())) * 101.0;
    let gone: f64 = (0..10)
        .map(|n| {
            moved(RingChange::new(&ring, &ring.without(&format!("node-{n}")).unwrap())) * 100.0
        })
        .sum();
    assert!(joined <= 1.1 && gone / 10.0 <= 1.1, "{joined}, {}", gone / 10.0);
}

#[test]
fn weights_are_shares() {
    let weights = [1, 1, 2, 4, 8, 3];
    let nodes = weights.iter().zip(named(6)).map(|(weight, node)| node.weight(*weight));
    let pure = ring(Profile::Slots { slots: 1 << 18, slack: None }, nodes);
    for one in pure.balance() {
        assert!((one.share / one.ideal - 1.0).abs() < 0.02, "{one:?}");
    }
}

#[test]
fn a_change_answers_about_keys() {
    let before = Ring::new(named(10)).unwrap();
    let after = before.without("node-3").unwrap();
    let change = RingChange::new(&before, &after);
    let keys = keys();
    let lost: Vec<&String> = change.lost("node-3", &keys).collect();
    assert!(!lost.is_empty());
    for key in &keys {
        let is_lost = before.owner(key) == Some("node-3");
        assert_eq!(lost.contains(&key), is_lost, "{key}");
        let gains = ["node-1", "node-2"].map(|name| change.gained(name, [key]).count() == 1);
        let owners = (before.owner(key), after.owner(key));
        assert_eq!(gains[0], owners.0 != owners.1 && owners.1 == Some("node-1"));
        assert_eq!(gains[1], owners.0 != owners.1 && owners.1 == Some("node-2"));
    }
    let flows = change.flows();
    assert_eq!(flows.values().sum::<usize>(), change.slots().count());
    assert!(flows.keys().all(|(from, to)| from.is_some() && to.is_some()));
}

#[test]
fn overrides_give_a_key_to_a_node_that_can_have_it() {
    let ring = Ring::builder()
        .nodes(named(5))
        .pin("vip", "node-4")
        .pin("lost", "nobody")
        .pin_prefix("user:", "node-1")
        .pin_prefix("user:4", "node-2")
        .pin_prefix("gone:", "node-3")
        .exclude("node-3")
        .build()
        .unwrap();
    let plain = ring.to_builder().unpin(b"lost").unpin_prefix(b"gone:").build().unwrap();
    assert_eq!(ring.owner("vip"), Some("node-4"));
    assert_eq!(ring.owner("user:1"), Some("node-1"));
    assert_eq!(ring.owner("user:42"), Some("node-2"));
    assert_eq!(ring.owner("lost"), plain.owner("lost"));
    assert_eq!(ring.owner("gone:1"), plain.owner("gone:1"));
    assert_eq!(ring.owners("vip", 9).len(), 4);
    assert_eq!(ring.owners("vip", 9)[0], "node-4");
    assert!(ring.names().all(|name| name != "node-3"));
    assert_eq!(ring.nodes().count(), 5);
}

#[test]
fn a_busy_owner_is_passed_over() {
    let ring = Ring::new(named(20)).unwrap();
    let order = ring.owners("hot", 20);
    assert_eq!(ring.owner_with_room("hot", |_| true), Some(order[0]));
    assert_eq!(ring.owner_with_room("hot", |name| name == order[13]), Some(order[13]));
    let mut asked = Vec::new();
    assert_eq!(
        ring.owner_with_room("hot", |name| {
            asked.push(name.to_owned());
            false
        }),
        None
    );
    assert_eq!(asked, order);
}

#[test]
fn what_cannot_be_a_ring_is_an_error() {
    let refused = |node: RingNode| Ring::new([node]).unwrap_err().kind();
    assert_eq!(refused(RingNode::new("")), ErrorKind::BadArgument);
    assert_eq!(refused(RingNode::new("a").weight(0)), ErrorKind::BadArgument);
    assert_eq!(refused(RingNode::new("a").weight(65_536)), ErrorKind::BadArgument);
    assert_eq!(refused(RingNode::new("a".repeat(1_025))), ErrorKind::TooLarge);
    assert_eq!(Ring::new(["a", "a"]).unwrap_err().kind(), ErrorKind::BadArgument);
    let empty = Ring::new::<RingNode>([]).unwrap();
    assert_eq!((empty.owner("k"), empty.owners("k", 3).len(), empty.slot("k")), (None, 0, None));
    assert!(empty.is_empty() && empty.balance().is_empty() && empty.ranges().is_empty());
    assert_eq!(empty.without("a").unwrap_err().kind(), ErrorKind::BadArgument);
    let build = |profile| Ring::builder().profile(profile).node("a").build().map(|ring| ring.len());
    let slots = |slots| build(Profile::Slots { slots, slack: None }).unwrap_err().kind();
    assert_eq!([slots(0), slots(1 << 21)], [ErrorKind::BadArgument; 2]);
    assert_eq!(build(Profile::partitions(1)), Ok(1));
    assert_eq!(Ring::builder().replicas(0).build().unwrap_err().kind(), ErrorKind::BadArgument);
    let long = "x".repeat(10_000_000);
    let message = Ring::builder().node("a").remove(&long).build().unwrap_err().to_string();
    assert!(message.len() < 300, "{}", message.len());
}

#[test]
fn a_builder_reads_what_a_ring_does_and_tells_the_work() {
    let ring = Ring::builder()
        .profile(Profile::partitions(271))
        .nodes(named(5))
        .pin("vip", "node-4")
        .build()
        .unwrap();
    let builder = Builder::from_bytes(&ring.to_bytes()).unwrap();
    assert_eq!((builder.work(), builder.to_bytes()), (5 * 271, ring.to_bytes()));
    assert_eq!(builder.build().unwrap(), ring);
    assert!(Builder::from_bytes(&ring.to_bytes()[1..]).is_err());
    // The largest that is allowed is read at once, and not built.
    let most = Profile::Slots { slots: 1 << 20, slack: None };
    let largest = Ring::builder().profile(most).nodes(named(768)).to_bytes();
    assert_eq!(Builder::from_bytes(&largest).unwrap().work(), 3 << 28);
    let points = |profile| Ring::builder().profile(profile).node("a").work();
    assert!(points(Profile::Ketama) > points(Profile::Clusterluck));
    #[cfg(feature = "json")]
    assert_eq!(Builder::from_json(&ring.to_json()).unwrap().build().unwrap(), ring);
}

#[cfg(feature = "json")]
#[test]
fn json_is_read_as_it_is_written() {
    let ring = Ring::builder()
        .profile(slots(Some(20)))
        .nodes([RingNode::new("a").zone("z"), RingNode::new("ä\"").weight(7)])
        .pin("vip", "a")
        .pin([0xff, 0x00], "a")
        .pin_prefix("user:", "b")
        .exclude("c")
        .hash_tags(true)
        .replicas(5)
        .build()
        .unwrap();
    let text = ring.to_json();
    assert_eq!(Ring::from_json(&text).unwrap(), ring);
    assert_eq!(Ring::from_json(&text).unwrap().to_json(), text);
    let short = Ring::from_json(r#"{"nodes":[{"name":"a"},{"name":"b","weight":2}]}"#).unwrap();
    assert_eq!(short, Ring::new([RingNode::new("a"), RingNode::new("b").weight(2)]).unwrap());
    for wrong in [
        "",
        "[]",
        r#"{"nodes":[{"nam":"a"}]}"#,
        r#"{"nodes":[{"name":"a","weight":-1}]}"#,
        r#"{"nodes":[{"name":"a","weight":1e999}]}"#,
        r#"{"nodes":[{"name":"a","weight":0.5}]}"#,
        r#"{"nodes":[{"name":"a"},{"name":"a"}]}"#,
        r#"{"version":2}"#,
        r#"{"profile":"nope"}"#,
        r#"{"profile":"ketama","slots":5}"#,
        r#"{"keys":[{"node":"a"}]}"#,
        r#"{"more":1}"#,
    ] {
        assert_eq!(Ring::from_json(wrong).unwrap_err().kind(), ErrorKind::BadArgument, "{wrong}");
    }
}

#[test]
fn profiles_have_names() {
    let of = |name, slots, slack| Profile::named(name, slots, slack).map_err(|error| error.kind());
    assert_eq!(of("default", None, None), Ok(Profile::DEFAULT));
    assert_eq!(of("default", Some(8), Some(9)), Ok(Profile::Slots { slots: 8, slack: Some(9) }));
    assert_eq!(of("pure", None, None), Ok(Profile::PURE));
    assert_eq!(of("exact", None, None), Ok(Profile::EXACT));
    assert_eq!(of("exact", Some(271), None), Ok(Profile::partitions(271)));
    assert_eq!(of("ketama", None, None), Ok(Profile::Ketama));
    assert_eq!(of("clusterluck", None, None), Ok(Profile::Clusterluck));
    for name in ["default", "pure", "exact", "ketama", "clusterluck"] {
        assert_eq!(of(name, None, None).map(Profile::name), Ok(name));
    }
    for (name, slots, slack) in [
        ("pure", None, Some(0)),
        ("exact", None, Some(50)),
        ("ketama", Some(8), None),
        ("clusterluck", None, Some(50)),
        ("Default", None, None),
        ("", None, None),
    ] {
        assert_eq!(of(name, slots, slack), Err(ErrorKind::BadArgument), "{name}");
    }
}

#[test]
fn a_ring_tells_what_it_is_made_from() {
    let builder = Ring::builder().nodes(["a", "b"]).exclude("b").exclude("absent").replicas(2);
    let ring = builder.hash_tags(true).pin("k", "a").pin_prefix([0xff], "b").build().unwrap();
    assert_eq!((ring.replicas(), ring.hash_tags()), (2, true));
    assert_eq!(ring.excluded().collect::<Vec<_>>(), ["absent", "b"]);
    assert_eq!(ring.pins().collect::<Vec<_>>(), [(&b"k"[..], "a")]);
    assert_eq!(ring.pin_prefixes().collect::<Vec<_>>(), [(&[0xff][..], "b")]);
}
