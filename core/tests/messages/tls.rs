//! Messages between members that show each other certificates.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chinwag::payload::Value;
use chinwag::{Builder, ErrorKind, EventKind, Node, Replay};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::relay::{replay, tamper};
use super::{Counter, LIMIT, builder, get, known, meet, until};

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";
/// What a connection for messages with certificates begins with.
const HELLO: &[u8] = b"\xcbcwm\x01\x02";

/// Signs members.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Writes a certificate with these names, and its key.
    fn sign(&self, folder: &Path, names: &[&str]) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let params = CertificateParams::new(names).expect("names of the DNS");
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.0).expect("a certificate");
        put(&folder.join("n.crt"), &cert.pem());
        put(&folder.join("n.key"), &key.serialize_pem());
    }

    fn pem(&self) -> String {
        self.0.pem()
    }
}

/// Writes a file in one piece, readable by nobody else.
fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("there is room");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).expect("it is ours");
    }
    fs::rename(&new, path).expect("the same folder");
}

/// Files of members, each in a folder of its own.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room"))
    }

    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.0.path().join(name);
        fs::create_dir_all(&folder).expect("there is room");
        folder
    }

    /// Of a member whose certificate has that name, and who believes those.
    fn write(&self, name: &str, signer: &Authority, believed: &[&Authority]) {
        let folder = self.folder(name);
        signer.sign(&folder, &[name]);
        let believed: Vec<String> = believed.iter().map(|ca| ca.pem()).collect();
        put(&folder.join("ca.crt"), &believed.concat());
    }

    fn shown(&self, name: &str, builder: Builder) -> Builder {
        let folder = self.folder(name);
        let path = |file: &str| folder.join(file).to_str().expect("plain letters").to_owned();
        builder
            .option("tls_cert", &path("n.crt"))
            .option("tls_key", &path("n.key"))
            .option("tls_ca", &path("ca.crt"))
    }

    async fn start(&self, name: &str) -> Node {
        self.shown(name, builder(name)).start().await.expect("it starts")
    }
}

/// `b`, which serves a counter, and somebody who has met it.
async fn serving(files: &Files) -> Node {
    let b = files.start("b").await;
    b.serve("counter", Counter::default()).await.expect("a free name");
    b
}

async fn joins(node: &Node, b: &Node) {
    meet(node, b).await;
    known(node, "counter", 1).await;
}

async fn connect(node: &Node) -> TcpStream {
    TcpStream::connect(node.local_member().addr()).await.expect("it listens")
}

/// What comes until the node closes.
async fn rest(mut socket: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = socket.read_to_end(&mut bytes);
    // A reset is an end as well.
    let _ = tokio::time::timeout(LIMIT, read).await.expect("it is closed");
    bytes
}

/// The error of a call that is refused, and not run.
async fn refused(node: &Node) -> String {
    let error = node.call("counter", "add", 1).await.map(drop).expect_err("it is refused");
    assert_eq!((error.kind(), error.maybe_executed()), (ErrorKind::NodeDown, false), "{error}");
    error.message().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_with_certificates_call_and_cast_with_keys_and_without() {
    let (files, ca) = (Files::new(), Authority::new("ours"));
    for name in ["a", "b"] {
        files.write(name, &ca, &[&ca]);
    }
    for key in [None, Some(KEY)] {
        let with = |name: &str| {
            let builder = files.shown(name, builder(name)).option("cluster", "blue");
            key.into_iter().fold(builder, |builder, key| builder.option("keys", key))
        };
        let [a, b] =
            [with("a").start().await, with("b").start().await].map(|node| node.expect("it starts"));
        b.serve("counter", Counter::default()).await.expect("a free name");
        joins(&a, &b).await;
        for _ in 0..100 {
            a.cast("counter", "add", 1).await.expect("there is room");
        }
        assert_eq!(get(&a, "counter@b").await, 100);
        let long = vec![7_u8; 900_000];
        let answer = a.call("counter", "echo", &long[..]).timeout(LIMIT).await.expect("it answers");
        assert_eq!(answer.value(), Ok(Value::Bytes(long)));
        assert_eq!((a.stats().links_refused, b.stats().links_refused), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_signed_by_somebody_else_is_refused_on_both_sides() {
    let files = Files::new();
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    files.write("b", &ours, &[&ours]);
    files.write("stranger", &theirs, &[&theirs]);
    files.write("rogue", &theirs, &[&ours, &theirs]);
    let b = serving(&files).await;
    let stranger = files.start("stranger").await;
    joins(&stranger, &b).await;
    let text = refused(&stranger).await;
    assert!(text.contains("its certificate is not signed by any in tls_ca"), "{text}");
    until("both have counted", || {
        [&stranger, &b].iter().all(|node| node.stats().links_keys_refused > 0)
    })
    .await;
    // It believes us, and we do not believe it.
    let rogue = files.start("rogue").await;
    joins(&rogue, &b).await;
    let text = refused(&rogue).await;
    assert!(text.contains("this node's certificate is not signed by any in its tls_ca"), "{text}");
    assert_eq!((b.stats().links_accepted, b.stats().calls_served), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_counts_only_with_a_certificate_for_it() {
    let (files, ca) = (Files::new(), Authority::new("ours"));
    for name in ["a", "b", "c"] {
        files.write(name, &ca, &[&ca]);
    }
    // A node finds out by itself, before anybody is told its name.
    let start = files.shown("a", builder("b2")).start().await;
    let error = start.map(drop).expect_err("another name");
    assert_eq!(error.kind(), ErrorKind::BadConfig);
    for part in ["tls_cert: the file ", "n.crt", "\"b2\"", "chinwag:/b2", "it has a;"] {
        assert!(error.message().contains(part), "{error}");
    }
    // One that does not check may say anything, and is not believed by those who do.
    let lax = |files_of: &str, name: &str| {
        files.shown(files_of, builder(name)).option("tls_verify_name", "false")
    };
    let b = serving(&files).await;
    let liar = lax("a", "liar").start().await.expect("it starts");
    joins(&liar, &b).await;
    let text = refused(&liar).await;
    assert!(text.contains("this node's certificate does not have its name"), "{text}");
    until("it is counted", || b.stats().links_keys_refused == 1).await;
    // The other way: it is dialled, and shows a certificate of somebody else's.
    liar.serve("trap", Counter::default()).await.expect("a free name");
    known(&b, "trap", 1).await;
    let error = b.call("trap", "get", ()).await.map(drop).expect_err("it is refused");
    assert!(error.message().contains("its certificate does not have that name"), "{error}");
    assert!(!error.maybe_executed());
    assert_eq!((liar.stats().calls_served, b.stats().calls_served), (0, 0));
    assert_eq!(b.stats().links_keys_refused, 2);
    // Where nobody checks, it is as good as any.
    let c = lax("c", "anything").start().await.expect("it starts");
    joins(&c, &b).await;
    known(&c, "trap", 1).await;
    assert_eq!(get(&c, "trap").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_way_down_to_keys_or_to_plaintext() {
    let (files, ca) = (Files::new(), Authority::new("ours"));
    for name in ["b", "d"] {
        files.write(name, &ca, &[&ca]);
    }
    for key in [None, Some(KEY)] {
        let with = |builder: Builder| match key {
            Some(key) => builder.option("keys", key),
            None => builder,
        };
        let b = with(files.shown("b", builder("b"))).start().await.expect("it starts");
        b.serve("counter", Counter::default()).await.expect("a free name");
        let c = with(builder("c")).start().await.expect("it starts");
        c.serve("trap", Counter::default()).await.expect("a free name");
        joins(&c, &b).await;
        known(&b, "trap", 1).await;
        for (from, to, target) in [(&c, &b, "counter"), (&b, &c, "trap")] {
            let before = to.stats().links_keys_refused;
            let error = from.call(target, "add", 1).await.map(drop).expect_err("it is refused");
            assert!(error.message().contains("one side demands certificates"), "{error}");
            until("it is counted", || to.stats().links_keys_refused > before).await;
            assert_eq!((to.stats().links_accepted, to.stats().calls_served), (0, 0));
        }
    }
    // As bytes: each way to greet is told that certificates are wanted.
    let b = serving(&files).await;
    for mode in [&[0][..], &[&[1][..], &[0; 52]].concat()] {
        let mut socket = connect(&b).await;
        socket.write_all(&[&HELLO[..5], mode].concat()).await.expect("it is open");
        assert_eq!(rest(socket).await, b"\xcbcwm\x01\x07");
    }
    until("both are counted", || b.stats().links_keys_refused == 2).await;
    // The membership is under no certificate: it takes keys, or to be told that it does without.
    let open = files.shown("d", builder("d")).bind("0.0.0.0:0").start().await;
    let error = open.map(drop).expect_err("the membership would be in clear");
    assert!(error.message().contains("there is no key"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_handshake_ends_soon_and_is_counted() {
    let (files, ca) = (Files::new(), Authority::new("ours"));
    for name in ["a", "b"] {
        files.write(name, &ca, &[&ca]);
    }
    let (a, b) = (files.start("a").await, serving(&files).await);
    joins(&a, &b).await;
    let large = [&[0x16, 3, 1, 0x3f, 0xff, 1, 0, 0xff, 0xff][..], &[0; 20_000]].concat();
    let garbage =
        [&[0; 64][..], b"GET / HTTP/1.1\r\n\r\n", &[0x16, 3, 3, 0, 1, 1, 0x17, 3], &large];
    for (number, bytes) in garbage.into_iter().enumerate() {
        let mut socket = connect(&b).await;
        let _ = socket.write_all(&[HELLO, bytes].concat()).await;
        if bytes.len() > 1_000 {
            // It promises more than it sends.
            let _ = socket.shutdown().await;
        }
        rest(socket).await;
        until("it is counted", || b.stats().links_refused > number as u64).await;
    }
    // TLS without a greeting is no stream of anybody's.
    let mut socket = connect(&b).await;
    let _ = socket.write_all(&[0x16, 3, 1, 0, 100]).await;
    rest(socket).await;
    // One byte after the other, without an end.
    let (mut reader, mut writer) = connect(&b).await.into_split();
    let slow = tokio::spawn(async move {
        let hello = [HELLO, &[0x16, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xfb]].concat();
        for byte in hello.into_iter().chain(std::iter::repeat(0)) {
            if writer.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut told = Vec::new();
    let read = reader.read_to_end(&mut told);
    let _ = tokio::time::timeout(LIMIT, read).await.expect("it is closed");
    assert_eq!(told, b"\xcbcwm\x01\x00", "it was heard, and got no further");
    slow.await.expect("it ends with the connection");
    assert_eq!(get(&a, "counter").await, 0);
    assert_eq!((b.stats().links_accepted, b.stats().calls_served), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_that_never_show_anything_are_let_go() {
    let (files, ca) = (Files::new(), Authority::new("ours"));
    for name in ["a", "b"] {
        files.write(name, &ca, &[&ca]);
    }
    let (a, b) = (files.start("a").await, serving(&files).await);
    joins(&a, &b).await;
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        let socket = TcpSocket::new_v4().expect("there are enough");
        socket.bind("127.0.0.10:0".parse().expect("an address")).expect("it is ours");
        let connected = socket.connect(b.local_member().addr()).await;
        let mut socket = connected.expect("it listens");
        let _ = socket.write_all(&[HELLO, &[0x16, 3, 1, 2, 0, 1]].concat()).await;
        idle.push(socket);
    }
    for _ in 0..100 {
        a.call("counter", "add", 1).await.expect("it answers");
    }
    for socket in idle {
        rest(socket).await;
    }
    until("each is counted", || b.stats().links_refused >= 16).await;
    assert_eq!(get(&a, "counter").await, 100);
    assert_eq!(b.stats().links_accepted, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_change_under_load_and_nothing_is_lost() {
    let files = Files::new();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    for name in ["a", "b"] {
        files.write(name, &old, &[&old]);
    }
    let (a, b) = (files.start("a").await, serving(&files).await);
    joins(&a, &b).await;
    let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (caller, is_over) = (a.clone(), ended.clone());
    let calls = tokio::spawn(async move {
        let mut count = 0;
        while !is_over.load(std::sync::atomic::Ordering::SeqCst) {
            caller.call("counter", "get", ()).timeout(LIMIT).await.expect("it answers");
            count += 1;
        }
        count
    });
    // First all believe both, then all show the new one, then the old one counts no more.
    for name in ["a", "b"] {
        put(&files.folder(name).join("ca.crt"), &(old.pem() + &new.pem()));
    }
    files.write("c", &new, &[&new, &old]);
    let c = files.start("c").await;
    joins(&c, &b).await;
    answered(&c, "a new one is believed").await;
    for name in ["a", "b"] {
        files.write(name, &new, &[&new]);
    }
    // Files are looked at once a second: somebody who comes before that is still believed.
    let late = async {
        for number in 0.. {
            let name = format!("late-{number}");
            files.write(&name, &old, &[&old, &new]);
            let late = files.start(&name).await;
            joins(&late, &b).await;
            if let Err(error) = late.call("counter", "get", ()).await {
                return (name, late, error.message().to_owned());
            }
            late.leave(LIMIT).await.expect("it is here");
        }
        unreachable!("there are enough numbers")
    };
    let (name, late, text) = tokio::time::timeout(LIMIT, late).await.expect("it is refused");
    assert!(text.contains("this node's certificate is not signed by any in its tls_ca"), "{text}");
    files.write(&name, &new, &[&new]);
    answered(&late, "with a new certificate it is believed again").await;
    // Those who were connected have not noticed.
    ended.store(true, std::sync::atomic::Ordering::SeqCst);
    let count = calls.await.expect("all are answered");
    assert!(count > 100, "{count}");
    assert_eq!((a.stats().links_lost, a.stats().links_opened), (0, 1));
}

/// Waits until a call is answered. Files are looked at once a second.
async fn answered(node: &Node, what: &str) {
    let waiting = async {
        while node.call("counter", "get", ()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_not_good_are_told_and_change_nothing() {
    let (files, ca) = (Files::new(), Authority::new("ours"));
    for name in ["a", "b"] {
        files.write(name, &ca, &[&ca]);
    }
    let (a, b) = (files.start("a").await, serving(&files).await);
    let mut events = b.events(Replay::No);
    put(&files.folder("b").join("n.crt"), "hunter2");
    // Somebody has to connect for it to be looked at.
    let at = b.local_member().addr();
    let knocking = tokio::spawn(async move {
        while let Ok(mut socket) = TcpStream::connect(at).await {
            let _ = socket.write_all(HELLO).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let warned = async {
        loop {
            let event = events.next().await.expect("it runs");
            if let EventKind::Warning(warning) = &event.kind {
                return warning.clone();
            }
        }
    };
    let warning = tokio::time::timeout(LIMIT, warned).await.expect("it is told");
    assert_eq!(warning.code.as_str(), "tls-files");
    assert!(warning.subject.ends_with("n.crt"), "{warning:?}");
    assert!(warning.text.contains("has no certificate in PEM"), "{warning:?}");
    assert!(!warning.text.contains("hunter2"), "{warning:?}");
    joins(&a, &b).await;
    assert_eq!(get(&a, "counter").await, 0, "what was there before is in force");
    knocking.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_named_at_the_start() {
    let (files, ca) = (Files::new(), Authority::new("ours"));
    files.write("a", &ca, &[&ca]);
    for (file, option) in [("n.crt", "tls_cert"), ("n.key", "tls_key"), ("ca.crt", "tls_ca")] {
        let path = files.folder("a").join(file);
        let content = fs::read(&path).expect("it is there");
        for text in [None, Some("hunter2".to_owned()), Some("x".repeat(1_100_000))] {
            match &text {
                Some(text) => fs::write(&path, text).expect("there is room"),
                None => fs::remove_file(&path).expect("it was there"),
            }
            let start = files.shown("a", builder("a")).start().await;
            let error = start.map(drop).expect_err("it cannot start");
            assert_eq!(error.kind(), ErrorKind::BadConfig);
            let shown =
                error.message().starts_with(&format!("{option}: the file {}", path.display()));
            assert!(shown && !error.message().contains("hunter2"), "{error}");
        }
        fs::write(&path, content).expect("there is room");
    }
    files.start("a").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_before_is_not_heard_again() {
    let (files, ca) = (Files::new(), Authority::new("ours"));
    for name in ["a", "b"] {
        files.write(name, &ca, &[&ca]);
    }
    replay("127.0.0.35", "127.0.0.36", |name, builder| files.shown(name, builder)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_on_the_way_is_not_heard() {
    let (files, ca) = (Files::new(), Authority::new("ours"));
    for name in ["a", "b"] {
        files.write(name, &ca, &[&ca]);
    }
    tamper("127.0.0.37", "127.0.0.38", |name, builder| files.shown(name, builder)).await;
}
