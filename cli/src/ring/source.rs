//! Which ring is meant: that of a cluster, of a file, or of nodes that are named.

use std::io::Read;
use std::path::{Path, PathBuf};

use chinwag::query;
use chinwag::ring::{Ring, RingNode};
use chinwag::{Config, Error};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, value_parser};

use crate::asking;
use crate::failure::Failure;
use crate::options;
use crate::show::plain;

/// Bytes of a file at most: a ring of 65,534 nodes with usual names takes a tenth.
const FILE_MAX: u64 = 64 << 20;

/// Options that say how keys are placed on the nodes.
const PLACING: [&str; 4] = ["ring_profile", "ring_slots", "ring_replicas", "ring_hash_tags"];
/// Options that say who of a cluster's members is on the ring, and as what.
const CHOOSING: [&str; 3] = ["ring_tags", "ring_weight_tag", "ring_zone_tag"];

/// The flags for it.
pub(super) fn args() -> Vec<Arg> {
    let ring = Arg::new("ring")
        .long("ring")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .conflicts_with("node")
        .help("Take the ring of this file, which has it as JSON");
    let node = Arg::new("node")
        .long("node")
        .value_name("NAME[=WEIGHT[@ZONE]]")
        .action(ArgAction::Append)
        .help("Take the ring of the nodes that are named so. May be repeated");
    let options = PLACING.into_iter().chain(CHOOSING).flat_map(options::flag_of);
    asking::args().into_iter().chain([ring, node]).chain(options).collect()
}

/// The ring that is meant; of several sources on the command line none, and a variable gives way.
pub(super) async fn ring(matches: &ArgMatches) -> Result<Ring, Failure> {
    let nodes: Vec<&String> = matches.get_many("node").into_iter().flatten().collect();
    let file = matches.get_one::<PathBuf>("ring");
    let seed_given = matches.value_source("seed");
    if seed_given == Some(ValueSource::CommandLine) && (file.is_some() || !nodes.is_empty()) {
        return Err(Failure::usage("a ring is that of --seed, of --ring or of --node, not of two"));
    }
    if let Some(path) = file {
        refuse(matches, &PLACING, "the file says how keys are placed")?;
        refuse(matches, &CHOOSING, "they choose among members, and a file has its nodes")?;
        return Ring::from_json(&read(path)?).map_err(|error| about(path, &error));
    }
    let config = options::config(matches)?;
    if !nodes.is_empty() {
        refuse(matches, &CHOOSING, "they choose among members, and --node names nodes")?;
        return named(&nodes, &config);
    }
    if seed_given.is_none() {
        return Err(Failure::usage(
            "say whose ring: --seed ADDR for a cluster's, --ring FILE, or a --node NAME for each",
        ));
    }
    let members = asking::members(matches, &config).await?;
    let placement = query::ring(&members, &config)?;
    for warning in &placement.warnings {
        eprintln!("chinwag: {}: {}", plain(&warning.subject), plain(&warning.text));
    }
    Ok(placement.ring)
}

/// Flags that would change nothing are a mistake. Variables may be meant for other commands.
fn refuse(matches: &ArgMatches, options: &[&str], why: &str) -> Result<(), Failure> {
    let given = |id: &&&str| matches.value_source(id) == Some(ValueSource::CommandLine);
    match options.iter().find(given) {
        Some(id) => Err(Failure::usage(format!("--{} has no effect: {why}", id.replace('_', "-")))),
        None => Ok(()),
    }
}

fn named(nodes: &[&String], config: &Config) -> Result<Ring, Failure> {
    let nodes = nodes.iter().map(|text| node(text)).collect::<Result<Vec<_>, _>>()?;
    let settings = config.settings()?.ring;
    let ring = Ring::builder()
        .profile(settings.profile)
        .replicas(settings.replicas)
        .hash_tags(settings.hash_tags)
        .nodes(nodes);
    Ok(ring.build()?)
}

/// `NAME[=WEIGHT[@ZONE]]`. Names are free text: the weight begins behind the first `=` that has
/// digits alone behind it, up to the end or to an `@`.
pub(super) fn node(text: &str) -> Result<RingNode, Failure> {
    let starts = text.match_indices('=').map(|(at, _)| at);
    let mut splits = starts.filter_map(|at| {
        let (name, rest) = (text.get(..at)?, text.get(at + 1..)?);
        let (weight, zone) = rest.split_once('@').unwrap_or((rest, ""));
        let digits = !weight.is_empty() && weight.bytes().all(|byte| byte.is_ascii_digit());
        digits.then_some((name, weight, zone))
    });
    match splits.next() {
        None if text.contains('=') => Err(Failure::usage(format!(
            "\"{text}\" is no NAME[=WEIGHT[@ZONE]]: a weight is a whole number; a name with an = \
             in it needs one"
        ))),
        None => Ok(RingNode::new(text)),
        Some((name, weight, zone)) => match weight.parse() {
            Ok(weight) => Ok(RingNode::new(name).weight(weight).zone(zone)),
            Err(_) => Err(Failure::usage(format!("the weight in \"{text}\" is too large"))),
        },
    }
}

/// A file of text, as far as it has a size that one may have.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let failed = |why: String| Failure::new(format!("{}: {why}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut text = String::new();
    let read = file.take(FILE_MAX + 1).read_to_string(&mut text);
    match read.map_err(|error| failed(error.to_string()))? as u64 {
        0..=FILE_MAX => Ok(text),
        _ => Err(failed(format!("longer than {FILE_MAX} bytes"))),
    }
}

/// What is wrong with what a file says.
pub(super) fn about(path: &Path, error: &Error) -> Failure {
    Failure::usage(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use chinwag::ring::Profile;

    use super::*;

    #[test]
    fn a_node_has_a_name_a_weight_and_a_zone() {
        let read = |text| node(text).map_err(|failure| failure.status());
        assert_eq!(read("web-1"), Ok(RingNode::new("web-1")));
        assert_eq!(read("web-1=3"), Ok(RingNode::new("web-1").weight(3)));
        assert_eq!(read("web-1=3@a"), Ok(RingNode::new("web-1").weight(3).zone("a")));
        // Names and zones may hold what stands between them.
        assert_eq!(read("w@host"), Ok(RingNode::new("w@host")));
        assert_eq!(read("k=v=2@z"), Ok(RingNode::new("k=v").weight(2).zone("z")));
        assert_eq!(read("w=2@k=1"), Ok(RingNode::new("w").weight(2).zone("k=1")));
        assert_eq!(read("w=2@"), Ok(RingNode::new("w").weight(2)));
        for wrong in ["w=", "w=two", "w=-1", "w=1.5", "w=@a", "w=99999999999"] {
            assert_eq!(read(wrong), Err(2), "{wrong}");
        }
    }

    #[tokio::test]
    async fn flags_without_effect_and_two_sources_are_refused() {
        for (words, says) in [
            (&["--node", "a", "--ring-tags", "a=b"][..], "--ring-tags has no effect"),
            (&["--ring", "x.json", "--ring-slots", "9"], "--ring-slots has no effect"),
            (&["--ring", "x.json", "--seed", "h"], "not of two"),
            (&["--node", "a", "--seed", "h"], "not of two"),
            (&["--node", "a", "--node", "a"], "in the ring already"),
            (&["--node", "a=0"], "give one from 1"),
            (&["--node", "a", "--ring-profile", "ketama", "--ring-slots", "9"], "neither slots"),
            (&[], "say whose ring"),
        ] {
            let command = clap::Command::new("test").args(args()).no_binary_name(true);
            let matches = command.try_get_matches_from(words).expect("known flags");
            let failure = ring(&matches).await.expect_err(says);
            assert!(failure.to_string().contains(says), "{failure}");
            assert_eq!(failure.status(), 2, "{failure}");
        }
    }

    #[tokio::test]
    async fn nodes_that_are_named_make_the_ring_that_the_options_say() {
        let words = ["--node=b=2@z", "--node=a", "--ring-profile=exact", "--ring-slots=100"];
        let command = clap::Command::new("test").args(args()).no_binary_name(true);
        let matches = command.try_get_matches_from(words).expect("known flags");
        let made = ring(&matches).await.expect("a ring");
        let nodes = [RingNode::new("a"), RingNode::new("b").weight(2).zone("z")];
        let by_hand = Ring::builder().profile(Profile::partitions(100)).nodes(nodes);
        assert_eq!(made, by_hand.build().expect("a ring"));
    }
}
