//! The vectors of `tests/vectors/clocks`, which its README describes, line by line.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use chinwag::clock::{
    ActorTable, Causality, Folded, HybridClock, HybridTime, LamportClock, Retired, Siblings,
    TrimBounds, VectorClock, actor,
};
use chinwag::{Error, Result};

type Record = Siblings<Vec<u8>>;

/// Everything that statements have named.
#[derive(Default)]
struct Player {
    clocks: BTreeMap<String, VectorClock>,
    folds: BTreeMap<String, Folded>,
    records: BTreeMap<String, Record>,
    tables: BTreeMap<String, ActorTable>,
    hybrids: BTreeMap<String, HybridClock>,
    lamports: BTreeMap<String, LamportClock>,
    log: Retired,
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if digits.is_empty() { "-".to_owned() } else { digits }
}

fn unhex(word: &str) -> Vec<u8> {
    let digits = if word == "-" { "" } else { word };
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("two hex digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// A text as in a URL.
fn text(word: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let escaped = *first == b'%';
        bytes.push(if escaped { unhex(&word[word.len() - more.len()..][..2])[0] } else { *first });
        rest = if escaped { &more[2..] } else { more };
    }
    String::from_utf8(bytes).expect("a text")
}

fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let one = |byte: u8| match plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

fn number(word: &str) -> u64 {
    word.parse().expect("a number")
}

fn token(causality: Causality) -> String {
    causality.token().to_owned()
}

fn stamp(time: HybridTime) -> String {
    format!("{time} {}", hex(&time.to_bytes()))
}

impl Player {
    /// The outcome of a statement; nothing for one that this build cannot play.
    fn play(&mut self, statement: &str) -> Option<String> {
        let words: Vec<&str> = statement.split(' ').collect();
        let played = self.change(&words).or_else(|| self.ask(&words));
        let played = played.or_else(|| self.json(&words)).or_else(|| self.fold(&words));
        let played = played.or_else(|| self.record(&words)).or_else(|| self.time(&words));
        played.map(|outcome| outcome.unwrap_or_else(|error: Error| error.kind().code().to_owned()))
    }

    fn clock(&mut self, name: &str) -> &mut VectorClock {
        self.clocks.entry(name.to_owned()).or_default()
    }

    fn folded(&mut self, name: &str) -> Folded {
        let new = || Retired::new().fold(&VectorClock::new()).expect("an empty clock");
        self.folds.entry(name.to_owned()).or_insert_with(new).clone()
    }

    fn siblings(&mut self, name: &str) -> &mut Record {
        self.records.entry(name.to_owned()).or_default()
    }

    fn set(&mut self, name: &str, clock: VectorClock) -> String {
        let bytes = hex(&clock.to_bytes());
        self.clocks.insert(name.to_owned(), clock);
        bytes
    }

    fn set_fold(&mut self, name: &str, folded: Folded) -> String {
        let bytes = hex(&folded.to_bytes());
        self.folds.insert(name.to_owned(), folded);
        bytes
    }

    /// Statements that change a clock.
    fn change(&mut self, words: &[&str]) -> Option<Result<String>> {
        let after = words.get(1).copied().unwrap_or_default().to_owned();
        let done: Result<()> = match *words {
            ["insert", a, name] => self.clock(a).insert(&text(name)),
            ["insert", a, name, at] => self.clock(a).insert_at(&text(name), number(at)),
            ["increment", a, name] => self.clock(a).increment(&text(name)).map(|_| ()),
            ["increment", a, name, at] => {
                self.clock(a).increment_at(&text(name), number(at)).map(|_| ())
            }
            ["update", a, name, count] => self.clock(a).update(&text(name), number(count)),
            ["update", a, name, count, at] => {
                self.clock(a).update_at(&text(name), number(count), number(at))
            }
            ["remove", a, name] => {
                let (had, removed) =
                    (self.clock(a).has(&text(name)), self.clock(a).remove(&text(name)));
                assert_eq!(had, removed);
                Ok(())
            }
            ["merge", a, b] => {
                let other = self.clock(b).clone();
                self.clock(a).merge(&other)
            }
            ["copy", a, b] => {
                let clock = self.clock(a).clone();
                return Some(Ok(self.set(b, clock)));
            }
            ["trim", a, now, lower, young, upper, old] => {
                let size = |word: &str| word.parse().expect("a size");
                let (lower, upper) = (size(lower), size(upper));
                let bounds =
                    TrimBounds { lower, young_us: number(young), upper, old_us: number(old) };
                self.clock(a).trim(number(now), bounds);
                Ok(())
            }
            _ => return None,
        };
        Some(done.map(|()| hex(&self.clock(&after).to_bytes())))
    }

    /// Statements that ask of a clock, and its bytes.
    fn ask(&mut self, words: &[&str]) -> Option<Result<String>> {
        let stamp = |stamp: Option<u64>| stamp.map_or_else(|| "-".to_owned(), |at| at.to_string());
        Some(match *words {
            ["compare", a, b] => {
                let other = self.clock(b).clone();
                Ok(token(self.clock(a).compare(&other)))
            }
            ["get", a, name] => Ok(match self.clock(a).get(&text(name)) {
                Some(e) => format!("{} {} {}", e.count, stamp(e.insert), stamp(e.time)),
                None => "none".to_owned(),
            }),
            ["dot", a, name] => {
                let name = text(name);
                let count = self.clock(a).dot(&name).map(|dot| dot.count.to_string());
                Ok(count.unwrap_or_else(|| "none".to_owned()))
            }
            ["actor", name, incarnation] => {
                actor(&text(name), number(incarnation)).map(|actor| escaped(&actor))
            }
            ["table", m, ref names @ ..] => {
                let names: Vec<String> = names.iter().map(|name| text(name)).collect();
                let table = ActorTable::new(names.iter().map(String::as_str));
                table.map(|table| {
                    let mark = format!("{:016x}", table.fingerprint());
                    self.tables.insert(m.to_owned(), table);
                    mark
                })
            }
            ["dense", a, m] => {
                let clock = self.clock(a).clone();
                clock.to_dense(&self.tables[m]).map(|bytes| hex(&bytes))
            }
            ["from-dense", m, bytes] => {
                let clock = VectorClock::from_dense(&self.tables[m], &unhex(bytes));
                clock.map(|clock| hex(&clock.to_bytes()))
            }
            ["read", form, bytes] => {
                let bytes = unhex(bytes);
                let again = match form {
                    "clock" => VectorClock::from_bytes(&bytes).map(|clock| clock.to_bytes()),
                    "folded" => Folded::from_bytes(&bytes).map(|folded| folded.to_bytes()),
                    "siblings" => Record::from_bytes(&bytes).map(|record| record.to_bytes()),
                    "retired" => Retired::from_bytes(&bytes).map(|log| log.to_bytes()),
                    other => panic!("{other} is no form"),
                };
                again.map(|again| {
                    assert_eq!(again, bytes);
                    "ok".to_owned()
                })
            }
            _ => return None,
        })
    }

    #[cfg(feature = "json")]
    fn json(&mut self, words: &[&str]) -> Option<Result<String>> {
        Some(match *words {
            ["json", a] => Ok(self.clock(a).to_json()),
            ["from-json", word] => {
                VectorClock::from_json(&text(word)).map(|clock| hex(&clock.to_bytes()))
            }
            ["fold-json", f] => Ok(self.folded(f).to_json()),
            ["log-json"] => {
                assert_eq!(Retired::from_json(&self.log.to_json()).as_ref(), Ok(&self.log));
                Ok(self.log.to_json())
            }
            ["from-log-json", word] => {
                Retired::from_json(&text(word)).map(|log| hex(&log.to_bytes()))
            }
            ["siblings-json", s] => {
                let record = self.siblings(s);
                assert_eq!(Record::from_json(&record.to_json()).as_ref(), Ok(&*record));
                Ok(record.to_json())
            }
            ["from-siblings-json", word] => {
                Record::from_json(&text(word)).map(|record| hex(&record.to_bytes()))
            }
            _ => return None,
        })
    }

    #[cfg(not(feature = "json"))]
    fn json(&mut self, _: &[&str]) -> Option<Result<String>> {
        None
    }

    fn fold(&mut self, words: &[&str]) -> Option<Result<String>> {
        Some(match *words {
            ["retire", name, count] => {
                self.log.retire(&text(name), number(count)).map(|epoch| epoch.to_string())
            }
            ["relog"] => {
                self.log = Retired::new();
                Ok("0".to_owned())
            }
            ["log"] => Ok(hex(&self.log.to_bytes())),
            ["fold", f, a] => {
                let clock = self.clock(a).clone();
                self.log.fold(&clock).map(|folded| self.set_fold(f, folded))
            }
            ["fold-raise", f] => {
                let folded = self.folded(f);
                self.log.raise(&folded).map(|folded| self.set_fold(f, folded))
            }
            ["unfold", f, a] => {
                let folded = self.folded(f);
                self.log.unfold(&folded).map(|clock| self.set(a, clock))
            }
            ["fold-compare", f, g] => {
                let (ours, theirs) = (self.folded(f), self.folded(g));
                self.log.compare(&ours, &theirs).map(token)
            }
            ["fold-merge", f, g] => {
                let (ours, theirs) = (self.folded(f), self.folded(g));
                self.log.merge(&ours, &theirs).map(|folded| self.set_fold(f, folded))
            }
            _ => return None,
        })
    }

    /// Statements about records of siblings.
    fn record(&mut self, words: &[&str]) -> Option<Result<String>> {
        let name = words.get(1).copied().unwrap_or_default().to_owned();
        let done: Result<()> = match *words {
            ["put", s, name, a, value] => {
                let context = self.clock(a).clone();
                self.siblings(s).put(&text(name), &context, unhex(value)).map(|_| ())
            }
            ["discard", s, a] => {
                let context = self.clock(a).clone();
                self.siblings(s).discard(&context)
            }
            ["sync", s, t] => {
                let other = self.siblings(t).clone();
                self.siblings(s).merge(other)
            }
            ["resolve", s, name] => {
                let all = |values: &[&Vec<u8>]| values.iter().copied().flatten().copied().collect();
                self.siblings(s).resolve(&text(name), all).map(|_| ())
            }
            ["context", s, a] => {
                let context = self.siblings(s).context().clone();
                return Some(Ok(self.set(a, context)));
            }
            ["values", s] => {
                let values: Vec<String> = self.siblings(s).values().map(|v| hex(v)).collect();
                let all = values.join(",");
                return Some(Ok(if all.is_empty() { "none".to_owned() } else { all }));
            }
            ["compare-siblings", s, t] => {
                let other = self.siblings(t).clone();
                return Some(Ok(token(self.siblings(s).compare(&other))));
            }
            _ => return None,
        };
        Some(done.map(|()| hex(&self.siblings(&name).to_bytes())))
    }

    fn time(&mut self, words: &[&str]) -> Option<Result<String>> {
        let hybrid = |player: &mut Self, name: &str| *player.hybrids.get(name).expect("a clock");
        Some(match *words {
            ["hybrid", h, drift] => {
                self.hybrids.insert(h.to_owned(), HybridClock::with_drift(number(drift)));
                Ok("ok".to_owned())
            }
            ["tick", h, now] => {
                let mut clock = hybrid(self, h);
                let time = clock.tick(number(now));
                self.hybrids.insert(h.to_owned(), clock);
                Ok(stamp(time))
            }
            ["observe", h, remote, now] => {
                let mut clock = hybrid(self, h);
                let time = clock.observe(remote.parse().expect("a stamp"), number(now));
                self.hybrids.insert(h.to_owned(), clock);
                time.map(stamp)
            }
            ["read-stamp", word] => {
                text(word).parse().map(|time: HybridTime| time.as_u64().to_string())
            }
            ["lamport-tick", l] => {
                let clock = self.lamports.entry(l.to_owned()).or_default();
                Ok(clock.tick().to_string())
            }
            ["lamport-observe", l, remote] => {
                let clock = self.lamports.entry(l.to_owned()).or_default();
                Ok(clock.observe(number(remote)).to_string())
            }
            _ => return None,
        })
    }
}

/// Plays a file; how many lines there were.
fn play(file: &str, lines_at_least: usize) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/clocks");
    let whole = fs::read_to_string(folder.join(file)).expect("the vectors");
    let (mut player, mut lines) = (Player::default(), 0);
    for (place, line) in (1..).zip(whole.split('\n')) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with("case ") {
            player = Player::default();
            continue;
        }
        let (statement, expected) = line.split_once(" => ").expect("an outcome");
        let json = statement.split(' ').next().is_some_and(|verb| verb.ends_with("json"));
        match player.play(statement) {
            Some(outcome) => assert_eq!(outcome, expected, "{file}:{place}: {statement}"),
            None => assert!(json && cfg!(not(feature = "json")), "{file}:{place}: {statement}"),
        }
        lines += 1;
    }
    assert!(lines >= lines_at_least, "{file} has only {lines} lines");
}

#[test]
fn vector_clocks() {
    play("clocks.txt", 1_000);
}

#[test]
fn retirements() {
    play("retired.txt", 1_000);
}

#[test]
fn records_of_siblings() {
    play("siblings.txt", 1_000);
}

#[test]
fn hybrid_and_lamport_clocks() {
    play("hybrid.txt", 400);
}

#[test]
fn forms_that_are_read() {
    play("forms.txt", 1_000);
}
