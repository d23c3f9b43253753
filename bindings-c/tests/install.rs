//! Installed as a user does it, and used as a user does: by pkg-config, statically, by CMake.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::{root, run, scratch};

/// The tree that `install.sh` makes, below a DESTDIR: nothing is found where it says by accident.
fn installed(name: &str) -> PathBuf {
    let folder = scratch().join(name);
    let _ = std::fs::remove_dir_all(&folder);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target");
    run(Command::new("sh")
        .arg(root().join("bindings-c/install.sh"))
        .env("DESTDIR", &folder)
        .env("PREFIX", "/opt/chinwag")
        .env("PROFILE", "dev")
        .env("CARGO_TARGET_DIR", target));
    folder
}

/// `cc`, as the README says it, but with every warning.
fn cc(folder: &Path, program: &Path, kind: &str) {
    let warnings = "-std=c99 -Wall -Wextra -Wpedantic -Werror";
    let script = format!("cc {warnings} \"$1\" -o \"$2\" $(pkg-config {kind} chinwag)");
    let source = root().join("bindings-c/examples/join.c");
    run(Command::new("sh")
        .args(["-euc", &script, "sh"])
        .arg(source)
        .arg(program)
        .env("PKG_CONFIG_SYSROOT_DIR", folder)
        .env("PKG_CONFIG_LIBDIR", folder.join("opt/chinwag/lib/pkgconfig")));
}

#[test]
fn the_tree_is_complete_and_relocatable() {
    let folder = installed("tree");
    let lib = folder.join("opt/chinwag/lib");
    let version = env!("CARGO_PKG_VERSION");
    let target = |name: &str| std::fs::read_link(lib.join(name)).expect("a link");
    assert_eq!(target("libchinwag.so"), Path::new("libchinwag.so.0"));
    assert_eq!(target("libchinwag.so.0"), Path::new(&format!("libchinwag.so.{version}")));
    assert!(lib.join("libchinwag.a").is_file());
    assert!(folder.join("opt/chinwag/include/chinwag.h").is_file());
    for file in ["pkgconfig/chinwag.pc", "cmake/chinwag/chinwag-config.cmake"] {
        let text = std::fs::read_to_string(lib.join(file)).expect("readable");
        assert!(text.contains("/opt/chinwag/lib"), "{file}");
        let built_in = folder.to_str().expect("text");
        assert!(!text.contains(built_in), "{file} names the folder that it was built in");
    }
}

#[test]
fn one_line_compiles_a_program() {
    let folder = installed("shared");
    let program = folder.join("join");
    cc(&folder, &program, "--cflags --libs");
    let lib = folder.join("opt/chinwag/lib");
    two_meet(|| {
        let mut command = Command::new(&program);
        command.env("LD_LIBRARY_PATH", &lib);
        command
    });
}

#[test]
fn a_program_can_hold_the_library() {
    let folder = installed("static");
    let program = folder.join("join");
    std::fs::remove_file(folder.join("opt/chinwag/lib/libchinwag.so")).expect("it is there");
    cc(&folder, &program, "--cflags --libs --static");
    two_meet(|| Command::new(&program));
}

#[test]
fn cmake_finds_the_package() {
    let here = Command::new("cmake").arg("--version").output().is_ok();
    if !here && std::env::var_os("CI").is_none() {
        eprintln!("left out: there is no cmake on this machine");
        return;
    }
    let folder = scratch().join("cmake");
    let _ = std::fs::remove_dir_all(&folder);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target");
    run(Command::new("sh")
        .arg(root().join("bindings-c/install.sh"))
        .env("PREFIX", folder.join("prefix"))
        .env("PROFILE", "dev")
        .env("CARGO_TARGET_DIR", target));
    let lists = format!(
        "cmake_minimum_required(VERSION 3.13)\nproject(join C)\n\
         find_package(chinwag {}.{} REQUIRED)\n\
         foreach(kind shared static)\n\
         add_executable(join-${{kind}} {})\n\
         target_link_libraries(join-${{kind}} chinwag::${{kind}})\n\
         endforeach()\n",
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
        root().join("bindings-c/examples/join.c").display()
    );
    std::fs::write(folder.join("CMakeLists.txt"), lists).expect("writable");
    let prefix = format!("-DCMAKE_PREFIX_PATH={}", folder.join("prefix").display());
    run(Command::new("cmake").args(["-S", ".", "-B", "build", &prefix]).current_dir(&folder));
    run(Command::new("cmake").args(["--build", "build"]).current_dir(&folder));
    for kind in ["shared", "static"] {
        two_meet(|| Command::new(folder.join(format!("build/join-{kind}"))));
    }
}

/// Two runs of the example meet, tell a tag, and part.
fn two_meet(command: impl Fn() -> Command) {
    let mut first = Member::start(command().args(["first", "-"]));
    let addr = first.expect("ready first ").trim_start_matches("ready first ").to_owned();
    let mut second = Member::start(command().args(["second", &addr, "role=web"]));
    second.expect("ready second ");
    second.expect("member-join first ");
    assert!(first.expect("member-join second ").ends_with(" alive role=web"));
    second.tell("tag role=db");
    assert!(first.expect("member-update second ").ends_with(" alive role=db"));
    second.tell("leave");
    first.expect("member-leave second ");
    assert!(second.child.wait().expect("it ends").success());
    drop(first.stdin.take());
    assert!(first.child.wait().expect("it ends").success());
}

const DEADLINE: Duration = Duration::from_secs(30);

/// A running example.
struct Member {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Member {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
            lines.all(|line| sender.send(line).is_ok())
        });
        Self { child, stdin, lines }
    }

    /// The next line that starts so.
    fn expect(&mut self, start: &str) -> String {
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) if line.starts_with(start) => return line,
                Ok(_) => {}
                Err(cause) => panic!("no line starts with {start:?}: {cause}"),
            }
        }
    }

    fn tell(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("not ended");
        writeln!(stdin, "{line}").expect("it listens");
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // A test that failed leaves nobody behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
