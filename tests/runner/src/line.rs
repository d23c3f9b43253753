//! Lines of the agent protocol: a word and `key=value` pairs (`tests/agents/README.md`).

use std::collections::BTreeMap;
use std::fmt;

/// One line, unescaped. Values that are not UTF-8 are escaped, so that they can be shown and
/// compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) word: String,
    pub(crate) pairs: Vec<(String, String)>,
    /// Values that are not UTF-8, by their keys.
    raw: BTreeMap<String, Vec<u8>>,
}

impl Line {
    pub(crate) fn new(word: &str) -> Self {
        Self { word: word.to_owned(), ..Self::default() }
    }

    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.pairs.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn with_bytes(mut self, key: &str, value: Vec<u8>) -> Self {
        let text = String::from_utf8(value).unwrap_or_else(|error| {
            let bytes = error.into_bytes();
            let text = escape(&bytes);
            self.raw.insert(key.to_owned(), bytes);
            text
        });
        self.pairs.push((key.to_owned(), text));
        self
    }

    /// Reads what an agent wrote; a sentence about what is wrong with it otherwise.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split(' ');
        let mut line = Self::new(words.next().unwrap_or_default());
        for word in words {
            let Some((key, value)) = word.split_once('=') else {
                return Err(format!("the word {word:?} has no '='"));
            };
            let Ok(key) = String::from_utf8(unescape(key)?) else {
                return Err(format!("the key {key:?} is no text"));
            };
            if line.get(&key).is_some() {
                return Err(format!("the key {key:?} comes twice"));
            }
            line = line.with_bytes(&key, unescape(value)?);
        }
        Ok(line)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The bytes of a value; none when it is absent.
    pub(crate) fn bytes(&self, key: &str) -> &[u8] {
        let text = || self.get(key).unwrap_or_default().as_bytes();
        self.raw.get(key).map_or_else(text, Vec::as_slice)
    }

    /// The pairs whose keys start with `prefix`, without it, sorted.
    pub(crate) fn under(&self, prefix: &str) -> Vec<(&str, &str)> {
        let mut found: Vec<_> = self
            .pairs
            .iter()
            .filter_map(|(k, v)| k.strip_prefix(prefix).map(|rest| (rest, v.as_str())))
            .collect();
        found.sort_unstable();
        found
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word)?;
        for (key, _) in &self.pairs {
            write!(f, " {}={}", escape(key.as_bytes()), escape(self.bytes(key)))?;
        }
        Ok(())
    }
}

/// Escapes a key or value. Commas stay: the only lists the runner writes are of addresses.
fn escape(bytes: &[u8]) -> String {
    let mut escaped = String::new();
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"._:/-,[]".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// Turns every `%XX` back into its byte.
pub(crate) fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let value = digits.filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(value) = value.and_then(|two| u8::from_str_radix(two, 16).ok()) else {
            return Err(format!("{text:?} has a '%' without two hex digits"));
        };
        bytes.push(value);
        rest = &after[2..];
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let line = Line::new("event").with("name", "Zoë's = 100 %").with("tag.a=b", "x,\ny");
        let text = line.to_string();
        assert_eq!(text, "event name=Zo%C3%AB%27s%20%3D%20100%20%25 tag.a%3Db=x,%0Ay");
        assert_eq!(Line::parse(&text), Ok(line));
    }

    #[test]
    fn pairs_under_a_prefix_are_sorted() {
        let line = Line::parse("member tag.z=1 name=tag.q tag.a=2 tag.=3").unwrap();
        assert_eq!(line.under("tag."), [("", "3"), ("a", "2"), ("z", "1")]);
    }

    #[test]
    fn bytes_that_are_not_text_stay_escaped() {
        let line = Line::parse("ok tag.k=%ff%61").unwrap();
        assert_eq!((line.get("tag.k"), line.bytes("tag.k")), (Some("%FFa"), &b"\xFFa"[..]));
        assert_eq!(line.to_string(), "ok tag.k=%FFa");
        let text = Line::parse("ok tag.k=%25FFa").unwrap();
        assert_eq!((text.get("tag.k"), text.bytes("tag.k")), (Some("%FFa"), &b"%FFa"[..]));
    }

    #[test]
    fn broken_lines_are_refused() {
        for text in ["ok x", "ok a=%4", "ok a=%zz", "ok a=%+1", "ok  a=b", "ok a=1 a=2", "ok a=%é"]
        {
            assert!(Line::parse(text).is_err(), "{text}");
        }
    }
}
