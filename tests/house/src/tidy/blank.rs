//! Rust source without the text of its comments and literals, so that rules see code only.

/// `source` with comments and the insides of literals replaced by spaces. Lines and columns stay.
pub fn blank(source: &str) -> String {
    let letters: Vec<char> = source.chars().collect();
    let mut out: Vec<char> = Vec::with_capacity(letters.len());
    let mut at = 0;
    while at < letters.len() {
        let end = token_end(&letters, at);
        let (open, close) = kept(&letters[at..end]);
        for (index, &letter) in letters[at..end].iter().enumerate() {
            let inside = index >= open && index + close < end - at;
            out.push(if inside && letter != '\n' { ' ' } else { letter });
        }
        at = end;
    }
    out.into_iter().collect()
}

/// How many letters of a token stay, at its beginning and its end.
fn kept(token: &[char]) -> (usize, usize) {
    match token {
        ['/', '/' | '*', ..] => (0, 0),
        ['"', ..] | ['\'', _, .., '\''] => (1, 1),
        ['r', ..] if token.len() > 1 => (token.len(), 0).min(raw_edges(token)),
        _ => (token.len(), 0),
    }
}

fn raw_edges(token: &[char]) -> (usize, usize) {
    let open = token.iter().position(|&letter| letter == '"').map_or(0, |at| at + 1);
    (open, open - 1)
}

/// Where the comment, literal or single letter that begins at `at` ends.
fn token_end(letters: &[char], at: usize) -> usize {
    let rest = &letters[at..];
    let word = at > 0 && (letters[at - 1].is_alphanumeric() || letters[at - 1] == '_');
    let length = match rest {
        ['/', '/', ..] => rest.iter().position(|&letter| letter == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => quoted(rest),
        ['r', '"' | '#', ..] if !word || before_is_prefix(letters, at) => raw(rest),
        ['\'', '\\', ..] => quoted(rest),
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    };
    at + length
}

/// `br"…"` and `cr"…"`.
fn before_is_prefix(letters: &[char], at: usize) -> bool {
    let own = matches!(letters[at - 1], 'b' | 'c');
    own && at.checked_sub(2).is_none_or(|before| !letters[before].is_alphanumeric())
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at + 1 < rest.len() {
        match (rest[at], rest[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 1,
            letter if letter == rest[0] => return at + 1,
            _ => {}
        }
        at += 1;
    }
    rest.len()
}

/// A raw string; anything else that begins with `r#` is one letter long.
fn raw(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|&&letter| letter == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 1;
    }
    let body = 2 + hashes;
    let ends = |at: &usize| {
        rest[*at] == '"' && rest[*at + 1..].iter().take_while(|&&l| l == '#').count() >= hashes
    };
    (body..rest.len()).find(ends).map_or(rest.len(), |at| at + 1 + hashes)
}

/// `source` up to its test module.
pub fn production(source: &str) -> &str {
    let end = source.find("#[cfg(test)]\nmod ").unwrap_or(source.len());
    // A test module in a file of its own is declared, not contained.
    let inline = source[end..].lines().nth(1).is_some_and(|line| line.ends_with('{'));
    if inline { &source[..end] } else { source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_comments_go_and_code_stays() {
        for (source, wanted) in [
            ("let a = \"x{\"; // }", "let a = \"  \";     "),
            ("r#\"a\"b\"# + 1", "r#\"   \"# + 1"),
            ("'{' + '\\'' 'a", "' ' + '  ' 'a"),
            ("/* a /* b */ c */ d", "                  d"),
            ("b\"\\\"\" r#type", "b\"  \" r#type"),
            ("br\"x\" str\"y\"", "br\" \" str\" \""),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
        ] {
            assert_eq!(blank(source), wanted, "{source}");
        }
    }

    #[test]
    fn the_test_module_is_not_production() {
        assert_eq!(production("a\n#[cfg(test)]\nmod tests {\n}\n"), "a\n");
        let declared = "a\n#[cfg(test)]\nmod tests;\nb\n";
        assert_eq!(production(declared), declared);
    }
}
