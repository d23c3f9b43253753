//! Clients and servers in the languages of the bindings: ours, and what is usual there.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::peers::Speaker;
use crate::languages::of_python;
use crate::packages::{c, elixir, here, node, python, succeed};
use crate::process::Program;

/// Builds and fetches what one of them needs, below `folder`: what runs, and what it is given.
pub(super) fn prepare(
    speaker: Speaker,
    folder: &Path,
    interpreter: &str,
) -> io::Result<Vec<PathBuf>> {
    let (peers, name) = (folder.join("peers"), speaker.name());
    let venv = || of_python(&peers, interpreter, "messages.txt");
    let tools = match speaker {
        Speaker::ChinwagC => {
            let sources = folder.join("c");
            c(&sources, "messages/c.c", "messages")?;
            vec![sources.join("messages")]
        }
        Speaker::ChinwagPython => {
            let package = folder.join("python");
            python(&package)?;
            vec![venv()?.join("bin/python"), package]
        }
        Speaker::Asyncio | Speaker::Uvloop => vec![venv()?.join("bin/python"), PathBuf::new()],
        Speaker::ChinwagNode => {
            let package = folder.join("node");
            node(&package)?;
            vec![PathBuf::from("node"), package]
        }
        Speaker::Net => vec![PathBuf::from("node"), PathBuf::new()],
        Speaker::GrpcJs => vec![PathBuf::from("node"), of_node(&peers)?],
        Speaker::ChinwagElixir => {
            let package = folder.join("elixir");
            elixir(&package)?;
            vec![PathBuf::from("elixir"), package.join("lib/chinwag/ebin")]
        }
        _ => return Err(io::Error::other(format!("{name} is in no language of a binding"))),
    };
    Ok(tools)
}

/// `server`, or `client` with the address of one.
pub(super) fn program(
    speaker: Speaker,
    tools: &[PathBuf],
    side: &str,
    address: &str,
) -> io::Result<Program> {
    let script = |name: &str| OsString::from(here().join("messages").join(name));
    let [path, given @ ..] = tools else { return Err(io::Error::other("it was not prepared")) };
    let given = given.first().cloned().unwrap_or_default();
    let kind = match speaker {
        Speaker::ChinwagPython | Speaker::ChinwagNode => "chinwag",
        other => other.name(),
    };
    let (side, address) = (OsString::from(side), OsString::from(address));
    let args = match speaker {
        Speaker::ChinwagC => {
            let mut args = vec![side];
            args.extend(Some(address).filter(|address| !address.is_empty()));
            return Ok(Program { path: path.clone(), args });
        }
        Speaker::ChinwagElixir => {
            let mut args: Vec<OsString> = vec!["-pa".into(), given.into()];
            args.extend(["-r".into(), script("client.exs"), script("elixir.exs"), side, address]);
            return Ok(Program { path: path.clone(), args });
        }
        Speaker::ChinwagPython | Speaker::Asyncio | Speaker::Uvloop => {
            let mut packages = OsString::from("PYTHONPATH=");
            packages.push(given);
            let python = path.clone().into();
            vec![packages, python, script("python.py"), kind.into(), side, address]
        }
        _ => {
            let node = path.clone().into();
            vec![node, script("node.mjs"), kind.into(), side, address, given.into()]
        }
    };
    Ok(Program { path: "env".into(), args })
}

/// The folder with the libraries of Node.js that are pinned in `peers/messages/`.
fn of_node(peers: &Path) -> io::Result<PathBuf> {
    let folder = peers.join("node-messages");
    fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(here().join("peers/messages").join(file), folder.join(file))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    succeed(npm.current_dir(&folder))?;
    Ok(folder)
}
