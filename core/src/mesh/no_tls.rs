//! In place of `tls`, in a build without it: there is nothing of all this.

use std::convert::Infallible;
use std::sync::Arc;

use super::fault::{Fault, Flaw, Pem, Unreadable};
use super::proof::Proof;

#[derive(Debug)]
pub(crate) struct Identity(Infallible);

impl Identity {
    pub(crate) fn new(_: &Pem<'_>, _: &str, _: bool) -> Result<Self, Flaw> {
        Err(Flaw::Cert("is of no use: this build of Chinwag has no TLS".to_owned()))
    }

    pub(crate) fn misses(&self, _: &str) -> Option<String> {
        match self.0 {}
    }
}

pub(crate) struct Handshake(Infallible);

impl Handshake {
    pub(super) fn dial(identity: &Arc<Identity>, _: &mut Vec<u8>) -> Result<Self, Fault> {
        match identity.0 {}
    }

    pub(super) fn accept(identity: &Arc<Identity>) -> Result<Self, Fault> {
        match identity.0 {}
    }

    pub(super) fn push(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result<Option<usize>, Fault> {
        match self.0 {}
    }

    pub(super) fn finish(self) -> (Session, Proof) {
        match self.0 {}
    }
}

#[derive(Clone)]
pub(crate) struct Session(Infallible);

impl Session {
    pub(super) fn seal(&self, _: &[u8], _: &mut Vec<u8>) {
        match self.0 {}
    }

    pub(super) fn open(&self, _: &[u8], _: &mut Vec<u8>) -> Result<(), Unreadable> {
        match self.0 {}
    }
}
