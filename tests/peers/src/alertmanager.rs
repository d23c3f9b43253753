//! Alertmanagers, which cluster through memberlist 0.2.2 and know neither tags nor labels.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::process::Process;
use crate::{address, beside, eventually};

const CONFIG: &str = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";

/// A running Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    process: Process,
    web: String,
    folder: PathBuf,
    /// Where it listens for the cluster.
    pub addr: String,
    /// Its name in the cluster, which it makes up.
    pub name: String,
}

impl Alertmanager {
    /// Starts one.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(peer: Option<&str>) -> Self {
        Self::start_at(&address(), peer)
    }

    /// The same at an address whose ports are its own.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_at(addr: &str, peer: Option<&str>) -> Self {
        let (addr, web) = (addr.to_owned(), beside(addr, 1000));
        let folder = std::env::temp_dir().join(format!("chinwag-peers-{}", web.replace(':', "-")));
        fs::create_dir_all(&folder).expect("a folder for its state");
        let config = folder.join("config.yml");
        fs::write(&config, CONFIG).expect("a configuration");
        let mut command = Command::new("prometheus-alertmanager");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={web}"))
            .arg(format!("--cluster.listen-address={addr}"))
            .arg(format!("--cluster.advertise-address={addr}"))
            .args(["--cluster.probe-interval=200ms", "--cluster.probe-timeout=100ms"])
            .args(["--cluster.settle-timeout=1s", "--cluster.pushpull-interval=5s"])
            .args(peer.map(|peer| format!("--cluster.peer={peer}")));
        let process = Process::start(&mut command);
        let mut started = Self { process, web, folder, addr, name: String::new() };
        let status = eventually("alertmanager runs", || {
            assert!(started.process.ended().is_none(), "{}", started.process.complaints());
            started.status().filter(|status| status["cluster"]["name"].is_string())
        });
        started.name = status["cluster"]["name"].as_str().unwrap_or_default().to_owned();
        started
    }

    fn status(&self) -> Option<Value> {
        let mut socket = TcpStream::connect(&self.web).ok()?;
        socket.write_all(b"GET /api/v2/status HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        serde_json::from_str(body).ok()
    }

    /// Names and addresses of its peers, itself among them.
    pub fn peers(&self) -> BTreeSet<(String, String)> {
        let status = self.status().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let peers = status["cluster"]["peers"].as_array();
        let pair = |peer: &Value| (text(&peer["name"]), text(&peer["address"]));
        peers.into_iter().flatten().map(pair).collect()
    }

    /// Waits until its peers are these names.
    ///
    /// # Panics
    /// When that is not so in time.
    pub fn expect(&self, names: &[&str]) {
        let wanted: BTreeSet<&str> = names.iter().copied().collect();
        eventually(&format!("alertmanager has the peers {names:?}"), || {
            let peers = self.peers();
            let found: BTreeSet<&str> = peers.iter().map(|(name, _)| name.as_str()).collect();
            (found == wanted).then_some(())
        });
    }

    /// Leaves gracefully, and waits.
    pub fn leave(&mut self) {
        self.process.signal(Signal::TERM);
        self.process.finish();
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.process.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
