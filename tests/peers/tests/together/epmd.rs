//! Erlang's own port mapper, and a node of Erlang beside ours.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use chinwag_peers::ours::Ours;
use chinwag_peers::process::Process;
use chinwag_peers::{eventually, present};

/// A port that nobody listens on just now.
fn free_port() -> u16 {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.local_addr().expect("bound").port()
}

fn epmd(port: u16) -> Process {
    let port = port.to_string();
    Process::start(Command::new("epmd").args(["-address", "127.0.0.1", "-port", &port]))
}

/// The names at that mapper, as its own program lists them.
fn names(port: u16) -> Vec<String> {
    let port = port.to_string();
    let listed = Command::new("epmd").args(["-port", &port, "-names"]).output().expect("it runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let name = |line: &str| Some(line.strip_prefix("name ")?.split_once(" at port ")?.0.to_owned());
    let mut names: Vec<String> = listed.lines().filter_map(name).collect();
    names.sort();
    names
}

fn start(name: &str, port: u16) -> Ours {
    let url = format!("epmd://127.0.0.1?epmd_port={port}&interval=100ms");
    Ours::start(name, &[], &[("bind", "127.0.0.1:0"), ("discovery", &url)])
}

fn all_know(ours: &[Ours], wanted: &[&str]) {
    eventually("all know all", || {
        let know = |ours: &Ours| -> Vec<String> {
            let members = ours.host().members().expect("no fork");
            members.iter().map(|member| member.name().to_owned()).collect()
        };
        ours.iter().all(|ours| know(ours) == wanted).then_some(())
    });
}

#[test]
fn members_of_a_host_find_each_other_at_its_epmd_whenever_it_is_there() {
    if !(present("epmd") && present("erl")) {
        return;
    }
    let port = free_port();
    let mut ours = vec![start("a", port), start("b c", port), start("b_c", port)];
    eventually("there is none yet", || {
        let failed = |ours: &Ours| ours.host().stats().expect("no fork").discovery_failed > 0;
        ours.iter().all(failed).then_some(())
    });
    let mapper = epmd(port);
    all_know(&ours, &["a", "b c", "b_c"]);
    eventually("all are registered", || (names(port).len() == 3).then_some(()));
    let listed = names(port);
    assert_eq!(listed[..2], ["chinwag-a", "chinwag-b_c"]);
    assert!(listed[2].starts_with("chinwag-b_c-"), "two names that look the same: {listed:?}");

    // A node of Erlang is none of ours, and has no reason to mind.
    let mut erl = Command::new("erl");
    erl.args(["-name", "erl@127.0.0.1", "-noinput"]).env("ERL_EPMD_PORT", port.to_string());
    let erl = Process::start(&mut erl);
    eventually("it is registered, too", || names(port).contains(&"erl".to_owned()).then_some(()));
    all_know(&ours, &["a", "b c", "b_c"]);
    let stats = ours[0].host().stats().expect("no fork");
    assert_eq!(stats.discovery_candidates, 3);
    drop(erl);

    // Who is closed is registered no more; and all are again at a mapper that comes anew.
    drop(ours.remove(0));
    eventually("it is gone", || (!names(port).contains(&"chinwag-a".to_owned())).then_some(()));
    drop(mapper);
    let _mapper = epmd(port);
    eventually("those who are here are back", || (names(port).len() == 2).then_some(()));
}
