//! Looking seeds up: a name may stand for several addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time;
use tokio::time::error::Elapsed;

use crate::config::DEFAULT_PORT;
use crate::error::Attempt;

/// What was found: each seed with one address. And the seeds that were not.
pub(super) type Found = (Vec<(String, SocketAddr)>, Vec<Attempt>);

/// Looks all seeds up at once, so that a resolver which does not answer for one of them costs its
/// time limit once, whatever the others are. The results are in the order of the seeds.
pub(super) async fn resolve(seeds: Vec<String>, limit: Duration) -> Found {
    resolve_with(seeds, limit, |name, port| async move {
        Ok(tokio::net::lookup_host((name, port)).await?.collect())
    })
    .await
}

async fn resolve_with<F>(
    seeds: Vec<String>,
    limit: Duration,
    ask: impl Fn(String, u16) -> F,
) -> Found
where
    F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
{
    let mut lookups = JoinSet::new();
    let mut answers = vec![Err("could not be looked up".to_owned()); seeds.len()];
    for (index, seed) in seeds.iter().enumerate() {
        match parse(seed) {
            Ok(Target::Address(addr)) => answers[index] = Ok(vec![addr]),
            Ok(Target::Name(name, port)) => {
                let asked = time::timeout(limit, ask(name.to_owned(), port));
                lookups.spawn(async move { (index, judge(asked.await, limit)) });
            }
            Err(cause) => answers[index] = Err(cause),
        }
    }
    // A lookup that panicked leaves the answer that was there before.
    while let Some(done) = lookups.join_next().await {
        if let Ok((index, answer)) = done {
            answers[index] = answer;
        }
    }
    let (mut targets, mut failures) = (Vec::new(), Vec::new());
    for (seed, answer) in seeds.into_iter().zip(answers) {
        match answer {
            Ok(addrs) => targets.extend(addrs.into_iter().map(|addr| (seed.clone(), addr))),
            Err(cause) => failures.push(Attempt { seed, cause }),
        }
    }
    (targets, failures)
}

/// A seed as it was written.
enum Target<'a> {
    Address(SocketAddr),
    Name(&'a str, u16),
}

fn parse(seed: &str) -> Result<Target<'_>, String> {
    if let Ok(addr) = seed.parse() {
        return Ok(Target::Address(addr));
    }
    let bare = seed.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(Target::Address(SocketAddr::new(ip, DEFAULT_PORT)));
    }
    match seed.rsplit_once(':') {
        Some((host, port)) => match port.parse() {
            Ok(port) => Ok(Target::Name(host, port)),
            Err(_) => Err(format!("has a malformed port \"{port}\"")),
        },
        None => Ok(Target::Name(seed, DEFAULT_PORT)),
    }
}

fn judge(
    answer: Result<io::Result<Vec<SocketAddr>>, Elapsed>,
    limit: Duration,
) -> Result<Vec<SocketAddr>, String> {
    match answer {
        Ok(Ok(addrs)) if addrs.is_empty() => {
            Err("was not found: the name has no address".to_owned())
        }
        Ok(Ok(addrs)) => Ok(addrs),
        Ok(Err(error)) => Err(format!("was not found: {error}")),
        Err(_) => Err(format!("was not found: the resolver did not answer within {limit:?}")),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    fn addr(last: u8, port: u16) -> SocketAddr {
        ([10, 0, 0, last], port).into()
    }

    async fn answer(name: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        match &*name {
            "two" => Ok(vec![addr(1, port), addr(2, port)]),
            "none" => Ok(Vec::new()),
            "silent" => pending().await,
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    async fn resolved(seeds: &[&str], limit: Duration) -> (Vec<SocketAddr>, Vec<String>) {
        let seeds = seeds.iter().map(|seed| (*seed).to_owned()).collect();
        let (targets, failures) = resolve_with(seeds, limit, answer).await;
        let failures = failures.into_iter().map(|failure| failure.seed + " " + &failure.cause);
        (targets.into_iter().map(|(_, addr)| addr).collect(), failures.collect())
    }

    #[tokio::test(start_paused = true)]
    async fn each_seed_gets_its_answer_in_order() {
        let seeds = ["two:9", "10.0.0.3", "none", "10.0.0.4:8", "other", "two", "a:b"];
        let (targets, failures) = resolved(&seeds, Duration::from_secs(1)).await;
        let ports = [9, 9, DEFAULT_PORT, 8, DEFAULT_PORT, DEFAULT_PORT];
        let wanted = [1, 2, 3, 4, 1, 2].into_iter().zip(ports).map(|(last, port)| addr(last, port));
        assert_eq!(targets, wanted.collect::<Vec<_>>());
        assert_eq!(failures.len(), 3, "{failures:?}");
        assert!(failures[2].contains("malformed port"), "{failures:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn silent_resolvers_cost_their_limit_once() {
        let (began, limit) = (time::Instant::now(), Duration::from_secs(3));
        let (targets, failures) = resolved(&["silent", "two", "silent:1"], limit).await;
        assert_eq!(targets.len(), 2);
        assert_eq!(failures.len(), 2);
        assert!(failures[0].ends_with("did not answer within 3s"), "{failures:?}");
        assert_eq!(began.elapsed(), limit);
    }
}
