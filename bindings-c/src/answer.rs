//! What operations come to, as C sees it: values, and values within values.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use chinwag::host::Answer as Value;

use crate::error::Error;
use crate::ffi::{c_text, pointer, text, value};

/// What an operation came to: a value, or a list, record or map of others. It never changes; any
/// thread may read it.
///
/// An answer within another one is borrowed and lives as long as that; one that a function gave you
/// is freed with chinwag_answer_free().
pub struct Answer {
    /// As the core has it; what was within is below.
    value: Value,
    text: Option<CString>,
    error: Option<Error>,
    items: Vec<(Option<CString>, Self)>,
}

/// What an answer is.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "these are C's names")]
pub enum AnswerKind {
    /// Nothing, or nothing that is known.
    CHINWAG_ANSWER_NONE = 0,
    /// See chinwag_answer_flag().
    CHINWAG_ANSWER_FLAG = 1,
    /// A whole number; see chinwag_answer_number().
    CHINWAG_ANSWER_COUNT = 2,
    /// Any other number; see chinwag_answer_real().
    CHINWAG_ANSWER_REAL = 3,
    /// A span of time; see chinwag_answer_number().
    CHINWAG_ANSWER_DURATION = 4,
    /// See chinwag_answer_text().
    CHINWAG_ANSWER_TEXT = 5,
    /// See chinwag_answer_bytes().
    CHINWAG_ANSWER_BYTES = 6,
    /// Values in an order; see chinwag_answer_at().
    CHINWAG_ANSWER_LIST = 7,
    /// Values under names that are documented; see chinwag_answer_get().
    CHINWAG_ANSWER_RECORD = 8,
    /// Values under names from the cluster; see chinwag_answer_name().
    CHINWAG_ANSWER_MAP = 9,
    /// What a server answered; see chinwag_answer_bytes() and chinwag_answer_codec().
    CHINWAG_ANSWER_PAYLOAD = 10,
    /// What went wrong with a part; see chinwag_answer_error().
    CHINWAG_ANSWER_ERROR = 11,
}

impl Answer {
    /// An answer for C, which frees it.
    pub(crate) fn boxed(value: Value) -> *mut Self {
        Box::into_raw(Box::new(Self::new(value)))
    }

    pub(crate) fn new(mut value: Value) -> Self {
        let items = match &mut value {
            Value::List(list) => {
                std::mem::take(list).into_iter().map(|item| (None, Self::new(item))).collect()
            }
            Value::Record(fields) => {
                let named = |(name, item): (&str, Value)| (Some(c_text(name)), Self::new(item));
                std::mem::take(fields).into_iter().map(named).collect()
            }
            Value::Map(entries) => {
                let named = |(name, item): (String, Value)| (Some(c_text(&name)), Self::new(item));
                std::mem::take(entries).into_iter().map(named).collect()
            }
            _ => Vec::new(),
        };
        let text = match &value {
            Value::Text(text) => Some(c_text(text)),
            _ => None,
        };
        let error = match &value {
            Value::Error(error) => Some(Error::new(error.clone())),
            _ => None,
        };
        Self { value, text, error, items }
    }

    fn kind(&self) -> AnswerKind {
        match self.value {
            Value::None => AnswerKind::CHINWAG_ANSWER_NONE,
            Value::Flag(_) => AnswerKind::CHINWAG_ANSWER_FLAG,
            Value::Count(_) => AnswerKind::CHINWAG_ANSWER_COUNT,
            Value::Number(_) => AnswerKind::CHINWAG_ANSWER_REAL,
            Value::Duration(_) => AnswerKind::CHINWAG_ANSWER_DURATION,
            Value::Text(_) => AnswerKind::CHINWAG_ANSWER_TEXT,
            Value::Bytes(_) => AnswerKind::CHINWAG_ANSWER_BYTES,
            Value::List(_) => AnswerKind::CHINWAG_ANSWER_LIST,
            Value::Record(_) => AnswerKind::CHINWAG_ANSWER_RECORD,
            Value::Map(_) => AnswerKind::CHINWAG_ANSWER_MAP,
            Value::Payload(_) => AnswerKind::CHINWAG_ANSWER_PAYLOAD,
            Value::Error(_) => AnswerKind::CHINWAG_ANSWER_ERROR,
        }
    }
}

/// What it is; CHINWAG_ANSWER_NONE for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_answer_type(answer: Option<&Answer>) -> AnswerKind {
    let none = AnswerKind::CHINWAG_ANSWER_NONE;
    value(none, || answer.map_or(none, Answer::kind))
}

/// Yes or no; false for what is no flag.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_answer_flag(answer: Option<&Answer>) -> bool {
    value(false, || answer.is_some_and(|answer| answer.value == Value::Flag(true)))
}

/// A count, or a span of time in nanoseconds; 0 for what is neither.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_answer_number(answer: Option<&Answer>) -> u64 {
    value(0, || match answer.map(|answer| &answer.value) {
        Some(Value::Count(count)) => *count,
        Some(Value::Duration(span)) => u64::try_from(span.as_nanos()).unwrap_or(u64::MAX),
        _ => 0,
    })
}

/// Any number; a span of time in seconds. 0 for what is none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_answer_real(answer: Option<&Answer>) -> f64 {
    value(0.0, || match answer.map(|answer| &answer.value) {
        Some(Value::Number(number)) => *number,
        Some(Value::Count(count)) => *count as f64,
        Some(Value::Duration(span)) => span.as_secs_f64(),
        _ => 0.0,
    })
}

/// The text. Borrowed from the answer. NULL for what is none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_answer_text(answer: Option<&Answer>) -> *const c_char {
    value(std::ptr::null(), || pointer(answer.and_then(|answer| answer.text.as_deref())))
}

/// The bytes, also those of a payload; `length` is set to their number. Borrowed from the answer.
/// NULL for what is none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_answer_bytes(
    answer: Option<&Answer>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    value(std::ptr::null(), || {
        let bytes = answer.and_then(|answer| match &answer.value {
            Value::Bytes(bytes) => Some(&**bytes),
            Value::Payload(payload) => Some(&*payload.bytes),
            _ => None,
        });
        if let Some(length) = length {
            length.write(bytes.map_or(0, <[u8]>::len));
        }
        bytes.map_or(std::ptr::null(), <[u8]>::as_ptr)
    })
}

/// How a payload is encoded, such as CHINWAG_CODEC_MSGPACK; -1 for what is none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_answer_codec(answer: Option<&Answer>) -> i32 {
    value(-1, || match answer.map(|answer| &answer.value) {
        Some(Value::Payload(payload)) => payload.codec.into(),
        _ => -1,
    })
}

/// What went wrong with a part, such as one of several servers. Borrowed from the answer. NULL for
/// what is none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_answer_error(answer: Option<&Answer>) -> Option<&Error> {
    value(None, || answer?.error.as_ref())
}

/// How many answers are in a list, record or map; 0 for others.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_answer_count(answer: Option<&Answer>) -> usize {
    value(0, || answer.map_or(0, |answer| answer.items.len()))
}

/// Answer `index` of a list, record or map, counted from 0. Borrowed from that. NULL when there is
/// no such answer.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_answer_at(answer: Option<&Answer>, index: usize) -> Option<&Answer> {
    value(None, || Some(&answer?.items.get(index)?.1))
}

/// The name that answer `index` of a record or map has there. Borrowed from that. NULL when there
/// is no such answer, and in lists.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_answer_name(answer: Option<&Answer>, index: usize) -> *const c_char {
    let name = || answer?.items.get(index)?.0.as_deref();
    value(std::ptr::null(), || pointer(name()))
}

/// The answer of that name in a record or map. Borrowed from that. NULL when there is none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_answer_get(
    answer: Option<&Answer>,
    name: *const c_char,
) -> Option<&Answer> {
    value(None, || {
        // SAFETY: C passes NULL or text.
        let name = unsafe { text(name, "name") }.ok()?;
        let is_it = |own: &CString| own.as_bytes() == name.as_bytes();
        let mut items = answer?.items.iter();
        items.find(|(own, _)| own.as_ref().is_some_and(is_it)).map(|(_, answer)| answer)
    })
}

/// Frees an answer that a function gave you, and those within. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_answer_free(answer: Option<Box<Answer>>) {
    value((), || drop(answer));
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;
    use crate::error::chinwag_error_code;

    fn words(text: *const c_char) -> String {
        // SAFETY: the answer that it is from is alive, or it is NULL.
        let text = (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
        text.map_or_else(|| "NULL".to_owned(), |text| text.to_string_lossy().into_owned())
    }

    /// Everything that can be asked of an answer, and of those within.
    fn all(answer: &Answer, out: &mut Vec<String>, depth: usize) {
        let mut length = MaybeUninit::new(7);
        let bytes = chinwag_answer_bytes(Some(answer), Some(&mut length));
        // SAFETY: it was written by the call, and before it.
        let length = unsafe { length.assume_init() };
        let bytes: &[u8] = match bytes.is_null() {
            true => &[],
            // SAFETY: as many bytes as it said are there while the answer is.
            false => unsafe { std::slice::from_raw_parts(bytes, length) },
        };
        out.push(format!(
            "{depth} {:?} {} {} {} {} {bytes:?}",
            chinwag_answer_type(Some(answer)),
            chinwag_answer_flag(Some(answer)),
            chinwag_answer_number(Some(answer)),
            chinwag_answer_real(Some(answer)),
            words(chinwag_answer_text(Some(answer))),
        ));
        for index in 0..chinwag_answer_count(Some(answer)) {
            let name = chinwag_answer_name(Some(answer), index);
            let within = chinwag_answer_at(Some(answer), index).expect("counted");
            out.push(format!("{depth} {}", words(name)));
            let found = chinwag_answer_get(Some(answer), name);
            assert_eq!(
                found.map(std::ptr::from_ref),
                (!name.is_null()).then_some(&raw const *within)
            );
            all(within, out, depth + 1);
        }
    }

    const SPECIMEN: &str = "\
0 CHINWAG_ANSWER_RECORD false 0 0 NULL []
0 none
1 CHINWAG_ANSWER_NONE false 0 0 NULL []
0 flag
1 CHINWAG_ANSWER_FLAG true 0 0 NULL []
0 count
1 CHINWAG_ANSWER_COUNT false 1099511627776 1099511627776 NULL []
0 number
1 CHINWAG_ANSWER_REAL false 0 -1.5 NULL []
0 round_trip
1 CHINWAG_ANSWER_DURATION false 1500000 0.0015 NULL []
0 text
1 CHINWAG_ANSWER_TEXT false 0 0 wörd\u{fffd} []
0 bytes
1 CHINWAG_ANSWER_BYTES false 0 0 NULL [0, 255]
0 payload
1 CHINWAG_ANSWER_PAYLOAD false 0 0 NULL [204, 200]
0 error
1 CHINWAG_ANSWER_ERROR false 0 0 NULL []
0 list
1 CHINWAG_ANSWER_LIST false 0 0 NULL []
1 NULL
2 CHINWAG_ANSWER_COUNT false 1 1 NULL []
1 NULL
2 CHINWAG_ANSWER_TEXT false 0 0  []
1 NULL
2 CHINWAG_ANSWER_NONE false 0 0 NULL []
0 map
1 CHINWAG_ANSWER_MAP false 0 0 NULL []
1 b
2 CHINWAG_ANSWER_COUNT false 2 2 NULL []
1 __proto__
2 CHINWAG_ANSWER_RECORD false 0 0 NULL []
2 flag
3 CHINWAG_ANSWER_FLAG true 0 0 NULL []";

    #[test]
    fn no_kind_of_answer_is_lost() {
        let answer = Answer::new(Value::specimen());
        let mut said = Vec::new();
        all(&answer, &mut said, 0);
        assert_eq!(said.join("\n"), SPECIMEN);
    }

    #[test]
    fn parts_of_several_outcomes_are_payloads_and_errors() {
        let answer = Answer::new(Value::specimen());
        let part = |name: &CStr| chinwag_answer_get(Some(&answer), name.as_ptr());
        assert_eq!(chinwag_answer_codec(part(c"payload")), 1);
        assert_eq!(chinwag_answer_codec(part(c"bytes")), -1);
        assert_eq!(chinwag_answer_codec(None), -1);
        let error = chinwag_answer_error(part(c"error"));
        assert_eq!(words(chinwag_error_code(error)), "no_server");
        assert!(chinwag_answer_error(part(c"payload")).is_none());
        assert!(chinwag_answer_error(None).is_none());
    }

    #[test]
    fn what_is_not_there_is_null() {
        let answer = Answer::new(Value::specimen());
        assert!(chinwag_answer_at(Some(&answer), 11).is_none());
        assert!(chinwag_answer_name(Some(&answer), 11).is_null());
        assert!(chinwag_answer_get(Some(&answer), c"nothing".as_ptr()).is_none());
        assert!(chinwag_answer_get(Some(&answer), std::ptr::null()).is_none());
        assert!(chinwag_answer_get(None, c"flag".as_ptr()).is_none());
        let mut length = MaybeUninit::new(7);
        assert!(chinwag_answer_bytes(None, Some(&mut length)).is_null());
        // SAFETY: it was written by the call, and before it.
        assert_eq!(unsafe { length.assume_init() }, 0);
        assert_eq!(chinwag_answer_type(None), AnswerKind::CHINWAG_ANSWER_NONE);
        assert_eq!((chinwag_answer_count(None), chinwag_answer_number(None)), (0, 0));
        chinwag_answer_free(None);
    }
}
