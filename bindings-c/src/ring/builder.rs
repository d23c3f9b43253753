//! A ring, step by step.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use chinwag::error::{Error as CoreError, ErrorKind, Result};
use chinwag::ring::{Builder, Profile, Ring as CoreRing, RingNode};

use super::Ring;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{given, items, optional_text, status, text, value};

/// What a ring shall be made from. You free it with chinwag_ring_builder_free(). To be used by one
/// thread at a time.
///
/// A step that names an impossible value, such as a weight of 0, is told of by
/// chinwag_ring_build(): the first such.
pub struct RingBuilder {
    builder: Builder,
}

/// Slack for chinwag_ring_builder_slots() that bounds nothing.
pub const CHINWAG_RING_UNBOUNDED: u32 = u32::MAX;

impl RingBuilder {
    fn step(builder: Option<&mut Self>, step: impl FnOnce(Builder) -> Builder) -> Result<()> {
        let builder = given(builder, "builder")?;
        builder.builder = step(builder.builder.clone());
        Ok(())
    }
}

/// A builder without nodes, of the default profile, with 3 replicas.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_builder_new() -> Option<Box<RingBuilder>> {
    value(None, || Some(Box::new(RingBuilder { builder: CoreRing::builder() })))
}

/// A builder with all that a ring is made from, to make another one: a change of a node or two then
/// takes a millisecond or a few. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_builder_from(ring: Option<&Ring>) -> Option<Box<RingBuilder>> {
    value(None, || ring.map(|ring| Box::new(RingBuilder { builder: ring.ring.to_builder() })))
}

/// Frees a builder. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_builder_free(builder: Option<Box<RingBuilder>>) {
    value((), || drop(builder));
}

/// How keys are placed: "default", "pure", "exact", "ketama" or "clusterluck"; docs/RING.md has
/// them.
///
/// CHINWAG_EBADARGUMENT for another name.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_builder_profile(
    builder: Option<&mut RingBuilder>,
    profile: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // SAFETY: C passes NULL or text.
        let profile = match unsafe { text(profile, "profile") }? {
            "default" => Profile::DEFAULT,
            "pure" => Profile::PURE,
            "exact" => Profile::EXACT,
            "ketama" => Profile::Ketama,
            "clusterluck" => Profile::Clusterluck,
            other => {
                let message = format!(
                    "the profile \"{other}\" is not known; it is default, pure, exact, ketama or \
                     clusterluck"
                );
                return Err(CoreError::new(ErrorKind::BadArgument, message));
            }
        };
        RingBuilder::step(builder, |builder| builder.profile(profile))
    })
}

/// So many slots, of which a node may have `slack` thousandths above its share, or
/// CHINWAG_RING_UNBOUNDED. With a slack of 0 they are partitions.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_builder_slots(
    builder: Option<&mut RingBuilder>,
    slots: u32,
    slack: u32,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let slack = (slack != CHINWAG_RING_UNBOUNDED).then_some(slack);
        RingBuilder::step(builder, |builder| builder.profile(Profile::Slots { slots, slack }))
    })
}

/// Owners of a key that are found without a search, 1 to 255.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_builder_replicas(
    builder: Option<&mut RingBuilder>,
    replicas: u8,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || RingBuilder::step(builder, |builder| builder.replicas(replicas)))
}

/// Whether what stands between { and } in a key places it, as in Redis Cluster.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_builder_hash_tags(
    builder: Option<&mut RingBuilder>,
    hash_tags: bool,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || RingBuilder::step(builder, |builder| builder.hash_tags(hash_tags)))
}

/// Adds a node with a weight from 1 to 65,535; `zone` is what fails together with it, or NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_builder_add(
    builder: Option<&mut RingBuilder>,
    name: *const c_char,
    weight: u32,
    zone: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // SAFETY: C passes NULL or text.
        let node = unsafe { node(name, weight, zone) }?;
        RingBuilder::step(builder, |builder| builder.node(node))
    })
}

/// Gives a node that is there another weight and zone.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_builder_update(
    builder: Option<&mut RingBuilder>,
    name: *const c_char,
    weight: u32,
    zone: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // SAFETY: C passes NULL or text.
        let node = unsafe { node(name, weight, zone) }?;
        RingBuilder::step(builder, |builder| builder.update(node))
    })
}

/// Removes a node.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_builder_remove(
    builder: Option<&mut RingBuilder>,
    name: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // SAFETY: C passes NULL or text.
        let name = unsafe { text(name, "name") }?;
        RingBuilder::step(builder, |builder| builder.remove(name))
    })
}

/// Lets a node own nothing, whether it is there yet or not; or something again, with `excluded`
/// false.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_builder_exclude(
    builder: Option<&mut RingBuilder>,
    name: *const c_char,
    excluded: bool,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // SAFETY: C passes NULL or text.
        let name = unsafe { text(name, "name") }?;
        RingBuilder::step(builder, |builder| match excluded {
            true => builder.exclude(name),
            false => builder.include(name),
        })
    })
}

/// Gives a key to a node, for as long as that one can own anything; with `name` NULL, takes that
/// back.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_builder_pin(
    builder: Option<&mut RingBuilder>,
    key: *const u8,
    length: usize,
    name: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // SAFETY: C passes NULL or so many bytes, and NULL or text.
        let (key, name) = unsafe { (items(key, length, "key")?, optional_text(name, "name")?) };
        RingBuilder::step(builder, |builder| match name {
            Some(name) => builder.pin(key, name),
            None => builder.unpin(key),
        })
    })
}

/// Gives all keys with that beginning to a node; of several, the longest counts, and a key that is
/// pinned itself counts more. With `name` NULL, takes that back.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_builder_pin_prefix(
    builder: Option<&mut RingBuilder>,
    prefix: *const u8,
    length: usize,
    name: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        // SAFETY: C passes NULL or so many bytes, and NULL or text.
        let (prefix, name) =
            unsafe { (items(prefix, length, "prefix")?, optional_text(name, "name")?) };
        RingBuilder::step(builder, |builder| match name {
            Some(name) => builder.pin_prefix(prefix, name),
            None => builder.unpin_prefix(prefix),
        })
    })
}

/// Makes the ring. The builder stays as it is. Some tens of milliseconds for a hundred nodes.
///
/// CHINWAG_EBADARGUMENT for a name that is empty, there twice, or not there to be changed, for a
/// weight out of range and other impossible values; CHINWAG_ETOOLARGE for more than a ring can
/// have.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ring_build(
    builder: Option<&RingBuilder>,
    ring: Option<&mut MaybeUninit<*mut Ring>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (builder, out) = (given(builder, "builder")?, given(ring, "ring")?);
        out.write(Ring::boxed(builder.builder.clone().build()?));
        Ok(())
    })
}

/// # Safety
/// As for [`text`].
unsafe fn node(name: *const c_char, weight: u32, zone: *const c_char) -> Result<RingNode> {
    // SAFETY: the caller's promise is the same.
    let (name, zone) = unsafe { (text(name, "name")?, optional_text(zone, "zone")?) };
    Ok(RingNode::new(name).weight(weight).zone(zone.unwrap_or_default()))
}
