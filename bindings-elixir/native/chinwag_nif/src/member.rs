//! Members as flat tuples. `lib/chinwag/native/packed.ex` makes the structs: there the keys are
//! literals, which costs less than a map made here, and are not copied with every message.

use std::cell::RefCell;

use chinwag::Member;
use chinwag::host::{push_addr, tag_pairs};
use rustler::{Encoder, Env, NewBinary, Term};

/// `{name, addr, state, tags, meta, incarnation, versions}`: the state and the versions as numbers.
pub(crate) fn encode<'a>(env: Env<'a>, member: &Member) -> Term<'a> {
    facts(env, member, member.name().encode(env), addr(env, member))
}

/// A member as it is and as it was, who have most in common.
pub(crate) fn pair<'a>(env: Env<'a>, now: &Member, was: &Member) -> (Term<'a>, Term<'a>) {
    let (name, now_at) = (now.name().encode(env), addr(env, now));
    let was_at = if now.addr() == was.addr() { now_at } else { addr(env, was) };
    (facts(env, now, name, now_at), facts(env, was, name, was_at))
}

/// A list of members.
pub(crate) fn list<'a>(env: Env<'a>, members: &[Member]) -> Term<'a> {
    let members: Vec<Term<'a>> = members.iter().map(|member| encode(env, member)).collect();
    members.encode(env)
}

fn facts<'a>(env: Env<'a>, member: &Member, name: Term<'a>, addr: Term<'a>) -> Term<'a> {
    let versions = member.versions().iter().fold(0, |sum, v| sum << 8 | u64::from(*v));
    let (state, meta) = (member.state() as u8, bytes(env, member.meta()));
    (name, addr, state, tags(env, member), meta, member.incarnation(), versions).encode(env)
}

fn addr<'a>(env: Env<'a>, member: &Member) -> Term<'a> {
    thread_local! {
        // Every member has an address: allocating for each would cost as much as writing it.
        static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
    }
    TEXT.with_borrow_mut(|text| {
        text.clear();
        push_addr(text, member.addr());
        text.as_str().encode(env)
    })
}

/// Tags that are put into a map one by one. More are worth the four vectors that it takes to make
/// a map of them at once.
const FEW: usize = 2;

fn tags<'a>(env: Env<'a>, member: &Member) -> Term<'a> {
    let mut pairs = tag_pairs(member);
    let map = Term::map_new(env);
    let made = if pairs.len() <= FEW {
        pairs.try_fold(map, |map, (key, value)| map.map_put(key.as_ref(), value.as_ref()))
    } else {
        let (keys, values): (Vec<Term<'a>>, Vec<Term<'a>>) =
            pairs.map(|(key, value)| (key.encode(env), value.encode(env))).unzip();
        Term::map_from_term_arrays(env, &keys, &values)
    };
    made.unwrap_or(map)
}

pub(crate) fn bytes<'a>(env: Env<'a>, bytes: &[u8]) -> Term<'a> {
    NewBinary::from_slice(env, bytes).into()
}
