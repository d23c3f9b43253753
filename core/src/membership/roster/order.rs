//! In which order members are probed and told news.

use std::sync::Arc;

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use super::Slot;

/// The slots of the others in random order, and who is next for what.
///
/// A copy shares the order until it has come through it once: the simulator's nodes begin with one
/// of a few. Who is forgotten before is left out of it without a copy, of which a large cluster
/// would need one for each node at the same time.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    slots: Arc<Vec<Slot>>,
    /// Places in it that are left out, in order; none unless it is shared.
    gone: Vec<usize>,
    /// Places, those left out not counted.
    probed: usize,
    told: usize,
}

impl Order {
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.gone.len()
    }

    /// The slot at that place, those left out not counted.
    pub(super) fn at(&self, place: usize) -> Option<Slot> {
        let passed = |at, gone: &usize| if *gone <= at { Ok(at + 1) } else { Err(at) };
        let at = self.gone.iter().try_fold(place, passed).unwrap_or_else(|at| at);
        self.slots.get(at).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Slot> {
        let mut gone = self.gone.iter().copied().peekable();
        let slots = self.slots.iter().enumerate();
        slots.filter(move |(at, _)| gone.next_if_eq(at).is_none()).map(|(_, slot)| *slot)
    }

    /// Adds a slot at a random place, so that a newcomer is neither probed at once by all nor last
    /// by all.
    pub(super) fn insert(&mut self, slot: Slot, rng: &mut Xoshiro256PlusPlus) {
        let slots = self.own();
        slots.push(slot);
        let place = rng.random_range(0..slots.len());
        let last = slots.len() - 1;
        slots.swap(place, last);
    }

    /// Leaves a slot out.
    pub(super) fn remove(&mut self, slot: Slot) {
        let Some(at) = self.slots.iter().position(|other| *other == slot) else { return };
        // How many before it are left out.
        let Err(before) = self.gone.binary_search(&at) else { return };
        match Arc::get_mut(&mut self.slots) {
            Some(slots) if self.gone.is_empty() => drop(slots.remove(at)),
            _ => self.gone.insert(before, at),
        }
        let place = at - before;
        for cursor in [&mut self.probed, &mut self.told] {
            *cursor -= usize::from(place < *cursor);
        }
    }

    /// The next to be probed; after the last, everybody again in another order.
    pub(super) fn next_to_probe(&mut self, rng: &mut Xoshiro256PlusPlus) -> Option<Slot> {
        if self.probed >= self.len() {
            shuffle(self.own(), rng);
            self.probed = 0;
        }
        let slot = self.at(self.probed)?;
        self.probed += 1;
        Some(slot)
    }

    /// The next to be told; after the last, the first again.
    pub(super) fn next_to_tell(&mut self) -> Option<Slot> {
        if self.told >= self.len() {
            self.told = 0;
        }
        let slot = self.at(self.told)?;
        self.told += 1;
        Some(slot)
    }

    /// The order, to be changed.
    fn own(&mut self) -> &mut Vec<Slot> {
        if !self.gone.is_empty() {
            self.slots = Arc::new(self.iter().collect());
            self.gone = Vec::new();
        }
        Arc::make_mut(&mut self.slots)
    }

    /// The same in another order, for somebody else.
    #[cfg(feature = "sim")]
    pub(super) fn shuffled(&self, rng: &mut Xoshiro256PlusPlus) -> Self {
        let mut order = Self { slots: Arc::clone(&self.slots), ..Self::default() };
        shuffle(order.own(), rng);
        order
    }

    /// The same, begun anywhere.
    #[cfg(feature = "sim")]
    pub(super) fn begun_anywhere(&self, rng: &mut Xoshiro256PlusPlus) -> Self {
        let mut anywhere = || rng.random_range(0..self.len());
        let (probed, told) = (anywhere(), anywhere());
        Self { probed, told, ..self.clone() }
    }
}

/// Fisher and Yates.
pub(super) fn shuffle(slots: &mut [Slot], rng: &mut Xoshiro256PlusPlus) {
    for last in (1..slots.len()).rev() {
        slots.swap(last, rng.random_range(0..=last));
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_shared_order_goes_on_like_one_of_its_own() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let mut own = Order::default();
        (1..=40).for_each(|slot| own.insert(slot, &mut rng));
        let common = own.clone();
        let mut shared = common.clone();
        own.own();
        for step in 0..200 {
            let mut same = rng.clone();
            assert_eq!(own.next_to_probe(&mut rng), shared.next_to_probe(&mut same), "{step}");
            assert_eq!(own.next_to_tell(), shared.next_to_tell(), "{step}");
            if step % 9 == 0 {
                let slot = 1 + step / 9 * 7 % 40;
                own.remove(slot);
                shared.remove(slot);
                shared.remove(slot);
            }
            assert!(own.iter().eq(shared.iter()), "{step}");
            assert!((0..own.len()).all(|place| own.at(place) == shared.at(place)), "{step}");
            assert_eq!((own.len(), own.at(own.len())), (shared.len(), None), "{step}");
            let is_shared = Arc::ptr_eq(&shared.slots, &common.slots);
            assert_eq!(is_shared, step < 38, "a copy when all have had their turn: {step}");
        }
        assert_eq!(common.len(), 40);
    }
}
