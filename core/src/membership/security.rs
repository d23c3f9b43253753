//! Who is kept out, and how that is explained: other labels, other keys, plaintext, and addresses
//! that are not allowed. And the keys, when they change.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::Membership;
use crate::api::WarningCode;
use crate::engine::{KeyChange, Output};
use crate::error::{Error, ErrorKind, Result};
use crate::serf::{KeyOp, KeyOutcome};
use crate::wire::{Key, KeyInfo, Keyring, WireError};

impl Membership {
    /// Whether anything may come from that address, and a member be there.
    pub(super) fn allows(&self, ip: IpAddr) -> bool {
        let (nets, ip) = (&self.protocol.cidrs_allowed, ip.to_canonical());
        nets.is_empty() || nets.iter().any(|net| net.contains(&ip))
    }

    /// Something came from, or names, an address that is not allowed.
    pub(super) fn address_refused(&mut self, addr: SocketAddr, what: &str) {
        self.stats.addresses_refused += 1;
        self.warn(WarningCode::AddressRefused, &addr.to_string(), || {
            format!("{what}, and the address is not within cidrs_allowed")
        });
    }

    /// A datagram could not be opened.
    pub(super) fn packet_refused(&mut self, from: SocketAddr, error: WireError) {
        let counter = match error {
            WireError::BadLabel => &mut self.stats.packets_mislabelled,
            WireError::Plaintext => &mut self.stats.packets_plaintext_refused,
            WireError::Encrypted | WireError::Undecryptable | WireError::BadEnvelope => {
                &mut self.stats.packets_undecryptable
            }
            _ => &mut self.stats.packets_malformed,
        };
        *counter += 1;
        self.warn_of_refusal(from, error);
    }

    /// What a peer sent on a connection of its own could not be read.
    pub(super) fn stream_refused(&mut self, from: SocketAddr, error: WireError) {
        let counter = match error {
            WireError::BadLabel => &mut self.stats.streams_mislabelled,
            WireError::Plaintext => &mut self.stats.streams_plaintext_refused,
            WireError::Encrypted | WireError::Undecryptable | WireError::BadEnvelope => {
                &mut self.stats.streams_undecryptable
            }
            _ => return,
        };
        *counter += 1;
        self.warn_of_refusal(from, error);
    }

    fn warn_of_refusal(&mut self, from: SocketAddr, error: WireError) {
        let label = match self.security.label.as_str() {
            "" => "this node has no cluster label".to_owned(),
            label => format!("this node's cluster label is \"{label}\""),
        };
        let (code, text) = match error {
            WireError::BadLabel => (
                WarningCode::LabelMismatch,
                format!("it sends under another cluster label, or under none; {label}"),
            ),
            WireError::Undecryptable => (
                WarningCode::KeyMismatch,
                "none of this node's keys opens what it sends: it has another key, or another \
                 cluster label"
                    .to_owned(),
            ),
            WireError::Encrypted => (
                WarningCode::KeyMismatch,
                "it encrypts what it sends, and this node has no keys; give this node the key of \
                 its cluster"
                    .to_owned(),
            ),
            WireError::Plaintext => (
                WarningCode::PlaintextRefused,
                "it sends in clear, and this node demands encryption; give it the key, or, while \
                 a cluster changes over, set verify_incoming = false here"
                    .to_owned(),
            ),
            _ => return,
        };
        self.warn(code, &from.to_string(), || text);
    }

    /// Why nothing came of asking a peer, if what it answered could not be read.
    pub(super) fn explained(&self, error: WireError) -> String {
        match error {
            WireError::Encrypted => {
                "answered encrypted, and this node has no keys; give it the key of that cluster"
                    .to_owned()
            }
            WireError::Undecryptable => {
                "answered under another key: none of this node's keys opens it; give both the same"
                    .to_owned()
            }
            WireError::Plaintext => {
                "answered in clear, and this node demands encryption; the other one has no keys, \
                 or another one: give it the key of this cluster"
                    .to_owned()
            }
            error => format!("sent what is not memberlist: {error}"),
        }
    }

    /// Why a peer closed the connection, after so many bytes.
    pub(super) fn explained_end(&self, received: usize) -> String {
        if received > 0 {
            return format!(
                "closed the connection in the middle of its answer, at {received} bytes"
            );
        }
        let likely = match self.security.label.as_str() {
            "" => "it may have a cluster label, which this node has not".to_owned(),
            label => format!("its cluster label may be another than \"{label}\""),
        };
        format!("closed the connection without an answer; {likely}")
    }

    /// Changes the keyring.
    pub(super) fn change_keys(&mut self, change: KeyChange) -> Result<()> {
        let security = Arc::make_mut(&mut self.security);
        let Some(keyring) = &mut security.keyring else {
            let message = "this node was started without keys; start it with some to encrypt";
            return Err(Error::new(ErrorKind::BadArgument, message));
        };
        match change {
            KeyChange::Add(key) => keyring.add(key),
            KeyChange::Use(key) => keyring.promote(key),
            KeyChange::Remove(key) => keyring.remove(key),
        }
        .map_err(|error| Error::new(ErrorKind::BadArgument, error.to_string()))?;
        let keys = keyring.list();
        self.out.push_back(Output::Keys(keys));
        Ok(())
    }

    /// Changes or lists the keyring because a member of the cluster asks for it, in serf's way.
    ///
    /// As any member may, only what is certain to come from one counts, and keys are told only
    /// under a key.
    pub(super) fn change_keys_for_all(&mut self, op: KeyOp, key: &[u8]) -> KeyOutcome {
        let security = &self.security;
        let Some(keyring) = &security.keyring else { return KeyOutcome::no_keyring(op) };
        if !(security.verify_incoming && security.verify_outgoing) {
            return KeyOutcome::failed("this node does not encrypt all that it sends and takes");
        }
        if op == KeyOp::List {
            let text = |key: &Key| key.to_base64().to_string();
            return KeyOutcome {
                done: true,
                message: String::new(),
                keys: keyring.iter().map(text).collect(),
                primary: keyring.primary().map(text).unwrap_or_default(),
            };
        }
        let key = match Key::from_bytes(key) {
            Ok(key) => key,
            Err(error) => return KeyOutcome::failed(&format!("the key {error}")),
        };
        let result = self.change_keys(match op {
            KeyOp::Install | KeyOp::List => KeyChange::Add(key),
            KeyOp::Use => KeyChange::Use(key.fingerprint()),
            KeyOp::Remove => KeyChange::Remove(key.fingerprint()),
        });
        match result {
            Ok(()) => KeyOutcome { done: true, ..KeyOutcome::default() },
            Err(error) => KeyOutcome::failed(error.message()),
        }
    }

    /// The keys that there are, the primary first.
    pub(crate) fn keys(&self) -> Vec<KeyInfo> {
        self.security.keyring.as_ref().map(Keyring::list).unwrap_or_default()
    }
}
