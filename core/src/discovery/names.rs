//! All addresses of a name, by the system's resolver: A and AAAA.

use std::net::SocketAddr;

use super::{Failure, Found};

/// `name`, or `name:port`.
pub(super) async fn addresses(name: &str, port: u16) -> Found {
    let (host, port) = match name.rsplit_once(':') {
        Some((host, own)) => match own.parse() {
            Ok(own) => (host, own),
            Err(_) => {
                return Err(Failure::new(format_args!("{name} has a malformed port \"{own}\"")));
            }
        },
        None => (name, port),
    };
    let found = tokio::net::lookup_host((host, port)).await;
    let found =
        found.map_err(|error| Failure::new(format_args!("{host} was not found: {error}")))?;
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort();
    found.dedup();
    Ok(found.into_iter().map(|addr| addr.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_has_addresses_with_its_port_or_the_sources() {
        let found = addresses("localhost", 9).await.expect("the system has it");
        assert!(found.contains(&"127.0.0.1:9".to_owned()), "{found:?}");
        let found = addresses("localhost:7", 9).await.expect("the system has it");
        assert!(found.contains(&"127.0.0.1:7".to_owned()), "{found:?}");
        let failure = addresses("localhost:x", 9).await.expect_err("no port");
        assert!(failure.to_string().contains("malformed port \"x\""), "{failure:?}");
    }
}
