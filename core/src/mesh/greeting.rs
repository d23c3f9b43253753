//! How a connection for messages begins.
//!
//! ```text
//! dials:    cb 'c' 'w' 'm' | version | mode | fingerprint, 4 bytes | message of Noise, 48 bytes
//! answers:  cb 'c' 'w' 'm' | version | status                      | message of Noise, 48 bytes
//! ```
//!
//! No stream of memberlist's begins with that first byte. The mode says whether the connection is
//! encrypted; without, fingerprint and messages of Noise are left out, and with certificates a
//! handshake of TLS stands in their place. The fingerprint is that of
//! the key, of which a node may have several while keys are changed. What the side that dials has
//! sent, and the cluster's label, are part of what Noise authenticates, so that nobody on the way
//! makes anything else of it. Whoever is refused is told why in the status, and nothing else.

use std::fmt;
use std::sync::Arc;

use snow::HandshakeState;

use super::fault::Fault;
use super::noise::{self, Entropy, HANDSHAKE};
use super::proof::Proof;
use super::seal::{Cover, Opener, Sealer, halves};
use super::tls::{Handshake, Identity};
use crate::wire::{Fingerprint, Security};

/// What a connection for messages begins with; no stream of memberlist's does.
pub(crate) const FIRST: u8 = 0xcb;
const MAGIC: [u8; 4] = [FIRST, b'c', b'w', b'm'];
const VERSION: u8 = 1;
const MODE_PLAIN: u8 = 0;
const MODE_NOISE: u8 = 1;
const MODE_TLS: u8 = 2;
const STATUS_OK: u8 = 0;
/// Bytes of what the side that dials sends in clear, and of that with a fingerprint.
const HELLO: usize = MAGIC.len() + 2;
const HELLO_KEYED: usize = HELLO + FINGERPRINT;
const FINGERPRINT: usize = 4;

/// Why two sides cannot talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is no connection for messages.
    NotOurs,
    /// It speaks another version.
    Version(u8),
    /// It is in clear, and one side demands encryption.
    Plaintext,
    /// It is under a key that the other side does not have, or encrypted where nobody has keys.
    UnknownKey,
    /// The handshake failed: another key or another label, or somebody on the way.
    Handshake,
    /// One side demands certificates, and the other has none.
    Uncertified,
    /// What is the matter with the certificates.
    Certificate(Fault),
    /// The other side has too many connections.
    Busy,
}

/// What a greeting leads to.
#[derive(Debug)]
pub(crate) struct Channel {
    /// For what is sent.
    pub(crate) sealer: Sealer,
    /// For what comes.
    pub(crate) opener: Opener,
    /// What came behind the greeting already.
    pub(crate) rest: Vec<u8>,
    /// What the other side has shown of who it is.
    pub(crate) proof: Proof,
}

/// One side of a greeting.
pub(crate) struct Greeting {
    stage: Stage,
    /// What has come and not been used; never more than a greeting.
    heard: Vec<u8>,
}

enum Stage {
    /// This side has dialled, and waits for the answer.
    Dialled(Mode),
    /// The other side has dialled.
    Accepted(Entropy, Option<Arc<Identity>>),
    /// What comes is all for the handshake of TLS.
    Certifying(Box<Handshake>),
    Over,
}

enum Mode {
    Plain,
    Noise(Box<HandshakeState>),
    Tls(Box<Handshake>),
}

impl Greeting {
    /// Of the side that dials; appends what is sent first. With an identity, it is shown and one is
    /// demanded, whatever keys there are.
    ///
    /// # Errors
    /// Only if there is no such handshake, which is a defect.
    pub(crate) fn dial(
        security: &Security,
        identity: Option<&Arc<Identity>>,
        entropy: Entropy,
        out: &mut Vec<u8>,
    ) -> Result<Self, Refusal> {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.push(VERSION);
        let mode = if let Some(identity) = identity {
            out.push(MODE_TLS);
            let handshake = Handshake::dial(identity, out).map_err(Refusal::Certificate)?;
            Mode::Tls(Box::new(handshake))
        } else if let Some(key) = security.sealing_key() {
            out.push(MODE_NOISE);
            out.extend_from_slice(&key.fingerprint().to_bytes());
            let hello = out.get(start..).unwrap_or_default();
            let state = noise::handshake(true, key, &security.label, hello, entropy);
            let mut state = state.map_err(|_| Refusal::Handshake)?;
            say(&mut state, out)?;
            Mode::Noise(Box::new(state))
        } else {
            out.push(MODE_PLAIN);
            Mode::Plain
        };
        Ok(Self { stage: Stage::Dialled(mode), heard: Vec::new() })
    }

    /// Of the side that was dialled. With an identity, nothing else is accepted.
    pub(crate) fn accept(entropy: Entropy, identity: Option<Arc<Identity>>) -> Self {
        Self { stage: Stage::Accepted(entropy, identity), heard: Vec::new() }
    }

    /// What a side that has no room answers.
    pub(crate) fn busy() -> [u8; HELLO] {
        answer(Some(Refusal::Busy))
    }

    /// Takes what has come; appends what is to be sent, on either side. `None`: there is more to
    /// come.
    ///
    /// # Errors
    /// Why it ends here. What was appended is still to be sent: it tells the other side.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        security: &Security,
        out: &mut Vec<u8>,
    ) -> Result<Option<Channel>, Refusal> {
        if let Stage::Certifying(_) = self.stage {
            return self.certify(bytes, out);
        }
        self.heard.extend_from_slice(bytes);
        let known = self.heard.len().min(MAGIC.len());
        if self.heard.get(..known) != MAGIC.get(..known) {
            return Err(Refusal::NotOurs);
        }
        match &mut self.stage {
            Stage::Dialled(mode) => {
                let Some(used) = answered(&self.heard, mode)? else { return Ok(None) };
                self.finish(used, out)
            }
            Stage::Accepted(entropy, identity) => {
                let identity = identity.as_ref();
                match accepted(&self.heard, *entropy, security, identity, out) {
                    Ok(None) => Ok(None),
                    Ok(Some((mode, used))) => {
                        self.stage = Stage::Dialled(mode);
                        self.finish(used, out)
                    }
                    Err(refusal) => {
                        if refusal != Refusal::NotOurs {
                            out.extend_from_slice(&answer(Some(refusal)));
                        }
                        Err(refusal)
                    }
                }
            }
            Stage::Certifying(_) | Stage::Over => Err(Refusal::NotOurs),
        }
    }

    /// Both sides agree on how they talk: so many bytes were used for that.
    fn finish(&mut self, used: usize, out: &mut Vec<u8>) -> Result<Option<Channel>, Refusal> {
        let rest = self.heard.split_off(used);
        let cover = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Dialled(Mode::Plain) => Cover::Clear,
            Stage::Dialled(Mode::Noise(state)) => {
                let state = state.into_stateless_transport_mode();
                Cover::Noise(Arc::new(state.map_err(|_| Refusal::Handshake)?))
            }
            Stage::Dialled(Mode::Tls(handshake)) => {
                self.stage = Stage::Certifying(handshake);
                return self.certify(&rest, out);
            }
            _ => return Err(Refusal::NotOurs),
        };
        let (sealer, opener) = halves(cover);
        Ok(Some(Channel { sealer, opener, rest, proof: Proof::None }))
    }

    fn certify(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Option<Channel>, Refusal> {
        let Stage::Certifying(mut handshake) = std::mem::replace(&mut self.stage, Stage::Over)
        else {
            return Err(Refusal::NotOurs);
        };
        let Some(used) = handshake.push(bytes, out).map_err(Refusal::Certificate)? else {
            self.stage = Stage::Certifying(handshake);
            return Ok(None);
        };
        let (session, proof) = handshake.finish();
        let (sealer, opener) = halves(Cover::Tls(session));
        let rest = bytes.get(used..).unwrap_or_default().to_vec();
        Ok(Some(Channel { sealer, opener, rest, proof }))
    }
}

/// What the side that was dialled makes of what came: the handshake, and how many bytes it took.
fn accepted(
    heard: &[u8],
    entropy: Entropy,
    security: &Security,
    identity: Option<&Arc<Identity>>,
    out: &mut Vec<u8>,
) -> Result<Option<(Mode, usize)>, Refusal> {
    let [.., version, mode] = match heard.first_chunk::<HELLO>() {
        Some(hello) => *hello,
        None => return Ok(None),
    };
    if version != VERSION {
        return Err(Refusal::Version(version));
    }
    match (mode, identity) {
        (MODE_TLS, Some(identity)) => {
            let handshake = Handshake::accept(identity).map_err(Refusal::Certificate)?;
            out.extend_from_slice(&answer(None));
            return Ok(Some((Mode::Tls(Box::new(handshake)), HELLO)));
        }
        // There is no way back from one to another.
        (MODE_TLS, None) | (MODE_PLAIN | MODE_NOISE, Some(_)) => return Err(Refusal::Uncertified),
        _ => {}
    }
    if mode == MODE_PLAIN {
        if security.refuses_plaintext() {
            return Err(Refusal::Plaintext);
        }
        out.extend_from_slice(&answer(None));
        return Ok(Some((Mode::Plain, HELLO)));
    }
    if mode != MODE_NOISE {
        return Err(Refusal::NotOurs);
    }
    let Some((hello, rest)) = heard.split_at_checked(HELLO_KEYED) else { return Ok(None) };
    let Some(message) = rest.get(..HANDSHAKE) else { return Ok(None) };
    let fingerprint = hello.last_chunk().copied().map(Fingerprint::from_bytes);
    let mut keys = security.keyring.iter().flat_map(|ring| ring.iter());
    let key = keys.find(|key| Some(key.fingerprint()) == fingerprint);
    let key = key.ok_or(Refusal::UnknownKey)?;
    let state = noise::handshake(false, key, &security.label, hello, entropy);
    let mut state = state.map_err(|_| Refusal::Handshake)?;
    listen(&mut state, message)?;
    out.extend_from_slice(&answer(None));
    say(&mut state, out)?;
    Ok(Some((Mode::Noise(Box::new(state)), HELLO_KEYED + HANDSHAKE)))
}

/// What the side that dialled makes of the answer: how many bytes it took.
fn answered(heard: &[u8], mode: &mut Mode) -> Result<Option<usize>, Refusal> {
    let [.., version, status] = match heard.first_chunk::<HELLO>() {
        Some(hello) => *hello,
        None => return Ok(None),
    };
    if version != VERSION {
        return Err(Refusal::Version(version));
    }
    if let Some(refusal) = refusal(status) {
        return Err(refusal);
    }
    let Mode::Noise(state) = mode else { return Ok(Some(HELLO)) };
    let Some(message) = heard.get(HELLO..HELLO + HANDSHAKE) else { return Ok(None) };
    listen(state, message)?;
    Ok(Some(HELLO + HANDSHAKE))
}

fn say(state: &mut HandshakeState, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut message = [0; HANDSHAKE];
    let written = state.write_message(&[], &mut message).map_err(|_| Refusal::Handshake)?;
    debug_assert_eq!(written, HANDSHAKE);
    out.extend_from_slice(&message);
    Ok(())
}

fn listen(state: &mut HandshakeState, message: &[u8]) -> Result<(), Refusal> {
    let read = state.read_message(message, &mut [0; HANDSHAKE]);
    read.map(drop).map_err(|_| Refusal::Handshake)
}

fn answer(refusal: Option<Refusal>) -> [u8; HELLO] {
    let status = match refusal {
        None => STATUS_OK,
        Some(Refusal::NotOurs) => 1,
        Some(Refusal::Version(_)) => 2,
        Some(Refusal::Plaintext) => 3,
        Some(Refusal::UnknownKey) => 4,
        Some(Refusal::Handshake | Refusal::Certificate(_)) => 5,
        Some(Refusal::Busy) => 6,
        Some(Refusal::Uncertified) => 7,
    };
    let [a, b, c, d] = MAGIC;
    [a, b, c, d, VERSION, status]
}

fn refusal(status: u8) -> Option<Refusal> {
    match status {
        STATUS_OK => None,
        2 => Some(Refusal::Version(VERSION)),
        3 => Some(Refusal::Plaintext),
        4 => Some(Refusal::UnknownKey),
        6 => Some(Refusal::Busy),
        7 => Some(Refusal::Uncertified),
        // One of a later version fails like a handshake.
        5.. => Some(Refusal::Handshake),
        1 => Some(Refusal::NotOurs),
    }
}

impl Refusal {
    /// Whether keys or certificates, or that there are none, are the reason.
    pub(crate) const fn is_about_keys(self) -> bool {
        match self {
            Self::Plaintext | Self::UnknownKey | Self::Handshake => true,
            Self::Uncertified | Self::Certificate(_) => true,
            Self::NotOurs | Self::Version(_) | Self::Busy => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate(fault) => return fault.fmt(f),
            Self::Uncertified => "one side demands certificates (tls_cert), and the other has none",
            Self::NotOurs => "it does not speak Chinwag's messages",
            Self::Version(_) => "it speaks another version of Chinwag's messages",
            Self::Plaintext => "one side demands encryption, and the other has none",
            Self::UnknownKey => "one side has no key of the other's; compare them with keys()",
            Self::Handshake => "the keys or the cluster labels of the two sides differ",
            Self::Busy => "it has too many connections already",
        })
    }
}

impl fmt::Debug for Greeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Greeting")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Key, Keyring};

    fn keyed(byte: u8, label: &str) -> Security {
        let key = Key::from_bytes(&[byte; 32]).expect("a key");
        Security { keyring: Some(Keyring::new(key)), ..Security::labelled(label) }
    }

    /// Both sides' channels, or whose refusal it was; `on_the_way` may change what is sent.
    fn greet(
        dials: &Security,
        accepts: &Security,
        mut on_the_way: impl FnMut(&mut Vec<u8>),
    ) -> Result<(Channel, Channel), (bool, Refusal)> {
        let mut out = Vec::new();
        let mut dialler = Greeting::dial(dials, None, [1; 32], &mut out).expect("a handshake");
        on_the_way(&mut out);
        let mut acceptor = Greeting::accept([2; 32], None);
        let (mut back, mut accepted) = (Vec::new(), None);
        // One byte at a time.
        for byte in &out {
            match acceptor.push(&[*byte], accepts, &mut back) {
                Ok(channel) => accepted = accepted.or(channel),
                Err(refusal) => {
                    let told = dialler.push(&back, dials, &mut Vec::new());
                    assert!(back.is_empty() || told.is_err(), "the dialler is told");
                    return Err((false, refusal));
                }
            }
        }
        let accepted = accepted.expect("all has come");
        let dialled = dialler.push(&back, dials, &mut Vec::new());
        let dialled = dialled.map_err(|refusal| (true, refusal))?.expect("all has come");
        Ok((dialled, accepted))
    }

    fn talk((mut from, mut to): (Channel, Channel)) {
        for size in [1, 100, 65_519, 65_520, 200_000] {
            let (plain, mut sealed, mut back) = (vec![size as u8; size], Vec::new(), Vec::new());
            from.sealer.seal(&plain, &mut sealed);
            for part in sealed.chunks(1_000.max(size / 7)) {
                to.opener.open(part, &mut back).expect("untouched");
            }
            assert_eq!(back, plain);
        }
    }

    #[test]
    fn those_with_the_same_key_talk_and_others_are_told_why_not() {
        let plain = Security::labelled("a");
        talk(greet(&plain, &plain, |_| {}).expect("in clear"));
        talk(greet(&keyed(1, "a"), &keyed(1, "a"), |_| {}).expect("encrypted"));
        let both = |dials: &Security, accepts: &Security| {
            greet(dials, accepts, |_| {}).map(drop).expect_err("refused")
        };
        assert_eq!(both(&keyed(1, "a"), &keyed(2, "a")), (false, Refusal::UnknownKey));
        assert_eq!(both(&keyed(1, "a"), &keyed(1, "b")), (false, Refusal::Handshake));
        assert_eq!(both(&plain, &keyed(1, "a")), (false, Refusal::Plaintext));
        assert_eq!(both(&keyed(1, "a"), &plain), (false, Refusal::UnknownKey));
    }

    #[test]
    fn a_key_that_is_not_the_primary_any_more_is_understood() {
        let mut ring = Keyring::new(Key::from_bytes(&[1; 32]).expect("a key"));
        ring.add(Key::from_bytes(&[2; 16]).expect("a key")).expect("room");
        let changed = Security { keyring: Some(ring), ..Security::labelled("a") };
        let old = Key::from_bytes(&[2; 16]).expect("a key");
        let old = Security { keyring: Some(Keyring::new(old)), ..Security::labelled("a") };
        talk(greet(&old, &changed, |_| {}).expect("understood"));
    }

    #[test]
    fn whatever_is_changed_on_the_way_ends_it() {
        let (a, b) = (keyed(1, "a"), keyed(1, "a"));
        for bit in 0..(HELLO_KEYED + HANDSHAKE) * 8 {
            let outcome = greet(&a, &b, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            assert!(outcome.is_err(), "bit {bit}");
        }
        // Told that encryption is not wanted: the other side demands it.
        let outcome = greet(&a, &b, |bytes| {
            bytes.truncate(HELLO);
            bytes[HELLO - 1] = MODE_PLAIN;
        });
        assert_eq!(outcome.map(drop), Err((false, Refusal::Plaintext)));
    }

    #[test]
    fn records_are_understood_once_and_in_order() {
        let keys = (keyed(1, "a"), keyed(1, "a"));
        let (mut from, mut to) = greet(&keys.0, &keys.1, |_| {}).expect("encrypted");
        let [mut first, mut second] = [Vec::new(), Vec::new()];
        from.sealer.seal(b"first", &mut first);
        from.sealer.seal(b"second", &mut second);
        let mut plain = Vec::new();
        to.opener.open(&first, &mut plain).expect("the first");
        assert!(to.opener.open(&first, &mut plain).is_err(), "repeated");
        let (mut from, mut to) = greet(&keys.0, &keys.1, |_| {}).expect("encrypted");
        from.sealer.seal(b"first", &mut first);
        second.clear();
        from.sealer.seal(b"second", &mut second);
        assert!(to.opener.open(&second, &mut plain).is_err(), "one was left out");
        // Nor is anything of one that was changed.
        let (mut from, mut to) = greet(&keys.0, &keys.1, |_| {}).expect("encrypted");
        [first, second] = [Vec::new(), Vec::new()];
        from.sealer.seal(b"first", &mut first);
        from.sealer.seal(b"second", &mut second);
        if let Some(last) = second.last_mut() {
            *last ^= 1;
        }
        plain.clear();
        assert!(to.opener.open(&[first, second].concat(), &mut plain).is_err(), "changed");
        assert_eq!(plain, b"first");
        for cut in [vec![0, 0], vec![5, 0, 1, 2, 3, 4, 5], [vec![16, 0], vec![0; 16]].concat()] {
            let (_, mut to) = greet(&keys.0, &keys.1, |_| {}).expect("encrypted");
            assert!(to.opener.open(&cut, &mut plain).is_err(), "{cut:?}");
        }
    }

    #[test]
    fn nothing_else_is_taken_for_a_greeting() {
        let plain = Security::labelled("");
        for bytes in [&b"\xf4"[..], b"\xcbx", b"GET / HTTP/1.1", b"\xcbcwm\x01\x07"] {
            let mut greeting = Greeting::accept([0; 32], None);
            let outcome = greeting.push(bytes, &plain, &mut Vec::new());
            assert_eq!(outcome.map(drop), Err(Refusal::NotOurs), "{bytes:?}");
        }
        let mut greeting = Greeting::accept([0; 32], None);
        let (mut out, later) = (Vec::new(), b"\xcbcwm\x02\x00");
        let outcome = greeting.push(later, &plain, &mut out);
        assert_eq!(outcome.map(drop), Err(Refusal::Version(2)));
        assert_eq!(out, b"\xcbcwm\x01\x02");
    }
}
