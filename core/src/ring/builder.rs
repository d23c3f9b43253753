//! A ring, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::spec::{Profile, RingNode, Spec, bad, short};
use super::{Ring, Share};
use crate::error::{Error, Result};

/// What a ring shall be made from. The first thing that is wrong is what [`build`](Self::build)
/// fails with.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    spec: Spec,
    /// Of which most may stay as it is.
    before: Option<Ring>,
    error: Option<Error>,
}

/// What is decided by hand: who owns nothing, and which keys are whose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Names of nodes that own nothing, whether they are in the ring or not.
    pub excluded: BTreeSet<String>,
    /// Keys that are given to a node, for as long as that one can own anything.
    pub pins: BTreeMap<Vec<u8>, String>,
    /// Beginnings of keys that are given to a node; the longest counts, and a pinned key more.
    pub pin_prefixes: BTreeMap<Vec<u8>, String>,
}

#[cfg(any(feature = "serde", feature = "runtime", feature = "sim"))]
impl Overrides {
    /// These, if a ring could have them. Errors: `too_large`.
    pub(super) fn checked(self) -> Result<Self> {
        let mut spec = Spec::new(Profile::DEFAULT);
        (spec.excluded, spec.keys, spec.prefixes) = (self.excluded, self.pins, self.pin_prefixes);
        spec.check()?;
        let Spec { excluded, keys: pins, prefixes: pin_prefixes, .. } = spec;
        Ok(Self { excluded, pins, pin_prefixes })
    }
}

impl Builder {
    pub(super) fn new() -> Self {
        Self { spec: Spec::new(Profile::DEFAULT), before: None, error: None }
    }

    pub(super) fn from_ring(ring: &Ring) -> Self {
        Self { spec: ring.0.spec.clone(), before: Some(ring.clone()), error: None }
    }

    /// A builder of the ring of these bytes, before the work that a ring is: for bytes of somebody
    /// who might send a large one to keep this process busy. [`work`](Self::work) is what to look
    /// at.
    ///
    /// # Errors
    ///
    /// As [`Ring::from_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Self { spec: Spec::from_bytes(bytes)?, before: None, error: None })
    }

    /// A builder of the ring of this JSON, before the work that a ring is.
    ///
    /// # Errors
    ///
    /// As [`Ring::from_json`].
    #[cfg(feature = "json")]
    pub fn from_json(text: &str) -> Result<Self> {
        Ok(Self { spec: Spec::from_json(text)?, before: None, error: None })
    }

    /// The bytes of the ring that it would build, as far as its steps were right.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.spec.to_bytes()
    }

    /// What building it from nothing costs, in bids: a hundred million are 0.8 seconds of one core,
    /// or 1.3 where zones or replicas make it hard. A hundred nodes in the default profile are 6.6
    /// million; 805 million are the most that is built.
    pub fn work(&self) -> u64 {
        self.spec.work()
    }

    /// How keys are placed. Default: [`Profile::DEFAULT`].
    pub fn profile(mut self, profile: Profile) -> Self {
        self.spec.profile = profile;
        self
    }

    /// Owners of a key that are found without a search, 1 to 255: how many copies are kept. More
    /// can be asked for. Default: 3.
    pub fn replicas(mut self, replicas: u8) -> Self {
        self.spec.replicas = replicas;
        self
    }

    /// Whether what stands between `{` and `}` in a key places it, so that keys with the same tag
    /// have the same owner. As in Redis Cluster. Default: no.
    pub fn hash_tags(mut self, hash_tags: bool) -> Self {
        self.spec.hash_tags = hash_tags;
        self
    }

    /// Adds a node.
    pub fn node(self, node: impl Into<RingNode>) -> Self {
        let node = node.into();
        self.attempt(|spec| spec.add(node))
    }

    /// Adds nodes.
    pub fn nodes<N: Into<RingNode>>(self, nodes: impl IntoIterator<Item = N>) -> Self {
        nodes.into_iter().fold(self, Self::node)
    }

    /// Gives a node that is there another weight or zone.
    pub fn update(self, node: impl Into<RingNode>) -> Self {
        let node = node.into();
        self.attempt(|spec| {
            known(spec.nodes.remove(&node.name), &node.name)?;
            spec.add(node)
        })
    }

    /// Removes a node.
    pub fn remove(self, name: &str) -> Self {
        self.attempt(|spec| known(spec.nodes.remove(name), name).map(drop))
    }

    /// Lets a node own nothing, whether it is in the ring yet or not: one that is drained, say.
    pub fn exclude(mut self, name: impl Into<String>) -> Self {
        self.spec.excluded.insert(name.into());
        self
    }

    /// Lets a node own something again.
    pub fn include(mut self, name: &str) -> Self {
        self.spec.excluded.remove(name);
        self
    }

    /// Gives a key to a node for as long as that one can own anything.
    pub fn pin(mut self, key: impl Into<Vec<u8>>, name: impl Into<String>) -> Self {
        self.spec.keys.insert(key.into(), name.into());
        self
    }

    /// Gives all keys with that beginning to a node; of several beginnings, the longest counts, and
    /// a key that is pinned itself counts more.
    pub fn pin_prefix(mut self, prefix: impl Into<Vec<u8>>, name: impl Into<String>) -> Self {
        self.spec.prefixes.insert(prefix.into(), name.into());
        self
    }

    /// Takes back what was pinned.
    pub fn unpin(mut self, key: &[u8]) -> Self {
        self.spec.keys.remove(key);
        self
    }

    /// Takes back what was pinned by its beginning.
    pub fn unpin_prefix(mut self, prefix: &[u8]) -> Self {
        self.spec.prefixes.remove(prefix);
        self
    }

    /// Replaces what was excluded and pinned.
    pub fn overrides(mut self, overrides: Overrides) -> Self {
        let Overrides { excluded, pins, pin_prefixes } = overrides;
        (self.spec.excluded, self.spec.keys, self.spec.prefixes) = (excluded, pins, pin_prefixes);
        self
    }

    /// Has it made from another ring as far as that goes, which is faster. What comes out is the
    /// same.
    pub fn after(mut self, before: &Ring) -> Self {
        self.before = Some(before.clone());
        self
    }

    /// The ring: for a hundred nodes some tens of milliseconds of work, and less than one if it
    /// differs by a node or two from the one that this builder came from.
    ///
    /// # Errors
    ///
    /// `bad_argument` and `too_large`, as [`Ring::new`]; `bad_argument` also for an update or a
    /// removal of a node that is not there, `too_large` for more [`work`](Self::work) than can be.
    pub fn build(self) -> Result<Ring> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if let Some(before) = self.before.as_ref().filter(|ring| ring.0.spec == self.spec) {
            return Ok(Ring(Arc::clone(&before.0), 0));
        }
        self.spec.check()?;
        Ok(Ring::from_spec(self.spec, self.before.as_ref()))
    }

    fn attempt(mut self, step: impl FnOnce(&mut Spec) -> Result<()>) -> Self {
        if self.error.is_none() {
            self.error = step(&mut self.spec).err();
        }
        self
    }
}

fn known(share: Option<Share>, name: &str) -> Result<Share> {
    share.ok_or_else(|| bad(format!("\"{}\" is not in the ring", short(name))))
}

impl Ring {
    /// The ring with one more node.
    ///
    /// # Errors
    ///
    /// As [`Ring::new`].
    pub fn with(&self, node: impl Into<RingNode>) -> Result<Self> {
        self.to_builder().node(node).build()
    }

    /// The ring without a node.
    ///
    /// # Errors
    ///
    /// `bad_argument` if it is not there.
    pub fn without(&self, name: &str) -> Result<Self> {
        self.to_builder().remove(name).build()
    }

    /// The nodes of both rings, and what is pinned in either. A node of both has the greater
    /// weight, and owns nothing only if that is so in both. The greater number of replicas counts.
    ///
    /// # Errors
    ///
    /// `bad_argument` if they place keys in different ways; `too_large`.
    pub fn union(&self, other: &Self) -> Result<Self> {
        let mut builder = self.combined(other)?;
        let (ours, theirs) = (&self.0.spec, &other.0.spec);
        let spec = &mut builder.spec;
        spec.replicas = spec.replicas.max(theirs.replicas);
        for (name, share) in &theirs.nodes {
            let both = spec.nodes.entry(name.clone()).or_insert_with(|| share.clone());
            both.weight = both.weight.max(share.weight);
            both.zone = both.zone.clone().max(share.zone.clone());
        }
        let owns = |name: &String| {
            [ours, theirs].iter().any(|s| s.nodes.contains_key(name) && !s.excluded.contains(name))
        };
        spec.excluded =
            ours.excluded.union(&theirs.excluded).filter(|n| !owns(n)).cloned().collect();
        for (ours, theirs) in
            [(&mut spec.keys, &theirs.keys), (&mut spec.prefixes, &theirs.prefixes)]
        {
            for (key, name) in theirs {
                let pinned = ours.entry(key.clone()).or_insert_with(|| name.clone());
                *pinned = pinned.clone().min(name.clone());
            }
        }
        builder.build()
    }

    /// The nodes that are in both rings, and what is pinned alike in both. A node has the lesser
    /// weight, and owns nothing if that is so in either. The lesser number of replicas counts.
    ///
    /// # Errors
    ///
    /// `bad_argument` if they place keys in different ways.
    pub fn intersection(&self, other: &Self) -> Result<Self> {
        let mut builder = self.combined(other)?;
        let theirs = &other.0.spec;
        let spec = &mut builder.spec;
        spec.replicas = spec.replicas.min(theirs.replicas);
        spec.nodes.retain(|name, _| theirs.nodes.contains_key(name));
        for (name, both) in &mut spec.nodes {
            if let Some(share) = theirs.nodes.get(name) {
                both.weight = both.weight.min(share.weight);
                both.zone = both.zone.clone().min(share.zone.clone());
            }
        }
        spec.excluded.extend(theirs.excluded.iter().cloned());
        spec.keys.retain(|key, name| theirs.keys.get(key) == Some(name));
        spec.prefixes.retain(|key, name| theirs.prefixes.get(key) == Some(name));
        builder.build()
    }

    /// This ring, to be combined with another one that places keys alike.
    fn combined(&self, other: &Self) -> Result<Builder> {
        let way = |ring: &Self| (ring.0.spec.profile, ring.0.spec.hash_tags);
        match way(self) == way(other) {
            true => Ok(self.to_builder()),
            false => Err(bad("the rings place keys in different ways".to_owned())),
        }
    }
}
