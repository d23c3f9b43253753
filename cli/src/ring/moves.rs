//! What moves from whom to whom, in every kind of ring.

use std::collections::BTreeMap;

use chinwag::ring::{Range, Ring, RingChange};

/// What goes from one node to another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Move {
    /// Who has it; nobody if the ring is empty.
    pub(super) from: Option<String>,
    /// Who gets it; nobody if the ring will be empty.
    pub(super) to: Option<String>,
    /// Slots, or places on a ring of points.
    pub(super) places: u64,
    /// Their part of all, from 0 to 1.
    pub(super) share: f64,
}

/// All moves, by the names of both; none between rings that place keys in different ways.
pub(super) fn moves(change: &RingChange) -> Vec<Move> {
    let (before, after) = (change.before().ranges(), change.after().ranges());
    let places = |ranges: &[Range<'_>]| ranges.last().map_or(0, |last| last.end + 1);
    let total = places(&before).max(places(&after));
    if !before.is_empty() && !after.is_empty() && places(&before) != places(&after) {
        return Vec::new();
    }
    let mut flows: BTreeMap<(Option<&str>, Option<&str>), u64> = BTreeMap::new();
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    let mut at = 0;
    while at < total {
        // Ranges follow each other without a gap, so one of both sides holds the place.
        let ends = [old.peek(), new.peek()].map(|range| range.map_or(total - 1, |range| range.end));
        let end = ends[0].min(ends[1]);
        let owners = (old.peek().map(|range| range.owner), new.peek().map(|range| range.owner));
        if owners.0 != owners.1 {
            *flows.entry(owners).or_default() += end + 1 - at;
        }
        old.next_if(|range| range.end == end);
        new.next_if(|range| range.end == end);
        at = end + 1;
    }
    let name = |name: Option<&str>| name.map(str::to_owned);
    let share = |places: u64| places as f64 / total as f64;
    let flow = |((from, to), places)| Move {
        from: name(from),
        to: name(to),
        places,
        share: share(places),
    };
    flows.into_iter().map(flow).collect()
}

/// The least share that has to move, by the weights: what all who are entitled to more lack.
pub(super) fn ideal(before: &Ring, after: &Ring) -> f64 {
    if after.is_empty() {
        return if before.is_empty() { 0.0 } else { 1.0 };
    }
    let had: BTreeMap<&str, f64> =
        before.balance().iter().map(|own| (own.name, own.ideal)).collect();
    let more = |name, ideal: f64| (ideal - had.get(name).copied().unwrap_or(0.0)).max(0.0);
    after.balance().iter().map(|own| more(own.name, own.ideal)).sum()
}

#[cfg(test)]
mod tests {
    use chinwag::ring::Profile;

    use super::*;

    fn named(profile: Profile, names: &[&str]) -> Ring {
        Ring::builder().profile(profile).nodes(names.iter().copied()).build().expect("a ring")
    }

    #[test]
    fn slots_that_move_are_counted_as_the_library_does() {
        let before = named(Profile::DEFAULT, &["a", "b", "c"]);
        let after = before.without("b").and_then(|ring| ring.with("d")).expect("a ring");
        let change = RingChange::new(&before, &after);
        let counted: BTreeMap<_, _> = moves(&change)
            .into_iter()
            .map(|one| ((one.from, one.to), usize::try_from(one.places).expect("it fits")))
            .collect();
        let name = |name: Option<&str>| name.map(str::to_owned);
        let flows = change.flows();
        let flows = flows.into_iter().map(|((from, to), count)| ((name(from), name(to)), count));
        assert_eq!(counted, flows.collect());
        assert!(!counted.is_empty());
    }

    #[test]
    fn rings_of_points_move_what_keys_show() {
        for profile in [Profile::Ketama, Profile::Clusterluck] {
            let before = named(profile, &["a", "b", "c"]);
            let after = before.with("d").expect("a ring");
            let change = RingChange::new(&before, &after);
            let all: f64 = moves(&change).iter().map(|one| one.share).sum();
            let keys: Vec<String> = (0..20_000).map(|key| key.to_string()).collect();
            let moved = change.moved(&keys).count() as f64 / keys.len() as f64;
            assert!((all - moved).abs() < 0.02, "{profile:?}: {all} of places, {moved} of keys");
            assert!(moves(&change).iter().all(|one| one.to.as_deref() == Some("d")), "{profile:?}");
        }
    }

    #[test]
    fn an_empty_ring_gives_and_takes_all() {
        for profile in [Profile::DEFAULT, Profile::Ketama, Profile::Clusterluck] {
            let (nobody, one) = (named(profile, &[]), named(profile, &["a"]));
            let sum = |from: &Ring, to: &Ring| {
                let moves = moves(&RingChange::new(from, to));
                let all: f64 = moves.iter().map(|one| one.share).sum();
                (moves.len(), all, ideal(from, to))
            };
            assert_eq!(sum(&nobody, &one), (1, 1.0, 1.0));
            assert_eq!(sum(&one, &nobody), (1, 1.0, 1.0));
            assert_eq!(sum(&nobody, &nobody), (0, 0.0, 0.0));
            assert_eq!(sum(&one, &one), (0, 0.0, 0.0));
        }
    }

    #[test]
    fn the_ideal_is_what_the_weights_say() {
        let before = named(Profile::DEFAULT, &["a", "b", "c"]);
        let joined = before.with(chinwag::ring::RingNode::new("d").weight(3)).expect("a ring");
        assert!((ideal(&before, &joined) - 0.5).abs() < 1e-12);
        let left = before.without("a").expect("a ring");
        assert!((ideal(&before, &left) - 1.0 / 3.0).abs() < 1e-12);
    }
}
