//! Where keys come from: the system's entropy, a file, a passphrase.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::sockets::no_entropy;
use crate::config::KeySource;
use crate::error::{Error, ErrorKind, Result};
pub use crate::wire::Key;
use crate::wire::{KEYS_MAX, Keyring};

/// What comes before the label in the salt of a derived key.
const SALT: &str = "chinwag/gossip/1/";
/// 64 MiB, in KiB.
const MEMORY: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;
const DERIVED: usize = 32;
/// No file of keys is longer.
const FILE_MAX: u64 = 64 * 1024;

/// A new key of 128, 192 or 256 bits.
///
/// # Errors
/// `bad_argument` for another number of bits.
pub fn generate(bits: usize) -> Result<Key> {
    let mut raw = Zeroizing::new([0; DERIVED]);
    let wrong = || {
        let message = format!("a key has 128, 192 or 256 bits, not {bits}");
        Error::new(ErrorKind::BadArgument, message)
    };
    let part = raw.get_mut(..bits / 8).filter(|_| bits.is_multiple_of(8)).ok_or_else(wrong)?;
    getrandom::fill(part).map_err(no_entropy)?;
    Key::from_bytes(part).map_err(|_| wrong())
}

/// The key that the option `cookie` stands for in a cluster of that label: 32 bytes of Argon2id
/// (version 19) over the passphrase, with 64 MiB, 3 passes, one lane, and the salt
/// `chinwag/gossip/1/` followed by the label. Takes about a tenth of a second, on purpose.
///
/// # Errors
/// `internal` when the memory for it is not there.
pub fn derive(passphrase: &str, cluster: &str) -> Result<Key> {
    let mut raw = Zeroizing::new([0; DERIVED]);
    let salt = format!("{SALT}{cluster}");
    let failed = |error| {
        let message = format!("no key could be derived from the cookie: {error}");
        Error::new(ErrorKind::Internal, message)
    };
    let params = Params::new(MEMORY, PASSES, LANES, Some(DERIVED)).map_err(failed)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt.as_bytes(), &mut raw[..])
        .map_err(failed)?;
    Key::from_bytes(&raw[..]).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

/// The keyring of a node, on a thread where it may take its time.
pub(crate) async fn load(source: KeySource, cluster: &str) -> Result<Option<Keyring>> {
    let keys = match source {
        KeySource::None => return Ok(None),
        KeySource::Keys(keys) => keys,
        slow => {
            let cluster = cluster.to_owned();
            let loading = tokio::task::spawn_blocking(move || load_slowly(slow, &cluster));
            let lost = |_| Error::new(ErrorKind::Internal, "the keys were not read to the end");
            loading.await.map_err(lost)??
        }
    };
    let mut keys = keys.into_iter();
    let Some(mut ring) = keys.next().map(Keyring::new) else { return Ok(None) };
    let full = |error| Error::new(ErrorKind::BadConfig, format!("{error}"));
    keys.try_for_each(|key| ring.add(key)).map_err(full)?;
    Ok(Some(ring))
}

fn load_slowly(source: KeySource, cluster: &str) -> Result<Vec<Key>> {
    match source {
        KeySource::None => Ok(Vec::new()),
        KeySource::Keys(keys) => Ok(keys),
        KeySource::File(path) => read(&path),
        KeySource::Cookie(secret) => {
            secret.reveal().iter().map(|passphrase| derive(passphrase, cluster)).collect()
        }
    }
}

/// The keys in a file.
fn read(path: &Path) -> Result<Vec<Key>> {
    let bad = |what: String| {
        Error::new(ErrorKind::BadConfig, format!("the key file {} {what}", path.display()))
    };
    let unreadable = |cause| bad(format!("cannot be read: {cause}"));
    let file = File::open(path).map_err(unreadable)?;
    warn_if_shared(path, &file);
    let mut text = Zeroizing::new(String::new());
    // One more than allowed, to see that there is more.
    file.take(FILE_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > FILE_MAX {
        return Err(bad(format!("has more than {FILE_MAX} bytes; it has one key a line")));
    }
    let lines = (1..).zip(text.lines().map(str::trim));
    let keys = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let keys: Vec<Key> = keys
        .map(|(place, line)| {
            Key::from_base64(line)
                .map_err(|error| bad(format!("has no key in line {place}: what is there {error}")))
        })
        .collect::<Result<_>>()?;
    match keys.len() {
        0 => Err(bad("has no key; chinwag key new makes one".to_owned())),
        1..=KEYS_MAX => Ok(keys),
        count => Err(bad(format!("has {count} keys, and may have {KEYS_MAX}"))),
    }
}

/// Says so if a file with keys is not its owner's alone.
#[cfg(unix)]
pub(super) fn warn_if_shared(path: &Path, file: &File) {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_or(0, |about| about.permissions().mode());
    if mode & 0o077 != 0 {
        let path = path.display();
        tracing::warn!(%path, "others on this machine can read the key file; chmod 600 would do");
    }
}

#[cfg(not(unix))]
pub(super) fn warn_if_shared(_path: &Path, _file: &File) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn file(name: &str, text: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("chinwag-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("a file");
        path
    }

    async fn loaded(text: &str) -> Result<Option<Keyring>> {
        let path = file(&format!("{:p}", text), text);
        let ring = load(KeySource::File(path.clone()), "").await;
        std::fs::remove_file(path).expect("it was there");
        ring
    }

    #[test]
    fn a_passphrase_gives_the_key_that_the_reference_program_gives() {
        // argon2 chinwag/gossip/1/blue -id -t 3 -k 65536 -p 1 -l 32 -r, in base64.
        let key = derive("correct horse battery", "blue").expect("64 MiB");
        assert_eq!(&*key.to_base64(), "ZrNgeJfIQbwzTG9f97r03WJxgMNdpbGAdNp2cmOtnCM=");
        assert_ne!(key, derive("correct horse battery", "").expect("64 MiB"));
        assert_ne!(key, derive("correct horse batterz", "blue").expect("64 MiB"));
    }

    #[test]
    fn new_keys_differ_and_have_their_length() {
        for bits in [128, 192, 256] {
            let key = generate(bits).expect("entropy");
            assert_eq!(key.bits(), bits);
            assert_ne!(key, generate(bits).expect("entropy"));
        }
        for bits in [0, 64, 129, 512] {
            assert_eq!(generate(bits).unwrap_err().kind(), ErrorKind::BadArgument);
        }
    }

    #[tokio::test]
    async fn a_file_has_one_key_a_line() {
        let keys = [generate(128), generate(256)].map(|key| key.expect("entropy"));
        let text = format!(
            "# new\n\n{}\n  # old\r\n {}\r\n\n",
            &*keys[0].to_base64(),
            &*keys[1].to_base64()
        );
        let ring = loaded(&text).await.expect("two keys").expect("a ring");
        assert_eq!(ring.iter().collect::<Vec<_>>(), [&keys[0], &keys[1]]);
        let cookie = Secret::new(vec!["correct horse battery".to_owned()]);
        let ring = load(KeySource::Cookie(cookie), "blue").await.expect("a key").expect("a ring");
        assert_eq!(ring.primary(), Some(&derive("correct horse battery", "blue").expect("64 MiB")));
    }

    #[tokio::test]
    async fn a_bad_file_is_named_and_not_shown() {
        let key = generate(128).expect("entropy").to_base64();
        for (text, says) in [
            (String::new(), "no key"),
            ("# nothing\n".to_owned(), "no key"),
            (format!("{}\nhunter2\n", &*key), "line 2"),
            (format!("{}\n", &*key).repeat(9), "9 keys"),
            ("x".repeat(70_000), "more than"),
        ] {
            let error = loaded(&text).await.expect_err(says);
            assert_eq!(error.kind(), ErrorKind::BadConfig);
            assert!(error.message().contains(says), "{error}");
            assert!(!error.message().contains("hunter2"), "{error}");
        }
        let nowhere = KeySource::File("/nonexistent/keys".into());
        let error = load(nowhere, "").await.expect_err("no such file");
        assert!(error.message().contains("/nonexistent/keys cannot be read"), "{error}");
    }
}
