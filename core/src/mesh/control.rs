//! Bodies of the frames that are not about payloads, in bincode 2.0.1's fixed encoding behind a
//! version byte: once released, a body never changes, and a later one has another version.
//!
//! Nothing is decoded without a limit: bincode would believe any length
//! (`docs/decisions/0032-bincode-for-control-frames.md`).

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::{Deserialize, Serialize};

use super::frame::FrameError;

const VERSION: u8 = 1;
/// Bytes that a body decodes to at most, and that it may have.
const LIMIT: usize = 64 * 1024;

/// Who has dialled, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(wincode::SchemaRead, wincode::SchemaWrite))]
pub(crate) struct Intro {
    /// The member's name.
    pub(crate) name: String,
    /// Tells one run of it from another.
    pub(crate) run: u64,
    /// Whom it takes the other side for; empty if it does not know.
    pub(crate) to: String,
    /// The longest payload that it takes.
    pub(crate) message_max: u32,
    /// The run of the other side that it last had a connection with, and how many casts of that
    /// have come: what was sent and is not among them was lost.
    pub(crate) received: Option<(u64, u64)>,
    /// How many connections it has had when it says this. Whoever is dialled has given up what it
    /// had dialled itself by then.
    pub(crate) links: u64,
}

/// Why a connection is not wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(wincode::SchemaRead, wincode::SchemaWrite))]
pub(crate) enum Refused {
    /// Both sides have dialled, and the other connection is the one that stays.
    Crossed,
    /// It is somebody else's address by now: this is the name of who has it.
    OtherName(String),
    /// The one who is dialled is leaving or closed.
    Leaving,
    /// The certificate that was shown does not have the name that was said.
    Unproven,
}

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(wincode::SchemaRead, wincode::SchemaWrite))]
pub(crate) enum Failure {
    /// An error by its number, a sentence, and whether it may have run all the same.
    Error(u32, String, bool),
    /// The server's code failed.
    Remote(RemoteFailure),
    /// The key is somebody else's, as this member sees it.
    Moved(String),
    /// From a member to its worker: the server's code failed on the member of that name.
    Elsewhere(String, RemoteFailure),
}

/// What a server's code failed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(wincode::SchemaRead, wincode::SchemaWrite))]
pub(crate) struct RemoteFailure {
    pub(crate) language: String,
    pub(crate) class: String,
    pub(crate) message: String,
    pub(crate) stack: Option<String>,
}

const fn config() -> Configuration<LittleEndian, Fixint, Limit<LIMIT>> {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<LIMIT>()
}

/// Appends a body. One that is too long has no encoding: whoever makes it has bounded its texts.
pub(crate) fn encode<T: Serialize>(body: &T, out: &mut Vec<u8>) {
    out.push(VERSION);
    let bytes = bincode::serde::encode_to_vec(body, config());
    debug_assert!(bytes.is_ok(), "bounded before");
    out.extend_from_slice(&bytes.unwrap_or_default());
}

/// The body that these bytes are.
///
/// # Errors
/// [`FrameError::Body`], also for one of another version.
pub(crate) fn decode<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, FrameError> {
    let body = bytes.strip_prefix(&[VERSION]).ok_or(FrameError::Body)?;
    let decoded = bincode::serde::decode_from_slice(body, config());
    let (body, used) = decoded.map_err(|_| FrameError::Body)?;
    if used + 1 == bytes.len() { Ok(body) } else { Err(FrameError::Body) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn intro() -> Intro {
        Intro {
            name: "wörker-1".into(),
            run: 7,
            to: String::new(),
            message_max: 1 << 20,
            received: Some((3, 4)),
            links: 9,
        }
    }

    fn failures() -> [Failure; 5] {
        let failed = |stack| {
            let texts = ["python", "ValueError", "negative"].map(str::to_owned);
            let [language, class, message] = texts;
            RemoteFailure { language, class, message, stack }
        };
        let remote = |stack| Failure::Remote(failed(stack));
        [
            Failure::Error(16, "full".into(), true),
            remote(None),
            remote(Some("line 1".into())),
            Failure::Moved("web-2".into()),
            Failure::Elsewhere("web-2".into(), failed(None)),
        ]
    }

    /// bincode is not maintained any more: the wire must not depend on it.
    fn is_wincode_too<T>(body: &T)
    where
        T: Serialize + for<'a> Deserialize<'a> + PartialEq + std::fmt::Debug,
        T: wincode::SchemaWrite<wincode::config::DefaultConfig, Src = T>,
        T: for<'a> wincode::SchemaRead<'a, wincode::config::DefaultConfig, Dst = T>,
    {
        let mut bytes = Vec::new();
        encode(body, &mut bytes);
        let (version, rest) = bytes.split_first().expect("a version");
        assert_eq!(*version, VERSION);
        assert_eq!(rest, wincode::serialize(body).expect("an encoding"), "{body:?}");
        assert_eq!(wincode::deserialize::<T>(rest).expect("the same"), *body);
        assert_eq!(decode::<T>(&bytes).as_ref(), Ok(body));
        for cut in 0..bytes.len() {
            assert_eq!(decode::<T>(&bytes[..cut]), Err(FrameError::Body), "{body:?} {cut}");
        }
        bytes.push(0);
        assert_eq!(decode::<T>(&bytes), Err(FrameError::Body), "{body:?}");
        bytes[0] = VERSION + 1;
        assert_eq!(decode::<T>(&bytes), Err(FrameError::Body), "{body:?}");
    }

    #[test]
    fn the_bodies_are_those_of_wincode_as_well() {
        is_wincode_too(&intro());
        is_wincode_too(&Intro { received: None, ..intro() });
        let named = Refused::OtherName("b".into());
        for refused in [Refused::Crossed, named, Refused::Leaving, Refused::Unproven] {
            is_wincode_too(&refused);
        }
        failures().iter().for_each(is_wincode_too);
    }

    #[test]
    fn the_bytes_of_a_body_are_what_they_were() {
        let mut bytes = Vec::new();
        encode(&Failure::Error(16, "full".into(), true), &mut bytes);
        let wanted = [&[1, 0, 0, 0, 0, 16, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0][..], b"full", &[1]];
        assert_eq!(bytes, wanted.concat());
    }

    #[test]
    fn no_length_is_believed() {
        let mut bytes = Vec::new();
        encode(&intro(), &mut bytes);
        bytes[1..9].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(decode::<Intro>(&bytes), Err(FrameError::Body));
        bytes[1..9].copy_from_slice(&(LIMIT as u64 + 1).to_le_bytes());
        assert_eq!(decode::<Intro>(&bytes), Err(FrameError::Body));
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let versioned = [&[VERSION], &bytes[..]].concat();
            let _ = decode::<Intro>(&versioned);
            let _ = decode::<Refused>(&versioned);
            let _ = decode::<Failure>(&versioned);
        }
    }
}
