//! Who carries messages, what has to be fetched for it, and how its processes are started.

use std::env::current_exe;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::{AT_ONCE, Listening, Ready, bindings, certificates};
use crate::languages::of_python;
use crate::packages::{here, succeed};
use crate::process::{Peer, Program};

/// A library under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Speaker {
    /// A tokio socket for each caller: the bound.
    Tokio,
    /// A blocking socket and a thread for each caller.
    Blocking,
    /// Two nodes in Rust.
    Chinwag,
    /// The same with a key.
    ChinwagKey,
    /// The same with certificates.
    ChinwagTls,
    /// A member in Rust and a worker that is attached to it.
    ChinwagWorker,
    /// Two nodes in Rust, of which the one publishes what would be cast.
    ChinwagPublish,
    /// The same with items of a stream.
    ChinwagStream,
    /// Two nodes of distributed Erlang, and a GenServer.
    Erlang,
    /// The same; its schedulers do not burn CPU while they wait for work.
    ErlangIdle,
    /// A broker, and clients in Python.
    Nats,
    /// In Python.
    Grpc,
    /// In Python.
    Zeromq,
    /// Two nodes in C.
    ChinwagC,
    /// Two nodes in Python, on asyncio.
    ChinwagPython,
    /// A socket of asyncio for each caller, with a `Protocol`.
    Asyncio,
    /// The same on uvloop.
    Uvloop,
    /// Two nodes in Node.js.
    ChinwagNode,
    /// A socket of Node.js for each caller.
    Net,
    /// In Node.js.
    GrpcJs,
    /// Two nodes in Elixir, the one with a GenServer.
    ChinwagElixir,
}

impl Speaker {
    pub(crate) const ALL: [Self; 21] = [
        Self::Tokio,
        Self::Blocking,
        Self::Chinwag,
        Self::ChinwagKey,
        Self::ChinwagTls,
        Self::ChinwagWorker,
        Self::ChinwagPublish,
        Self::ChinwagStream,
        Self::Erlang,
        Self::ErlangIdle,
        Self::Nats,
        Self::Grpc,
        Self::Zeromq,
        Self::ChinwagC,
        Self::ChinwagPython,
        Self::Asyncio,
        Self::Uvloop,
        Self::ChinwagNode,
        Self::Net,
        Self::GrpcJs,
        Self::ChinwagElixir,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::Blocking => "blocking",
            Self::Chinwag => "chinwag",
            Self::ChinwagKey => "chinwag-key",
            Self::ChinwagTls => "chinwag-tls",
            Self::ChinwagWorker => "chinwag-worker",
            Self::ChinwagPublish => "chinwag-publish",
            Self::ChinwagStream => "chinwag-stream",
            Self::Erlang => "erlang",
            Self::ErlangIdle => "erlang-idle",
            Self::Nats => "nats",
            Self::Grpc => "grpc",
            Self::Zeromq => "zeromq",
            Self::ChinwagC => "chinwag-c",
            Self::ChinwagPython => "chinwag-python",
            Self::Asyncio => "asyncio",
            Self::Uvloop => "uvloop",
            Self::ChinwagNode => "chinwag-node",
            Self::Net => "net",
            Self::GrpcJs => "grpc-js",
            Self::ChinwagElixir => "chinwag-elixir",
        }
    }

    /// Two nodes of ours, between which a node of any other language can call.
    pub(super) const fn is_ours(self) -> bool {
        matches!(
            self,
            Self::Chinwag
                | Self::ChinwagC
                | Self::ChinwagPython
                | Self::ChinwagNode
                | Self::ChinwagElixir
        )
    }

    const fn is_of_this_program(self) -> bool {
        matches!(
            self,
            Self::Tokio
                | Self::Blocking
                | Self::Chinwag
                | Self::ChinwagKey
                | Self::ChinwagTls
                | Self::ChinwagWorker
                | Self::ChinwagPublish
                | Self::ChinwagStream
        )
    }

    /// What it has of calls and casts.
    const fn has(self) -> (bool, bool) {
        match self {
            Self::Grpc | Self::GrpcJs => (true, false),
            // Their calls are those of `chinwag`.
            Self::ChinwagPublish | Self::ChinwagStream => (false, true),
            _ => (true, true),
        }
    }

    /// Fetches what is needed, below `folder`.
    pub(super) fn prepare(self, folder: &Path, python: &str) -> io::Result<Prepared> {
        let peers = folder.join("peers");
        let mut tools = Vec::new();
        match self {
            Self::Erlang | Self::ErlangIdle => {
                succeed(Command::new("elixir").arg("--version"))?;
                tools.push(PathBuf::from("epmd"));
            }
            Self::Nats => {
                tools.push(nats_server(&peers)?);
                tools.push(of_python(&peers, python, "messages.txt")?.join("bin/python"));
            }
            Self::Grpc | Self::Zeromq => {
                tools.push(of_python(&peers, python, "messages.txt")?.join("bin/python"));
            }
            _ if self.is_of_this_program() => {
                let place = folder.join("messages");
                certificates::write(&place, &["server", "client"])?;
                tools.push(place);
            }
            _ => tools = bindings::prepare(self, folder, python)?,
        }
        Ok(Prepared { speaker: self, tools })
    }
}

/// The broker: the one that is installed, or Debian's package beside the results.
fn nats_server(peers: &Path) -> io::Result<PathBuf> {
    let installed = PathBuf::from("nats-server");
    if Command::new(&installed).arg("--version").output().is_ok() {
        return Ok(installed);
    }
    let folder = peers.join("nats");
    let program = folder.join("usr/sbin/nats-server");
    if !program.exists() {
        fs::create_dir_all(&folder)?;
        let fetch = "apt-get download -q nats-server && dpkg -x nats-server_*.deb .";
        succeed(Command::new("sh").args(["-c", fetch]).current_dir(&folder))?;
    }
    Ok(program)
}

/// Ready to be started.
pub(super) struct Prepared {
    pub(super) speaker: Speaker,
    /// Programs that were found or fetched, the broker first.
    tools: Vec<PathBuf>,
}

impl Prepared {
    fn tool(&self, at: usize) -> io::Result<PathBuf> {
        self.tools.get(at).cloned().ok_or_else(|| io::Error::other("it was not prepared"))
    }

    /// What both sides need: the broker, or what tells Erlang's nodes where they are. And its port.
    fn broker(&self, hard_limit: Duration) -> io::Result<Option<(Peer, u16)>> {
        let port = free_port()?;
        let args = match self.speaker {
            Speaker::Erlang | Speaker::ErlangIdle => {
                vec!["-address".into(), "127.0.0.1".into(), "-port".into(), port.to_string()]
            }
            Speaker::Nats => {
                vec!["-a".into(), "127.0.0.1".into(), "-p".into(), port.to_string()]
            }
            _ => return Ok(None),
        };
        let args = args.into_iter().map(OsString::from).collect();
        let program = Program { path: self.tool(0)?, args };
        let broker = Peer::spawn_here(&program, hard_limit)?;
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if began.elapsed() > AT_ONCE {
                return Err(io::Error::other("the broker does not listen"));
            }
            sleep(Duration::from_millis(10));
        }
        Ok(Some((broker, port)))
    }

    /// `server`, or `client` with the address of one.
    fn program(&self, port: u16, side: &str, address: &str) -> io::Result<Program> {
        let name = self.speaker.name();
        let script = |name: &str| OsString::from(here().join("messages").join(name));
        let ours = || -> io::Result<_> {
            let command = format!("messages-{side}");
            let mut args = vec![command.into(), name.into(), self.tool(0)?.into()];
            args.extend((!address.is_empty()).then(|| address.into()));
            Ok((current_exe()?, args))
        };
        let python = |tool| -> io::Result<_> {
            let args = [script("peers.py"), name.into(), side.into(), address.into()];
            Ok((self.tool(tool)?, args.to_vec()))
        };
        let (path, args) = match self.speaker {
            _ if self.speaker.is_of_this_program() => ours()?,
            Speaker::Grpc | Speaker::Zeromq => python(0)?,
            Speaker::Nats => python(1)?,
            Speaker::Erlang | Speaker::ErlangIdle => {
                let is_idle = self.speaker == Speaker::ErlangIdle;
                let scripts = ["client.exs", "erlang.exs"].map(script);
                ("env".into(), elixir(port, side, is_idle, scripts, address))
            }
            _ => return bindings::program(self.speaker, &self.tools, side, address),
        };
        Ok(Program { path, args })
    }
}

/// How a node of Erlang is started, which finds others by the port of their own `epmd`.
fn elixir(
    port: u16,
    side: &str,
    is_idle: bool,
    scripts: [OsString; 2],
    address: &str,
) -> Vec<OsString> {
    let [client, script] = scripts;
    let waits = if is_idle { " +sbwt none +sbwtdcpu none +sbwtdio none" } else { "" };
    let options = format!("-start_epmd false -kernel inet_dist_use_interface {{127,0,0,1}}{waits}");
    let args = [
        format!("ERL_EPMD_PORT={port}").into(),
        "elixir".into(),
        "--name".into(),
        format!("{side}@127.0.0.1").into(),
        "--cookie".into(),
        "bench".into(),
        "--erl".into(),
        options.into(),
        "-r".into(),
        client,
        script,
        side.into(),
        address.into(),
    ];
    args.to_vec()
}

/// One that nobody listens on just now.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A client, its server, and the broker between them. Dropped, they end.
pub(super) struct Running {
    pub(super) client: Peer,
    pub(super) server: Peer,
    pub(super) broker: Option<Peer>,
    pub(super) runtime: String,
    /// It has messages that are answered.
    pub(super) calls: bool,
    /// It has messages that nobody answers.
    pub(super) casts: bool,
}

impl Running {
    /// The two sides, of one library or of two languages.
    pub(super) fn start(
        client: &Prepared,
        server: &Prepared,
        hard_limit: Duration,
    ) -> io::Result<Self> {
        let (broker, port) = server.broker(hard_limit)?.unzip();
        let port = port.unwrap_or_default();
        let given = if server.speaker == Speaker::Nats { port.to_string() } else { String::new() };
        let mut listening = Peer::spawn_here(&server.program(port, "server", &given)?, hard_limit)?;
        let address = listening.hear::<Listening>(AT_ONCE)?.address;
        let program = client.program(port, "client", &address)?;
        let (calls, casts) = client.speaker.has();
        let mut client = Peer::spawn_here(&program, hard_limit)?;
        let runtime = client.hear::<Ready>(AT_ONCE)?.runtime;
        Ok(Self { client, server: listening, broker, runtime, calls, casts })
    }
}
