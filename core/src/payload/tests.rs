//! The vectors of `tests/vectors/payloads`, and what holds of all values and all bytes.

use proptest::prelude::*;

use super::*;

/// The parts of each line of a file.
fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(" | ").collect())
}

fn bytes(hex: &str) -> Vec<u8> {
    let hex = hex.trim_matches('-');
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn value<'a>(words: &mut impl Iterator<Item = &'a str>) -> Value {
    let (kind, rest) = words.next().map(|word| word.split_once(':').unwrap_or((word, ""))).unwrap();
    match kind {
        "nil" => Value::Nil,
        "true" => true.into(),
        "false" => false.into(),
        "int" => {
            rest.parse().map(Value::Int).unwrap_or_else(|_| Value::Uint(rest.parse().unwrap()))
        }
        "float" => Value::Float(f64::from_bits(u64::from_str_radix(rest, 16).unwrap())),
        "text" => Value::Text(text(rest)),
        "bytes" => Value::Bytes(bytes(rest)),
        "list" => Value::List((0..rest.parse().unwrap()).map(|_| value(words)).collect()),
        "map" => {
            let pair = |_: usize| match value(words) {
                Value::Text(key) => (key, value(words)),
                other => panic!("{other:?} as a key"),
            };
            Value::Map((0..rest.parse().unwrap()).map(pair).collect())
        }
        "time" => {
            let (secs, nanos) = rest.split_once(':').unwrap();
            Value::Timestamp { secs: secs.parse().unwrap(), nanos: nanos.parse().unwrap() }
        }
        other => panic!("{other}"),
    }
}

fn text(quoted: &str) -> String {
    let mut parts = quoted.split('%');
    let mut text = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        text.push(u8::from_str_radix(&part[..2], 16).unwrap());
        text.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(text).unwrap()
}

/// NaN differs from itself, but not in how it is shown.
fn assert_same(one: &Value, other: &Value, name: &str) {
    assert_eq!(format!("{one:?}"), format!("{other:?}"), "{name}");
}

#[test]
fn payloads_have_the_bytes_of_the_vectors() {
    for line in lines(include_str!("../../../tests/vectors/payloads/payloads.txt")) {
        let [name, hex, words] = line[..] else { panic!("{line:?}") };
        let value = value(&mut words.split(' '));
        assert_eq!(value.encode().unwrap(), bytes(hex), "{name}");
        assert_same(&Value::decode(&bytes(hex)).unwrap(), &value, name);
    }
}

#[test]
fn other_forms_are_read_by_their_value() {
    for line in lines(include_str!("../../../tests/vectors/payloads/forms.txt")) {
        let [name, hex, words] = line[..] else { panic!("{line:?}") };
        let value = value(&mut words.split(' '));
        assert_same(&Value::decode(&bytes(hex)).unwrap(), &value, name);
        assert_ne!(value.encode().unwrap(), bytes(hex), "{name}");
    }
}

#[test]
fn what_is_no_payload_is_refused() {
    for line in lines(include_str!("../../../tests/vectors/payloads/refused.txt")) {
        let [name, hex] = line[..] else { panic!("{line:?}") };
        let error = Value::decode(&bytes(hex)).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Codec, "{name}");
        assert_eq!(check(&bytes(hex)), Err(error), "{name}");
    }
}

fn pair(key: &str, value: impl Into<Value>) -> (String, Value) {
    (key.to_owned(), value.into())
}

#[test]
fn an_error_names_the_place() {
    let late = Value::Timestamp { secs: 0, nanos: 1_000_000_000 };
    let items = vec![Value::Nil, Value::Map(vec![pair("sku", "tea"), pair("at", late)])];
    let order = Value::Map(vec![pair("id", 7), pair("items", items)]);
    let error = order.encode().expect_err("a second too many");
    let expected = "codec: 1000000000 nanoseconds are a second or more at $.items[1].at";
    assert_eq!(error.to_string(), expected);

    let twice = Value::List(vec![Value::Map(vec![pair("a", 1), pair("b", 2), pair("a", 3)])]);
    let error = twice.encode().expect_err("a key twice");
    assert_eq!(error.to_string(), r#"codec: the key "a" comes twice in a map at $[0]"#);

    // {"items": [1, {"x y": …}]}, where something is wrong.
    let read = |rest: &[u8]| {
        let bytes = [b"\x81\xa5items\x92\x01\x81\xa3x y", rest].concat();
        Value::decode(&bytes).expect_err("spoilt").to_string()
    };
    let place = r#"at $.items[1]["x y"]"#;
    assert_eq!(read(b"\xc1"), format!("codec: the byte c1, which begins nothing, {place}"));
    assert_eq!(read(b"\xa1\xff"), format!("codec: a text that is no UTF-8 {place}"));
    assert_eq!(read(b""), format!("codec: the bytes end too early {place}"));
    assert_eq!(read(b"\x91\xcd\x01"), format!("codec: the bytes end too early {place}[0]"));
    assert_eq!(read(b"\x81\x01\x01"), format!("codec: a key of a map that is no text {place}"));
    assert_eq!(read(b"\x01\x02\x03"), "codec: 2 more bytes follow the value at $");
    let deep = [&b"\x91".repeat(61)[..], b"\x90"].concat();
    assert!(read(&deep).starts_with("codec: more than 64 containers within each other at $.items"));
}

#[test]
fn a_writer_refuses_what_does_not_belong() {
    let wrong = |write: &dyn Fn(&mut Writer) -> Result<()>| {
        let mut writer = Writer::new();
        let written = write(&mut writer).and_then(|()| writer.finish());
        let error = written.expect_err("it does not belong");
        assert_eq!(error.kind(), ErrorKind::Codec);
        error.message().to_owned()
    };
    let missing = "the value is not whole: something is missing at ";
    assert_eq!(wrong(&|_| Ok(())), format!("{missing}$"));
    assert_eq!(wrong(&|w| w.array(2).and_then(|()| w.nil())), format!("{missing}$[1]"));
    assert_eq!(wrong(&|w| w.map(1).and_then(|()| w.key("a"))), format!("{missing}$.a"));
    assert_eq!(wrong(&Writer::begin_map), format!("{missing}$"));
    let two = wrong(&|w| w.nil().and_then(|()| w.nil()));
    assert_eq!(two, "a payload is one value, and another follows at $");
    assert_eq!(wrong(&|w| w.key("a")), "a key does not belong at $");
    let twice = wrong(&|w| w.map(1).and_then(|()| w.key("a")).and_then(|()| w.key("b")));
    assert_eq!(twice, "a key does not belong at $.a");
    let number = wrong(&|w| w.map(1).and_then(|()| w.int(1)));
    assert_eq!(number, "a key of a map that is no text at $");
    let none = "there is no container that could end at ";
    assert_eq!(wrong(&Writer::end), format!("{none}$"));
    assert_eq!(wrong(&|w| w.array(1).and_then(|()| w.end())), format!("{none}$[0]"));
    let half = wrong(&|w| w.begin_map().and_then(|()| w.key("a")).and_then(|()| w.end()));
    assert_eq!(half, format!("{none}$.a"));
}

#[test]
fn a_writer_keeps_to_its_limit_and_to_what_was_there() {
    let write = |limit, text: &str| {
        let mut writer = Writer::onto(vec![1, 2], limit);
        writer.array(2)?;
        writer.nil()?;
        writer.text(text)?;
        writer.finish()
    };
    assert_eq!(write(4, "a").unwrap(), b"\x01\x02\x92\xc0\xa1a");
    for (limit, text) in [(3, "a"), (4, "ab"), (40, &*"x".repeat(38)), (0, ""), (2, "")] {
        assert_eq!(write(limit, text).expect_err("too large").kind(), ErrorKind::TooLarge);
    }
    // A list that holds another one twice, which does, and so on: 2^63 values.
    let mut list = Value::Nil;
    for _ in 0..20 {
        list = Value::List(vec![list.clone(), list]);
    }
    let mut writer = Writer::onto(Vec::new(), 1_000);
    let error = list.write(&mut writer).expect_err("too large");
    assert_eq!(error.message(), "the payload has more than 1000 bytes");
}

#[test]
fn what_is_announced_is_not_believed() {
    let mut reader = Reader::new(b"\xdd\x00\x00\x00\x05\x01\x02\x03\x04");
    assert!(reader.token().is_err(), "five values in four bytes");
    let mut reader = Reader::new(b"\xdf\x00\x00\x00\x02\xa0\x01\xa0");
    assert!(reader.token().is_err(), "two pairs in three bytes");
    // Those of all containers together.
    let mut reader = Reader::new(b"\x94\x93\x92\x01\x02\x03\x04\x05");
    assert_eq!(reader.token(), Ok(Token::Array(4)));
    assert_eq!(reader.token(), Ok(Token::Array(3)));
    assert!(reader.token().is_err(), "2 + 2 + 3 in five bytes");
}

/// Values of any kind, some of them deep.
fn values() -> impl Strategy<Value = Value> {
    let widths = (any::<u64>(), 0..64_u32).prop_map(|(number, shift)| number >> shift);
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        widths.clone().prop_map(Value::from),
        widths.prop_map(|number| Value::Int((number as i64).wrapping_neg())),
        any::<f64>().prop_filter("NaN is no NaN", |float| !float.is_nan()).prop_map(Value::Float),
        prop_oneof!["\\PC{0,40}", Just("x".repeat(70_000))].prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        (any::<i64>(), 0..34_u32, 0..SECOND)
            .prop_map(|(secs, shift, nanos)| Value::Timestamp { secs: secs >> shift, nanos }),
    ];
    leaf.prop_recursive(6, 100, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::List),
            prop::collection::btree_map("\\PC{0,4}", inner, 0..20)
                .prop_map(|map| Value::Map(map.into_iter().rev().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_comes_back_from_its_bytes(value in values()) {
        let bytes = value.encode().unwrap();
        prop_assert_eq!(&Value::decode(&bytes).unwrap(), &value);
        // No other bytes of it are as short, and none of its beginnings is one.
        prop_assert!(Value::decode(&bytes[..bytes.len() - 1]).is_err());
        let unannounced = rewritten(&bytes).unwrap();
        prop_assert_eq!(unannounced, bytes);
    }

    #[test]
    fn no_bytes_are_trouble(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = Value::decode(&bytes) {
            let again = value.encode().unwrap();
            prop_assert!(again.len() <= bytes.len() + 4 * bytes.len());
            prop_assert_eq!(format!("{:?}", Value::decode(&again).unwrap()), format!("{value:?}"));
        }
    }

    #[test]
    fn spoilt_bytes_are_no_trouble(value in values(), at in any::<prop::sample::Index>(), to: u8) {
        let mut bytes = value.encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(value) = Value::decode(&bytes) {
            prop_assert!(value.encode().is_ok());
        }
    }
}

/// The value of these bytes, written again by containers that do not know their size before.
fn rewritten(bytes: &[u8]) -> Result<Vec<u8>> {
    fn copy(reader: &mut Reader<'_>, writer: &mut Writer) -> Result<()> {
        match reader.token()? {
            Token::Nil => writer.nil(),
            Token::Bool(value) => writer.bool(value),
            Token::Int(value) => writer.int(value),
            Token::Uint(value) => writer.uint(value),
            Token::Float(value) => writer.float(value),
            Token::Text(text) => writer.text(text),
            Token::Bytes(bytes) => writer.bytes(bytes),
            Token::Timestamp { secs, nanos } => writer.timestamp(secs, nanos),
            Token::Array(len) => {
                writer.begin_array()?;
                (0..len).try_for_each(|_| copy(reader, writer))?;
                writer.end()
            }
            Token::Map(len) => {
                writer.begin_map()?;
                for _ in 0..len {
                    writer.key(reader.key()?)?;
                    copy(reader, writer)?;
                }
                writer.end()
            }
        }
    }
    let (mut reader, mut writer) = (Reader::new(bytes), Writer::new());
    copy(&mut reader, &mut writer)?;
    writer.finish()
}
