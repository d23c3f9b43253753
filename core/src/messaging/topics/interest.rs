//! Which member subscribes to which topic, as far as this node has heard.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::target::check_name;

/// What of a topic a member wants: everything, what is for some queues, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interest {
    /// It has subscribers of no queue.
    pub(super) plain: bool,
    /// The queues of which it has subscribers, in their order.
    pub(super) queues: Vec<Arc<str>>,
}

/// Groups that one member may have at one topic.
pub(super) const QUEUES_MAX: usize = 64;

impl Interest {
    pub(super) const fn is_none(&self) -> bool {
        !self.plain && self.queues.is_empty()
    }

    /// What it is of: everything, which is of no queue, and each queue.
    #[cfg(all(unix, feature = "runtime"))]
    pub(crate) fn parts(self) -> impl Iterator<Item = Option<Arc<str>>> {
        let plain = self.plain.then_some(None);
        plain.into_iter().chain(self.queues.into_iter().map(Some))
    }

    /// As the member's key for the topic has it: a byte, 1 if it has subscribers of no queue, and
    /// each queue behind its length in a byte.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![u8::from(self.plain)];
        for queue in &self.queues {
            out.push(queue.len() as u8);
            out.extend_from_slice(queue.as_bytes());
        }
        out
    }

    /// What a member says; none if it says nothing that can be read.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (plain, mut rest) = bytes.split_first()?;
        let mut queues = Vec::new();
        while let Some((length, after)) = rest.split_first() {
            let (queue, after) = after.split_at_checked(usize::from(*length))?;
            let queue = std::str::from_utf8(queue).ok()?;
            check_name("queue", queue).ok()?;
            if queues.len() == QUEUES_MAX {
                return None;
            }
            queues.push(Arc::from(queue));
            rest = after;
        }
        let plain = match plain {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(Self { plain, queues }).filter(|interest| !interest.is_none())
    }
}

/// Topics, and who wants what of them. Only members that are present are in it.
#[derive(Debug, Default)]
pub(super) struct Interests {
    topics: BTreeMap<Box<str>, BTreeMap<Arc<str>, Interest>>,
}

impl Interests {
    /// A member wants this of a topic from now on.
    pub(super) fn note(&mut self, member: &Arc<str>, topic: &str, interest: Interest) {
        if !interest.is_none() {
            let members = self.topics.entry(topic.into()).or_default();
            members.insert(Arc::clone(member), interest);
        } else if let Some(members) = self.topics.get_mut(topic) {
            members.remove(member);
            if members.is_empty() {
                self.topics.remove(topic);
            }
        }
    }

    /// A member is here no longer.
    pub(super) fn forget(&mut self, member: &str) {
        self.topics.retain(|_, members| {
            members.remove(member);
            !members.is_empty()
        });
    }

    /// Who wants what of a topic, in the order of their names.
    pub(super) fn of(&self, topic: &str) -> impl ExactSizeIterator<Item = (&Arc<str>, &Interest)> {
        static NOBODY: BTreeMap<Arc<str>, Interest> = BTreeMap::new();
        self.topics.get(topic).unwrap_or(&NOBODY).iter()
    }

    /// Every topic, and how many members want something of it.
    pub(super) fn topics(&self) -> impl Iterator<Item = (&str, usize)> {
        self.topics.iter().map(|(topic, members)| (&**topic, members.len()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_interest_comes_out_as_it_went_in(
            plain: bool,
            queues in prop::collection::btree_set("[a-z0-9._:/-]{1,64}", 0..5),
        ) {
            let queues = queues.iter().map(|queue| Arc::from(&**queue)).collect();
            let interest = Interest { plain, queues };
            let bytes = interest.encode();
            let wanted = Some(interest.clone()).filter(|interest| !interest.is_none());
            prop_assert_eq!(Interest::decode(&bytes), wanted);
            for cut in 1..bytes.len() {
                prop_assert_ne!(Interest::decode(&bytes[..cut]), Some(interest.clone()));
            }
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Interest::decode(&bytes);
        }
    }

    #[test]
    fn what_no_member_says_is_not_believed() {
        let bytes = |queues: usize| {
            let queue = |at| Arc::from(format!("g{at}"));
            Interest { plain: true, queues: (0..queues).map(queue).collect() }.encode()
        };
        assert!(Interest::decode(&bytes(QUEUES_MAX)).is_some());
        assert_eq!(Interest::decode(&bytes(QUEUES_MAX + 1)), None);
        for wrong in [&[][..], &[0], &[2], &[1, 0], &[1, 2, b'a'], &[1, 1, b' '], &[1, 1, 0xff]] {
            assert_eq!(Interest::decode(wrong), None, "{wrong:?}");
        }
    }
}
