//! How a worker finds its member: at its start, and whenever the connection broke.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time;

use super::door::{self, Unmet};
use super::worker::{Grounds, Worker};
use super::{DESK_LIMITS, Local, Mesh, Sight, Ticket, limits, nothing};
use crate::attach::{self, Attached};
use crate::config::Settings;
use crate::driver::placement::Placement;
use crate::driver::{Board, Command, sockets};
use crate::error::{Error, ErrorKind, Result};
use crate::messaging::{Ask, Payload, Role, Target};
use crate::time::Instant;

/// How long a worker that starts waits for a member to listen.
const START_LIMIT: Duration = Duration::from_secs(5);
/// Pauses between two attempts, each twice as long as the one before.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LAST: Duration = Duration::from_secs(2);
/// A member answers that somebody attaches within that time.
const ATTACH_LIMIT: Duration = Duration::from_secs(5);

/// What a worker is made of, in the place of a node's driver.
pub(crate) struct Parts {
    pub(crate) board: Arc<Board>,
    pub(crate) mesh: Arc<Mesh>,
    pub(crate) placement: Arc<Placement>,
    pub(crate) commands: mpsc::Sender<Box<Command>>,
    pub(crate) task: JoinHandle<()>,
}

/// A connection, and what the member said first.
pub(super) struct Found {
    pub(super) session: JoinHandle<()>,
    pub(super) attached: Attached,
}

/// Attaches to the member that listens at that path.
///
/// # Errors
/// `join_failed` when there is none within a few seconds, or it refuses.
pub(crate) async fn attach(path: PathBuf, settings: &Settings, room: usize) -> Result<Parts> {
    let (commands, inbox) = mpsc::channel(room);
    let bounds = &settings.messages;
    let seed = sockets::entropy()?;
    let sight = Sight::default();
    let mesh = Mesh::local(Local {
        name: format!("worker-{}-{seed:x}", std::process::id()),
        role: Role::Worker,
        limits: limits(bounds.outbox_bytes, bounds.outbox_overflow),
        payload_max: bounds.message_max,
        seed,
        sight: sight.clone(),
        commands: commands.downgrade(),
    });
    let desk = mesh.open_desk(DESK_LIMITS)?;
    let found = match time::timeout(START_LIMIT, search(&path, &mesh)).await {
        Ok(found) => found.map_err(|cause| nobody(&path, &cause))?,
        Err(_) => {
            let cause = match door::reach(&path).await {
                Err(unmet) => unmet.cause,
                Ok(_) => "it does not answer".to_owned(),
            };
            return Err(nobody(&path, &cause));
        }
    };
    let Found { session, attached } = found;
    let board = Board::new(attached.local.into(), settings.event_buffer);
    let placement = Arc::new(Placement::new(attached.ring.into()));
    sight.set(&board, &placement);
    mesh.bound_payloads(bounds.message_max.min(attached.message_max as usize));
    let (ready, told) = oneshot::channel();
    let worker = Worker::new(Grounds {
        path: path.clone(),
        board: Arc::clone(&board),
        mesh: Arc::clone(&mesh),
        message_max: bounds.message_max,
        session,
        ready,
    });
    let task = tokio::spawn(worker.run(inbox, desk));
    if time::timeout(START_LIMIT, told).await.is_err() {
        task.abort();
        mesh.close();
        return Err(nobody(&path, "it does not say who the members are"));
    }
    Ok(Parts { board, mesh, placement, commands, task })
}

fn nobody(path: &Path, cause: &str) -> Error {
    let message = format!(
        "no member takes workers on at {}: {cause}; start one with workers = that path, as the \
         same user",
        path.display()
    );
    Error::new(ErrorKind::JoinFailed, message)
}

/// Looks for a member until one takes this worker on, or says that it never will.
pub(super) async fn search(path: &Path, mesh: &Arc<Mesh>) -> std::result::Result<Found, String> {
    let mut pause = PAUSE_FIRST;
    loop {
        match find(path, mesh).await {
            Ok(found) => return Ok(found),
            Err(Unmet { cause, is_final: true }) => return Err(cause),
            Err(_) => {}
        }
        time::sleep(pause.mul_f64(0.5 + sockets::jitter() / 2.0)).await;
        pause = (pause * 2).min(PAUSE_LAST);
    }
}

/// Connects, greets and attaches.
async fn find(path: &Path, mesh: &Arc<Mesh>) -> std::result::Result<Found, Unmet> {
    let (socket, member) = door::reach(path).await?;
    let session = Guarded(Some(tokio::spawn(mesh.attach(socket, &member))));
    let passing = |error: Error| Unmet { cause: error.message().to_owned(), is_final: false };
    let asked = begin(mesh, "attach", Vec::new(), Mesh::deadline(ATTACH_LIMIT));
    let told = asked.map_err(passing)?.outcome().await.map_err(passing)?;
    let attached = attach::decode(&told.bytes).map_err(passing)?;
    Ok(Found { session: session.keep(), attached })
}

/// A connection that is given up unless it is kept.
struct Guarded(Option<JoinHandle<()>>);

impl Guarded {
    fn keep(mut self) -> JoinHandle<()> {
        self.0.take().unwrap_or_else(|| tokio::spawn(async {}))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.0.take().inspect(JoinHandle::abort);
    }
}

/// Says something to the member, beside messages.
pub(super) fn begin(mesh: &Mesh, op: &str, bytes: Vec<u8>, deadline: Instant) -> Result<Ticket> {
    let (target, payload) = (Target::desk(), Payload { bytes, ..nothing() });
    mesh.begin(Ask { target: &target, op, headers: &[], payload, deadline, latest: false })
}
