//! Every peer under every setting: what is played with whom, and what cannot be.
//!
//! The tables here are the only ones. The test compares what the cells came upon with them, and
//! writes them into `docs/PROTOCOL.md`.

mod member;
mod play;
mod roll;
mod rotate;
mod script;
mod table;

pub use member::Departure;
pub use play::{check, side_by_side};
pub use roll::roll;
pub use rotate::rotate;
pub use script::{Cell, LONG, Round, SHORT, play};
pub use table::rendered;

use crate::go::{AGENT, OLD_AGENT};
use crate::present;

/// Who is in the cluster with us. The names are those of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Go memberlist, the newest.
    Newest,
    /// Go memberlist as serf and Alertmanager have it in Debian.
    Old,
    /// Serf's agent.
    Serf,
    /// Alertmanager.
    Alertmanager,
}

impl Peer {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Newest, Self::Old, Self::Serf, Self::Alertmanager];

    /// Its name and version.
    pub fn title(self) -> &'static str {
        match self {
            Self::Newest => "memberlist 0.7.0",
            Self::Old => "memberlist 0.2.2",
            Self::Serf => "serf 0.9.4",
            Self::Alertmanager => "Alertmanager 0.25",
        }
    }

    /// Whether it is installed; see [`present`].
    ///
    /// # Panics
    /// Under `CI` when it is not.
    pub fn is_there(self) -> bool {
        present(match self {
            Self::Newest => AGENT,
            Self::Old => OLD_AGENT,
            Self::Serf => "serf",
            Self::Alertmanager => "prometheus-alertmanager",
        })
    }
}

/// How the cluster is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// No compression of ours, and none of theirs that can be switched off.
    Plain,
    /// Compression on both sides.
    Lzw,
    /// A key of 16 bytes.
    Aes128,
    /// A key of 24 bytes.
    Aes192,
    /// A key of 32 bytes.
    Aes256,
    /// A label.
    Label,
    /// A label and a key of 32 bytes.
    LabelAes,
    /// From plaintext to encryption while the cluster lives.
    Rolling,
    /// From one key to another while the cluster lives.
    Rotation,
}

/// Base64 of 16, 24 and 32 bytes.
pub const KEYS: [&str; 3] = [
    "MDEyMzQ1Njc4OWFiY2RlZg==",
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
];

impl Setting {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Plain,
        Self::Lzw,
        Self::Aes128,
        Self::Aes192,
        Self::Aes256,
        Self::Label,
        Self::LabelAes,
        Self::Rolling,
        Self::Rotation,
    ];

    /// As the documentation calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Lzw => "LZW",
            Self::Aes128 => "AES-128",
            Self::Aes192 => "AES-192",
            Self::Aes256 => "AES-256",
            Self::Label => "label",
            Self::LabelAes => "label and AES-256",
            Self::Rolling => "from plaintext to encryption, alive",
            Self::Rotation => "from one key to another, alive",
        }
    }

    /// The options that make it, as they are spelled here.
    pub fn options(self) -> Vec<(&'static str, &'static str)> {
        let label = ("cluster", "blue");
        let key = |number: usize| ("keys", KEYS[number]);
        match self {
            Self::Plain | Self::Rolling => vec![("compression", "false")],
            Self::Lzw => vec![("compression", "true")],
            Self::Aes128 | Self::Rotation => vec![key(0)],
            Self::Aes192 => vec![key(1)],
            Self::Aes256 => vec![key(2)],
            Self::Label => vec![label],
            Self::LabelAes => vec![label, key(2)],
        }
    }

    /// Why it cannot be had with that peer.
    pub fn impossible(self, peer: Peer) -> Option<&'static str> {
        match (peer, self) {
            (_, Self::Plain | Self::Lzw) | (Peer::Newest, _) => None,
            (Peer::Alertmanager, _) => Some("its gossip has neither keys nor labels"),
            (_, Self::Label | Self::LabelAes) => Some("labels came with memberlist 0.3"),
            (Peer::Serf, Self::Rolling) => Some("it always demands what it sends"),
            _ => None,
        }
    }
}

/// What is asked of a cluster. `It` is the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Ours joins through it.
    JoinThroughIt,
    /// It joins through ours.
    JoinThroughOurs,
    /// Its tags, and a change of them, show here.
    TagsHere,
    /// Our tags, and a change of them, show there.
    TagsThere,
    /// A small message from it.
    SmallHere,
    /// A small message to it.
    SmallThere,
    /// A large message from it.
    LargeHere,
    /// A large message to it.
    LargeThere,
    /// Its leave is a leave here.
    LeaveHere,
    /// Our leave is a leave there.
    LeaveThere,
    /// Its crash is a failure here.
    CrashHere,
    /// Our crash is a failure there.
    CrashThere,
    /// It comes back under its name.
    ReturnOfIt,
    /// Ours comes back under its name.
    ReturnOfOurs,
    /// It says whom it has ever held for failed.
    Blames,
}

impl Step {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 15] = [
        Self::JoinThroughIt,
        Self::JoinThroughOurs,
        Self::TagsHere,
        Self::TagsThere,
        Self::SmallHere,
        Self::SmallThere,
        Self::LargeHere,
        Self::LargeThere,
        Self::LeaveHere,
        Self::LeaveThere,
        Self::CrashHere,
        Self::CrashThere,
        Self::ReturnOfIt,
        Self::ReturnOfOurs,
        Self::Blames,
    ];

    /// As the documentation calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::JoinThroughIt => "ours joins through it",
            Self::JoinThroughOurs => "it joins through ours",
            Self::TagsHere => "its tags, and a change, show here",
            Self::TagsThere => "our tags, and a change, show there",
            Self::SmallHere => "every byte in a small message from it",
            Self::SmallThere => "the same to it",
            Self::LargeHere => "100 kB from it, reliably",
            Self::LargeThere => "100 kB to it, reliably",
            Self::LeaveHere => "its leave is a leave here",
            Self::LeaveThere => "our leave is a leave there",
            Self::CrashHere => "its crash is a failure here",
            Self::CrashThere => "our crash is a failure there",
            Self::ReturnOfIt => "back after each, where it was and elsewhere: it",
            Self::ReturnOfOurs => "back after each, where it was and elsewhere: ours",
            Self::Blames => "nobody else was ever held for failed: there",
        }
    }

    /// Why that peer has no surface for it.
    pub fn impossible(self, peer: Peer) -> Option<&'static str> {
        match (peer, self) {
            (Peer::Serf, Self::LargeHere | Self::LargeThere) => {
                Some("its user events, all that it has of messages, are small")
            }
            (Peer::Alertmanager, Self::TagsHere | Self::TagsThere) => {
                Some("it has, and lists, names and addresses only")
            }
            (
                Peer::Alertmanager,
                Self::SmallHere | Self::SmallThere | Self::LargeHere | Self::LargeThere,
            ) => Some("messages are its own, of silences and notifications"),
            (Peer::Alertmanager, Self::LeaveThere | Self::CrashThere | Self::Blames) => {
                Some("it lists who is there, and does not say how the others went")
            }
            (Peer::Alertmanager, Self::ReturnOfIt) => {
                Some("it makes up a new name at every start; that comes in where the old one was")
            }
            _ => None,
        }
    }
}
