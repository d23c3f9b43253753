//! Keys of gossip, of this node and of the whole cluster.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use chinwag::error::Result;
use chinwag::host::Op;

use crate::answer::Answer;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{given, optional_text, shared, status, text};
use crate::node::Node;

/// What may be shown of the keys of this node, the primary first: a list of records of the text
/// "fingerprint", the count "bits" and the flag "primary". Empty without encryption. `answer` is
/// yours: free it with chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_keys(
    node: Option<&Node>,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(answer, "answer")?);
        let keys = Answer::new(node.host.keys()?);
        out.write(Box::into_raw(Box::new(keys)));
        Ok(())
    })
}

/// Installs a key, in base64, on this node: what is encrypted under it is understood. To change the
/// key of a cluster, install the new one everywhere, then use it everywhere, then remove the old
/// one; or see chinwag_cluster_keys().
///
/// CHINWAG_EBADARGUMENT for what is no key, when there are 8, and on a node without keys.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_add_key(
    node: *mut Node,
    key: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || change(node, key, Op::add_key))
}

/// Encrypts under that key of the ring from now on, named by its fingerprint or in base64.
///
/// CHINWAG_EBADARGUMENT when the ring has no such key.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_use_key(
    node: *mut Node,
    key: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || change(node, key, Op::use_key))
}

/// Forgets a key of the ring, named by its fingerprint or in base64.
///
/// CHINWAG_EBADARGUMENT when the ring has no such key, or encrypts under it.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_remove_key(
    node: *mut Node,
    key: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || change(node, key, Op::remove_key))
}

fn change(node: *mut Node, key: *const c_char, op: impl FnOnce(&str) -> Result<Op>) -> Result<()> {
    let node = shared(node, "node")?;
    // SAFETY: C passes NULL or text.
    node.change(op(unsafe { text(key, "key") }?)?)
}

/// Has every member change its keys, serf agents too: `op` is "install", "use" or "remove", with a
/// key in base64; or "list", with NULL.
///
/// `answer` is a map: under the name of each member that answered a record of the flag "done", the
/// text "message", and for "list" of "keys" and "primary", in base64. It is yours: free it with
/// chinwag_answer_free().
///
/// CHINWAG_EBADARGUMENT; otherwise as chinwag_query().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_cluster_keys(
    node: *mut Node,
    op: *const c_char,
    key: *const c_char,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (shared(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes NULL or text.
        let op = unsafe { Op::cluster_keys(text(op, "op")?, optional_text(key, "key")?) }?;
        // The core gives up by itself.
        let told = node.host.run(op, None)?;
        out.write(Box::into_raw(Box::new(Answer::new(told))));
        Ok(())
    })
}
