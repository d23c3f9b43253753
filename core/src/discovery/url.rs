//! A source as one text: `scheme://rest?option=value&...`.

#[cfg(feature = "dns")]
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::config::parse_duration;
use crate::error::{Error, ErrorKind, Result};

/// A source's URL, whose options are taken out one by one.
pub(super) struct Url<'a> {
    text: &'a str,
    scheme: &'a str,
    rest: String,
    options: Vec<(String, String)>,
}

impl<'a> Url<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let Some((scheme, behind)) = text.split_once("://") else {
            let message = format!(
                "discovery: \"{text}\" is no URL such as dns://web:7946; members at known \
                 addresses are seeds, or static://{text}"
            );
            return Err(Error::new(ErrorKind::BadConfig, message));
        };
        let (rest, query) = behind.split_once('?').unwrap_or((behind, ""));
        let rest = percent_encoding::percent_decode_str(rest).decode_utf8_lossy().into_owned();
        let options = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Self { text, scheme, rest, options })
    }

    pub(super) const fn scheme(&self) -> &'a str {
        self.scheme
    }

    /// What is between the scheme and the options.
    pub(super) fn rest(&self) -> &str {
        &self.rest
    }

    pub(super) fn bad(&self, what: &str) -> Error {
        Error::new(ErrorKind::BadConfig, format!("discovery: {what} in \"{}\"", self.text))
    }

    /// All values of an option.
    pub(super) fn all(&mut self, name: &str) -> Vec<String> {
        self.options.extract_if(.., |(key, _)| key == name).map(|(_, value)| value).collect()
    }

    /// The value of an option that is there once at most.
    pub(super) fn one(&mut self, name: &str) -> Result<Option<String>> {
        let mut values = self.all(name);
        match values.len() {
            0 | 1 => Ok(values.pop()),
            _ => Err(self.bad(&format!("{name} is given twice"))),
        }
    }

    pub(super) fn span(
        &mut self,
        name: &str,
        least: Duration,
        most: Duration,
    ) -> Result<Option<Duration>> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let span = parse_duration(&text).filter(|span| (least..=most).contains(span));
        let wanted =
            || format!("{name} is \"{text}\", expected a span of {least:?} to {most:?} such as 5s");
        span.map(Some).ok_or_else(|| self.bad(&wanted()))
    }

    pub(super) fn port_of(&mut self, name: &str) -> Result<Option<u16>> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let port = text.parse().ok().filter(|port| *port != 0);
        port.map(Some)
            .ok_or_else(|| self.bad(&format!("{name} is \"{text}\", expected 1 to 65535")))
    }

    /// An address, with a port of its own or that one.
    #[cfg(feature = "dns")]
    pub(super) fn addr(&mut self, name: &str, port: u16) -> Result<Option<SocketAddr>> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let bare = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port));
        let addr = text.parse().or(bare).ok();
        let wanted = || format!("{name} is \"{text}\", expected an address such as 10.0.0.1:53");
        addr.map(Some).ok_or_else(|| self.bad(&wanted()))
    }

    /// No option is left.
    pub(super) fn finish(self) -> Result<()> {
        match self.options.first() {
            None => Ok(()),
            Some((name, _)) => {
                Err(self.bad(&format!("{}:// has no option \"{name}\"", self.scheme)))
            }
        }
    }
}
