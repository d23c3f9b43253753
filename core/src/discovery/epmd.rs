//! Erlang's port mapper: what is registered at it on some hosts, and this member at its own.
//!
//! The protocol is that of <https://www.erlang.org/doc/apps/erts/erl_dist_protocol.html>: a request
//! has its length in front; a registration lasts as long as its connection.

use std::env;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time;

use super::{CANDIDATES_MAX, Failure, Found, Local, hosts};

const PORT: u16 = 4369;
/// Names of one host, as text.
const NAMES_MAX: u64 = 256 * 1024;
/// How long the mapper of this host may take to register a name, and the pause until it is tried
/// again: it may be started later, or anew.
const LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(5);

const NAMES: u8 = 110;
const ALIVE: u8 = 120;
const ALIVE_REPLY: u8 = 121;
/// With a creation of four bytes, to who says that it knows of those.
const ALIVE_LONG_REPLY: u8 = 118;
/// Nodes of Erlang do not connect to one of these by themselves.
const HIDDEN: u8 = 72;
const TCP: u8 = 0;
/// What a node speaks: the handshake that was before OTP 23, as none is meant to be made.
const VERSIONS: [u8; 4] = [0, 5, 0, 5];

/// The hosts that are asked, and what names of members begin with.
#[derive(Clone, Debug)]
pub(super) struct Mapper {
    hosts: Vec<String>,
    prefix: String,
    port: u16,
}

impl Mapper {
    pub(super) fn new(hosts: &str, prefix: Option<String>, port: Option<u16>) -> Self {
        let own = env::var("ERL_EPMD_PORT").ok().and_then(|port| port.parse().ok());
        Self {
            hosts: hosts::pieces(hosts),
            prefix: prefix.unwrap_or_else(|| "chinwag".to_owned()),
            port: port.or(own).unwrap_or(PORT),
        }
    }

    /// Asks all hosts at the same time; those that do not answer cost the others nothing.
    pub(super) async fn find(&self) -> Found {
        let mut asked = JoinSet::new();
        for host in self.hosts.clone() {
            let port = self.port;
            asked.spawn(async move { (names(&host, port).await, host) });
        }
        let (mut found, mut failed) = (Vec::new(), None);
        while let Some(answered) = asked.join_next().await {
            match answered.map_err(Failure::new)? {
                (Ok(text), host) => found.extend(self.members(&text, &host)),
                (Err(error), host) => {
                    let cause = format!("the epmd of {host} was not asked: {error}");
                    failed = Some(Failure::new(cause));
                }
            }
        }
        found.sort();
        match failed {
            Some(failure) if found.is_empty() => Err(failure),
            _ => Ok(found),
        }
    }

    /// Members among what is registered: lines such as `name chinwag-web at port 7946`.
    fn members(&self, text: &str, host: &str) -> Vec<String> {
        let member = |line: &str| {
            let (name, port) = line.strip_prefix("name ")?.split_once(" at port ")?;
            name.strip_prefix(&*self.prefix)?.strip_prefix('-')?;
            let port: u16 = port.trim().parse().ok()?;
            Some(hosts::with_port(host.to_owned(), port))
        };
        text.lines().filter_map(member).take(CANDIDATES_MAX).collect()
    }

    /// Registers this member for as long as it is polled, again where the mapper went away.
    pub(super) async fn announce(&self, local: &Local) {
        loop {
            if let Ok(Ok(mut registered)) = time::timeout(LIMIT, self.register(local)).await {
                // Nothing comes on it but its end.
                while let Ok(1..) = registered.read(&mut [0; 16]).await {}
            }
            time::sleep(PAUSE).await;
        }
    }

    async fn register(&self, local: &Local) -> io::Result<TcpStream> {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name: String = local.name.chars().take(100).map(plain).collect();
        let name = format!("{}-{name}", self.prefix);
        match self.register_as(&name, local.port).await? {
            Some(registered) => Ok(registered),
            // Somebody else has it: a member of another cluster, or of a name that looks the same.
            None => {
                let name = format!("{name}-{}", local.port);
                let registered = self.register_as(&name, local.port).await?;
                registered.ok_or_else(|| io::Error::other("the name is taken"))
            }
        }
    }

    async fn register_as(&self, name: &str, port: u16) -> io::Result<Option<TcpStream>> {
        let mut socket = TcpStream::connect(("localhost", self.port)).await?;
        let mut body = vec![ALIVE];
        body.extend_from_slice(&port.to_be_bytes());
        body.extend_from_slice(&[HIDDEN, TCP]);
        body.extend_from_slice(&VERSIONS);
        body.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes());
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&[0, 0]);
        request(&mut socket, &body).await?;
        let reply = socket.read_u8().await?;
        let is_registered = socket.read_u8().await? == 0;
        let creation = match reply {
            ALIVE_REPLY => 2,
            ALIVE_LONG_REPLY => 4,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        let mut ignored = [0; 4];
        socket.read_exact(ignored.get_mut(..creation).unwrap_or_default()).await?;
        Ok(is_registered.then_some(socket))
    }
}

async fn request(socket: &mut TcpStream, body: &[u8]) -> io::Result<()> {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
    socket.write_all(&[&length.to_be_bytes(), body].concat()).await
}

/// What is registered at a host's mapper, as it lists it.
async fn names(host: &str, port: u16) -> io::Result<String> {
    let mut socket = TcpStream::connect((host, port)).await?;
    request(&mut socket, &[NAMES]).await?;
    socket.read_u32().await?;
    let mut text = Vec::new();
    socket.take(NAMES_MAX).read_to_end(&mut text).await?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_from_nodes_of_erlang_and_from_nonsense() {
        let text = "name chinwag-web_1 at port 7946\nname rabbit at port 25672\n\
                    name chinwag at port 1\nname chinwag-x at port many\nnonsense\n\
                    name chinwag-b at port 7947\n";
        let found = Mapper::new("a", None, None).members(text, "10.0.0.1");
        assert_eq!(found, ["10.0.0.1:7946", "10.0.0.1:7947"]);
        let found = Mapper::new("a", Some("rab".to_owned()), None).members(text, "a");
        assert_eq!(found, [""; 0], "a name begins with all of the prefix and a hyphen");
    }
}
