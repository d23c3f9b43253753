//! Names of the DNS: all addresses of one, or the services that it lists (RFC 2782).
//!
//! Addresses come from the system's resolver, as for everything else on the machine. Services, and
//! servers that are named, are asked by a library, which the feature `dns` has.

use std::net::SocketAddr;

use super::{Failure, Found};

/// A name, and whom to ask.
#[derive(Clone, Debug)]
pub(super) struct Query {
    name: String,
    /// Of endpoints that name none.
    port: u16,
    #[cfg(feature = "dns")]
    more: More,
}

/// What the system's resolver cannot do.
#[cfg(feature = "dns")]
#[derive(Clone, Copy, Debug, Default)]
struct More {
    /// The server that is asked; none: those of the system.
    server: Option<SocketAddr>,
    services: bool,
}

impl Query {
    /// The addresses of `name`, or of `name:port`.
    pub(super) fn addresses(text: &str, port: u16) -> Result<Self, String> {
        let (name, port) = match text.rsplit_once(':') {
            None => (text, port),
            Some((name, own)) => (name, own.parse().map_err(|_| format!("the port is \"{own}\""))?),
        };
        let name = name.to_owned();
        Ok(Self {
            name,
            port,
            #[cfg(feature = "dns")]
            more: More::default(),
        })
    }

    /// The services under a name such as `_chinwag._tcp.internal`, each at its own port.
    #[cfg(feature = "dns")]
    pub(super) fn services(name: &str) -> Self {
        Self { name: name.to_owned(), port: 0, more: More { server: None, services: true } }
    }

    /// Asked of that server.
    #[cfg(feature = "dns")]
    pub(super) fn of(self, server: Option<SocketAddr>) -> Self {
        Self { more: More { server, ..self.more }, ..self }
    }

    pub(super) async fn find(&self) -> Found {
        #[cfg(feature = "dns")]
        if self.more.services || self.more.server.is_some() {
            return library::find(self).await;
        }
        let asked = tokio::net::lookup_host((&*self.name, self.port)).await;
        let found = asked.map_err(|error| {
            Failure::new(format_args!("\"{}\" was not found: {error}", self.name))
        })?;
        Ok(endpoints(found.collect()))
    }
}

/// Each once, in an order that does not change.
fn endpoints(mut addrs: Vec<SocketAddr>) -> Vec<String> {
    addrs.sort();
    addrs.dedup();
    addrs.iter().map(SocketAddr::to_string).collect()
}

#[cfg(feature = "dns")]
mod library {
    use std::net::{IpAddr, SocketAddr};

    use hickory_resolver::config::{
        ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig,
    };
    use hickory_resolver::net::runtime::TokioRuntimeProvider;
    use hickory_resolver::net::{DnsError, NetError};
    use hickory_resolver::proto::op::ResponseCode;
    use hickory_resolver::proto::rr::{Name, RData, RecordType};
    use hickory_resolver::{Resolver, TokioResolver};

    use super::{Query, endpoints};
    use crate::discovery::{CANDIDATES_MAX, Failure, Found};

    /// Targets of services that are looked up for one answer.
    const TARGETS_MAX: usize = 256;

    pub(super) async fn find(query: &Query) -> Found {
        let resolver = resolver(query.more.server).map_err(Failure::new)?;
        let addrs = match query.more.services {
            false => with_port(addresses(&resolver, &query.name).await?, query.port),
            true => services(&resolver, &query.name).await?,
        };
        Ok(endpoints(addrs))
    }

    fn with_port(addrs: Vec<IpAddr>, port: u16) -> Vec<SocketAddr> {
        addrs.into_iter().map(|addr| SocketAddr::new(addr, port)).collect()
    }

    /// One for each look-up: what is asked every few seconds is asked because it may be another.
    fn resolver(server: Option<SocketAddr>) -> Result<TokioResolver, NetError> {
        let mut builder = match server {
            None => Resolver::builder_tokio()?,
            Some(server) => {
                let at = |config: ConnectionConfig| {
                    let mut config = config;
                    config.port = server.port();
                    config
                };
                let ways = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
                let server = NameServerConfig::new(server.ip(), true, ways);
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                Resolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        options.cache_size = 0;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        builder.build()
    }

    async fn addresses(resolver: &TokioResolver, name: &str) -> Result<Vec<IpAddr>, Failure> {
        match resolver.lookup_ip(name).await {
            Ok(found) => Ok(found.iter().take(CANDIDATES_MAX).collect()),
            Err(error) => nobody(name, &error).map(|()| Vec::new()),
        }
    }

    /// The services in the order of their priorities, each with the addresses of its target. One
    /// whose target has none costs the others nothing.
    async fn services(resolver: &TokioResolver, name: &str) -> Result<Vec<SocketAddr>, Failure> {
        let answer = match resolver.lookup(name, RecordType::SRV).await {
            Ok(answer) => answer,
            Err(error) => return nobody(name, &error).map(|()| Vec::new()),
        };
        let mut listed = Vec::new();
        for record in answer.answers() {
            // A target of the root: there is no such service (RFC 2782).
            if let RData::SRV(srv) = &record.data
                && srv.target != Name::root()
            {
                listed.push((srv.priority, srv.target.clone(), srv.port));
            }
        }
        listed.sort();
        let (mut found, mut failed) = (Vec::new(), None);
        for (_, target, port) in listed.into_iter().take(TARGETS_MAX) {
            match addresses(resolver, &target.to_ascii()).await {
                Ok(addrs) => found.extend(with_port(addrs, port)),
                Err(failure) => failed = Some(failure),
            }
        }
        match failed {
            Some(failure) if found.is_empty() => Err(failure),
            _ => Ok(found),
        }
    }

    /// Why there is nothing, unless it is that the name has nothing of the kind.
    fn nobody(name: &str, error: &NetError) -> Result<(), Failure> {
        let code = match error {
            NetError::Dns(DnsError::NoRecordsFound(none)) => none.response_code,
            NetError::Dns(DnsError::ResponseCode(code)) => *code,
            _ => return Err(Failure::new(format_args!("\"{name}\" was not found: {error}"))),
        };
        let told = format!("\"{name}\" was not found: the server says {code}");
        match code {
            ResponseCode::NoError => Ok(()),
            ResponseCode::Refused | ResponseCode::NotAuth => Err(Failure::refused(told)),
            _ => Err(Failure::new(told)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_has_addresses_with_its_port_or_the_sources() {
        for (text, wanted) in [("localhost", "127.0.0.1:9"), ("localhost:7", "127.0.0.1:7")] {
            let query = Query::addresses(text, 9).expect("a name");
            let found = query.find().await.expect("the system has it");
            assert!(found.contains(&wanted.to_owned()), "{found:?}");
        }
        assert_eq!(Query::addresses("localhost:x", 9).err().as_deref(), Some("the port is \"x\""));
    }
}
