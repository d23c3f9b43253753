//! The command's rings, of clusters and of nodes that are named, and its clocks.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use chinwag_peers::command::{Done, chinwag, run};
use chinwag_peers::ours::Ours;
use chinwag_peers::{address, eventually};
use serde_json::{Value, json};

/// Runs the command with that input.
fn fed(arguments: &[&str], input: &[u8]) -> Done {
    let mut command = chinwag();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command runs");
    let mut stdin = child.stdin.take().expect("it was piped");
    let input = input.to_vec();
    // It answers while it still reads.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let done = child.wait_with_output().expect("it ends");
    // One that refuses the beginning need not read the rest.
    let _ = writer.join().expect("no panic");
    Done {
        status: done.status.code().unwrap_or(-1),
        output: String::from_utf8_lossy(&done.stdout).into_owned(),
        complaints: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}

/// Its output, when it has nothing to complain about.
fn said(arguments: &[&str]) -> String {
    let done = run(arguments);
    assert_eq!((done.status, &*done.complaints), (0, ""), "{arguments:?}: {done:?}");
    done.output
}

fn parsed(arguments: &[&str]) -> Value {
    serde_json::from_str(&said(arguments)).expect("one JSON document")
}

fn fails(arguments: &[&str], status: i32, says: &str) {
    let done = run(arguments);
    assert_eq!((done.status, &*done.output), (status, ""), "{arguments:?}: {done:?}");
    assert!(done.complaints.contains(says), "{arguments:?}: {done:?}");
}

/// A file for one test, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("chinwag-{}-{name}", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }

    fn holding(name: &str, text: &str) -> Self {
        let file = Self::new(name);
        std::fs::write(&file.0, text).expect("it can be written");
        file
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).expect("it was written")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn the_ring_of_a_cluster_is_that_of_its_members() {
    let seed = Ours::start("a", &[], &[("tags", "role=cache,weight=3,zone=east")]);
    let addr = seed.addr();
    let cache = Ours::start("b", &[&addr], &[("tags", "role=cache,weight=heavy")]);
    let _web = Ours::start("c", &[&addr], &[("tags", "role=web")]);
    eventually("all are there", || (seed.ring().len() == 3).then_some(()));

    let keys: Vec<String> = (0..500).map(|key| format!("user:{key}")).collect();
    let done = fed(&["ring", "keys", "--seed", &addr], keys.join("\n").as_bytes());
    let ring = seed.ring();
    let expected: String =
        keys.iter().map(|key| format!("{key}\t{}\n", ring.owner(key).expect("an owner"))).collect();
    assert_eq!((done.status, done.output), (0, expected));
    let why = "its weight is \"heavy\", not a number from 0 to 65535; it counts as 1";
    assert_eq!(done.complaints, format!("chinwag: b: {why}\n"));

    // Who is on it is told by the same options as in a member.
    let chosen = ["--ring-tags", "role=cache", "--ring-weight-tag", "load"];
    let mut owners = vec!["ring", "owners", "user:42", "--seed", &addr, "-o", "json"];
    owners.extend(chosen);
    let told = parsed(&owners);
    let mut names: Vec<&str> =
        told["owners"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b"]);

    // Who has left has no keys any more, and asking has changed nobody's list.
    cache.leave();
    eventually("b has left", || (seed.ring().len() == 2).then_some(()));
    let balance = parsed(&["ring", "balance", "--seed", &addr, "-o", "json"]);
    assert_eq!(balance["fingerprint"], format!("{:016x}", seed.ring().fingerprint()));
    assert_eq!(balance["nodes"][0]["weight"], 3);
    assert_eq!(balance["nodes"][0]["zone"], "east");
    assert_eq!(balance["nodes"][1]["name"], "c");
    assert_eq!(seed.sees(&["a", "c"]).len(), 2);

    fails(&["ring", "owner", "k", "--seed", &addr, "--ring-tags", "role=none"], 3, "nobody");
    let nobody = address();
    fails(&["ring", "owner", "k", "--seed", &nobody], 4, "nothing listens");
    let both = format!("{nobody},{addr}");
    let done = run(&["ring", "owner", "k", "--seed", &both]);
    assert_eq!(done.output, format!("{}\n", seed.ring().owner("k").expect("an owner")));
    assert!(done.complaints.contains(&nobody), "{done:?}");
}

const THREE: [&str; 6] = ["--node", "web-1", "--node", "web-2=2@east", "--node", "web-3"];

fn three(before: &[&'static str], after: &[&'static str]) -> Vec<&'static str> {
    [before, &THREE, after].concat()
}

#[test]
fn a_key_has_its_owner_first() {
    let owner = said(&three(&["ring", "owner", "user:42"], &[]));
    let names: Vec<String> = said(&three(&["ring", "owner", "user:42"], &["-n", "9"]))
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!((names.len(), format!("{}\n", names[0])), (3, owner));
    let json = parsed(&three(&["ring", "owners", "user:42"], &["-o", "json", "-n", "2"]));
    assert_eq!(json["owners"], json!(names[..2]));
    assert_eq!((&json["key"], json["slot"].as_u64() < Some(65_536)), (&json!("user:42"), true));
    let table = said(&three(&["ring", "owners", "user:42"], &[]));
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["RANK", "NAME", "WEIGHT", "ZONE"]);
    let second = rows.iter().find(|row| row[1] == "web-2").expect("one of three");
    assert_eq!(second[2..], ["2", "east"]);
    assert_eq!(rows.len(), 4);
    // A variable is meant for members; what the command line says goes before it.
    let mut command = chinwag();
    command.args(three(&["ring", "owner", "user:42"], &[])).env("CHINWAG_SEEDS", "127.0.0.1:1");
    let done = command.output().expect("the command runs");
    assert_eq!(String::from_utf8_lossy(&done.stdout), format!("{}\n", names[0]));
}

#[test]
fn a_plan_says_what_keys_then_do() {
    let plan = three(&["ring", "plan", "--add", "web-4", "--remove", "web-1"], &[]);
    let json = parsed(&[&plan[..], &["-o", "json"]].concat());
    let moves = json["moves"].as_array().expect("a list");
    let slots: u64 = moves.iter().filter_map(|one| one["slots"].as_u64()).sum();
    let share = |field: &str| json[field].as_f64().expect("a number");
    assert!((share("moved") - slots as f64 / 65_536.0).abs() < 1e-9, "{json}");
    // A quarter goes, and a quarter is what the newcomer is entitled to.
    assert!((share("ideal") - 0.25).abs() < 1e-9 && share("moved") >= 0.24, "{json}");
    let table = said(&plan);
    let sum = table.lines().last().expect("a sentence");
    assert!(sum.contains(&format!(", {slots} of 65536 slots; ideal by weight 25.00 %")), "{sum}");

    let file = Scratch::holding("plan.json", &json.to_string());
    let keys: Vec<String> = (0..1_000).map(|key| format!("user:{key}")).collect();
    let input = [keys.join("\n").as_bytes(), b"\n\xff\xfe\n"].concat();
    let lines = |arguments: &[&str]| -> BTreeMap<String, Value> {
        let done = fed(arguments, &input);
        assert_eq!((done.status, &*done.complaints), (0, ""), "{done:?}");
        let line = |line: &str| {
            let line: Value = serde_json::from_str(line).expect("one object a line");
            let key = line["key"].as_str().or_else(|| line["base64"].as_str());
            (key.expect("a key").to_owned(), line.clone())
        };
        done.output.lines().map(line).collect()
    };
    let before = lines(&three(&["ring", "keys", "-o", "json"], &[]));
    let nodes = ["--node", "web-2=2@east", "--node", "web-3", "--node", "web-4"];
    let after = lines(&[&["ring", "keys", "-o", "json"], &nodes[..]].concat());
    let moved = lines(&["ring", "keys", "-o", "json", "--moved-by", file.path()]);
    assert!(before.contains_key("//4="), "a key that is no text");
    assert_eq!(before.len(), 1_001);
    for (key, line) in &before {
        let (from, to) = (&line["owner"], &after[key]["owner"]);
        let told = moved.get(key).map(|line| (&line["from"], &line["to"]));
        assert_eq!(told, (from != to).then_some((from, to)), "{key}");
    }
    let words = fed(&["ring", "keys", "--moved-by", file.path()], &input).output;
    assert_eq!(words.lines().count(), moved.len());
    assert!(words.lines().all(|line| line.split('\t').count() == 3), "{words}");
}

#[test]
fn a_ring_of_a_file_is_that_of_the_library() {
    let ring = chinwag::ring::Ring::builder()
        .profile(chinwag::ring::Profile::Ketama)
        .nodes(["a", "b", "c"])
        .pin("user:42", "c")
        .build()
        .expect("a ring");
    let file = Scratch::holding("ring.json", &ring.to_json());
    assert_eq!(said(&["ring", "owner", "user:42", "--ring", file.path()]), "c\n");
    let json = parsed(&["ring", "balance", "--ring", file.path(), "-o", "json"]);
    assert_eq!((&json["profile"], json.get("slots")), (&json!("ketama"), None));
    let shares = json["nodes"].as_array().expect("a list").iter();
    let all: f64 = shares.filter_map(|one| one["share"].as_f64()).sum();
    assert!((all - 1.0).abs() < 1e-9, "{json}");
    let plan = said(&["ring", "plan", "--ring", file.path(), "--remove", "a"]);
    let rows: Vec<Vec<&str>> = plan.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["FROM", "TO", "SHARE"]);
    assert_eq!((rows[1][..2].to_vec(), rows[2][..2].to_vec()), (vec!["a", "b"], vec!["a", "c"]));
}

#[test]
fn pictures_are_written_beside_what_is_printed() {
    let file = Scratch::new("picture.svg");
    let balance = three(&["ring", "balance"], &[]);
    let drawn = said(&[&balance[..], &["--svg", file.path()]].concat());
    assert_eq!(drawn, said(&balance));
    let svg = file.text();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    assert!(svg.contains("Shares of 3 nodes: max/mean 1.497, max/ideal 1.005"), "{svg}");
    assert!(["web-1", "web-2", "web-3"].iter().all(|name| svg.contains(name)), "{svg}");
    let plan = three(&["ring", "plan", "--add", "web-4"], &["-o", "json", "--svg"]);
    parsed(&[&plan[..], &[file.path()]].concat());
    let svg = file.text();
    assert!(svg.contains("of all keys move, ideal 20.00 %"), "{svg}");
    assert!(svg.matches("<polygon").count() >= 3, "{svg}");
    let nowhere = three(&["ring", "balance", "--svg", "/nonexistent/x.svg"], &[]);
    fails(&nowhere, 1, "/nonexistent/x.svg");
}

#[test]
fn mistakes_are_usage_and_name_what_is_wrong() {
    let plan = three(&["ring", "plan"], &[]);
    fails(&plan, 2, "--add NAME");
    fails(&[&plan[..], &["--remove", "web-9"]].concat(), 2, "\"web-9\" is not in the ring");
    fails(&[&plan[..], &["--add", "web-1"]].concat(), 2, "in the ring already");
    fails(&[&plan[..], &["--add", "web-9=many"]].concat(), 2, "web-9=many");
    fails(&["ring", "owner", "k"], 2, "say whose ring");
    fails(&["ring", "owner", "--node", "a"], 2, "<KEY>");
    fails(&["ring", "owner", "k", "--node", "a", "-n", "0"], 2, "'0'");
    let file = Scratch::holding("broken.json", "{\"nodes\":[{\"nam\":1}]}");
    fails(&["ring", "balance", "--ring", file.path()], 2, "needs a field `name`");
    fails(&["ring", "keys", "--moved-by", file.path()], 2, "lacks the ring `before`");
    fails(&["ring", "balance", "--ring", "/nonexistent/ring"], 1, "/nonexistent/ring");
    let long = fed(&three(&["ring", "keys"], &[]), &vec![b'x'; (1 << 20) + 1]);
    assert_eq!((long.status, &*long.output), (2, ""), "{long:?}");
    assert!(long.complaints.contains("line 1 is longer"), "{long:?}");
}

#[test]
fn clocks_are_compared_merged_and_shown() {
    let (a, b) = (r#"{"web-1":2}"#, r#"{"web-1":1,"web-2":1}"#);
    let merged = r#"{"web-1":2,"web-2":1}"#;
    let compared = |one: &str, other: &str| said(&["vclock", "compare", one, other]);
    assert_eq!(compared(a, b), "concurrent\n");
    assert_eq!(compared(a, merged), "before\n");
    assert_eq!(compared(merged, b), "after\n");
    assert_eq!(compared(b, b), "equal\n");
    assert_eq!(said(&["vclock", "merge", a, b]), format!("{merged}\n"));
    let hex = said(&["vclock", "merge", a, b, "-o", "hex"]);
    assert_eq!(said(&["vclock", "show", hex.trim(), "-o", "json"]), format!("{merged}\n"));
    assert_eq!(compared(hex.trim(), merged), "equal\n");
    let stamped = r#"{"web-1":{"count":2,"time":1795316450000000}}"#;
    let table = said(&["vclock", "show", stamped]);
    let expected = "ACTOR  COUNT  INSERT  TIME\nweb-1  2      -       1795316450000000\n";
    assert_eq!(table, expected);
    fails(&["vclock", "compare", a, "web-1"], 2, "B: bad_argument");
    fails(&["vclock", "compare", a], 2, "<B>");
}
