//! The hashes that every language must agree on. They are frozen: `docs/RING.md` has them in words.

use xxhash_rust::xxh3::xxh3_64;

/// Of a key or of a node's name: XXH3-64 with seed 0.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Spreads the bits of a number over all of it: Stafford's mix 13, the finalizer of SplitMix64.
#[inline]
pub(super) const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// What a slot brings into the bids for it: the output of SplitMix64 of that number.
#[inline]
pub(super) const fn seed(slot: u32) -> u64 {
    mix((slot as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// The slot of a key with that hash: the upper half of their product, so that slots have equal
/// shares of the hashes whatever their number.
#[inline]
pub(super) const fn slot_of(hash: u64, slots: u32) -> u32 {
    ((hash as u128 * slots as u128) >> 64) as u32
}

/// The part of a key that places it where keys have hash tags, as in Redis Cluster: what stands
/// between the first `{` and the next `}`, unless that is nothing.
pub(super) fn tagged(key: &[u8]) -> &[u8] {
    let tag = || {
        let rest = key.get(key.iter().position(|byte| *byte == b'{')? + 1..)?;
        let end = rest.iter().position(|byte| *byte == b'}')?;
        rest.get(..end).filter(|tag| !tag.is_empty())
    };
    tag().unwrap_or(key)
}

/// The bucket of a key among `buckets` that are only ever added and removed at the end: jump
/// consistent hash (Lamping and Veach, 2014) of its XXH3-64. `None` without a bucket.
///
/// For those who count shards and have no names for them. A bucket in the middle cannot be
/// removed: everything behind it would get another number.
#[must_use]
pub fn jump(key: impl AsRef<[u8]>, buckets: u32) -> Option<u32> {
    let mut state = hash(key.as_ref());
    let (mut bucket, mut next) = (None, 0_u64);
    while next < u64::from(buckets) {
        bucket = u32::try_from(next).ok();
        state = state.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        // Of floating-point numbers as in the paper: these two operations are exact to the last bit
        // on every machine.
        next = ((next + 1) as f64 * ((1_u64 << 31) as f64 / ((state >> 33) + 1) as f64)) as u64;
    }
    bucket
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_come_out() {
        // The first outputs of SplitMix64 with seed 0.
        assert_eq!([seed(0), seed(1)], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
        // From the test vectors of xxHash.
        assert_eq!(hash(b""), 0x2d06_8005_38d3_94c2);
    }

    #[test]
    fn slots_have_equal_shares() {
        assert_eq!(slot_of(0, 271), 0);
        assert_eq!(slot_of(u64::MAX, 271), 270);
        assert_eq!(slot_of(0xabcd_0000_0000_0000, 1 << 16), 0xabcd);
    }

    #[test]
    fn a_tag_places_a_key() {
        for (key, part) in [
            ("{user1000}.following", "user1000"),
            ("foo{}{bar}", "foo{}{bar}"),
            ("foo{{bar}}zap", "{bar"),
            ("foo{bar}{zap}", "bar"),
            ("plain", "plain"),
            ("open{end", "open{end"),
            ("}a{b}", "b"),
            ("", ""),
        ] {
            assert_eq!(tagged(key.as_bytes()), part.as_bytes(), "{key}");
        }
    }

    #[test]
    fn a_jump_moves_a_key_to_the_new_bucket_or_not_at_all() {
        assert_eq!(jump("k", 0), None);
        for key in 0..1_000 {
            let key = format!("key-{key}");
            assert_eq!(jump(&key, 1), Some(0));
            for buckets in 1..40 {
                let (before, after) =
                    (jump(&key, buckets).unwrap(), jump(&key, buckets + 1).unwrap());
                assert!(after == before || after == buckets, "{key}, {buckets}");
            }
        }
        let mut counts = [0; 10];
        (0..20_000).for_each(|key: u32| {
            counts[jump(key.to_le_bytes(), 10).unwrap() as usize] += 1;
        });
        assert!(counts.iter().all(|count| (1_800..2_200).contains(count)), "{counts:?}");
    }
}
