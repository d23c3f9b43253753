//! `chinwag ring balance`: how much each node has, against what its weight entitles it to.

use std::io::Write;
use std::path::PathBuf;

use chinwag::ring::{Ring, RingNode};
use clap::{ArgMatches, Command};
use serde::Serialize;

use super::keys::dash;
use super::{is_json, output, source, svg};
use crate::chart;
use crate::failure::Failure;
use crate::show::{percent, plain, table};

/// How the subcommand is spelled.
pub(super) fn command() -> Command {
    Command::new("balance")
        .about("Print each node's share of all keys against its ideal, and how even that is")
        .args(source::args())
        .args([svg(), output(&["table", "json"])])
}

/// How even a ring is.
#[derive(Serialize)]
struct Balance {
    profile: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    slots: Option<usize>,
    fingerprint: String,
    nodes: Vec<Share>,
    /// Who has most of what its weight entitles it to, and how many times that.
    busiest: String,
    busiest_of_ideal: f64,
    max_over_mean: f64,
}

/// What one node has.
#[derive(Serialize)]
struct Share {
    #[serde(flatten)]
    node: Node,
    share: f64,
    ideal: f64,
}

#[derive(Serialize)]
struct Node {
    name: String,
    weight: u32,
    zone: String,
}

impl From<RingNode> for Node {
    fn from(node: RingNode) -> Self {
        Self { name: node.name, weight: node.weight, zone: node.zone }
    }
}

impl Balance {
    fn of(ring: &Ring) -> Self {
        let shares = ring.balance();
        // Both are in the order of their names; those who are excluded have no share.
        let mut nodes = ring.nodes();
        let nodes: Vec<Share> = shares
            .iter()
            .filter_map(|own| {
                let node = nodes.find(|node| node.name == own.name)?.into();
                Some(Share { node, share: own.share, ideal: own.ideal })
            })
            .collect();
        let busiest = nodes.iter().max_by(|a, b| a.of_ideal().total_cmp(&b.of_ideal()));
        let most = nodes.iter().map(|own| own.share).fold(0.0, f64::max);
        let slots = ring.slots().count();
        Self {
            profile: ring.profile().name(),
            slots: (slots > 0).then_some(slots),
            fingerprint: format!("{:016x}", ring.fingerprint()),
            busiest: busiest.map_or_else(String::new, |own| own.node.name.clone()),
            busiest_of_ideal: busiest.map_or(1.0, Share::of_ideal),
            max_over_mean: most * nodes.len() as f64,
            nodes,
        }
    }

    /// One sentence.
    fn sum(&self) -> String {
        format!(
            "{}; the busiest, {}, has {:.3} of its ideal; max/mean {:.3}",
            chart::counted(self.nodes.len(), "node"),
            plain(&self.busiest),
            self.busiest_of_ideal,
            self.max_over_mean
        )
    }

    fn rows(&self) -> String {
        let row = |own: &Share| {
            let Node { name, weight, zone } = &own.node;
            let (share, ideal) = (percent(own.share), percent(own.ideal));
            let of_ideal = format!("{:.3}", own.of_ideal());
            vec![plain(name), weight.to_string(), dash(zone), share, ideal, of_ideal]
        };
        let rows: Vec<Vec<String>> = self.nodes.iter().map(row).collect();
        let header = ["NAME", "WEIGHT", "ZONE", "SHARE", "IDEAL", "OF IDEAL"];
        format!("{}\n{}\n", table(&header, &rows), self.sum())
    }

    fn bars(&self) -> Vec<chart::Bar> {
        let bar = |own: &Share| chart::Bar {
            name: plain(&own.node.name),
            share: own.share,
            ideal: own.ideal,
        };
        self.nodes.iter().map(bar).collect()
    }
}

impl Share {
    fn of_ideal(&self) -> f64 {
        self.share / self.ideal
    }
}

/// Runs it.
pub(super) fn run(matches: &ArgMatches, ring: &Ring) -> Result<(), Failure> {
    let balance = Balance::of(ring);
    if let Some(path) = matches.get_one::<PathBuf>("svg") {
        let nodes = chart::counted(balance.nodes.len(), "node");
        let (mean, ideal) = (balance.max_over_mean, balance.busiest_of_ideal);
        let title = format!("Shares of {nodes}: max/mean {mean:.3}, max/ideal {ideal:.3}");
        chart::write(path, &chart::shares(&title, balance.bars())?)?;
    }
    let text = match is_json(matches) {
        // Strings and finite numbers: there is nothing that could fail.
        true => serde_json::to_string(&balance).unwrap_or_default() + "\n",
        false => balance.rows(),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_is_the_one_with_most_of_its_ideal() {
        let nodes = [RingNode::new("a").weight(3), RingNode::new("b"), RingNode::new("gone")];
        let ring = Ring::builder().nodes(nodes).exclude("gone").build().expect("a ring");
        let balance = Balance::of(&ring);
        let names: Vec<&str> = balance.nodes.iter().map(|own| own.node.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!((balance.nodes[0].ideal, balance.nodes[1].node.weight), (0.75, 1));
        let ratios: Vec<f64> = balance.nodes.iter().map(Share::of_ideal).collect();
        let most = if ratios[0] > ratios[1] { ("a", ratios[0]) } else { ("b", ratios[1]) };
        assert_eq!((balance.busiest.as_str(), balance.busiest_of_ideal), most);
        // Of the two, the mean is one half.
        assert_eq!(balance.max_over_mean, 2.0 * balance.nodes[0].share);
    }

    #[test]
    fn a_table_ends_in_a_sentence() {
        let ring = Ring::builder()
            .profile(chinwag::ring::Profile::partitions(4))
            .nodes([RingNode::new("a").zone("z"), RingNode::new("b\u{1b}")])
            .build()
            .expect("a ring");
        let text = Balance::of(&ring).rows();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "NAME     WEIGHT  ZONE  SHARE    IDEAL    OF IDEAL");
        assert_eq!(lines[1], "a        1       z     50.00 %  50.00 %  1.000");
        assert_eq!(lines[2], "b\\u{1b}  1       -     50.00 %  50.00 %  1.000");
        assert!(lines[4].starts_with("2 nodes; the busiest, "), "{text}");
        assert!(lines[4].ends_with(" has 1.000 of its ideal; max/mean 1.000"), "{text}");
    }
}
