//! Servers, and what is asked and told of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chinwag::payload::Value;
use chinwag::{Answer, Error, ErrorKind, Node, Payload, Request, Served, Server};

use crate::line::{Line, push, push_bytes};
use crate::{say, streams, topics};

/// The header that goes from call to call.
const TRACE: &str = "traceparent";

/// The servers that run, by their names.
static SERVED: Mutex<BTreeMap<String, Served>> = Mutex::new(BTreeMap::new());

/// Makes one call on an open node; the final line if it succeeds.
pub(crate) async fn call(node: &Node, word: &str, command: &Line) -> Result<String, Error> {
    let mut line = "ok".to_owned();
    let (target, op) = (command.get("target"), command.get("op"));
    let timeout = command.get("timeout_ms").parse().ok().map(Duration::from_millis);
    match word {
        "serve" => {
            let tested = Tested { sum: 0, node: node.clone() };
            let served = node.serve(command.get("name"), tested).await?;
            let mut all = SERVED.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(command.get("name").to_owned(), served);
        }
        "stop" => {
            let mut all = SERVED.lock().unwrap_or_else(PoisonError::into_inner);
            let served = all.remove(command.get("name"));
            served.inspect(|served| served.stop_with(command.get("reason")));
        }
        "call" => {
            let call = node.call(target, op, value(command)?);
            let call = match timeout {
                Some(timeout) => call.timeout(timeout),
                None => call,
            };
            let call = match command.get(TRACE) {
                "" => call,
                trace => call.header(TRACE, trace),
            };
            push_value(&mut line, "value", &call.await?)?;
        }
        "stream" => return streams::call(node, command).await,
        "cast" => node.cast(target, op, value(command)?).await?,
        "multi_call" => {
            let min_ok = command.get("min_ok").parse().ok();
            let server = command.get("server");
            let told = node.multi_call(server, op, value(command)?, min_ok, timeout).await?;
            for (host, payload) in &told.replies {
                let mut line = "reply".to_owned();
                push(&mut line, "node", host);
                push_value(&mut line, "value", payload)?;
                say(&line);
            }
            for (host, error) in &told.failed {
                let mut line = "failed".to_owned();
                push(&mut line, "node", host);
                push(&mut line, "code", error.kind().code());
                say(&line);
            }
            push(&mut line, "count", &told.replies.len().to_string());
        }
        "abcast" => {
            let told = node.abcast(command.get("server"), op, value(command)?).await?;
            push(&mut line, "count", &told.to_string());
        }
        "servers" => {
            let servers = node.servers();
            for (name, hosts) in &servers {
                let mut line = "server".to_owned();
                push(&mut line, "name", name);
                push(&mut line, "hosts", &hosts.to_string());
                say(&line);
            }
            push(&mut line, "count", &servers.len().to_string());
        }
        _ => return topics::call(node, word, command).await,
    }
    Ok(line)
}

/// What the scenarios ask.
struct Tested {
    sum: i64,
    node: Node,
}

impl Server for Tested {
    async fn call(&mut self, request: &mut Request) -> Answer {
        if request.is_stream() {
            return streams::answer(request).await;
        }
        let value = request.payload().value();
        let answer = match (request.op(), value) {
            ("echo", _) => return Ok(request.take_payload()),
            ("add", Ok(Value::Int(by))) => {
                self.sum += by;
                self.sum.into()
            }
            ("get", _) => self.sum.into(),
            ("fail", Ok(Value::Text(text))) => return Err(text.into()),
            ("wait", Ok(Value::Int(ms))) => {
                tokio::time::sleep(Duration::from_millis(ms.unsigned_abs())).await;
                Value::Nil
            }
            ("never", _) => {
                request.given_up().await;
                Value::Nil
            }
            ("who", _) => request.from().into(),
            ("long", Ok(Value::Int(count))) => {
                "x".repeat(usize::try_from(count).unwrap_or_default()).as_str().into()
            }
            ("traced", _) => trace(request).as_str().into(),
            ("relay", Ok(Value::Text(target))) => {
                let trace = trace(request);
                return Ok(self.node.call(&target, "traced", ()).header(TRACE, &trace).await?);
            }
            _ => return Err(request.unknown_op()),
        };
        Ok(Payload::encode(&answer)?)
    }

    async fn cast(&mut self, request: &mut Request) {
        match (request.op(), request.payload().value()) {
            ("add", Ok(Value::Int(by))) => self.sum += by,
            ("wait", Ok(Value::Int(ms))) => {
                tokio::time::sleep(Duration::from_millis(ms.unsigned_abs())).await;
            }
            _ => {}
        }
    }
}

/// The header of a call; empty when it has none.
fn trace(request: &Request) -> String {
    let found = request.headers().into_iter().find(|(name, _)| name == TRACE);
    found.map_or_else(String::new, |(_, value)| value)
}

/// A value as a line has it: a letter for what it is, and its text.
pub(crate) fn value(command: &Line) -> Result<Payload, Error> {
    value_of(command.bytes("value"))
}

/// The same, as it stands in a list.
pub(crate) fn value_of(bytes: &[u8]) -> Result<Payload, Error> {
    let bad = || Error::new(ErrorKind::BadArgument, "that is no value");
    let Some((kind, rest)) = bytes.split_first() else { return Payload::encode(&Value::Nil) };
    let text = || std::str::from_utf8(rest).map_err(|_| bad());
    Payload::encode(&match kind {
        b'i' => Value::Int(text()?.parse().map_err(|_| bad())?),
        b'f' => Value::Float(text()?.parse().map_err(|_| bad())?),
        b't' => text()?.into(),
        b'b' => Value::Bytes(rest.to_vec()),
        _ => Value::Nil,
    })
}

pub(crate) fn push_value(line: &mut String, key: &str, payload: &Payload) -> Result<(), Error> {
    match payload.value()? {
        Value::Int(number) => push(line, key, &format!("i{number}")),
        Value::Float(number) => push(line, key, &format!("f{number}")),
        Value::Text(text) => push(line, key, &format!("t{text}")),
        Value::Bytes(bytes) => push_bytes(line, key, &[b"b", &bytes[..]].concat()),
        Value::Nil => push(line, key, "n"),
        _ => push(line, key, "?"),
    }
    Ok(())
}
