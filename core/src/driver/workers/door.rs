//! The socket that workers come in by: whose it is, and who may.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::time;
use tracing::warn;

use super::{Hub, WORKERS_MAX};
use crate::attach::{self, HELLO, Status};
use crate::error::{Error, ErrorKind, Result};
use crate::mesh::NAME_MAX;

/// How long a greeting may take, and how long a member that lives may take to answer one.
const GREETING_LIMIT: Duration = Duration::from_secs(2);
/// Between two attempts to take a connection on, when the system has no room.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket's file.
#[derive(Debug)]
pub(super) struct Door {
    path: PathBuf,
    /// Which file it was: somebody may have put another one in its place.
    file: (u64, u64),
    /// Whose processes may come in.
    user: u32,
}

impl Door {
    /// Makes the socket, in the place of one that nobody answers at.
    pub(super) async fn open(path: &Path) -> Result<(Self, UnixListener)> {
        let refuse = |cause: String| {
            let message = format!("workers cannot attach at {}: {cause}", path.display());
            Error::new(ErrorKind::BindFailed, message)
        };
        let told = |cause: io::Error| refuse(cause.to_string());
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(refuse("there is another file, which stays".to_owned()));
            }
            Ok(_) if is_answered(path).await => {
                let cause = "another member listens there; give each a path of its own";
                return Err(refuse(cause.to_owned()));
            }
            Ok(_) => fs::remove_file(path).map_err(told)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(told(error)),
        }
        let listener = UnixListener::bind(path).map_err(told)?;
        // Who connects before that is asked who it is all the same.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(told)?;
        let made = fs::symlink_metadata(path).map_err(told)?;
        let file = (made.dev(), made.ino());
        Ok((Self { path: path.to_owned(), file, user: made.uid() }, listener))
    }

    /// Removes the file, if it is still the same.
    pub(super) fn close(&self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| (found.dev(), found.ino()) == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }

    fn may_enter(&self, socket: &UnixStream) -> bool {
        socket.peer_cred().is_ok_and(|who| who.uid() == self.user)
    }
}

/// Whether a member answers there. A process may have inherited the socket of one that is dead: it
/// lets others connect, and says nothing.
async fn is_answered(path: &Path) -> bool {
    let asked = async {
        let mut socket = UnixStream::connect(path).await?;
        socket.write_all(&attach::hello()).await?;
        let mut answer = [0; HELLO + 1];
        socket.read_exact(&mut answer).await
    };
    time::timeout(GREETING_LIMIT, asked).await.is_ok_and(|answer| answer.is_ok())
}

/// Takes connections on for as long as there is the hub.
pub(super) async fn answer(hub: Weak<Hub>, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let Some(held) = hub.upgrade() else { return };
                held.admit(socket);
            }
            Err(error) => {
                warn!(%error, "a worker cannot be taken on");
                time::sleep(PAUSE).await;
            }
        }
    }
}

impl Hub {
    /// Has a connection served, if there is room for it.
    fn admit(self: &Arc<Self>, socket: UnixStream) {
        let mut state = self.lock();
        let status = if !self.door.may_enter(&socket) {
            Status::User
        } else if state.open >= WORKERS_MAX {
            Status::Full
        } else {
            Status::Welcome
        };
        if status != Status::Welcome {
            state.counters.refused += 1;
            // It goes into the buffer of a new connection, or nowhere.
            let _ = socket.try_write(&attach::answer(status, ""));
            return;
        }
        state.open += 1;
        drop(state);
        let hub = Arc::clone(self);
        self.keep(async move {
            if let Some(socket) = hub.greet(socket).await {
                let over = hub.local.serve_worker(socket).await;
                if let Some((link, let_go)) = over {
                    hub.gone(link, let_go).await;
                }
            } else {
                hub.lock().counters.refused += 1;
            }
            hub.lock().open -= 1;
        });
    }

    async fn greet(&self, mut socket: UnixStream) -> Option<UnixStream> {
        let greeted = async {
            let mut hello = [0; HELLO];
            socket.read_exact(&mut hello).await?;
            let status = match attach::greeted(hello) {
                Some(attach::VERSION) => Status::Welcome,
                Some(_) => Status::Version,
                None => return Err(io::ErrorKind::InvalidData.into()),
            };
            let name = self.board.local();
            socket.write_all(&attach::answer(status, name.name())).await?;
            io::Result::Ok(status)
        };
        let greeted = time::timeout(GREETING_LIMIT, greeted).await;
        matches!(greeted, Ok(Ok(Status::Welcome))).then_some(socket)
    }
}

/// Why a worker has no member.
pub(super) struct Unmet {
    pub(super) cause: String,
    /// Trying again will not help.
    pub(super) is_final: bool,
}

/// Connects to a member and greets; the connection, and the member's name.
pub(super) async fn reach(path: &Path) -> std::result::Result<(UnixStream, String), Unmet> {
    let passing = |cause: String| Unmet { cause, is_final: false };
    let greeted = async {
        let mut socket = UnixStream::connect(path).await.map_err(|error| passing(told(&error)))?;
        let broken = |error: io::Error| passing(told(&error));
        if !is_ours(&socket) {
            let cause = "it belongs to another user".to_owned();
            return Err(Unmet { cause, is_final: true });
        }
        let sent = socket.write_all(&attach::hello()).await;
        let mut answer = [0; HELLO + 1];
        // A refusal may be there although nothing was read.
        if let Err(error) = socket.read_exact(&mut answer).await {
            return Err(broken(sent.err().unwrap_or(error)));
        }
        let length = attach::answered(answer).map_err(|cause| Unmet { cause, is_final: true })?;
        let mut name = vec![0; length];
        socket.read_exact(&mut name).await.map_err(broken)?;
        match String::from_utf8(name) {
            Ok(name) => Ok((socket, name)),
            Err(_) => Err(passing("its name is no text".to_owned())),
        }
    };
    let outcome = time::timeout(GREETING_LIMIT, greeted).await;
    outcome.unwrap_or_else(|_| Err(passing("it does not answer".to_owned())))
}

/// Whether the other end is a process of this user's, or of root's.
fn is_ours(socket: &UnixStream) -> bool {
    let own = UnixStream::pair().and_then(|(one, _)| one.peer_cred());
    let theirs = socket.peer_cred();
    match (own, theirs) {
        (Ok(own), Ok(theirs)) => theirs.uid() == own.uid() || theirs.uid() == 0,
        _ => false,
    }
}

fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
        io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        _ => error.to_string(),
    }
}

/// The beginning of a name that fits beside a message.
pub(super) fn short(name: &str) -> &str {
    let end = (0..=NAME_MAX.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    name.get(..end.unwrap_or(0)).unwrap_or_default()
}
