//! The counters of a node as OpenMetrics text, which Prometheus and its kin read.
//! <https://github.com/prometheus/OpenMetrics>

use std::fmt::Write as _;

use crate::api::STATES;
use crate::member::Member;
use crate::stats::{ROUND_TRIP_BOUNDS, STATS, Stats};

/// The text, its end included; its media type is
/// `application/openmetrics-text; version=1.0.0; charset=utf-8`. `members` are all that are
/// remembered, the local one included.
pub(crate) fn text(stats: &Stats, members: &[Member], local: &Member) -> String {
    let mut out = String::new();
    head(&mut out, "chinwag_node", "info", "This node.");
    let version = env!("CARGO_PKG_VERSION");
    let (name, addr) = (escaped(local.name()), local.addr());
    // Writing into a string cannot fail.
    let _ = writeln!(
        out,
        "chinwag_node_info{{name=\"{name}\",addr=\"{addr}\",version=\"{version}\"}} 1"
    );
    head(&mut out, "chinwag_members", "gauge", "Members remembered, by what is believed of them.");
    for (state, word) in STATES {
        let count = members.iter().filter(|member| member.state() == *state).count();
        let _ = writeln!(out, "chinwag_members{{state=\"{word}\"}} {count}");
    }
    for (info, (name, value)) in STATS.iter().zip(stats.rows()) {
        let (kind, ending) = if info.gauge { ("gauge", "") } else { ("counter", "_total") };
        head(&mut out, &format!("chinwag_{name}"), kind, info.doc.trim());
        let _ = writeln!(out, "chinwag_{name}{ending} {value}");
    }
    round_trips(&mut out, stats);
    out + "# EOF\n"
}

fn round_trips(out: &mut String, stats: &Stats) {
    let name = "chinwag_round_trip_seconds";
    head(out, name, "histogram", "How long members took to answer probes and pings directly.");
    for (bound, count) in ROUND_TRIP_BOUNDS.iter().zip(stats.round_trip_counts) {
        let _ = writeln!(out, "{name}_bucket{{le=\"{}\"}} {count}", seconds(*bound));
    }
    let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {}", stats.round_trips);
    let _ = writeln!(out, "{name}_sum {}", seconds(stats.round_trip_micros));
    let _ = writeln!(out, "{name}_count {}", stats.round_trips);
}

/// Microseconds as seconds, exactly.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let trimmed = text.trim_end_matches('0');
    format!("{trimmed}{}", if trimmed.ends_with('.') { "0" } else { "" })
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", escaped(help));
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::member::{Facts, MemberState};

    fn member(name: &str, state: MemberState) -> Member {
        Member::new(Facts {
            name,
            addr: "10.1.2.3:7946".parse().unwrap(),
            state,
            incarnation: 1,
            versions: [1, 5, 2, 0, 0, 0],
            mapped: false,
            meta: b"",
        })
    }

    #[test]
    fn every_counter_is_there_under_its_kind() {
        let mut stats = Stats { packets_sent: 7, health_score: 2, ..Stats::default() };
        for micros in [80, 300, 300, 2_000_000] {
            stats.round_trip(Duration::from_micros(micros));
        }
        let local = member("we\"b\n", MemberState::Alive);
        let members = [local.clone(), member("b", MemberState::Failed)];
        let text = text(&stats, &members, &local);
        for line in [
            "chinwag_node_info{name=\"we\\\"b\\n\",addr=\"10.1.2.3:7946\",version=",
            "# TYPE chinwag_packets_sent counter\nchinwag_packets_sent_total 7\n",
            "# TYPE chinwag_health_score gauge\nchinwag_health_score 2\n",
            "chinwag_members{state=\"failed\"} 1\n",
            "chinwag_round_trip_seconds_bucket{le=\"0.0001\"} 1\n",
            "chinwag_round_trip_seconds_bucket{le=\"0.0005\"} 3\n",
            "chinwag_round_trip_seconds_bucket{le=\"1.0\"} 3\n",
            "chinwag_round_trip_seconds_bucket{le=\"+Inf\"} 4\n",
            "chinwag_round_trip_seconds_sum 2.00068\n",
            "chinwag_round_trip_seconds_count 4\n",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert_eq!(text.matches("# HELP ").count(), STATS.len() + 3);
        assert!(text.ends_with("\n# EOF\n"));
    }

    #[test]
    fn a_count_has_one_row_and_one_meaning() {
        let mut names: Vec<&str> = STATS.iter().map(|info| info.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STATS.len());
        assert!(STATS.iter().all(|info| info.doc.trim().ends_with('.')));
    }
}
