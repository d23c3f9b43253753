//! The keys of a node.

use std::fmt;

use super::{Fingerprint, Key};

/// Keys in one ring at most: a message under none of them is tried with each.
pub const KEYS_MAX: usize = 8;

/// One key to encrypt with, the primary, and others that are still, or already, understood. Never
/// empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyring {
    /// The first is the primary.
    keys: Vec<Key>,
}

/// What may be shown of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// What it is called.
    pub fingerprint: Fingerprint,
    /// Its length: 128, 192 or 256.
    pub bits: usize,
    /// Whether it is the one that encrypts.
    pub primary: bool,
}

/// Why a ring stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyringError {
    /// It has [`KEYS_MAX`] keys.
    Full,
    /// The primary cannot be removed.
    Primary,
    /// There is no such key in it.
    Unknown,
}

impl Keyring {
    /// A ring of one key.
    pub fn new(primary: Key) -> Self {
        Self { keys: vec![primary] }
    }

    /// Installs a key. One that is there already stays where it is.
    ///
    /// # Errors
    /// [`KeyringError::Full`].
    pub fn add(&mut self, key: Key) -> Result<(), KeyringError> {
        if self.keys.contains(&key) {
            return Ok(());
        }
        if self.keys.len() >= KEYS_MAX {
            return Err(KeyringError::Full);
        }
        self.keys.push(key);
        Ok(())
    }

    /// Makes a key the primary.
    ///
    /// # Errors
    /// [`KeyringError::Unknown`].
    pub fn promote(&mut self, key: Fingerprint) -> Result<(), KeyringError> {
        let place = self.place(key)?;
        // The others keep their order.
        if let Some(front) = self.keys.get_mut(..=place) {
            front.rotate_right(1);
        }
        Ok(())
    }

    /// Takes a key out.
    ///
    /// # Errors
    /// [`KeyringError::Unknown`], [`KeyringError::Primary`].
    pub fn remove(&mut self, key: Fingerprint) -> Result<(), KeyringError> {
        match self.place(key)? {
            0 => Err(KeyringError::Primary),
            place => {
                self.keys.remove(place);
                Ok(())
            }
        }
    }

    fn place(&self, key: Fingerprint) -> Result<usize, KeyringError> {
        let place = self.keys.iter().position(|held| held.fingerprint() == key);
        place.ok_or(KeyringError::Unknown)
    }

    /// The keys, the primary first.
    pub fn iter(&self) -> std::slice::Iter<'_, Key> {
        self.keys.iter()
    }

    /// What may be shown of the keys, the primary first.
    pub fn list(&self) -> Vec<KeyInfo> {
        let info = |(place, key): (usize, &Key)| KeyInfo {
            fingerprint: key.fingerprint(),
            bits: key.bits(),
            primary: place == 0,
        };
        self.keys.iter().enumerate().map(info).collect()
    }

    /// The key to encrypt with.
    pub fn primary(&self) -> Option<&Key> {
        self.keys.first()
    }
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => write!(f, "the keyring has {KEYS_MAX} keys already; remove one first"),
            Self::Primary => f.write_str("it is the primary key; use another one first"),
            Self::Unknown => f.write_str("there is no such key in the keyring"),
        }
    }
}

impl std::error::Error for KeyringError {}
