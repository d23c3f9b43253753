//! The command under test.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::{Listed, root};

/// What the command did.
#[derive(Debug)]
pub struct Done {
    /// Its exit status.
    pub status: i32,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub complaints: String,
}

/// The command, freshly built, with an environment that says nothing to it.
pub fn chinwag() -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let program = BUILT.get_or_init(|| built(&["-p", "chinwag-cli"], "chinwag"));
    let mut command = Command::new(program);
    for (variable, _) in std::env::vars().filter(|(name, _)| name.starts_with("CHINWAG_")) {
        command.env_remove(variable);
    }
    command
}

/// Builds something with this test's own profile; where it is then.
///
/// # Panics
/// When it cannot be built.
pub fn built(what: &[&str], file: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a test has a path");
    let folder = this.ancestors().nth(2).expect("tests are in deps");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--locked", "-q"]).args(what).current_dir(root());
    if folder.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().expect("cargo runs").success(), "{build:?}");
    folder.join(file)
}

/// Runs the command to its end.
///
/// # Panics
/// When it cannot be run.
pub fn run(arguments: &[&str]) -> Done {
    let done = chinwag().args(arguments).output().expect("the command runs");
    Done {
        status: done.status.code().unwrap_or(-1),
        output: String::from_utf8_lossy(&done.stdout).into_owned(),
        complaints: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}

/// What `chinwag members` says of the cluster of `seed`.
///
/// # Panics
/// When it fails, or prints what is not its documented JSON.
pub fn members(seed: &str, more: &[&str]) -> Listed {
    let mut arguments = vec!["members", "--seed", seed, "-o", "json"];
    arguments.extend(more);
    let done = run(&arguments);
    assert_eq!(done.status, 0, "{done:?}");
    assert_eq!(done.complaints, "", "{done:?}");
    let list: Value = serde_json::from_str(&done.output).expect("one JSON document");
    let members = list["members"].as_array().expect("a list of members");
    let names: Vec<&str> = members.iter().filter_map(|m| m["name"].as_str()).collect();
    assert!(names.is_sorted(), "{names:?}");
    members.iter().map(listed).collect()
}

fn listed(member: &Value) -> (String, (String, std::collections::BTreeMap<String, String>)) {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let addr = text(&member["addr"]);
    assert!(addr.parse::<std::net::SocketAddr>().is_ok(), "{addr}");
    let tags = member["tags"].as_object().expect("tags are an object");
    let tags = tags.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    (text(&member["name"]), (text(&member["state"]), tags))
}
