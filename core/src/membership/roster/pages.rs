//! Values in pages, which a copy shares until either side writes to one.
//!
//! A large roster grows without being moved; and the simulator starts thousands of nodes that know
//! the same members without holding each of them thousands of times.

use std::array;
use std::sync::Arc;

/// Values in a page: few enough that a small cluster does not pay for it, and that writing to a
/// shared one copies little.
const PAGE: usize = 16;

/// Values by number, with holes. A number once given stays.
#[derive(Clone, Debug)]
pub(crate) struct Pages<T> {
    pages: Vec<Arc<[Option<T>; PAGE]>>,
    len: usize,
}

impl<T: Clone> Pages<T> {
    pub(crate) const fn new() -> Self {
        Self { pages: Vec::new(), len: 0 }
    }

    /// Numbers given, those of holes included.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, value: T) {
        if self.len == self.pages.len() * PAGE {
            self.pages.push(Arc::new(array::from_fn(|_| None)));
        }
        self.len += 1;
        self.put(self.len - 1, value);
    }

    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.pages.get(at / PAGE)?[at % PAGE].as_ref()
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.place(at)?.as_mut()
    }

    /// Fills a hole, or replaces what is there.
    pub(crate) fn put(&mut self, at: usize, value: T) {
        debug_assert!(at < self.len, "a number that was given");
        if let Some(place) = self.place(at) {
            *place = Some(value);
        }
    }

    /// Leaves a hole.
    pub(crate) fn take(&mut self, at: usize) -> Option<T> {
        self.place(at)?.take()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flat_map(|page| page.iter()).flatten()
    }

    pub(crate) fn numbered(&self) -> impl Iterator<Item = (usize, &T)> {
        let places = self.pages.iter().flat_map(|page| page.iter()).enumerate();
        places.filter_map(|(at, value)| Some((at, value.as_ref()?)))
    }

    fn place(&mut self, at: usize) -> Option<&mut Option<T>> {
        let page = self.pages.get_mut(at / PAGE)?;
        Some(&mut Arc::make_mut(page)[at % PAGE])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_had() {
        let mut pages = Pages::new();
        (0..100).for_each(|value| pages.push(value));
        let mut copy = pages.clone();
        assert_eq!(copy.take(40), Some(40));
        copy.put(99, 7);
        copy.push(100);
        *pages.get_mut(0).unwrap() = 9;
        assert_eq!((pages.get(40), copy.get(40)), (Some(&40), None));
        assert_eq!((pages.get(99), copy.get(99)), (Some(&99), Some(&7)));
        assert_eq!((pages.get(0), copy.get(0)), (Some(&9), Some(&0)));
        assert_eq!((pages.len(), copy.len()), (100, 101));
        assert_eq!((pages.iter().count(), copy.iter().count()), (100, 100));
        assert_eq!((pages.get(100), copy.get(101)), (None, None));
    }
}
