//! What stands around every message of a node: its label, and its keys.

use super::crypt::{Key, Keyring, Nonce, Nonces, SEAL_OVERHEAD};
use super::label::label_overhead;

/// How a node protects what it sends, and judges what it receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// The cluster label; empty for none.
    pub label: String,
    /// The keys, if there is encryption.
    pub keyring: Option<Keyring>,
    /// With keys, refuse plaintext.
    pub verify_incoming: bool,
    /// With keys, encrypt what is sent.
    pub verify_outgoing: bool,
    /// Something in front of this node takes the label off what comes in.
    pub skip_inbound_label_check: bool,
}

impl Default for Security {
    /// In clear, without a label.
    fn default() -> Self {
        Self {
            label: String::new(),
            keyring: None,
            verify_incoming: true,
            verify_outgoing: true,
            skip_inbound_label_check: false,
        }
    }
}

impl Security {
    /// In clear, with that label.
    pub fn labelled(label: &str) -> Self {
        Self { label: label.to_owned(), ..Self::default() }
    }

    /// The label that a peer puts in front of what it sends.
    pub(super) fn expected_label(&self) -> &[u8] {
        if self.skip_inbound_label_check { &[] } else { self.label.as_bytes() }
    }

    /// The key for what is sent, if that is encrypted.
    pub(crate) fn sealing_key(&self) -> Option<&Key> {
        self.keyring.as_ref().filter(|_| self.verify_outgoing)?.primary()
    }

    /// Whether what is sent is encrypted.
    pub fn seals(&self) -> bool {
        self.sealing_key().is_some()
    }

    /// Whether plaintext is refused.
    pub fn refuses_plaintext(&self) -> bool {
        self.keyring.is_some() && self.verify_incoming
    }

    /// Bytes that label and encryption take from every packet.
    pub fn overhead(&self) -> usize {
        let sealing = if self.seals() { SEAL_OVERHEAD } else { 0 };
        label_overhead(&self.label) + sealing
    }

    /// What goes around the next message that is sent. Takes a nonce if it is encrypted.
    pub fn cover(&self, nonces: &mut Nonces) -> Cover<'_> {
        let sealing = self.sealing_key().map(|key| (key, nonces.draw()));
        Cover { label: &self.label, sealing }
    }
}

/// What goes around one message: a label, and encryption under a nonce that nothing else uses.
#[derive(Debug)]
pub struct Cover<'a> {
    pub(super) label: &'a str,
    pub(super) sealing: Option<(&'a Key, Nonce)>,
}

impl Cover<'_> {
    /// How many bytes it takes.
    pub fn overhead(&self) -> usize {
        let sealing = if self.sealing.is_some() { SEAL_OVERHEAD } else { 0 };
        label_overhead(self.label) + sealing
    }
}

impl<'a> From<&'a str> for Cover<'a> {
    /// A label, and no encryption.
    fn from(label: &'a str) -> Self {
        Self { label, sealing: None }
    }
}
