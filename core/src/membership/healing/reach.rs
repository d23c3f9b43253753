//! Members that are half there: over UDP and not over TCP, or the other way round. Nobody fails of
//! it, so it would go on unseen: without TCP no states are exchanged, and without UDP every probe
//! is late.

use super::super::Membership;
use super::super::roster::Slot;
use crate::event::WarningCode;
use crate::member::MemberState;

/// Failures in a row that are no accident.
const FAILURES: u32 = 3;
/// Probe intervals until an exchange that failed is tried again.
const RETRY_ROUNDS: u32 = 2;

impl Membership {
    /// An exchange of states with a member came to nothing: there was no connection, or it broke.
    pub(crate) fn tcp_failed(&mut self, slot: Slot) {
        self.probe_soon(slot);
        let alive = |slot| {
            self.roster.get(slot).is_some_and(|record| record.member.state() == MemberState::Alive)
        };
        if !alive(slot) {
            return;
        }
        let Some(trouble) = self.trouble(slot) else { return };
        trouble.tcp_failures = trouble.tcp_failures.saturating_add(1);
        match trouble.tcp_failures {
            1..FAILURES => {
                let wait = self.protocol.probe_interval.saturating_mul(RETRY_ROUNDS);
                self.sync_soon(slot, wait);
            }
            FAILURES => self.half_reachable(
                slot,
                WarningCode::TcpUnreachable,
                "answers probes, but connections to it fail; is its TCP port blocked?",
            ),
            _ => {}
        }
    }

    pub(crate) fn tcp_worked(&mut self, slot: Slot) {
        if let Some(trouble) = self.healing.troubles.get_mut(&slot) {
            trouble.tcp_failures = 0;
        }
    }

    /// A probe was answered over TCP alone.
    pub(crate) fn udp_failed(&mut self, slot: Slot) {
        let Some(trouble) = self.trouble(slot) else { return };
        trouble.udp_failures = trouble.udp_failures.saturating_add(1);
        if trouble.udp_failures == FAILURES {
            self.half_reachable(
                slot,
                WarningCode::UdpUnreachable,
                "answers over TCP only; is its UDP port blocked?",
            );
        }
    }

    pub(crate) fn udp_worked(&mut self, slot: Slot) {
        if let Some(trouble) = self.healing.troubles.get_mut(&slot) {
            trouble.udp_failures = 0;
        }
    }

    fn half_reachable(&mut self, slot: Slot, code: WarningCode, how: &str) {
        let Some(member) = self.roster.get(slot).map(|record| record.member.clone()) else {
            return;
        };
        let text = format!("{} at {} {how}", member.name(), member.addr());
        self.report(code, member.name(), text);
    }
}
