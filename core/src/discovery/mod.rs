//! Where members may be: sources that are asked again and again, one file for each way to ask.
//!
//! A source only ever adds candidates, which a node tries to join. One that fails, answers with
//! nothing, or with nonsense, takes nothing away: who is a member is the failure detector's to say.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "files, programs and the network are its job"
)]

mod dns;
mod epmd;
mod exec;
mod hosts;
mod strategy;
mod url;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::strategy::Boxed;
pub use self::strategy::{Failure, Found, Strategy};
use self::url::Url;
use crate::config::DEFAULT_PORT;
use crate::error::{Error, ErrorKind, Result};

/// Asks a source once, given as a URL, and joins nobody; on a tokio runtime.
///
/// # Errors
/// `bad_config` for what is no source.
pub async fn ask(url: &str) -> Result<Found> {
    Ok(Source::parse(url)?.find().await)
}

/// Between two look-ups of a source, unless it says otherwise; libcluster's.
const INTERVAL: Duration = Duration::from_secs(5);
/// The least and the most that a source may say.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a look-up may take, unless it says otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Candidates of one look-up; who answers with more is believed so far.
pub(crate) const CANDIDATES_MAX: usize = 4096;

/// What is told of this member.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) name: String,
    /// Where others reach it.
    pub(crate) port: u16,
}

/// One place to ask, under a name.
#[derive(Clone)]
pub(crate) struct Source {
    name: Arc<str>,
    interval: Duration,
    timeout: Duration,
    /// Of candidates that name none.
    port: u16,
    way: Way,
}

/// How it is asked.
#[derive(Clone)]
enum Way {
    /// They are known.
    Static(Vec<String>),
    /// A file has them, one a line.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
    /// A program prints them.
    Exec(exec::Program),
    /// A name of the DNS.
    Dns(dns::Query),
    /// Erlang's port mapper.
    Epmd(epmd::Mapper),
    /// Code of the user's.
    Custom(Arc<dyn Boxed>),
}

/// What each scheme is for, in the order of the documentation.
const SCHEMES: [&str; 7] = ["static", "file", "env", "exec", "dns", "srv", "epmd"];

impl Source {
    /// Reads a URL such as `dns://web:7946?interval=10s`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut url = Url::parse(text)?;
        let rest = url.rest().to_owned();
        let port = url.port_of("port")?.unwrap_or(DEFAULT_PORT);
        let way = match url.scheme() {
            "static" => Way::Static(hosts::pieces(&rest)),
            "file" => Way::File(rest.clone().into()),
            "env" => Way::Env(rest.clone()),
            "exec" => Way::Exec(exec::Program::new(rest.clone().into(), url.all("arg"))),
            "dns" => {
                let query = dns::Query::addresses(&rest, port);
                let query = query.map_err(|wrong| url.bad(&wrong))?;
                #[cfg(feature = "dns")]
                let query = query.of(url.addr("server", 53)?);
                Way::Dns(query)
            }
            #[cfg(feature = "dns")]
            "srv" => Way::Dns(dns::Query::services(&rest).of(url.addr("server", 53)?)),
            #[cfg(not(feature = "dns"))]
            "srv" => return Err(url.bad("srv:// needs the feature \"dns\" of the crate")),
            "epmd" => {
                Way::Epmd(epmd::Mapper::new(&rest, url.one("prefix")?, url.port_of("epmd_port")?))
            }
            other => {
                let message = format!(
                    "discovery: there is no scheme \"{other}\" in \"{text}\"; there are {}",
                    SCHEMES.join(", ")
                );
                return Err(Error::new(ErrorKind::BadConfig, message));
            }
        };
        if rest.is_empty() {
            return Err(url.bad("there is nothing behind \"://\""));
        }
        let name = url.one("name")?.unwrap_or_else(|| text.to_owned());
        let interval = url.span("interval", INTERVAL_MIN, INTERVAL_MAX)?.unwrap_or(INTERVAL);
        let timeout = url.span("timeout", INTERVAL_MIN, INTERVAL_MAX)?.unwrap_or(TIMEOUT);
        url.finish()?;
        Ok(Self { name: name.into(), interval, timeout, port, way })
    }

    /// One that asks code of the user's.
    pub(crate) fn custom(name: &str, strategy: Arc<dyn Boxed>) -> Self {
        Self {
            name: name.into(),
            interval: INTERVAL,
            timeout: TIMEOUT,
            port: DEFAULT_PORT,
            way: Way::Custom(strategy),
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) const fn interval(&self) -> Duration {
        self.interval
    }

    /// Asks once; every candidate with a port, as many as one look-up may give.
    pub(crate) async fn find(&self) -> Found {
        let asked = async {
            match &self.way {
                Way::Static(hosts) => Ok(hosts.clone()),
                Way::File(path) => hosts::of_file(path).await,
                Way::Env(variable) => hosts::of_environment(variable),
                Way::Exec(program) => program.run().await,
                Way::Dns(query) => query.find().await,
                Way::Epmd(mapper) => mapper.find().await,
                Way::Custom(strategy) => strategy.find_boxed().await,
            }
        };
        let limit = self.timeout;
        let found = tokio::time::timeout(limit, asked).await;
        let found = found.map_err(|_| Failure::silent(limit))??;
        let found = found.into_iter().take(CANDIDATES_MAX);
        Ok(found.map(|endpoint| self.with_port(endpoint)).collect())
    }

    /// Tells others of this member, where a source has a way to; for as long as it is polled.
    pub(crate) async fn announce(&self, local: &Local) {
        match &self.way {
            Way::Epmd(mapper) => mapper.announce(local).await,
            _ => std::future::pending().await,
        }
    }

    fn with_port(&self, endpoint: String) -> String {
        if self.port == DEFAULT_PORT { endpoint } else { hosts::with_port(endpoint, self.port) }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for Source {
    /// By their names: code cannot be compared.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Source {}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(text: &str) -> String {
        Source::parse(text).expect_err(text).message().to_owned()
    }

    #[test]
    fn what_is_no_source_is_refused_with_what_is_wrong() {
        assert!(cause("web:7946").contains("\"web:7946\" is no URL"));
        assert!(cause("dsn://web").contains("there are static, file, env, exec, dns, srv, epmd"));
        assert!(cause("dns://").contains("nothing behind"));
        assert!(cause("dns://web?intervall=5s").contains("\"intervall\""));
        assert!(cause("dns://web?interval=5").contains("interval is \"5\""));
        assert!(cause("dns://web?interval=1ms").contains("100ms"));
        assert!(cause("dns://web?port=0").contains("port is \"0\""));
        assert!(cause("dns://web?port=1&port=2").contains("twice"));
    }

    #[tokio::test]
    async fn hosts_that_are_known_are_found_as_they_are() {
        let source = Source::parse("static://10.0.0.1:7,b,[::1]?port=9&name=fixed&interval=1m");
        let source = source.expect("a source");
        assert_eq!((&**source.name(), source.interval()), ("fixed", Duration::from_secs(60)));
        assert_eq!(source.find().await.expect("known"), ["10.0.0.1:7", "b:9", "[::1]:9"]);
    }

    #[tokio::test]
    async fn who_does_not_answer_is_given_up() {
        let silent = Arc::new(std::future::pending::<Found>);
        let source = Source { timeout: INTERVAL_MIN, ..Source::custom("mine", silent) };
        let failure = source.find().await.expect_err("silent");
        assert!(failure.to_string().contains("100ms"), "{failure:?}");
    }

    #[tokio::test]
    async fn a_look_up_gives_so_many_and_no_more() {
        let many = || async { Ok((0..5000).map(|n| format!("h{n}")).collect::<Vec<_>>()) };
        let found = Source::custom("mine", Arc::new(many)).find().await.expect("some");
        assert_eq!(found.len(), CANDIDATES_MAX);
    }
}
