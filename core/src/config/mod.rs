//! Options: one table (`api.toml`), one parser, and the settings that a node is started with.
//!
//! A [`Config`] holds checked values only. An unknown key is refused with the nearest known one.

mod messages;
mod ring;
mod security;
mod value;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub use self::messages::{MessageSettings, Overflow};
pub use self::ring::RingSettings;
pub use self::security::{KeySource, Secret, TlsFiles};
pub use self::value::Value;
#[cfg(feature = "runtime")]
pub(crate) use self::value::parse_duration;
use self::value::{bad, check, option, parse, preset};
use crate::api::OptionInfo;
use crate::error::{Error, ErrorKind, Result};
use crate::member::Tags;
use crate::wire::{self, META_MAX, Security};

/// memberlist's port.
pub const DEFAULT_PORT: u16 = 7946;

/// Options of a node, each checked when it is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    values: BTreeMap<&'static str, Value>,
}

impl Config {
    /// No option set: everything at its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` from text, read as its row in the option table says.
    pub fn set(&mut self, key: &str, text: &str) -> Result<()> {
        let option = option(key)?;
        let value = parse(option, text)?;
        self.insert(option, value)
    }

    /// Sets `key` to a value of the kind that its row in the option table says.
    pub fn set_value(&mut self, key: &str, value: Value) -> Result<()> {
        let option = option(key)?;
        self.insert(option, value)
    }

    fn insert(&mut self, option: &'static OptionInfo, value: Value) -> Result<()> {
        check(option, &value)?;
        let value = if option.secret { security::hidden(value) } else { value };
        self.values.insert(option.name, value);
        Ok(())
    }

    /// The value of `key`, if it was set.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// The settings that these options come to, or what contradicts what.
    pub fn settings(&self) -> Result<Settings> {
        if self.path("workers").is_some() && self.path("attach").is_some() {
            let message = "workers and attach exclude each other: one is for the member of a \
                           host, the other for its workers";
            return Err(Error::new(ErrorKind::BadConfig, message));
        }
        let profile = self.text("profile");
        let bind = self.addr("bind").unwrap_or(SocketAddr::new(LOOPBACK, DEFAULT_PORT));
        let keys = self.key_source()?;
        let security = self.security();
        let exposed = self.exposed(bind, &keys, &security)?;
        Ok(Settings {
            name: self.text("name"),
            bind,
            bind_given: self.values.contains_key("bind"),
            advertise: self.addr("advertise"),
            seeds: self.list("seeds"),
            discovery: self.list("discovery"),
            await_first_lookup: self.flag("await_first_lookup"),
            require_join: self.flag("require_join"),
            snapshot: self.path("snapshot"),
            workers: self.path("workers"),
            attach: self.path("attach"),
            rejoin_after_leave: self.flag("rejoin_after_leave"),
            meta: self.meta()?,
            security,
            keys,
            tls: self.tls()?,
            exposed,
            handle_signals: self.flag("handle_signals"),
            event_buffer: self.count("event_buffer", profile.as_deref()),
            ring: self.ring()?,
            messages: self.messages(),
            protocol: self.protocol(profile.as_deref())?,
        })
    }

    fn protocol(&self, profile: Option<&str>) -> Result<Protocol> {
        let count = |key| u32::try_from(self.count(key, profile)).unwrap_or(u32::MAX);
        let span = |key| self.duration(key, profile);
        Ok(Protocol {
            delegate_versions: self.delegate_versions()?,
            compression: self.unless_off("compression"),
            packet_size: self.count("packet_size", profile),
            probe_interval: span("probe_interval"),
            probe_timeout: span("probe_timeout"),
            indirect_checks: self.count("indirect_checks", profile),
            tcp_pings: !self.flag("disable_tcp_pings"),
            suspicion_mult: count("suspicion_mult"),
            suspicion_max_timeout_mult: count("suspicion_max_timeout_mult"),
            awareness_max_multiplier: count("awareness_max_multiplier"),
            gossip_interval: span("gossip_interval"),
            gossip_nodes: self.count("gossip_nodes", profile),
            gossip_to_the_dead_time: span("gossip_to_the_dead_time"),
            retransmit_mult: count("retransmit_mult"),
            push_pull_interval: span("push_pull_interval"),
            refused_timeout: span("refused_timeout"),
            tcp_timeout: span("tcp_timeout"),
            cidrs_allowed: self.cidrs_allowed(),
            admission: match self.text("admission").as_deref() {
                Some("ask") => Admitting::Ask,
                _ => Admitting::Open,
            },
            reconnect_interval: span("reconnect_interval"),
            reconnect_timeout: span("reconnect_timeout"),
            user_event_size_limit: self.count("user_event_size_limit", profile),
            replay_on_join: self.values.get("replay_on_join") != Some(&Value::Flag(false)),
            handoff_timeout: span("handoff_timeout"),
        })
    }

    fn meta(&self) -> Result<Vec<u8>> {
        match (self.values.get("tags"), self.values.get("meta")) {
            (Some(_), Some(_)) => Err(Error::new(
                ErrorKind::BadConfig,
                "tags and meta exclude each other: tags are one way to fill meta",
            )),
            (Some(Value::Map(tags)), None) => encode_tags(tags),
            (None, Some(Value::Bytes(meta))) => check_meta(meta).map(|()| meta.clone()),
            _ => Ok(Vec::new()),
        }
    }

    fn delegate_versions(&self) -> Result<Option<[u8; 3]>> {
        let Some(text) = self.text("delegate_versions").filter(|text| text != "auto") else {
            return Ok(None);
        };
        let numbers: Vec<u8> = text.split(',').filter_map(|n| n.trim().parse().ok()).collect();
        match numbers[..] {
            [min, max, current] if min <= current && current <= max => {
                Ok(Some([min, max, current]))
            }
            _ => Err(bad(
                "delegate_versions",
                &format!("\"{text}\""),
                "auto, or min,max,current such as 2,5,5",
            )),
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        match self.values.get(key) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).filter(|path| !path.is_empty()).map(Into::into)
    }

    fn addr(&self, key: &str) -> Option<SocketAddr> {
        match self.values.get(key) {
            Some(Value::Addr(addr)) => Some(*addr),
            _ => None,
        }
    }

    fn list(&self, key: &str) -> Vec<String> {
        match self.values.get(key) {
            Some(Value::List(list)) => list.clone(),
            _ => Vec::new(),
        }
    }

    fn flag(&self, key: &str) -> bool {
        matches!(self.values.get(key), Some(Value::Flag(true)))
    }

    /// A flag whose default is true.
    fn unless_off(&self, key: &str) -> bool {
        self.values.get(key) != Some(&Value::Flag(false))
    }

    fn count(&self, key: &str, profile: Option<&str>) -> usize {
        let value = match self.values.get(key) {
            Some(value) => Some(value.clone()),
            None => preset(key, profile),
        };
        match value {
            Some(Value::Count(count)) => usize::try_from(count).unwrap_or(usize::MAX),
            _ => 0,
        }
    }

    fn duration(&self, key: &str, profile: Option<&str>) -> Duration {
        let value = match self.values.get(key) {
            Some(value) => Some(value.clone()),
            None => preset(key, profile),
        };
        match value {
            Some(Value::Duration(span)) => span,
            _ => Duration::ZERO,
        }
    }
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What a node is started with: every option resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The member's name, if one was given.
    pub name: Option<String>,
    /// Address to bind.
    pub bind: SocketAddr,
    /// Whether `bind` was asked for, so that another port will not do.
    pub bind_given: bool,
    /// Address told to the others, if it is not the bound one.
    pub advertise: Option<SocketAddr>,
    /// First contacts, unresolved.
    pub seeds: Vec<String>,
    /// Sources that are asked where members are, as URLs.
    pub discovery: Vec<String>,
    /// The start waits until each of them was asked once.
    pub await_first_lookup: bool,
    /// Fail the start when no seed answers.
    pub require_join: bool,
    /// Where the members known are kept.
    pub snapshot: Option<PathBuf>,
    /// Where workers attach to this member.
    pub workers: Option<PathBuf>,
    /// Where the member is that this worker attaches to.
    pub attach: Option<PathBuf>,
    /// Use the snapshot also when the last run had left.
    pub rejoin_after_leave: bool,
    /// Metadata to announce.
    pub meta: Vec<u8>,
    /// Cluster label, and what is demanded of the others. The keys are not in it yet.
    pub security: Security,
    /// Where the keys come from.
    pub keys: KeySource,
    /// Where the certificates for connections for messages are, if there are any.
    pub tls: Option<TlsFiles>,
    /// Whether plaintext may come and go over an address that is not loopback.
    pub exposed: bool,
    /// Leave on SIGTERM and SIGINT.
    pub handle_signals: bool,
    /// Events kept for a slow reader.
    pub event_buffer: usize,
    /// How the members make a ring.
    pub ring: RingSettings,
    /// What bounds messages.
    pub messages: MessageSettings,
    /// What the engine needs.
    pub protocol: Protocol,
}

/// The protocol's constants. The names are memberlist's; the option table has their meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the option table documents each, once")]
pub struct Protocol {
    /// Fixed application versions (min, max, current), or those of the first cluster joined.
    pub delegate_versions: Option<[u8; 3]>,
    pub compression: bool,
    pub packet_size: usize,
    pub probe_interval: Duration,
    pub probe_timeout: Duration,
    pub indirect_checks: usize,
    pub tcp_pings: bool,
    pub suspicion_mult: u32,
    pub suspicion_max_timeout_mult: u32,
    pub awareness_max_multiplier: u32,
    pub gossip_interval: Duration,
    pub gossip_nodes: usize,
    pub gossip_to_the_dead_time: Duration,
    pub retransmit_mult: u32,
    pub push_pull_interval: Duration,
    pub refused_timeout: Duration,
    pub tcp_timeout: Duration,
    pub reconnect_interval: Duration,
    pub reconnect_timeout: Duration,
    pub cidrs_allowed: Vec<IpNet>,
    pub admission: Admitting,
    pub user_event_size_limit: usize,
    pub replay_on_join: bool,
    pub handoff_timeout: Duration,
}

/// Who may come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admitting {
    /// Whoever has the key, the label and an allowed address.
    #[default]
    Open,
    /// Of those, whom a user of the node lets in.
    Ask,
}

impl Default for Protocol {
    /// memberlist's LAN profile.
    fn default() -> Self {
        Self::profile("lan")
    }
}

impl Protocol {
    /// The preset of that name; `lan` when there is none.
    pub fn profile(name: &str) -> Self {
        let config = Config::new();
        match config.protocol(Some(name)) {
            Ok(protocol) => protocol,
            Err(_) => unreachable!("no option is set that could be malformed"),
        }
    }
}

/// The metadata that carries `tags`, or why it cannot.
pub(crate) fn encode_tags(tags: &Tags) -> Result<Vec<u8>> {
    let meta = wire::encode_tags(tags);
    if meta.len() > META_MAX {
        let biggest = tags.iter().max_by_key(|(k, v)| k.len() + v.len());
        let culprit = biggest.map_or("", |(key, _)| key.as_str());
        let message = format!(
            "the tags take {} bytes and may take {META_MAX}; the biggest is \"{culprit}\"",
            meta.len()
        );
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    Ok(meta)
}

/// Whether raw metadata fits.
pub(crate) fn check_meta(meta: &[u8]) -> Result<()> {
    if meta.len() > META_MAX {
        let message = format!("the metadata has {} bytes and may have {META_MAX}", meta.len());
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<Settings> {
        let mut config = Config::new();
        for (key, text) in pairs {
            config.set(key, text)?;
        }
        config.settings()
    }

    #[test]
    fn profiles_are_memberlists() {
        let lan = Protocol::profile("lan");
        assert_eq!(lan.probe_interval, Duration::from_secs(1));
        assert_eq!(lan.tcp_timeout, Duration::from_secs(10));
        let wan = Protocol::profile("wan");
        assert_eq!((wan.suspicion_mult, wan.gossip_nodes), (6, 4));
        assert_eq!(wan.probe_timeout, Duration::from_secs(3));
        let local = Protocol::profile("local");
        assert_eq!((local.retransmit_mult, local.indirect_checks), (2, 1));
        assert_eq!(local.gossip_interval, Duration::from_millis(100));
    }

    #[test]
    fn fast_probes_more_often_and_asks_for_more_accusers() {
        let (lan, fast) = (Protocol::profile("lan"), Protocol::profile("fast"));
        assert_eq!(fast.probe_interval, lan.probe_interval / 5);
        assert!(fast.suspicion_mult > lan.suspicion_mult);
        assert_eq!(fast.tcp_timeout, lan.tcp_timeout);
    }

    #[test]
    fn an_unknown_option_is_refused_with_the_nearest() {
        let error = settings(&[("probe_intervall", "1s")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadConfig);
        assert!(error.message().contains("did you mean \"probe_interval\"?"), "{error}");
        let far = settings(&[("zzz", "1")]).unwrap_err();
        assert!(!far.message().contains("did you mean"), "{far}");
    }

    #[test]
    fn values_are_checked_when_set() {
        for (key, text) in [
            ("bind", "nowhere"),
            ("profile", "moon"),
            ("indirect_checks", "65"),
            ("probe_interval", "-1s"),
            ("probe_interval", "90000s"),
            ("insecure", "yes"),
            ("tags", "novalue"),
            ("name", ""),
            ("delegate_versions", "3,2,1"),
        ] {
            let error = settings(&[(key, text)]).expect_err(key);
            assert_eq!(error.kind(), ErrorKind::BadConfig, "{key}={text}");
            assert!(error.message().contains(key), "{error}");
            assert!(error.message().contains(&format!("\"{text}\"")), "{error}");
        }
    }

    #[test]
    fn plaintext_stays_on_loopback_unless_told() {
        let error = settings(&[("bind", "0.0.0.0:0")]).unwrap_err();
        assert!(error.message().contains("insecure"), "{error}");
        assert!(settings(&[("bind", "0.0.0.0:0"), ("insecure", "true")]).is_ok());
        assert!(settings(&[("bind", "[::1]:0")]).is_ok());
        assert_eq!(settings(&[("bind", "::1")]).map(|s| s.bind.port()), Ok(DEFAULT_PORT));
    }
}
