//! Lines of the agent protocol (`../README.md`).

use std::fmt::Write;

use chinwag::Tags;

/// A command or an answer: a word and its pairs, unescaped.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) word: String,
    pairs: Vec<(String, Vec<u8>)>,
}

impl Line {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let word = words.next()?.to_owned();
        let pair = |word: &str| {
            let (key, value) = word.split_once('=')?;
            Some((String::from_utf8(unescape(key)?).ok()?, unescape(value)?))
        };
        Some(Self { word, pairs: words.map(pair).collect::<Option<_>>()? })
    }

    /// The text of a key; empty when it is absent, or no text.
    pub(crate) fn get(&self, key: &str) -> &str {
        std::str::from_utf8(self.bytes(key)).unwrap_or_default()
    }

    pub(crate) fn bytes(&self, key: &str) -> &[u8] {
        self.pairs.iter().find(|(k, _)| k == key).map_or(&[], |(_, value)| value)
    }

    pub(crate) fn add(&mut self, key: &str, value: &str) {
        self.pairs.push((key.to_owned(), value.as_bytes().to_vec()));
    }

    /// The items of a list. Addresses have no commas of their own.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        self.get(key).split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// The pairs whose keys start with `prefix`, without it.
    pub(crate) fn under(&self, prefix: &str) -> impl Iterator<Item = (String, String)> {
        let strip = |(k, v): &(String, Vec<u8>)| {
            Some((k.strip_prefix(prefix)?.to_owned(), String::from_utf8(v.clone()).ok()?))
        };
        self.pairs.iter().filter_map(strip).collect::<Vec<_>>().into_iter()
    }
}

/// Appends ` key=value` to a line.
pub(crate) fn push(line: &mut String, key: &str, value: &str) {
    push_bytes(line, key, value.as_bytes());
}

pub(crate) fn push_bytes(line: &mut String, key: &str, value: &[u8]) {
    line.push(' ');
    escape(line, key.as_bytes());
    line.push('=');
    escape(line, value);
}

/// Appends a list, whose items may have any bytes.
pub(crate) fn push_list<'a>(line: &mut String, key: &str, items: impl Iterator<Item = &'a [u8]>) {
    let mut before = '=';
    line.push(' ');
    escape(line, key.as_bytes());
    for item in items {
        line.push(before);
        escape(line, item);
        before = ',';
    }
    if before == '=' {
        line.push('=');
    }
}

pub(crate) fn push_tags(line: &mut String, prefix: &str, tags: &Tags) {
    for (key, value) in tags {
        push(line, &format!("{prefix}{key}"), value);
    }
}

fn escape(line: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte) {
            line.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(line, "%{byte:02X}");
        }
    }
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(bytes)
}
