//! Serf's tags: a map of strings inside node metadata, behind the byte `ff`.

use std::borrow::Cow;
use std::collections::{BTreeMap, btree_map};

use super::msgpack::{Reader, Shape, put_map_len, put_raw};

/// The most metadata that memberlist lets a node announce. Senders enforce it, receivers do not.
pub const META_MAX: usize = 512;

/// The most tags that are read from one node.
pub const TAGS_MAX: usize = 1024;

const MAGIC: u8 = 0xff;

/// Encodes tags as serf does, keys in order. That they fit [`META_MAX`] is the caller's to check.
pub fn encode_tags(tags: &BTreeMap<String, String>) -> Vec<u8> {
    let mut meta = vec![MAGIC];
    put_map_len(&mut meta, tags.len());
    for (key, value) in tags {
        put_raw(&mut meta, key.as_bytes());
        put_raw(&mut meta, value.as_bytes());
    }
    meta
}

/// Decodes the tags in metadata, or `None` if it holds something else.
///
/// Keys and values need not be UTF-8 for serf; what is not is replaced by U+FFFD. Of values under
/// one key, the last counts.
pub fn decode_tags(meta: &[u8]) -> Option<BTreeMap<String, String>> {
    let pairs = TagPairs::decode(meta)?;
    Some(pairs.map(|(key, value)| (key.into_owned(), value.into_owned())).collect())
}

/// As [`decode_tags`], but lent out in the order of the keys: nothing is allocated as long as they
/// travel in that order, and in UTF-8, as ours do.
#[derive(Debug, Default)]
pub struct TagPairs<'a>(Pairs<'a>);

#[derive(Debug)]
enum Pairs<'a> {
    /// So many pairs to go, all of which can be read.
    InOrder(Reader<'a>, u32),
    Sorted(btree_map::IntoIter<Cow<'a, str>, Cow<'a, str>>),
}

impl<'a> TagPairs<'a> {
    /// Those in metadata, or `None` if it holds something else.
    pub fn decode(meta: &'a [u8]) -> Option<Self> {
        let (&MAGIC, body) = meta.split_first()? else {
            return None;
        };
        let mut reader = Reader::new(body);
        let Shape::Map(count) = reader.shape().ok()? else {
            return None;
        };
        if usize::try_from(count).ok()? > TAGS_MAX {
            return None;
        }
        let mut ahead = reader;
        let mut in_order = true;
        let mut last = None;
        for _ in 0..count {
            let key = ahead.raw().ok()?;
            ahead.raw().ok()?;
            in_order &= last < Some(key) && std::str::from_utf8(key).is_ok();
            last = Some(key);
        }
        let pairs = Pairs::InOrder(reader, count);
        if in_order {
            return Some(Self(pairs));
        }
        let sorted: BTreeMap<_, _> = Self(pairs).collect();
        Some(Self(Pairs::Sorted(sorted.into_iter())))
    }
}

impl<'a> Iterator for TagPairs<'a> {
    type Item = (Cow<'a, str>, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Pairs::InOrder(reader, left) => {
                *left = left.checked_sub(1)?;
                Some((lossy(reader.raw().ok()?), lossy(reader.raw().ok()?)))
            }
            Pairs::Sorted(sorted) => sorted.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Pairs::InOrder(_, left) => *left as usize,
            Pairs::Sorted(sorted) => sorted.len(),
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for TagPairs<'_> {}

impl Default for Pairs<'_> {
    fn default() -> Self {
        Self::Sorted(btree_map::IntoIter::default())
    }
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    // The other alone would look at every byte for itself.
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn what_is_encoded_is_decoded_with_keys_in_order() {
        let long = "x".repeat(300);
        let tags = tags(&[("role", "web"), ("dc", "east"), ("", ""), ("long", &long)]);
        let meta = encode_tags(&tags);
        assert!(meta.starts_with(b"\xff\x84\xa0\xa0\xa2dc\xa4east\xa4long\xda\x01\x2c"));
        assert_eq!(decode_tags(&meta), Some(tags));
        let many: BTreeMap<_, _> = (0..20).map(|n| (format!("{n:02}"), n.to_string())).collect();
        assert_eq!(decode_tags(&encode_tags(&many)), Some(many));
    }

    #[test]
    fn other_metadata_holds_no_tags() {
        for meta in [&b""[..], b"role=alpha", b"\xff", b"\xff\x81\xa1a", b"\xff\x90", b"\xff\x01"] {
            assert_eq!(decode_tags(meta), None, "{meta:?}");
        }
        assert_eq!(decode_tags(b"\xff\xdf\xff\xff\xff\xff"), None);
    }

    #[test]
    fn values_that_are_not_utf8_are_replaced() {
        let decoded = decode_tags(b"\xff\x81\xa1k\xa2\xff!");
        assert_eq!(decoded, Some(tags(&[("k", "\u{fffd}!")])));
    }

    #[test]
    fn pairs_come_in_the_order_of_their_keys_and_the_last_of_a_key_counts() {
        let shuffled = b"\xff\x84\xa1b\xa11\xa1a\xa12\xa1b\xa13\xc0\xa14";
        assert_eq!(decode_tags(shuffled), Some(tags(&[("", "4"), ("a", "2"), ("b", "3")])));
        // Ascending as bytes, and one key once they are text.
        let alike = b"\xff\x83\xa1\xf0\xa11\xa1\xf1\xa12\xa1\xf2\xa13";
        assert_eq!(decode_tags(alike), Some(tags(&[("\u{fffd}", "3")])));
        for meta in [&shuffled[..], alike, &encode_tags(&tags(&[("k", "v"), ("l", "")]))] {
            let mut pairs = TagPairs::decode(meta).unwrap();
            for (key, value) in decode_tags(meta).unwrap() {
                let left = pairs.len();
                assert_eq!(pairs.next(), Some((key.into(), value.into())));
                assert_eq!(pairs.len(), left - 1);
            }
            assert_eq!(pairs.next(), None);
        }
        assert_eq!(TagPairs::default().next(), None);
    }

    #[test]
    fn pairs_in_order_are_lent() {
        let meta = b"\xff\x82\xa1a\xa11\xa1b\xa12";
        let lent = |text: &Cow<'_, str>| matches!(text, Cow::Borrowed(_));
        assert!(TagPairs::decode(meta).unwrap().all(|(key, value)| lent(&key) && lent(&value)));
        let pairs = TagPairs::decode(meta).unwrap();
        assert!(matches!(pairs, TagPairs(Pairs::InOrder(..))));
    }

    #[test]
    fn a_bad_value_behind_good_ones_leaves_no_tags() {
        for bad in [&b"\xff\x82\xa1a\xa11\xa1b"[..], b"\xff\x82\xa1a\xa11\xa1b\x07"] {
            assert!(TagPairs::decode(bad).is_none());
        }
    }
}
