//! Rings of points, for those who come from libketama or Clusterluck and keep their placement.

use base64ct::{Base64, Encoding};
use md5::{Digest, Md5};
use sha2::Sha256;

use super::spec::{Profile, Share};

/// The points of all nodes, in order. Nodes are numbers in the order of their names.
#[derive(Clone, Debug)]
pub(super) struct Points {
    profile: Profile,
    points: Vec<(Place, u16)>,
}

/// Where a point or a key stands: ketama's 32 bits, or the first ten digits of Clusterluck's text.
type Place = u64;

/// Digests that libketama makes of a node with an average weight; each gives four points.
const DIGESTS: u64 = 40;
/// Digits of base64 in a place, of six bits each.
const DIGITS: usize = 10;

impl Points {
    pub(super) fn new(profile: Profile, nodes: &[(&str, &Share)]) -> Self {
        let count = nodes.len() as u64;
        let total: u64 = nodes.iter().map(|(_, share)| u64::from(share.weight)).sum();
        let mut points = Vec::new();
        for (number, (name, share)) in (0..).zip(nodes) {
            let mut add = |place| points.push((place, number));
            match profile {
                Profile::Clusterluck => {
                    (1..=share.weight).for_each(|n| add(clusterluck(format!("{name}_{n}"))));
                }
                _ => {
                    // In whole numbers; libketama rounds a quotient of floating-point numbers down.
                    let digests = u64::from(share.weight) * DIGESTS * count / total;
                    (0..digests).flat_map(|n| ketama(format!("{name}-{n}"))).for_each(add);
                }
            }
        }
        // Where two points are at one place, that of the first name counts, whoever came first.
        points.sort_unstable();
        points.dedup_by_key(|(place, _)| *place);
        points.shrink_to_fit();
        Self { profile, points }
    }

    /// The node of a key.
    pub(super) fn owner(&self, key: &[u8]) -> Option<u16> {
        let at = self.find(key);
        self.points.get(at).or_else(|| self.points.first()).map(|(_, node)| *node)
    }

    /// The nodes from a key on, each once.
    pub(super) fn owners(&self, key: &[u8], count: usize) -> Vec<u16> {
        distinct(self.onward(self.find(key)), count)
    }

    /// The nodes before a key, the nearest first, each once.
    pub(super) fn owners_before(&self, key: &[u8], count: usize) -> Vec<u16> {
        distinct(self.backward(self.find(key)), count)
    }

    /// The others behind the first point that was made for a node, each once.
    pub(super) fn after(&self, name: &str, node: u16, count: usize) -> Vec<u16> {
        distinct(self.onward(self.first(name)).filter(|(_, other)| *other != node), count)
    }

    /// The others before the first point that was made for a node, the nearest first, each once.
    pub(super) fn before(&self, name: &str, node: u16, count: usize) -> Vec<u16> {
        distinct(self.backward(self.first(name)).filter(|(_, other)| *other != node), count)
    }

    /// The first point of a key: Clusterluck's is behind it, ketama's may be where it is.
    fn find(&self, key: &[u8]) -> usize {
        match self.profile {
            Profile::Clusterluck => {
                let place = clusterluck(key);
                self.points.partition_point(|(point, _)| *point <= place)
            }
            _ => {
                let [place, ..] = ketama(key);
                self.points.partition_point(|(point, _)| *point < place)
            }
        }
    }

    /// Where the first point that is made for a node stands, which need not be the first in order.
    fn first(&self, name: &str) -> usize {
        let place = match self.profile {
            Profile::Clusterluck => clusterluck(format!("{name}_1")),
            _ => ketama(format!("{name}-0"))[0],
        };
        self.points.partition_point(|(point, _)| *point < place)
    }

    /// All points, from that one on.
    fn onward(&self, start: usize) -> impl Iterator<Item = &(Place, u16)> {
        let (before, behind) = self.points.split_at(start.min(self.points.len()));
        behind.iter().chain(before)
    }

    /// All points, from that before it backwards.
    fn backward(&self, start: usize) -> impl Iterator<Item = &(Place, u16)> {
        let (before, behind) = self.points.split_at(start.min(self.points.len()));
        before.iter().rev().chain(behind.iter().rev())
    }

    /// The places of the whole ring, from the first on, with the node that their keys belong to.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (Place, Place, u16)> {
        // A point has the keys up to it, with Clusterluck without those at it.
        let at = Place::from(self.profile == Profile::Ketama);
        let starts = [0].into_iter().chain(self.points.iter().map(move |(place, _)| place + at));
        let last = self.points.first().map(|(_, node)| (self.places() - 1, *node));
        let point = move |(place, node): &(Place, u16)| {
            // None of Clusterluck's keys is before a point at the very beginning.
            Some(((place + at).checked_sub(1)?, *node))
        };
        let ends = self.points.iter().map(point).chain([last]);
        starts.zip(ends).filter_map(|(start, end)| {
            let (end, node) = end?;
            (start <= end).then_some((start, end, node))
        })
    }

    /// The share of the places that each of so many nodes has.
    pub(super) fn shares(&self, nodes: usize) -> Vec<f64> {
        let mut shares = vec![0.0; nodes];
        for (start, end, node) in self.ranges() {
            if let Some(share) = shares.get_mut(usize::from(node)) {
                *share += (end + 1 - start) as f64 / self.places() as f64;
            }
        }
        shares
    }

    const fn places(&self) -> Place {
        match self.profile {
            Profile::Clusterluck => 1 << (6 * DIGITS),
            _ => 1 << 32,
        }
    }

    pub(super) fn size(&self) -> usize {
        self.points.capacity() * size_of::<(Place, u16)>()
    }
}

/// The first digits of the base64 text of the SHA-256 of it, which is compared as a text.
fn clusterluck(of: impl AsRef<[u8]>) -> Place {
    let mut text = [0; 44];
    // A digest has that many characters.
    let _ = Base64::encode(&Sha256::digest(of.as_ref()), &mut text);
    text.iter().take(DIGITS).fold(0, |place, digit| (place << 6) | u64::from(rank(*digit)))
}

/// Where a digit of base64 stands among them in the order of their characters.
const fn rank(digit: u8) -> u8 {
    match digit {
        b'+' => 0,
        b'/' => 1,
        b'0'..=b'9' => digit - b'0' + 2,
        b'A'..=b'Z' => digit - b'A' + 12,
        _ => digit.saturating_sub(b'a') + 38,
    }
}

/// Four numbers of 32 bits from the MD5 of it.
fn ketama(of: impl AsRef<[u8]>) -> [Place; 4] {
    let digest: [u8; 16] = Md5::digest(of.as_ref()).into();
    let number = |at: usize| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|byte| digest[4 * at + byte]);
        u64::from(u32::from_le_bytes([a, b, c, d]))
    };
    [0, 1, 2, 3].map(number)
}

/// The nodes of these points, each once, so many at most.
fn distinct<'p>(points: impl Iterator<Item = &'p (Place, u16)>, count: usize) -> Vec<u16> {
    let mut nodes = Vec::new();
    for (_, node) in points {
        if nodes.len() == count {
            break;
        }
        if !nodes.contains(node) {
            nodes.push(*node);
        }
    }
    nodes
}
