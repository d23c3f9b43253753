//! AES-256-GCM for what goes over a connection, of which there may be much: with certificates built
//! in, that of the crate which TLS brings along, as it is two to three times as fast. Both say the
//! same bytes.

#[cfg(not(feature = "tls"))]
use aes_gcm::aead::inout::InOutBuf;
#[cfg(not(feature = "tls"))]
use aes_gcm::aead::{AeadInOut as _, KeyInit as _};
#[cfg(feature = "tls")]
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};

use super::noise::TAG;

/// A key, ready to be used.
#[cfg(feature = "tls")]
pub(super) struct Aead(LessSafeKey);

#[cfg(feature = "tls")]
impl Aead {
    pub(super) fn new(key: &[u8; 32]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, key).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    /// Writes `plain` sealed to `out`, which is as long; its tag.
    pub(super) fn seal(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        plain: &[u8],
        out: &mut [u8],
    ) -> Option<[u8; TAG]> {
        out.get_mut(..plain.len())?.copy_from_slice(plain);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), out).ok()?;
        tag.as_ref().try_into().ok()
    }

    /// Writes what was sealed to `out`, which is as long; none if nobody has sealed that.
    pub(super) fn open(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        (text, tag): (&[u8], &[u8; TAG]),
        out: &mut [u8],
    ) -> Option<()> {
        out.get_mut(..text.len())?.copy_from_slice(text);
        let (nonce, tag) = (Nonce::assume_unique_for_key(nonce), Tag::from(*tag));
        self.0.open_in_place_separate_tag(nonce, Aad::from(aad), tag, out, 0..).ok().map(drop)
    }
}

/// A key, ready to be used.
#[cfg(not(feature = "tls"))]
pub(super) struct Aead(aes_gcm::Aes256Gcm);

#[cfg(not(feature = "tls"))]
impl Aead {
    #[expect(clippy::unnecessary_wraps, reason = "the other crate can refuse a key")]
    pub(super) fn new(key: &[u8; 32]) -> Option<Self> {
        Some(Self(aes_gcm::Aes256Gcm::new(key.into())))
    }

    /// Writes `plain` sealed to `out`, which is as long; its tag.
    pub(super) fn seal(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        plain: &[u8],
        out: &mut [u8],
    ) -> Option<[u8; TAG]> {
        let message = InOutBuf::new(plain, out).ok()?;
        self.0.encrypt_inout_detached(&nonce.into(), aad, message).ok().map(Into::into)
    }

    /// Writes what was sealed to `out`, which is as long; none if nobody has sealed that.
    pub(super) fn open(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        (text, tag): (&[u8], &[u8; TAG]),
        out: &mut [u8],
    ) -> Option<()> {
        let message = InOutBuf::new(text, out).ok()?;
        self.0.decrypt_inout_detached(&nonce.into(), aad, message, tag.into()).ok()
    }
}
