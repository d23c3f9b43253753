//! What two nodes say to each other on a connection for messages, as bytes and back: how they greet
//! each other, how what they send is sealed, and the frames that it is cut into. Knows of one
//! connection at a time, and of nothing that is done with what comes.

mod control;
mod fault;
mod frame;
mod gcm;
mod greeting;
mod name;
#[cfg(not(feature = "tls"))]
mod no_tls;
mod noise;
mod proof;
mod seal;
#[cfg(feature = "tls")]
mod tls;

#[cfg(not(feature = "tls"))]
use self::no_tls as tls;

pub(crate) use self::control::{Failure, Intro, Refused, RemoteFailure, decode, encode};
#[cfg(feature = "runtime")]
pub(crate) use self::fault::{Flaw, Pem, Unreadable};
pub(crate) use self::frame::{
    CHUNK, Cutter, Flags, Frame, FrameError, Head, Header, ITEM_COST, KEY_MAX, Kind, NAME_MAX,
    Request, WINDOW, credit, headers, holds_several, put_headers, reply,
};
pub(crate) use self::greeting::{Channel, FIRST, Greeting, Refusal};
pub(crate) use self::name::Name;
pub(crate) use self::noise::Entropy;
pub(crate) use self::proof::Proof;
pub(crate) use self::seal::{Opener, Sealer};
#[cfg(feature = "runtime")]
pub(crate) use self::tls::Identity;
