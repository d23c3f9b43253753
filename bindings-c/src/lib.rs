//! Chinwag for C: handles, status codes, callbacks, and a descriptor to poll.
//!
//! What is exported is documented for readers of the header, `include/chinwag.h`, which is written
//! from these comments by `cargo test -p chinwag-c --test header`.
#![allow(
    clippy::not_unsafe_ptr_arg_deref,
    reason = "called from C only, where every call is unsafe; ffi.rs says what C promises"
)]

pub mod answer;
pub mod callbacks;
pub mod clock;
pub mod config;
pub mod constants;
pub mod error;
pub mod events;
mod ffi;
pub mod member;
pub mod messages;
pub mod node;
pub mod payload;
mod queue;
pub mod ring;
pub mod state;
pub mod talk;

use std::ffi::c_char;

/// Number of the binary interface: that of the shared library's name. It grows when a program that
/// was compiled for an older one would not work any more.
pub const CHINWAG_ABI_VERSION: u32 = 0;

/// CHINWAG_ABI_VERSION of the library at run time: not yours? Then do not use it.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_abi_version() -> u32 {
    CHINWAG_ABI_VERSION
}

/// CHINWAG_VERSION of the library at run time. Never freed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::Path;

    use chinwag::api::{ERRORS, EVENTS, STATES};

    use crate::answer::AnswerKind;
    use crate::clock::{Causality, TrimBounds, VClockEntry};
    use crate::constants::{self, EVENT_KINDS, STATUSES, Status};
    use crate::messages::Message;
    use crate::messages::serving::Service;
    use crate::messages::topics::{Publication, Subscription};
    use crate::node::Tag;
    use crate::payload::{PayloadKind, PayloadPart};
    use crate::ring::cluster::{RingOverrides, RingPin};
    use crate::state::map::MapWrite;
    use crate::state::{ChangeKind, Watching};
    use crate::talk::serf::Question;

    #[test]
    fn every_row_of_the_tables_has_its_constant() {
        let (ok, statuses) = STATUSES.split_first().expect("not empty");
        assert_eq!(*ok, Status::CHINWAG_OK);
        assert_eq!(statuses.len(), ERRORS.len());
        for (status, row) in statuses.iter().zip(ERRORS) {
            let name = format!("CHINWAG_E{}", row.code.replace('_', "").to_uppercase());
            assert_eq!((format!("{status:?}"), *status as i32), (name, -(row.number as i32)));
        }
        assert_eq!(EVENT_KINDS.len(), EVENTS.len());
        for (kind, row) in EVENT_KINDS.iter().zip(EVENTS) {
            let name = format!("CHINWAG_EVENT_{}", row.token.replace('-', "_").to_uppercase());
            assert_eq!((format!("{kind:?}"), *kind as u32), (name, row.number));
        }
        assert_eq!(constants::STATES.len(), STATES.len());
        for (constant, (state, word)) in constants::STATES.iter().zip(STATES) {
            let name = format!("CHINWAG_STATE_{}", word.to_uppercase());
            assert_eq!((format!("{constant:?}"), *constant as u32), (name, *state as u32));
        }
    }

    /// What a compiler of C must see as this one does.
    fn layout() -> String {
        let mut out = String::from(
            "/* Written from bindings-c/src by `cargo test -p chinwag-c --lib`. */\n\
             #include \"chinwag.h\"\n\n\
             #define SAME(name, claim) typedef char same_##name[(claim) ? 1 : -1]\n\n",
        );
        let mut same = |name: &str, claim: String| {
            writeln!(out, "SAME({name}, {claim});").expect("fits");
        };
        same("abi", format!("CHINWAG_ABI_VERSION == {}", crate::CHINWAG_ABI_VERSION));
        same("status", format!("sizeof(chinwag_status) == {}", size_of::<Status>()));
        same(
            "kind",
            format!("sizeof(chinwag_event_kind) == {}", size_of::<constants::EventKind>()),
        );
        same("answer_kind", format!("sizeof(chinwag_answer_kind) == {}", size_of::<AnswerKind>()));
        same("state", format!("sizeof(chinwag_state) == {}", size_of::<constants::State>()));
        structs(&mut same);
        same("causality", format!("sizeof(chinwag_causality) == {}", size_of::<Causality>()));
        same(
            "vclock_entry",
            format!("sizeof(chinwag_vclock_entry) == {}", size_of::<VClockEntry>()),
        );
        let numbers = size_of::<TrimBounds>() - 2 * size_of::<usize>();
        let bounds = format!("sizeof(chinwag_trim_bounds) == 2 * sizeof(size_t) + {numbers}");
        same("trim_bounds", bounds);
        same(
            "payload_kind",
            format!("sizeof(chinwag_payload_kind) == {}", size_of::<PayloadKind>()),
        );
        let words = std::mem::offset_of!(PayloadPart, text);
        same("payload_text", format!("offsetof(chinwag_payload_part, text) == {words}"));
        same(
            "payload_part",
            format!("sizeof(chinwag_payload_part) == {words} + 3 * sizeof(char *)"),
        );
        values(same);
        out
    }

    /// Those with pointers.
    fn structs(same: &mut impl FnMut(&str, String)) {
        let words = |bytes| format!("{} * sizeof(char *)", bytes / size_of::<usize>());
        same("tag", format!("sizeof(chinwag_tag) == {}", words(size_of::<Tag>())));
        let (key, value) = (std::mem::offset_of!(Tag, key), std::mem::offset_of!(Tag, value));
        same("tag_key", format!("offsetof(chinwag_tag, key) == {}", words(key)));
        same("tag_value", format!("offsetof(chinwag_tag, value) == {}", words(value)));
        let question = size_of::<Question>();
        same("question", format!("sizeof(chinwag_question) == {}", words(question)));
        let after = question - std::mem::offset_of!(Question, timeout_ms);
        let claim = "offsetof(chinwag_question, timeout_ms) == sizeof(chinwag_question)";
        same("question_timeout", format!("{claim} - {after}"));
        let message = size_of::<Message>() - std::mem::offset_of!(Message, timeout_ms);
        let claim = "offsetof(chinwag_message, timeout_ms) == 6 * sizeof(char *)";
        same("message_timeout", claim.to_owned());
        let claim = "sizeof(chinwag_message) == offsetof(chinwag_message, timeout_ms)";
        same("message", format!("{claim} + {message}"));
        let codec =
            std::mem::offset_of!(Message, codec) - std::mem::offset_of!(Message, timeout_ms);
        let claim = "offsetof(chinwag_message, codec) == offsetof(chinwag_message, timeout_ms)";
        same("message_codec", format!("{claim} + {codec}"));
        same("service", format!("sizeof(chinwag_service) == {}", words(size_of::<Service>())));
        let mailbox = words(std::mem::offset_of!(Service, mailbox));
        same("service_mailbox", format!("offsetof(chinwag_service, mailbox) == {mailbox}"));
        topics(same);
        state(same);
        map(same);
        same("ring_pin", format!("sizeof(chinwag_ring_pin) == {}", words(size_of::<RingPin>())));
        let overrides = format!("== {}", words(size_of::<RingOverrides>()));
        same("ring_overrides", format!("sizeof(chinwag_ring_overrides) {overrides}"));
        let last = std::mem::offset_of!(RingOverrides, pin_prefix_count);
        let claim = "offsetof(chinwag_ring_overrides, pin_prefix_count)";
        same("ring_overrides_last", format!("{claim} == {}", words(last)));
    }

    fn topics(same: &mut impl FnMut(&str, String)) {
        let codec = std::mem::offset_of!(Publication, codec);
        let latest = std::mem::offset_of!(Publication, latest) - codec;
        let codec = format!("{} * sizeof(char *)", codec / size_of::<usize>());
        same("publication_codec", format!("offsetof(chinwag_publication, codec) == {codec}"));
        let claim = format!("offsetof(chinwag_publication, latest) == {codec} + {latest}");
        same("publication_latest", claim);
        let whole = size_of::<Publication>() / size_of::<usize>();
        same("publication", format!("sizeof(chinwag_publication) == {whole} * sizeof(char *)"));
        let whole = size_of::<Subscription>() / size_of::<usize>();
        same("subscription", format!("sizeof(chinwag_subscription) == {whole} * sizeof(char *)"));
        let at = std::mem::offset_of!(Subscription, callback) / size_of::<usize>();
        let claim = "offsetof(chinwag_subscription, callback)";
        same("subscription_callback", format!("{claim} == {at} * sizeof(char *)"));
    }

    fn map(same: &mut impl FnMut(&str, String)) {
        let words = |bytes| format!("{} * sizeof(char *)", bytes / size_of::<usize>());
        let whole = words(size_of::<MapWrite>());
        same("map_write", format!("sizeof(chinwag_map_write) == {whole}"));
        let at = words(std::mem::offset_of!(MapWrite, context_length));
        let claim = format!("offsetof(chinwag_map_write, context_length) == {at}");
        same("map_write_context_length", claim);
    }

    fn state(same: &mut impl FnMut(&str, String)) {
        same("change_kind", format!("sizeof(chinwag_change_kind) == {}", size_of::<ChangeKind>()));
        let whole = size_of::<Watching>() / size_of::<usize>();
        same("watching", format!("sizeof(chinwag_watching) == {whole} * sizeof(char *)"));
        let at = std::mem::offset_of!(Watching, replay) / size_of::<usize>();
        let claim = format!("offsetof(chinwag_watching, replay) == {at} * sizeof(char *)");
        same("watching_replay", claim);
        use ChangeKind::{
            CHINWAG_CHANGE_DELETED, CHINWAG_CHANGE_LOST, CHINWAG_CHANGE_PUT,
            CHINWAG_CHANGE_REPLAY_DONE,
        };
        let kinds = [
            CHINWAG_CHANGE_PUT,
            CHINWAG_CHANGE_DELETED,
            CHINWAG_CHANGE_REPLAY_DONE,
            CHINWAG_CHANGE_LOST,
        ];
        for kind in kinds {
            same(&format!("{kind:?}"), format!("{kind:?} == {}", kind as u32));
        }
    }

    fn causalities() -> [Causality; 4] {
        use chinwag::clock::Causality::{After, Before, Concurrent, Equal};
        [Equal, Before, After, Concurrent].map(Causality::from)
    }

    fn payload_kinds() -> [PayloadKind; 4] {
        use PayloadKind::{
            CHINWAG_PAYLOAD_END, CHINWAG_PAYLOAD_INT, CHINWAG_PAYLOAD_TEXT,
            CHINWAG_PAYLOAD_TIMESTAMP,
        };
        [CHINWAG_PAYLOAD_END, CHINWAG_PAYLOAD_INT, CHINWAG_PAYLOAD_TEXT, CHINWAG_PAYLOAD_TIMESTAMP]
    }

    /// The numbers of the constants.
    fn values(mut same: impl FnMut(&str, String)) {
        for status in STATUSES {
            same(&format!("{status:?}"), format!("{status:?} == {}", *status as i32));
        }
        for kind in EVENT_KINDS {
            let (name, number) = (format!("{kind:?}"), *kind as u32);
            same(&name, format!("{name} == {number}"));
            let mask = name.replace("_EVENT_", "_MASK_");
            same(&mask, format!("{mask} == 1u << {number}"));
        }
        for causality in causalities() {
            let name = format!("{causality:?}");
            same(&name, format!("{name} == {}", causality as u32));
        }
        for kind in payload_kinds() {
            same(&format!("{kind:?}"), format!("{kind:?} == {}", kind as u32));
        }
        for state in constants::STATES {
            same(&format!("{state:?}"), format!("{state:?} == {}", *state as u32));
        }
    }

    #[test]
    fn the_layout_assertions_are_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/abi/layout.c");
        let fresh = layout();
        if std::fs::read_to_string(&path).is_ok_and(|old| old == fresh) {
            return;
        }
        if std::env::var_os("CI").is_none() {
            std::fs::write(&path, &fresh).expect("writable");
        }
        panic!("tests/abi/layout.c was out of date: run this test again, and look at it");
    }
}
