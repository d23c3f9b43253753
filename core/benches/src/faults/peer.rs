//! Whose members take part: how each library's agent is started, and how its lines are read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;
use serde_json::Value;

use super::chronicle::News;
use super::lab::{Lab, address};

/// A library under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// This one, by its command.
    Chinwag,
    /// HashiCorp memberlist, by the agent of the scenarios.
    Memberlist,
    /// Debian's serf: memberlist 0.2.2 and what serf puts on top.
    Serf,
}

impl Peer {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Chinwag => "chinwag",
            Self::Memberlist => "memberlist",
            Self::Serf => "serf",
        }
    }
}

/// Where the agents are.
#[derive(Clone, Debug)]
pub(crate) struct Agents {
    ours: PathBuf,
    go: PathBuf,
    profile: &'static str,
}

impl Agents {
    /// Finds ours beside this program, and builds Go's beside the results in `out`.
    pub(crate) fn ready(peers: &[Peer], out: &Path) -> io::Result<Self> {
        let folder = out.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder)?;
        let ours = std::env::current_exe()?.with_file_name("chinwag");
        if peers.contains(&Peer::Chinwag) && !ours.exists() {
            let message = format!("{} is not there: build chinwag-cli first", ours.display());
            return Err(io::Error::other(message));
        }
        let go = folder.canonicalize()?.join("memberlist-agent");
        if peers.contains(&Peer::Memberlist) {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/agents/go");
            let mut build = Command::new("go");
            build.args(["build", "-trimpath", "-o"]).arg(&go).arg(".").current_dir(source);
            let status = build.status()?;
            if !status.success() {
                return Err(io::Error::other(format!("go build: {status}")));
            }
        }
        Ok(Self { ours, go, profile: "lan" })
    }

    /// The program of a library.
    pub(crate) fn program(&self, peer: Peer) -> PathBuf {
        match peer {
            Peer::Chinwag => self.ours.clone(),
            Peer::Memberlist => self.go.clone(),
            Peer::Serf => PathBuf::from("serf"),
        }
    }

    /// The same ones with another timing.
    pub(super) fn with(&self, profile: &'static str) -> Self {
        Self { profile, ..self.clone() }
    }

    /// How the member of a seat is run, and what it is told at its standard input. The member of
    /// the first seat is everybody's seed.
    pub(super) fn start(&self, peer: Peer, lab: &Lab, seat: usize) -> (Command, String) {
        let (own, profile) = (address(seat), self.profile);
        let (name, seed) = (name(seat), address(if seat == 0 { 1 } else { 0 }));
        match peer {
            Peer::Chinwag => {
                let mut command = lab.at(seat, &self.ours.to_string_lossy());
                command.args(["agent", "-o", "json", "--log", "off", "--insecure"]);
                command.args(["--name", &name, "--bind", &own.to_string()]);
                command.args(["--seeds", &seed.to_string(), "--profile", profile]);
                (command, String::new())
            }
            Peer::Memberlist => {
                let start = format!("start name={name} bind={own} profile={profile} seeds={seed}");
                let command = lab.at(seat, &self.go.to_string_lossy());
                (command, format!("{start}\nsubscribe replay=true\n"))
            }
            Peer::Serf => {
                let mut command = lab.at(seat, "serf");
                command.args(["agent", "-log-level=info", "-rpc-addr=127.0.0.1:7373"]);
                command.arg(format!("-node={name}")).arg(format!("-bind={own}"));
                command.arg(format!("-retry-join={seed}")).arg("-retry-interval=1s");
                command.arg(format!("-profile={profile}"));
                (command, String::new())
            }
        }
    }
}

/// The name of the member of a seat.
fn name(seat: usize) -> String {
    format!("n{seat}")
}

fn seat(name: &str) -> Option<usize> {
    name.strip_prefix('n')?.parse().ok()
}

/// What a line of the member at `own` tells, and of whom.
pub(super) fn read(peer: Peer, own: usize, line: &str) -> Option<(News, usize)> {
    let told = match peer {
        Peer::Chinwag => read_json(line),
        Peer::Memberlist => read_agent(line).or_else(|| read_log(own, line)),
        Peer::Serf => read_serf(line).or_else(|| read_log(own, line)),
    };
    told.filter(|(news, subject)| *news == News::Refuted || *subject != own)
}

fn news(kind: &str) -> Option<News> {
    match kind {
        "member-join" => Some(News::Present),
        "member-failed" => Some(News::Failed),
        "member-leave" => Some(News::Left),
        "member-suspect" => Some(News::Suspect),
        "member-recover" => Some(News::Refuted),
        _ => None,
    }
}

/// A line of `chinwag agent -o json`.
fn read_json(line: &str) -> Option<(News, usize)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let news = news(line["type"].as_str()?)?;
    Some((news, seat(line["member"]["name"].as_str()?)?))
}

/// A line of an agent of the scenarios.
fn read_agent(line: &str) -> Option<(News, usize)> {
    let words = line.strip_prefix("event ")?.split(' ');
    let value = |key: &str| words.clone().find_map(|word| word.strip_prefix(key));
    Some((news(value("type=")?)?, seat(value("name=")?)?))
}

/// A line of memberlist's log: the only place where it says whom it suspects.
fn read_log(own: usize, line: &str) -> Option<(News, usize)> {
    let said = line.split_once("memberlist: ")?.1;
    if said.starts_with("Refuting a suspect message") || said.starts_with("Refuting a dead") {
        return Some((News::Refuted, own));
    }
    let suspect = said.strip_prefix("Suspect ")?;
    Some((News::Suspect, seat(suspect.split(' ').next()?)?))
}

/// A line of serf's log: `serf: EventMemberFailed: n1 198.18.0.2`.
fn read_serf(line: &str) -> Option<(News, usize)> {
    let (kind, member) = line.split_once("serf: EventMember")?.1.split_once(": ")?;
    let news = match kind {
        "Join" => News::Present,
        "Failed" => News::Failed,
        "Leave" => News::Left,
        _ => return None,
    };
    Some((news, seat(member.split(' ').next()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_peers_are_read() {
        let json = r#"{"type":"member-suspect","member":{"name":"n3","state":"suspect"},"seq":9}"#;
        assert_eq!(read(Peer::Chinwag, 0, json), Some((News::Suspect, 3)));
        assert_eq!(read(Peer::Chinwag, 0, r#"{"type":"ready","member":{"name":"n0"}}"#), None);
        for (line, told) in [
            ("event type=member-failed seq=4 name=n1 addr=x state=failed", (News::Failed, 1)),
            ("2026 [INFO] memberlist: Suspect n2 has failed, no acks received", (News::Suspect, 2)),
            ("[WARN] memberlist: Refuting a suspect message (from: n4)", (News::Refuted, 0)),
        ] {
            assert_eq!(read(Peer::Memberlist, 0, line), Some(told), "{line}");
        }
        let line = "    2026/01/01 00:00:00 [INFO] serf: EventMemberJoin: n1 198.18.0.2";
        assert_eq!(read(Peer::Serf, 0, line), Some((News::Present, 1)));
        assert_eq!(read(Peer::Serf, 1, line), None, "it tells of itself as well");
    }
}
