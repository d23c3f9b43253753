//! Maps that all members write.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chinwag::{Error, ErrorKind, MapEntry, MapWatch, MapWatched, Node, Replay};

use crate::line::{Line, push, push_bytes, push_list};
use crate::say;

/// What was read last, by map and key.
static READ: Mutex<BTreeMap<(String, String), MapEntry>> = Mutex::new(BTreeMap::new());

/// Makes one call on an open node; the final line if it succeeds.
pub(crate) async fn call(node: &Node, word: &str, command: &Line) -> Result<String, Error> {
    let mut line = "ok".to_owned();
    let (name, key) = (command.get("map"), command.get("key"));
    let map = node.map(name)?;
    let after = if command.get("after") == "read" { Some(read_before(name, key)?) } else { None };
    let payload = || command.bytes("payload").repeat(command.get("repeat").parse().unwrap_or(1));
    match (word, after) {
        ("map_put", None) => map.put(key, payload()).await?,
        ("map_put", Some(read)) => map.put_after(&read, payload()).await?,
        ("map_delete", None) => map.delete(key).await?,
        ("map_delete", Some(read)) => map.delete_after(&read).await?,
        ("map_resolve", _) => {
            map.resolve(key, |values| {
                let mut all: Vec<&[u8]> = values.iter().map(|value| &*value.bytes).collect();
                all.sort_unstable();
                all.join(&b"+"[..])
            })
            .await?;
        }
        ("map_get", _) => {
            let value = map.get(key);
            value.iter().for_each(|value| push_bytes(&mut line, "payload", value));
        }
        ("map_read", _) => {
            let found = map.read(key);
            found.iter().for_each(|entry| push_values(&mut line, entry));
            let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
            read.extend(found.map(|entry| ((name.to_owned(), key.to_owned()), entry)));
        }
        ("map_entries", _) => {
            let entries = map.entries(command.get("prefix"));
            for entry in &entries {
                let mut line = "entry".to_owned();
                push(&mut line, "key", &entry.key);
                push_values(&mut line, entry);
                say(&line);
            }
            push(&mut line, "count", &entries.len().to_string());
        }
        ("map_watch", _) => {
            let replay = if command.get("replay") == "true" { Replay::Yes } else { Replay::No };
            tokio::spawn(tell(name.to_owned(), map.watch(command.get("prefix"), replay)));
        }
        _ => line = "unsupported".to_owned(),
    }
    Ok(line)
}

fn read_before(map: &str, key: &str) -> Result<MapEntry, Error> {
    let read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let found = read.get(&(map.to_owned(), key.to_owned())).cloned();
    found.ok_or_else(|| Error::new(ErrorKind::BadArgument, "nothing was read"))
}

/// Prints what happens to keys until the node is closed.
async fn tell(map: String, mut watch: MapWatch) {
    while let Some(watched) = watch.next().await {
        let mut line = "watched".to_owned();
        push(&mut line, "map", &map);
        match watched {
            MapWatched::Put(entry) => {
                push(&mut line, "type", "put");
                push(&mut line, "key", &entry.key);
                push_values(&mut line, &entry);
            }
            MapWatched::Deleted { key } => {
                push(&mut line, "type", "deleted");
                push(&mut line, "key", &key);
            }
            MapWatched::ReplayDone => push(&mut line, "type", "replay-done"),
            MapWatched::Lost { count, .. } => {
                push(&mut line, "type", "lost");
                push(&mut line, "count", &count.to_string());
            }
        }
        say(&line);
    }
}

/// The values of a key and who put them, the newest first.
fn push_values(line: &mut String, entry: &MapEntry) {
    push_list(line, "values", entry.values.iter().map(|value| &*value.bytes));
    push_list(line, "writers", entry.values.iter().map(|value| value.writer.as_bytes()));
}
