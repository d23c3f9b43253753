//! What the keys of a member say of its servers: which instance is there, and of one that has ended
//! why.

#[cfg(feature = "runtime")]
use super::super::cut;

/// Bytes of text that a server which has ended may say.
pub(super) const WORDS_MAX: usize = 256;

/// The value of a server's key: its instance, lowest byte first.
#[cfg(feature = "runtime")]
pub(crate) fn instance_value(instance: u64) -> Vec<u8> {
    instance.to_le_bytes().into()
}

/// The instance in the value of a server's key; 0 where an older version left it empty. What comes
/// behind it is a later version's.
pub(crate) fn read_instance(value: &[u8]) -> u64 {
    value.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// What an instance says at its end: its number, as above, and the text, cut to its bound.
#[cfg(feature = "runtime")]
pub(crate) fn words_value(instance: u64, text: &str) -> Vec<u8> {
    let mut value = instance_value(instance);
    value.extend_from_slice(cut(text, WORDS_MAX).as_bytes());
    value
}

/// The instance and its text; none for what is neither. A text is read as far as it may be long.
pub(crate) fn read_words(value: &[u8]) -> Option<(u64, String)> {
    let (instance, text) = value.split_first_chunk()?;
    let text = text.get(..WORDS_MAX).unwrap_or(text);
    Some((u64::from_le_bytes(*instance), String::from_utf8_lossy(text).into_owned()))
}

#[cfg(all(test, feature = "runtime"))]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_written() {
        assert_eq!(read_instance(&instance_value(0x0102_0304_0506_0708)), 0x0102_0304_0506_0708);
        assert_eq!(instance_value(1), [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(read_words(&words_value(7, "no disk")), Some((7, "no disk".to_owned())));
        let long = read_words(&words_value(7, &"ä".repeat(500)));
        assert_eq!(long, Some((7, "ä".repeat(WORDS_MAX / 2))));
    }

    #[test]
    fn whatever_else_a_member_writes_is_bounded() {
        // As it was before there were instances.
        assert_eq!(read_instance(b""), 0);
        assert_eq!(read_instance(b"1234567"), 0);
        assert_eq!(read_instance(&[1, 0, 0, 0, 0, 0, 0, 0, 9, 9]), 1);
        assert_eq!(read_words(b"1234567"), None);
        let (_, text) = read_words(&[b'x'; 65_536]).expect("it is long enough");
        assert_eq!(text.len(), WORDS_MAX);
        let (_, text) = read_words(&[0xff; 20]).expect("it is long enough");
        assert_eq!(text.chars().filter(|c| *c == '\u{fffd}').count(), 12);
    }
}
