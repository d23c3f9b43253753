//! How members are talked to. Each tells what its own library's callback told it.

use std::net::SocketAddr;

/// The three ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The example of every binding: arguments `NAME SEED|- [key=value …]`.
    Join,
    /// The agent of the scenario tests on Go memberlist: one command a line.
    Go,
    /// Serf, whose event handler writes into its output.
    Serf,
}

/// What a line of output means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It listens there.
    Ready(String),
    /// Its callback was called.
    Event(Report),
    /// It will not do what it was told.
    Refused(String),
    /// Something else.
    Nothing,
}

/// What a callback reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// The type, such as `member-join`.
    pub(crate) kind: String,
    /// Whom it is about.
    pub(crate) member: String,
    /// Tags, each `key=value`.
    pub(crate) tags: Vec<String>,
}

/// How a member is asked to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// By these lines on its input.
    Lines(&'static str),
    /// By an interrupt.
    Interrupt,
}

/// Where a member listens and whom it joins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Its runtime, for its tag.
    pub(crate) runtime: &'a str,
    /// The seed's address; none for the seed itself.
    pub(crate) seed: Option<&'a str>,
    /// Whether serf is there, with its own versions.
    pub(crate) with_serf: bool,
    /// Two free addresses, for those who cannot take any.
    pub(crate) addrs: Option<[SocketAddr; 2]>,
}

impl Dialect {
    /// Arguments after the program's own.
    pub(crate) fn arguments(self, seat: &Seat<'_>) -> Vec<String> {
        let tag = format!("runtime={}", seat.runtime);
        match self {
            Self::Join => vec![seat.name.into(), seat.seed.unwrap_or("-").into(), tag],
            Self::Go => Vec::new(),
            Self::Serf => {
                let mut arguments = vec![
                    format!("-node={}", seat.name),
                    "-profile=lan".to_owned(),
                    "-log-level=warn".to_owned(),
                    format!("-event-handler={SERF_HANDLER}"),
                    format!("-tag={tag}"),
                ];
                if let Some([bind, rpc]) = seat.addrs {
                    arguments.extend([format!("-bind={bind}"), format!("-rpc-addr={rpc}")]);
                }
                arguments.extend(seat.seed.map(|seed| format!("-join={seed}")));
                arguments
            }
        }
    }

    /// What is said to it first.
    pub(crate) fn greeting(self, seat: &Seat<'_>) -> Option<String> {
        if self != Self::Go {
            return None;
        }
        let (name, runtime) = (escape(seat.name), escape(seat.runtime));
        let mut start =
            format!("start name={name} bind=127.0.0.1:0 profile=lan tag.runtime={runtime}");
        if let Some(seed) = seat.seed {
            start += &format!(" seeds={seed}");
        }
        if seat.with_serf {
            // Memberlist takes its application's versions as they are; these are serf's.
            start += " opt.delegate_protocol_min=2 opt.delegate_protocol_max=5";
            start += " opt.delegate_protocol_version=5";
        }
        Some(start + "\nsubscribe replay=true\n")
    }

    /// What makes it change a tag, if it can.
    pub(crate) fn tag(self, pair: &str) -> Option<String> {
        (self == Self::Join).then(|| format!("tag {pair}\n"))
    }

    /// What makes it leave and end.
    pub(crate) const fn farewell(self) -> Farewell {
        match self {
            Self::Join => Farewell::Lines("leave\n"),
            Self::Go => Farewell::Lines("leave timeout_ms=5000\nexit\n"),
            Self::Serf => Farewell::Interrupt,
        }
    }

    /// What a line of its output means.
    pub(crate) fn hear(self, line: &str) -> Said {
        match self {
            Self::Join => hear_join(line),
            Self::Go => hear_go(line),
            Self::Serf => hear_serf(line),
        }
    }
}

/// Serf runs this through the shell for each event, with one member a line of input. Its parent is
/// serf, and serf's output is a pipe that we read.
const SERF_HANDLER: &str = "*=while IFS= read -r line; do \
     printf 'event %s\\t%s\\n' \"$SERF_EVENT\" \"$line\"; done >/proc/$PPID/fd/1";

fn hear_join(line: &str) -> Said {
    // Tags come last, and may hold spaces.
    let words: Vec<&str> = line.splitn(5, ' ').collect();
    match words[..] {
        ["ready", _, addr] => Said::Ready(addr.to_owned()),
        [kind, member, _, _, tags] if kind.starts_with("member-") => report(kind, member, tags),
        _ => Said::Nothing,
    }
}

fn report(kind: &str, member: &str, tags: &str) -> Said {
    let tags = tags.split(',').filter(|tag| tag.contains('=')).map(str::to_owned).collect();
    Said::Event(Report { kind: kind.to_owned(), member: member.to_owned(), tags })
}

fn hear_go(line: &str) -> Said {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let pairs: Vec<(&str, String)> = rest
        .split(' ')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key, unescape(value)))
        .collect();
    let get = |wanted: &str| {
        let found = pairs.iter().find(|(key, _)| *key == wanted);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    match word {
        "ok" if !get("addr").is_empty() => Said::Ready(get("addr")),
        "error" => Said::Refused(format!("{}: {}", get("code"), get("message"))),
        "event" => {
            let tags = pairs.iter().filter_map(|(key, value)| {
                key.strip_prefix("tag.").map(|key| format!("{}={value}", unescape(key)))
            });
            Said::Event(Report { kind: get("type"), member: get("name"), tags: tags.collect() })
        }
        _ => Said::Nothing,
    }
}

fn hear_serf(line: &str) -> Said {
    if let Some(addr) = line.trim().strip_prefix("Bind addr: '") {
        return Said::Ready(addr.trim_end_matches('\'').to_owned());
    }
    let fields: Vec<&str> = line.split('\t').collect();
    match fields[..] {
        [event, member, _, _, tags] => match event.strip_prefix("event ") {
            Some(kind) => report(kind, member, tags),
            None => Said::Nothing,
        },
        _ => Said::Nothing,
    }
}

/// Percent-escapes, as the agents' line format has them.
fn escape(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b':' | b'/' | b'-' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    });
    escaped.collect()
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, code.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(tags: &[&str]) -> Said {
        let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
        let (kind, member) = ("member-update".to_owned(), "py-1".to_owned());
        Said::Event(Report { kind, member, tags })
    }

    #[test]
    fn the_same_event_in_three_dialects() {
        let join = "member-update py-1 127.0.0.1:9 alive mood=good,runtime=python";
        let go = "event type=member-update seq=7 name=py-1 addr=127.0.0.1:9 state=alive \
                  tag.mood=good tag.runtime=python prev_tag.runtime=python";
        let serf = "event member-update\tpy-1\t127.0.0.1\t\tmood=good,runtime=python";
        for (dialect, line) in [(Dialect::Join, join), (Dialect::Go, go), (Dialect::Serf, serf)] {
            assert_eq!(dialect.hear(line), update(&["mood=good", "runtime=python"]), "{line}");
        }
        assert_eq!(Dialect::Join.hear("member-update py-1 127.0.0.1:9 alive -"), update(&[]));
        let spaced =
            Dialect::Join.hear("member-update py-1 127.0.0.1:9 alive runtime=go memberlist");
        assert_eq!(spaced, update(&["runtime=go memberlist"]));
    }

    #[test]
    fn readiness_in_three_dialects() {
        let ready = Said::Ready("127.0.0.1:9".to_owned());
        assert_eq!(Dialect::Join.hear("ready py-1 127.0.0.1:9"), ready);
        assert_eq!(Dialect::Go.hear("ok addr=127.0.0.1:9"), ready);
        assert_eq!(Dialect::Serf.hear("         Bind addr: '127.0.0.1:9'"), ready);
        assert_eq!(Dialect::Go.hear("ok"), Said::Nothing);
        let refused = Dialect::Go.hear("error code=bad_config message=no%20such%20option");
        assert_eq!(refused, Said::Refused("bad_config: no such option".to_owned()));
    }

    #[test]
    fn escapes_come_back() {
        assert_eq!(escape("go memberlist"), "go%20memberlist");
        assert_eq!(unescape("go%20memberlist%"), "go memberlist%");
    }
}
