//! Workers that are processes of their own, and end as these do. A test runs this file's own binary
//! again as a child.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use chinwag::ErrorKind;

use super::*;

/// The socket that a child attaches to.
const SOCKET: &str = "CHINWAG_WORKERS_SOCKET";
/// Set where a test has the process for itself.
pub(super) const ALONE: &str = "CHINWAG_WORKERS_ALONE";

/// Runs a test of this file's binary in a process of its own.
pub(super) fn run_alone(test: &str) {
    let this = std::env::current_exe().expect("a test has a path");
    let mut child = Command::new(this);
    let ran = child.args(["--exact", test, "--nocapture"]).env(ALONE, "1").output();
    let ran = ran.expect("it starts");
    let said = String::from_utf8_lossy(&ran.stdout);
    let cause = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}{cause}");
}

/// The child's part; does nothing in an ordinary test run.
#[tokio::test]
async fn child() {
    let Ok(path) = std::env::var(SOCKET) else { return };
    let w = match attach(Path::new(&path)).await {
        Ok(w) => w,
        Err(error) => {
            println!("\nrefused: {error}");
            return;
        }
    };
    w.serve("web", Named("child")).await.expect("several may");
    println!("\nready");
    std::future::pending::<()>().await;
}

/// A child, whose output stays open for as long as it runs.
struct Running {
    child: Child,
    _lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Running {
    /// A child, and what it says first.
    fn start(mut command: Command, path: &Path) -> (Self, String) {
        let mut child = command
            .args(["--exact", "processes::child", "--nocapture"])
            .env(SOCKET, path)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut said = lines.by_ref().map_while(std::io::Result::ok);
        let first = said.find(|line| line == "ready" || line.starts_with("refused"));
        let first = first.unwrap_or_default();
        (Self { child, _lines: lines }, first)
    }

    fn worker(path: &Path) -> Self {
        let this = std::env::current_exe().expect("a test has a path");
        let (child, said) = Self::start(Command::new(this), path);
        assert_eq!(said, "ready");
        child
    }

    fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_is_gone_at_once_and_what_it_was_at_fails() {
    let (_folder, path) = socket();
    let (a, b) = (member("a", &path).await, builder("b").start().await.expect("it starts"));
    meet(&b, &a).await;
    let mut children = [(); 2].map(|()| Running::worker(&path));
    known(&b, "web", 1).await;
    assert_eq!(a.stats().workers, 2);
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let b = b.clone();
            tokio::spawn(async move { b.call("web", "never", ()).timeout(LIMIT).await })
        })
        .collect();
    until("both are handed over", || a.stats().calls_served == 2).await;
    children[0].kill();
    until("it is gone", || a.stats().workers == 1).await;
    // The other one is at its call still.
    children[1].kill();
    for call in calls {
        let error = call.await.expect("no panic").expect_err("it was killed");
        assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::NodeDown, true), "{error}");
    }
    known(&b, "web", 0).await;
    let again = Running::worker(&path);
    known(&b, "web", 1).await;
    assert_eq!(ask(&b, "web", "name").await, "child");
    drop(again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_user_is_refused_whatever_the_file_says() {
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt as _;
        own.uid() == 0
    });
    let setpriv = Command::new("setpriv").arg("--version").output().is_ok();
    if !(root && setpriv) {
        println!("left out: it takes root and setpriv to be another user");
        return;
    }
    let (folder, path) = socket();
    let a = member("a", &path).await;
    let open = |path: &Path, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(path, mode).expect("it is ours");
    };
    // The binary may be where others may not look.
    let this = folder.path().join("test");
    std::fs::copy(std::env::current_exe().expect("a path"), &this).expect("there is room");
    open(folder.path(), 0o755);
    open(&this, 0o755);
    open(&path, 0o666);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&this);
    let (_child, said) = Running::start(command, &path);
    assert!(said.contains("runs as another user"), "{said}");
    assert_eq!((a.stats().workers_attached, a.stats().workers_refused), (0, 1));
    worker(&path).await.close().await;
}
