//! The least that a message needs on a stream: a length, and what it is.

/// What is in front of a payload: its length, and what it is.
const HEADER: usize = 5;
/// As much as is read at once.
const ROOM: usize = 256 * 1024;

/// What a frame is.
pub(super) const CALL: u8 = 0;
pub(super) const CAST: u8 = 1;
/// Asks how many casts have come on the connection, and tells it.
pub(super) const COUNT: u8 = 2;

/// Appends a frame.
pub(super) fn put(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.push(kind);
    out.extend_from_slice(payload);
}

/// What has come and was not looked at.
pub(super) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; ROOM], start: 0, end: 0 }
    }

    /// Where more is read to; longer than the longest frame.
    pub(super) fn space(&mut self) -> &mut [u8] {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        &mut self.bytes[self.end..]
    }

    pub(super) const fn filled(&mut self, length: usize) {
        self.end += length;
    }

    /// The next whole frame.
    pub(super) fn next(&mut self) -> Option<(u8, &[u8])> {
        let held = &self.bytes[self.start..self.end];
        let (header, rest) = held.split_at_checked(HEADER)?;
        let length = u32::from_le_bytes(*header.first_chunk()?) as usize;
        let payload = rest.get(..length)?;
        self.start += HEADER + length;
        Some((header[4], payload))
    }
}

/// Answers all that has come on a connection.
pub(super) fn serve(inbox: &mut Inbox, casts: &mut u64, out: &mut Vec<u8>) {
    out.clear();
    while let Some((kind, payload)) = inbox.next() {
        match kind {
            CAST => *casts += 1,
            COUNT => put(out, COUNT, &casts.to_le_bytes()),
            _ => put(out, CALL, payload),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(inbox: &mut Inbox, bytes: &[u8]) {
        inbox.space()[..bytes.len()].copy_from_slice(bytes);
        inbox.filled(bytes.len());
    }

    #[test]
    fn frames_are_whole_however_they_come() {
        let mut bytes = Vec::new();
        put(&mut bytes, CAST, b"one");
        put(&mut bytes, CALL, b"");
        put(&mut bytes, COUNT, b"three");
        for cut in 0..bytes.len() {
            let (mut inbox, mut seen) = (Inbox::new(), Vec::new());
            for part in [&bytes[..cut], &bytes[cut..]] {
                push(&mut inbox, part);
                while let Some((kind, payload)) = inbox.next() {
                    seen.push((kind, payload.to_vec()));
                }
            }
            let expected = [(CAST, &b"one"[..]), (CALL, b""), (COUNT, b"three")];
            assert_eq!(seen, expected.map(|(kind, payload)| (kind, payload.to_vec())));
        }
    }

    #[test]
    fn calls_come_back_and_casts_are_counted() {
        let (mut inbox, mut casts, mut out, mut bytes) = (Inbox::new(), 3, vec![9], Vec::new());
        put(&mut bytes, CAST, b"x");
        put(&mut bytes, CALL, b"hello");
        put(&mut bytes, COUNT, b"");
        push(&mut inbox, &bytes);
        serve(&mut inbox, &mut casts, &mut out);
        let mut expected = Vec::new();
        put(&mut expected, CALL, b"hello");
        put(&mut expected, COUNT, &4_u64.to_le_bytes());
        assert_eq!(out, expected);
    }
}
