//! What a node remembers from one run of its process to the next: whom it knew, and its clocks.
//!
//! Text, so that an operator can read it, one fact a line:
//!
//! ```text
//! chinwag snapshot 1
//! cluster prod
//! incarnation 91234567
//! clocks 12 3 9
//! member 10.0.0.2:7946 web-2
//! end 5 1f0c2d3e
//! ```
//!
//! The last line has the number of lines before it and their CRC-32: a file that was cut or changed
//! is told apart from an empty one. In texts, a backslash, a line feed and a carriage return are
//! written as `\\`, `\n` and `\r`.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;

/// What a snapshot holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The label of the cluster.
    pub cluster: String,
    /// The last incarnation of this node.
    pub incarnation: u32,
    /// serf's clocks of members, events and queries.
    pub clocks: [u64; 3],
    /// Whether the node said goodbye.
    pub left: bool,
    /// Who was present: address and name.
    pub members: Vec<(SocketAddr, String)>,
}

/// Why a snapshot cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It does not begin as one, or is of a newer version.
    Unknown,
    /// It does not end as it should: cut, or changed by somebody.
    Broken,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "is no snapshot of this version",
            Self::Broken => "was cut or changed",
        })
    }
}

const HEAD: &str = "chinwag snapshot 1";

impl Snapshot {
    /// The text of the file.
    pub fn write(&self) -> String {
        let mut text = format!("{HEAD}\ncluster {}\n", Escaped(&self.cluster));
        let [member, event, query] = self.clocks;
        // Writing into a string cannot fail.
        let _ = writeln!(text, "incarnation {}", self.incarnation);
        let _ = writeln!(text, "clocks {member} {event} {query}");
        if self.left {
            text += "left\n";
        }
        for (addr, name) in &self.members {
            let _ = writeln!(text, "member {addr} {}", Escaped(name));
        }
        Self::ended(&text)
    }

    /// These lines, and the one that ends them.
    pub fn ended(lines: &str) -> String {
        let (count, sum) = (lines.lines().count(), crc32fast::hash(lines.as_bytes()));
        format!("{lines}end {count} {sum:08x}\n")
    }

    /// Reads the text of a file. Lines of a kind that is not known are passed over, so that later
    /// versions may add some.
    pub fn read(text: &str) -> Result<Self, Damage> {
        if text.lines().next() != Some(HEAD) {
            return Err(Damage::Unknown);
        }
        let (body, end) = text.trim_end_matches('\n').rsplit_once('\n').ok_or(Damage::Broken)?;
        let body = text.get(..body.len() + 1).ok_or(Damage::Broken)?;
        let (lines, sum) = (body.lines().count(), crc32fast::hash(body.as_bytes()));
        if end != format!("end {lines} {sum:08x}") {
            return Err(Damage::Broken);
        }
        let mut snapshot = Self::default();
        for line in body.lines().skip(1) {
            snapshot.take(line).ok_or(Damage::Broken)?;
        }
        Ok(snapshot)
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        match kind {
            "cluster" => self.cluster = unescaped(rest)?,
            "incarnation" => self.incarnation = rest.parse().ok()?,
            "clocks" => {
                let mut numbers = rest.split(' ').map(str::parse);
                for clock in &mut self.clocks {
                    *clock = numbers.next()?.ok()?;
                }
            }
            "left" => self.left = true,
            "member" => {
                let (addr, name) = rest.split_once(' ')?;
                self.members.push((addr.parse().ok()?, unescaped(name)?));
            }
            _ => {}
        }
        Some(())
    }
}

/// A text in one line.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn snapshot() -> Snapshot {
        let member = |addr: &str, name: &str| (addr.parse().unwrap(), name.to_owned());
        Snapshot {
            cluster: "prod".to_owned(),
            incarnation: 91_234_567,
            clocks: [12, 3, u64::MAX],
            left: true,
            members: vec![
                member("10.0.0.2:7946", "web-2"),
                member("[2001:db8::1]:1", " a\\b\n\rc  é "),
                member("10.0.0.3:7946", ""),
            ],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for snapshot in [snapshot(), Snapshot::default()] {
            assert_eq!(Snapshot::read(&snapshot.write()), Ok(snapshot));
        }
    }

    #[test]
    fn a_cut_or_changed_file_is_found_out() {
        let text = snapshot().write();
        for (cut, _) in text.char_indices().skip(HEAD.len()) {
            if cut < text.len() - 1 {
                assert!(Snapshot::read(&text[..cut]).is_err(), "cut at {cut}");
            }
        }
        assert_eq!(Snapshot::read(&text.replace("web-2", "web-3")), Err(Damage::Broken));
        assert_eq!(Snapshot::read(&text.replace("shot 1", "shot 2")), Err(Damage::Unknown));
        for other in ["", "\n", "end 0 00000000\n", "alive: web-2 10.0.0.2:7946\n"] {
            assert_eq!(Snapshot::read(other), Err(Damage::Unknown));
        }
    }

    #[test]
    fn lines_of_later_versions_are_passed_over() {
        let text = snapshot().write();
        let mut body = text
            .lines()
            .take_while(|line| !line.starts_with("end "))
            .fold(String::new(), |text, line| text + line + "\n");
        body += "colour blue\n";
        assert_eq!(Snapshot::read(&Snapshot::ended(&body)), Ok(snapshot()));
    }

    proptest! {
        #[test]
        fn any_names_survive(names in prop::collection::vec(".*", 0..5), cluster in ".*") {
            let addr: SocketAddr = "10.0.0.1:1".parse().unwrap();
            let members = names.into_iter().map(|name| (addr, name)).collect();
            let snapshot = Snapshot { cluster, members, ..Snapshot::default() };
            // A carriage return alone ends a line for nobody but is escaped all the same.
            prop_assert_eq!(Snapshot::read(&snapshot.write()), Ok(snapshot));
        }

        #[test]
        fn nothing_panics(text in ".*") {
            let _ = Snapshot::read(&text);
            let _ = Snapshot::read(&format!("{HEAD}\n{text}\nend 2 00000000\n"));
        }
    }
}
