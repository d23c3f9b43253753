//! Options, set by key and text. The keys are the option table of the core.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use chinwag::config::{Config as CoreConfig, Value};

use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{given, items, status, text, value};

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
