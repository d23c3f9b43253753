//! Where a connection is written to: by its task, or by whoever says something while nobody else
//! does.
//!
//! It is one of them at a time: who was told that there is something to write, until there is
//! nothing more. So a thread that is alone does not wait for the task to be woken, and many share
//! the task's writes.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time;

use super::{Line, Shared, State, clock};
use crate::mesh::{Sealer, holds_several};
use crate::messaging::LinkId;
use crate::time::Instant;

/// A peer that does not read is given up after that.
const WRITE_LIMIT: Duration = Duration::from_secs(30);
/// Frames that went out alone, one after the other, after which there is nobody to wait for.
const ALONE: u32 = 16;
/// Room for what is written that is kept from one time to the next: as much as is drawn at once.
const KEPT: usize = 320 * 1024;

/// The writing end of a connection.
#[derive(Debug)]
pub(super) struct Outlet {
    socket: OwnedWriteHalf,
    drawn: Mutex<Drawn>,
    /// Times in a row that there was one frame and no more.
    alone: AtomicU32,
}

/// What is being written.
#[derive(Debug)]
struct Drawn {
    sealer: Sealer,
    plain: Vec<u8>,
    sealed: Vec<u8>,
    /// Bytes of it that are through.
    written: usize,
}

/// What there is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Draught {
    Some,
    Nothing,
    /// Nothing, and nothing will come.
    Last,
}

impl Outlet {
    pub(super) fn new(socket: OwnedWriteHalf, sealer: Sealer) -> Self {
        let (plain, sealed) = (Vec::new(), Vec::new());
        let drawn = Mutex::new(Drawn { sealer, plain, sealed, written: 0 });
        Self { socket, drawn, alone: AtomicU32::new(0) }
    }

    /// Whether who has something to say has been the only one for a while, so that there is nobody
    /// to wait for.
    pub(super) fn is_quiet(&self) -> bool {
        self.alone.load(Ordering::Relaxed) >= ALONE
    }

    fn lock(&self) -> MutexGuard<'_, Drawn> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is to be written next. All that was before it is through.
    pub(super) fn draw(&self, shared: &Arc<Shared>, link: LinkId) -> Draught {
        self.draw_at(clock::now(), shared, shared.lock(), link)
    }

    fn draw_at(
        &self,
        now: Instant,
        shared: &Arc<Shared>,
        mut state: MutexGuard<'_, State>,
        link: LinkId,
    ) -> Draught {
        let mut drawn = self.lock();
        state.messaging.transmit(now, link, &mut drawn.plain);
        let ends = state.lines.get(&link).is_none_or(|line| line.ends);
        shared.carry_out(state);
        if !drawn.plain.is_empty() {
            let alone = self.alone.load(Ordering::Relaxed).saturating_add(1);
            let alone = if holds_several(&drawn.plain) { 0 } else { alone };
            self.alone.store(alone, Ordering::Relaxed);
        }
        match drawn.plain.is_empty() && drawn.sealed.is_empty() {
            false => Draught::Some,
            true if ends => Draught::Last,
            true => Draught::Nothing,
        }
    }

    /// Writes as much of it as the socket takes at once; whether that was all.
    fn push(&self) -> io::Result<bool> {
        let mut drawn = self.lock();
        let Drawn { sealer, plain, sealed, written } = &mut *drawn;
        let bytes = if sealer.seals() {
            if !plain.is_empty() {
                sealer.seal(plain, sealed);
                plain.clear();
            }
            &*sealed
        } else {
            &*plain
        };
        while let Some(rest) = bytes.get(*written..).filter(|rest| !rest.is_empty()) {
            match self.socket.try_write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => *written += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        *written = 0;
        for bytes in [plain, sealed] {
            bytes.clear();
            bytes.shrink_to(KEPT);
        }
        Ok(true)
    }

    /// Writes all of it.
    pub(super) async fn push_all(&self) -> io::Result<()> {
        if self.push()? {
            return Ok(());
        }
        let rest = async {
            loop {
                self.socket.writable().await?;
                if self.push()? {
                    return Ok(());
                }
            }
        };
        time::timeout(WRITE_LIMIT, rest).await?
    }

    /// Tells the other side that nothing more will come.
    pub(super) fn finish(&self) {
        let _ = SockRef::from(self.socket.as_ref()).shutdown(std::net::Shutdown::Write);
    }
}

impl Shared {
    /// Carries out every output. Who is alone, and has been, writes what there is to be written by
    /// itself: until the connection's task had a turn, there would be nothing to go with it.
    pub(super) fn carry_out_by(self: &Arc<Self>, mut state: MutexGuard<'_, State>, alone: bool) {
        let Some(link) = self.act(&mut state, alone) else { return };
        let Some(line) = state.lines.get(&link) else { return };
        let Some(outlet) = line.outlet.clone() else { return line.work.notify_one() };
        let now = state.messaging.time();
        let mut draught = outlet.draw_at(now, self, state, link);
        while draught == Draught::Some {
            if !matches!(outlet.push(), Ok(true)) {
                break;
            }
            draught = outlet.draw_at(now, self, self.lock(), link);
        }
        // The rest is the task's: to wait until there is room, to hear what is wrong, to end.
        match draught {
            Draught::Nothing => self.calmer.notify_waiters(),
            _ => self.hand_over(link),
        }
    }

    /// Has a connection's task go on with what is to be written.
    fn hand_over(&self, link: LinkId) {
        if let Some(line) = self.lock().lines.get(&link) {
            line.work.notify_one();
        }
    }
}

impl Line {
    /// Has somebody write what there is: its task, unless who asks does it, who is told so.
    pub(super) fn has_work(&self, by_asker: bool) -> bool {
        let is_asker = by_asker && self.outlet.as_deref().is_some_and(Outlet::is_quiet);
        if !is_asker {
            self.work.notify_one();
        }
        is_asker
    }
}
