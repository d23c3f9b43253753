//! Messages to named servers: how they are encoded, and what goes along.

pub(crate) mod monitor;
pub(crate) mod serving;
pub(crate) mod streams;
pub(crate) mod topics;

use std::time::Duration;

use chinwag::Payload;
use chinwag::error::{Error, ErrorKind};
use chinwag::host::{self, MultiCall, Op};
use chinwag::payload::json;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::clock::forms::buffer;
use crate::config::span;
use crate::error::{OrRaise, bad, raised, wrong};
use crate::payload::{decode, encode};

/// The first of the codecs that two sides agree on.
const AGREED: u8 = 128;

/// What is said, and how.
pub(crate) struct Said {
    target: String,
    op: String,
    payload: Payload,
    headers: Vec<(String, String)>,
    timeout: Option<Duration>,
    latest: bool,
    min_ok: Option<usize>,
}

impl Said {
    /// From what Python was given; `how` has what is not as usual.
    pub(crate) fn new(
        target: &str,
        op: &str,
        value: &Bound<'_, PyAny>,
        how: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let part = |name| match how {
            Some(how) => Ok::<_, PyErr>(how.get_item(name)?.filter(|part| !part.is_none())),
            None => Ok(None),
        };
        let codec = part("codec")?.map_or(Ok(Payload::MSGPACK), |given| codec(&given))?;
        let headers = part("headers")?.map(|given| headers(&given)).transpose()?;
        Ok(Self {
            target: target.to_owned(),
            op: op.to_owned(),
            payload: Payload { codec, bytes: to_bytes(value, codec)? },
            headers: headers.unwrap_or_default(),
            timeout: part("timeout")?.map(|given| limit(&given)).transpose()?,
            latest: part("latest")?.map(|given| given.is_truthy()).transpose()?.unwrap_or(false),
            min_ok: part("min_ok")?.map(|given| count("min_ok", &given)).transpose()?,
        })
    }

    /// As it is handed to the core.
    pub(crate) fn parts(&mut self) -> (host::Message<'_>, Payload) {
        let payload = std::mem::take(&mut self.payload);
        let Self { target, op, headers, timeout, latest, .. } = &*self;
        (host::Message { target, op, headers, timeout: *timeout, latest: *latest }, payload)
    }

    /// A cast that waits for room.
    pub(crate) fn patient(self) -> Op {
        Op::Cast(self.target, self.op, self.payload)
    }

    /// Published, with the topic in the place of the target; to how many members.
    pub(crate) fn published(self, host: &host::Host) -> chinwag::Result<usize> {
        host.publish(&self.target, &self.headers, self.payload, self.latest)
    }

    /// A call to all the servers of a name.
    pub(crate) fn asked_of_all(self) -> Op {
        let Self { target: server, op, payload, min_ok, timeout, .. } = self;
        Op::MultiCall(MultiCall { server, op, payload, min_ok, timeout })
    }

    /// A cast to all the servers of a name.
    pub(crate) fn told_to_all(self) -> Op {
        Op::Abcast(self.target, self.op, self.payload)
    }
}

/// A limit in time that was given to a call.
pub(crate) fn limit(timeout: &Bound<'_, PyAny>) -> PyResult<Duration> {
    seconds("timeout", timeout)
}

/// A span of time.
pub(crate) fn seconds(what: &str, given: &Bound<'_, PyAny>) -> PyResult<Duration> {
    span(given).ok_or_else(|| {
        let message = format!("{what} is {given}, expected seconds or a timedelta");
        bad(given.py(), &message)
    })
}

/// A number of things.
pub(crate) fn count(what: &str, given: &Bound<'_, PyAny>) -> PyResult<usize> {
    given.extract().map_err(|_| wrong(what, given))
}

fn headers(given: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let Ok(given) = given.cast::<PyDict>() else { return Err(wrong("headers", given)) };
    let text = |part: Bound<'_, PyAny>| part.extract().map_err(|_| wrong("a header", &part));
    given.iter().map(|(name, value)| Ok((text(name)?, text(value)?))).collect()
}

/// Headers as Python has them.
pub(crate) fn dict<'py>(
    py: Python<'py>,
    headers: &[(String, String)],
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in headers {
        dict.set_item(name, value)?;
    }
    Ok(dict)
}

/// The number of a codec that was given by its name, or by a number that both sides know.
pub(crate) fn codec(given: &Bound<'_, PyAny>) -> PyResult<u8> {
    let number = given.extract::<u8>().ok().filter(|number| *number >= AGREED);
    let named = || match given.cast::<PyString>().ok()?.to_str().ok()? {
        "raw" => Some(Payload::RAW),
        "msgpack" => Some(Payload::MSGPACK),
        "json" => Some(Payload::JSON),
        _ => None,
    };
    number.or_else(named).ok_or_else(|| wrong("a codec (msgpack, json, raw, or 128 to 255)", given))
}

/// A codec as Python names it.
pub(crate) fn name(py: Python<'_>, codec: u8) -> PyResult<Bound<'_, PyAny>> {
    let name = match codec {
        Payload::RAW => "raw",
        Payload::MSGPACK => "msgpack",
        Payload::JSON => "json",
        other => return Ok(other.into_pyobject(py)?.into_any()),
    };
    Ok(PyString::new(py, name).into_any())
}

/// The bytes of an object, by that codec. Where the user's own bytes are meant, a text is its UTF-8
/// and `None` is no bytes.
pub(crate) fn to_bytes(value: &Bound<'_, PyAny>, codec: u8) -> PyResult<Vec<u8>> {
    match codec {
        Payload::MSGPACK => encode(value),
        Payload::JSON => {
            json::from_msgpack(&encode(value)?).map(String::into_bytes).or_raise(value.py())
        }
        _ if value.is_none() => Ok(Vec::new()),
        _ => match value.cast::<PyString>() {
            Ok(text) => Ok(text.to_str()?.as_bytes().to_vec()),
            Err(_) => Ok(buffer("a payload that is not encoded", value)?.into_owned()),
        },
    }
}

/// The object of a payload, by the codec that it names.
pub(crate) fn object<'py>(py: Python<'py>, payload: &Payload) -> PyResult<Bound<'py, PyAny>> {
    let wrong = |message: &str| raised(py, &Error::new(ErrorKind::Codec, message));
    match payload.codec {
        Payload::MSGPACK => decode(py, &payload.bytes),
        Payload::JSON => {
            let text = std::str::from_utf8(&payload.bytes);
            let text = text.map_err(|_| wrong("this is no JSON (it is not UTF-8)"))?;
            decode(py, &json::to_msgpack(text).or_raise(py)?)
        }
        Payload::RAW | AGREED.. => Ok(PyBytes::new(py, &payload.bytes).into_any()),
        Payload::ETF => Err(wrong("Erlang's terms (codec 3) are read on the BEAM alone")),
        other => Err(wrong(&format!("codec {other} is not known here"))),
    }
}
