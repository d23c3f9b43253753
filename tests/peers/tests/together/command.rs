//! The command from outside: lines, exit statuses, signals, messages.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use chinwag_peers::command::{self, Done, chinwag, run};
use chinwag_peers::ours::Ours;
use chinwag_peers::process::Process;
use chinwag_peers::{address, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};

const QUICK: [&str; 6] =
    ["--probe-interval", "200ms", "--probe-timeout", "100ms", "--bind", "127.0.0.1:0"];

/// An agent that prints JSON, and its first line.
fn agent(name: &str, more: &[&str]) -> (Process, Value) {
    let mut command = chinwag();
    command.args(["agent", "-o", "json", "--name", name]).args(QUICK).args(more);
    let mut process = Process::start(&mut command);
    let ready = parsed(&process.expect("its first line", |_| true));
    assert_eq!(ready["type"], "ready", "{ready}");
    (process, ready)
}

fn parsed(line: &str) -> Value {
    assert!(line.starts_with("{\"type\":\""), "{line}");
    serde_json::from_str(line).expect(line)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().expect(key)
}

/// The agent's next line of that type about that member, as JSON.
fn event(process: &mut Process, kind: &str, member: &str) -> Value {
    let starts = format!("{{\"type\":\"{kind}\"");
    let name = format!("\"name\":\"{member}\"");
    let line = process.expect(&format!("{kind} {member}"), |line| {
        line.starts_with(&starts) && line.contains(&name)
    });
    parsed(&line)
}

fn fails(arguments: &[&str], status: i32, says: &[&str]) -> Done {
    let done = run(arguments);
    assert_eq!(done.status, status, "{done:?}");
    for words in says {
        assert!(done.complaints.contains(words), "{words}: {done:?}");
    }
    done
}

#[test]
fn each_event_is_one_line_of_json() {
    let (mut process, ready) = agent("watcher", &["--tag", "role=a,b", "--cluster", "blue"]);
    let addr = text(&ready["member"], "addr").to_owned();
    let member =
        json!({"name": "watcher", "addr": addr, "state": "alive", "tags": {"role": "a,b"}});
    assert_eq!(ready, json!({"type": "ready", "member": member}));
    let replayed = parsed(&process.expect("the end of the replay", |_| true));
    assert_eq!(replayed, json!({"type": "replay-done", "seq": 0}));

    let ours = Ours::start("ours", &[&addr], &[("cluster", "blue")]);
    let other =
        json!({"name": "ours", "addr": ours.addr(), "state": "alive", "tags": {"of": "ours"}});
    let joined = event(&mut process, "member-join", "ours");
    assert_eq!(joined, json!({"type": "member-join", "member": other, "seq": 1}));

    ours.tag("of", "\u{1b}[2J\n");
    let mut changed = other.clone();
    changed["tags"]["of"] = "\u{1b}[2J\n".into();
    assert_eq!(
        event(&mut process, "member-update", "ours"),
        json!({"type": "member-update", "member": changed, "previous": other, "seq": 2})
    );
    ours.leave();
    changed["state"] = "left".into();
    assert_eq!(
        event(&mut process, "member-leave", "ours"),
        json!({"type": "member-leave", "member": changed, "seq": 3})
    );
}

#[test]
fn a_replay_comes_before_what_is_new() {
    let ours = Ours::start("ours", &[], &[]);
    let (mut process, _) = agent("late", &["--join", &ours.addr()]);
    let lines = [(); 2].map(|()| parsed(&process.expect("the replay", |_| true)));
    assert_eq!(lines.map(|line| text(&line, "type").to_owned()), ["member-join", "replay-done"]);
}

#[test]
fn a_reader_who_falls_behind_gets_one_line_with_the_members() {
    let (watching, addr) = {
        let mut command = chinwag();
        command.args(["agent", "-o", "json", "--name", "slow", "--event-buffer", "1"]).args(QUICK);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the agent starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let ready = parsed(&lines.next().expect("a first line").expect("text"));
        ((child, lines), text(&ready["member"], "addr").to_owned())
    };
    let (mut child, lines) = watching;
    let changing = Ours::start("changing", &[&addr], &[]);
    let heard = Ours::start("heard", &[&addr], &[]);
    // Far more than a pipe takes, each seen by a third member, and so no longer the latest news.
    let padding = "x".repeat(300);
    for round in 0..300 {
        changing.tag("round", &format!("{round}-{padding}"));
        heard.expect("member-update", "changing", "");
    }
    let lost = lines
        .map_while(Result::ok)
        .map(|line| parsed(&line))
        .find(|line| line["type"] == "events-lost");
    child.kill().expect("it runs");
    child.wait().expect("it was killed");
    let lost = lost.expect("a line that says so");
    assert!(lost["count"].as_u64() > Some(0), "{lost}");
    assert!(lost["seq"].as_u64() > Some(0), "{lost}");
    let members = lost["members"].as_array().expect("the members");
    let names: Vec<&str> = members.iter().map(|member| text(member, "name")).collect();
    assert_eq!(names, ["changing", "heard"]);
}

#[test]
fn people_read_lines_of_words() {
    let ours = Ours::start("ours", &[], &[]);
    ours.tag("of", "\u{1b}[2J");
    let mut command = chinwag();
    let addr = ours.addr();
    command.args(["agent", "--name", "reader", "--join", &addr]).args(QUICK);
    let mut process = Process::start(&mut command);
    let ready = process.expect("its first line", |_| true);
    assert!(ready.starts_with("ready reader 127.0.0.1:"), "{ready}");
    let joined = process.expect("a member", |_| true);
    assert_eq!(joined, format!("member-join ours {addr} alive of=\\u{{1b}}[2J"));
}

#[test]
fn a_signal_leaves_gracefully() {
    let ours = Ours::start("ours", &[], &[]);
    for (name, signal) in [("terminated", Signal::TERM), ("interrupted", Signal::INT)] {
        let (mut process, _) = agent(name, &["--join", &ours.addr()]);
        ours.expect("member-join", name, "");
        process.signal(signal);
        assert_eq!(process.finish().code(), Some(0), "{}", process.complaints());
        ours.expect("member-leave", name, "member-failed");
    }
}

#[test]
fn a_killed_agent_has_failed() {
    let ours = Ours::start("ours", &[], &[]);
    let (mut process, _) = agent("killed", &["--join", &ours.addr()]);
    ours.expect("member-join", "killed", "");
    process.kill();
    ours.expect("member-failed", "killed", "member-leave");
}

#[test]
fn signals_that_are_not_handled_do_not_leave() {
    let ours = Ours::start("ours", &[], &[]);
    let (mut process, _) = agent("careless", &["--handle-signals=false", "--join", &ours.addr()]);
    ours.expect("member-join", "careless", "");
    process.signal(Signal::TERM);
    assert_eq!(process.finish().code(), None);
    ours.expect("member-failed", "careless", "member-leave");
}

/// An agent that hangs in its start, because its seed accepts and says nothing.
fn starting() -> (Process, TcpStream) {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = silent.local_addr().expect("bound").to_string();
    let mut command = chinwag();
    command.args(["agent", "--name", "starting", "--join", &addr]).args(QUICK);
    command.args(["--tcp-timeout", "60s"]);
    let process = Process::start(&mut command);
    let (asking, _) = silent.accept().expect("the agent asks its seed");
    (process, asking)
}

#[test]
fn a_signal_ends_a_start_that_hangs() {
    let (mut process, _asking) = starting();
    process.signal(Signal::TERM);
    assert_eq!(process.finish().code(), Some(0), "{}", process.complaints());
    assert_eq!(process.output(), "");
}

#[test]
fn a_second_signal_ends_at_once() {
    let (mut process, _asking) = starting();
    process.signal(Signal::TERM);
    process.signal(Signal::INT);
    // Whichever of the two was seen last.
    let code = process.finish().code();
    assert!(matches!(code, Some(130 | 143)), "{code:?}");
}

#[test]
fn an_agent_that_nobody_reads_leaves() {
    let ours = Ours::start("ours", &[], &[]);
    let mut child = chinwag()
        .args(["agent", "--name", "unread", "--join", &ours.addr()])
        .args(QUICK)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the agent starts");
    ours.expect("member-join", "unread", "");
    drop(child.stdout.take());
    // Something to write about.
    let _other = Ours::start("other", &[&ours.addr()], &[]);
    ours.expect("member-leave", "unread", "member-failed");
    let done = child.wait_with_output().expect("it ends");
    assert_eq!(done.status.code(), Some(1));
    let complaints = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(complaints.contains("nobody reads the output"), "{complaints}");
}

#[test]
fn a_flag_goes_before_a_variable() {
    let named = |command: &mut Command| {
        command.args(["agent", "-o", "json"]).args(QUICK).env("CHINWAG_NAME", "by-variable");
        let mut process = Process::start(command.env("CHINWAG_TAGS", "a=1,b=2"));
        parsed(&process.expect("its first line", |_| true))["member"].clone()
    };
    let by_variable = named(&mut chinwag());
    assert_eq!(by_variable["name"], "by-variable");
    assert_eq!(by_variable["tags"], json!({"a": "1", "b": "2"}));
    let mut command = chinwag();
    command.env("CHINWAG_TAGS", "c=3");
    let by_flag = {
        command.args(["agent", "--name", "by-flag", "--tag", "c=3", "-o", "json"]).args(QUICK);
        let mut process = Process::start(command.env("CHINWAG_NAME", "by-variable"));
        parsed(&process.expect("its first line", |_| true))["member"].clone()
    };
    assert_eq!(by_flag["name"], "by-flag");
    assert_eq!(by_flag["tags"], json!({"c": "3"}));
}

#[test]
fn mistakes_on_the_command_line_are_usage() {
    fails(&["agent", "--probe-intervall", "1s"], 2, &["'--probe-intervall'", "'--probe-interval'"]);
    fails(&["agents"], 2, &["'agents'", "'agent'"]);
    fails(&["agent", "--bind", "nowhere"], 2, &["bad_config", "bind", "nowhere"]);
    fails(&["agent", "--tag", "novalue"], 2, &["novalue", "key=value"]);
    fails(&["agent", "--bind", "0.0.0.0:0"], 2, &["bad_config", "not a loopback", "insecure"]);
    let long = format!("k={}", "x".repeat(600));
    fails(&["agent", "--bind", "127.0.0.1:0", "--tag", &long], 2, &["too_large", "\"k\"", "512"]);
    fails(&["members"], 2, &["--seed"]);
    fails(&["members", "--seed", "127.0.0.1:1", "--timeout", "soon"], 2, &["soon"]);
    let mut command = chinwag();
    let done = command.args(["agent"]).env("CHINWAG_PROBE_INTERVAL", "often").output();
    let done = done.expect("the command runs");
    assert_eq!(done.status.code(), Some(2));
    let complaints = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(complaints.contains("(from CHINWAG_PROBE_INTERVAL)"), "{complaints}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("bound").to_string();
    let done = fails(&["agent", "--bind", &addr], 1, &["bind_failed", &addr, "port 0"]);
    assert_eq!(done.output, "");
}

#[test]
fn seeds_that_do_not_answer_are_named_and_asked_again() {
    let (one, two) = (address(), address());
    let seeds = format!("{one},{two}");
    let must = ["agent", "--join", &seeds, "--require-join", "--bind", "127.0.0.1:0"];
    let done = fails(&must, 4, &["join_failed: none of 2 seeds answered", &one, &two, "refused"]);
    assert_eq!(done.output, "");

    let (process, _) = agent("alone", &["--join", &one]);
    eventually("the agent says that it is alone", || {
        let complaints = process.complaints();
        (complaints.contains("alone for now") && complaints.contains(&one)).then_some(())
    });
}

#[test]
fn the_list_has_three_forms() {
    let ours = Ours::start("ours", &[], &[]);
    let (mut process, _) = agent("left", &["--join", &ours.addr(), "--tag", "role=web"]);
    ours.expect("member-join", "left", "");
    let addr = ours.addr();
    let listed = command::members(&addr, &[]);
    assert_eq!(listed["left"], ("alive".to_owned(), [("role".into(), "web".into())].into()));

    process.signal(Signal::TERM);
    process.finish();
    ours.expect("member-leave", "left", "");
    let table = run(&["members", "--seed", &addr]);
    let rows: Vec<Vec<&str>> =
        table.output.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAME", "ADDR", "STATE", "TAGS"]);
    assert_eq!((rows[1][0], &rows[1][2..]), ("left", &["left", "role=web"][..]));
    assert_eq!(rows[2], ["ours", &addr, "alive", "of=ours"]);
    assert_eq!(rows.len(), 3, "{table:?}");
    assert_eq!(run(&["members", "--seed", &addr, "-o", "name"]).output, "left\nours\n");
    let tagged = run(&["members", "--seed", &addr, "-o", "name", "--tag", "role=web"]);
    assert_eq!(tagged.output, "left\n");
}

#[test]
fn nothing_nobody_and_silence_are_told_apart() {
    let ours = Ours::start("ours", &[], &[]);
    let addr = ours.addr();
    let done = fails(&["members", "--seed", &addr, "--tag", "role=none"], 3, &["no member"]);
    assert_eq!(done.output, "NAME  ADDR  STATE  TAGS\n");
    let done = fails(&["members", "--seed", &addr, "--tag", "a=b", "-o", "json"], 3, &[]);
    assert_eq!(done.output, "{\"members\":[]}\n");

    let nobody = address();
    fails(&["members", "--seed", &nobody], 4, &["join_failed", &nobody, "nothing listens"]);
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silence = silent.local_addr().expect("bound").to_string();
    let asked = ["members", "--seed", &silence, "--timeout", "100ms"];
    fails(&asked, 5, &["timeout", &silence, "100ms"]);

    // The first that answers is enough, and the others are mentioned.
    let both = format!("{nobody},{addr}");
    let done = run(&["members", "--seed", &both, "-o", "name"]);
    assert_eq!((done.status, done.output.as_str()), (0, "ours\n"));
    assert!(done.complaints.contains(&nobody), "{done:?}");
}

#[test]
fn the_default_port_gives_way() {
    // Both have the default address; whoever comes second takes another port.
    let agents = ["first", "second"].map(|name| {
        let mut command = chinwag();
        command.args(["agent", "-o", "json", "--name", name]);
        let mut process = Process::start(&mut command);
        let ready = parsed(&process.expect("its first line", |_| true));
        (process, text(&ready["member"], "addr").to_owned())
    });
    assert_ne!(agents[0].1, agents[1].1);
}

#[test]
fn keys_are_made_and_derived_and_never_flags() {
    let bits = |bits: &str| run(&["key", "new", "--bits", bits]);
    for (asked, digits) in [("128", 24), ("192", 32), ("256", 44)] {
        let (one, two) = (bits(asked), bits(asked));
        assert_eq!((one.status, &*one.complaints), (0, ""), "{one:?}");
        assert_eq!((one.output.len(), one.output.lines().count()), (digits + 1, 1), "{one:?}");
        assert_ne!(one.output, two.output);
    }
    let derived = |passphrase: &str, more: &[&str]| -> Done {
        let mut command = chinwag();
        command.args(["key", "derive"]).args(more).stdin(Stdio::piped());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let mut input = child.stdin.take().expect("it was piped");
        input.write_all(passphrase.as_bytes()).expect("it reads");
        drop(input);
        let done = child.wait_with_output().expect("it ends");
        Done {
            status: done.status.code().unwrap_or(-1),
            output: String::from_utf8_lossy(&done.stdout).into_owned(),
            complaints: String::from_utf8_lossy(&done.stderr).into_owned(),
        }
    };
    // What the reference program of Argon2 gives.
    let key = "ZrNgeJfIQbwzTG9f97r03WJxgMNdpbGAdNp2cmOtnCM=\n";
    let passphrase = "correct horse battery";
    assert_eq!(derived(passphrase, &["--cluster", "blue"]).output, key);
    assert_eq!(derived(&format!("{passphrase}\r\nx"), &["--cluster=blue"]).output, key);
    assert_ne!(derived(passphrase, &[]).output, key);
    let short = derived("hunter2", &[]);
    assert_eq!((short.status, &*short.output), (2, ""), "{short:?}");
    assert!(!short.complaints.contains("hunter2"), "{short:?}");

    let (one, other) = (bits("256").output, bits("256").output);
    let listens = |secret: (&str, &str)| {
        let mut command = chinwag();
        command.args(["agent", "-o", "json", "--name", "a"]).args(QUICK).env(secret.0, secret.1);
        let mut process = Process::start(&mut command);
        let ready = parsed(&process.expect("its first line", |_| true));
        let addr = text(&ready["member"], "addr").to_owned();
        (process, addr)
    };
    let (_keyed, addr) = listens(("CHINWAG_KEYS", &format!("{},{}", one.trim(), other.trim())));
    let ask = |variable: &str, secret: &str| {
        let mut command = chinwag();
        let done = command.args(["members", "--seed", &addr, "-o", "name"]).env(variable, secret);
        String::from_utf8_lossy(&done.output().expect("it runs").stdout).into_owned()
    };
    assert_eq!(ask("CHINWAG_KEYS", one.trim()), "a\n");
    assert_eq!(ask("CHINWAG_KEYS", other.trim()), "", "it answers under the first");
    assert_eq!(ask("CHINWAG_COOKIE", passphrase), "");
    for flag in ["--keys=hunter2", "--cookie=hunter2"] {
        let done = run(&["agent", flag]);
        assert_eq!(done.status, 2, "{done:?}");
    }
    let mut bad = chinwag();
    let bad = bad.args(["agent", "--bind", "127.0.0.1:0"]).env("CHINWAG_KEYS", "hunter2");
    let done = bad.output().expect("it runs");
    let complaint = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("(from CHINWAG_KEYS)"), "{complaint}");
    assert!(!complaint.contains("hunter2"), "{complaint}");
}
