//! A running agent under attack, over real sockets, by somebody who is no member: in clear, and
//! with a key that the attacker has not.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use chinwag::MemberState;
use chinwag::wire::{
    Alive, Dead, IndirectPing, Message, NodeState, Ping, Suspect, Vsn, WireState, encode_push_pull,
};
use chinwag_peers::agent::Agent;
use chinwag_peers::attacker::{Attacker, invented, raw};
use chinwag_peers::command::{built, chinwag, members};
use chinwag_peers::ours::Ours;
use chinwag_peers::process::Process;
use chinwag_peers::{Listed, address, eventually};
use chinwag_runner::agents;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OTHER_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";
/// Who is attacked, who is a member beside it, and who cannot be a member.
const TARGET: &str = "target";
const BESIDE: &str = "beside";
const NOBODY: &str = "nobody";
/// Incarnations that would silence a member of memberlist, or nearly.
const ABSURD: [u32; 5] = [u32::MAX, u32::MAX - 1, 1 << 31, (1 << 29) + 50_000_000, 200_000_000];
/// Members that a node remembers at most, itself included.
const MEMBERS_MAX: usize = 131_072;
/// And connections that say nothing.
const HELD: Duration = Duration::from_secs(3);
/// An attack of this kind is over for everybody within that time.
const RECOVERED: Duration = Duration::from_secs(10);

/// `chinwag agent` with the defaults of a network, and a member beside it.
struct Siege {
    target: Process,
    addr: String,
    beside: Ours,
}

impl Siege {
    fn begin(key: Option<&str>) -> Self {
        let addr = address();
        let mut command = chinwag();
        command.args(["agent", "-o", "json", "--name", TARGET, "--bind", &addr]);
        command.args(["--profile", "lan", "--log", "error"]);
        command.envs(key.map(|key| ("CHINWAG_KEYS", key)));
        let mut target = Process::start(&mut command);
        target.expect("its first line", |line| line.contains("\"type\":\"ready\""));
        let mut options = vec![("probe_interval", "1s"), ("probe_timeout", "500ms")];
        options.extend(key.map(|key| ("keys", key)));
        let beside = Ours::start(BESIDE, &[&addr], &options);
        target.expect("the other", |line| is_event(line, "member-join", BESIDE));
        beside.sees(&[BESIDE, TARGET]);
        Self { target, addr, beside }
    }

    /// Whether the target lives, and the two hold each other for alive; the time that it took to
    /// hear of each other.
    fn recovers(&mut self, mark: &str) -> Duration {
        let began = Instant::now();
        self.beside.tag("mark", mark);
        let tag = format!("\"mark\":\"{mark}\"");
        self.target.expect("what the other says", |line| {
            line.contains("\"member-") && line.contains(&tag)
        });
        eventually("the target is alive to the other", || {
            let member = self.beside.member(TARGET)?;
            (member.state() == MemberState::Alive).then_some(())
        });
        assert!(self.target.ended().is_none(), "it ended: {}", self.target.complaints());
        began.elapsed()
    }
}

fn is_event(line: &str, kind: &str, member: &str) -> bool {
    line.starts_with(&format!("{{\"type\":\"{kind}\""))
        && line.contains(&format!("\"name\":\"{member}\""))
}

/// Pings that name somebody else as their source, for the target and for whoever is there.
fn reflection(attacker: &mut Attacker, target: &str, victim: &Attacker) {
    let (ip, port) = (raw(&victim.addr().to_string()).0, victim.addr().port());
    for (node, source_node) in [(TARGET, BESIDE), (TARGET, NOBODY), ("", ""), ("", BESIDE)] {
        let ping =
            Ping { seq: 1, node, source_addr: ip.as_bytes(), source_port: port, source_node };
        for times in [1, 3, 100] {
            attacker.send(target, &vec![Message::Ping(ping); times]);
        }
    }
}

/// Requests to ping somebody else, who is no member, or goes by the name of one.
fn relay(attacker: &mut Attacker, target: &str, victim: &Attacker) {
    let ip = raw(&victim.addr().to_string()).0;
    let port = victim.addr().port();
    for (node, source_node) in [(BESIDE, BESIDE), (NOBODY, NOBODY), ("", ""), (TARGET, BESIDE)] {
        let request = IndirectPing {
            seq: 1,
            target: ip.as_bytes(),
            port,
            node,
            nack: true,
            source_addr: ip.as_bytes(),
            source_port: port,
            source_node,
        };
        for times in [1, 100] {
            attacker.send(target, &vec![Message::IndirectPing(request); times]);
        }
    }
}

/// Claims that a member is there, is suspected and has failed, with incarnations that end all talk.
fn incarnations(attacker: &mut Attacker, to: &str, victim: (&str, &str)) {
    let (node, (ip, port)) = (victim.0, raw(victim.1));
    for incarnation in ABSURD {
        let alive = Alive {
            incarnation,
            node,
            addr: ip.as_bytes(),
            port,
            meta: b"forged",
            vsn: Vsn::MEMBERLIST,
        };
        let suspect = Suspect { incarnation, node, from: BESIDE };
        let [dead, leave] = [BESIDE, node].map(|from| Dead { incarnation, node, from });
        for message in [
            Message::Alive(alive),
            Message::Suspect(suspect),
            Message::Dead(dead),
            Message::Dead(leave),
        ] {
            attacker.send(to, &[message]);
        }
        let state = |state| NodeState {
            name: node,
            addr: ip,
            port,
            meta: b"forged",
            incarnation,
            state,
            vsn: Vsn::MEMBERLIST,
        };
        let states = [WireState::Alive, WireState::Dead, WireState::Left].map(state);
        let mut bytes = Vec::new();
        encode_push_pull(false, states.into_iter(), &[], &mut bytes);
        attacker.connect(to, &bytes);
    }
}

/// The same at the incarnations that are believed: a death, and a goodbye.
fn forged_ends(attacker: &mut Attacker, siege: &Siege) {
    let known = |name: &str| siege.beside.member(name).map_or(0, |member| member.incarnation());
    for (to, node) in [(siege.addr.clone(), BESIDE), (siege.beside.addr(), TARGET)] {
        for (incarnation, from) in [(known(node), NOBODY), (known(node), node)] {
            attacker.send(&to, &[Message::Dead(Dead { incarnation, node, from })]);
        }
    }
}

/// Its own name, elsewhere: who quits over that can be ended by anybody.
fn own_name(attacker: &mut Attacker, target: &str, victim: &Attacker) {
    let (ip, port) = raw(&victim.addr().to_string());
    for incarnation in [1, 400_000_000, u32::MAX] {
        let alive = Alive {
            incarnation,
            node: TARGET,
            addr: ip.as_bytes(),
            port,
            meta: &[],
            vsn: Vsn::MEMBERLIST,
        };
        attacker.send(target, &[Message::Alive(alive)]);
    }
}

/// Everything but ghosts, to the target and the member beside it.
fn attack(siege: &Siege, attacker: &mut Attacker, victim: &Attacker) {
    let beside = siege.beside.addr();
    reflection(attacker, &siege.addr, victim);
    relay(attacker, &siege.addr, victim);
    for (to, victim) in [(&*siege.addr, (BESIDE, &*beside)), (&*beside, (TARGET, &*siege.addr))] {
        incarnations(attacker, to, victim);
        incarnations(attacker, to, (victim.0, "127.0.0.1:9"));
    }
    incarnations(attacker, &siege.addr, (TARGET, &siege.addr));
    own_name(attacker, &siege.addr, victim);
    forged_ends(attacker, siege);
}

#[test]
fn with_a_key_nothing_that_is_forged_has_any_effect() {
    let mut siege = Siege::begin(Some(KEY));
    let lines = siege.target.lines();
    let stats = siege.beside.stats();
    let victim = Attacker::at(&address(), None);
    for key in [None, Some(OTHER_KEY)] {
        let mut attacker = Attacker::at(&address(), key);
        attack(&siege, &mut attacker, &victim);
        let names: Vec<String> = (0..100).map(|number| format!("ghost-{number}")).collect();
        attacker.send(&siege.addr, &invented(&names, &raw("127.0.0.1:9")));
        siege.recovers(key.unwrap_or("in-clear"));
        assert_eq!(attacker.received(), (0, 0), "datagrams to a stranger");
    }
    assert_eq!(victim.received(), (0, 0), "datagrams to a third");
    let output = siege.target.output();
    let told: Vec<&str> = output.lines().skip(lines).collect();
    let harmless = |line: &str| {
        line.starts_with("{\"type\":\"warning\"") || is_event(line, "member-update", BESIDE)
    };
    assert!(told.iter().all(|line| harmless(line)), "{told:?}");
    siege.beside.sees(&[BESIDE, TARGET]);
    let after = siege.beside.stats();
    assert_eq!((after.suspicions, after.refutations), (stats.suspicions, stats.refutations));
    assert!(after.packets_undecryptable + after.packets_plaintext_refused > 50, "{after:?}");
}

/// There, anybody may say anything; but it is not sent on, and it passes.
#[test]
fn in_clear_what_is_forged_reaches_nobody_else_and_passes() {
    let mut siege = Siege::begin(None);
    let victim = Attacker::at(&address(), None);
    let mut attacker = Attacker::at(&address(), None);
    reflection(&mut attacker, &siege.addr, &victim);
    relay(&mut attacker, &siege.addr, &victim);
    siege.recovers("reflected");
    // An address in a ping is nobody's to choose; that of the datagram gets no more than it sent.
    let (count, bytes) = attacker.received();
    assert!(bytes <= attacker.sent && count > 0, "{bytes} bytes for {}", attacker.sent);
    assert_eq!(victim.received(), (0, 0), "datagrams to a third");
    attack(&siege, &mut attacker, &victim);
    let took = siege.recovers("silenced");
    println!("recovered after {took:?}");
    assert!(took <= RECOVERED, "{took:?}");
    assert_eq!(victim.received(), (0, 0), "datagrams to a third");
}

/// Names by the hundred thousand: no more than there is room for, and the members stay.
#[test]
fn invented_members_are_no_more_than_there_is_room_for() {
    let mut siege = Siege::begin(None);
    let mut attacker = Attacker::at(&address(), None);
    let nowhere = raw("127.0.0.1:9");
    let names: Vec<String> = (0..MEMBERS_MAX + 2_000).map(|n| format!("ghost-{n}")).collect();
    let mut known = Listed::new();
    // Some datagrams do not fit into the socket; whoever is known already is no work.
    eventually("as many as there is room for", || {
        for some in names.chunks(100) {
            attacker.send(&siege.addr, &invented(some, &nowhere));
            std::thread::sleep(Duration::from_micros(200));
        }
        let before = std::mem::replace(&mut known, members(&siege.addr, &["--timeout", "60s"]));
        (known.len() == before.len()).then_some(())
    });
    let count = known.len();
    assert!(count <= MEMBERS_MAX && count > MEMBERS_MAX / 2, "{count} members");
    let real: Vec<&str> = [BESIDE, TARGET].map(|name| &*known[name].0).into();
    assert_eq!(real, ["alive"; 2]);
    assert!(siege.target.ended().is_none(), "it ended: {}", siege.target.complaints());
}

/// Waves of connections that say nothing: few are held, not for long, and nobody misses an answer
/// for them.
#[test]
fn a_thousand_idle_connections_cost_no_probe() {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, ..limits };
    setrlimit(Resource::Nofile, raised).expect("as many files as are allowed");
    built(&["-p", "chinwag-agent"], "chinwag-agent");
    let kind = agents::find("rust").expect("a language");
    let pace = " opt.probe_interval=500ms opt.probe_timeout=300ms";
    let mut target = Agent::start(&mut kind.command(), TARGET, &address(), pace);
    let options = [("probe_interval", "500ms"), ("probe_timeout", "300ms")];
    let beside = Ours::start(BESIDE, &[&target.addr], &options);
    target.expect("member-join", BESIDE);
    let counter = |target: &mut Agent, name: &str| -> u64 {
        let answer = target.ask(&format!("counter name={name}"));
        let value = answer.strip_prefix("ok value=").and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("{name}: {answer}"))
    };
    let missed = |target: &mut Agent| {
        let stats = beside.stats();
        let theirs = ["probes_failed", "probes_saved_by_tcp"].map(|name| counter(target, name));
        (theirs, [stats.probes_failed, stats.probes_saved_by_tcp])
    };
    let answered =
        |target: &mut Agent| [counter(target, "probes_answered"), beside.stats().probes_answered];
    eventually("each has probed the other", || {
        answered(&mut target).iter().all(|count| *count > 0).then_some(())
    });
    let (before, first) = (missed(&mut target), answered(&mut target));
    for wave in 0..4 {
        let open: Vec<TcpStream> = (0..1_000).map(|_| idle(&target.addr)).collect();
        let began = Instant::now();
        let mut held = eventually("most are let go at once", || {
            Some(open.iter().filter(|stream| is_open(stream)).count()).filter(|held| *held <= 256)
        });
        println!("wave {wave}: {held} held after {:?}", began.elapsed());
        while held > 0 {
            assert!(began.elapsed() < HELD, "{held} are held after {:?}", began.elapsed());
            std::thread::sleep(Duration::from_millis(20));
            held = open.iter().filter(|stream| is_open(stream)).count();
        }
    }
    let last = answered(&mut target);
    assert_eq!(missed(&mut target), before, "probes were missed");
    assert!(first.iter().zip(last).all(|(first, last)| first + 8 <= last), "{first:?}, {last:?}");
    beside.sees(&[BESIDE, TARGET]);
}

fn idle(addr: &str) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("somebody listens");
    stream.set_nonblocking(true).expect("a socket");
    stream
}

fn is_open(mut stream: &TcpStream) -> bool {
    matches!(stream.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}
