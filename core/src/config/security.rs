//! The options that keep others out: keys, labels, networks. Secrets among them are never shown.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use zeroize::Zeroizing;

use super::{Config, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::wire::{KEYS_MAX, Key, Security};

/// A shorter passphrase is guessed too soon, however slow each guess is made.
const COOKIE_MIN: usize = 16;

/// Texts that are not shown, and wiped when they are dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<String>>);

impl Secret {
    /// Hides these texts.
    pub fn new(texts: Vec<String>) -> Self {
        Self(Zeroizing::new(texts))
    }

    /// The texts.
    pub fn reveal(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a node's keys come from. Reading a file and deriving a key take their time, so that is
/// left to whoever starts the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeySource {
    /// There are none.
    #[default]
    None,
    /// They were given; the first encrypts.
    Keys(Vec<Key>),
    /// A file has them.
    File(PathBuf),
    /// One is derived from a passphrase.
    Cookie(Secret),
}

/// Files in PEM with which a node shows who it is on connections for messages, and knows others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The node's certificate, and those between it and one of `ca`.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Certificates that sign members.
    pub ca: PathBuf,
    /// Whether a member must have its name in its certificate.
    pub verify_name: bool,
}

impl Config {
    /// All three files, or none.
    pub(super) fn tls(&self) -> Result<Option<TlsFiles>> {
        const FILES: [&str; 3] = ["tls_cert", "tls_key", "tls_ca"];
        let given = FILES.map(|key| self.text(key).map(PathBuf::from));
        match given {
            [None, None, None] => Ok(None),
            [Some(cert), Some(key), Some(ca)] if cfg!(feature = "tls") => {
                let verify_name = self.unless_off("tls_verify_name");
                Ok(Some(TlsFiles { cert, key, ca, verify_name }))
            }
            [Some(_), Some(_), Some(_)] => {
                Err(bad("tls_cert is set, and this build of Chinwag has no TLS".to_owned()))
            }
            given => {
                let of = |is: bool| {
                    let named = FILES.iter().zip(&given).filter(|(_, path)| path.is_some() == is);
                    named.map(|(key, _)| *key).collect::<Vec<_>>().join(" and ")
                };
                let (has, lacks) = (of(true), of(false));
                Err(bad(format!("{has} without {lacks}: TLS takes all three, or none of them")))
            }
        }
    }

    pub(super) fn key_source(&self) -> Result<KeySource> {
        let given = ["keys", "key_file", "cookie"].map(|key| (key, self.values.get(key)));
        let mut given = given.into_iter().filter_map(|(key, value)| value.map(|v| (key, v)));
        let Some((key, value)) = given.next() else { return Ok(KeySource::None) };
        if let Some((other, _)) = given.next() {
            return Err(bad(format!("{key} and {other} exclude each other: keep one of them")));
        }
        Ok(match value {
            Value::Text(path) => KeySource::File(PathBuf::from(path)),
            Value::Secret(secret) if key == "cookie" => KeySource::Cookie(secret.clone()),
            Value::Secret(secret) => KeySource::Keys(keys(secret.reveal())?),
            _ => KeySource::None,
        })
    }

    /// Label and demands, without keys.
    pub(super) fn security(&self) -> Security {
        Security {
            label: self.text("cluster").unwrap_or_default(),
            keyring: None,
            verify_incoming: self.unless_off("verify_incoming"),
            verify_outgoing: self.unless_off("verify_outgoing"),
            skip_inbound_label_check: self.flag("skip_inbound_label_check"),
        }
    }

    /// Whether plaintext may come and go over an address that is not loopback. It may not, unless
    /// the user has said so.
    pub(super) fn exposed(
        &self,
        bind: SocketAddr,
        keys: &KeySource,
        security: &Security,
    ) -> Result<bool> {
        let why = match (keys, security) {
            _ if bind.ip().is_loopback() => return Ok(false),
            (KeySource::None, _) => "there is no key",
            (_, Security { verify_incoming: false, .. }) => "verify_incoming is off",
            (_, Security { verify_outgoing: false, .. }) => "verify_outgoing is off",
            _ => return Ok(false),
        };
        if self.flag("insecure") {
            return Ok(true);
        }
        Err(bad(format!(
            "{bind} is not a loopback address and {why}; give a key with key_file and verify both \
             ways, or bind to loopback, or set insecure to let plaintext through"
        )))
    }

    pub(super) fn cidrs_allowed(&self) -> Vec<IpNet> {
        // Each was checked when it was set.
        self.list("cidrs_allowed").iter().filter_map(|text| network(text)).collect()
    }
}

/// `10.0.0.0/8`, or the address of one host.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse().ok().map(|ip: std::net::IpAddr| ip.into()))
}

/// What a secret value is kept as.
pub(super) fn hidden(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Secret(Secret::new(vec![text])),
        Value::List(texts) => Value::Secret(Secret::new(texts)),
        other => other,
    }
}

/// What only these options ask of their values. Never says what a secret was.
pub(super) fn check(name: &str, value: &Value) -> Result<()> {
    match (name, value) {
        ("keys", Value::List(texts)) => keys(texts).map(drop),
        ("cookie", Value::Text(text)) if text.chars().count() < COOKIE_MIN => Err(bad(format!(
            "option \"cookie\" is too short: a passphrase has at least {COOKIE_MIN} characters"
        ))),
        ("key_file", Value::Text(path)) if path.is_empty() => {
            Err(bad("option \"key_file\" is empty; it names a file with keys".to_owned()))
        }
        ("tls_cert" | "tls_key" | "tls_ca", Value::Text(path)) if path.is_empty() => {
            Err(bad(format!("option \"{name}\" is empty; it names a file in PEM")))
        }
        ("cidrs_allowed", Value::List(texts)) => {
            match texts.iter().find(|text| network(text).is_none()) {
                Some(text) => Err(bad(format!(
                    "option \"cidrs_allowed\" has \"{text}\", expected networks such as 10.0.0.0/8"
                ))),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn keys(texts: &[String]) -> Result<Vec<Key>> {
    if texts.is_empty() || texts.len() > KEYS_MAX {
        let count = texts.len();
        return Err(bad(format!("option \"keys\" has {count} keys, expected 1 to {KEYS_MAX}")));
    }
    let read = |(place, text): (usize, &String)| {
        Key::from_base64(text).map_err(|error| {
            let place = place + 1;
            bad(format!(
                "option \"keys\": key {place} {error}; chinwag key new makes one, in base64"
            ))
        })
    };
    texts.iter().enumerate().map(read).collect()
}

fn bad(message: String) -> Error {
    Error::new(ErrorKind::BadConfig, message)
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    const ONE: &str = "AAECAwQFBgcICQoLDA0ODw==";
    const TWO: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn config(pairs: &[(&str, &str)]) -> Result<Config> {
        let mut config = Config::new();
        pairs.iter().try_for_each(|(key, text)| config.set(key, text))?;
        Ok(config)
    }

    fn settings(pairs: &[(&str, &str)]) -> Result<Settings> {
        config(pairs)?.settings()
    }

    #[test]
    fn keys_come_from_one_place() {
        let given = settings(&[("keys", &format!("{TWO},{ONE}"))]).expect("two keys");
        let bits = |source: &KeySource| match source {
            KeySource::Keys(keys) => keys.iter().map(Key::bits).collect(),
            other => panic!("{other:?}"),
        };
        let found: Vec<usize> = bits(&given.keys);
        assert_eq!(found, [256, 128]);
        let file = settings(&[("key_file", "/etc/keys")]).expect("a file").keys;
        assert_eq!(file, KeySource::File("/etc/keys".into()));
        let cookie = settings(&[("cookie", "correct horse battery")]).expect("a passphrase").keys;
        let secret = Secret::new(vec!["correct horse battery".to_owned()]);
        assert_eq!(cookie, KeySource::Cookie(secret));
        assert_eq!(settings(&[]).expect("nothing").keys, KeySource::None);
        for pair in [
            [("keys", ONE), ("cookie", "correct horse battery")],
            [("keys", ONE), ("key_file", "x")],
            [("key_file", "x"), ("cookie", "correct horse battery")],
        ] {
            let error = settings(&pair).expect_err("two places");
            assert!(error.message().contains("exclude each other"), "{error}");
        }
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let config =
            config(&[("keys", ONE), ("cookie", "correct horse battery")]).expect("good values");
        let shown = format!(
            "{config:?} {:?} {}",
            config.get("keys"),
            config.get("cookie").expect("it was set")
        );
        assert!(shown.contains("***"), "{shown}");
        let settings = settings(&[("keys", ONE)]).expect("a key");
        let shown = format!("{shown} {settings:?}");
        for secret in [ONE, "AAEC", "horse", "[0, 1, 2"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        for (key, text) in [
            ("keys", "hunter2hunter2"),
            ("keys", "aHVudGVyMg=="),
            ("keys", ""),
            ("cookie", "hunter2"),
        ] {
            let error = Config::new().set(key, text).expect_err(key);
            assert_eq!(error.kind(), ErrorKind::BadConfig);
            assert!(error.message().contains(key), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert!(!error.to_string().contains("aHV"), "{error}");
        }
        // A value of a wrong kind is not echoed either.
        let error = Config::new().set_value("keys", Value::Text("hunter2".into())).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let nine = [ONE; 9].join(",");
        assert!(Config::new().set("keys", &nine).unwrap_err().message().contains("1 to 8"));
    }

    #[test]
    fn plaintext_leaves_loopback_only_if_told() {
        let open = ("bind", "0.0.0.0:0");
        let keyed = ("keys", ONE);
        let outcome = |pairs: &[(&str, &str)]| settings(pairs).map(|settings| settings.exposed);
        assert_eq!(outcome(&[open, keyed]), Ok(false));
        assert_eq!(outcome(&[open, ("cookie", "correct horse battery")]), Ok(false));
        assert_eq!(outcome(&[open, ("insecure", "true")]), Ok(true));
        assert_eq!(outcome(&[("insecure", "true")]), Ok(false), "loopback");
        assert_eq!(outcome(&[open, keyed, ("insecure", "true")]), Ok(false), "nothing is in clear");
        for flag in ["verify_incoming", "verify_outgoing"] {
            let error = outcome(&[open, keyed, (flag, "false")]).expect_err(flag);
            assert!(error.message().contains(flag), "{error}");
            let said = [open, keyed, (flag, "false"), ("insecure", "true")];
            assert_eq!(outcome(&said), Ok(true));
        }
        let error = outcome(&[open]).expect_err("no key");
        assert!(error.message().contains("there is no key"), "{error}");
    }

    #[test]
    #[cfg(feature = "tls")]
    fn certificates_come_with_all_that_belongs_to_them() {
        let all = [("tls_cert", "n.crt"), ("tls_key", "n.key"), ("tls_ca", "ca.crt")];
        let files = settings(&all).expect("three files").tls.expect("they are there");
        assert_eq!((files.cert, files.key), ("n.crt".into(), "n.key".into()));
        assert!(files.verify_name);
        let off = [&all[..], &[("tls_verify_name", "false")]].concat();
        assert!(!settings(&off).expect("good").tls.expect("they are there").verify_name);
        assert_eq!(settings(&[]).expect("nothing").tls, None);
        let error = settings(&all[..2]).expect_err("one is missing");
        assert_eq!(error.kind(), ErrorKind::BadConfig);
        assert!(error.message().starts_with("tls_cert and tls_key without tls_ca"), "{error}");
        let error = settings(&all[2..]).expect_err("two are missing");
        assert!(error.message().starts_with("tls_ca without tls_cert and tls_key"), "{error}");
        assert!(config(&[("tls_ca", "")]).expect_err("no path").message().contains("tls_ca"));
        // Certificates do not protect the membership.
        let open = [&all[..], &[("bind", "0.0.0.0:0")]].concat();
        assert!(settings(&open).expect_err("in clear").message().contains("there is no key"));
    }

    #[test]
    fn networks_are_checked_when_set() {
        let nets = settings(&[("cidrs_allowed", "10.0.0.0/8, ::1, 192.168.1.7")]).expect("good");
        let shown: Vec<String> =
            nets.protocol.cidrs_allowed.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.0/8", "::1/128", "192.168.1.7/32"]);
        for text in ["10.0.0.0/33", "home", "10.0.0.0/8,x"] {
            let error = config(&[("cidrs_allowed", text)]).expect_err(text);
            assert!(error.message().contains("cidrs_allowed"), "{error}");
        }
    }
}
