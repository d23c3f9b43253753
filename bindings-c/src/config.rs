//! Options, set by key and text: the keys are the option table of the core. And the keys of gossip,
//! the one option that changes while a node runs.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use chinwag::config::{Config as CoreConfig, Value};
use chinwag::error::Result;
use chinwag::host::Op;

use crate::answer::Answer;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{given, items, optional_text, shared, status, text, value};
use crate::node::Node;

/// Options to start nodes with. You free it with chinwag_config_free(). To be used by one thread
/// at a time.
pub struct Config {
    pub(crate) options: CoreConfig,
}

/// Options at their defaults.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_config_new() -> Option<Box<Config>> {
    value(None, || Some(Box::new(Config { options: CoreConfig::new() })))
}

/// Frees options; nodes that were started with them are not touched. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_config_free(config: Option<Box<Config>>) {
    value((), || drop(config));
}

/// Sets the option `key` from text, such as ("bind", "127.0.0.1:0"), ("probe_interval", "500ms"),
/// ("seeds", "10.0.0.1,10.0.0.2:7947"), ("tags", "role=web,zone=a") or ("insecure", "true").
///
/// CHINWAG_EBADCONFIG when the key is unknown or the text malformed; the old value stays.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_config_set(
    config: Option<&mut Config>,
    key: *const c_char,
    value: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let config = given(config, "config")?;
        // SAFETY: C passes NULL or text.
        let (key, value) = unsafe { (text(key, "key")?, text(value, "value")?) };
        config.options.set(key, value)
    })
}

/// Sets an option to `length` bytes as they are: "meta", which may contain zeros.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_config_set_bytes(
    config: Option<&mut Config>,
    key: *const c_char,
    bytes: *const u8,
    length: usize,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let config = given(config, "config")?;
        // SAFETY: C passes NULL or text, and NULL or that many bytes.
        let (key, bytes) = unsafe { (text(key, "key")?, items(bytes, length, "bytes")?) };
        config.options.set_value(key, Value::Bytes(bytes.to_vec()))
    })
}

/// Adds one tag to the option "tags"; key and value may contain commas and equals signs.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_config_set_tag(
    config: Option<&mut Config>,
    key: *const c_char,
    value: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let config = given(config, "config")?;
        // SAFETY: C passes NULL or text.
        let (key, value) = unsafe { (text(key, "key")?, text(value, "value")?) };
        let mut tags = match config.options.get("tags") {
            Some(Value::Map(tags)) => tags.clone(),
            _ => Default::default(),
        };
        tags.insert(key.to_owned(), value.to_owned());
        config.options.set_value("tags", Value::Map(tags))
    })
}

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
        out.write(Answer::boxed(node.host.keys()?));
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

/// Has every member change or list its keys, serf agents too, this node as well: `op` is "install",
/// "use" or "remove", with a key in base64; or "list", with NULL. Waits as chinwag_query() does.
///
/// `answer` is a map: under the name of each member that answered, a record of the flag "done", the
/// text "message", which says why it did not, and for "list" also "keys", a list of texts, and the
/// text "primary", both in base64. A member that is not in the map did not answer: before you go on
/// to use or remove a key, see that all are there and have done it. `answer` is yours: free it with
/// chinwag_answer_free().
///
/// CHINWAG_EBADARGUMENT for another `op` and for what is no key, which the error does not show;
/// otherwise as chinwag_query().
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
        out.write(Answer::boxed(told));
        Ok(())
    })
}
