//! Whom a message is for, in one string that is the same in every language.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::mesh::{KEY_MAX, NAME_MAX, Name};

/// Whom a message is for.
///
/// ```text
/// name         any server of that name: this node's, else the nearest known, else any
/// name@node    the one on that member
/// name#key     the one on the member that owns the key, of those that host the name
/// ```
///
/// A name has 1 to 64 of the letters, digits and `._:/-`. A node is the name of a member, and a key
/// is everything behind the first `#`, as it is: nothing has to be escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    name: Name,
    place: Place,
}

/// Which of the servers of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Any,
    At(String),
    Owner(Vec<u8>),
    /// That peer's, on a mesh of workers: sent by that member, under that key.
    Via(Box<Via>),
}

/// Where a message of a member goes that has workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Via {
    pub(crate) worker: Arc<str>,
    pub(crate) from: Arc<str>,
    pub(crate) key: Option<Box<[u8]>>,
}

/// The longest name of a server, an operation or a topic, in characters and bytes.
pub(crate) const SERVER_NAME_MAX: usize = 64;

impl Target {
    /// The server on that member.
    ///
    /// # Errors
    /// `bad_argument` for a name that no server can have.
    pub fn at(name: &str, node: &str) -> Result<Self> {
        if node.is_empty() || node.len() > NAME_MAX {
            return Err(bad(format!("no member is called \"{node}\"")));
        }
        Self::new(name, Place::At(node.to_owned()))
    }

    /// The server on the member that owns the key. Takes any bytes, so that nothing in an untrusted
    /// key changes whom a message is for.
    ///
    /// # Errors
    /// As [`Target::at`]; also for a key of more than 1,024 bytes.
    pub fn key(name: &str, key: impl AsRef<[u8]>) -> Result<Self> {
        let key = key.as_ref();
        if key.len() > KEY_MAX {
            let message = format!("a key has at most {KEY_MAX} bytes, and this has {}", key.len());
            return Err(bad(message));
        }
        Self::new(name, Place::Owner(key.to_owned()))
    }

    /// A server of a worker.
    pub(crate) fn via(name: &str, via: Via) -> Self {
        Self { name: Name::from(name), place: Place::Via(Box::new(via)) }
    }

    /// What a member and its workers say to each other: no server of a user's is called so.
    pub(crate) fn desk() -> Self {
        Self { name: Name::from(super::relay::DESK), place: Place::Any }
    }

    /// A topic, for a worker's member to publish something under.
    pub(super) fn topic(topic: &str) -> Self {
        let place = Place::Owner(topic.as_bytes().to_owned());
        Self { name: Name::from(super::relay::DESK), place }
    }

    fn new(name: &str, place: Place) -> Result<Self> {
        check_name("server", name)?;
        Ok(Self { name: Name::from(name), place })
    }

    /// The name of the server.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Whether a ring has to be known.
    pub(crate) const fn wants_ring(&self) -> bool {
        matches!(self.place, Place::Owner(_))
    }

    pub(crate) const fn place(&self) -> &Place {
        &self.place
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.find(['@', '#']).and_then(|at| text.split_at_checked(at)) {
            None => Self::new(text, Place::Any),
            Some((name, rest)) => match rest.strip_prefix('@') {
                Some(node) => Self::at(name, node),
                None => Self::key(name, rest.strip_prefix('#').unwrap_or_default()),
            },
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Any | Place::Via(_) => f.write_str(self.name()),
            Place::At(node) => write!(f, "{}@{node}", self.name()),
            Place::Owner(key) => write!(f, "{}#{}", self.name(), String::from_utf8_lossy(key)),
        }
    }
}

/// Whether a server, an operation or a topic may be called so.
pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte);
    if (1..=SERVER_NAME_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    let shown: String = name.chars().take(SERVER_NAME_MAX).collect();
    let message = format!(
        "\"{shown}\" is no name of a {what}: 1 to {SERVER_NAME_MAX} letters, digits and ._:/-"
    );
    Err(bad(message))
}

fn bad(message: String) -> Error {
    Error::new(ErrorKind::BadArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Result<Target> {
        text.parse()
    }

    #[test]
    fn a_target_is_a_name_and_a_place() {
        let cart = |place| Target { name: "cart".into(), place };
        assert_eq!(target("cart"), Ok(cart(Place::Any)));
        assert_eq!(target("cart@web-2"), Ok(cart(Place::At("web-2".into()))));
        assert_eq!(target("cart#user:42"), Ok(cart(Place::Owner(b"user:42".into()))));
        assert_eq!(target("cart#a@b#c"), Ok(cart(Place::Owner(b"a@b#c".into()))));
        assert_eq!(target("cart#"), Ok(cart(Place::Owner(vec![]))));
        // A member's name is free text.
        assert_eq!(target("cart@a b@c#d"), Ok(cart(Place::At("a b@c#d".into()))));
        for text in ["cart", "cart@web-2", "cart#a@b#c"] {
            assert_eq!(target(text).map(|target| target.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        let long = "x".repeat(65);
        for text in ["", "@web", "#key", "a b", "ä", "cart@", &long] {
            let error = target(text).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::BadArgument, "{text}");
        }
        assert!(Target::key("cart", vec![0; KEY_MAX + 1]).is_err());
    }
}
