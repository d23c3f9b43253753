//! A network of real kernels: a bridge, and a namespace for each seat at it.
//!
//! The namespaces have no names. Each lives as long as a process in it, and those processes end
//! with the one that started them, however it ends: nothing is ever left to be undone.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The port of every member.
const PORT: u16 = 7946;
/// The net of the benchmarks (RFC 2544): nothing else has these addresses, and no route leads out.
const PREFIX: u8 = 15;
/// Brought in front of every program, so that it does not outlive this one.
pub(crate) const LEASH: [&str; 4] = ["setpriv", "--pdeathsig", "KILL", "--"];
/// Where the rules of a fault are kept.
const CHAIN: &str = "bridge faults cut";

/// The address of a seat.
pub(crate) fn address(seat: usize) -> SocketAddrV4 {
    let host = u8::try_from(seat + 1).expect("a lab has few seats");
    SocketAddrV4::new(Ipv4Addr::new(198, 18, 0, host), PORT)
}

/// What goes wrong between seats. What is not said to be more concerns IP alone, so that hosts go
/// on finding each other's interfaces and a one-way cut stays one.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Nothing passes between those before the seat and the others, not even ARP.
    Split(usize),
    /// Nothing reaches a seat.
    Towards(usize),
    /// Nothing leaves a seat.
    From(usize),
    /// Of everything, that many per cent are lost.
    Loss(u32),
    /// Of UDP alone, that many per cent are lost.
    UdpLoss(u32),
    /// Of TCP alone.
    TcpLoss(u32),
}

impl Fault {
    /// The rules of the chain. The first of a loss counts what there was, the second what of it
    /// was lost.
    fn rules(&self, seats: usize) -> Vec<String> {
        match self {
            Self::Split(at) => {
                let ports = |seats: std::ops::Range<usize>| {
                    let names: Vec<String> = seats.map(port).collect();
                    format!("{{ {} }}", names.join(", "))
                };
                let (left, right) = (ports(0..*at), ports(*at..seats));
                vec![
                    format!("iifname {left} oifname {right} counter drop"),
                    format!("iifname {right} oifname {left} counter drop"),
                ]
            }
            Self::Towards(seat) => {
                vec![format!("meta protocol ip oifname {} counter drop", port(*seat))]
            }
            Self::From(seat) => {
                vec![format!("meta protocol ip iifname {} counter drop", port(*seat))]
            }
            Self::Loss(share) => loss("meta protocol ip", *share),
            Self::UdpLoss(share) => loss("ip protocol udp", *share),
            Self::TcpLoss(share) => loss("ip protocol tcp", *share),
        }
    }
}

fn loss(what: &str, share: u32) -> Vec<String> {
    let chance = match share {
        100.. => String::new(),
        _ => format!("numgen random mod 100 < {share} "),
    };
    vec![format!("{what} counter"), format!("{what} {chance}counter drop")]
}

/// The bridge's end of a seat's cable.
fn port(seat: usize) -> String {
    format!("p{seat}")
}

/// A bridge with seats. Dropping it takes everything away.
pub(crate) struct Lab {
    hub: Holder,
    seats: Vec<Holder>,
}

impl Lab {
    /// Builds a network of `seats`.
    pub(crate) fn open(seats: usize) -> io::Result<Self> {
        let hub = Holder::open()?;
        let seats: Vec<Holder> = (0..seats).map(|_| Holder::open()).collect::<io::Result<_>>()?;
        let mut commands = "link add br0 type bridge\nlink set br0 up\n".to_owned();
        for (seat, holder) in seats.iter().enumerate() {
            let (port, pid) = (port(seat), holder.0.id());
            commands += &format!("link add {port} type veth peer name eth0 netns {pid}\n");
            commands += &format!("link set {port} master br0\nlink set {port} up\n");
        }
        hub.feed(&["ip", "-batch", "-"], &commands)?;
        for (seat, holder) in seats.iter().enumerate() {
            let ip = *address(seat).ip();
            let commands =
                format!("addr add {ip}/{PREFIX} dev eth0\nlink set lo up\nlink set eth0 up\n");
            holder.feed(&["ip", "-batch", "-"], &commands)?;
        }
        let hook = "{ type filter hook forward priority 0; }";
        let chain = format!("add table bridge faults\nadd chain {CHAIN} {hook}\n");
        hub.feed(&["nft", "-f", "-"], &chain)?;
        Ok(Self { hub, seats })
    }

    /// How many seats there are.
    pub(super) fn seats(&self) -> usize {
        self.seats.len()
    }

    /// A command that runs `program` at a seat.
    pub(crate) fn at(&self, seat: usize, program: &str) -> Command {
        self.seats[seat].enter(program)
    }

    /// Brings a fault about, in one step.
    pub(crate) fn inflict(&self, fault: &Fault) -> io::Result<()> {
        let mut rules = format!("flush chain {CHAIN}\n");
        for rule in fault.rules(self.seats()) {
            rules += &format!("add rule {CHAIN} {rule}\n");
        }
        self.hub.feed(&["nft", "-f", "-"], &rules).map(drop)
    }

    /// Has a seat answer whatever comes on a connection with a reset, until it is mended.
    pub(crate) fn sever(&self, seat: usize) -> io::Result<()> {
        let hook = "{ type filter hook input priority 0; }";
        let rule = format!("meta l4proto tcp tcp dport {PORT} reject with tcp reset");
        let back = format!("meta l4proto tcp tcp sport {PORT} reject with tcp reset");
        let (table, chain) = ("ip severed", "ip severed in");
        let rules = format!(
            "add table {table}\nadd chain {chain} {hook}\nadd rule {chain} {rule}\n\
             add rule {chain} {back}\n"
        );
        self.seats[seat].feed(&["nft", "-f", "-"], &rules).map(drop)
    }

    /// Ends that.
    pub(crate) fn mend(&self, seat: usize) -> io::Result<()> {
        self.seats[seat].feed(&["nft", "delete", "table", "ip", "severed"], "").map(drop)
    }

    /// Ends the fault; what its rules have counted.
    pub(crate) fn repair(&self) -> io::Result<Vec<u64>> {
        let (mut list, mut flush) =
            (vec!["nft", "-j", "list", "chain"], vec!["nft", "flush", "chain"]);
        list.extend(CHAIN.split(' '));
        flush.extend(CHAIN.split(' '));
        let answer = self.hub.feed(&list, "")?;
        self.hub.feed(&flush, "")?;
        Ok(counted(&answer))
    }
}

/// The packets of each counter, in the order of the rules.
fn counted(answer: &str) -> Vec<u64> {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let rows = answer["nftables"].as_array().map_or(&[][..], Vec::as_slice);
    let expressions = rows.iter().filter_map(|row| row["rule"]["expr"].as_array()).flatten();
    expressions.filter_map(|expression| expression["counter"]["packets"].as_u64()).collect()
}

/// A process whose only task is to keep a network namespace alive.
struct Holder(Child);

impl Holder {
    fn open() -> io::Result<Self> {
        let mut child = Command::new("unshare")
            .args(["-n", "--"])
            .args(LEASH)
            .args(["sh", "-c", "echo open && exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let holder = Self(child);
        match line.as_str() {
            "open\n" => Ok(holder),
            _ => Err(io::Error::other("no network namespace can be made here; are you root?")),
        }
    }

    fn enter(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-n", "-t", &self.0.id().to_string(), "--"]).args(LEASH).arg(program);
        command
    }

    /// Runs a program with `input` at its standard input; what it says.
    fn feed(&self, program: &[&str], input: &str) -> io::Result<String> {
        let (name, args) = program.split_first().expect("a program has a name");
        let mut child = self
            .enter(name)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!("{name}: {}", complaint.trim())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // One that is already gone cannot be ended, and need not be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_names_every_seat_once() {
        let rules = Fault::Split(2).rules(5);
        assert_eq!(rules[0], "iifname { p0, p1 } oifname { p2, p3, p4 } counter drop");
        assert_eq!(rules[1], "iifname { p2, p3, p4 } oifname { p0, p1 } counter drop");
    }

    #[test]
    fn counters_are_read_in_the_order_of_the_rules() {
        let answer = r#"{"nftables": [{"metainfo": {}}, {"chain": {"name": "cut"}},
            {"rule": {"expr": [{"match": {}}, {"counter": {"packets": 50, "bytes": 9}}]}},
            {"rule": {"expr": [{"counter": {"packets": 11, "bytes": 9}}, {"drop": null}]}}]}"#;
        assert_eq!(counted(answer), [50, 11]);
        assert!(counted("no JSON").is_empty());
    }
}
