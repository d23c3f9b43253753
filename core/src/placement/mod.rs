//! The cluster's ring: a function of the members, their tags, and what was decided by hand.
//!
//! Who is present is on it, alive or suspect: a member that is slow for a moment keeps its keys.
//! Members of the same settings and overrides, and with the same view of the others, have the same
//! ring, whatever they are written in.

mod decided;

use std::collections::BTreeMap;

use crate::config::RingSettings;
use crate::error::Result;
use crate::event::{Warning, WarningCode};
use crate::member::Member;
use crate::ring::{Overrides, Ring, RingNode, mark};

pub(crate) use self::decided::{PLACE, decide, decided};

/// A ring, and what is told of members whose place on it is not what one would think.
pub(crate) struct Placed {
    pub(crate) ring: Ring,
    /// By name: of a weight that is none, and of a name for which a member is off the ring.
    pub(crate) warnings: Vec<Warning>,
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
    let (mut warnings, mut marks) = (Vec::new(), BTreeMap::new());
    let mut builder = Ring::builder()
        .profile(settings.profile)
        .replicas(settings.replicas)
        .hash_tags(settings.hash_tags)
        .overrides(overrides);
    for member in members.iter().filter(|member| member.state().is_present()) {
        let name = member.name();
        let Some((node, odd_weight)) = node(settings, member) else { continue };
        let off_ring = |why: String| (WarningCode::RingName, format!("it owns nothing, as {why}"));
        let odd = if name.len() > NAME_MAX {
            Some(off_ring(format!("its name is longer than {NAME_MAX} bytes")))
        } else if let Some(other) = marks.get(&mark(name)) {
            let why = "its name has the same hash as that of";
            Some(off_ring(format!("{why} {other:?}; rename one of them")))
        } else {
            marks.insert(mark(name), name);
            builder = builder.node(node);
            odd_weight.map(|text| (WarningCode::RingWeight, text))
        };
        let subject = name.to_owned();
        warnings.extend(odd.map(|(code, text)| Warning { code, subject, text }));
    }
    if let Some(before) = before {
        builder = builder.after(before);
    }
    Ok(Placed { ring: builder.build()?, warnings })
}

/// A member as the ring has it, if it is chosen and has a weight; and what to say of a tag that is
/// no weight.
fn node(settings: &RingSettings, member: &Member) -> Option<(RingNode, Option<String>)> {
    let (name, tags) = (member.name(), member.tags());
    let chosen = settings.tags.iter().all(|(key, value)| tags.get(key) == Some(value));
    let told = tags.get(&settings.weight_tag);
    let (weight, wrong) = match told.map(|text| (text, text.parse::<u32>())) {
        None => (1, None),
        Some((_, Ok(weight))) if weight <= WEIGHT_MAX => (weight, None),
        Some((text, _)) => {
            let why = "not a number from 0 to 65535; it counts as 1";
            (1, Some(format!("its weight is {text:?}, {why}")))
        }
    };
    let zone = tags.get(&settings.zone_tag).cloned().unwrap_or_default();
    let is_on = chosen && weight > 0 && !name.is_empty();
    is_on.then(|| (RingNode::new(name).weight(weight).zone(zone), wrong))
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

    /// Of whom is told that they are off the ring for their names.
    fn subjects(placed: &Placed) -> Vec<&str> {
        assert!(placed.warnings.iter().all(|warning| warning.code == WarningCode::RingName));
        placed.warnings.iter().map(|warning| &*warning.subject).collect()
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
        let told = ["NaN", "-1", "1e9", "65536", "", "1.5"];
        assert_eq!(placed.warnings.len(), told.len());
        for (warning, (at, says)) in placed.warnings.iter().zip((0..).zip(told)) {
            let about = (warning.code, &*warning.subject);
            assert_eq!(about, (WarningCode::RingWeight, &*format!("m{at}")));
            assert!(warning.text.contains(&format!("{says:?}")), "{}", warning.text);
        }
    }

    #[test]
    fn a_name_that_no_ring_takes_is_left_out_and_told() {
        let long = "x".repeat(NAME_MAX + 1);
        let members = [&*long, "", "a"].map(|name| member(name, MemberState::Alive, &[]));
        let placed = placed(&[], &members);
        assert_eq!(names(&placed.ring), ["a"]);
        assert_eq!(subjects(&placed), [&*long]);
        // Who is not meant to be on it is not told of.
        let chosen = settings(&[("ring_tags", "role=cache")]);
        let placed = place(&chosen, &members, Overrides::default(), None).expect("a ring");
        assert_eq!(placed.warnings, []);
    }

    #[test]
    fn of_two_names_with_one_hash_the_first_is_on_it_and_the_other_told() {
        let members = ["9;Wm_0-u", "a", "a007065"];
        let members = members.map(|name| member(name, MemberState::Alive, &[]));
        let both = placed(&[], &members);
        assert_eq!(names(&both.ring), ["9;Wm_0-u", "a"]);
        assert_eq!(subjects(&both), ["a007065"]);
        assert!(both.warnings[0].text.contains("9;Wm_0-u"), "{:?}", both.warnings);
        let one = placed(&[], &members[1..]);
        assert_eq!((names(&one.ring), one.warnings), (vec!["a", "a007065"], vec![]));
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
