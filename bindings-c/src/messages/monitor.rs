//! Servers that are followed until they are down, and how the loops of members do.

use std::ffi::{CStr, c_char, c_void};
use std::mem::MaybeUninit;

use chinwag::LoopState;

use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{Handler, given, pointer, shared, status, text};
use crate::node::Node;
use crate::talk::outcomes::OutcomeFn;

/// Follows a server until it is down, wherever it is: the one to which a call would go now. One
/// that is started again under its name is another. `callback` is told once; when it is
/// NULL, chinwag_next_outcome() gives that. `monitor`, which may be NULL, is set to a number for
/// chinwag_call_cancel(), which ends it with the outcome CHINWAG_ECANCELLED; it is that of
/// chinwag_outcome_call(), and is written before the callback can run.
///
/// The answer of the outcome is a record: "server", the text of its name; "member", the text of its
/// member's name, or none where there was none; "reason", one of the texts "no_server", "stopped",
/// "node_failed", "node_left", "moved" (the key has another owner) and "closed" (this node is); and
/// "text", what there is to say about it, often empty. A bad target is an outcome, too, and so is
/// CHINWAG_EOVERLOADED beyond 65,536 monitors.
///
/// On failure nothing was begun, and the callback is not called: CHINWAG_ECLOSED,
/// CHINWAG_EBADARGUMENT.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_monitor(
    node: *mut Node,
    target: *const c_char,
    callback: OutcomeFn,
    user_data: *mut c_void,
    monitor: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or text.
        let target = unsafe { text(target, "target") }?;
        if callback.is_some() && !node.host.is_closed()? {
            node.callbacks.start()?;
        }
        let id = node.host.monitor(target)?;
        if let Some(monitor) = monitor {
            monitor.write(id);
        }
        let handler = callback.map(|callback| Handler::new(callback, user_data, None));
        node.outcomes.promise(id, handler, &node.bell)
    })
}

/// How the loop of a present member does on which it runs its users' code: "ok", "slow", or "stuck"
/// when it has not turned for the option "loop_stuck". In C that is the thread of the callbacks,
/// once there is one. `state` is set to such a text, which is never freed, or to NULL when there is
/// no such member.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_loop_state(
    node: Option<&Node>,
    member: *const c_char,
    state: Option<&mut MaybeUninit<*const c_char>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(state, "state")?);
        // SAFETY: C passes NULL or text.
        let state = node.host.loop_state(unsafe { text(member, "member") }?)?;
        out.write(pointer(state.map(word)));
        Ok(())
    })
}

const fn word(state: LoopState) -> &'static CStr {
    match state {
        LoopState::Ok => c"ok",
        LoopState::Slow => c"slow",
        LoopState::Stuck => c"stuck",
    }
}
