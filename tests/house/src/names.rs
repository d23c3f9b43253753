//! One concept, five casings. All are computed from the manifest's own spelling.

/// `member-join` or `bad_config` as `MemberJoin`, `BadConfig`.
pub fn pascal(name: &str) -> String {
    name.split(['-', '_']).map(capital).collect()
}

/// `member-join` or `bad_config` as `memberJoin`, `badConfig`.
pub fn camel(name: &str) -> String {
    let mut words = name.split(['-', '_']);
    let first = words.next().unwrap_or_default().to_owned();
    first + &words.map(capital).collect::<String>()
}

/// `member-join` as `member_join`.
pub fn snake(name: &str) -> String {
    name.replace('-', "_")
}

/// `member-join` as `MEMBER_JOIN`.
pub fn screaming(name: &str) -> String {
    snake(name).to_uppercase()
}

/// `bad_config` as `CHINWAG_EBADCONFIG`, in the manner of errno.
pub fn status(name: &str) -> String {
    format!("CHINWAG_E{}", name.replace('_', "").to_uppercase())
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

/// The words of `text` in lines of at most `width` columns, each behind `prefix`.
pub fn wrap(text: &str, prefix: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && prefix.len() + line.len() + 1 + word.len() > width {
            lines += &format!("{prefix}{line}\n");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    lines + &format!("{prefix}{line}\n")
}

/// `text` in double quotes, escaped as Rust, Python, JavaScript and C all read it.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casings() {
        assert_eq!(pascal("member-join"), "MemberJoin");
        assert_eq!(camel("local_member"), "localMember");
        assert_eq!(screaming("events-lost"), "EVENTS_LOST");
        assert_eq!(status("bad_config"), "CHINWAG_EBADCONFIG");
        assert_eq!(quoted(r#"a "b" \"#), r#""a \"b\" \\""#);
    }

    #[test]
    fn wrapping_keeps_every_word_and_the_width() {
        assert_eq!(wrap("one two three", "# ", 9), "# one two\n# three\n");
        assert_eq!(wrap("", "# ", 9), "# \n");
    }
}
