//! Maps of several members who hear of each other in whatever order.

use proptest::prelude::*;

use super::*;

/// Microseconds since 1970 at the beginning.
const WALL: u64 = 1_795_000_000_000_000;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Members, their spaces, and what each has heard of each.
struct World {
    now: Instant,
    members: Vec<Member>,
}

/// Keys that somebody tells of, and those that it did before.
type Space = BTreeMap<Arc<str>, Option<Arc<[u8]>>>;

struct Member {
    name: Arc<str>,
    maps: Maps,
    /// What it tells.
    space: Space,
    /// What it has heard of others' spaces.
    heard: Vec<Space>,
    /// What it was told to show.
    shown: BTreeMap<Arc<str>, Arc<[u8]>>,
    present: bool,
}

impl World {
    fn new(count: usize) -> Self {
        let member = |number: usize| {
            let name: Arc<str> = format!("n{number}").into();
            let maps = Maps::new(Arc::clone(&name), 1);
            let heard = vec![BTreeMap::new(); count];
            let (space, shown) = (BTreeMap::new(), BTreeMap::new());
            Member { name, maps, space, heard, shown, present: true }
        };
        Self { now: Instant::from_nanos(1), members: (0..count).map(member).collect() }
    }

    fn wall(&self) -> u64 {
        WALL + self.now.as_nanos() / 1_000
    }

    fn write(&mut self, at: usize, key: &str, value: Option<&str>) {
        self.write_after(at, key, value, None).expect("it fits");
    }

    fn write_after(
        &mut self,
        at: usize,
        key: &str,
        value: Option<&str>,
        context: Option<VectorClock>,
    ) -> Result<()> {
        let wall = self.wall();
        let (map, key) = ("carts".to_owned(), key.to_owned());
        let write = MapWrite { map, key, value: value.map(Into::into), context };
        let write = self.members[at].maps.write(wall, write)?;
        write.into_iter().for_each(|write| self.put(at, write));
        Ok(())
    }

    /// A member writes to its space, and hears of that.
    fn put(&mut self, at: usize, StateWrite { key, value, .. }: StateWrite) {
        let key: Arc<str> = key.into();
        let value: Option<Arc<[u8]>> = value.map(Into::into);
        self.members[at].space.insert(Arc::clone(&key), value.clone());
        self.tell(at, at, &key, value);
    }

    fn tell(&mut self, to: usize, from: usize, key: &Arc<str>, value: Option<Arc<[u8]>>) {
        let (now, wall) = (self.now, self.wall());
        let owner = Arc::clone(&self.members[from].name);
        let member = &mut self.members[to];
        member.heard[from].insert(Arc::clone(key), value.clone());
        let Some(value) = value else { return member.maps.lose(now, &owner, key, true) };
        let change = StateChange { owner, key: Arc::clone(key), value: Some(value), version: 1 };
        let told = member.maps.hear(now, wall, &change).expect("it is a record");
        if let Some(StateChange { owner, key, value, .. }) = told {
            assert_eq!(&*owner, "");
            match value {
                Some(value) => drop(member.shown.insert(key, value)),
                None => drop(member.shown.remove(&key)),
            }
        }
    }

    /// One member hears of one key of another.
    fn hear(&mut self, to: usize, from: usize, key: &Arc<str>) {
        let value = self.members[from].space.get(key).cloned().flatten();
        let known = self.members[to].heard[from].get(key).cloned().flatten();
        let both = self.members[to].present && self.members[from].present;
        if to != from && both && value != known {
            self.tell(to, from, key, value);
        }
    }

    /// Everybody hears of everything.
    fn settle(&mut self) {
        let keys: BTreeSet<Arc<str>> =
            self.members.iter().flat_map(|member| member.space.keys().cloned()).collect();
        for (to, from) in pairs(self.members.len()) {
            keys.iter().for_each(|key| self.hear(to, from, key));
        }
    }

    /// Lets time pass, in which members look after their keys and hear of each other.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            self.settle();
            let present = self.members.iter().filter(|member| member.present);
            let next = present.map(|member| member.maps.next()).min().unwrap_or(end);
            if next > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(next);
            let here: Vec<usize> =
                (0..self.members.len()).filter(|at| self.members[*at].present).collect();
            for (place, &at) in here.iter().enumerate() {
                let place = (place as u64, here.len() as u64);
                let writes = self.members[at].maps.tend(self.now, place);
                writes.into_iter().for_each(|write| self.put(at, write));
            }
        }
    }

    /// A member goes: for all others, and with what only it has heard.
    fn go(&mut self, gone: usize) {
        self.members[gone].present = false;
        let name = Arc::clone(&self.members[gone].name);
        let now = self.now;
        for member in self.members.iter_mut().filter(|member| member.present) {
            for (key, value) in std::mem::take(&mut member.heard[gone]) {
                if value.is_some() {
                    member.maps.lose(now, &name, &key, false);
                }
            }
        }
    }

    fn values(&self, at: usize, key: &str) -> Vec<String> {
        let key = full_key("carts", key).expect("a key");
        let Some(record) = self.members[at].shown.get(&*key) else { return Vec::new() };
        let text = |value: &MapValue| String::from_utf8(value.bytes.to_vec()).expect("text");
        MapRecord::from_bytes(record).expect("a record").values.iter().map(text).collect()
    }

    fn context(&self, at: usize, key: &str) -> VectorClock {
        let key = full_key("carts", key).expect("a key");
        let record = self.members[at].shown.get(&*key).expect("it is there");
        MapRecord::from_bytes(record).expect("a record").context
    }

    /// Present members that have the key in their spaces.
    fn holders(&self, key: &str) -> Vec<usize> {
        let key = full_key("carts", key).expect("a key");
        let has =
            |member: &Member| member.present && matches!(member.space.get(&*key), Some(Some(_)));
        (0..self.members.len()).filter(|at| has(&self.members[*at])).collect()
    }

    /// All present members show the same, and that is what they know.
    fn agree(&self) -> bool {
        let mut here = self.members.iter().filter(|member| member.present);
        let known = |member: &Member| {
            let shown: BTreeMap<Arc<str>, Arc<[u8]>> =
                member.maps.shown().map(|(key, record)| (key.into(), record.into())).collect();
            assert_eq!(shown, member.shown, "what was told adds up");
            shown
        };
        let Some(first) = here.next().map(known) else { return true };
        here.all(|member| known(member) == first)
    }
}

fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |to| (0..count).map(move |from| (to, from)))
}

#[test]
fn who_knew_replaces_and_who_did_not_leaves_a_sibling() {
    let mut world = World::new(3);
    world.write(0, "k", Some("a"));
    world.now = world.now + Duration::from_millis(5);
    world.write(1, "k", Some("b"));
    world.settle();
    assert_eq!(world.values(2, "k"), ["b", "a"], "the newest first");
    let read = world.context(2, "k");
    world.write(0, "k", Some("a2"));
    world.settle();
    assert_eq!(world.values(2, "k"), ["a2"]);
    // It had read before that.
    world.write_after(2, "k", Some("c"), Some(read)).expect("it fits");
    world.settle();
    assert_eq!(world.values(1, "k").len(), 2);
    world.write(1, "k", None);
    world.settle();
    assert!(world.agree() && world.values(0, "k").is_empty());
}

#[test]
fn one_member_holds_what_all_know() {
    let mut world = World::new(4);
    for at in [0, 1, 2, 3, 1] {
        world.write(at, "k", Some("v"));
        world.settle();
    }
    assert_eq!(world.holders("k"), [0, 1, 2, 3]);
    world.pass(DROPPED_AFTER);
    assert_eq!(world.holders("k"), [1], "the last one knew of all");
    // Two that do not know of each other both stay.
    world.write(0, "k", Some("x"));
    world.write(2, "k", Some("y"));
    world.pass(HOUR);
    assert_eq!(world.holders("k"), [0, 2]);
    assert_eq!(world.values(3, "k").len(), 2);
}

#[test]
fn what_somebody_wrote_who_has_gone_is_taken_in_by_one() {
    let mut world = World::new(5);
    for key in 0..40 {
        world.write(0, &format!("k{key}"), Some("v"));
    }
    world.settle();
    world.go(0);
    world.pass(ADOPTED_AFTER + DROPPED_AFTER);
    let mut held = [0; 5];
    for key in 0..40 {
        let key = format!("k{key}");
        assert_eq!(world.values(3, &key), ["v"]);
        let holders = world.holders(&key);
        assert_eq!(holders.len(), 1, "{key}");
        held[holders[0]] += 1;
    }
    assert!(held[1..].iter().all(|count| *count > 0), "not all by one: {held:?}");
    for at in 1..4 {
        world.go(at);
        world.pass(HOUR / 10);
    }
    assert_eq!((world.holders("k7"), world.values(4, "k7")), (vec![4], vec!["v".to_owned()]));
}

#[test]
fn who_has_no_room_leaves_it_to_the_next() {
    let mut world = World::new(3);
    world.write(0, "k", Some("v"));
    world.settle();
    world.go(0);
    // The first one's turn passes without anything; its writes are lost.
    let mut took = Vec::new();
    while took.is_empty() {
        world.now = world.now + Duration::from_millis(100);
        let first = (1..3).find(|at| {
            let place = (*at as u64 - 1, 2);
            wait(&full_key("carts", "k").expect("a key"), place) == ADOPTED_AFTER
        });
        let first = first.expect("one of them is first");
        let other = 3 - first;
        let _ = world.members[first].maps.tend(world.now, (first as u64 - 1, 2));
        took = world.members[other].maps.tend(world.now, (other as u64 - 1, 2));
        assert!(world.now < Instant::from_nanos(1) + HOUR);
    }
    assert_eq!(took.len(), 1);
    assert!(took[0].value.is_some());
}

#[test]
fn deletions_are_forgotten_after_an_hour_and_numbers_are_not_given_twice() {
    let mut world = World::new(3);
    world.write(0, "k", Some("v"));
    world.settle();
    let old = world.members[0].space.values().next().cloned().flatten().expect("a record");
    world.write(0, "k", None);
    world.pass(HOUR / 2);
    assert_eq!(world.holders("k"), [0]);
    // Even if who deleted it goes.
    world.go(0);
    world.pass(HOUR / 4);
    assert_eq!(world.holders("k").len(), 1);
    world.pass(HOUR);
    assert!(world.holders("k").is_empty());
    assert!(world.members[1..].iter().all(|m| m.maps.known.is_empty() && m.maps.bytes == 0));

    let mut alone = World::new(1);
    alone.write(0, "k", Some("v"));
    alone.write(0, "k", None);
    alone.pass(2 * HOUR);
    assert!(alone.members[0].maps.known.is_empty());
    alone.write(0, "k", Some("new"));
    let key: Arc<str> = "m:carts/k".into();
    alone.tell(0, 0, &key, Some(old));
    assert_eq!(alone.values(0, "k"), ["new"], "the old one is older");
}

#[test]
fn deleted_keys_are_few() {
    let mut world = World::new(1);
    for number in 0..GRAVES_MAX + 100 {
        let key = format!("k{number}");
        world.write(0, &key, Some("v"));
        world.write(0, &key, None);
        world.now = world.now + Duration::from_micros(1);
    }
    world.pass(Duration::from_secs(1));
    let member = &world.members[0];
    assert_eq!(member.maps.graves.len(), GRAVES_MAX);
    assert_eq!(member.maps.known.len(), GRAVES_MAX);
    assert!(!member.maps.known.contains_key("m:carts/k0"), "the oldest went");
}

#[test]
fn what_is_no_record_is_not_heeded() {
    let mut world = World::new(2);
    let valid = {
        world.write(0, "k", Some("v"));
        world.members[0].space.values().next().cloned().flatten().expect("a record")
    };
    let expected = b"\x41\x01\x04n0~1\x01\x01\x09\x01\xa1\xee\x56\x5e\x00\x00\x00v";
    assert_eq!(*valid, expected[..]);
    let key: Arc<str> = "m:carts/k".into();
    let hear = |world: &mut World, bytes: &[u8]| {
        let change = StateChange {
            owner: "n0".into(),
            key: Arc::clone(&key),
            value: Some(bytes.into()),
            version: 1,
        };
        world.members[1].maps.hear(Instant::from_nanos(2), WALL, &change)
    };
    for cut in 0..valid.len() {
        assert_eq!(hear(&mut world, &valid[..cut]), Err(Spoilt::Malformed), "{cut}");
    }
    assert_eq!(
        hear(&mut world, b"\x41\x01\x01a\x01\x01\x07\0\0\0\0\0\0\0"),
        Err(Spoilt::Malformed)
    );
    assert!(world.members[1].maps.known.is_empty());
    assert!(hear(&mut world, &valid).is_ok_and(|told| told.is_some()));
}

#[test]
fn what_is_written_is_checked() {
    let mut world = World::new(1);
    let kind = |map: &str, key: &str| full_key(map, key).expect_err("it is none").kind();
    assert_eq!(kind("", "k"), ErrorKind::BadArgument);
    assert_eq!(kind("a/b", "k"), ErrorKind::BadArgument);
    assert_eq!(kind(&"x".repeat(65), "k"), ErrorKind::BadArgument);
    assert_eq!(kind("m", ""), ErrorKind::BadArgument);
    assert_eq!(kind("m", &"k".repeat(253)), ErrorKind::TooLarge);
    assert_eq!(full_key("m", &"k".repeat(252)).map(|key| key.len()), Ok(STATE_KEY_MAX));
    let large = "x".repeat(STATE_VALUE_MAX);
    let error = world.write_after(0, "k", Some(&large), None).expect_err("it is too large");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    world.write(0, "k", None);
    assert!(world.members[0].space.is_empty(), "there was nothing to delete");
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize, u8, bool),
    /// With what another member shows.
    WriteAfter(usize, usize, u8),
    Hear(usize, usize, u8),
    Settle,
    Pass(u16),
    Go(usize),
}

const MEMBERS: usize = 4;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..MEMBERS, 0..3_u8, prop::bool::weighted(0.8))
            .prop_map(|(a, k, put)| Step::Write(a, k, put)),
        2 => (0..MEMBERS, 0..MEMBERS, 0..3_u8).prop_map(|(a, b, k)| Step::WriteAfter(a, b, k)),
        8 => (0..MEMBERS, 0..MEMBERS, 0..3_u8).prop_map(|(a, b, k)| Step::Hear(a, b, k)),
        1 => Just(Step::Settle),
        2 => (0..5_000_u16).prop_map(Step::Pass),
        1 => (1..MEMBERS).prop_map(Step::Go),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    /// Whatever is written by whom, and heard in whatever order: in the end all show the same, and
    /// of what is shown at the end nothing was lost that anybody has seen who is there.
    #[test]
    fn all_who_have_heard_the_same_show_the_same(steps in steps()) {
        let mut world = World::new(MEMBERS);
        for (number, step) in steps.into_iter().enumerate() {
            let name = |key: u8| format!("k{key}");
            match step {
                Step::Write(at, key, put) if world.members[at].present => {
                    let value = number.to_string();
                    world.write(at, &name(key), put.then_some(&*value));
                }
                Step::WriteAfter(at, other, key) if world.members[at].present => {
                    let full = full_key("carts", &name(key)).unwrap();
                    let read = world.members[other].shown.get(&*full);
                    let read = read.map(|record| MapRecord::from_bytes(record).unwrap().context);
                    let value = number.to_string();
                    world.write_after(at, &name(key), Some(&value), read).unwrap();
                }
                Step::Hear(to, from, key) => {
                    world.hear(to, from, &full_key("carts", &name(key)).unwrap().into());
                }
                Step::Settle => world.settle(),
                Step::Pass(ms) => world.pass(Duration::from_millis(ms.into())),
                Step::Go(at) => world.go(at),
                Step::Write(..) | Step::WriteAfter(..) => {}
            }
        }
        let seen: Vec<_> =
            world.members.iter().filter(|m| m.present).map(|m| m.shown.clone()).collect();
        world.pass(Duration::from_secs(20));
        prop_assert!(world.agree());
        for (key, record) in seen.iter().flatten() {
            let after = world.members[0].maps.known.get(key);
            let after = after.map(|known| known.shape.context().clone()).unwrap_or_default();
            let before = MapRecord::from_bytes(record).unwrap().context;
            prop_assert!(after.descends(&before), "{key}: {before:?}, then {after:?}");
        }
    }

    /// Any order of the same records, however often each comes, is the same in the end.
    #[test]
    fn any_order_of_the_same_records_gives_the_same(
        steps in steps(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let mut world = World::new(MEMBERS);
        let mut records: Vec<(usize, Arc<[u8]>)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Write(at, _, put) => {
                    let value = number.to_string();
                    world.write(at, "k", put.then_some(&*value));
                    let record = world.members[at].space.get("m:carts/k").cloned().flatten();
                    records.extend(record.map(|record| (at, record)));
                }
                Step::Hear(to, from, _) => world.hear(to, from, &"m:carts/k".into()),
                _ => {}
            }
        }
        prop_assume!(!records.is_empty());
        let known = |records: &[(usize, Arc<[u8]>)]| {
            let mut maps = Maps::new("other".into(), 1);
            for (at, record) in records {
                let owner: Arc<str> = format!("n{at}").into();
                let (key, value) = ("m:carts/k".into(), Some(Arc::clone(record)));
                let change = StateChange { owner, key, value, version: 1 };
                maps.hear(Instant::from_nanos(1), WALL, &change).unwrap();
            }
            maps.known.get("m:carts/k").map(|known| known.record.to_vec())
        };
        let mut shuffled = records.clone();
        shuffled.extend(order.iter().map(|index| records[index.index(records.len())].clone()));
        shuffled.reverse();
        prop_assert_eq!(known(&records), known(&shuffled));
    }
}
