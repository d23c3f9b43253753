//! The libraries that are measured, behind one face.

use std::net::SocketAddr;

use chinwag::ring::{Profile, Ring};
use hashring::HashRing;
use pingora_ketama::{Bucket, Continuum};

/// A way to place keys. Nodes are told apart by numbers that mean nothing else.
pub(super) trait Placement {
    type Ring;
    fn name(&self) -> &'static str;
    fn build(&self, names: &[String]) -> Self::Ring;
    fn owner(&self, ring: &Self::Ring, key: &str) -> usize;
    /// Several owners, if there is such a thing.
    fn owners(&self, ring: &Self::Ring, key: &str, count: usize) -> Option<usize>;
    fn add(&self, ring: &Self::Ring, name: &str) -> Self::Ring;
    fn remove(&self, ring: &Self::Ring, name: &str) -> Self::Ring;
    /// Whether a key has the same owner in both.
    fn is_same(&self, one: &Self::Ring, other: &Self::Ring, key: &str) -> bool;
    /// What the busiest node has of all keys, compared with the mean, if it tells.
    fn busiest(&self, _: &Self::Ring) -> Option<f64> {
        None
    }

    /// Bytes that it takes, if it tells.
    fn size(&self, _: &Self::Ring) -> Option<usize> {
        None
    }
}

/// This one.
pub(super) struct Ours(pub(super) Profile);

impl Placement for Ours {
    type Ring = Ring;

    fn name(&self) -> &'static str {
        if self.0 == Profile::PURE { "chinwag, pure" } else { "chinwag" }
    }

    fn build(&self, names: &[String]) -> Ring {
        let nodes = names.iter().map(String::as_str);
        Ring::builder().profile(self.0).nodes(nodes).build().expect("a ring")
    }

    #[inline]
    fn owner(&self, ring: &Ring, key: &str) -> usize {
        ring.owner_number(key.as_bytes()).map_or(0, usize::from)
    }

    fn owners(&self, ring: &Ring, key: &str, count: usize) -> Option<usize> {
        let mut numbers = [0; 8];
        Some(ring.owner_numbers_into(key.as_bytes(), &mut numbers[..count]))
    }

    fn add(&self, ring: &Ring, name: &str) -> Ring {
        ring.with(name).expect("a ring")
    }

    fn remove(&self, ring: &Ring, name: &str) -> Ring {
        ring.without(name).expect("a ring")
    }

    fn is_same(&self, one: &Ring, other: &Ring, key: &str) -> bool {
        one.owner(key) == other.owner(key)
    }

    fn busiest(&self, ring: &Ring) -> Option<f64> {
        ring.balance().iter().map(|one| one.share / one.ideal).reduce(f64::max)
    }

    fn size(&self, ring: &Ring) -> Option<usize> {
        Some(ring.size())
    }
}

/// `hashring`, with the 160 points a node that other libraries have.
pub(super) struct Hashring;

/// A point: the library hashes it.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(super) struct Point {
    name: String,
    copy: u32,
    node: usize,
}

const POINTS: u32 = 160;

fn points(name: &str, node: usize) -> impl Iterator<Item = Point> {
    (0..POINTS).map(move |copy| Point { name: name.to_owned(), copy, node })
}

impl Placement for Hashring {
    type Ring = (HashRing<Point>, usize);

    fn name(&self) -> &'static str {
        "hashring"
    }

    fn build(&self, names: &[String]) -> Self::Ring {
        let mut ring = HashRing::new();
        let all = names.iter().enumerate().flat_map(|(node, name)| points(name, node));
        ring.batch_add(all.collect());
        (ring, names.len())
    }

    #[inline]
    fn owner(&self, (ring, _): &Self::Ring, key: &str) -> usize {
        ring.get(&key).map_or(0, |point| point.node)
    }

    fn owners(&self, (ring, _): &Self::Ring, key: &str, count: usize) -> Option<usize> {
        ring.get_with_replicas(&key, count - 1).map(|owners| owners.len())
    }

    fn add(&self, (ring, nodes): &Self::Ring, name: &str) -> Self::Ring {
        let mut ring = ring.clone();
        ring.batch_add(points(name, *nodes).collect());
        (ring, nodes + 1)
    }

    fn remove(&self, (ring, nodes): &Self::Ring, name: &str) -> Self::Ring {
        let mut ring = ring.clone();
        let node = (0..*nodes).find(|node| {
            let first = points(name, *node).next();
            first.is_some_and(|first| ring.remove(&first).is_some())
        });
        node.into_iter().flat_map(|node| points(name, node).skip(1)).for_each(|point| {
            ring.remove(&point);
        });
        (ring, nodes - 1)
    }

    fn is_same(&self, one: &Self::Ring, other: &Self::Ring, key: &str) -> bool {
        self.owner(one, key) == self.owner(other, key)
    }
}

/// `pingora-ketama`, which is only ever built anew.
pub(super) struct Ketama;

fn address(node: usize) -> SocketAddr {
    let [a, b] = u16::try_from(node).unwrap_or(u16::MAX).to_be_bytes();
    ([10, 0, a, b], 7946).into()
}

impl Placement for Ketama {
    type Ring = (Continuum, Vec<usize>);

    fn name(&self) -> &'static str {
        "pingora-ketama"
    }

    fn build(&self, names: &[String]) -> Self::Ring {
        continuum((0..names.len()).collect())
    }

    #[inline]
    fn owner(&self, (ring, _): &Self::Ring, key: &str) -> usize {
        ring.node(key.as_bytes()).map_or(0, |addr| match addr {
            SocketAddr::V4(addr) => {
                usize::from(addr.ip().octets()[3]) + 256 * usize::from(addr.ip().octets()[2])
            }
            SocketAddr::V6(_) => 0,
        })
    }

    fn owners(&self, _: &Self::Ring, _: &str, _: usize) -> Option<usize> {
        None
    }

    fn add(&self, (_, nodes): &Self::Ring, _: &str) -> Self::Ring {
        continuum([&nodes[..], &[nodes.len()]].concat())
    }

    fn remove(&self, (_, nodes): &Self::Ring, _: &str) -> Self::Ring {
        continuum(nodes.iter().copied().filter(|node| *node != nodes.len() / 2).collect())
    }

    fn is_same(&self, one: &Self::Ring, other: &Self::Ring, key: &str) -> bool {
        self.owner(one, key) == self.owner(other, key)
    }
}

fn continuum(nodes: Vec<usize>) -> (Continuum, Vec<usize>) {
    let buckets: Vec<Bucket> = nodes.iter().map(|node| Bucket::new(address(*node), 1)).collect();
    (Continuum::new(&buckets), nodes)
}
