//! Functions: how long, how deep, how many parameters. Every language here is laid out by its
//! formatter, so a function ends where its indentation says.

use super::blank::blank;
use super::{File, Tree};

/// Lines of a function at most.
const LINES: usize = 70;
/// The same in a binding, which only converts.
const BINDING_LINES: usize = 40;
/// Parameters at most; with more it takes a struct.
const PARAMETERS: usize = 6;
/// Blocks within blocks at most.
const NESTING: usize = 4;

/// A function, as its lines in a file.
struct Function<'a> {
    first: usize,
    lines: Vec<&'a str>,
}

/// Functions that are too long.
pub fn length(tree: &Tree) -> Vec<String> {
    let mut report = Vec::new();
    for file in tree.code() {
        let limit = if file.is_binding() && !file.is_test() { BINDING_LINES } else { LINES };
        let text = code_of(file);
        for function in functions(file.extension(), &text) {
            let lines = function.lines.len();
            if lines > limit {
                let (path, line) = (&file.path, function.first + 1);
                report.push(format!("{path}:{line}: {lines} lines, at most {limit}"));
            }
        }
    }
    report
}

/// Rust functions that nest too deeply.
pub fn nesting(tree: &Tree) -> Vec<String> {
    let mut report = Vec::new();
    for file in tree.rust() {
        let text = code_of(file);
        for function in functions("rs", &text) {
            let depth = depth(&function.lines);
            if depth > NESTING {
                let (path, line) = (&file.path, function.first + 1);
                report.push(format!("{path}:{line}: blocks nest {depth} deep, at most {NESTING}"));
            }
        }
    }
    report
}

/// Rust functions that take too many parameters.
pub fn parameters(tree: &Tree) -> Vec<String> {
    let mut report = Vec::new();
    for file in tree.rust() {
        let text = code_of(file);
        for function in functions("rs", &text) {
            let count = count_parameters(&function.lines.join("\n"));
            if count > PARAMETERS {
                let (path, line) = (&file.path, function.first + 1);
                report.push(format!("{path}:{line}: {count} parameters, at most {PARAMETERS}"));
            }
        }
    }
    report
}

fn code_of(file: &File) -> String {
    if file.extension() == "rs" { blank(&file.text) } else { file.text.clone() }
}

fn functions<'a>(extension: &str, text: &'a str) -> Vec<Function<'a>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        if begins(extension, line) {
            let count = extent(extension, &lines[first..]);
            functions.push(Function { first, lines: lines[first..first + count].to_vec() });
        }
    }
    functions
}

/// Whether a function begins on that line.
fn begins(extension: &str, line: &str) -> bool {
    let code = line.trim_start();
    let starts = |heads: &[&str]| heads.iter().any(|head| code.starts_with(head));
    match extension {
        "rs" => {
            let before: Vec<&str> = code.split_whitespace().take_while(|w| *w != "fn").collect();
            before.len() < code.split_whitespace().count()
                && before.iter().all(|word| {
                    let known = ["const", "async", "unsafe", "extern", "\"", "\"C\""];
                    known.contains(word) || word.starts_with("pub") || word.ends_with(')')
                })
        }
        "py" | "pyi" => starts(&["def ", "async def "]),
        "ex" | "exs" => starts(&["def ", "defp ", "defmacro ", "test \""]),
        "go" => starts(&["func "]),
        "js" | "mjs" | "cjs" | "ts" => {
            let control = ["if ", "for ", "while ", "switch ", "} ", "catch ", "return "];
            let method = !starts(&control) && code.ends_with(") {");
            line.ends_with('{') && (method || code.contains("function") || code.ends_with("=> {"))
        }
        "sh" => line.ends_with("() {"),
        "c" | "cpp" => {
            let plain = line.starts_with(|c: char| c.is_alphabetic() || c == '_');
            plain && line.contains('(') && (line.ends_with('{') || line.ends_with(')'))
        }
        _ => false,
    }
}

/// How many lines the function takes that begins on the first of `lines`.
fn extent(extension: &str, lines: &[&str]) -> usize {
    let indent = indent(lines[0]);
    let at = |line: &str| self::indent(line) == indent && !line.trim().is_empty();
    let end = match extension {
        "py" | "pyi" => {
            let outside = |line: &&str| {
                !line.trim().is_empty()
                    && self::indent(line) <= indent
                    && !line.trim().starts_with(')')
            };
            let next = lines[1..].iter().position(outside).map_or(lines.len(), |next| next + 1);
            let body = lines[..next].iter().rposition(|line| !line.trim().is_empty());
            return body.map_or(next, |last| last + 1);
        }
        "ex" | "exs" => {
            let head = lines.iter().position(|line| {
                line.ends_with(" do") || line.contains(" do:") || line.trim().is_empty()
            });
            match head {
                Some(head) if lines[head].ends_with(" do") => {
                    lines.iter().position(|line| at(line) && line.trim() == "end")
                }
                head => head,
            }
        }
        _ if lines[0].ends_with('}') || lines[0].ends_with(';') => Some(0),
        "rs" => lines.iter().position(|line| {
            at(line) && (line.trim_start().starts_with('}') || line.trim_end().ends_with(';'))
        }),
        _ => lines
            .iter()
            .skip(1)
            .position(|line| at(line) && line.trim().starts_with('}'))
            .map(|n| n + 1),
    };
    end.map_or(lines.len(), |last| last + 1)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// How deep control flow nests.
fn depth(lines: &[&str]) -> usize {
    let mut open: Vec<usize> = Vec::new();
    let mut deepest = 0;
    for line in lines {
        let code = line.trim();
        if code.starts_with('}') {
            open.retain(|&outer| outer < indent(line));
        }
        let words = ["if ", "for ", "while ", "loop ", "match ", "else "];
        let control =
            words.iter().any(|word| code.starts_with(word) || code.contains(&format!(" {word}")));
        if code.ends_with('{') && control {
            open.push(indent(line));
            deepest = deepest.max(open.len());
        }
    }
    deepest
}

/// Parameters of the function whose text this is, `self` left out.
fn count_parameters(text: &str) -> usize {
    let head = text.split_once("fn ").map_or(text, |(_, head)| head);
    let own = |text: &str| {
        let name = text.split(':').next().unwrap_or_default();
        !name.trim().is_empty() && !name.split([' ', '&']).any(|word| word == "self")
    };
    let (mut depth, mut generics, mut count, mut start) = (0_usize, true, 0, 0);
    let mut last = ' ';
    for (at, letter) in head.char_indices() {
        match letter {
            '(' if depth == 0 => (depth, generics, start) = (1, false, at + 1),
            '(' | '[' | '<' => depth += 1,
            ')' | ']' => depth -= 1,
            '>' if last != '-' => depth -= 1,
            ',' if depth == 1 && !generics => {
                count += usize::from(own(&head[start..at]));
                start = at + 1;
            }
            _ => {}
        }
        if letter == ')' && depth == 0 && !generics {
            return count + usize::from(own(&head[start..at]));
        }
        last = letter;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(lines: usize, head: &str, line: &str, tail: &str) -> String {
        format!("{head}\n{}{tail}\n", format!("{line}\n").repeat(lines))
    }

    #[test]
    fn a_long_function_is_reported_in_every_language() {
        for (path, head, line, tail) in [
            ("core/a.rs", "pub(crate) async fn f(\n    a: u8,\n) -> u8 {", "    a;", "}"),
            ("tests/a.py", "def f(\n    a,\n) -> int:", "    a", "\nb = 1"),
            ("tests/a.ex", "  def f(a) do", "    a", "  end"),
            ("tests/a.js", "async function f(a) {", "  a;", "}"),
            ("tests/a.mjs", "  close(a) {", "    a;", "  }"),
            ("tests/a.c", "static int f(int a) {", "    a;", "}"),
            ("tests/a.go", "func f(a int) {", "\ta()", "}"),
            ("tests/a.sh", "f() {", "    a", "}"),
        ] {
            let one = |lines| length(&Tree::of(&[(path, &long(lines, head, line, tail))])).len();
            assert_eq!((one(60), one(80)), (0, 1), "{path}");
        }
    }

    #[test]
    fn a_binding_has_less_room_and_its_tests_do_not() {
        let text = long(50, "fn f() {", "    a;", "}");
        assert_eq!(length(&Tree::of(&[("bindings-c/src/a.rs", &text)])).len(), 1);
        assert_eq!(length(&Tree::of(&[("bindings-c/tests/a.rs", &text)])).len(), 0);
    }

    #[test]
    fn one_liners_and_declarations_end_where_they_begin() {
        let text = format!("fn f() {{}}\nfn g();\n{}", "a;\n".repeat(80));
        assert!(length(&Tree::of(&[("core/a.rs", &text)])).is_empty());
        let text = format!("  def f(a), do: a\n{}", "  a\n".repeat(80));
        assert!(length(&Tree::of(&[("a.ex", &text)])).is_empty());
    }

    #[test]
    fn deep_nesting_is_reported() {
        let nested = |depth: usize| {
            let open: String =
                (1..=depth).map(|n| format!("{}if a {{\n", "    ".repeat(n))).collect();
            let close: String =
                (1..=depth).rev().map(|n| format!("{}}}\n", "    ".repeat(n))).collect();
            format!("fn f() {{\n{open}{close}}}\n")
        };
        assert!(nesting(&Tree::of(&[("a.rs", &nested(4))])).is_empty());
        assert_eq!(nesting(&Tree::of(&[("a.rs", &nested(5))])).len(), 1);
        let flat = "fn f() {\n    if a {\n    } else if b {\n    } else {\n    }\n}\n".repeat(9);
        assert!(nesting(&Tree::of(&[("a.rs", &flat)])).is_empty());
    }

    #[test]
    fn parameters_are_counted_without_self() {
        for (text, count) in [
            ("fn f() {}", 0),
            ("fn f(&mut self, a: u8) {}", 1),
            ("fn f<F: Fn(u8, u8) -> u8>(a: F, b: (u8, u8), c: Map<u8, u8>) {}", 3),
            ("fn f(\n    a: &[u8; 2],\n    b: impl Fn(u8, u8),\n) -> Result<(), u8> {}", 2),
            ("fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8) {}", 7),
        ] {
            assert_eq!(count_parameters(text), count, "{text}");
        }
        let many = "fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8) {}\n";
        assert_eq!(parameters(&Tree::of(&[("a.rs", many)])).len(), 1);
    }
}
