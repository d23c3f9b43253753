//! Members as C sees them: values that do not change, with text that ends in a zero byte.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::sync::{LazyLock, OnceLock};

use chinwag::host::tag_pairs;

use crate::constants::{STATES, State};
use crate::ffi::{c_text, pointer, text, value};

/// One member, as it was when the value was taken. It never changes; any thread may read it.
///
/// A member within an event, a list or another value is borrowed and lives as long as that; one
/// that a function gave you is freed with chinwag_member_free().
pub struct Member {
    facts: chinwag::Member,
    // Made when they are first asked for: most readers want one or two of them.
    name: OnceLock<CString>,
    addr: OnceLock<CString>,
    tags: OnceLock<Vec<(CString, CString)>>,
}

impl Member {
    pub(crate) fn new(facts: chinwag::Member) -> Self {
        Self { facts, name: OnceLock::new(), addr: OnceLock::new(), tags: OnceLock::new() }
    }

    fn name(&self) -> &CString {
        self.name.get_or_init(|| c_text(self.facts.name()))
    }

    fn addr(&self) -> &CString {
        self.addr.get_or_init(|| c_text(&self.facts.addr().to_string()))
    }

    fn tags(&self) -> &[(CString, CString)] {
        let made = || tag_pairs(&self.facts).map(|(k, v)| (c_text(&k), c_text(&v))).collect();
        self.tags.get_or_init(made)
    }
}

/// Members in the order of their names, unless the function that gives the list says otherwise. You
/// free it with chinwag_member_list_free().
pub struct MemberList {
    members: Vec<Member>,
}

impl MemberList {
    pub(crate) fn new(members: impl IntoIterator<Item = chinwag::Member>) -> Self {
        Self { members: members.into_iter().map(Member::new).collect() }
    }
}

/// The name, unique in the cluster. Borrowed from the member. NULL for NULL.
///
/// In all text, a zero byte that a peer sent stands as U+FFFD.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_name(member: Option<&Member>) -> *const c_char {
    value(std::ptr::null(), || pointer(member.map(|member| &**member.name())))
}

/// The address it advertises for UDP and TCP alike, such as "127.0.0.1:7946" or "[::1]:7946".
/// Borrowed from the member. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_addr(member: Option<&Member>) -> *const c_char {
    value(std::ptr::null(), || pointer(member.map(|member| &**member.addr())))
}

/// What was believed about it; "failed" for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_state(member: Option<&Member>) -> State {
    let nobody = State::CHINWAG_STATE_FAILED;
    value(nobody, || {
        let state = member.and_then(|member| STATES.get(member.facts.state() as usize));
        state.copied().unwrap_or(nobody)
    })
}

/// The value of a tag, or NULL when it has none of that key. Borrowed from the member.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_tag(member: Option<&Member>, key: *const c_char) -> *const c_char {
    value(std::ptr::null(), || {
        // SAFETY: C passes NULL or text.
        let Ok(key) = (unsafe { text(key, "key") }) else { return std::ptr::null() };
        let found = member
            .and_then(|member| member.tags().iter().find(|(k, _)| k.as_bytes() == key.as_bytes()));
        pointer(found.map(|(_, value)| &**value))
    })
}

/// How many tags it has.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_tag_count(member: Option<&Member>) -> usize {
    value(0, || member.map_or(0, |member| member.tags().len()))
}

/// The key of tag `index`, counted from 0 in the order of the keys. Borrowed from the member. NULL
/// when there is no such tag.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_tag_key(member: Option<&Member>, index: usize) -> *const c_char {
    value(std::ptr::null(), || {
        pointer(member.and_then(|member| member.tags().get(index)).map(|(key, _)| &**key))
    })
}

/// The value of tag `index`, counted from 0 in the order of the keys. Borrowed from the member.
/// NULL when there is no such tag.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_tag_value(member: Option<&Member>, index: usize) -> *const c_char {
    value(std::ptr::null(), || {
        pointer(member.and_then(|member| member.tags().get(index)).map(|(_, value)| &**value))
    })
}

/// The metadata as it travels; `length` is set to its number of bytes. Borrowed from the member.
/// NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_meta(
    member: Option<&Member>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    value(std::ptr::null(), || {
        let meta = member.map(|member| member.facts.meta());
        if let Some(length) = length {
            length.write(meta.map_or(0, <[u8]>::len));
        }
        meta.map_or(std::ptr::null(), <[u8]>::as_ptr)
    })
}

/// How often it has announced itself; grows with every change and refutation.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_incarnation(member: Option<&Member>) -> u32 {
    value(0, || member.map_or(0, |member| member.facts.incarnation()))
}

/// A member of your own, to be kept beyond what it was borrowed from. You free it with
/// chinwag_member_free(). NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_copy(member: Option<&Member>) -> Option<Box<Member>> {
    value(None, || member.map(|member| Box::new(Member::new(member.facts.clone()))))
}

/// Frees a member that a function gave you. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_free(member: Option<Box<Member>>) {
    value((), || drop(member));
}

/// How many members are in the list.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_list_count(list: Option<&MemberList>) -> usize {
    value(0, || list.map_or(0, |list| list.members.len()))
}

/// Member `index`, counted from 0. Borrowed from the list. NULL when there is no such member.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_list_get(
    list: Option<&MemberList>,
    index: usize,
) -> Option<&Member> {
    value(None, || list.and_then(|list| list.members.get(index)))
}

/// Frees a list that a function gave you, and the members in it. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_member_list_free(list: Option<Box<MemberList>>) {
    value((), || drop(list));
}

/// The word for any state: "alive", "suspect", "failed" or "left". Never NULL, never freed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_strstate(state: u32) -> *const c_char {
    static WORDS: LazyLock<Vec<(u32, CString)>> = LazyLock::new(|| {
        chinwag::api::STATES.iter().map(|(state, word)| (*state as u32, c_text(word))).collect()
    });
    let unknown = c"unknown state".as_ptr();
    value(unknown, || WORDS.iter().find(|row| row.0 == state).map_or(unknown, |row| row.1.as_ptr()))
}
