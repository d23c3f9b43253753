//! A ring: numbers out, as places in the list of names that JavaScript keeps. What is called for
//! every key is in `lookup.rs`.

pub mod builder;
pub mod change;
pub mod cluster;
mod lookup;

use chinwag::ring::Ring;
use napi::Env;
use napi::bindgen_prelude::{
    AsyncTask, BigInt, Either, ObjectFinalize, Uint8ArraySlice, Uint16ArraySlice, Uint32ArraySlice,
    Unknown,
};
use napi_derive::napi;

use self::builder::{Building, Node, RingOptions};
use crate::error::{Result, bad_argument, broken, failure};

/// Stands for nobody, where numbers have 16 bits.
const NOBODY: u16 = u16::MAX;
/// Ends a key in a text of many.
const NEWLINE: u8 = b'\n';

/// An immutable ring.
#[napi(custom_finalize)]
pub struct NativeRing {
    ring: Ring,
    /// By which the functions of `lookup.rs` find it.
    handle: lookup::Handle,
    /// What the collector was told that it takes, which it cannot see by itself.
    size: i64,
}

impl ObjectFinalize for NativeRing {
    fn finalize(self, env: Env) -> napi::Result<()> {
        env.adjust_external_memory(-self.size).map(drop)
    }
}

impl NativeRing {
    fn made(env: &Env, ring: chinwag::Result<Ring>) -> Result<Self> {
        Self::held(env, ring.map_err(failure)?).map_err(broken)
    }

    /// Tells the collector what it takes.
    pub(crate) fn held(env: &Env, ring: Ring) -> napi::Result<Self> {
        let size = i64::try_from(ring.size()).unwrap_or_default();
        env.adjust_external_memory(size)?;
        Ok(Self { handle: lookup::Handle::new(ring.clone()), ring, size })
    }

    /// The numbers of the owners of keys, in one run.
    fn numbers<'env, 'k>(
        &self,
        env: &'env Env,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Result<Uint16ArraySlice<'env>> {
        let numbers: Vec<u16> =
            keys.map(|key| self.ring.owner_number(key).unwrap_or(NOBODY)).collect();
        Uint16ArraySlice::copy_from(env, numbers).map_err(broken)
    }
}

#[napi]
#[allow(clippy::use_self, reason = "the macro moves the types of arguments out of the impl")]
impl NativeRing {
    /// The ring of these options.
    #[napi(factory, catch_unwind)]
    pub fn build(env: &Env, options: RingOptions) -> Result<Self> {
        Self::made(env, options.builder(None)?.build())
    }

    /// The same, on another thread.
    #[napi(catch_unwind)]
    pub fn build_aside(options: RingOptions) -> Result<AsyncTask<Building>> {
        Ok(AsyncTask::new(Building::new(options.builder(None)?)))
    }

    /// The ring of these bytes.
    #[napi(factory, catch_unwind)]
    pub fn from_bytes(env: &Env, bytes: Uint8ArraySlice<'_>) -> Result<Self> {
        Self::made(env, Ring::from_bytes(&bytes))
    }

    /// The ring of this JSON.
    #[napi(factory, catch_unwind)]
    pub fn from_json(env: &Env, text: String) -> Result<Self> {
        Self::made(env, Ring::from_json(&text))
    }

    /// The same with other options.
    #[napi(catch_unwind)]
    pub fn replace(&self, env: &Env, options: RingOptions) -> Result<Self> {
        Self::made(env, options.builder(Some(&self.ring))?.build())
    }

    /// With one more node.
    #[napi(catch_unwind)]
    pub fn with_node(&self, env: &Env, node: Node) -> Result<Self> {
        Self::made(env, self.ring.with(node.node()?))
    }

    /// With another weight or zone of a node.
    #[napi(catch_unwind)]
    pub fn update(&self, env: &Env, node: Node) -> Result<Self> {
        Self::made(env, self.ring.to_builder().update(node.node()?).build())
    }

    /// Without a node.
    #[napi(catch_unwind)]
    pub fn without(&self, env: &Env, name: String) -> Result<Self> {
        Self::made(env, self.ring.without(&name))
    }

    /// The nodes of either.
    #[napi(catch_unwind)]
    pub fn union(&self, env: &Env, other: &NativeRing) -> Result<Self> {
        Self::made(env, self.ring.union(&other.ring))
    }

    /// The nodes of both.
    #[napi(catch_unwind)]
    pub fn intersection(&self, env: &Env, other: &NativeRing) -> Result<Self> {
        Self::made(env, self.ring.intersection(&other.ring))
    }

    /// Whether both are made from the same.
    #[napi(catch_unwind)]
    pub fn equals(&self, other: &NativeRing) -> bool {
        self.ring == other.ring
    }

    /// The function that finds owners, of all rings.
    #[napi(catch_unwind)]
    pub fn lookup(env: &Env) -> Result<Unknown<'_>> {
        lookup::function(env).map_err(broken)
    }

    /// The same for many keys.
    #[napi(catch_unwind)]
    pub fn lookup_many(env: &Env) -> Result<Unknown<'_>> {
        lookup::for_many(env).map_err(broken)
    }

    /// What those functions are told: the number of this ring, for as long as it is there.
    #[napi(catch_unwind)]
    pub fn handle(&self) -> u32 {
        self.handle.number()
    }

    /// The names, in the order of their numbers.
    #[napi(catch_unwind)]
    pub fn names(&self) -> Vec<&str> {
        self.ring.names().collect()
    }

    /// A hash of what it is made from.
    #[napi(catch_unwind)]
    pub fn fingerprint(&self) -> BigInt {
        self.ring.fingerprint().into()
    }

    /// What [`from_bytes`](Self::from_bytes) reads.
    #[napi(catch_unwind)]
    pub fn to_bytes<'env>(&self, env: &'env Env) -> Result<Uint8ArraySlice<'env>> {
        Uint8ArraySlice::copy_from(env, self.ring.to_bytes()).map_err(broken)
    }

    /// What [`from_json`](Self::from_json) reads.
    #[napi(catch_unwind)]
    pub fn to_json(&self) -> String {
        self.ring.to_json()
    }

    /// Which of a node's rings it is; 0 of one that was made by hand.
    #[napi(catch_unwind)]
    pub fn version(&self) -> f64 {
        self.ring.version() as f64
    }

    /// The name of its profile.
    #[napi(catch_unwind)]
    pub fn profile(&self) -> &'static str {
        self.ring.profile().name()
    }

    /// Owners of a key that are found without a search.
    #[napi(catch_unwind)]
    pub fn replicas(&self) -> u8 {
        self.ring.replicas()
    }

    /// Bytes that it takes.
    #[napi(catch_unwind)]
    pub fn size(&self) -> f64 {
        self.size as f64
    }

    /// Nodes that a key belongs to.
    #[napi(catch_unwind)]
    pub fn owners(&self, key: Uint8ArraySlice<'_>, count: u32) -> Vec<u16> {
        let mut numbers = Vec::new();
        self.ring.owner_numbers(&key, count as usize, &mut numbers);
        numbers
    }

    /// The owners of keys with a newline between them.
    #[napi(catch_unwind)]
    pub fn joined<'env>(
        &self,
        env: &'env Env,
        keys: Either<String, Uint8ArraySlice<'_>>,
    ) -> Result<Uint16ArraySlice<'env>> {
        let keys = bytes(&keys);
        self.numbers(env, keys.split(|byte| *byte == NEWLINE))
    }

    /// The owners of keys that all have `width` bytes, one behind the other.
    #[napi(catch_unwind)]
    pub fn even<'env>(
        &self,
        env: &'env Env,
        keys: Uint8ArraySlice<'_>,
        width: f64,
    ) -> Result<Uint16ArraySlice<'env>> {
        let width: usize = builder::number("the width of keys", width)?;
        if width == 0 || !keys.len().is_multiple_of(width) {
            let length = keys.len();
            return Err(bad_argument(format!("{length} bytes are no keys of {width} bytes each")));
        }
        self.numbers(env, keys.chunks_exact(width))
    }

    /// The owners of keys one behind the other, with where each of them ends.
    #[napi(catch_unwind)]
    pub fn packed<'env>(
        &self,
        env: &'env Env,
        keys: Uint8ArraySlice<'_>,
        ends: Uint32ArraySlice<'_>,
    ) -> Result<Uint16ArraySlice<'env>> {
        let is_whole = ends.last().map_or(0, |end| *end as usize) == keys.len();
        if !is_whole || !ends.is_sorted() {
            let length = keys.len();
            return Err(bad_argument(format!("the ends of keys are in order, the last {length}")));
        }
        let mut start = 0;
        let key = |end: &u32| {
            let key = keys.get(start..*end as usize).unwrap_or_default();
            start = *end as usize;
            key
        };
        self.numbers(env, ends.iter().map(key))
    }
}

/// The bucket of a key, without names; null without a bucket.
#[napi(catch_unwind)]
pub fn jump(key: Either<String, Uint8ArraySlice<'_>>, buckets: f64) -> Result<Option<u32>> {
    Ok(chinwag::ring::jump(bytes(&key), builder::number("the number of buckets", buckets)?))
}

fn bytes<'k>(key: &'k Either<String, Uint8ArraySlice<'_>>) -> &'k [u8] {
    match key {
        Either::A(text) => text.as_bytes(),
        Either::B(bytes) => bytes,
    }
}
