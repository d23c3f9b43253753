//! Each law is seen to be broken where it is.

use super::agent::Told;
use super::judge::{History, Run, judge};
use super::record::{Event, Got, Id, Record};
use super::sender::UNORDERED;

const MOST_KIB: u64 = 100;

fn id(seat: u8, lane: u8, number: u64) -> Id {
    Id { seat, run: 0, lane, number }
}

/// Seat 0 casts twice to seat 1, calls it, and calls it in vain; the second cast was lost.
fn well() -> History {
    let records = |events: &[(Id, Event)]| {
        events.iter().map(|(id, event)| Record { id: *id, event: *event }).collect()
    };
    let sent = Told { casts_sent: 2, casts_lost: 1, ..Told::default() };
    let got = Told { casts_served: 1, ..Told::default() };
    let one = records(&[
        (id(0, 1, 1), Event::Cast),
        (id(0, 1, 2), Event::Cast),
        (id(0, 1, 3), Event::Call),
        (id(0, 1, 3), Event::Answered(Got { seat: 1, run: 0, serial: 1 })),
        (id(0, 1, 4), Event::Call),
        (id(0, 1, 4), Event::Failed { maybe: false }),
    ]);
    let other = records(&[(id(0, 1, 1), Event::Heard(0)), (id(0, 1, 3), Event::Ran(1))]);
    let run = |seat, records, told| Run { seat, run: 0, records, told: Some(told), failed: 0 };
    History { runs: vec![run(0, one, sent), run(1, other, got)], grown_kib: 0 }
}

fn broken(history: &History) -> String {
    judge(history, MOST_KIB).broken.join("\n")
}

/// The same, with something more at a seat.
fn with(seat: usize, id: Id, event: Event) -> History {
    let mut history = well();
    history.runs[seat].records.push(Record { id, event });
    history
}

#[test]
fn what_is_well_breaks_no_law() {
    let verdict = judge(&well(), MOST_KIB);
    assert_eq!(verdict.broken, [""; 0]);
    assert_eq!((verdict.calls, verdict.answered, verdict.casts, verdict.heard), (2, 1, 2, 1));
    assert_eq!((verdict.missing, verdict.lost, verdict.in_doubt), (1, 1, 0));
}

#[test]
fn what_comes_twice_is_seen() {
    let twice = broken(&with(1, id(0, 1, 3), Event::Ran(2)));
    assert!(twice.contains("came twice") && twice.contains("out of order"), "{twice}");
}

#[test]
fn an_answer_that_belongs_to_another_is_seen() {
    let mut history = well();
    history.runs[0].records[3].event = Event::Answered(Got { seat: 1, run: 0, serial: 0 });
    assert!(broken(&history).starts_with("a wrong answer"), "{}", broken(&history));
    let mut history = well();
    history.runs[0].records[3].event = Event::Wrong;
    assert!(broken(&history).starts_with("a wrong answer"), "{}", broken(&history));
}

#[test]
fn an_error_that_does_not_tell_the_truth_is_seen() {
    let ran = broken(&with(1, id(0, 1, 4), Event::Ran(2)));
    assert!(ran.starts_with("ran, and was said not to have"), "{ran}");
    let mut maybe = with(1, id(0, 1, 4), Event::Ran(2));
    maybe.runs[0].records[5].event = Event::Failed { maybe: true };
    assert_eq!(broken(&maybe), "");
}

#[test]
fn what_nobody_sent_is_seen() {
    let made_up = broken(&with(1, id(0, 1, 9), Event::Ran(2)));
    assert!(made_up.starts_with("came, and nobody sent it"), "{made_up}");
}

#[test]
fn order_is_that_of_a_lane_and_callers_have_none() {
    let late = |lane| {
        let mut history = well();
        for number in [8, 7] {
            let id = id(0, lane, number);
            history.runs[0].records.push(Record { id, event: Event::Call });
            history.runs[0].records.push(Record { id, event: Event::Failed { maybe: true } });
            history.runs[1].records.push(Record { id, event: Event::Ran(number) });
        }
        broken(&history)
    };
    assert!(late(1).starts_with("out of order"), "{}", late(1));
    assert_eq!(late(UNORDERED), "");
}

#[test]
fn a_call_without_an_end_or_with_two_is_seen() {
    let open = broken(&with(0, id(0, 1, 5), Event::Call));
    assert!(open.starts_with("a call did not end once"), "{open}");
    let twice = broken(&with(0, id(0, 1, 4), Event::Failed { maybe: true }));
    assert!(twice.starts_with("a call did not end once"), "{twice}");
    // Its process was killed.
    let mut killed = with(0, id(0, 1, 5), Event::Call);
    killed.runs[0].told = None;
    assert!(!broken(&killed).contains("did not end"), "{}", broken(&killed));
}

#[test]
fn answers_that_nobody_waits_for_are_no_more_than_calls_that_failed() {
    let unwanted = |count| {
        let mut history = well();
        history.runs[0].told.as_mut().unwrap().replies_unwanted = count;
        broken(&history)
    };
    assert_eq!(unwanted(1), "");
    assert!(unwanted(2).starts_with("answers to nothing"), "{}", unwanted(2));
}

#[test]
fn every_cast_that_is_missing_is_counted_and_nothing_else() {
    let told = |act: fn(&mut Told)| {
        let mut history = well();
        act(history.runs[0].told.as_mut().unwrap());
        broken(&history)
    };
    assert!(told(|told| told.casts_lost = 0).contains("1 casts are missing, and 0 counted"));
    assert!(told(|told| told.casts_dropped = 1).contains("2 casts are counted as gone"));
    assert_eq!(told(|told| (told.casts_lost, told.casts_in_doubt) = (0, 3)), "");
    assert!(told(|told| told.casts_sent = 3).starts_with("counters"));
    let mut history = well();
    history.runs[1].told.as_mut().unwrap().casts_served = 2;
    assert!(broken(&history).starts_with("counters"), "{}", broken(&history));
}

#[test]
fn what_went_to_a_killed_process_need_not_be_counted() {
    let mut history = well();
    history.runs[0].told.as_mut().unwrap().casts_lost = 0;
    history.runs[1].told = None;
    history.runs.push(Run { seat: 1, run: 1, told: Some(Told::default()), ..Run::default() });
    assert_eq!(broken(&history), "");
}

#[test]
fn a_process_that_grows_is_seen() {
    let grown = History { grown_kib: MOST_KIB + 1, ..well() };
    assert_eq!(broken(&grown), "a process grew by 101 KiB");
}
