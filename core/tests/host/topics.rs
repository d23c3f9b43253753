//! Subscribers, as a language binding has them.

use chinwag::{Payload, Subscribing};

use super::start;

#[test]
fn a_subscriber_that_is_closed_still_says_how_many_it_missed() {
    let (host, _woken) = start("a", 64);
    let how = Subscribing { buffer: 2, ..Subscribing::default() };
    let mut slow = host.subscribe_topic("t", &how).expect("a name of a topic");
    for number in 0..5_i64 {
        let payload = Payload::encode(&number.into()).expect("it can be said");
        assert_eq!(host.publish("t", &[], payload, false).expect("no fork"), 1);
    }
    let taken = slow.drain(64).expect("no fork");
    assert_eq!((taken.published.len(), slow.missed().expect("no fork")), (2, 3));
    slow.close().expect("no fork");
    assert_eq!(slow.missed().expect("no fork"), 3);
    assert!(slow.drain(64).expect("no fork").ended);
    slow.close().expect("it was closed before");
    assert_eq!(slow.missed().expect("no fork"), 3);
}
