//! The certificates of a node: read when it starts, and again when their files have changed.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::clock;
use crate::config::TlsFiles;
use crate::driver::{Board, keys};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{EventKind, Warning, WarningCode};
use crate::mesh::{Flaw, Identity, Pem};
use crate::time::Instant;

/// No file of certificates is longer.
const FILE_MAX: u64 = 1024 * 1024;
/// Between two looks at the files; nobody looks while nobody connects.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// What a node shows on connections for messages, and whom it believes.
#[derive(Debug)]
pub(in crate::driver) struct Credentials {
    files: TlsFiles,
    /// The cluster's.
    label: String,
    /// The member's.
    name: String,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    identity: Arc<Identity>,
    /// Of the files that it was read from.
    stamps: Stamps,
    looked: Instant,
    /// What was told of files that are not good; it is told once.
    told: Option<String>,
}

/// What tells one content of the three files from another, as far as their folders know.
type Stamps = [Option<Stamp>; 3];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    /// The file itself: one that takes another's place may be as long and as old.
    file: u64,
}

impl Credentials {
    /// Reads the files, on a thread where it may take its time.
    ///
    /// # Errors
    /// `bad_config`, which names the file and says what is wrong.
    pub(in crate::driver) async fn load(
        files: TlsFiles,
        label: &str,
        name: &str,
    ) -> Result<Arc<Self>> {
        let (label, name) = (label.to_owned(), name.to_owned());
        let loading = tokio::task::spawn_blocking(move || {
            let (looked, stamps) = (clock::now(), stamps(&files));
            let identity = Arc::new(read(&files, &label, &name)?);
            let held = Mutex::new(Held { identity, stamps, looked, told: None });
            Ok(Arc::new(Self { files, label, name, held }))
        });
        let lost = |_| Error::new(ErrorKind::Internal, "the certificates were not read to the end");
        loading.await.map_err(lost)?
    }

    /// What is shown on a new connection. Files that have changed are read again; while they are
    /// not good, that is told on the board, and what was read before stays in force.
    pub(super) async fn current(self: &Arc<Self>, board: Option<Arc<Board>>) -> Arc<Identity> {
        {
            let mut held = self.lock();
            let now = clock::now();
            if now.since(held.looked) < LOOK_PAUSE {
                return Arc::clone(&held.identity);
            }
            held.looked = now;
        }
        let this = Arc::clone(self);
        let looking = tokio::task::spawn_blocking(move || this.look());
        if let (Ok(Some(text)), Some(board)) = (looking.await, board) {
            let subject = self.files.cert.display().to_string();
            tracing::warn!(subject, "{text}");
            let code = WarningCode::TlsFiles;
            board.post(EventKind::Warning(Arc::new(Warning { code, subject, text })));
        }
        Arc::clone(&self.lock().identity)
    }

    /// Reads the files if they have changed; what is to be told of it.
    fn look(&self) -> Option<String> {
        let stamps = stamps(&self.files);
        if self.lock().stamps == stamps {
            return None;
        }
        // Files that are not good are tried again each time: they may be half written.
        let outcome = read(&self.files, &self.label, &self.name);
        let mut held = self.lock();
        match outcome {
            Ok(identity) => {
                *held = Held { identity: Arc::new(identity), stamps, told: None, ..*held };
                None
            }
            Err(error) => {
                let text = format!("{}; what was read before stays in force", error.message());
                let is_told = held.told.as_ref() == Some(&text);
                held.told = Some(text.clone());
                (!is_told).then_some(text)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(files: &TlsFiles, label: &str, name: &str) -> Result<Identity> {
    let cert = content("tls_cert", &files.cert)?;
    let key = content("tls_key", &files.key)?;
    let ca = content("tls_ca", &files.ca)?;
    let pem = Pem { cert: &cert, key: &key, ca: &ca };
    let identity = Identity::new(&pem, label, files.verify_name).map_err(|flaw| match flaw {
        Flaw::Cert(what) => bad("tls_cert", &files.cert, &what),
        Flaw::Key(what) => bad("tls_key", &files.key, &what),
        Flaw::Ca(what) => bad("tls_ca", &files.ca, &what),
    })?;
    match identity.misses(name) {
        Some(what) => Err(bad("tls_cert", &files.cert, &what)),
        None => Ok(identity),
    }
}

/// A file, which may be a secret.
fn content(option: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let unreadable = |cause| bad(option, path, &format!("cannot be read: {cause}"));
    let file = File::open(path).map_err(unreadable)?;
    if option == "tls_key" {
        keys::warn_if_shared(path, &file);
    }
    // Room for all of it from the start: none of it is left behind where it was moved from.
    let length = file.metadata().map_err(unreadable)?.len().min(FILE_MAX) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0)));
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(bad(option, path, &format!("has more than {FILE_MAX} bytes")));
    }
    Ok(bytes)
}

fn bad(option: &str, path: &Path, what: &str) -> Error {
    let message = format!("{option}: the file {} {what}", path.display());
    Error::new(ErrorKind::BadConfig, message)
}

fn stamps(files: &TlsFiles) -> Stamps {
    [&files.cert, &files.key, &files.ca].map(|path| {
        let about = fs::metadata(path).ok()?;
        let (modified, length) = (about.modified().ok(), about.len());
        Some(Stamp { modified, length, file: number(&about) })
    })
}

#[cfg(unix)]
fn number(about: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(about)
}

#[cfg(not(unix))]
fn number(_about: &fs::Metadata) -> u64 {
    0
}
