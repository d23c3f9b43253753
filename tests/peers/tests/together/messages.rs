//! Messages, keys and topics of ours in clusters that others are in as well: neither side minds.

use std::time::Duration;

use chinwag::host::{Answer, Message, Op, Serving, Subscribed};
use chinwag::{Payload, Subscribing};
use chinwag_peers::go::{AGENT, Go, OLD_AGENT};
use chinwag_peers::ours::Ours;
use chinwag_peers::serf::Serf;
use chinwag_peers::{eventually, present};

/// Keys that each of ours has, and the bytes of each: more than a datagram holds, many times over.
const KEYS: usize = 200;
const VALUE: usize = 1_000;
const ENCRYPTED: &[(&str, &str)] = &[("keys", "MDEyMzQ1Njc4OWFiY2RlZg==")];

/// Two of ours, who have met through somebody else, with all that there is to say.
struct Pair {
    one: Ours,
    two: Ours,
    serving: Serving,
    subscribed: Subscribed,
}

impl Pair {
    fn start(seed: &str, options: &[(&str, &str)]) -> Self {
        let [one, two] = ["ours-1", "ours-2"].map(|name| Ours::start(name, &[seed], options));
        for ours in [&one, &two] {
            for key in 0..KEYS {
                let put = Op::Put(format!("key-{key}"), vec![7; VALUE], None);
                ours.run(put).expect("it fits");
            }
        }
        let serving = two.host().serve("echo", None, "rust").expect("a free name");
        let subscribed = two.host().subscribe_topic("news", &Subscribing::default());
        Self { one, two, serving, subscribed: subscribed.expect("a name") }
    }

    /// Each has all keys of the other, and a call and a publication come.
    fn talk(&self, turn: u8) {
        for ours in [&self.one, &self.two] {
            eventually("all keys are known", || {
                let entries = ours.host().entries("key-").expect("no fork");
                (entries.len() == 2 * KEYS).then_some(())
            });
        }
        eventually("the server and the subscriber are known", || {
            let host = self.one.host();
            let hosts = [host.hosts("echo").ok()?, host.subscribers("news").ok()?];
            hosts.iter().all(|hosts| hosts == &["ours-2"]).then_some(())
        });
        let timeout = Some(Duration::from_secs(30));
        let message = Message { target: "echo", op: "echo", timeout, ..Message::default() };
        let asked = Payload::raw(vec![turn; 100_000]);
        let call = self.one.host().call(&message, asked.clone()).expect("it is sent");
        let answer = eventually("the answer comes", || {
            for request in self.serving.drain(16).expect("no fork").requests {
                let payload = request.payload().clone();
                request.reply(Ok(payload));
            }
            let done = self.one.host().completions(16).expect("no fork");
            done.into_iter().find(|done| done.id == call).map(|done| done.result)
        });
        assert!(matches!(answer, Ok(Answer::Payload(payload)) if payload == asked));
        let sent = self.one.host().publish("news", &[], Payload::raw([turn]), false);
        assert_eq!(sent.expect("it is sent"), 1);
        eventually("the publication comes", || {
            let taken = self.subscribed.drain(16).expect("no fork").published;
            taken.iter().any(|news| news.payload().bytes == [turn]).then_some(())
        });
    }

    /// Nothing that came was strange, and nobody was taken for dead.
    fn is_well(&self) {
        for ours in [&self.one, &self.two] {
            let stats = ours.stats();
            assert_eq!((stats.packets_malformed, stats.frames_malformed), (0, 0));
        }
    }
}

fn beside_go(agent: &str, options: &[(&str, &str)], more: &str) {
    if !present(agent) {
        return;
    }
    let mut first = Go::start_with(agent, "go-1", None, more);
    let ours = Pair::start(&first.addr, options);
    ours.talk(1);
    // Who joins exchanges whole states with one that has keys.
    let mut second = Go::start_with(agent, "go-2", Some(&ours.one.addr()), more);
    let mut third = Go::start_with(agent, "go-3", Some(&ours.two.addr()), more);
    let names = ["go-1", "go-2", "go-3", "ours-1", "ours-2"];
    for go in [&mut first, &mut second, &mut third] {
        eventually("memberlist lists all", || go.members().keys().eq(names).then_some(()));
    }
    ours.one.tag("mood", "cheerful");
    assert!(third.expect("member-update", "ours-1").contains("tag.mood=cheerful"));
    ours.talk(2);
    ours.is_well();
    let Pair { one, two, .. } = ours;
    two.crash();
    first.expect("member-failed", "ours-2");
    eventually("its keys are gone", || {
        let entries = one.host().entries("key-").expect("no fork");
        (entries.len() == KEYS).then_some(())
    });
    one.leave();
    second.expect("member-leave", "ours-1");
}

#[test]
fn beside_the_newest_memberlist() {
    beside_go(AGENT, &[], "");
}

#[test]
fn beside_an_old_memberlist() {
    beside_go(OLD_AGENT, &[], "");
}

#[test]
fn beside_memberlist_with_a_key() {
    beside_go(AGENT, ENCRYPTED, " opt.keys=MDEyMzQ1Njc4OWFiY2RlZg%3D%3D");
}

#[test]
fn beside_serf() {
    if !present("serf") {
        return;
    }
    let first = Serf::start("serf-1", None, &[]);
    let ours = Pair::start(&first.addr, &[("delegate_versions", "2,5,5")]);
    ours.talk(1);
    let second = Serf::start("serf-2", Some(&ours.two.addr()), &[]);
    for serf in [&first, &second] {
        for name in ["serf-1", "serf-2", "ours-1", "ours-2"] {
            serf.expect(name, "alive");
        }
    }
    ours.talk(2);
    ours.is_well();
    let Pair { one, two, .. } = ours;
    two.leave();
    first.expect("ours-2", "left");
    one.crash();
    second.expect("ours-1", "failed");
    for serf in [&first, &second] {
        let errors: Vec<_> = serf.log().into_iter().filter(|line| line.contains("[ERR]")).collect();
        let ours = |line: &String| !line.contains("Failed fallback ping");
        assert!(!errors.iter().any(ours), "{errors:?}");
    }
}
