//! What the kernel counts for a child and for the machine, read from outside the child.

use std::fs;
use std::io;

/// Totals of a child's network namespace and memory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    /// UDP datagrams sent.
    pub(crate) datagrams: u64,
    /// TCP segments sent.
    pub(crate) segments: u64,
    /// Datagrams dropped because a socket was full.
    pub(crate) drops: u64,
    /// Bytes over the loopback, IP headers included.
    pub(crate) bytes: u64,
}

impl Counters {
    /// Reads the counters of the namespace that `pid` lives in.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let snmp = fs::read_to_string(format!("/proc/{pid}/net/snmp"))?;
        let devices = fs::read_to_string(format!("/proc/{pid}/net/dev"))?;
        let column = |group, name| {
            snmp_column(&snmp, group, name)
                .ok_or_else(|| io::Error::other(format!("no {group} {name} in /proc/net/snmp")))
        };
        Ok(Self {
            datagrams: column("Udp:", "OutDatagrams")?,
            segments: column("Tcp:", "OutSegs")?,
            drops: column("Udp:", "RcvbufErrors")?,
            bytes: loopback_bytes(&devices)
                .ok_or_else(|| io::Error::other("no lo in /proc/net/dev"))?,
        })
    }

    /// What was added since `earlier`.
    pub(crate) const fn since(self, earlier: Self) -> Self {
        Self {
            datagrams: self.datagrams.saturating_sub(earlier.datagrams),
            segments: self.segments.saturating_sub(earlier.segments),
            drops: self.drops.saturating_sub(earlier.drops),
            bytes: self.bytes.saturating_sub(earlier.bytes),
        }
    }
}

/// Resident memory of a process in KiB.
pub(crate) fn rss_kib(pid: u32) -> io::Result<u64> {
    status_kib(&pid.to_string(), "VmRSS:")
}

/// What of it is the process's own, and not pages of its program's file that it happened to touch.
pub(crate) fn anonymous_kib(pid: u32) -> io::Result<u64> {
    status_kib(&pid.to_string(), "RssAnon:")
}

/// The most that a process has had resident, in KiB; `self` is this one.
pub(crate) fn peak_rss_kib(process: &str) -> io::Result<u64> {
    status_kib(process, "VmHWM:")
}

/// Begins to watch for the most anew.
pub(crate) fn forget_peak(pid: u32) -> io::Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5")
}

/// CPU of this thread, in seconds.
pub(crate) fn thread_s() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// CPU of all threads that a process has, in nanoseconds.
pub(crate) fn spent_ns(pid: u32) -> io::Result<u64> {
    let mut spent = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let schedule = fs::read_to_string(thread?.path().join("schedstat"))?;
        let first = schedule.split(' ').next().and_then(|ns| ns.parse::<u64>().ok());
        spent += first.ok_or_else(|| io::Error::other("bad schedstat"))?;
    }
    Ok(spent)
}

fn status_kib(process: &str, row: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix(row))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| io::Error::other(format!("no {row}")))
}

/// CPU of a process, with what its threads that are gone have used, in seconds; to a hundredth.
pub(crate) fn process_s(pid: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = process_ticks(&stat).ok_or_else(|| io::Error::other("bad stat"))?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// CPU of the machine, of the child and of this process, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    machine: f64,
    own: f64,
}

impl Load {
    /// Reads it, counting as foreign what is neither this process nor one of `own`.
    pub(crate) fn read(own: &[u32]) -> io::Result<Self> {
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let machine = fs::read_to_string("/proc/stat")?;
        let busy = busy_ticks(&machine).ok_or_else(|| io::Error::other("no cpu in /proc/stat"))?;
        let mut spent = 0;
        for pid in own.iter().copied().chain([std::process::id()]) {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
            spent += process_ticks(&stat).ok_or_else(|| io::Error::other("bad stat"))?;
        }
        Ok(Self { machine: busy as f64 / ticks, own: spent as f64 / ticks })
    }

    /// Cores that others used between the two readings.
    pub(crate) fn foreign_since(self, earlier: Self, seconds: f64) -> f64 {
        let foreign = (self.machine - earlier.machine) - (self.own - earlier.own);
        (foreign / seconds).max(0.0)
    }
}

/// `/proc/net/snmp` has a line of names and a line of numbers for each group.
fn snmp_column(snmp: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = snmp.lines().filter(|line| line.starts_with(group));
    let position = lines.next()?.split_whitespace().position(|word| word == name)?;
    lines.next()?.split_whitespace().nth(position)?.parse().ok()
}

fn loopback_bytes(devices: &str) -> Option<u64> {
    let line = devices.lines().find_map(|line| line.trim_start().strip_prefix("lo:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Everything but idle (3) and iowait (4); guest time (8, 9) is already inside user time.
fn busy_ticks(stat: &str) -> Option<u64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let columns: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let busy = [0, 1, 2, 5, 6, 7];
    busy.iter().map(|column| columns.get(*column).copied()).sum()
}

/// User and system time; the columns are counted after the command name, which may hold spaces.
fn process_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut columns = rest.split_whitespace().skip(11);
    let user: u64 = columns.next()?.parse().ok()?;
    let system: u64 = columns.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let snmp = "Tcp: OutSegs X\nTcp: 5 6\nUdp: InDatagrams OutDatagrams\nUdp: 7 8\n";
        assert_eq!(snmp_column(snmp, "Udp:", "OutDatagrams"), Some(8));
        assert_eq!(snmp_column(snmp, "Tcp:", "OutSegs"), Some(5));
        assert_eq!(snmp_column(snmp, "Udp:", "Nothing"), None);
    }

    #[test]
    fn the_process_is_read_past_a_name_with_spaces() {
        let stat = "7 (a ) b) S 1 1 1 0 -1 4194560 0 0 0 0 30 12 0 0 20 0 1 0 0";
        assert_eq!(process_ticks(stat), Some(42));
    }

    #[test]
    fn idle_time_is_not_busy() {
        assert_eq!(busy_ticks("cpu  1 2 3 1000 1000 4 5 6 7 8\ncpu0 1\n"), Some(21));
        assert_eq!(loopback_bytes("Inter-|\n    lo: 99 2 0\n"), Some(99));
    }

    #[test]
    fn this_process_can_be_read() {
        let pid = std::process::id();
        assert!(rss_kib(pid).unwrap() > 0);
        Counters::of(pid).unwrap();
        let load = Load::read(&[]).unwrap();
        assert!(load.machine >= load.own);
    }
}
