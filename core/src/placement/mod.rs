//! The cluster's ring: a function of the members, their tags, and what was decided by hand.
//!
//! Who is present is on it, alive or suspect: a member that is slow for a moment keeps its keys.
//! Members of the same settings and overrides, and with the same view of the others, have the same
//! ring, whatever they are written in.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::RingSettings;
use crate::error::Result;
use crate::member::Member;
use crate::ring::{Overrides, Ring, RingNode, mark};

/// A ring, and who on it has a weight that is none.
pub(crate) struct Placed {
    pub(crate) ring: Ring,
    /// What the tag says, by the member's name.
    pub(crate) odd: BTreeMap<String, String>,
}

/// Bytes of a name that a ring takes. Only a hostile peer has a longer one.
const NAME_MAX: usize = 1_024;
const WEIGHT_MAX: u32 = 65_535;

/// The ring of these members, of which the first by name is on it where the names of two have the
/// same hash: no ring has both, and one that joins with such a name must not end all rings.
///
/// # Errors
/// `too_large`: more members, or overrides, than a ring can have.
pub(crate) fn place(
    settings: &RingSettings,
    members: &[Member],
    overrides: Overrides,
    before: Option<&Ring>,
) -> Result<Placed> {
    let (mut odd, mut marks) = (BTreeMap::new(), BTreeSet::new());
    let mut builder = Ring::builder()
        .profile(settings.profile)
        .replicas(settings.replicas)
        .hash_tags(settings.hash_tags)
        .overrides(overrides);
    for member in members.iter().filter(|member| member.state().is_present()) {
        let (node, wrong) = node(settings, member);
        if let Some(wrong) = wrong {
            odd.insert(member.name().to_owned(), wrong);
        }
        if let Some(node) = node.filter(|node| marks.insert(mark(&node.name))) {
            builder = builder.node(node);
        }
    }
    if let Some(before) = before {
        builder = builder.after(before);
    }
    Ok(Placed { ring: builder.build()?, odd })
}

/// A member's place on the ring, if it has one; and what its tag says if that is no weight.
fn node(settings: &RingSettings, member: &Member) -> (Option<RingNode>, Option<String>) {
    let tags = member.tags();
    let name = member.name();
    let chosen = settings.tags.iter().all(|(key, value)| tags.get(key) == Some(value));
    if !chosen || name.is_empty() || name.len() > NAME_MAX {
        return (None, None);
    }
    let told = tags.get(&settings.weight_tag);
    let (weight, wrong) = match told.map(|text| (text, text.parse::<u32>())) {
        None => (1, None),
        Some((_, Ok(weight))) if weight <= WEIGHT_MAX => (weight, None),
        Some((text, _)) => (1, Some(text.clone())),
    };
    let zone = tags.get(&settings.zone_tag).cloned().unwrap_or_default();
    let node = (weight > 0).then(|| RingNode::new(name).weight(weight).zone(zone));
    (node, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, encode_tags};
    use crate::member::{Facts, MemberState, Tags};

    fn settings(options: &[(&str, &str)]) -> RingSettings {
        let mut config = Config::new();
        options.iter().for_each(|(key, value)| config.set(key, value).expect("an option"));
        config.settings().expect("no contradiction").ring
    }

    fn member(name: &str, state: MemberState, tags: &[(&str, &str)]) -> Member {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let tags: Tags = tags.iter().map(own).collect();
        Member::new(Facts {
            name,
            addr: "10.1.2.3:7946".parse().expect("an address"),
            state,
            incarnation: 1,
            versions: [1, 5, 2, 0, 0, 0],
            mapped: false,
            meta: &encode_tags(&tags).expect("they fit"),
        })
    }

    fn placed(options: &[(&str, &str)], members: &[Member]) -> Placed {
        place(&settings(options), members, Overrides::default(), None).expect("a ring")
    }

    fn names(ring: &Ring) -> Vec<&str> {
        ring.names().collect()
    }

    #[test]
    fn those_who_are_present_are_on_it() {
        let states = [
            ("a", MemberState::Alive),
            ("b", MemberState::Suspect),
            ("c", MemberState::Failed),
            ("d", MemberState::Left),
        ];
        let members = states.map(|(name, state)| member(name, state, &[]));
        assert_eq!(names(&placed(&[], &members).ring), ["a", "b"]);
    }

    #[test]
    fn tags_choose_weigh_and_place_members() {
        let alive = |name, tags: &[(&str, &str)]| member(name, MemberState::Alive, tags);
        let members = [
            alive("a", &[("role", "cache"), ("load", "3"), ("rack", "r1")]),
            alive("b", &[("role", "cache")]),
            alive("c", &[("role", "web")]),
            alive("d", &[("role", "cache"), ("load", "0")]),
        ];
        let options =
            [("ring_tags", "role=cache"), ("ring_weight_tag", "load"), ("ring_zone_tag", "rack")];
        let ring = placed(&options, &members).ring;
        let by_hand = [RingNode::new("a").weight(3).zone("r1"), RingNode::new("b")];
        assert_eq!(ring, Ring::new(by_hand).expect("a ring"));
    }

    #[test]
    fn a_weight_that_is_none_counts_as_one_and_is_told() {
        let weights = ["NaN", "-1", "1e9", "65536", "", "1.5", "65535", "007"];
        let members: Vec<Member> = weights
            .iter()
            .enumerate()
            .map(|(at, weight)| {
                member(&format!("m{at}"), MemberState::Alive, &[("weight", weight)])
            })
            .collect();
        let placed = placed(&[], &members);
        let weights: Vec<u32> = placed.ring.nodes().map(|node| node.weight).collect();
        assert_eq!(weights, [1, 1, 1, 1, 1, 1, 65_535, 7]);
        let odd: Vec<&str> = placed.odd.values().map(String::as_str).collect();
        assert_eq!(odd, ["NaN", "-1", "1e9", "65536", "", "1.5"]);
    }

    #[test]
    fn a_name_that_no_ring_takes_is_left_out() {
        let long = "x".repeat(NAME_MAX + 1);
        let members = [&*long, "", "a"].map(|name| member(name, MemberState::Alive, &[]));
        assert_eq!(names(&placed(&[], &members).ring), ["a"]);
    }

    #[test]
    fn of_two_names_with_one_hash_the_first_is_on_it() {
        let members = ["9;Wm_0-u", "a", "a007065"];
        let members = members.map(|name| member(name, MemberState::Alive, &[]));
        assert_eq!(names(&placed(&[], &members).ring), ["9;Wm_0-u", "a"]);
        assert_eq!(names(&placed(&[], &members[1..]).ring), ["a", "a007065"]);
    }

    #[test]
    fn overrides_are_part_of_it_and_the_same_again_is_the_same_ring() {
        let members = ["a", "b", "c"].map(|name| member(name, MemberState::Alive, &[]));
        let overrides = Overrides {
            excluded: ["c".to_owned()].into(),
            pins: [(b"k".to_vec(), "b".to_owned())].into(),
            pin_prefixes: [(b"user:".to_vec(), "a".to_owned())].into(),
        };
        let settings = settings(&[]);
        let first = place(&settings, &members, overrides.clone(), None).expect("a ring").ring;
        assert_eq!(names(&first), ["a", "b"]);
        assert_eq!((first.owner("k"), first.owner("user:1")), (Some("b"), Some("a")));
        let first = first.numbered(7);
        let again = place(&settings, &members, overrides, Some(&first)).expect("a ring").ring;
        assert_eq!((&again, again.version()), (&first, 0));
        let other = place(&settings, &members, Overrides::default(), Some(&first));
        assert_ne!(other.expect("a ring").ring, first);
    }
}
