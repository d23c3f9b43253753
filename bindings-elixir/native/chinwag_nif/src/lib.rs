//! The NIF behind `Chinwag.Native`: a node as a resource of the BEAM.
//!
//! No function here waits on a scheduler. What takes its time is submitted to the core and answered
//! by a message; events go to the owner by message, within the credit that it has granted. Messages
//! are sent by one dispatcher thread a node, the only thread that enters the BEAM from outside.
//! rustler turns a panic in any of these functions into an `ErlangError`.

mod config;
mod error;
mod events;
mod member;
mod node;

use rustler::{Atom, Encoder, Env, Term};

mod atoms {
    rustler::atoms! {
        __exception__,
        __struct__,
        addr,
        attempts,
        code,
        ended,
        error,
        error_module = "Elixir.Chinwag.Error",
        events,
        incarnation,
        join,
        known,
        large,
        leave,
        member_module = "Elixir.Chinwag.Member",
        members,
        message,
        meta,
        name,
        native_module = "Elixir.Chinwag.Native",
        nil,
        number,
        ok,
        ready,
        retryable,
        set_meta,
        set_tags,
        state,
        tags,
        update_tags,
        versions,
    }
}

/// A word of the core's tables as an atom; kebab case becomes snake case.
fn word<'a>(env: Env<'a>, text: &str) -> Term<'a> {
    let atom = Atom::from_str(env, &text.replace('-', "_"));
    atom.map_or_else(|_| text.encode(env), |atom| atom.to_term(env))
}

rustler::init!("Elixir.Chinwag.Native");
