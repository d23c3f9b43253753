//! Names of operations and servers, which are short and of which each message has some.

/// A text that takes no memory of its own while it is short.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Short(u8, [u8; SHORT]),
    Long(Box<str>),
}

/// Bytes of a short one: with them a name is no larger than a `String`.
const SHORT: usize = 22;

impl Name {
    /// Its bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Short(length, _) => usize::from(*length),
            Self::Long(text) => text.len(),
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Short(length, bytes) => {
                let text = bytes.get(..usize::from(*length)).unwrap_or_default();
                // It was one when it was put there.
                std::str::from_utf8(text).unwrap_or_default()
            }
            Self::Long(text) => text,
        }
    }
}

impl Default for Name {
    fn default() -> Self {
        Self::Short(0, [0; SHORT])
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(room), Ok(length)) => {
                room.copy_from_slice(text.as_bytes());
                Self::Short(length, bytes)
            }
            _ => Self::Long(text.into()),
        }
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_text_however_long() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 255] {
            let text = "x".repeat(length);
            let name = Name::from(&*text);
            assert_eq!(name.as_str(), text);
            assert_eq!(matches!(name, Name::Short(..)), length <= SHORT);
        }
        assert_eq!(Name::from("ä").as_str(), "ä");
        assert!(size_of::<Name>() <= size_of::<String>());
    }
}
