//! Asking a node from outside what its cluster looks like.

#![cfg(feature = "runtime")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the peers that answer wrongly have sockets of their own"
)]

use std::time::Duration;

use chinwag::{Config, ErrorKind, Member, Node, query};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Far beyond what anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

const COMPRESSED: &str =
    include_str!("../../tests/vectors/memberlist/tcp-05-compressed-pushpull.hex");
const SEALED_ERROR: &str =
    include_str!("../../tests/vectors/memberlist/tcp-08-error-response-encrypted.hex");
const STATES: &str =
    include_str!("../../tests/vectors/memberlist/tcp-03-pushpull-states-0-1-2-3.hex");

fn bytes(vector: &str) -> Vec<u8> {
    let digits: String = vector.lines().filter(|line| !line.starts_with('#')).collect();
    let digits = digits.as_bytes().chunks(2);
    digits.map(hex).collect()
}

fn hex(pair: &[u8]) -> u8 {
    let digits = std::str::from_utf8(pair).expect("ASCII");
    u8::from_str_radix(digits, 16).expect("hexadecimal")
}

fn shown(members: &[Member]) -> Vec<String> {
    members.iter().map(|m| format!("{} {} {}", m.name(), m.addr(), m.state().as_str())).collect()
}

/// A peer that takes one question, and gives that answer whatever it was.
async fn peer(answer: Vec<u8>) -> (String, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("bound").to_string();
    let task = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut question = vec![0; 4096];
        let length = socket.read(&mut question).await.expect("a question");
        socket.write_all(&answer).await.expect("a reader");
        question.truncate(length);
        question
    });
    (addr, task)
}

fn labelled(cluster: &str) -> Config {
    let mut config = Config::new();
    config.set("cluster", cluster).expect("a label");
    config
}

async fn refusal(answer: &[u8], cluster: &str) -> String {
    refusal_of(ErrorKind::JoinFailed, answer, &labelled(cluster)).await
}

async fn refusal_of(kind: ErrorKind, answer: &[u8], options: &Config) -> String {
    let (addr, _task) = peer(answer.to_vec()).await;
    let error = query::members(&addr, options, LIMIT).await.expect_err("no members in that");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.message().starts_with(&addr), "{error}");
    error.message().to_owned()
}

#[tokio::test]
async fn a_plain_and_a_compressed_answer_are_sorted_lists() {
    let (addr, question) = peer(bytes(STATES)).await;
    let members = query::members(&addr, &labelled(""), LIMIT).await.expect("a list");
    assert_eq!(
        shown(&members),
        [
            "alpha 127.0.0.81:18090 alive",
            "bravo 127.0.0.82:18090 left",
            "delta 127.0.0.84:18090 failed",
            "foxtrot 127.0.0.86:18090 suspect",
        ]
    );
    // A push/pull that brings nobody, and does not join.
    let brings_nobody = b"\x06\x83\xa4Join\xc2\xa5Nodes\x00\xacUserStateLen\x00".as_slice();
    assert_eq!(question.await.expect("the peer ends"), brings_nobody);

    let (addr, _question) = peer(bytes(COMPRESSED)).await;
    let members = query::members(&addr, &labelled(""), LIMIT).await.expect("a list");
    assert_eq!(shown(&members), ["alpha 127.0.0.11:17946 alive", "bravo 127.0.0.12:17946 alive"]);
    assert_eq!(members[0].meta(), b"role=alpha");
}

#[tokio::test]
async fn a_useless_answer_says_what_it_most_likely_means() {
    assert!(refusal(b"", "").await.contains("may have a label"));
    assert!(refusal(b"", "blue").await.contains("another than \"blue\""));
    assert!(
        refusal(b"\x0d\x81\xa5Error\xa8too busy", "").await.contains("refused to answer: too busy")
    );
    assert!(refusal(b"HTTP/1.1 400 Bad Request\r\n\r\n", "").await.contains("not memberlist"));
    let cut = bytes(STATES);
    assert!(refusal(&cut[..cut.len() / 2], "").await.contains("in the middle"));
}

#[tokio::test]
async fn with_and_without_keys_the_likely_reason_is_told() {
    let plain = Config::new();
    let mut keyed = Config::new();
    keyed.set("keys", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").expect("32 bytes");
    let mut other = Config::new();
    other.set("keys", "BwcHBwcHBwcHBwcHBwcHBw==").expect("16 bytes");
    let kind = ErrorKind::KeyMismatch;
    let told = refusal_of(kind, b"\x0a\0\0\0\x20", &plain).await;
    assert!(told.contains("its cluster is encrypted"), "{told}");
    assert!(refusal_of(kind, &bytes(SEALED_ERROR), &other).await.contains("another key"));
    assert!(refusal_of(kind, &bytes(STATES), &keyed).await.contains("in clear"));
    let mut captured = Config::new();
    captured.set("keys", "AAECAwQFBgcICQoLDA0ODw==").expect("16 bytes");
    let told = refusal_of(kind, &bytes(SEALED_ERROR), &captured).await;
    assert!(told.contains("Encryption is configured but remote state is not"), "{told}");

    let start = |name: &str| Node::builder().name(name).bind("127.0.0.1:0");
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let a = start("a").option("keys", key).start().await.expect("a node starts");
    let addr = a.local_member().addr().to_string();
    let members = query::members(&addr, &keyed, LIMIT).await.expect("a list");
    assert_eq!(members, a.known_members());
    for (options, says) in [(&plain, "its cluster is encrypted"), (&other, "another key")] {
        let error = query::members(&addr, options, LIMIT).await.expect_err("another key");
        assert_eq!(error.kind(), kind);
        assert!(error.message().contains(says), "{error}");
    }
    let open = start("b").start().await.expect("a node starts");
    let addr = open.local_member().addr().to_string();
    let error = query::members(&addr, &keyed, LIMIT).await.expect_err("no key there");
    assert_eq!(error.kind(), kind);
    assert!(error.message().contains("in clear"), "{error}");
    a.close().await;
    open.close().await;
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_are_told_apart() {
    let error =
        query::members("127.0.0.1:1", &labelled(""), LIMIT).await.expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::JoinFailed);
    assert!(error.message().contains("nothing listens there"), "{error}");
    let error = query::members("127.0.0.1:x", &labelled(""), LIMIT).await.expect_err("no port");
    assert!(error.message().contains("malformed port"), "{error}");

    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = silent.local_addr().expect("bound").to_string();
    let error =
        query::members(&addr, &labelled(""), Duration::from_millis(50)).await.expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::Timeout);

    let mut nowhere = Config::new();
    nowhere.set("key_file", "/nonexistent/keys").expect("a path");
    let error = query::members(&addr, &nowhere, LIMIT).await.expect_err("no such file");
    assert_eq!(error.kind(), ErrorKind::BadConfig);
}

#[tokio::test]
async fn a_node_answers_those_who_know_its_label_and_forgets_them() {
    let start = |name: &str| Node::builder().name(name).bind("127.0.0.1:0").tags([("of", name)]);
    let a = start("a").option("cluster", "blue").start().await.expect("a node starts");
    let addr = a.local_member().addr().to_string();
    let b =
        start("b").option("cluster", "blue").seeds([&addr]).start().await.expect("a node starts");
    let before = a.known_members();

    let members = query::members(&addr, &labelled("blue"), LIMIT).await.expect("a list");
    assert_eq!(members, before);
    assert_eq!(members[1].tags()["of"], "b");
    let error = query::members(&addr, &labelled(""), LIMIT).await.expect_err("a label is missing");
    assert!(error.message().contains("may have a label"), "{error}");
    let error = query::members(&addr, &labelled("green"), LIMIT).await.expect_err("another label");
    assert!(error.message().contains("another than \"green\""), "{error}");
    assert_eq!(a.known_members(), before);

    b.close().await;
    a.close().await;
}

#[tokio::test]
async fn the_ring_of_a_list_is_that_of_its_members() {
    let start = |name: &str, tags: [(&str, &str); 2]| {
        let node = Node::builder().name(name).bind("127.0.0.1:0").tags(tags);
        node.option("ring_zone_tag", "rack").option("ring_profile", "exact")
    };
    let a = start("a", [("weight", "3"), ("rack", "r1")]).start().await.expect("a node starts");
    let addr = a.local_member().addr().to_string();
    let b = start("b", [("weight", "heavy"), ("rack", "r2")]).seeds([&addr]);
    let b = b.start().await.expect("a node starts");

    let mut options = Config::new();
    options.set("ring_zone_tag", "rack").expect("an option");
    options.set("ring_profile", "exact").expect("an option");
    let members = query::members(&addr, &options, LIMIT).await.expect("a list");
    let placement = query::ring(&members, &options).expect("a ring");
    assert_eq!(placement.ring, b.ring());
    assert_eq!(placement.ring.len(), 2);
    let told: Vec<_> = placement.warnings.iter().map(|warning| &*warning.subject).collect();
    assert_eq!(told, ["b"]);
    let other = query::ring(&members, &Config::new()).expect("a ring");
    assert_ne!(other.ring, b.ring(), "other options, another ring");

    b.close().await;
    a.close().await;
}
