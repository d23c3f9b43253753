//! Topics: what is published, and subscribers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chinwag::{Error, Node, Subscriber, Subscribing};
use tokio::task::AbortHandle;

use crate::line::{Line, push};
use crate::messages::{push_value, value};
use crate::say;

/// The subscribers that read, by topic and queue.
static READING: Mutex<BTreeMap<(String, String), AbortHandle>> = Mutex::new(BTreeMap::new());

/// Makes one call on an open node; the final line if it succeeds.
pub(crate) async fn call(node: &Node, word: &str, command: &Line) -> Result<String, Error> {
    let mut line = "ok".to_owned();
    let (topic, queue) = (command.get("topic"), command.get("queue"));
    match word {
        "subscribe_topic" => {
            let named = Some(queue.to_owned()).filter(|queue| !queue.is_empty());
            let how = Subscribing { queue: named, ..Subscribing::default() };
            let subscriber = node.subscribe_with(topic, &how)?;
            let reading = tokio::spawn(read(subscriber, queue.to_owned())).abort_handle();
            let key = (topic.to_owned(), queue.to_owned());
            READING.lock().unwrap_or_else(PoisonError::into_inner).insert(key, reading);
        }
        "unsubscribe_topic" => {
            let mut all = READING.lock().unwrap_or_else(PoisonError::into_inner);
            all.remove(&(topic.to_owned(), queue.to_owned())).iter().for_each(AbortHandle::abort);
        }
        "publish" => {
            let sent = node.publish(topic, value(command)?).await?;
            push(&mut line, "count", &sent.to_string());
        }
        "topics" => {
            let topics = node.topics();
            for (name, members) in &topics {
                let mut line = "topic".to_owned();
                push(&mut line, "name", name);
                push(&mut line, "members", &members.to_string());
                say(&line);
            }
            push(&mut line, "count", &topics.len().to_string());
        }
        _ => line = "unsupported".to_owned(),
    }
    Ok(line)
}

async fn read(subscriber: Subscriber, queue: String) {
    while let Some(published) = subscriber.next().await {
        let mut line = "published".to_owned();
        push(&mut line, "topic", published.topic());
        push(&mut line, "from", published.from());
        push(&mut line, "queue", &queue);
        push(&mut line, "missed", &published.missed().to_string());
        if push_value(&mut line, "value", published.payload()).is_ok() {
            say(&line);
        }
    }
}
