//! Members that somebody has written down: in the source itself, a file, or the environment.

use std::env;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use super::{Failure, Found};

/// A file with more is none of hosts.
const FILE_MAX: u64 = 1 << 20;

/// Endpoints between commas or white space.
pub(super) fn pieces(text: &str) -> Vec<String> {
    let pieces = text.split(|c: char| c == ',' || c.is_whitespace());
    pieces.filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
}

/// One endpoint a line; what is behind a `#` is for people. It is read anew each time, so whoever
/// changes it puts another in its place, or may be read halfway: what is missing then comes later.
pub(super) async fn of_file(path: &Path) -> Found {
    let (name, path) = (path.display().to_string(), path.to_owned());
    let read = tokio::task::spawn_blocking(move || read(&path)).await;
    let text = read.map_err(Failure::new)?;
    let text = text.map_err(|error| Failure::new(format_args!("{name} was not read: {error}")))?;
    Ok(lines(&text))
}

fn read(path: &Path) -> io::Result<String> {
    use io::Read as _;
    let mut text = String::new();
    let length = std::fs::File::open(path)?.take(FILE_MAX + 1).read_to_string(&mut text)?;
    match length as u64 > FILE_MAX {
        true => Err(io::Error::other("it has more than 1 MiB")),
        false => Ok(text),
    }
}

pub(super) fn lines(text: &str) -> Vec<String> {
    let bare = |line: &str| line.split('#').next().unwrap_or_default().to_owned();
    text.lines().flat_map(|line| pieces(&bare(line))).collect()
}

pub(super) fn of_environment(variable: &str) -> Found {
    match env::var(variable) {
        Ok(text) => Ok(pieces(&text)),
        Err(env::VarError::NotPresent) => {
            Err(Failure::new(format_args!("the variable {variable} is not set")))
        }
        Err(error) => Err(Failure::new(format_args!("the variable {variable}: {error}"))),
    }
}

/// The same with that port, unless it has one.
pub(super) fn with_port(endpoint: String, port: u16) -> String {
    if endpoint.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()) {
        return format!("[{endpoint}]:{port}");
    }
    let host_end = endpoint.rfind(']').map_or(0, |at| at + 1);
    match endpoint[host_end..].contains(':') {
        true => endpoint,
        false => format!("{endpoint}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_endpoints_and_remarks() {
        let text = "# ours\n10.0.0.1:7946  # the first\n\n\tb , c:1\r\n#d\n";
        assert_eq!(lines(text), ["10.0.0.1:7946", "b", "c:1"]);
    }

    #[test]
    fn a_port_is_added_where_there_is_none() {
        let all = ["a", "a:1", "10.0.0.1", "::1", "[::1]", "[::1]:2"];
        let with = all.map(|endpoint| with_port(endpoint.to_owned(), 9));
        assert_eq!(with, ["a:9", "a:1", "10.0.0.1:9", "[::1]:9", "[::1]:9", "[::1]:2"]);
    }

    #[tokio::test]
    async fn what_cannot_be_read_says_which_and_why() {
        let failure = of_file(Path::new("/nowhere/hosts")).await.expect_err("none");
        assert!(failure.to_string().starts_with("/nowhere/hosts was not read: "), "{failure:?}");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("hosts");
        std::fs::write(&path, "a\n".repeat(600_000)).expect("room");
        let failure = of_file(&path).await.expect_err("too long");
        assert!(failure.to_string().contains("more than 1 MiB"), "{failure:?}");
        let failure = of_environment("CHINWAG_TEST_NOT_SET").expect_err("none");
        assert_eq!(failure.to_string(), "the variable CHINWAG_TEST_NOT_SET is not set");
    }
}
