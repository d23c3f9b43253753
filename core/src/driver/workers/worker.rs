//! The task that takes the place of the engine's in a process that is no member.
//!
//! The board is filled with what the member tells, commands go to it as requests, and the mesh has
//! one connection, to it. When that breaks, everything stays as it was seen last, and the member is
//! looked for again until the worker is closed, or has left.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time;
use tracing::warn;

use super::attached::{Found, begin, search};
use super::{Mailbox, Mesh, Request, nothing};
use crate::attach::{self, ErrorBody, News, Outcome, Wish};
use crate::driver::{Board, Command, loops};
use crate::engine::{Reply, Request as Asked, StateChange, StateWrite};
use crate::error::{Error, ErrorKind};
use crate::event::{EventKind, Warning, WarningCode};
use crate::member::Member;
use crate::messaging::read_words;
use crate::time::Instant;

/// In front of the keys by which members tell of their servers, and of those of users.
const SERVERS: &str = "s:";
const USERS: &str = "u:";
/// In front of those of topics, and of what servers have said at their end.
const TOPICS: &str = "t:";
const WORDS: &str = "e:";
/// A member that refuses is asked again after that.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);
/// Commands that wait for the member to be found.
const WAITING_MAX: usize = 64;

/// What the task of a worker begins with.
pub(super) struct Grounds {
    pub(super) path: PathBuf,
    pub(super) board: Arc<Board>,
    pub(super) mesh: Arc<Mesh>,
    /// Bytes of a payload of users, as this worker's options say.
    pub(super) message_max: usize,
    pub(super) session: JoinHandle<()>,
    /// Who waits for the members and their keys.
    pub(super) ready: oneshot::Sender<()>,
}

/// The task of a worker.
pub(super) struct Worker {
    path: PathBuf,
    board: Arc<Board>,
    mesh: Arc<Mesh>,
    message_max: usize,
    /// Names that it serves, for a member that has yet to hear of them.
    served: BTreeSet<String>,
    /// What it wants of topics, as it is told, and how its loop does: the same.
    topics: BTreeMap<String, Vec<u8>>,
    turns: Vec<u8>,
    /// The connection, while there is one, or the search for the next.
    session: Option<JoinHandle<()>>,
    search: Option<JoinHandle<Result<Found, String>>>,
    waiting: Vec<Command>,
    /// The others, as far as they have been told, and whether they ever were as a whole.
    others: Vec<Member>,
    seen: bool,
    /// Keys that have not been told of again since all were to be.
    stale: BTreeSet<(Arc<str>, Arc<str>)>,
    /// Whether they were all told.
    keys_whole: bool,
    ready: Option<oneshot::Sender<()>>,
}

/// Whether the task goes on; if not, who is told.
enum Flow {
    GoOn,
    End(Option<oneshot::Sender<()>>),
}

impl Worker {
    pub(super) fn new(grounds: Grounds) -> Self {
        let Grounds { path, board, mesh, message_max, session, ready } = grounds;
        Self {
            path,
            board,
            mesh,
            message_max,
            served: BTreeSet::new(),
            topics: BTreeMap::new(),
            turns: Vec::new(),
            session: Some(session),
            search: None,
            waiting: Vec::new(),
            others: Vec::new(),
            seen: false,
            stale: BTreeSet::new(),
            keys_whole: false,
            ready: Some(ready),
        }
    }

    /// Runs until it is told to close, or until nobody holds the node any more.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Box<Command>>, desk: Mailbox) {
        let closer = loop {
            let flow = tokio::select! {
                command = inbox.recv() => self.on_command(command.map(|command| *command)),
                Some(request) = desk.next() => self.on_news(request),
                () = over(&mut self.session) => self.on_lost(),
                found = found(&mut self.search) => self.on_found(found),
            };
            if let Flow::End(closer) = flow {
                break closer;
            }
        };
        self.board.close();
        self.mesh.close();
        drop(self);
        if let Some(closer) = closer {
            let _ = closer.send(());
        }
    }

    // The connection.

    fn on_lost(&mut self) -> Flow {
        let name = self.board.local().name().to_owned();
        let text = format!(
            "the member that this worker is attached to at {} is away; what is seen of the \
             others stays as it is until it is back",
            self.path.display()
        );
        self.complain(WarningCode::MemberAway, name, text);
        self.look(Duration::ZERO);
        Flow::GoOn
    }

    fn look(&mut self, pause: Duration) {
        let (path, mesh) = (self.path.clone(), Arc::clone(&self.mesh));
        self.search = Some(tokio::spawn(async move {
            time::sleep(pause).await;
            search(&path, &mesh).await
        }));
    }

    fn on_found(&mut self, found: Result<Found, String>) -> Flow {
        let Found { session, attached } = match found {
            Ok(found) => found,
            Err(cause) => {
                // Whoever is to blame may still put it right.
                self.look(REFUSED_PAUSE);
                let name = self.board.local().name().to_owned();
                self.complain(WarningCode::MemberAway, name, cause);
                return Flow::GoOn;
            }
        };
        self.session = Some(session);
        self.mesh.bound_payloads(self.message_max.min(attached.message_max as usize));
        self.board.set_local(attached.local.into());
        if !self.turns.is_empty() {
            self.announce("loop", "", &self.turns);
        }
        for server in &self.served {
            self.announce("serve", server, server);
        }
        for (topic, interest) in &self.topics {
            self.announce("subscribe", topic, &(topic, interest));
        }
        for command in std::mem::take(&mut self.waiting) {
            self.ask(command);
        }
        Flow::GoOn
    }

    // What the member tells.

    fn on_news(&mut self, mut request: Request) -> Flow {
        if request.op() == "published" {
            self.mesh.hear_published(request);
            return Flow::GoOn;
        }
        let payload = request.take_payload();
        let outcome = attach::decode::<Vec<News>>(&payload.bytes).map(|news| {
            news.into_iter().for_each(|piece| self.hear(piece));
            nothing()
        });
        request.reply(outcome);
        if self.seen && self.keys_whole {
            self.ready.take().map(|ready| ready.send(()));
        }
        Flow::GoOn
    }

    fn hear(&mut self, piece: News) {
        match piece {
            News::Local(member) => self.board.set_local(member.into()),
            News::Member(member) => self.others.push(member.into()),
            News::Present(missed) => {
                let others = std::mem::take(&mut self.others);
                match std::mem::replace(&mut self.seen, true) {
                    false => self.board.begin_with(others),
                    true => self.board.replace(others, missed),
                }
            }
            News::Event(event) => event.kind().into_iter().for_each(|kind| self.board.post(kind)),
            News::State(change) => {
                let change = StateChange::from(change);
                self.stale.remove(&(Arc::clone(&change.owner), Arc::clone(&change.key)));
                self.show(change);
            }
            News::StateAnew => {
                let shown = self.board.shown().entries("").into_iter();
                self.stale = shown.map(|entry| (entry.owner, entry.key)).collect();
            }
            News::StateWhole => {
                self.keys_whole = true;
                for (owner, key) in std::mem::take(&mut self.stale) {
                    self.show(StateChange { owner, key, value: None, version: 0 });
                }
            }
        }
    }

    fn show(&self, change: StateChange) {
        self.mesh.hear_of(&change);
        let held = self.board.shown().get(&change.owner, &change.key);
        // What was told before, when the member was here, is no news.
        if held != change.value {
            self.board.show(change);
        }
    }

    // What is asked of the member.

    fn on_command(&mut self, command: Option<Command>) -> Flow {
        match command {
            None => return Flow::End(None),
            Some(Command::Close { done }) => return Flow::End(Some(done)),
            Some(Command::Doubt { .. } | Command::NeedRing) => {}
            Some(Command::Request { request: Asked::Placed(_), reply }) => {
                let _ = reply.send(Ok(Reply::Done));
            }
            Some(Command::Request { request: Asked::Leave { .. }, reply }) => {
                self.leave();
                let _ = reply.send(Ok(Reply::Done));
            }
            Some(Command::Request { request: Asked::Write(writes), reply })
                if writes.iter().any(|write| !write.key.starts_with(USERS)) =>
            {
                self.tell_own(writes);
                let _ = reply.send(Ok(Reply::Done));
            }
            Some(command @ Command::Join { .. })
                if self.session.is_none() && self.waiting.len() < WAITING_MAX =>
            {
                // Who has left comes back so.
                if self.search.is_none() {
                    self.look(Duration::ZERO);
                }
                self.waiting.push(command);
            }
            Some(command) => self.ask(command),
        }
        Flow::GoOn
    }

    fn leave(&mut self) {
        self.session.take().inspect(JoinHandle::abort);
        self.search.take().inspect(JoinHandle::abort);
        self.waiting.clear();
    }

    /// What a member tells all others of itself, a worker tells its member: which names it serves,
    /// and why no longer; what it subscribes to; how its loop does.
    fn tell_own(&mut self, writes: Vec<StateWrite>) {
        let mut words = BTreeMap::new();
        for StateWrite { key, value, .. } in writes {
            if let Some(server) = key.strip_prefix(WORDS) {
                // They come before what they are about.
                let said = value.as_deref().and_then(read_words);
                words.insert(server.to_owned(), said.map(|(_, text)| text).unwrap_or_default());
            } else if let Some(server) = key.strip_prefix(SERVERS) {
                if value.is_some() {
                    self.served.insert(server.to_owned());
                    self.announce("serve", server, server);
                } else {
                    self.served.remove(server);
                    let why = words.get(server).map_or("", String::as_str);
                    self.announce("stop", server, &(server, why));
                }
            } else if let Some(topic) = key.strip_prefix(TOPICS) {
                let interest = value.unwrap_or_default();
                self.announce("subscribe", topic, &(topic, &interest));
                match interest.is_empty() {
                    true => self.topics.remove(topic),
                    false => self.topics.insert(topic.to_owned(), interest),
                };
            } else if key == loops::KEY {
                self.turns = value.unwrap_or_else(|| vec![0]);
                self.announce("loop", "", &self.turns);
            }
        }
    }

    /// Has the member hear something of this worker. While it is away there is nobody to tell; it
    /// hears when it is back.
    fn announce(&self, op: &'static str, what: &str, body: &(impl Serialize + ?Sized)) {
        let Ok(bytes) = attach::encode(body) else { return };
        let what = what.to_owned();
        let begun = begin(&self.mesh, op, bytes, Instant::NEVER);
        tokio::spawn(async move {
            let told = match begun {
                Ok(ticket) => ticket.outcome().await,
                Err(error) => Err(error),
            };
            if let Some(error) = told.err().filter(|error| !is_quiet(error)) {
                warn!(%error, op, what, "the member does not take note of this worker's");
            }
        });
    }

    /// Sends a command on.
    fn ask(&self, command: Command) {
        let (wish, mut reply) = match command {
            Command::Join { targets, failed, again, reply } => {
                (Wish::of(Asked::Join { targets, failed, again }), reply)
            }
            Command::UpdateTags { changes, reply } => (Ok(Wish::UpdateTags(changes)), reply),
            Command::Request { request, reply } => (Wish::of(request), reply),
            Command::Doubt { .. } | Command::NeedRing | Command::Close { .. } => return,
        };
        let bytes = match wish.and_then(|wish| attach::encode(&wish)) {
            Ok(bytes) => bytes,
            Err(error) => return drop(reply.send(Err(error))),
        };
        let begun = begin(&self.mesh, "wish", bytes, Instant::NEVER);
        tokio::spawn(async move {
            let performed = async {
                let told = begun?.outcome().await?;
                type Told = Result<Outcome, ErrorBody>;
                let outcome = attach::decode::<Told>(&told.bytes)?;
                outcome.map(Reply::from).map_err(Error::from)
            };
            tokio::select! {
                performed = performed => drop(reply.send(performed)),
                // Nobody waits: the member is told so.
                () = reply.closed() => {}
            }
        });
    }

    fn complain(&self, code: WarningCode, subject: String, text: String) {
        warn!(code = code.as_str(), subject, "{text}");
        self.board.post(EventKind::Warning(Arc::new(Warning { code, subject, text })));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Whether an error of an announcement needs no words here: the member is away, or has told.
fn is_quiet(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NodeDown | ErrorKind::ServerExists | ErrorKind::Closed)
}

/// Waits until a connection is over, if there is one.
async fn over(session: &mut Option<JoinHandle<()>>) {
    let Some(running) = session else { return pending().await };
    let _ = running.await;
    *session = None;
}

/// Waits until a search is over, if there is one.
async fn found(search: &mut Option<JoinHandle<Result<Found, String>>>) -> Result<Found, String> {
    let Some(running) = search else { return pending().await };
    let outcome = running.await;
    *search = None;
    outcome.unwrap_or_else(|_| Err("the search for it was cut short".to_owned()))
}
