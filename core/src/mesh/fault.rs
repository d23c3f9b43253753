//! What can be wrong with a certificate, with the handshake in which it is shown, and with what
//! comes after it.
#![cfg_attr(not(feature = "tls"), allow(dead_code, reason = "nobody is there to find a fault"))]

use std::fmt;

/// The texts of the three files of a node's identity, each in PEM.
pub(crate) struct Pem<'a> {
    /// The node's certificate, and those between it and one of `ca`.
    pub(crate) cert: &'a [u8],
    /// The private key of the first of them.
    pub(crate) key: &'a [u8],
    /// Those that sign members.
    pub(crate) ca: &'a [u8],
}

/// Which of them is wrong, and what follows its name in a sentence. Never shows any of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Cert(String),
    Key(String),
    Ca(String),
}

/// Why a handshake of TLS came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The other side shows no certificate.
    Nothing,
    /// Nobody whom this node believes has signed the other side's.
    Issuer,
    Expired,
    NotYet,
    /// It is not for both clients and servers.
    Use,
    /// It has another flaw.
    Bad,
    /// The same, of this node's certificate, as the other side says.
    OwnNothing,
    OwnIssuer,
    OwnExpired,
    OwnBad,
    /// The clusters' labels differ.
    Label,
    /// The other side has ended it, for a reason of its own.
    Ended,
    /// What came is no handshake of TLS 1.3, or somebody on the way has changed it.
    Garbled,
}

/// Why nothing can be read any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It was not written by the other side, or not for this place.
    Tampered,
    /// The other side has looked at this node's certificate, and says so.
    Refused(Fault),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "it shows no certificate",
            Self::Issuer => "its certificate is not signed by any in tls_ca",
            Self::Expired => "its certificate has expired",
            Self::NotYet => "its certificate is not valid yet; compare the clocks",
            Self::Use => "its certificate is not for clients and servers alike",
            Self::Bad => "its certificate cannot be used",
            Self::OwnNothing => "it has seen no certificate of this node",
            Self::OwnIssuer => "this node's certificate is not signed by any in its tls_ca",
            Self::OwnExpired => "it says that this node's certificate has expired",
            Self::OwnBad => "it does not take this node's certificate",
            Self::Label => "the cluster labels of the two sides differ",
            Self::Ended => "it has ended the handshake",
            Self::Garbled => "what it sends is no handshake of TLS 1.3",
        })
    }
}
