//! Members as `Chinwag.Member` structs.

use chinwag::Member;
use rustler::{Binary, Encoder, Env, NewBinary, Term, term_map};

use crate::{atoms, word};

/// `%Chinwag.Member{}`.
pub(crate) fn encode<'a>(env: Env<'a>, member: &Member) -> Term<'a> {
    let versions: Vec<Term<'a>> = member.versions().iter().map(|v| v.encode(env)).collect();
    term_map!(env, {
        atoms::__struct__() => atoms::member_module(),
        atoms::name() => member.name(),
        atoms::addr() => member.addr().to_string(),
        atoms::state() => word(env, member.state().as_str()),
        atoms::tags() => tags(env, member),
        atoms::meta() => binary(env, member.meta()),
        atoms::incarnation() => member.incarnation(),
        atoms::versions() => versions,
    })
}

/// A list of `%Chinwag.Member{}`.
pub(crate) fn list<'a>(env: Env<'a>, members: &[Member]) -> Term<'a> {
    let members: Vec<Term<'a>> = members.iter().map(|member| encode(env, member)).collect();
    members.encode(env)
}

fn tags<'a>(env: Env<'a>, member: &Member) -> Term<'a> {
    let (keys, values): (Vec<String>, Vec<String>) = member.tags().into_iter().unzip();
    Term::map_from_arrays(env, &keys, &values).unwrap_or_else(|_| Term::map_new(env))
}

fn binary<'a>(env: Env<'a>, bytes: &[u8]) -> Term<'a> {
    Binary::from(NewBinary::from_slice(env, bytes)).to_term(env)
}
