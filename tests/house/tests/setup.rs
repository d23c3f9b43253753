//! `tests/steps/setup.sh` on machines that lack things, played with programs that only take notes.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chinwag_house::files;

/// Programs of the base system that the script may use.
const BASE: &[&str] =
    &["sh", "dirname", "id", "mkdir", "rm", "cp", "cmp", "chmod", "cat", "env", "touch"];

/// A machine of its own: a tree with the script, and a folder of programs.
struct Machine {
    root: PathBuf,
}

impl Machine {
    /// With the base system and `programs`.
    fn new(name: &str, programs: &[&str]) -> Self {
        let root = files::root().join("target/house/setup").join(name);
        let _ = fs::remove_dir_all(&root);
        for folder in ["bin", "tests/steps", "bindings-python", "bindings-node"] {
            fs::create_dir_all(root.join(folder)).expect("writable");
        }
        let script = "tests/steps/setup.sh";
        fs::copy(files::root().join(script), root.join(script)).expect("the script");
        let machine = Self { root };
        for name in BASE {
            let place = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(name));
            let place = place.iter().find(|place| place.exists()).expect("a base system");
            symlink(place, machine.root.join("bin").join(name)).expect("writable");
        }
        for name in programs {
            machine.program(name, "exit 0");
        }
        machine
    }

    /// A program that takes notes and then does `what`.
    fn program(&self, name: &str, what: &str) {
        let path = self.root.join("bin").join(name);
        let _ = fs::remove_file(&path);
        let notes = self.root.join("notes");
        let text = format!("#!/bin/sh\necho {name} \"$@\" >>'{}'\n{what}\n", notes.display());
        fs::write(&path, text).expect("writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("allowed");
    }

    fn file(&self, path: &str) {
        fs::write(self.root.join(path), "x\n").expect("writable");
    }

    fn set_up(&self, goal: &str, ci: &str) -> Output {
        Command::new("/bin/sh")
            .arg(self.root.join("tests/steps/setup.sh"))
            .arg(goal)
            .env_clear()
            .env("PATH", self.root.join("bin"))
            .env("POLICY_RC_D", self.root.join("policy-rc.d"))
            .env("CI", ci)
            .output()
            .expect("a shell")
    }

    /// What the programs noted since the last time.
    fn notes(&self) -> String {
        let path = self.root.join("notes");
        let notes = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        notes
    }
}

/// Everything but what Debian has to bring.
const LANGUAGES: &[&str] = &["cargo", "node", "npm", "go", "rustup"];

/// Installs each package as the command that the script looks for.
const APT_GET: &str = r#"for package in "$@"; do
    case "$package" in
        gcc) name=cc ;;
        g++) name=c++ ;;
        erlang-nox) name=erl ;;
        elixir) name=mix ;;
        iproute2) name=ip ;;
        nftables) name=nft ;;
        -*|install|update) continue ;;
        *) name=$package ;;
    esac
    cp "$(dirname "$0")/cargo" "$(dirname "$0")/$name"
done"#;

/// Makes a virtual environment when it is told to.
const PYTHON: &str = r#"case "$*" in
    "-m venv"*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
esac"#;

/// A machine with Rust, Python and Node, on which installing works.
fn fresh(name: &str) -> Machine {
    let machine = Machine::new(name, LANGUAGES);
    machine.program("id", "echo 0");
    machine.program("python3", PYTHON);
    machine.program("apt-get", APT_GET);
    machine.file("bindings-python/requirements-dev.txt");
    machine.file("bindings-node/package-lock.json");
    machine
}

#[test]
fn a_fresh_machine_gets_everything_once() {
    let machine = fresh("fresh");
    let output = machine.set_up("test", "true");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let notes = machine.notes();
    for wanted in ["erlang-nox", "elixir", "valgrind", "serf", "iproute2", "npm ci"] {
        assert!(notes.contains(wanted), "{wanted} is not in\n{notes}");
    }
    let again = machine.set_up("test", "true");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let notes = machine.notes();
    for fetch in ["apt-get", "npm ci", "pip install", "-m venv"] {
        assert!(!notes.contains(fetch), "{fetch} again:\n{notes}");
    }
    assert!(!machine.root.join("policy-rc.d").exists(), "services may start again");
}

#[test]
fn the_demonstration_does_not_get_what_only_tests_need() {
    let machine = fresh("demo");
    assert!(machine.set_up("demo", "").status.success());
    let notes = machine.notes();
    assert!(notes.contains("elixir") && !notes.contains("valgrind"), "{notes}");
}

#[test]
fn without_root_it_says_what_is_left_out() {
    let machine = fresh("no-root");
    machine.program("id", "echo 1000");
    let output = machine.set_up("test", "");
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("only root") && said.contains("valgrind"), "{said}");
    assert!(!machine.notes().contains("apt-get"));
}

#[test]
fn nothing_may_be_left_out_under_ci() {
    let machine = fresh("ci");
    machine.program("apt-get", "exit 100");
    assert_eq!(machine.set_up("test", "true").status.code(), Some(1));
    assert_eq!(machine.set_up("test", "").status.code(), Some(0));
}

#[test]
fn a_failed_download_is_tried_again() {
    let machine = fresh("again");
    machine.program("npm", "exit 1");
    let output = machine.set_up("test", "");
    assert!(String::from_utf8_lossy(&output.stderr).contains("npm ci failed"));
    machine.notes();
    machine.program("npm", "exit 0");
    assert!(machine.set_up("test", "true").status.success());
    assert!(machine.notes().contains("npm ci"));
}
