//! What a ring is made from, and what it is asked about, as values of Python.

use std::borrow::Cow;

use chinwag::ring::{Builder, Overrides, Profile, Ring, RingNode};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDict, PyList, PyMapping};
use pyo3::types::{PyMemoryView, PyString, PyTuple};

use crate::error::{OrRaise, bad, wrong};

/// What the constructor and `replace` take.
const OPTIONS: [&str; 9] = [
    "nodes",
    "profile",
    "slots",
    "slack",
    "replicas",
    "hash_tags",
    "pins",
    "pin_prefixes",
    "excluded",
];

/// What a look-up answers for the bytes of a key. Nearly all keys are plain texts, which it reads
/// where they are, without a call or a value between.
#[inline(always)]
pub(super) fn asked<T>(key: &Bound<'_, PyAny>, ask: impl FnOnce(&[u8]) -> T) -> PyResult<T> {
    if key.is_exact_instance_of::<PyString>()
        && let Ok(text) = key.cast_exact::<PyString>()
        && let Ok(text) = text.to_str()
    {
        return Ok(ask(text.as_bytes()));
    }
    octets(key).map(|bytes| ask(&bytes))
}

/// The bytes of a key: those of a text in UTF-8, or of whatever holds bytes.
pub(super) fn octets<'a>(key: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    // To ask before a cast is cheaper than a cast that fails.
    if key.is_instance_of::<PyString>() {
        let text = key.cast::<PyString>()?.to_str().map_err(|_| wrong("a key", key))?;
        return Ok(Cow::Borrowed(text.as_bytes()));
    }
    if let Ok(bytes) = key.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    let bytes = PyMemoryView::from(key).and_then(|view| view.call_method0("tobytes"));
    let bytes = bytes.map_err(|_| wrong("a key", key))?;
    Ok(Cow::Owned(bytes.cast::<PyBytes>()?.as_bytes().to_vec()))
}

/// What a look-up answers for each of many keys. A list is read as it is now, whatever becomes of
/// it meanwhile; others are gone through.
#[inline(always)]
pub(super) fn asked_each<T: Clone + Default>(
    keys: &Bound<'_, PyAny>,
    ask: impl Fn(&[u8]) -> T,
) -> PyResult<Vec<T>> {
    let tuple = match keys.cast_exact::<PyList>() {
        Ok(list) => list.to_tuple(),
        Err(_) => match keys.cast_exact::<PyTuple>() {
            Ok(tuple) => tuple.clone(),
            Err(_) => return items("a list of keys", keys, |key| asked(&key, &ask)),
        },
    };
    let mut answers = vec![T::default(); tuple.len()];
    for (answer, key) in answers.iter_mut().zip(tuple.iter_borrowed()) {
        *answer = asked(&key, &ask)?;
    }
    Ok(answers)
}

/// The bytes of many keys, one behind the other. Text is refused: who counts in letters is wrong.
pub(super) fn packed<'a>(keys: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if keys.is_instance_of::<PyString>() { Err(wrong("packed keys", keys)) } else { octets(keys) }
}

/// How many bytes each key has of so many that are keys of one width.
pub(super) fn width(bytes: usize, width: &Bound<'_, PyAny>) -> PyResult<usize> {
    let size: usize = number("a width", width)?;
    match bytes.checked_rem(size) {
        Some(0) => Ok(size),
        _ => Err(bad(width.py(), &format!("{bytes} bytes are not keys of {size} each"))),
    }
}

/// Where keys begin and end in so many bytes, by whole numbers in a buffer: as many as there are
/// keys, and one more.
pub(super) fn offsets(bytes: usize, values: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    let refused = || wrong("a buffer of offsets", values);
    let view = PyMemoryView::from(values).map_err(|_| refused())?;
    let format: String = view.getattr("format")?.extract()?;
    let order = if cfg!(target_endian = "little") { '<' } else { '>' };
    let code = format.trim_start_matches(['@', '=', order]);
    let raw = view.call_method0("tobytes")?;
    let raw = raw.cast::<PyBytes>()?.as_bytes();
    let offsets: Vec<i64> = match (code, view.getattr("itemsize")?.extract()?) {
        ("i" | "l", 4) => items_of(raw).map(|item| i32::from_ne_bytes(item).into()).collect(),
        ("I" | "L", 4) => items_of(raw).map(|item| u32::from_ne_bytes(item).into()).collect(),
        // What has no room in them is out of range as well.
        ("l" | "q" | "L" | "Q", 8) => items_of(raw).map(i64::from_ne_bytes).collect(),
        _ => return Err(refused()),
    };
    let offsets: Result<Vec<usize>, _> = offsets.into_iter().map(usize::try_from).collect();
    let offsets = offsets.map_err(|_| refused())?;
    let is_inside = offsets.last().is_some_and(|last| *last <= bytes);
    if is_inside && offsets.is_sorted() { Ok(offsets) } else { Err(refused()) }
}

fn items_of<const SIZE: usize>(raw: &[u8]) -> impl Iterator<Item = [u8; SIZE]> {
    raw.chunks_exact(SIZE).filter_map(|item| item.try_into().ok())
}

/// The name of a node.
pub(super) fn name<'a>(name: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    let text = name.cast::<PyString>().ok().and_then(|text| text.to_str().ok());
    text.ok_or_else(|| wrong("the name of a node", name))
}

/// A whole number from 0. `True` is none, although Python counts with it.
pub(crate) fn number<T: TryFrom<u64>>(what: &str, value: &Bound<'_, PyAny>) -> PyResult<T> {
    let counts = !value.is_instance_of::<PyBool>();
    let number = counts.then(|| value.extract().ok()).flatten();
    number.and_then(|number: u64| T::try_from(number).ok()).ok_or_else(|| wrong(what, value))
}

/// How many nodes are asked for. A ring has fewer than 65,535, so that more make no difference.
pub(super) fn count(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    let number: u64 = number("a number of nodes", value)?;
    Ok(usize::try_from(number).unwrap_or(usize::MAX).min(usize::from(u16::MAX)))
}

/// The items of anything that can be gone through, but for one text where several are meant.
pub(crate) fn items<'py, T>(
    what: &str,
    values: &Bound<'py, PyAny>,
    mut read: impl FnMut(Bound<'py, PyAny>) -> PyResult<T>,
) -> PyResult<Vec<T>> {
    let is_one = values.is_instance_of::<PyString>()
        || values.is_instance_of::<PyBytes>()
        || values.is_instance_of::<PyByteArray>();
    if is_one {
        return Err(wrong(what, values));
    }
    let iterator = values.try_iter().map_err(|_| wrong(what, values))?;
    iterator.map(|item| read(item?)).collect()
}

/// A node: its name, a `RingNode`, or a mapping with the same fields.
pub(super) fn node(value: &Bound<'_, PyAny>) -> PyResult<RingNode> {
    let py = value.py();
    if value.is_instance_of::<PyString>() {
        return Ok(RingNode::new(name(value)?));
    }
    let is_node = value.is_instance(&super::class(py, "RingNode")?)?;
    let fields = if is_node { value.call_method0("_asdict")? } else { value.clone() };
    let fields = fields.cast::<PyMapping>().map_err(|_| wrong("a node", value))?;
    let mut node = RingNode::new("");
    for field in fields.items()?.iter() {
        let (field, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = field.extract()?;
        match field.extract::<&str>().unwrap_or_default() {
            "name" => node.name = name(&value)?.to_owned(),
            "weight" => node.weight = number("the weight of a node", &value)?,
            "zone" => {
                let zone = value.cast::<PyString>().ok().and_then(|zone| zone.to_str().ok());
                node.zone = zone.ok_or_else(|| wrong("the zone of a node", &value))?.to_owned();
            }
            _ => return Err(wrong("a field of a node", &field)),
        }
    }
    Ok(node)
}

/// Several nodes. A mapping is refused: its values would be lost.
fn nodes(values: &Bound<'_, PyAny>) -> PyResult<Vec<RingNode>> {
    match values.cast::<PyMapping>() {
        Ok(_) => Err(wrong("the list of nodes", values)),
        Err(_) => items("the list of nodes", values, |value| node(&value)),
    }
}

/// Keys, or beginnings of keys, and the name that each is pinned to.
fn pins(values: &Bound<'_, PyAny>) -> PyResult<Vec<(Vec<u8>, String)>> {
    let pins = values.cast::<PyMapping>().map_err(|_| wrong("a mapping of pins", values))?;
    let mut read = Vec::new();
    for pin in pins.items()?.iter() {
        let (key, owner): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pin.extract()?;
        read.push((octets(&key)?.into_owned(), name(&owner)?.to_owned()));
    }
    Ok(read)
}

/// Names of nodes that own nothing.
fn excluded(names: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    items("the list of excluded nodes", names, |one| Ok(name(&one)?.to_owned()))
}

/// What is decided by hand, of which nothing is what is not given: nodes that own nothing, keys,
/// and beginnings of keys.
pub(crate) fn overrides(decided: [Option<&Bound<'_, PyAny>>; 3]) -> PyResult<Overrides> {
    let [names, keys, prefixes] = decided;
    let pinned = |given: Option<&Bound<'_, PyAny>>| -> PyResult<_> {
        Ok(given.map(pins).transpose()?.into_iter().flatten().collect())
    };
    Ok(Overrides {
        excluded: names.map(excluded).transpose()?.into_iter().flatten().collect(),
        pins: pinned(keys)?,
        pin_prefixes: pinned(prefixes)?,
    })
}

/// The option of that name; `None` stands for the default.
fn option<'py>(options: &Bound<'py, PyDict>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(options.get_item(name)?.filter(|value| !value.is_none()))
}

/// The profile of the options. What they leave open is as before.
fn profile(options: &Bound<'_, PyDict>, before: Profile) -> PyResult<Profile> {
    let py = options.py();
    let number = |what| option(options, what)?.map(|value| number(what, &value)).transpose();
    let (slots, slack): (Option<u32>, Option<u32>) = (number("slots")?, number("slack")?);
    let old = match before {
        Profile::Slots { slots, .. } => Some(slots),
        Profile::Ketama | Profile::Clusterluck => None,
    };
    if let Some(named) = option(options, "profile")? {
        let name = named.cast::<PyString>().ok().and_then(|name| name.to_str().ok());
        let name = name.ok_or_else(|| wrong("the profile", &named))?;
        // A ring of points has no slots to keep.
        let kept = old.filter(|_| matches!(name, "default" | "pure" | "exact"));
        return Profile::named(name, slots.or(kept), slack).or_raise(py);
    }
    match before {
        Profile::Slots { slots: old, slack: bound } => {
            Ok(Profile::Slots { slots: slots.unwrap_or(old), slack: slack.or(bound) })
        }
        points => Profile::named(points.name(), slots, slack).or_raise(py),
    }
}

/// A builder of what the options say, and of what there was before where they say nothing.
pub(super) fn builder(before: &Ring, options: &Bound<'_, PyDict>) -> PyResult<Builder> {
    for key in options.keys() {
        if !OPTIONS.contains(&key.extract::<&str>()?) {
            let message = format!("Ring got an unexpected keyword argument {}", key.repr()?);
            return Err(PyTypeError::new_err(message));
        }
    }
    let mut builder = before.to_builder().profile(profile(options, before.profile())?);
    if let Some(replicas) = option(options, "replicas")? {
        builder = builder.replicas(number("the number of replicas", &replicas)?);
    }
    if let Some(flag) = option(options, "hash_tags")? {
        let flag = flag.cast::<PyBool>().map_err(|_| wrong("hash_tags", &flag))?;
        builder = builder.hash_tags(flag.is_true());
    }
    if let Some(values) = option(options, "nodes")? {
        let old: Vec<RingNode> = before.nodes().collect();
        builder = old.iter().fold(builder, |builder, node| builder.remove(&node.name));
        builder = builder.nodes(nodes(&values)?);
    }
    overridden(builder, before, options)
}

/// The builder with what is excluded and pinned.
fn overridden(
    mut builder: Builder,
    before: &Ring,
    options: &Bound<'_, PyDict>,
) -> PyResult<Builder> {
    if let Some(names) = option(options, "excluded")? {
        builder = before.excluded().fold(builder, Builder::include);
        builder = excluded(&names)?.into_iter().fold(builder, Builder::exclude);
    }
    if let Some(given) = option(options, "pins")? {
        builder = before.pins().fold(builder, |builder, (key, _)| builder.unpin(key));
        builder = pins(&given)?.into_iter().fold(builder, |b, (key, name)| b.pin(key, name));
    }
    if let Some(given) = option(options, "pin_prefixes")? {
        let old = before.pin_prefixes();
        builder = old.fold(builder, |builder, (key, _)| builder.unpin_prefix(key));
        builder = pins(&given)?.into_iter().fold(builder, |b, (key, name)| b.pin_prefix(key, name));
    }
    Ok(builder)
}
