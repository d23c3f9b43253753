//! Topics: what is published, and subscribers.

use std::ffi::{CString, c_char, c_void};
use std::mem::MaybeUninit;

use chinwag::error::{Error as CoreError, Result};
use chinwag::host::{Answer as Value, Subscribed};
use chinwag::{Published as CorePublished, Subscribing};

use crate::answer::Answer;
use crate::callbacks::FreeFn;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{c_text, given, optional_text, pointer, shared, status, text, value};
use crate::messages::{Headers, headers_of, payload_of};
use crate::node::{Node, Tag};
use crate::queue::feeds::{self, Feed, Flow, told};

/// Something to publish. Set what you do not need to zero: `chinwag_publication p = {0};`.
#[repr(C)]
pub struct Publication {
    /// Where: a name as a server's is, of 1 to 64 letters, digits and ._:/-
    pub topic: *const c_char,
    /// What; NULL for nothing, which other languages see as nil, whatever the codec.
    pub payload: *const u8,
    /// Bytes of that.
    pub length: usize,
    /// Texts that go along, such as "traceparent": 4,096 bytes at most in all.
    pub headers: *const Tag,
    /// How many of these.
    pub header_count: usize,
    /// How the payload is encoded: CHINWAG_CODEC_MSGPACK for what a chinwag_payload wrote.
    pub codec: u8,
    /// It is about a state, so a newer one of the topic takes its place while it waits to be sent.
    pub latest: bool,
}

/// Gets what is published: on the node's dispatcher thread, one at a time. `published` is borrowed
/// until it returns. What holds for a chinwag_event_fn holds for it.
pub type PublishedFn =
    Option<unsafe extern "C" fn(published: *const Published, user_data: *mut c_void)>;

/// How a topic is subscribed to. Set what you do not need to zero, as in
/// `chinwag_subscription s = {0};`.
#[repr(C)]
pub struct Subscription {
    /// Each queue gets everything once, and its subscribers, on whatever members they are, share
    /// that. NULL: the subscriber gets everything.
    pub queue: *const c_char,
    /// Publications that may wait; who is slower misses the oldest. 0 for 1024.
    pub buffer: usize,
    /// Gets them; NULL when they are taken with chinwag_next_published().
    pub callback: PublishedFn,
    /// Its data. Taken if the subscriber is there.
    pub user_data: *mut c_void,
    /// Frees that once nothing can follow; may be NULL.
    pub free_user_data: FreeFn,
}

/// A subscriber of a topic. You free it with chinwag_subscriber_free(). It may outlive its node,
/// and has nothing to give then.
pub struct Subscriber {
    feed: Feed<Subscribed>,
}

/// Something that was published. It never changes; any thread may read it.
///
/// In a callback it is borrowed until the callback returns; one that a function gave you is freed
/// with chinwag_published_free().
pub struct Published {
    published: CorePublished,
    topic: CString,
    from: CString,
    headers: Headers,
}

impl Flow for Subscribed {
    type Item = Published;

    fn take(&mut self) -> Result<Option<Published>> {
        // One by one: what was not taken yet is dropped by the node, which counts it.
        let mut taken = self.drain(1)?;
        match taken.published.pop() {
            Some(published) => Ok(Some(Published::new(published))),
            None if taken.ended => Err(CoreError::closed()),
            None => Ok(None),
        }
    }
}

impl Published {
    fn new(published: CorePublished) -> Self {
        let (topic, from) = (c_text(published.topic()), c_text(published.from()));
        let headers = Headers::new(published.headers());
        Self { published, topic, from, headers }
    }
}

impl Subscription {
    const BY_HAND: Self = Self {
        queue: std::ptr::null(),
        buffer: 0,
        callback: None,
        user_data: std::ptr::null_mut(),
        free_user_data: None,
    };
}

/// Sends something to everybody who subscribes to a topic, on whatever members, this one included.
/// Nothing is stored for who subscribes later. It never waits: what there is no room for on the way
/// to one member is dropped there and counted, and the others get it. `count`, which may be NULL,
/// is set to how many members it was sent to.
///
/// CHINWAG_EBADARGUMENT for what is no name of a topic, CHINWAG_ETOOLARGE: nothing was sent then.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_publish(
    node: *mut Node,
    publication: Option<&Publication>,
    count: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, said) = (shared(node, "node")?, given(publication, "publication")?);
        // SAFETY: C passes what the comments of the fields say.
        let (topic, headers, payload) = unsafe {
            (
                text(said.topic, "topic")?,
                headers_of(said.headers, said.header_count)?,
                payload_of(said.payload, said.length, said.codec)?,
            )
        };
        let sent = node.host.publish(topic, &headers, payload, said.latest)?;
        if let Some(count) = count {
            count.write(sent);
        }
        Ok(())
    })
}

/// Subscribes to exactly that topic, from now on. What is published goes to the callback of
/// `subscription`, or, without one or when that is NULL, waits for chinwag_next_published(). The
/// others hear of it within milliseconds.
///
/// `subscriber` is yours: free it with chinwag_subscriber_free(), which ends it. It may be NULL if
/// there is a callback: then it lasts until the node is closed.
///
/// CHINWAG_EBADARGUMENT for what is no name of a topic or of a queue.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_subscribe_topic(
    node: *mut Node,
    topic: *const c_char,
    subscription: Option<&Subscription>,
    subscriber: Option<&mut MaybeUninit<*mut Subscriber>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        let how = subscription.unwrap_or(&Subscription::BY_HAND);
        // SAFETY: C passes NULL or text.
        let (topic, queue) = unsafe { (text(topic, "topic")?, optional_text(how.queue, "queue")?) };
        if how.callback.is_none() {
            given(subscriber.as_ref(), "subscriber")?;
        }
        let mut asked = Subscribing { queue: queue.map(str::to_owned), ..Subscribing::default() };
        if how.buffer > 0 {
            asked.buffer = how.buffer;
        }
        let subscribed = node.host.subscribe_topic(topic, &asked)?;
        let slot = told(how.callback, how.user_data, how.free_user_data);
        let made = Subscriber { feed: Feed::new(node, subscribed, slot)? };
        if let Some(subscriber) = subscriber {
            subscriber.write(Box::into_raw(Box::new(made)));
        }
        Ok(())
    })
}

/// Takes the next publication for a subscriber that has no callback. Waits for it up to
/// `timeout_ms` milliseconds; 0 does not wait, a negative number waits for ever. Several threads
/// may do so at the same time: each gets publications of its own. `published` is yours: free it
/// with chinwag_published_free().
///
/// CHINWAG_ETIMEOUT when none came in time, CHINWAG_ECLOSED when none will come any more: the
/// subscriber was closed, or the node.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_next_published(
    subscriber: *mut Subscriber,
    timeout_ms: i32,
    published: Option<&mut MaybeUninit<*mut Published>>,
) -> Status {
    status(None, || {
        let subscriber = shared(subscriber, "subscriber")?;
        let out = given(published, "published")?;
        out.write(Box::into_raw(Box::new(subscriber.feed.next(timeout_ms)?)));
        Ok(())
    })
}

/// How many publications it has missed in all, because it was slow. 0 for NULL, and once it is
/// closed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_subscriber_missed(subscriber: *mut Subscriber) -> u64 {
    let missed = || shared(subscriber, "subscriber").ok()?.feed.ask(Subscribed::missed)?.ok();
    value(0, || missed().unwrap_or(0))
}

/// Subscribes no longer; what waits is dropped. When this returns, its callback does not run and
/// will not run again, and its data is freed; so do not hold a lock that it waits for. From within
/// a callback it does not wait: then that holds once the running callback has returned. Closing
/// again does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_subscriber_close(subscriber: *mut Subscriber) -> Status {
    status(None, || shared(subscriber, "subscriber")?.feed.close())
}

/// Closes the subscriber if it is not closed, and frees it. It must be the last call with this
/// subscriber. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_subscriber_free(subscriber: Option<Box<Subscriber>>) {
    value((), || feeds::free(subscriber, |subscriber| subscriber.feed.close()));
}

/// The topic. Borrowed. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_published_topic(published: Option<&Published>) -> *const c_char {
    value(std::ptr::null(), || pointer(published.map(|published| &*published.topic)))
}

/// The member that published it. Borrowed. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_published_from(published: Option<&Published>) -> *const c_char {
    value(std::ptr::null(), || pointer(published.map(|published| &*published.from)))
}

/// What was published; `length`, which may be NULL, is set to its bytes. Borrowed. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_published_payload(
    published: Option<&Published>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    value(std::ptr::null(), || {
        let bytes = published.map(|published| &*published.published.payload().bytes);
        if let Some(length) = length {
            length.write(bytes.map_or(0, <[u8]>::len));
        }
        bytes.map_or(std::ptr::null(), <[u8]>::as_ptr)
    })
}

/// How the payload is encoded, such as CHINWAG_CODEC_MSGPACK; -1 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_published_codec(published: Option<&Published>) -> i32 {
    value(-1, || published.map_or(-1, |published| published.published.payload().codec.into()))
}

/// How many publications the subscriber has missed just before this one, because it was slow. 0 for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_published_missed(published: Option<&Published>) -> u64 {
    value(0, || published.map_or(0, |published| published.published.missed()))
}

/// The header of that name. Borrowed. NULL when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_published_header(
    published: Option<&Published>,
    name: *const c_char,
) -> *const c_char {
    value(std::ptr::null(), || {
        // SAFETY: C passes NULL or text.
        pointer(published.and_then(|published| unsafe { published.headers.get(name) }))
    })
}

/// How many headers there are.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_published_header_count(published: Option<&Published>) -> usize {
    value(0, || published.map_or(0, |published| published.headers.count()))
}

/// The name of header `index`, counted from 0. Borrowed. NULL when there is no such header.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_published_header_name(
    published: Option<&Published>,
    index: usize,
) -> *const c_char {
    value(std::ptr::null(), || {
        pointer(published.and_then(|published| published.headers.name(index)))
    })
}

/// Frees a publication that a function gave you. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_published_free(published: Option<Box<Published>>) {
    value((), || drop(published));
}

/// Which members have subscribers of a topic, this one included, as a list of their names in order.
/// `answer` is yours: free it with chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_subscribers(
    node: Option<&Node>,
    topic: *const c_char,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes NULL or text.
        let members = node.host.subscribers(unsafe { text(topic, "topic") }?)?;
        let names = members.into_iter().map(Value::Text).collect();
        out.write(Answer::boxed(Value::List(names)));
        Ok(())
    })
}

/// Every topic that somebody subscribes to, as far as this node knows, as a map of its name to a
/// count: how many members do. `answer` is yours: free it with chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_topics(
    node: Option<&Node>,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(answer, "answer")?);
        let topics = node.host.topics()?.into_iter();
        let counts = topics.map(|(name, count)| (name, Value::from(count))).collect();
        out.write(Answer::boxed(Value::Map(counts)));
        Ok(())
    })
}
