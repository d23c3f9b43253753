//! One question over TCP, asked from outside any cluster.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;

use super::names::resolve;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Silence {
    /// The name could not be looked up; says why.
    NotFound(String),
    /// No connection came about, or it broke.
    Broken(io::Error),
    /// The other side closed after that many bytes.
    Ended(usize),
    /// The time was up.
    Late,
}

/// Bytes taken from the socket in one go.
const CHUNK: usize = 16 * 1024;

/// Sends `question` to the first address of `target` (`host[:port]`) that can be reached, and feeds
/// what comes back to `take` until that has an answer.
pub(crate) async fn ask<T>(
    target: &str,
    question: &[u8],
    timeout: Duration,
    mut take: impl FnMut(&[u8]) -> Option<T>,
) -> Result<T, Silence> {
    let exchange = async {
        let mut socket = connect(target, timeout).await?;
        socket.write_all(question).await.map_err(Silence::Broken)?;
        let (mut received, mut buffer) = (0, Vec::with_capacity(CHUNK));
        loop {
            buffer.clear();
            match socket.read_buf(&mut buffer).await {
                Ok(0) => return Err(Silence::Ended(received)),
                // A peer that dislikes the question may reset instead of closing.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Err(Silence::Ended(received));
                }
                Err(error) => return Err(Silence::Broken(error)),
                Ok(count) => received += count,
            }
            if let Some(answer) = take(&buffer) {
                return Ok(answer);
            }
        }
    };
    time::timeout(timeout, exchange).await.unwrap_or(Err(Silence::Late))
}

async fn connect(target: &str, timeout: Duration) -> Result<TcpStream, Silence> {
    let (found, failures) = resolve(vec![target.to_owned()], timeout).await;
    if let Some(failure) = failures.into_iter().next() {
        return Err(Silence::NotFound(failure.cause));
    }
    let addrs: Vec<SocketAddr> = found.into_iter().map(|(_, addr)| addr).collect();
    TcpStream::connect(&addrs[..]).await.map_err(Silence::Broken)
}
