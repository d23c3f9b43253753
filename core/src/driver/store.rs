//! The file in which a node keeps its snapshot.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time;
use tracing::warn;

use super::board::{Board, Read as Got, Reader};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, Warning, WarningCode};
use crate::member::MemberState;
use crate::snapshot::Snapshot;

/// A snapshot's file, locked until it is released.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    cluster: String,
    held: Mutex<Held>,
    released: AtomicBool,
}

#[derive(Debug)]
struct Held {
    /// What the file holds.
    written: Option<Snapshot>,
    /// Closing it lets others have the file.
    lock: Option<File>,
}

/// Bytes of a file that is read: as many members as a node remembers, with names of 128 bytes.
const FILE_MAX: u64 = 24 << 20;
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// What changes within this time is written together.
const PAUSE: Duration = Duration::from_millis(500);
/// The file is looked after this often even if nobody came or went: the clocks go on.
const REST: Duration = Duration::from_secs(30);

impl Store {
    /// Opens the file of a node of `cluster`; what it holds, if anything that can be used. Blocks.
    ///
    /// # Errors
    /// `bad_config`: it is of another cluster, in use, or cannot be read.
    pub(super) fn open(path: &Path, cluster: &str) -> Result<(Self, Option<Snapshot>)> {
        let refuse = |why: String| {
            let message = format!("the snapshot {} {why}", path.display());
            Error::new(ErrorKind::BadConfig, message)
        };
        let lock = beside(path, "lock");
        let lock = OpenOptions::new().create(true).append(true).open(&lock);
        let lock = lock.map_err(|cause| refuse(format!("cannot be locked: {cause}")))?;
        if !locked(&lock) {
            return Err(refuse("is in use by another node; give each node its own".to_owned()));
        }
        let held = match read(path) {
            Ok(text) => text,
            Err(cause) => return Err(refuse(format!("cannot be read: {cause}"))),
        };
        let held = held.and_then(|text| {
            let read = Snapshot::read(&text);
            read.inspect_err(|damage| {
                warn!(path = %path.display(), "the snapshot {damage}; starting without it");
            })
            .ok()
        });
        if let Some(other) = held.as_ref().filter(|held| held.cluster != cluster) {
            let of = |label: &str| match label {
                "" => "a cluster without a label".to_owned(),
                label => format!("the cluster \"{label}\""),
            };
            return Err(refuse(format!(
                "is of {}, and this node is of {}; remove it, or set cluster",
                of(&other.cluster),
                of(cluster)
            )));
        }
        let state = Mutex::new(Held { written: held.clone(), lock: Some(lock) });
        let store = Self {
            path: path.to_owned(),
            cluster: cluster.to_owned(),
            held: state,
            released: AtomicBool::new(false),
        };
        Ok((store, held))
    }

    /// Writes what a board shows, if the file is still ours and holds anything else. Blocks.
    pub(super) fn save(&self, board: &Board) -> io::Result<()> {
        let local = board.local();
        let stats = board.stats();
        let others = board
            .members()
            .into_iter()
            .filter(|member| member.state() != MemberState::Left && member.name() != local.name());
        let snapshot = Snapshot {
            cluster: self.cluster.clone(),
            incarnation: local.incarnation(),
            clocks: stats.clocks(),
            left: local.state() == MemberState::Left,
            members: others.map(|member| (member.addr(), member.name().to_owned())).collect(),
        };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outcome = Ok(());
        if held.lock.is_some() && held.written.as_ref() != Some(&snapshot) {
            outcome = replace(&self.path, snapshot.write().as_bytes());
            held.written = outcome.is_ok().then_some(snapshot);
        }
        drop(held);
        // Whoever released it meanwhile could not wait for the end of this.
        if self.released.load(Ordering::SeqCst) {
            self.held.lock().unwrap_or_else(PoisonError::into_inner).lock = None;
        }
        outcome
    }

    /// Lets another node have the file, at once or after what is being written; nothing is written
    /// after that. Does not block.
    pub(super) fn release(&self) {
        self.released.store(true, Ordering::SeqCst);
        if let Ok(mut held) = self.held.try_lock() {
            held.lock = None;
        }
    }
}

/// Waits a little for the node of before: one that was aborted may still be writing.
fn locked(lock: &File) -> bool {
    for _ in 0..LOCK_TRIES {
        if lock.try_lock().is_ok() {
            return true;
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    false
}

/// The whole text of a file, or `None` when there is none.
fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    match file.take(FILE_MAX).read_to_string(&mut text) {
        Ok(_) => Ok(Some(text)),
        // What is no text is no snapshot either.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Some(String::new())),
        Err(error) => Err(error),
    }
}

/// Puts a new file in the place of the old one, so that there is always one of the two, whole,
/// whenever the machine stops.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(path, "new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The name is in the folder, which is written for itself.
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Writes what changes, for as long as the node lives.
pub(super) async fn keep(store: Arc<Store>, board: Arc<Board>) {
    let mut reader = Reader::new(Arc::clone(&board), true);
    let mut failing = false;
    loop {
        let changed = time::timeout(
            REST,
            std::future::poll_fn(|context| match reader.next(Some(context.waker())) {
                Got::Waiting => std::task::Poll::Pending,
                Got::Event(_) => std::task::Poll::Ready(true),
                Got::Closed => std::task::Poll::Ready(false),
            }),
        );
        if matches!(changed.await, Ok(false)) {
            return;
        }
        time::sleep(PAUSE).await;
        while matches!(reader.next(None), Got::Event(_)) {}
        let (file, shown) = (Arc::clone(&store), Arc::clone(&board));
        let outcome = tokio::task::spawn_blocking(move || file.save(&shown)).await;
        let failed = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        // Once, until it works again.
        if let (Some(cause), false) = (&failed, failing) {
            board.post(EventKind::Warning(Arc::new(Warning {
                code: WarningCode::SnapshotFailed,
                subject: store.path.display().to_string(),
                text: format!("the snapshot cannot be written: {cause}"),
            })));
        }
        failing = failed.is_some();
    }
}

/// Addresses of a snapshot, to be tried as seeds.
pub(super) fn seeds(snapshot: &Snapshot) -> Vec<SocketAddr> {
    snapshot.members.iter().map(|(addr, _)| *addr).collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn folder() -> TempDir {
        tempfile::tempdir().expect("a folder")
    }

    #[test]
    fn a_file_of_another_cluster_and_one_in_use_are_refused() {
        let folder = folder();
        let path = folder.path().join("snapshot");
        let other = Snapshot { cluster: "blue".to_owned(), ..Snapshot::default() };
        replace(&path, other.write().as_bytes()).expect("a file");
        let refused = Store::open(&path, "green").expect_err("of another cluster");
        assert_eq!(refused.kind(), ErrorKind::BadConfig);
        assert!(refused.message().contains("\"blue\""), "{refused}");
        let (store, held) = Store::open(&path, "blue").expect("its own");
        assert_eq!(held, Some(other));
        let refused = Store::open(&path, "blue").expect_err("in use");
        assert!(refused.message().contains("in use"), "{refused}");
        drop(store);
        assert!(Store::open(&path, "blue").is_ok());
    }

    #[test]
    fn a_damaged_file_is_as_none_and_is_replaced() {
        let folder = folder();
        let path = folder.path().join("snapshot");
        for bytes in [&b""[..], b"chinwag snapshot 1\ncluster \n", &[0xff; 100]] {
            fs::write(&path, bytes).expect("a file");
            let (_, held) = Store::open(&path, "").expect("no reason to refuse");
            assert_eq!(held, None);
        }
        replace(&path, Snapshot::default().write().as_bytes()).expect("replaced");
        let (_, held) = Store::open(&path, "").expect("whole");
        assert_eq!(held, Some(Snapshot::default()));
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = folder();
        let path = folder.path().join("snapshot");
        fs::create_dir(&path).expect("a folder");
        let refused = Store::open(&path, "").expect_err("a folder");
        assert_eq!(refused.kind(), ErrorKind::BadConfig);
    }
}
