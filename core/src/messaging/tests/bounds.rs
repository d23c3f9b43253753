//! What happens where a bound is reached.

use super::*;

/// Two nodes that have met, and how each calls their connection.
fn met() -> (World, [LinkId; 2]) {
    let mut world = World::new(1, 2);
    world.rough = false;
    world.cast(0, 1);
    world.drain(0);
    world.run(Duration::from_secs(1));
    let links = [0, 1].map(|at| *world.nodes[at].machine.links.keys().next().expect("they met"));
    (world, links)
}

impl World {
    /// Hands over what one has to say, at once.
    fn carry(&mut self, from: usize, links: [LinkId; 2]) {
        let mut bytes = Vec::new();
        loop {
            let sender = &mut self.nodes[from].machine;
            sender.transmit(self.now, links[from], &mut bytes);
            if bytes.is_empty() {
                return;
            }
            self.nodes[1 - from].machine.received(self.now, links[1 - from], &bytes);
            bytes.clear();
        }
    }
}

/// It is not the caller's deadline by which it has to find out.
#[test]
fn an_answer_without_room_is_an_error_at_once() {
    let (mut world, links) = met();
    for _ in 0..3 {
        world.call(0, 1);
    }
    world.carry(0, links);
    let (now, server) = (world.now, &mut world.nodes[1].machine);
    let id = server.servers.find(SERVER).expect("it is served");
    let taken: Vec<_> = std::iter::from_fn(|| server.take(now, id)).collect();
    let tags = taken.iter().filter_map(|delivery| delivery.tag);
    for tag in tags {
        // Only one of these finds room, of 1 MiB.
        server.reply(now, tag, Ok(Payload::raw(vec![0; 700_000])));
    }
    world.carry(1, links);
    let caller = &mut world.nodes[0].machine;
    let outcomes = std::iter::from_fn(|| caller.poll_output()).filter_map(|output| match output {
        Output::Settled { result, .. } => Some(result),
        _ => None,
    });
    let (answered, failed): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
    assert_eq!((answered.len(), failed.len()), (1, 2));
    for error in failed.into_iter().filter_map(Result::err) {
        assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::Overloaded, true));
    }
    assert_eq!(world.nodes[1].machine.counters().requests_refused, 2);
}

/// The same behind items.
#[test]
fn so_is_one_of_a_call_that_streams() {
    let (mut world, links) = met();
    let now = world.now;
    let target = Target::at(SERVER, &name(1)).expect("a name");
    let payload = Payload::default();
    let deadline = now + Duration::from_secs(9);
    let ask = Ask { target: &target, op: "s", headers: &[], payload, deadline, latest: false };
    let end = world.nodes[0].machine.open(now, ask).expect("it is sent");
    world.call(0, 1);
    world.carry(0, links);
    let server = &mut world.nodes[1].machine;
    let id = server.servers.find(SERVER).expect("it is served");
    let taken: Vec<_> = std::iter::from_fn(|| server.take(now, id)).collect();
    let (streams, plain): (Vec<_>, Vec<_>) = taken.iter().partition(|taken| taken.streams);
    // The one takes the room of the other.
    for delivery in plain.into_iter().chain(streams) {
        let tag = delivery.tag.expect("a call");
        server.reply(now, tag, Ok(Payload::raw(vec![0; 700_000])));
    }
    world.carry(1, links);
    match world.nodes[0].machine.next_item(now, end) {
        Next::End(Err(error)) => {
            assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::Overloaded, true));
        }
        other => panic!("{other:?}"),
    }
}

/// What it is answered has to wait, and that is bounded.
#[test]
fn who_asks_and_does_not_read_is_let_go() {
    let mut world = World::new(1, 2);
    world.cast(0, 1);
    world.drain(0);
    world.run(Duration::from_secs(1));
    let (now, machine) = (world.now, &mut world.nodes[1].machine);
    let link = *machine.links.keys().next().expect("they have met");
    let mut pings = Vec::new();
    for id in 0..4_096 {
        Header::new(Kind::Ping, id).put(&mut pings, |_| {});
    }
    for _ in 0..512 {
        machine.received(now, link, &pings);
    }
    assert!(machine.links.contains_key(&link), "as much as may wait");
    machine.received(now, link, &pings);
    assert!(!machine.links.contains_key(&link), "more than may wait");
    assert_eq!(machine.counters().links_lost, 1);
}
