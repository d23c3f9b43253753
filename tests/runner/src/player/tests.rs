//! The player against agents whose every word is written here.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::time::Duration;

use super::Player;
use crate::scenario::Scenario;
use crate::world::{Spoken, Strike, Words, World};

/// Agents that answer each command with the next lines of a script, and a clock that only moves
/// when somebody waits in vain.
struct Script {
    replies: Vec<(&'static str, &'static [&'static str])>,
    said: VecDeque<Spoken>,
    up: BTreeSet<String>,
    now: Duration,
}

impl Script {
    /// Each reply is to a command `node word`, in order; its lines are `node line`.
    fn new(replies: &[(&'static str, &'static [&'static str])]) -> Self {
        let (said, up, now) = (VecDeque::new(), BTreeSet::new(), Duration::ZERO);
        Self { replies: replies.to_vec(), said, up, now }
    }
}

impl World for Script {
    fn host(&self) -> &str {
        "h"
    }

    fn launch(&mut self, node: &str) -> Result<(), String> {
        self.up.insert(node.to_owned());
        Ok(())
    }

    fn is_up(&self, node: &str) -> bool {
        self.up.contains(node)
    }

    fn send(&mut self, node: &str, line: &str) -> Result<(), String> {
        let command = format!("{node} {line}");
        let at = self.replies.iter().position(|(start, _)| command.starts_with(start));
        let at = at.ok_or_else(|| format!("nobody expects {command:?}"))?;
        for line in self.replies.remove(at).1 {
            let (node, line) = line.split_once(' ').unwrap_or_default();
            let what = match line {
                "ends" => Words::Ended { well: true, how: "ended".to_owned() },
                line => Words::Line(line.to_owned()),
            };
            self.said.push_back(Spoken { node: node.to_owned(), what });
        }
        Ok(())
    }

    fn strike(&mut self, node: &str, _: Strike) -> Result<(), String> {
        self.up.remove(node);
        Ok(())
    }

    fn now(&self) -> Duration {
        self.now
    }

    fn next(&mut self, deadline: Duration) -> Option<Spoken> {
        let spoken = self.said.pop_front();
        if spoken.is_none() {
            self.now = self.now.max(deadline);
        }
        spoken
    }
}

const START_A: (&str, &[&str]) = ("a start name=a bind=h:0", &["a ok addr=h:1"]);
const START_B: (&str, &[&str]) = ("b start name=b", &["b ok addr=h:2"]);
const LISTEN_A: (&str, &[&str]) = ("a subscribe", &["a ok", "a event type=replay-done seq=0"]);
const JOIN_B: &str = "a event type=member-join seq=1 name=b addr=h:2 state=alive";
const LISTEN_B: (&str, &[&str]) = ("b subscribe", &["b ok", JOIN_B]);
const FAILED_B: &str = "a event type=member-failed seq=2 name=b addr=h:2 state=failed";

/// Plays; the nodes that failed.
fn play(text: &str, replies: &[(&'static str, &'static [&'static str])]) -> Result<(), String> {
    let scenario = Scenario::parse(Path::new("x.txt"), text)?;
    let mut world = Script::new(replies);
    let outcome = Player::new(&mut world, &scenario).play(&scenario);
    outcome.map_err(|failure| failure.nodes.join(" "))
}

#[test]
fn a_step_waits_for_what_it_expects() {
    let text = "start a\nstart b\n----\na: join b alive\n";
    assert_eq!(play(text, &[START_A, LISTEN_A, START_B, LISTEN_B]), Ok(()));
    let silent = ("b subscribe", &["b ok"] as &[&str]);
    assert_eq!(play(text, &[START_A, LISTEN_A, START_B, silent]), Err("a".into()));
}

#[test]
fn one_line_too_many_fails_even_at_the_end() {
    let text = "start a\nstart b\n----\na: join b alive\n";
    let late = ("b subscribe", &["b ok", JOIN_B, FAILED_B] as &[&str]);
    assert_eq!(play(text, &[START_A, LISTEN_A, START_B, late]), Err("a".into()));
}

#[test]
fn what_is_left_from_a_step_counts_in_the_next() {
    let text = "start a\nstart b\n----\na: join b alive\n\ncrash b\n----\na: failed b failed\n";
    let late = ("b subscribe", &["b ok", JOIN_B, FAILED_B] as &[&str]);
    assert_eq!(play(text, &[START_A, LISTEN_A, START_B, late]), Ok(()));
}

#[test]
fn refusals_must_be_expected() {
    let refused = ("a start", &["a error code=bad_config message=no%20such%20thing"] as &[&str]);
    assert_eq!(play("start a\n----\na: error bad_config\n", &[refused]), Ok(()));
    assert_eq!(play("start a\n----\n", &[refused]), Err("a".into()));
    let partly = "start a\n----\na: error bad_config containing such a\n";
    assert_eq!(play(partly, &[refused]), Err("a".into()));
    let unsupported = ("a start", &["a unsupported"] as &[&str]);
    assert_eq!(play("start a\n----\n", &[unsupported]), Err("a".into()));
}

#[test]
fn views_are_asked_for_again() {
    let text = "start a quiet\nmembers a\n----\na: members a\n";
    let empty = ("a members", &["a ok count=0"] as &[&str]);
    let full = ("a members", &["a member name=a addr=h:1 state=alive", "a ok count=1"] as &[&str]);
    assert_eq!(play(text, &[START_A, empty, empty, full]), Ok(()));
    let wrong = ("a members", &["a member name=a addr=h:1 state=alive", "a ok count=2"] as &[&str]);
    assert_eq!(play(text, &[START_A, wrong]), Err("a".into()));
}

#[test]
fn an_agent_must_not_end_by_itself() {
    let dies = ("a subscribe", &["a ends"] as &[&str]);
    assert_eq!(play("start a\n----\n", &[START_A, dies]), Err("a".into()));
    let exits = ("a exit", &["a ends"] as &[&str]);
    assert_eq!(play("start a\nexit a\n----\n", &[START_A, LISTEN_A, exits]), Ok(()));
    let stays = ("a exit", &[] as &[&str]);
    assert_eq!(play("start a\nexit a\n----\n", &[START_A, LISTEN_A, stays]), Err("a".into()));
}

#[test]
fn events_are_numbered_upwards() {
    let text = "start a\nstart b\n----\na: join b alive\na: failed b failed\n";
    let replayed = ("a subscribe", &["a ok", "a event type=replay-done seq=2"] as &[&str]);
    let back = ("b subscribe", &["b ok", JOIN_B, FAILED_B] as &[&str]);
    assert_eq!(play(text, &[START_A, LISTEN_A, START_B, back]), Ok(()));
    assert_eq!(play(text, &[START_A, replayed, START_B, back]), Err("a".into()));
}

#[test]
fn a_restart_takes_the_address_and_the_pairs_of_before() {
    let text = "start a tag.x=1 tag.y=1 quiet\n----\n\ncrash a\nrestart a tag.y=2\n----\n";
    let again = (
        "a start name=a profile=local opt.probe_interval=200ms opt.probe_timeout=100ms \
         opt.gossip_interval=20ms opt.push_pull_interval=2s opt.suspicion_mult=5 tag.x=1 \
         bind=h:1 tag.y=2",
        &["a ok addr=h:1"] as &[&str],
    );
    assert_eq!(play(text, &[START_A, again]), Ok(()));
}

#[test]
fn who_sent_a_message_is_compared_where_its_receiver_says_so() {
    let text = "start a\nstart b quiet\nsend b to=a payload=x reliable=false\n----\n\
                a: message payload=x\n";
    let heard = |event: &'static [&'static str]| {
        let sent = ("b send to=a payload=x reliable=false", event);
        play(text, &[START_A, LISTEN_A, START_B, sent])
    };
    assert_eq!(heard(&["b ok", "a event type=message seq=1 payload=x"]), Ok(()));
    let told = &["b ok", "a event type=message seq=1 sender=b reliable=false payload=x"];
    assert_eq!(heard(told), Ok(()));
    for wrong in [
        &["b ok", "a event type=message seq=1 sender=a reliable=false payload=x"],
        &["b ok", "a event type=message seq=1 sender=b reliable=true payload=x"],
        &["b ok", "a event type=message seq=1 sender= reliable=false payload=x"],
    ] {
        assert_eq!(heard(wrong), Err("a".into()), "{wrong:?}");
    }
}

#[test]
fn answers_are_listed_by_member() {
    const ONE: &str = "a response sender=a payload=1";
    const TWO: &str = "a response sender=b payload=2";
    let text = "start a quiet\nstart b quiet\nquery a name=q payload=%00%FF\n----\n\
                a: answers a=1 b=2\n";
    let answered = |lines: &'static [&'static str]| {
        play(text, &[START_A, START_B, ("a query name=q payload=%00%FF", lines)])
    };
    assert_eq!(answered(&[TWO, ONE, "a ok count=2 complete=true"]), Ok(()));
    assert_eq!(answered(&[TWO, ONE, "a ok count=3 complete=true"]), Err("a".into()));
    assert_eq!(answered(&[TWO, ONE, "a ok count=2 complete=false"]), Err("a".into()));
}

#[test]
fn a_time_that_is_none_is_no_answer() {
    let text = "start a quiet\nping a member=b\n----\na: ping b\n";
    let pinged = |answer: &'static [&'static str]| play(text, &[START_A, ("a ping", answer)]);
    assert_eq!(pinged(&["a ok us=250"]), Ok(()));
    assert_eq!(pinged(&["a ok us=0"]), Err("a".into()));
    assert_eq!(pinged(&["a ok"]), Err("a".into()));
}

#[test]
fn rings_are_counted_upwards() {
    let text = "start a quiet\nring a\nring a\n----\na: ring size=1 fingerprint=0f\n\
                a: ring size=1 fingerprint=0f\n";
    let asked = |answers: [&'static [&'static str]; 2]| {
        play(text, &[START_A, ("a ring", answers[0]), ("a ring", answers[1])])
    };
    let first: &[&str] = &["a ok version=2 size=1 fingerprint=0f"];
    assert_eq!(asked([first, first]), Ok(()));
    assert_eq!(asked([first, &["a ok version=3 size=1 fingerprint=0f"]]), Ok(()));
    assert_eq!(asked([first, &["a ok version=1 size=1 fingerprint=0f"]]), Err("a".into()));
    assert_eq!(asked([&["a ok version=0 size=1 fingerprint=0f"], first]), Err("a".into()));
    assert_eq!(asked([first, &["a ok version=2 size=2 fingerprint=0e"]]), Err("a".into()));
    assert_eq!(asked([&["a ok size=1 fingerprint=0f"], first]), Err("a".into()));
}

#[test]
fn a_change_of_a_ring_is_told_once_and_counts_where_it_is_asked_for() {
    const FIRST: &str = "a event type=ring-change seq=1 version=2 size=2 fingerprint=0f";
    const SECOND: &str = "a event type=ring-change seq=2 version=3 size=1 fingerprint=0e";
    const AGAIN: &str = "a event type=ring-change seq=2 version=2 size=2 fingerprint=0f";
    let told = |expected: &str, events: &'static [&'static str]| {
        let listen = ("a subscribe replay=true rings=true", events);
        play(&format!("start a rings\n----\n{expected}"), &[START_A, listen])
    };
    let both = "a: ring-change size=2 fingerprint=0f\na: ring-change size=1 fingerprint=0e\n";
    assert_eq!(told(both, &["a ok", FIRST, SECOND]), Ok(()));
    assert_eq!(told("a: ring-change size=1 fingerprint=0e\n", &["a ok", FIRST, SECOND]), Ok(()));
    assert_eq!(told("", &["a ok", FIRST, SECOND]), Ok(()));
    assert_eq!(told(both, &["a ok", FIRST]), Err("a".into()));
    assert_eq!(told("", &["a ok", FIRST, AGAIN]), Err("a".into()));
}

#[test]
fn slots_that_change_hands_must_be_expected() {
    let told = |expected: &str, event: &'static [&'static str]| {
        let text = format!("start a\nstart b quiet\n----\n{expected}");
        play(&text, &[START_A, ("a subscribe", event), START_B])
    };
    let acquired = &["a ok", "a event type=handoff-acquired seq=1 peer=b slots=3 clean=true"];
    assert_eq!(told("a: handoff-acquired b slots=3 clean\n", acquired), Ok(()));
    assert_eq!(told("a: handoff-acquired b slots=3 unclean\n", acquired), Err("a".into()));
    assert_eq!(told("", acquired), Err("a".into()));
    let nobodys = &["a ok", "a event type=handoff-acquired seq=1 peer= slots=3 clean=false"];
    assert_eq!(told("a: handoff-acquired nobody slots=3 unclean\n", nobodys), Ok(()));
    let prepare = &["a ok", "a event type=handoff-prepare seq=1 id=7 peer=b slots=3"];
    assert_eq!(told("a: handoff-prepare b id=7 slots=3\n", prepare), Ok(()));
    assert_eq!(told("", prepare), Err("a".into()));
}

#[test]
fn owners_are_in_their_order() {
    let text = "start a quiet\nstart b quiet\nowners a key=%00 count=2\nowns a key=k\n----\n\
                a: owners %00 b a\na: owns k true\n";
    let asked = |owners: &'static [&'static str], owns: &'static [&'static str]| {
        let asked = ("a owners key=%00 count=2", owners);
        play(text, &[START_A, START_B, asked, ("a owns key=k", owns)])
    };
    let fine: &[&str] = &["a owner name=b", "a owner name=a", "a ok count=2"];
    assert_eq!(asked(fine, &["a ok owns=true"]), Ok(()));
    // Asked again, the script has no answer: these views do not change.
    assert!(asked(&["a owner name=a", "a owner name=b", "a ok count=2"], &[]).is_err());
    assert!(asked(fine, &["a ok owns=false"]).is_err());
}
