//! Texts as bindings write them, without the detours that would show in each event.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::SocketAddr;

use crate::member::Member;

/// What [`Member::tags`] holds, in that order, for values of another language: no map is made on
/// the way there.
pub fn tag_pairs(member: &Member) -> impl ExactSizeIterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    member.tag_pairs()
}

/// Appends an address as `Display` writes it. Bindings write that of every member of every event,
/// and the machinery for widths and padding costs more than all the rest of such a member.
pub fn push_addr(out: &mut String, addr: SocketAddr) {
    let SocketAddr::V4(v4) = addr else {
        // Writing into a string cannot fail.
        let _ = write!(out, "{addr}");
        return;
    };
    for (place, octet) in v4.ip().octets().into_iter().enumerate() {
        if place > 0 {
            out.push('.');
        }
        push_decimal(out, u16::from(octet));
    }
    out.push(':');
    push_decimal(out, v4.port());
}

fn push_decimal(out: &mut String, number: u16) {
    for unit in [10_000, 1_000, 100, 10, 1] {
        if number >= unit || unit == 1 {
            out.push(char::from_digit(u32::from(number / unit % 10), 10).unwrap_or('?'));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_pushed_as_it_is_displayed() {
        let octets = [0, 1, 9, 10, 19, 99, 100, 101, 200, 255];
        for (octet, port) in
            octets.into_iter().zip([0, 1, 10, 100, 101, 1_000, 7946, 9_999, 10_000, u16::MAX])
        {
            let addr = SocketAddr::from(([octet, 0, 255 - octet, 10], port));
            let mut out = "at ".to_owned();
            push_addr(&mut out, addr);
            assert_eq!(out, format!("at {addr}"));
        }
        let mut out = String::new();
        push_addr(&mut out, "[fe80::1]:7946".parse().unwrap());
        assert_eq!(out, "[fe80::1]:7946");
    }
}
