//! The Noise handshake: both sides prove that they have a key of the cluster, and agree on keys of
//! their own for this one connection.
//!
//! Pattern `NNpsk0` (<https://noiseprotocol.org/noise.html>): no side has a key that lasts, so what
//! was recorded cannot be read by whoever gets hold of the cluster's key later. The curve and the
//! framework are crates; SHA-256 and AES-GCM are those that the rest of the core uses.

use curve25519_dalek::MontgomeryPoint;
use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};
use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, Error, HandshakeState};
use zeroize::{Zeroize as _, Zeroizing};

use super::gcm::Aead;
use crate::wire::Key;

const PATTERN: &str = "Noise_NNpsk0_25519_AESGCM_SHA256";
/// What keys for messages are derived for, so that they are those of nothing else.
const PURPOSE: &[u8] = b"chinwag mesh psk 1";
/// Bytes that each message of the handshake takes: a key of Curve25519 and a tag.
pub(super) const HANDSHAKE: usize = 32 + TAG;
/// Bytes that a message takes more than what is in it.
pub(super) const TAG: usize = 16;

/// The random bytes that one side of one handshake takes.
pub(crate) type Entropy = [u8; 32];

/// One side of a handshake. `prologue` is what both sides must have seen alike.
pub(super) fn handshake(
    dials: bool,
    key: &Key,
    label: &str,
    prologue: &[u8],
    entropy: Entropy,
) -> Result<HandshakeState, Error> {
    let params: NoiseParams = PATTERN.parse()?;
    let psk = psk(key, label);
    let resolver = Box::new(Primitives(entropy));
    let builder = Builder::with_resolver(params, resolver).psk(0, &psk)?.prologue(prologue)?;
    if dials { builder.build_initiator() } else { builder.build_responder() }
}

/// The key for messages that belongs to a key of the cluster.
fn psk(key: &Key, label: &str) -> Zeroizing<[u8; 32]> {
    let mut psk = Zeroizing::new([0; 32]);
    // It fails for lengths that SHA-256 cannot make; 32 is its own.
    let made = Hkdf::<Sha256>::new(Some(label.as_bytes()), key.raw()).expand(PURPOSE, &mut *psk);
    debug_assert!(made.is_ok());
    psk
}

/// What `snow` is to use.
struct Primitives(Entropy);

impl Drop for Primitives {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Once(Some(Zeroizing::new(self.0)))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| Box::new(X25519::default()) as _)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        matches!(choice, HashChoice::SHA256).then(|| Box::new(Sha(Sha256::new())) as _)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        matches!(choice, CipherChoice::AESGCM).then(|| Box::new(Gcm(None)) as _)
    }
}

/// The random bytes of the one key that a side makes. They are not given twice.
struct Once(Option<Zeroizing<Entropy>>);

impl Random for Once {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let bytes = self.0.take().ok_or(Error::Rng)?;
        if out.len() != bytes.len() {
            return Err(Error::Rng);
        }
        out.copy_from_slice(&*bytes);
        Ok(())
    }
}

/// X25519 (RFC 7748).
#[derive(Default)]
struct X25519 {
    private: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, private: &[u8]) {
        if let Ok(private) = private.try_into() {
            *self.private = private;
            self.public = MontgomeryPoint::mul_base_clamped(private).to_bytes();
        }
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), Error> {
        let mut private = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(&mut *private)?;
        self.set(&*private);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &*self.private
    }

    /// A point of low order, with which both would agree on zeros, is refused.
    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let point = public.first_chunk().map(|point| MontgomeryPoint(*point)).ok_or(Error::Dh)?;
        let shared = Zeroizing::new(point.mul_clamped(*self.private).to_bytes());
        if *shared == [0; 32] {
            return Err(Error::Dh);
        }
        *out.first_chunk_mut().ok_or(Error::Dh)? = *shared;
        Ok(())
    }
}

struct Sha(Sha256);

impl Hash for Sha {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        let hash = self.0.finalize_reset();
        if let Some(out) = out.first_chunk_mut() {
            *out = hash.into();
        }
    }
}

/// AES-256-GCM, whose key is prepared once and not for each message.
struct Gcm(Option<Aead>);

/// Noise's nonce: four zeros, and the counter in the order that AES-GCM has it.
fn nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

impl Cipher for Gcm {
    fn name(&self) -> &'static str {
        "AESGCM"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = Aead::new(key);
    }

    /// `snow` gives room for the tag; without a key or without that, nothing is written.
    fn encrypt(&self, counter: u64, aad: &[u8], plain: &[u8], out: &mut [u8]) -> usize {
        let mut sealed = || {
            let (text, tag) = out.get_mut(..plain.len() + TAG)?.split_last_chunk_mut::<TAG>()?;
            *tag = self.0.as_ref()?.seal(nonce(counter), aad, plain, text)?;
            Some(plain.len() + TAG)
        };
        sealed().unwrap_or(0)
    }

    fn decrypt(
        &self,
        counter: u64,
        aad: &[u8],
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let mut opened = || {
            let (text, tag) = sealed.split_last_chunk::<TAG>()?;
            let out = out.get_mut(..text.len())?;
            self.0.as_ref()?.open(nonce(counter), aad, (text, tag), out)?;
            Some(text.len())
        };
        opened().ok_or(Error::Decrypt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cipher says what the standard says, whichever crate it is of.
    #[test]
    fn the_primitives_are_the_standard_ones() {
        // NIST's test case 16 has associated data; 14 is the one with an empty key and 16 zeros.
        let mut gcm = Gcm(None);
        gcm.set(&[0; 32]);
        let mut out = [0; 32];
        assert_eq!(gcm.encrypt(0, &[], &[0; 16], &mut out), 32);
        let wanted = "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919";
        let shown: String = out.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown, wanted);
        let mut back = [1; 16];
        assert_eq!(gcm.decrypt(0, &[], &out, &mut back), Ok(16));
        assert_eq!(back, [0; 16]);
        assert_eq!(gcm.decrypt(1, &[], &out, &mut back), Err(Error::Decrypt));
        assert_eq!(gcm.decrypt(0, b"x", &out, &mut back), Err(Error::Decrypt));
        assert_eq!(nonce(1)[..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    /// RFC 7748, section 5.2.
    #[test]
    fn the_curve_is_the_standard_one() {
        let bytes = |text: &str| -> [u8; 32] {
            let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16);
            std::array::from_fn(|at| byte(at).expect("hexadecimal"))
        };
        let (mut side, mut shared) = (X25519::default(), [0; 32]);
        side.set(&bytes("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"));
        let point = bytes("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
        assert_eq!(side.dh(&point, &mut shared), Ok(()));
        let wanted = bytes("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
        assert_eq!(shared, wanted);
        assert_eq!(side.dh(&[0; 32], &mut shared), Err(Error::Dh));
    }

    #[test]
    fn random_bytes_are_given_once() {
        let mut once = Once(Some(Zeroizing::new([7; 32])));
        let mut out = [0; 32];
        assert_eq!(once.try_fill_bytes(&mut out), Ok(()));
        assert_eq!(out, [7; 32]);
        assert_eq!(once.try_fill_bytes(&mut out), Err(Error::Rng));
    }

    #[test]
    fn keys_for_messages_belong_to_key_and_label() {
        let key = |byte| Key::from_bytes(&[byte; 32]).expect("a key");
        let made = [psk(&key(1), "a"), psk(&key(2), "a"), psk(&key(1), "b")];
        assert!(made[0] != made[1] && made[0] != made[2] && made[1] != made[2]);
        assert_eq!(psk(&key(1), "a"), made[0]);
    }
}
