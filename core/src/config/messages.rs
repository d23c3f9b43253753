//! What bounds messages, as options say it.

use std::time::Duration;

use super::Config;

/// What bounds messages. The option table has the meaning of each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the option table documents each, once")]
pub struct MessageSettings {
    pub call_timeout: Duration,
    pub message_max: usize,
    pub mailbox: usize,
    pub loop_stuck: Duration,
    pub outbox_bytes: usize,
    pub outbox_overflow: Overflow,
    pub outbox_age: Duration,
}

/// What becomes of a message for which there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It is refused, and whoever sends it is told.
    #[default]
    Reject,
    /// Whoever sends it waits for room.
    Block,
    /// The oldest that nobody waits for makes room.
    DropOldest,
    /// It is dropped itself, and counted.
    DropNewest,
}

impl Config {
    pub(super) fn messages(&self) -> MessageSettings {
        MessageSettings {
            call_timeout: self.duration("call_timeout", None),
            message_max: self.count("message_max", None),
            mailbox: self.count("mailbox", None),
            loop_stuck: self.duration("loop_stuck", None),
            outbox_bytes: self.count("outbox_bytes", None),
            outbox_overflow: match self.text("outbox_overflow").as_deref() {
                Some("block") => Overflow::Block,
                Some("drop-oldest") => Overflow::DropOldest,
                Some("drop-newest") => Overflow::DropNewest,
                _ => Overflow::Reject,
            },
            outbox_age: self.duration("outbox_age", None),
        }
    }
}
