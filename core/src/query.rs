//! What a cluster looks like, asked from outside: of any memberlist node, without joining.
//!
//! One exchange of states over TCP in which this side brings nothing and does not ask to join. The
//! asked node answers with everything it knows and merges nothing, so nobody's list changes.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::driver::{Silence, ask, keys, nonce};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Warning;
use crate::member::{Facts, Member, MemberState};
use crate::placement::place;
use crate::ring::{Overrides, Ring};
use crate::wire::{
    NodeState, Nonces, PushPull, Security, Side, StreamLimits, StreamMessage, StreamReader,
    WireError, WireState, cover_stream, encode_push_pull, refused_for_keys,
};

/// Everybody that the node at `addr` (`host[:port]`) remembers, itself, failed and departed
/// members included, in the order of their names. Of the options, those of label and keys count:
/// `cluster`, `keys`, `key_file`, `cookie`, `verify_incoming` and `verify_outgoing`. Needs a tokio
/// runtime, and no [`Node`](crate::Node).
///
/// # Errors
/// `join_failed` when there is no usable answer, with the likely reason; `key_mismatch`; `timeout`;
/// `bad_config`.
pub async fn members(addr: &str, options: &Config, timeout: Duration) -> Result<Vec<Member>> {
    let settings = options.settings()?;
    let mut security = settings.security;
    security.keyring = keys::load(settings.keys, &security.label).await?;
    let question = question(&security, Nonces::new(nonce()?));
    let security = Arc::new(security);
    let limits = StreamLimits::default();
    let mut reader = StreamReader::new(limits, Side::Dialling, Arc::clone(&security));
    let answer = ask(addr, &question, timeout, |bytes| reader.push(bytes).transpose()).await;
    let message = match answer {
        Err(silence) => return Err(silent(addr, &security.label, timeout, silence)),
        Ok(message) => message.map_err(|error| unreadable(addr, error))?,
    };
    match message {
        StreamMessage::PushPull(state) => Ok(listed(addr, state)),
        StreamMessage::Err(cause) => {
            let kind = match refused_for_keys(&cause) {
                true => ErrorKind::KeyMismatch,
                false => ErrorKind::JoinFailed,
            };
            let message = format!("{addr} speaks memberlist, but refused to answer: {cause}");
            Err(Error::new(kind, message))
        }
        _ => Err(no_answer(format!("{addr} speaks memberlist, but answered something else"))),
    }
}

/// The ring that such a list makes, and what is odd about the places of members on it.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The ring, as the members have it if there are no overrides.
    pub ring: Ring,
    /// Why not, by their names: a tag says a weight that is none, or a member is off the ring for
    /// its name.
    pub warnings: Vec<Warning>,
}

/// The ring of the members of a list such as [`members`] gives. Of the options, `ring_*` count, and
/// must be those of the cluster; its overrides are not known here: they are told among members.
/// Asks nobody and needs no runtime; a hundred members take some tens of milliseconds.
///
/// # Errors
/// `bad_config`; `too_large` for more members than a ring can have.
pub fn ring(members: &[Member], options: &Config) -> Result<Placement> {
    let placed = place(&options.settings()?.ring, members, Overrides::default(), None)?;
    Ok(Placement { ring: placed.ring, warnings: placed.warnings })
}

fn question(security: &Security, mut nonces: Nonces) -> Vec<u8> {
    let (mut message, mut bytes) = (Vec::new(), Vec::new());
    encode_push_pull(false, std::iter::empty::<NodeState<'_>>(), &[], &mut message);
    cover_stream(security.cover(&mut nonces), Side::Dialling, &message, &mut bytes);
    bytes
}

fn listed(addr: &str, state: PushPull) -> Vec<Member> {
    if state.skipped > 0 {
        tracing::warn!(addr, count = state.skipped, "members with unreadable names are left out");
    }
    let mut members: Vec<Member> = state.nodes.iter().map(member).collect();
    members.sort_by(|a, b| a.name().cmp(b.name()));
    members
}

fn member(node: NodeState<'_>) -> Member {
    let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), node.port);
    let addr = node.addr.socket_addr(node.port).unwrap_or(nowhere);
    Member::new(Facts {
        name: node.name,
        addr,
        state: match node.state {
            WireState::Alive => MemberState::Alive,
            WireState::Suspect => MemberState::Suspect,
            WireState::Dead => MemberState::Failed,
            WireState::Left => MemberState::Left,
        },
        incarnation: node.incarnation,
        versions: node.vsn.to_array(),
        mapped: addr.is_ipv4() && node.addr.as_bytes().len() == 16,
        meta: node.meta,
    })
}

fn no_answer(message: String) -> Error {
    Error::new(ErrorKind::JoinFailed, message)
}

/// What silence most likely means.
fn silent(addr: &str, cluster: &str, timeout: Duration, silence: Silence) -> Error {
    let message = match silence {
        Silence::NotFound(cause) => format!("{addr} {cause}"),
        Silence::Broken(cause) => {
            let hint = match cause.kind() {
                io::ErrorKind::ConnectionRefused => "; nothing listens there over TCP",
                _ => "",
            };
            format!("{addr} cannot be reached: {cause}{hint}")
        }
        Silence::Ended(0) => {
            let hint = match cluster {
                "" => "its cluster may have a label: give that label".to_owned(),
                cluster => format!("the label of its cluster may be another than \"{cluster}\""),
            };
            format!("{addr} closed the connection without an answer; {hint}")
        }
        Silence::Ended(count) => {
            format!("{addr} closed the connection in the middle of its answer, after {count} bytes")
        }
        Silence::Late => {
            let message = format!(
                "{addr} did not answer within {timeout:?}; a firewall may drop TCP, or something \
                 other than memberlist listens there"
            );
            return Error::new(ErrorKind::Timeout, message);
        }
    };
    no_answer(message)
}

fn unreadable(addr: &str, error: WireError) -> Error {
    let why = match error {
        WireError::Encrypted => {
            "its cluster is encrypted and this question is not: give the key of that cluster"
        }
        WireError::Undecryptable => {
            "it answered under another key: none of the keys that were given opens it"
        }
        WireError::Plaintext => {
            "it answered in clear, which is not believed when a key is given: its cluster has no \
             keys, or another one"
        }
        error => {
            return no_answer(format!(
                "{addr} answered with what is not memberlist ({error}); is it that port?"
            ));
        }
    };
    Error::new(ErrorKind::KeyMismatch, format!("{addr} speaks memberlist, but {why}"))
}
