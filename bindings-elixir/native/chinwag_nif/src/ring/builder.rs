//! What rings are made from and asked about, from Elixir's terms. The core judges it.

use chinwag::ring::{Builder, Profile, Ring, RingNode};
use chinwag::{Error, Result};
use rustler::{Binary, Decoder, Encoder, Env, MapIterator, NifResult, ResourceArc, Term};

use super::RingRef;
use crate::config::{List, is_nil, pairs, text};
use crate::error::{bad, raised, shown};

/// A ring that is asked. The term of the caller keeps it.
pub(super) struct Asked<'a>(&'a RingRef);

impl std::ops::Deref for Asked<'_> {
    type Target = Ring;

    fn deref(&self) -> &Ring {
        &self.0.0
    }
}

impl<'a> Decoder<'a> for Asked<'a> {
    #[inline]
    fn decode(term: Term<'a>) -> NifResult<Self> {
        term.decode().map(Self).map_err(|_| foreign())
    }
}

/// A ring that stays after the call.
pub(super) fn held(term: Term<'_>) -> NifResult<ResourceArc<RingRef>> {
    term.decode().map_err(|_| foreign())
}

#[cold]
fn foreign() -> rustler::Error {
    raised(bad("this ring is not of this VM; send `Chinwag.Ring.to_bytes/1` of it instead"))
}

/// A key: a binary, which stays where it is.
pub(super) struct Key<'a>(pub(super) Binary<'a>);

impl<'a> Decoder<'a> for Key<'a> {
    #[inline]
    fn decode(term: Term<'a>) -> NifResult<Self> {
        Binary::from_term(term).map(Self).map_err(|_| raised(no_key(term)))
    }
}

impl AsRef<[u8]> for Key<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl Encoder for Key<'_> {
    fn encode<'a>(&self, env: Env<'a>) -> Term<'a> {
        self.0.to_term(env)
    }
}

#[cold]
fn no_key(term: Term<'_>) -> Error {
    bad(format!("a key is a binary; this is {}", shown(term)))
}

/// All of them as keys.
pub(super) fn keys<'a>(list: List<'a>) -> impl Iterator<Item = NifResult<Key<'a>>> {
    list.map(|term| term.map_err(raised)?.decode())
}

/// How many nodes are wanted.
pub(super) struct Count(pub(super) usize);

impl<'a> Decoder<'a> for Count {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        let wrong = |_| raised(bad(format!("this is no number of nodes: {}", shown(term))));
        let count: u64 = term.decode().map_err(wrong)?;
        // More than there can be is all.
        Ok(Self(count.min(u16::MAX.into()) as usize))
    }
}

/// The name of a node.
pub(super) struct Name(pub(super) String);

impl<'a> Decoder<'a> for Name {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        name(term).map(Self).map_err(raised)
    }
}

/// A whole number that is not negative.
pub(super) struct Number(pub(super) u32);

impl<'a> Decoder<'a> for Number {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        let wrong =
            |_| raised(bad(format!("this is no number from 0 to {}: {}", u32::MAX, shown(term))));
        term.decode().map(Self).map_err(wrong)
    }
}

fn name(term: Term<'_>) -> Result<String> {
    let wrong = || bad(format!("the name of a node is text; this is {}", shown(term)));
    text(term).ok_or_else(wrong)
}

fn whole<'a, T: Decoder<'a>>(what: &str, range: &str, term: Term<'a>) -> Result<T> {
    let wrong = |_| bad(format!("{what} is a whole number {range}; this is {}", shown(term)));
    term.decode().map_err(wrong)
}

fn optional(what: &str, term: Term<'_>) -> Result<Option<u32>> {
    match is_nil(term) {
        true => Ok(None),
        false => whole(what, "that is not negative", term).map(Some),
    }
}

/// A name, `{name, fields}`, or a map with a name in it.
fn node(term: Term<'_>) -> Result<RingNode> {
    if let Some(name) = text(term) {
        return Ok(RingNode::new(name));
    }
    let (mut node, fields) = match term.decode::<(Term<'_>, Term<'_>)>() {
        Ok((given, fields)) => (RingNode::new(name(given)?), entries(fields)),
        Err(_) => (RingNode::new(""), MapIterator::new(term).map(Iterator::collect)),
    };
    let wrong = || bad(format!("a node is a name, alone or with fields; this is {}", shown(term)));
    for (field, value) in fields.ok_or_else(wrong)? {
        match text(field).as_deref() {
            Some("name") => node.name = name(value)?,
            Some("weight") => node.weight = whole("a weight", "from 1 to 65535", value)?,
            Some("zone") if is_nil(value) => node.zone.clear(),
            Some("zone") => {
                let wrong = || bad(format!("a zone is text; this is {}", shown(value)));
                node.zone = text(value).ok_or_else(wrong)?;
            }
            Some("__struct__") => {}
            _ => return Err(bad(format!("a node has no field {}", shown(field)))),
        }
    }
    Ok(node)
}

/// The pairs of a map, or of a list that ends as one.
fn entries(term: Term<'_>) -> Option<Vec<(Term<'_>, Term<'_>)>> {
    (term.is_map() || term.list_length().is_ok()).then(|| pairs(term))?
}

fn key(term: Term<'_>) -> Result<Vec<u8>> {
    let key = term.decode::<Binary<'_>>();
    key.map(|key| key.as_slice().to_vec()).map_err(|_| no_key(term))
}

/// A key and the node that it is given to.
fn pin(term: Term<'_>) -> Result<(Vec<u8>, String)> {
    let wrong = |_| bad(format!("what is pinned is {{key, name}}; this is {}", shown(term)));
    let (given, node): (Term<'_>, Term<'_>) = term.decode().map_err(wrong)?;
    Ok((key(given)?, name(node)?))
}

/// `{name, slots, slack}`.
fn profile(term: Term<'_>) -> Result<Profile> {
    let wrong = |_| bad(format!("this is no profile: {}", shown(term)));
    let (name, slots, slack): (Term<'_>, Term<'_>, Term<'_>) = term.decode().map_err(wrong)?;
    let (slots, slack) = (optional("slots", slots)?, optional("slack", slack)?);
    let wrong = || bad(format!("a profile has a name; this is {}", shown(name)));
    Profile::named(&text(name).ok_or_else(wrong)?, slots, slack)
}

/// The ring that these steps make of another one or of nothing, `{step, argument}` each.
pub(super) fn built(before: Option<&Ring>, steps: List<'_>) -> Result<Ring> {
    let builder = before.map_or_else(Ring::builder, Ring::to_builder);
    let mut steps = steps;
    steps.try_fold(builder, |builder, term| step(builder, term?))?.build()
}

fn step(builder: Builder, step: Term<'_>) -> Result<Builder> {
    let wrong = |_| bad(format!("a step is {{name, argument}}; this is {}", shown(step)));
    let (word, what): (Term<'_>, Term<'_>) = step.decode().map_err(wrong)?;
    let pinned = || pin(what);
    Ok(match text(word).as_deref() {
        Some("node") => builder.node(node(what)?),
        Some("update") => builder.update(node(what)?),
        Some("remove") => builder.remove(&name(what)?),
        Some("exclude") => builder.exclude(name(what)?),
        Some("include") => builder.include(&name(what)?),
        Some("pin") => pinned().map(|(key, node)| builder.pin(key, node))?,
        Some("unpin") => builder.unpin(&key(what)?),
        Some("pin_prefix") => pinned().map(|(prefix, node)| builder.pin_prefix(prefix, node))?,
        Some("unpin_prefix") => builder.unpin_prefix(&key(what)?),
        Some("profile") => builder.profile(profile(what)?),
        Some("replicas") => builder.replicas(whole("replicas", "from 1 to 255", what)?),
        Some("hash_tags") => {
            let wrong = |_| bad(format!("hash_tags is true or false, not {}", shown(what)));
            builder.hash_tags(what.decode().map_err(wrong)?)
        }
        _ => return Err(bad(format!("a ring has no option and no step {}", shown(word)))),
    })
}
