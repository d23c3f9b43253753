//! TLS 1.3 on a connection for messages: both sides show a certificate, and are who it says.
//!
//! Nothing is negotiated that could be worse: there is one version, no connection is resumed, so
//! that each is judged anew, and nothing is sent before the handshake is over. The cluster's label
//! is part of the protocol's name (ALPN), which both sides must agree on.

mod identity;
#[cfg(test)]
mod tests;

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::ServerName;
use rustls::{
    AlertDescription, CertificateError, ClientConnection, Connection, Error, ServerConnection,
};

pub(crate) use self::identity::Identity;
use super::fault::{Fault, Unreadable};
use super::proof::Proof;

/// Bytes that the other side may send before it has shown who it is.
const HANDSHAKE_MAX: usize = 64 * 1024;

/// A handshake under way.
pub(crate) struct Handshake {
    connection: Connection,
    identity: Arc<Identity>,
    heard: usize,
}

impl Handshake {
    /// Of the side that dials; appends what is sent first.
    pub(super) fn dial(identity: &Arc<Identity>, out: &mut Vec<u8>) -> Result<Self, Fault> {
        // The certificate is compared with the member's name and not with where it is.
        let nowhere = ServerName::from(std::net::IpAddr::from([0, 0, 0, 0]));
        let connection = ClientConnection::new(Arc::clone(&identity.client), nowhere);
        let connection = Connection::from(connection.map_err(|error| Fault::from(&error))?);
        let identity = Arc::clone(identity);
        let mut this = Self { connection, identity, heard: 0 };
        flush(&mut this.connection, out);
        Ok(this)
    }

    /// Of the side that was dialled.
    pub(super) fn accept(identity: &Arc<Identity>) -> Result<Self, Fault> {
        let connection = ServerConnection::new(Arc::clone(&identity.server));
        let connection = Connection::from(connection.map_err(|error| Fault::from(&error))?);
        Ok(Self { connection, identity: Arc::clone(identity), heard: 0 })
    }

    /// Takes what has come; appends what is to be sent. Answers how much of it was the handshake's,
    /// once that is over.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, Fault> {
        let mut rest = bytes;
        while self.connection.is_handshaking() {
            if rest.is_empty() {
                return Ok(None);
            }
            let read = self.connection.read_tls(&mut rest).map_err(|_| Fault::Garbled)?;
            self.heard += read;
            if self.heard > HANDSHAKE_MAX {
                return Err(Fault::Garbled);
            }
            let outcome = self.connection.process_new_packets();
            // In an error, too: the other side is told.
            flush(&mut self.connection, out);
            outcome.map_err(|error| Fault::from(&error))?;
        }
        if self.connection.alpn_protocol() != Some(&*self.identity.protocol) {
            return Err(Fault::Label);
        }
        Ok(Some(bytes.len() - rest.len()))
    }

    /// What comes of a handshake that is over, and what the other side has shown in it.
    pub(super) fn finish(self) -> (Session, Proof) {
        let shown = self.connection.peer_certificates().and_then(<[_]>::first);
        let proof = self.identity.proof(shown);
        (Session(Arc::new(Mutex::new(self.connection))), proof)
    }
}

/// A connection after its handshake. What is sent and what comes share a lock, for as long as some
/// bytes take to be sealed or opened.
#[derive(Clone)]
pub(crate) struct Session(Arc<Mutex<Connection>>);

impl Session {
    /// Appends `plain` as it is sent.
    pub(super) fn seal(&self, mut plain: &[u8], out: &mut Vec<u8>) {
        let mut connection = self.lock();
        while !plain.is_empty() {
            // It takes as much at a time as its buffer has room for.
            let taken = connection.writer().write(plain).unwrap_or(0);
            flush(&mut connection, out);
            // Only when the connection is used up, after 2^64 records.
            if taken == 0 {
                return;
            }
            plain = plain.get(taken..).unwrap_or_default();
        }
    }

    /// Appends to `plain` what `bytes` complete.
    ///
    /// # Errors
    /// Nothing may be read after one.
    pub(super) fn open(&self, mut bytes: &[u8], plain: &mut Vec<u8>) -> Result<(), Unreadable> {
        let mut connection = self.lock();
        loop {
            let state = connection.process_new_packets().map_err(|error| match error {
                // A side that has dialled is through before the other has seen its certificate.
                Error::AlertReceived(_) => Unreadable::Refused(Fault::from(&error)),
                _ => Unreadable::Tampered,
            })?;
            let start = plain.len();
            plain.resize(start + state.plaintext_bytes_to_read(), 0);
            let room = plain.get_mut(start..).unwrap_or_default();
            connection.reader().read_exact(room).map_err(|_| Unreadable::Tampered)?;
            // Nothing is taken any more once the other side has said that it ends.
            let taken = match bytes {
                [] => 0,
                _ => connection.read_tls(&mut bytes).map_err(|_| Unreadable::Tampered)?,
            };
            if taken == 0 {
                return Ok(());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Appends what is to be sent.
fn flush(connection: &mut Connection, out: &mut Vec<u8>) {
    while connection.wants_write() {
        // To memory: it cannot fail.
        if connection.write_tls(out).unwrap_or(0) == 0 {
            return;
        }
    }
}

impl From<&Error> for Fault {
    fn from(error: &Error) -> Self {
        match error {
            Error::NoCertificatesPresented => Self::Nothing,
            Error::InvalidCertificate(error) => match error {
                // Two authorities may have the same name.
                CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Issuer,
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    Self::Expired
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    Self::NotYet
                }
                CertificateError::InvalidPurpose
                | CertificateError::InvalidPurposeContext { .. } => Self::Use,
                _ => Self::Bad,
            },
            Error::NoApplicationProtocol => Self::Label,
            Error::AlertReceived(alert) => match alert {
                AlertDescription::NoApplicationProtocol => Self::Label,
                AlertDescription::UnknownCA => Self::OwnIssuer,
                AlertDescription::CertificateExpired => Self::OwnExpired,
                AlertDescription::CertificateRequired => Self::OwnNothing,
                AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::DecryptError
                | AlertDescription::AccessDenied => Self::OwnBad,
                _ => Self::Ended,
            },
            _ => Self::Garbled,
        }
    }
}
