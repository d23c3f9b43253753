//! Calls whose request and answer are sequences of items.

use std::time::Duration;

use chinwag::payload::Value;
use chinwag::{Answer, Error, Node, Payload, Request};

use crate::line::Line;
use crate::messages::{push_value, value, value_of};
use crate::say;

/// Makes one call that streams; the final line if it succeeds.
pub(crate) async fn call(node: &Node, command: &Line) -> Result<String, Error> {
    let items = command.list("items").into_iter();
    let items: Vec<Payload> =
        items.map(|item| value_of(item.as_bytes())).collect::<Result<_, _>>()?;
    let mut call = node.call(command.get("target"), command.get("op"), value(command)?);
    if let Ok(ms) = command.get("timeout_ms").parse() {
        call = call.timeout(Duration::from_millis(ms));
    }
    let (mut sink, mut answers) = call.stream().await?.split();
    let sending = tokio::spawn(async move {
        for item in items {
            // Why it cannot be sent is what the call comes to.
            if sink.send(item).await.is_err() {
                return;
            }
        }
        sink.finish();
    });
    while let Some(item) = answers.next().await {
        let mut line = "item".to_owned();
        push_value(&mut line, "value", &item?)?;
        say(&line);
    }
    sending.abort();
    let answer = answers.take_answer().ok_or_else(Error::closed)?;
    let mut line = "ok".to_owned();
    push_value(&mut line, "value", &answer)?;
    Ok(line)
}

/// Answers a call that streams.
pub(crate) async fn answer(request: &mut Request) -> Answer {
    let many = match request.payload().value() {
        Ok(Value::Int(many)) => many,
        _ => 0,
    };
    let mut told = 0;
    match request.op() {
        op @ ("count" | "break") => {
            let breaks = op == "break";
            let mut sink = request.sink()?;
            for number in 1..=many {
                sink.send(Payload::encode(&number.into())?).await?;
            }
            if breaks {
                return Err("broken".into());
            }
            told = many;
        }
        "sum" => {
            let mut body = request.body();
            while let Some(item) = body.next().await {
                if let Value::Int(number) = item?.value()? {
                    told += number;
                }
            }
        }
        "mirror" => {
            let (mut body, mut sink) = (request.body(), request.sink()?);
            while let Some(item) = body.next().await {
                sink.send(item?).await?;
                told += 1;
            }
        }
        _ => return Err(request.unknown_op()),
    }
    Ok(Payload::encode(&told.into())?)
}
