//! What a member and the workers of its host tell each other, as bytes and back: how they greet
//! each other on the local socket, and the bodies of what they say then. Knows of no socket.
//!
//! A worker greets first, with [`MAGIC`], its version and two zeros. The member answers with the
//! magic, its own version, a [`Status`], and its name behind its length in two bytes, the lowest
//! first. After that come the frames of [`crate::mesh`]. Bodies are in bincode 2.0.1's fixed
//! encoding, read with a limit; the version of the greeting is theirs as well, so one side never
//! reads what another version has written.

mod event;
mod ring;
mod told;
mod wish;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(crate) use self::event::EventBody;
pub(crate) use self::ring::RingBody;
pub(crate) use self::told::{Attached, MemberBody, News};
pub(crate) use self::wish::{Outcome, Wish};
use crate::error::{Error, ErrorKind, Result};

/// What a greeting begins with.
pub(crate) const MAGIC: [u8; 5] = [0xcb, b'c', b'w', b'a', b't'];
/// Of the greeting and of everything after it.
pub(crate) const VERSION: u8 = 1;
/// Bytes of the worker's greeting, and of the beginning of the member's.
pub(crate) const HELLO: usize = 8;
/// Bytes of a body: a message of 20 MiB to one member, and what stands around it.
pub(crate) const BODY_MAX: usize = 24 << 20;

/// What the member says to a greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    /// Come in.
    Welcome = 0,
    /// It speaks another version.
    Version = 2,
    /// It runs as another user.
    User = 4,
    /// It has as many workers as it may.
    Full = 6,
}

/// The worker's greeting.
pub(crate) fn hello() -> [u8; HELLO] {
    let [a, b, c, d, e] = MAGIC;
    [a, b, c, d, e, VERSION, 0, 0]
}

/// The version of a worker that greets so; none if it is no worker.
pub(crate) fn greeted(hello: [u8; HELLO]) -> Option<u8> {
    let version = hello.strip_prefix(&MAGIC)?;
    version.first().copied()
}

/// The member's answer. A name beyond 65,535 bytes is none that a member has.
pub(crate) fn answer(status: Status, name: &str) -> Vec<u8> {
    let [a, b, c, d, e] = MAGIC;
    let length = u16::try_from(name.len()).unwrap_or_default();
    let [low, high] = length.to_le_bytes();
    let mut out = vec![a, b, c, d, e, VERSION, status as u8, low, high];
    out.extend_from_slice(name.get(..usize::from(length)).unwrap_or_default().as_bytes());
    out
}

/// What the beginning of the member's answer says: how long the name is that follows.
///
/// # Errors
/// Why this worker may not come in, in a sentence.
pub(crate) fn answered(bytes: [u8; HELLO + 1]) -> std::result::Result<usize, String> {
    let [.., version, status, low, high] = bytes;
    if !bytes.starts_with(&MAGIC) {
        return Err("what listens there is no member of Chinwag".to_owned());
    }
    if version != VERSION || status == Status::Version as u8 {
        return Err(format!(
            "the member there speaks version {version} to its workers, and this is {VERSION}; \
             run both with the same release"
        ));
    }
    match status {
        0 => Ok(usize::from(u16::from_le_bytes([low, high]))),
        4 => Err("the member there runs as another user".to_owned()),
        6 => Err("the member there has as many workers as it may".to_owned()),
        other => Err(format!("the member there refuses, with status {other}")),
    }
}

const fn config() -> Configuration<LittleEndian, Fixint, Limit<BODY_MAX>> {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<BODY_MAX>()
}

/// A body as it is sent.
///
/// # Errors
/// `too_large`.
pub(crate) fn encode<T: Serialize + ?Sized>(body: &T) -> Result<Vec<u8>> {
    let bytes = bincode::serde::encode_to_vec(body, config());
    let bytes = bytes.ok().filter(|bytes| bytes.len() <= BODY_MAX);
    bytes.ok_or_else(|| {
        let message = format!("more than {BODY_MAX} bytes cannot go between member and worker");
        Error::new(ErrorKind::TooLarge, message)
    })
}

/// The body that these bytes are.
///
/// # Errors
/// `codec`.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let decoded = bincode::serde::decode_from_slice(bytes, config());
    let whole = decoded.ok().filter(|(_, used)| *used == bytes.len());
    whole.map(|(body, _)| body).ok_or_else(|| {
        Error::new(ErrorKind::Codec, "member and worker do not understand each other")
    })
}

/// An error on its way to a worker, with all that it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ErrorBody {
    number: u32,
    message: String,
    /// What a join tried, and why it failed.
    attempts: Vec<(String, String)>,
    executed: bool,
}

impl From<Error> for ErrorBody {
    fn from(error: Error) -> Self {
        let attempts = error.attempts().iter();
        Self {
            number: error.kind().number(),
            message: error.message().to_owned(),
            attempts: attempts.map(|tried| (tried.seed.clone(), tried.cause.clone())).collect(),
            executed: error.maybe_executed(),
        }
    }
}

impl From<ErrorBody> for Error {
    fn from(body: ErrorBody) -> Self {
        let row = crate::api::ERRORS.iter().find(|row| row.number == body.number);
        let kind = row.map_or(ErrorKind::Internal, |row| row.kind);
        let attempts = body.attempts.into_iter();
        let attempts = attempts.map(|(seed, cause)| crate::error::Attempt { seed, cause });
        Self::new(kind, body.message).with_attempts(attempts.collect()).with_executed(body.executed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_greeting_is_understood_and_one_of_another_version_is_refused() {
        assert_eq!(greeted(hello()), Some(VERSION));
        let mut other = hello();
        other[0] = b'G';
        assert_eq!(greeted(other), None);
        let first = |status, name: &str| {
            let bytes = answer(status, name);
            answered(*bytes.first_chunk().expect("as many"))
        };
        assert_eq!(first(Status::Welcome, "web-1"), Ok(5));
        for status in [Status::Version, Status::User, Status::Full] {
            first(status, "").expect_err("it is refused");
        }
        let mut newer = answer(Status::Welcome, "");
        newer[5] = VERSION + 1;
        let why = answered(*newer.first_chunk().expect("as many")).expect_err("another version");
        assert!(why.contains("version 2") && why.contains("same release"), "{why}");
    }

    #[test]
    fn an_error_arrives_with_all_that_it_says() {
        let attempts = vec![crate::error::Attempt { seed: "a:1".into(), cause: "refused".into() }];
        let error = Error::join_failed(attempts).with_executed(true);
        let body = encode(&ErrorBody::from(error.clone())).expect("it is short");
        assert_eq!(Error::from(decode::<ErrorBody>(&body).expect("the same")), error);
    }

    #[test]
    fn no_length_is_believed() {
        let mut bytes = encode(&"text".to_owned()).expect("it is short");
        bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(decode::<String>(&bytes).is_err());
        bytes[..8].copy_from_slice(&(BODY_MAX as u64 + 1).to_le_bytes());
        assert!(decode::<Vec<String>>(&bytes).is_err());
        assert!(encode(&vec![0_u8; BODY_MAX + 1]).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode::<Vec<News>>(&bytes);
            let _ = decode::<Wish>(&bytes);
            let _ = decode::<std::result::Result<Outcome, ErrorBody>>(&bytes);
            let _ = decode::<Attached>(&bytes);
            if let Some(bytes) = bytes.first_chunk() {
                let _ = answered(*bytes);
            }
        }
    }
}
