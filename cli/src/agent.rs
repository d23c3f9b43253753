//! `chinwag agent`: one member, which prints what happens to the others.

use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

use chinwag::config::Value;
use chinwag::{Config, Event, Events, Member, Node, Replay};
use clap::{Arg, ArgMatches, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time;
use tracing_subscriber::filter::LevelFilter;

use crate::failure::Failure;
use crate::options;
use crate::show::{json_event, json_ready, text_event, text_ready};
use crate::signals::Stop;

/// How long the farewell may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long a start that is asked to stop may go on; seeds that do not answer would hold it up.
const START_GRACE: Duration = Duration::from_secs(1);
/// How long the last lines may take, when nobody reads them.
const LAST_LINES: Duration = Duration::from_secs(1);

/// How the subcommand is spelled.
pub(crate) fn command() -> Command {
    Command::new("agent")
        .about("Run one member and print what happens to the others")
        .args(options::flags())
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name("FORMAT")
                .value_parser(["text", "json"])
                .default_value("text")
                .help("Lines for people, or one JSON object a line"),
        )
        .arg(
            Arg::new("log")
                .long("log")
                .value_parser(["off", "error", "warn", "info", "debug", "trace"])
                .default_value("info")
                .env("CHINWAG_LOG")
                .hide_env_values(true)
                .value_name("LEVEL")
                .help("What to log on standard error"),
        )
}

/// Runs it.
pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let text = |id: &str| matches.get_one::<String>(id).map_or("", String::as_str);
    let config = options::config(matches)?;
    log(text("log"));
    let format = if text("output") == "json" { JSON } else { TEXT };
    if config.get("handle_signals") == Some(&Value::Flag(false)) {
        let node = Node::start(&config).await?;
        return Ok(Printer::start(&node, format).broken.await.unwrap_or(Ok(()))?);
    }
    let mut stop = Stop::listen(|| {})?;
    let Some(node) = start(&config, &mut stop).await? else { return Ok(()) };
    let mut printer = Printer::start(&node, format);
    let printed = tokio::select! {
        () = stop.asked() => Ok(()),
        broken = &mut printer.broken => broken.unwrap_or(Ok(())),
    };
    let left = node.leave(FAREWELL).await;
    node.close().await;
    printer.finish().await;
    printed?;
    Ok(left?)
}

fn log(level: &str) {
    let level: LevelFilter = level.parse().unwrap_or(LevelFilter::INFO);
    tracing_subscriber::fmt()
        .with_max_level(level)
        .without_time()
        .with_target(false)
        .with_writer(std::io::stderr)
        .init();
}

/// The started node; nothing when a signal came first.
async fn start(config: &Config, stop: &mut Stop) -> Result<Option<Node>, Failure> {
    // The command handles signals itself, because it says goodbye to its reader as well.
    let mut config = config.clone();
    config.set_value("handle_signals", Value::Flag(false))?;
    let start = Node::start(&config);
    tokio::pin!(start);
    tokio::select! {
        node = &mut start => Ok(Some(node?)),
        () = stop.asked() => match time::timeout(START_GRACE, start).await {
            Ok(node) => Ok(Some(node?)),
            Err(_) => Ok(None),
        },
    }
}

/// How lines are written.
#[derive(Clone, Copy, Debug)]
struct Format {
    ready: fn(&Member) -> String,
    event: fn(&Event) -> String,
}

const JSON: Format = Format { ready: json_ready, event: json_event };
const TEXT: Format = Format { ready: text_ready, event: text_event };

/// A thread that prints: a reader who stands still must hold up neither the node nor a signal.
struct Printer {
    /// Settles when the events end, or when nobody reads any more.
    broken: oneshot::Receiver<std::io::Result<()>>,
    ended: mpsc::Receiver<()>,
}

impl Printer {
    fn start(node: &Node, format: Format) -> Self {
        let (outcome, broken) = oneshot::channel();
        let (end, ended) = mpsc::sync_channel(1);
        let (local, events, runtime) =
            (node.local_member(), node.events(Replay::Yes), Handle::current());
        std::thread::spawn(move || {
            let _ = outcome.send(print(&local, events, format, &runtime));
            let _ = end.send(());
        });
        Self { broken, ended }
    }

    /// Waits for the last lines.
    async fn finish(self) {
        let waiting = tokio::task::spawn_blocking(move || self.ended.recv_timeout(LAST_LINES));
        let _ = waiting.await;
    }
}

fn print(
    local: &Member,
    mut events: Events,
    format: Format,
    runtime: &Handle,
) -> std::io::Result<()> {
    let say = |mut line: String| {
        line.push('\n');
        let mut out = std::io::stdout().lock();
        out.write_all(line.as_bytes())?;
        out.flush()
    };
    say((format.ready)(local))?;
    while let Some(event) = runtime.block_on(events.next()) {
        say((format.event)(&event))?;
    }
    Ok(())
}
