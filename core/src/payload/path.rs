//! Where in a value something is, as errors show it: `$.items[3].price`.

/// Characters of a key that are shown.
const KEY_SHOWN: usize = 40;

/// One step into a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// To the value under this key.
    Key(&'a str),
    /// To the value at this place, from 0.
    Index(u32),
}

/// The path of these steps, from the whole value on.
pub(super) fn path<'a>(steps: impl Iterator<Item = Step<'a>>) -> String {
    let mut text = "$".to_owned();
    for step in steps {
        match step {
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Key(key) if is_plain(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Key(key) => {
                let shown: String = key.chars().take(KEY_SHOWN).collect();
                let more = if shown.len() < key.len() { "…" } else { "" };
                text.push_str(&format!("[{shown:?}{more}]"));
            }
        }
    }
    text
}

/// Whether a key can stand behind a dot.
fn is_plain(key: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let starts_well = key.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    starts_well && key.len() <= KEY_SHOWN && key.bytes().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_people_write_it() {
        let shown = |steps: &[Step<'_>]| path(steps.iter().copied());
        assert_eq!(shown(&[]), "$");
        let steps = [Step::Key("items"), Step::Index(3), Step::Key("unit_price")];
        assert_eq!(shown(&steps), "$.items[3].unit_price");
        assert_eq!(shown(&[Step::Key("a b"), Step::Key("3x")]), r#"$["a b"]["3x"]"#);
        assert_eq!(shown(&[Step::Key(""), Step::Key("é\"\n")]), r#"$[""]["é\"\n"]"#);
        let long = shown(&[Step::Key(&"x".repeat(1_000))]);
        assert_eq!(long, format!("$[\"{}\"…]", "x".repeat(40)));
    }
}
