//! Writing: exactly what Go writes.

use rmp::Marker;

/// Appends the header of a map of up to 15 pairs, which is all that memberlist's structs need.
#[inline]
pub(crate) fn put_map(out: &mut Vec<u8>, pairs: u8) {
    debug_assert!(pairs < 16, "structs on the wire have few fields");
    out.push(Marker::FixMap(pairs).to_u8());
}

/// Appends the header of a map of any size.
pub(crate) fn put_map_len(out: &mut Vec<u8>, pairs: usize) {
    if pairs < 16 {
        out.push(Marker::FixMap(pairs as u8).to_u8());
    } else if let Ok(pairs) = u16::try_from(pairs) {
        out.push(Marker::Map16.to_u8());
        out.extend_from_slice(&pairs.to_be_bytes());
    } else {
        out.push(Marker::Map32.to_u8());
        out.extend_from_slice(&(pairs as u32).to_be_bytes());
    }
}

/// Appends the header of an array of any size.
pub(crate) fn put_array_len(out: &mut Vec<u8>, values: usize) {
    if values < 16 {
        out.push(Marker::FixArray(values as u8).to_u8());
    } else if let Ok(values) = u16::try_from(values) {
        out.push(Marker::Array16.to_u8());
        out.extend_from_slice(&values.to_be_bytes());
    } else {
        out.push(Marker::Array32.to_u8());
        out.extend_from_slice(&(values as u32).to_be_bytes());
    }
}

/// Appends raw bytes in the old family: `fixstr`, `raw16`, `raw32`, never `str8` and never `bin`.
#[inline]
pub(crate) fn put_raw(out: &mut Vec<u8>, bytes: &[u8]) {
    put_raw_len(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends the header of raw bytes of this length.
#[inline]
fn put_raw_len(out: &mut Vec<u8>, len: usize) {
    if len < 32 {
        out.push(Marker::FixStr(len as u8).to_u8());
    } else if let Ok(len) = u16::try_from(len) {
        out.push(Marker::Str16.to_u8());
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(Marker::Str32.to_u8());
        out.extend_from_slice(&(len as u32).to_be_bytes());
    }
}

/// Appends raw bytes, and `nil` for none, as Go writes a nil slice.
#[inline]
fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.is_empty() {
        put_nil(out);
    } else {
        put_raw(out, bytes);
    }
}

/// Appends an integer in its shortest unsigned form.
#[inline]
pub(crate) fn put_uint(out: &mut Vec<u8>, value: u64) {
    if value < 128 {
        out.push(value as u8);
    } else if let Ok(value) = u8::try_from(value) {
        out.extend_from_slice(&[Marker::U8.to_u8(), value]);
    } else if let Ok(value) = u16::try_from(value) {
        out.push(Marker::U16.to_u8());
        out.extend_from_slice(&value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        out.push(Marker::U32.to_u8());
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        out.push(Marker::U64.to_u8());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends a number with a fraction.
pub(crate) fn put_f64(out: &mut Vec<u8>, value: f64) {
    out.push(Marker::F64.to_u8());
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends `nil`.
pub(crate) fn put_nil(out: &mut Vec<u8>) {
    out.push(Marker::Null.to_u8());
}

/// Appends a boolean.
pub(crate) fn put_bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { Marker::True } else { Marker::False }.to_u8());
}

/// Appends the key of a field.
#[inline]
pub(crate) fn put_key(out: &mut Vec<u8>, key: &str) {
    put_raw(out, key.as_bytes());
}

/// Appends a field of text.
#[inline]
pub(crate) fn put_str(out: &mut Vec<u8>, key: &str, value: &str) {
    put_key(out, key);
    put_raw(out, value.as_bytes());
}

/// Appends a field of bytes.
#[inline]
pub(crate) fn put_blob(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    put_key(out, key);
    put_bytes(out, value);
}

/// Appends a field with a number.
#[inline]
pub(crate) fn put_u32(out: &mut Vec<u8>, key: &str, value: u32) {
    put_key(out, key);
    put_uint(out, u64::from(value));
}
