//! What the other side of a connection has shown of who it is.

#![cfg_attr(not(feature = "tls"), allow(dead_code, reason = "nothing is asked for"))]

/// Where a certificate may have the name of a member that is no name of the DNS:
/// `chinwag:<label>/<name>`.
const SCHEME: &str = "chinwag:";

/// What the other side has shown of who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nothing was asked for: it belongs here, and is believed what it says.
    #[default]
    None,
    /// A certificate with these names of members.
    Names(Vec<String>),
}

impl Proof {
    /// Whether it may say that this is its name.
    pub(crate) fn covers(&self, name: &str) -> bool {
        match self {
            Self::None => true,
            Self::Names(names) => names.iter().any(|known| known == name),
        }
    }
}

/// The name of a member that a URI stands for, in the cluster with that label; none if it is about
/// something else.
pub(crate) fn name_in_uri(uri: &str, label: &str) -> Option<String> {
    let (cluster, name) = uri.strip_prefix(SCHEME)?.split_once('/')?;
    let name = decoded(name).filter(|name| !name.is_empty());
    name.filter(|_| decoded(cluster).as_deref() == Some(label))
}

/// The URI for the name of a member, in the cluster with that label.
pub(crate) fn uri_of(name: &str, label: &str) -> String {
    format!("{SCHEME}{}/{}", encoded(label), encoded(name))
}

/// As RFC 3986 has it: what is not unreserved is `%` and two hexadecimal digits.
fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => (digit(*high)? * 16 + digit(*low)?, after),
            (b'%', _) => return None,
            (byte, after) => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_has_a_uri_and_comes_back_from_it() {
        for (name, label) in
            [("web-1", ""), ("wörker 1/a", "blue"), ("100%", "a/b c"), ("a:b@c#d", "é")]
        {
            let uri = uri_of(name, label);
            assert!(uri.is_ascii(), "{uri}");
            assert_eq!(name_in_uri(&uri, label).as_deref(), Some(name), "{uri}");
            assert_eq!(name_in_uri(&uri, "another"), None, "{uri}");
        }
        assert_eq!(uri_of("wörker 1", "blue"), "chinwag:blue/w%C3%B6rker%201");
        for uri in [
            "",
            "chinwag:",
            "chinwag:/",
            "chinwag:web-1",
            "http:/web-1",
            "chinwag:/%4",
            "chinwag:/%zz",
            "chinwag:/%ff",
            "chinwag:%/web-1",
        ] {
            assert_eq!(name_in_uri(uri, ""), None, "{uri}");
        }
    }

    #[test]
    fn a_certificate_stands_for_its_names_alone() {
        let proof = Proof::Names(vec!["web-1".into()]);
        assert!(proof.covers("web-1"));
        assert!(["web-2", "Web-1", "", "web-1 "].iter().all(|name| !proof.covers(name)));
        assert!(!Proof::Names(Vec::new()).covers("web-1"));
        assert!(Proof::None.covers("web-1"));
    }
}
