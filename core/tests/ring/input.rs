//! Rings that somebody sent: spoilt, too much, or made to be slow. An error of its own kind, or a
//! ring that answers; never a panic, and nothing that takes as long as somebody else wants.

use chinwag::ErrorKind;
use chinwag::ring::{Builder, Profile, Ring, RingNode};

use crate::laws::named;

/// A ring with something of everything.
fn stored() -> Ring {
    Ring::builder()
        .profile(Profile::Slots { slots: 64, slack: Some(50) })
        .nodes([RingNode::new("a").zone("z"), RingNode::new("ä").weight(300), RingNode::new("b")])
        .pin("vip", "a")
        .pin([0xff, 0x00], "b")
        .pin_prefix("user:", "b")
        .exclude("c")
        .replicas(2)
        .build()
        .unwrap()
}

/// What was read is refused as what it is, or answers.
fn harmless(read: chinwag::Result<Builder>) -> Option<Ring> {
    let refused = |kind| matches!(kind, ErrorKind::BadArgument | ErrorKind::TooLarge);
    let builder = match read {
        Ok(builder) => builder,
        Err(error) => {
            assert!(refused(error.kind()) && error.message().len() < 300, "{error}");
            return None;
        }
    };
    // Built without optimisation, so not the largest.
    (builder.work() < 1 << 20).then_some(())?;
    let ring = builder.build().unwrap();
    let owners = ring.owners("user:42", 9);
    assert_eq!(owners.first().copied(), ring.owner("user:42"));
    Some(ring)
}

#[test]
fn a_part_of_a_ring_is_none() {
    let bytes = stored().to_bytes();
    for length in 0..bytes.len() {
        let error = Ring::from_bytes(&bytes[..length]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadArgument, "{length}");
    }
    assert!(Ring::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn a_ring_of_which_a_bit_is_wrong_is_another_or_none() {
    let ring = stored();
    let bytes = ring.to_bytes();
    let mut others = 0;
    for bit in 0..8 * bytes.len() {
        let mut spoilt = bytes.clone();
        spoilt[bit / 8] ^= 1 << (bit % 8);
        if let Some(other) = harmless(Builder::from_bytes(&spoilt)) {
            assert_eq!(other.to_bytes(), spoilt, "{bit}");
            assert_ne!(other, ring, "{bit}");
            others += 1;
        }
    }
    assert!(others > 50, "{others}");
}

#[cfg(feature = "json")]
#[test]
fn json_of_which_a_part_or_a_bit_is_wrong_is_another_ring_or_none() {
    let text = stored().to_json();
    for length in 0..text.len() {
        let Some(part) = text.get(..length) else { continue };
        assert_eq!(Ring::from_json(part).unwrap_err().kind(), ErrorKind::BadArgument, "{part}");
    }
    let mut others = 0;
    for bit in 0..8 * text.len() {
        let mut spoilt = text.clone().into_bytes();
        spoilt[bit / 8] ^= 1 << (bit % 8);
        let Ok(spoilt) = String::from_utf8(spoilt) else { continue };
        if let Some(other) = harmless(Builder::from_json(&spoilt)) {
            assert_eq!(Ring::from_json(&other.to_json()).unwrap(), other, "{spoilt}");
            others += 1;
        }
    }
    assert!(others > 50, "{others}");
}

#[cfg(feature = "json")]
#[test]
fn numbers_of_json_are_whole_and_in_their_bounds() {
    for number in
        ["NaN", "Infinity", "-Infinity", "1e400", "-1", "0.5", "1e2", "18446744073709551616"]
    {
        for text in [
            format!(r#"{{"nodes":[{{"name":"a","weight":{number}}}]}}"#),
            format!(r#"{{"slots":{number}}}"#),
            format!(r#"{{"slack":{number}}}"#),
            format!(r#"{{"replicas":{number}}}"#),
            format!(r#"{{"version":{number}}}"#),
            format!(r#"{{"nodes":{number}}}"#),
        ] {
            let error = Ring::from_json(&text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadArgument, "{text}");
        }
    }
}

/// A few thousand bytes may be a ring of half a gigabyte, or of minutes of work.
#[test]
fn a_ring_that_is_too_much_is_refused_before_it_is_made() {
    let refused = |builder: Builder| {
        assert_eq!(builder.clone().build().unwrap_err().kind(), ErrorKind::TooLarge);
        let bytes = builder.to_bytes();
        assert!(bytes.len() < 30_000, "{}", bytes.len());
        assert_eq!(Ring::from_bytes(&bytes).unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(Builder::from_bytes(&bytes).unwrap_err().kind(), ErrorKind::TooLarge);
    };
    let of = |profile, nodes| Ring::builder().profile(profile).nodes(named(nodes));
    let most = Profile::Slots { slots: 1 << 20, slack: None };
    refused(of(most, 769));
    refused(of(most, 257).replicas(4));
    refused(of(most, 154).replicas(9));
    refused(of(most, 100).replicas(17));
    refused(of(Profile::DEFAULT, 2_458).replicas(255));
    let heavy = |profile, count| {
        let nodes = named(count).into_iter().map(|node| node.weight(65_535));
        Ring::builder().profile(profile).nodes(nodes)
    };
    refused(heavy(Profile::Clusterluck, 65));
    refused(heavy(Profile::Ketama, 257));
}

#[test]
fn rings_of_ten_thousand_nodes_are_read() {
    for (nodes, replicas) in [(10_000, 3), (12_288, 3), (4_096, 8), (2_457, 255), (1_000, 255)] {
        let bytes = Ring::builder().nodes(named(nodes)).replicas(replicas).to_bytes();
        let work = Builder::from_bytes(&bytes).map(|builder| builder.work());
        assert!(work.is_ok_and(|work| work <= 3 << 28), "{nodes}, {replicas}");
    }
    let bytes = Ring::builder().nodes(named(12_289)).to_bytes();
    let error = Builder::from_bytes(&bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.message().contains("12289 nodes on 65536 slots"), "{error}");
}

/// Lists end where a ring's do, whatever comes behind.
#[test]
fn what_is_too_long_is_not_read_to_its_end() {
    let head = |nodes: &[u8]| [&[1, 0, 1, 1, 0], nodes].concat();
    // A number of 65,536 or more of something, and one more than there may be.
    let many = [0xff, 0xff, 0x7f];
    let texts = |count: u32, rest: &[u8]| -> Vec<u8> {
        let text = |n: u32| [&[4], &n.to_be_bytes().map(|byte| byte & 0x7f)[..], rest].concat();
        // In order: the last seven bits of each byte count.
        (0..count).flat_map(|n| text((n >> 14) << 16 | (n >> 7 & 0x7f) << 8 | n & 0x7f)).collect()
    };
    let refused = |bytes: &[u8]| Ring::from_bytes(bytes).unwrap_err().kind();
    let nodes = head(&[&many[..], &texts(65_535, &[1, 0])].concat());
    assert_eq!(refused(&nodes), ErrorKind::TooLarge);
    assert_eq!(refused(&nodes[..nodes.len() - 1]), ErrorKind::BadArgument);
    let excluded = head(&[&[0], &many[..], &texts(65_537, &[])].concat());
    assert_eq!(refused(&excluded), ErrorKind::TooLarge);
    let keys = head(&[&[0, 0], &many[..], &texts(65_537, &[1, b'a'])].concat());
    assert_eq!(refused(&keys), ErrorKind::TooLarge);
    let prefixes = head(&[&[0, 0, 0], &many[..], &texts(65_537, &[1, b'a'])].concat());
    assert_eq!(refused(&prefixes), ErrorKind::TooLarge);
}

#[cfg(feature = "json")]
#[test]
fn a_text_of_more_than_16_mib_is_not_looked_at() {
    let most = 16 << 20;
    let text = format!("{{}}{}", " ".repeat(most - 2));
    assert!(Ring::from_json(&text).unwrap().is_empty());
    assert_eq!(Ring::from_json(&(text + " ")).unwrap_err().kind(), ErrorKind::TooLarge);
    let error = Builder::from_json(&"[".repeat(most + 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(error.message(), "the JSON text has 16777217 bytes, at most 16777216");
}

/// Two such names bid alike for every slot; of a thousand, a ring would take a minute and a half.
#[test]
fn names_with_one_hash_cannot_be_in_one_ring() {
    let alike = ["a007065", "9;Wm_0-u"];
    let error = Ring::new(alike).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadArgument);
    let text = "the names \"9;Wm_0-u\" and \"a007065\" have the same hash; rename one of them";
    assert_eq!(error.message(), text);
    let bytes = Ring::builder().nodes(alike).to_bytes();
    assert_eq!(Ring::from_bytes(&bytes).unwrap_err().message(), text);
    let one = Ring::new(["a", alike[0]]).unwrap();
    assert_eq!(one.with(alike[1]).unwrap_err().message(), text);
    assert_eq!(one.union(&Ring::new([alike[1]]).unwrap()).unwrap_err().message(), text);
    #[cfg(feature = "json")]
    {
        let json = r#"{"nodes":[{"name":"a007065"},{"name":"9;Wm_0-u"}]}"#;
        assert_eq!(Ring::from_json(json).unwrap_err().message(), text);
    }
    // Points are of other hashes.
    let points = Ring::builder().profile(Profile::Ketama).nodes(alike).build();
    assert_eq!(points.unwrap().len(), 2);
}

/// What is wrong is shown, and not all of it.
#[cfg(feature = "json")]
#[test]
fn messages_are_short_whatever_they_are_about() {
    let long = "x".repeat(1_000_000);
    for text in [
        format!(r#"{{"nodes":"{long}"}}"#),
        format!(r#"{{"nodes":[{{"{long}":1}}]}}"#),
        format!(r#"{{"nodes":[{{"name":"a","{long}":1}}]}}"#),
        format!(r#"{{"profile":"{long}"}}"#),
        format!(r#"{{"{long}":1}}"#),
        format!(r#"{{"nodes":[{{"name":"{long}"}}]}}"#),
        format!(r#"{{"excluded":["{long}"]}}"#),
        long,
    ] {
        let message = Ring::from_json(&text).unwrap_err().to_string();
        assert!(message.len() < 300, "{}", message.len());
    }
}
