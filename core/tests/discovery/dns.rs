//! Names and services of a server of the DNS that says what real ones do: answers of all kinds,
//! refusals, nonsense, and nothing.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use chinwag::discovery::{Found, ask};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

use super::*;

const A: u16 = 1;
const AAAA: u16 = 28;
const SRV: u16 = 33;

/// Its address; it answers for as long as the test's runtime lives. Services are at that port.
async fn server(port: u16) -> SocketAddr {
    // The same port for both, on an address that no other test has.
    let [.., high, low] = std::process::id().to_be_bytes();
    let address = (Ipv4Addr::new(127, 102, high, low), 0);
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind(address).await.expect("a free port");
        let at = udp.local_addr().expect("bound");
        if let Ok(tcp) = TcpListener::bind(at).await {
            break (udp, tcp);
        }
    };
    let at = udp.local_addr().expect("bound");
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, from)) = udp.recv_from(&mut query).await {
            if let Some(answer) = answer(&query[..length], port, true) {
                let _ = udp.send_to(&answer, from).await;
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = tcp.accept().await {
            let length = socket.read_u16().await.expect("a length");
            let mut query = vec![0; length.into()];
            socket.read_exact(&mut query).await.expect("a query");
            let answer = answer(&query, port, false).expect("only asked for what is long");
            socket.write_u16(answer.len() as u16).await.expect("it reads");
            socket.write_all(&answer).await.expect("it reads");
        }
    });
    at
}

/// What it says to a query; nothing to some.
fn answer(query: &[u8], port: u16, datagram: bool) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut labels = Vec::new();
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).to_lowercase());
        at = end;
    }
    let question = &query[12..at + 5];
    let wanted = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let name = labels.join(".");
    let (mut code, mut truncated, mut records) = (0, false, Vec::new());
    let v4 = |last| Ipv4Addr::new(10, 0, 0, last).octets().to_vec();
    match (&*name, wanted) {
        ("silent.test", _) => return None,
        ("garbage.test", _) => return Some([&query[..2], &[0xff; 40]].concat()),
        ("none.test", _) => code = 3,
        ("broken.test", _) => code = 2,
        ("denied.test", _) => code = 5,
        ("web.test", A) => records.extend([(A, v4(2)), (A, v4(1)), (A, v4(2))]),
        ("web.test", AAAA) => records.push((AAAA, Ipv6Addr::LOCALHOST.octets().to_vec())),
        ("four.test" | "a.web.test", A) => records.push((A, v4(4))),
        ("local.test", A) => records.push((A, vec![127, 0, 0, 1])),
        ("long.test", A) if datagram => truncated = true,
        ("long.test", A) => records.extend((1..=200).map(|last| (A, v4(last)))),
        ("_chinwag._tcp.test", SRV) => {
            records.push((SRV, service(7, "a.web.test", 8001)));
            records.push((SRV, service(3, "none.test", 8002)));
            records.push((SRV, service(5, "web.test", 8003)));
        }
        ("_gone._tcp.test", SRV) => records.push((SRV, service(0, "", 0))),
        ("_here._tcp.test", SRV) => records.push((SRV, service(0, "local.test", port))),
        _ => {}
    }
    let mut out = query[..2].to_vec();
    out.extend_from_slice(&[0x85 | u8::from(truncated) << 1, 0x80 | code, 0, 1]);
    out.extend_from_slice(&(records.len() as u16).to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(question);
    for (kind, data) in records {
        out.extend_from_slice(&[0xc0, 12]);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        out.extend_from_slice(&(data.len() as u16).to_be_bytes());
        out.extend_from_slice(&data);
    }
    Some(out)
}

fn service(priority: u16, target: &str, port: u16) -> Vec<u8> {
    let mut out = priority.to_be_bytes().to_vec();
    out.extend_from_slice(&[0, 1]);
    out.extend_from_slice(&port.to_be_bytes());
    for label in target.split('.').filter(|label| !label.is_empty()) {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out
}

async fn asked(url: &str, server: SocketAddr) -> Found {
    ask(&format!("{url}?server={server}&timeout=20s")).await.expect(url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_are_found_however_they_come() {
    let at = server(0).await;
    let found = asked("dns://web.test:7", at).await.expect("three");
    assert_eq!(found, ["10.0.0.1:7", "10.0.0.2:7", "[::1]:7"]);
    assert_eq!(asked("dns://four.test", at).await.expect("one"), ["10.0.0.4:7946"]);
    // The datagram was cut off, so it is asked again over a connection.
    assert_eq!(asked("dns://long.test", at).await.expect("many").len(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_are_found_with_their_ports() {
    let at = server(0).await;
    let found = asked("srv://_chinwag._tcp.test", at).await.expect("two of three");
    assert_eq!(found, ["10.0.0.1:8003", "10.0.0.2:8003", "10.0.0.4:8001", "[::1]:8003"]);
    assert_eq!(asked("srv://_gone._tcp.test", at).await, Ok(Vec::new()), "there is none, it says");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_told_apart_from_failed_and_refused() {
    let at = server(0).await;
    assert_eq!(asked("dns://empty.test", at).await, Ok(Vec::new()));
    assert_eq!(asked("srv://_none._tcp.test", at).await, Ok(Vec::new()));
    let cases = [
        ("dns://none.test", false, "Non-Existent Domain"),
        ("srv://none.test", false, "Non-Existent Domain"),
        ("dns://broken.test", false, "Server Failure"),
        ("dns://denied.test", true, "Query Refused"),
        ("dns://garbage.test", false, "was not found"),
    ];
    for (url, is_refused, cause) in cases {
        let failure = asked(url, at).await.expect_err(url);
        assert!(failure.to_string().contains(cause), "{url}: {failure}");
        assert_eq!(failure.is_refused(), is_refused, "{url}: {failure}");
    }
    let url = format!("dns://silent.test?server={at}&timeout=200ms");
    let failure = ask(&url).await.expect("a source").expect_err("silent");
    assert_eq!(failure.to_string(), "did not answer within 200ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_joins_what_a_service_lists() {
    let a = builder("a").start().await.expect("it starts");
    let at = server(a.local_member().addr().port()).await;
    let url = format!("srv://_here._tcp.test?server={at}&interval=100ms");
    let b = builder("b").discovery([url]).start().await.expect("it starts");
    until("they have met", || names(&a) == ["a", "b"] && names(&b) == ["a", "b"]).await;
}
