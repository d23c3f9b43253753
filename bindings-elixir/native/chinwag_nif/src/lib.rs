//! The NIF behind `Chinwag.Native`: a node as a resource of the BEAM.
//!
//! No function here waits on a scheduler. Events are taken by the owner, once a message has told it
//! that there are some. What takes its time is submitted to the core and answered by a message from
//! the node's dispatcher thread. It and the core's thread only ever send to the BEAM.
//! A panic in any of these functions becomes an `ErlangError`: rustler sees to it, and `direct`.

mod answer;
mod clock;
mod config;
mod direct;
mod error;
mod events;
mod member;
mod messages;
mod node;
mod payload;
mod ring;
mod state;

use rustler::{Atom, Encoder, Env, NifResult, Term};

mod atoms {
    rustler::atoms! {
        __exception__,
        __struct__,
        after,
        attempts,
        before,
        bytes,
        calendar,
        class,
        clusterluck,
        code,
        concurrent,
        date_time = "Elixir.DateTime",
        day,
        deleted,
        down = "DOWN",
        ended,
        equal,
        error,
        error_module = "Elixir.Chinwag.Error",
        events,
        hour,
        infinity,
        iso = "Elixir.Calendar.ISO",
        join,
        ketama,
        known,
        language,
        large,
        later,
        leave,
        lost,
        maybe_executed,
        message,
        microsecond,
        minute,
        month,
        more,
        moved,
        native_module = "Elixir.Chinwag.Native",
        nil,
        noconnection,
        node,
        noproc,
        normal,
        number,
        ok,
        process,
        published,
        put,
        ready,
        remote,
        replay_done,
        requests,
        retryable,
        second,
        set_meta,
        set_tags,
        slots,
        slow,
        stack,
        std_offset,
        stopped,
        stuck,
        time_zone,
        turn,
        update_tags,
        utc_offset,
        watched,
        year,
        zone_abbr,
    }
}

/// A word of the core's tables as an atom; kebab case becomes snake case.
fn word<'a>(env: Env<'a>, text: &str) -> Term<'a> {
    let atom = Atom::from_str(env, &text.replace('-', "_"));
    atom.map_or_else(|_| text.encode(env), |atom| atom.to_term(env))
}

/// Panics on purpose: a test shows with it what comes of a panic.
#[rustler::nif]
fn panic(message: &str) -> Atom {
    std::panic::panic_any(message.to_owned())
}

/// As `panic`, where `direct!` stops it.
fn panic_direct<'a>(_env: Env<'a>, [message]: [Term<'a>; 1]) -> NifResult<Term<'a>> {
    std::panic::panic_any(message.decode::<String>()?)
}
direct::direct!(panic_direct);

rustler::init!("Elixir.Chinwag.Native");
