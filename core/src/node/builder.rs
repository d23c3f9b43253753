//! Options of a node, set one by one.

use std::sync::Arc;

use super::Node;
use crate::config::{Config, Value};
use crate::discovery::{Source, Strategy};
use crate::error::{Error, Result};

/// Options of a node in Rust's spelling. Anything in the option table can be set with
/// [`Builder::option`]; mistakes are reported by [`Builder::start`].
#[derive(Clone, Debug, Default)]
pub struct Builder {
    config: Config,
    /// Code that finds members, which no configuration can hold.
    strategies: Vec<Source>,
    mistake: Option<Error>,
}

impl Builder {
    /// The member's name.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.value("name", Value::Text(name.into()))
    }

    /// Address to bind, `ip:port`.
    pub fn bind(self, addr: &str) -> Self {
        self.option("bind", addr)
    }

    /// First contacts, each `host[:port]`.
    pub fn seeds<I>(self, seeds: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let seeds = seeds.into_iter().map(Into::into).collect();
        self.value("seeds", Value::List(seeds))
    }

    /// Sources that are asked again and again where members are, as URLs.
    pub fn discovery<I>(self, urls: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let urls = urls.into_iter().map(Into::into).collect();
        self.value("discovery", Value::List(urls))
    }

    /// A source that is code, beside those of [`Builder::discovery`]: asked every five seconds. Its
    /// name is for warnings and logs.
    pub fn strategy(mut self, name: &str, strategy: impl Strategy) -> Self {
        self.strategies.push(Source::custom(name, Arc::new(strategy)));
        self
    }

    /// Tags to announce.
    pub fn tags<I, K, V>(self, tags: I) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<String>,
    {
        let tags = tags.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        self.value("tags", Value::Map(tags))
    }

    /// Any option of the table, from text.
    pub fn option(mut self, key: &str, text: &str) -> Self {
        let outcome = self.config.set(key, text);
        self.note(outcome);
        self
    }

    fn value(mut self, key: &str, value: Value) -> Self {
        let outcome = self.config.set_value(key, value);
        self.note(outcome);
        self
    }

    /// The first mistake is the one that is reported.
    fn note(&mut self, outcome: Result<()>) {
        if let (Err(error), None) = (outcome, &self.mistake) {
            self.mistake = Some(error);
        }
    }

    /// The options, or the first mistake among them. Strategies are not among them.
    ///
    /// # Errors
    /// `bad_config`.
    pub fn config(self) -> Result<Config> {
        match self.mistake {
            Some(error) => Err(error),
            None => Ok(self.config),
        }
    }

    /// Starts the node on the current tokio runtime; see [`Node::start`].
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn start(mut self) -> Result<Node> {
        let strategies = std::mem::take(&mut self.strategies);
        Node::start_with(&self.config()?, strategies).await
    }
}
