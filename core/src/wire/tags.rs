//! Serf's tags: a map of strings inside node metadata, behind the byte `ff`.

use std::collections::BTreeMap;

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
/// Keys and values need not be UTF-8 for serf; what is not is replaced by U+FFFD.
pub fn decode_tags(meta: &[u8]) -> Option<BTreeMap<String, String>> {
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
    let mut tags = BTreeMap::new();
    for _ in 0..count {
        let key = lossy(reader.raw().ok()?);
        let value = lossy(reader.raw().ok()?);
        tags.insert(key, value);
    }
    Some(tags)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
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
}
