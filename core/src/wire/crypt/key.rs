//! One key.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes192;
use aes_gcm::{Aes128Gcm, Aes256Gcm, AesGcm};
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Nonce, TAG};

/// Room for the bytes of the longest base64 text that is looked at.
const DECODED_MAX: usize = 96;

/// A key of 16, 24 or 32 bytes, for AES-128, AES-192 or AES-256. Copies share one place in memory,
/// which is wiped when the last of them is dropped; nothing prints the key but
/// [`Key::to_base64`].
#[derive(Clone)]
pub struct Key(Arc<Secret>);

struct Secret {
    raw: Zeroizing<Vec<u8>>,
    fingerprint: Fingerprint,
    cipher: Cipher,
}

/// Wiped on drop as well, each.
enum Cipher {
    Aes128(Aes128Gcm),
    Aes192(AesGcm<Aes192, U12>),
    Aes256(Aes256Gcm),
}

/// Four bytes of a hash of a key: enough to tell the keys of a ring apart, and of no use to anybody
/// who wants the key. Written as eight hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 4]);

/// Why a text or bytes are no key. Never says what they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Not base64 with its padding.
    NotBase64,
    /// A number of bytes that no AES has.
    Length(usize),
}

impl Key {
    /// The key of these bytes.
    ///
    /// # Errors
    /// [`KeyError::Length`].
    pub fn from_bytes(raw: &[u8]) -> Result<Self, KeyError> {
        let wrong = |_| KeyError::Length(raw.len());
        let cipher = match raw.len() {
            16 => Cipher::Aes128(Aes128Gcm::new_from_slice(raw).map_err(wrong)?),
            24 => Cipher::Aes192(AesGcm::new_from_slice(raw).map_err(wrong)?),
            32 => Cipher::Aes256(Aes256Gcm::new_from_slice(raw).map_err(wrong)?),
            length => return Err(KeyError::Length(length)),
        };
        let raw = Zeroizing::new(raw.to_vec());
        Ok(Self(Arc::new(Secret { fingerprint: Fingerprint::of(&raw), raw, cipher })))
    }

    /// The key that this text stands for; white space around it does not matter.
    ///
    /// # Errors
    /// Any [`KeyError`].
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let mut room = Zeroizing::new([0; DECODED_MAX]);
        let raw = Base64::decode(text.trim(), &mut room[..]).map_err(|_| KeyError::NotBase64)?;
        Self::from_bytes(raw)
    }

    /// The text that stands for it, which is wiped on drop.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(Base64::encode_string(&self.0.raw))
    }

    /// Its bytes, for those who have to know them.
    #[cfg(any(feature = "runtime", feature = "sim"))]
    pub(crate) fn raw(&self) -> &[u8] {
        &self.0.raw
    }

    /// What it is called.
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    /// Its length: 128, 192 or 256.
    pub fn bits(&self) -> usize {
        self.0.raw.len() * 8
    }

    /// Encrypts in place; the tag, unless the message is longer than the algorithm allows.
    pub(super) fn encrypt(
        &self,
        nonce: &Nonce,
        aad: &[u8],
        message: &mut [u8],
    ) -> Option<[u8; TAG]> {
        let (nonce, message) = (&(*nonce).into(), InOutBuf::from(message));
        let tag = match &self.0.cipher {
            Cipher::Aes128(cipher) => cipher.encrypt_inout_detached(nonce, aad, message),
            Cipher::Aes192(cipher) => cipher.encrypt_inout_detached(nonce, aad, message),
            Cipher::Aes256(cipher) => cipher.encrypt_inout_detached(nonce, aad, message),
        };
        tag.ok().map(Into::into)
    }

    /// Decrypts from one place into another of the same length; whether the key fits.
    pub(super) fn decrypt(
        &self,
        nonce: &Nonce,
        aad: &[u8],
        sealed: &[u8],
        tag: &[u8; TAG],
        plain: &mut [u8],
    ) -> bool {
        InOutBuf::new(sealed, plain).is_ok_and(|message| self.verify(nonce, aad, message, tag))
    }

    /// Decrypts in place; whether the key fits. If not, the message is as it was: the tag is judged
    /// before anything is written.
    pub(super) fn decrypt_in_place(
        &self,
        nonce: &Nonce,
        aad: &[u8],
        message: &mut [u8],
        tag: &[u8; TAG],
    ) -> bool {
        self.verify(nonce, aad, message.into(), tag)
    }

    fn verify(
        &self,
        nonce: &Nonce,
        aad: &[u8],
        message: InOutBuf<'_, '_, u8>,
        tag: &[u8; TAG],
    ) -> bool {
        let (nonce, tag) = (&(*nonce).into(), &(*tag).into());
        match &self.0.cipher {
            Cipher::Aes128(cipher) => cipher.decrypt_inout_detached(nonce, aad, message, tag),
            Cipher::Aes192(cipher) => cipher.decrypt_inout_detached(nonce, aad, message, tag),
            Cipher::Aes256(cipher) => cipher.decrypt_inout_detached(nonce, aad, message, tag),
        }
        .is_ok()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.raw == other.0.raw
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.fingerprint())
    }
}

impl Fingerprint {
    /// As it is sent.
    #[cfg(any(feature = "runtime", feature = "sim"))]
    pub(crate) const fn to_bytes(self) -> [u8; 4] {
        self.0
    }

    /// As it was sent.
    #[cfg(any(feature = "runtime", feature = "sim"))]
    pub(crate) const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    fn of(raw: &[u8]) -> Self {
        // The prefix keeps it from being the hash that somebody else makes of the same key.
        let digest = Sha256::new().chain_update(b"chinwag key").chain_update(raw).finalize();
        Self(digest.first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = KeyError;

    /// Exactly eight hexadecimal digits, which no base64 of a key has.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u32::from_str_radix(text, 16).ok().filter(|_| digits);
        number.map(|number| Self(number.to_be_bytes())).ok_or(KeyError::Length(text.len()))
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBase64 => f.write_str("is not base64"),
            Self::Length(length) => {
                write!(f, "has {length} bytes, and a key has 16, 24 or 32")
            }
        }
    }
}

impl std::error::Error for KeyError {}
