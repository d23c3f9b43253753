//! Servers of this node, and the messages for them.

use std::ffi::{CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Waker};
use std::time::Instant;

use chinwag::error::{Error as CoreError, ErrorKind, Remote, Result};
use chinwag::host::{Host, Serving, Streaming};
use chinwag::{Payload, Request as CoreRequest};

use crate::callbacks::{Callbacks, FreeFn, Slot, Source, TURN};
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{
    Handler, c_text, forks, given, own_process, pointer, shared, status, text, value,
};
use crate::messages::{Headers, payload_of};
use crate::node::Node;
use crate::queue::feeds::deadline;
use crate::queue::{Bell, lock};

/// A server of this node. You free it with chinwag_server_free(). It may outlive its node, and has
/// nothing to give then.
pub struct Server {
    served: Arc<Served>,
    callbacks: Arc<Callbacks>,
    bell: Arc<Bell>,
    /// Its number among the callbacks, if it is one.
    number: Option<u64>,
}

/// A message for a server. It is yours: answer it, at once or later, and free it with
/// chinwag_request_free(). Any thread may use it; what it was sent with never changes.
pub struct Request {
    /// As they were when it came.
    forks: u32,
    /// Until it is answered.
    request: Mutex<Option<CoreRequest>>,
    is_call: bool,
    pub(crate) is_stream: bool,
    /// For its stream.
    host: Weak<Host>,
    bell: Arc<Bell>,
    op: CString,
    from: CString,
    key: Option<Vec<u8>>,
    headers: Headers,
    payload: Payload,
    deadline: Option<Instant>,
}

/// Gets a message for a server: on the node's dispatcher thread, one at a time, never while a
/// callback for events runs. `request` is its own, to be freed with chinwag_request_free() then or
/// later, from any thread. What holds for a chinwag_event_fn holds for it.
pub type RequestFn = Option<unsafe extern "C" fn(request: *mut Request, user_data: *mut c_void)>;

/// How a server is served. Set what you do not need to zero: `chinwag_service s = {0};`.
#[repr(C)]
pub struct Service {
    /// Gets the messages; NULL when they are taken with chinwag_next_request().
    pub callback: RequestFn,
    /// Its data. Taken if the server is there.
    pub user_data: *mut c_void,
    /// Frees that once no message can follow; may be NULL.
    pub free_user_data: FreeFn,
    /// Messages that may wait; beyond that, callers get CHINWAG_EOVERLOADED, and casts are dropped
    /// and counted. 0 for the option "mailbox".
    pub mailbox: usize,
}

/// A server, for whoever takes its messages.
struct Served {
    serving: Serving,
    host: Weak<Host>,
    bell: Arc<Bell>,
    /// Its callback, if it has one.
    slot: Option<Slot<*mut Request>>,
}

impl Served {
    /// The next message, if there is one.
    fn take(&self) -> Result<Option<Box<Request>>> {
        // One by one: what was not taken yet can still be held back, or refused unrun.
        let mut taken = self.serving.drain(1)?;
        match taken.requests.pop() {
            Some(request) => Ok(Some(Box::new(Request::new(request, self)))),
            None if taken.ended => Err(CoreError::closed()),
            None => Ok(None),
        }
    }
}

impl Source for Served {
    fn deliver(&self, stopping: &AtomicBool) -> bool {
        let Some(slot) = &self.slot else { return false };
        for _ in 0..TURN {
            if stopping.load(Ordering::SeqCst) || slot.is_removed() {
                return false;
            }
            // An error: it was stopped, or the node is closed.
            let Ok(Some(request)) = self.take() else { return false };
            if !slot.call(|handler| handler.give(request)) {
                return false;
            }
        }
        true
    }

    fn end(&self) {
        if let Some(slot) = &self.slot {
            slot.end();
        }
    }
}

impl Server {
    fn new(node: &Node, serving: Serving, service: &Service) -> Result<Self> {
        let Service { callback, user_data, free_user_data, .. } = *service;
        let slot =
            callback.map(|callback| Slot::new(Handler::new(callback, user_data, free_user_data)));
        let (host, bell) = (Arc::downgrade(&node.host), Arc::clone(&node.bell));
        let served = Arc::new(Served { serving, host, bell, slot });
        let number = match &served.slot {
            None => None,
            Some(slot) => {
                let source = Arc::<Served>::clone(&served);
                let added = node.callbacks.add_server(source);
                Some(added.inspect_err(|_| slot.disown())?)
            }
        };
        let (callbacks, bell) = (Arc::clone(&node.callbacks), Arc::clone(&node.bell));
        Ok(Self { served, callbacks, bell, number })
    }

    fn stop(&self, reason: Option<&str>) -> Result<()> {
        // It also says if this is a forked child, where nothing else may be locked.
        match reason {
            Some(reason) => self.served.serving.stop_with(reason)?,
            None => self.served.serving.stop()?,
        }
        match self.number {
            Some(number) => self.callbacks.remove_server(number),
            // Whoever waits for a message is let go.
            None => self.bell.ring(),
        }
        Ok(())
    }
}

impl Request {
    fn new(mut request: CoreRequest, served: &Served) -> Self {
        Self {
            forks: forks(),
            is_call: request.is_call(),
            is_stream: request.is_stream(),
            host: Weak::clone(&served.host),
            bell: Arc::clone(&served.bell),
            op: c_text(request.op()),
            from: c_text(request.from()),
            key: request.key().map(<[u8]>::to_vec),
            headers: Headers::new(request.headers()),
            payload: request.take_payload(),
            deadline: request.deadline(),
            request: Mutex::new(Some(request)),
        }
    }

    fn answer(&self, answer: impl FnOnce(&CoreRequest) -> Result<Payload>) -> Result<()> {
        let bad = |message: &str| Err(CoreError::new(ErrorKind::BadArgument, message));
        own_process(self.forks)?;
        if !self.is_call {
            return bad("a cast has no answer");
        }
        let request = lock(&self.request).take();
        let Some(request) = request else { return bad("the call was answered before") };
        let told = answer(&request);
        if request.reply(told) {
            return Ok(());
        }
        Err(CoreError::new(ErrorKind::Cancelled, "nobody waits for this answer any more"))
    }

    /// The server's end of its stream.
    pub(crate) fn open_stream(&self) -> Result<(Streaming, Arc<Bell>)> {
        own_process(self.forks)?;
        let host = self.host.upgrade().ok_or_else(CoreError::closed)?;
        let request = lock(&self.request);
        let Some(request) = &*request else {
            let message = "the call was answered before";
            return Err(CoreError::new(ErrorKind::BadArgument, message));
        };
        Ok((host.stream_of(request)?, Arc::clone(&self.bell)))
    }

    fn is_given_up(&self) -> bool {
        if forks() != self.forks {
            return false;
        }
        let request = lock(&self.request);
        let Some(request) = &*request else { return false };
        let mut context = Context::from_waker(Waker::noop());
        request.is_call() && pin!(request.given_up()).poll(&mut context).is_ready()
    }
}

/// Serves a name of this node: other members find it there by that name, wherever they are. The
/// messages go to the callback of `service`, or, without one or when that is NULL, wait for
/// chinwag_next_request().
///
/// `server` is yours: free it with chinwag_server_free(), which takes the server off. It may be
/// NULL if there is a callback: then the server lasts until the node is closed.
///
/// CHINWAG_ESERVEREXISTS when this node has one of that name, which stays; CHINWAG_EBADARGUMENT
/// for what is no name: 1 to 64 letters, digits and ._:/-
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_serve(
    node: *mut Node,
    name: *const c_char,
    service: Option<&Service>,
    server: Option<&mut MaybeUninit<*mut Server>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or text.
        let name = unsafe { text(name, "name") }?;
        let service = service.unwrap_or(&Service::BY_HAND);
        if service.callback.is_none() {
            given(server.as_ref(), "server")?;
        }
        let mailbox = Some(service.mailbox).filter(|messages| *messages > 0);
        let serving = node.host.serve(name, mailbox, "c")?;
        let made = Server::new(node, serving, service)?;
        if let Some(server) = server {
            server.write(Box::into_raw(Box::new(made)));
        }
        Ok(())
    })
}

impl Service {
    const BY_HAND: Self =
        Self { callback: None, user_data: std::ptr::null_mut(), free_user_data: None, mailbox: 0 };
}

/// Holds messages back, up to what the mailbox takes.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_server_pause(server: *mut Server) -> Status {
    status(None, || shared(server, "server")?.served.serving.pause(true))
}

/// Hands messages over again.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_server_resume(server: *mut Server) -> Status {
    status(None, || shared(server, "server")?.served.serving.pause(false))
}

/// Takes the server off: what waits is answered with CHINWAG_ENOSERVER, and what was handed out can
/// not be answered any more. When this returns, its callback does not run and will not run again,
/// and its data is freed; so do not hold a lock that it waits for. From within a callback it does
/// not wait: then that holds once the running callback has returned. Stopping again does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_server_stop(server: *mut Server) -> Status {
    status(None, || shared(server, "server")?.stop(None))
}

/// As chinwag_server_stop(), with last words: `reason` goes to those who follow the server and to
/// those whose calls wait. 256 bytes of it reach other members.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_server_stop_with(server: *mut Server, reason: *const c_char) -> Status {
    status(None, || {
        let server = shared(server, "server")?;
        // SAFETY: C passes NULL or text.
        server.stop(Some(unsafe { text(reason, "reason") }?))
    })
}

/// Stops the server if it is not stopped, and frees it. It must be the last call with this server.
/// NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_server_free(server: Option<Box<Server>>) {
    value((), || {
        let Some(server) = server else { return };
        if server.stop(None).is_err() {
            // Whatever a thread of the parent had locked stays locked here for ever.
            std::mem::forget(server);
        }
    });
}

/// Takes the next message for a server that has no callback. Waits for it up to `timeout_ms`
/// milliseconds; 0 does not wait, a negative number waits for ever. Several threads may do so at
/// the same time: each gets messages of its own. `request` is yours: free it with
/// chinwag_request_free().
///
/// CHINWAG_ETIMEOUT when none came in time, CHINWAG_ECLOSED when none will come any more: the
/// server was stopped, or the node closed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_next_request(
    server: *mut Server,
    timeout_ms: i32,
    request: Option<&mut MaybeUninit<*mut Request>>,
) -> Status {
    status(None, || {
        let (server, out) = (shared(server, "server")?, given(request, "request")?);
        if server.number.is_some() {
            let message = "the messages of this server go to its callback";
            return Err(CoreError::new(ErrorKind::BadArgument, message));
        }
        let deadline = deadline(timeout_ms);
        loop {
            let seen = server.bell.count();
            if let Some(request) = server.served.take()? {
                out.write(Box::into_raw(request));
                return Ok(());
            }
            if !server.bell.wait(seen, deadline) {
                return Err(CoreError::new(ErrorKind::Timeout, "no message came in time"));
            }
        }
    })
}

/// Whether an answer is wanted; a cast wants none. False for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_is_call(request: Option<&Request>) -> bool {
    value(false, || request.is_some_and(|request| request.is_call))
}

/// What is asked or told. Borrowed from the request. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_op(request: Option<&Request>) -> *const c_char {
    value(std::ptr::null(), || pointer(request.map(|request| &*request.op)))
}

/// The member that sent it. Borrowed from the request. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_from(request: Option<&Request>) -> *const c_char {
    value(std::ptr::null(), || pointer(request.map(|request| &*request.from)))
}

/// The key after "#", where it was sent to the owner of one; `length`, which may be NULL, is set to
/// its bytes. Borrowed from the request. NULL when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_key(
    request: Option<&Request>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    value(std::ptr::null(), || {
        let key = request.and_then(|request| request.key.as_deref());
        if let Some(length) = length {
            length.write(key.map_or(0, <[u8]>::len));
        }
        key.map_or(std::ptr::null(), <[u8]>::as_ptr)
    })
}

/// The header of that name. Borrowed from the request. NULL when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_header(
    request: Option<&Request>,
    name: *const c_char,
) -> *const c_char {
    value(std::ptr::null(), || {
        // SAFETY: C passes NULL or text.
        pointer(request.and_then(|request| unsafe { request.headers.get(name) }))
    })
}

/// How many headers there are.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_header_count(request: Option<&Request>) -> usize {
    value(0, || request.map_or(0, |request| request.headers.count()))
}

/// The name of header `index`, counted from 0. Borrowed from the request. NULL when there is no
/// such header.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_header_name(
    request: Option<&Request>,
    index: usize,
) -> *const c_char {
    value(std::ptr::null(), || pointer(request.and_then(|request| request.headers.name(index))))
}

/// What came with it; `length`, which may be NULL, is set to its bytes. Borrowed from the request.
/// NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_payload(
    request: Option<&Request>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    value(std::ptr::null(), || {
        let bytes = request.map(|request| &*request.payload.bytes);
        if let Some(length) = length {
            length.write(bytes.map_or(0, <[u8]>::len));
        }
        bytes.map_or(std::ptr::null(), <[u8]>::as_ptr)
    })
}

/// How the payload is encoded, such as CHINWAG_CODEC_MSGPACK; -1 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_codec(request: Option<&Request>) -> i32 {
    value(-1, || request.map_or(-1, |request| request.payload.codec.into()))
}

/// What is left of the caller's time, in milliseconds: give it to the calls that you make for the
/// answer. 0 when it is over, -1 when there is no end.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_remaining_ms(request: Option<&Request>) -> i64 {
    value(-1, || {
        let Some(deadline) = request.and_then(|request| request.deadline) else { return -1 };
        let left = deadline.saturating_duration_since(Instant::now());
        i64::try_from(left.as_millis()).unwrap_or(i64::MAX)
    })
}

/// Whether nobody waits for the answer any more: the time is over, the caller has given the call up
/// or is gone, or the server or the node is. False for a cast, and once it was answered.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_given_up(request: Option<&Request>) -> bool {
    value(false, || request.is_some_and(Request::is_given_up))
}

/// Answers a call with a payload, in the codec that it came in unless you have agreed on another;
/// NULL answers with nothing, which other languages see as nil. The request is still to be freed.
///
/// CHINWAG_ECANCELLED when nobody waits for it any more; CHINWAG_EBADARGUMENT for a second answer
/// and for that of a cast, which reach nobody.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_reply(
    request: *mut Request,
    payload: *const u8,
    length: usize,
    codec: u8,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let request = shared(request, "request")?;
        // SAFETY: C passes NULL or that many bytes.
        let payload = unsafe { payload_of(payload, length, codec) }?;
        request.answer(|_| Ok(payload))
    })
}

/// Answers a call with a CHINWAG_EREMOTEERROR: `class` is the type of the error, such as
/// "OutOfStock", and `message` says what is wrong.
///
/// As for chinwag_request_reply().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_fail(
    request: *mut Request,
    class: *const c_char,
    message: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let request = shared(request, "request")?;
        // SAFETY: C passes NULL or text.
        let (class, message) = unsafe { (text(class, "class")?, text(message, "message")?) };
        request.answer(|_| {
            Err(CoreError::remote_error(Remote {
                language: "c".to_owned(),
                class: class.to_owned(),
                message: message.to_owned(),
                ..Remote::default()
            }))
        })
    })
}

/// Answers a call with a CHINWAG_EUNKNOWNOP: the server has no operation of that name.
///
/// As for chinwag_request_reply().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_unknown_op(
    request: *mut Request,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        shared(request, "request")?.answer(|request| {
            let message = format!("the server has no operation \"{}\"", request.op());
            Err(CoreError::new(ErrorKind::UnknownOp, message))
        })
    })
}

/// Frees a request; a call that was not answered is answered with a CHINWAG_EREMOTEERROR of the
/// class "Unanswered". NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_free(request: Option<Box<Request>>) {
    value((), || {
        let Some(request) = request else { return };
        if forks() != request.forks {
            // To answer takes a lock, which may be held for ever here.
            std::mem::forget(request);
        }
    });
}
