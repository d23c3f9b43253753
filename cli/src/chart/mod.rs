//! Pictures as SVG. No background and colours of middle lightness: they can be read on white and on
//! black.

mod movement;
mod shares;

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(crate) use movement::{Flow, movement};
pub(crate) use shares::{Bar, shares};

use crate::failure::Failure;

const WIDTH: i32 = 760;
const MARGIN: i32 = 16;
/// Height of the title and of the line below it.
const HEAD: i32 = 58;
const INK: RGBColor = RGBColor(128, 128, 128);
const COLOURS: [RGBColor; 5] = [
    RGBColor(67, 147, 195),
    RGBColor(214, 96, 77),
    RGBColor(90, 160, 80),
    RGBColor(160, 110, 190),
    RGBColor(200, 140, 40),
];
/// Letters of a name that have room.
const NAME_MAX: usize = 24;

/// Puts a picture into a file.
pub(crate) fn write(path: &Path, picture: &str) -> Result<(), Failure> {
    std::fs::write(path, picture)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

/// A number and what it counts.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// A picture of that height, with a title and a line that says how to read it.
fn picture(
    height: i32,
    title: &str,
    legend: &str,
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Result<String, Failure> {
    let mut svg = String::new();
    let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
    let outcome = {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        write_text(&area, title, (MARGIN, 20), &text(20, HPos::Left))
            .and_then(|()| write_text(&area, legend, (MARGIN, 42), &text(15, HPos::Left)))
            .and_then(|()| draw(&area))
            .and_then(|()| Ok(area.present()?))
    };
    match outcome {
        Ok(()) => Ok(svg),
        Err(error) => Err(Failure::new(format!("the picture cannot be drawn: {error}"))),
    }
}

/// Letters of that size, with the point they are drawn at to their left, middle or right.
fn text(size: i32, at: HPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK).pos(Pos::new(at, VPos::Center))
}

fn write_text(area: &Area<'_>, words: &str, at: (i32, i32), style: &TextStyle<'_>) -> Drawn {
    Ok(area.draw(&Text::new(words.to_owned(), at, style.clone()))?)
}

/// A name as far as there is room.
fn short(name: &str) -> String {
    match name.chars().count() {
        0..=NAME_MAX => name.to_owned(),
        _ => name.chars().take(NAME_MAX - 1).chain(['…']).collect(),
    }
}

/// The nearest point of the grid. What is drawn is far smaller than its numbers reach.
fn pixels(length: f64) -> i32 {
    length.round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened_and_cannot_leave_their_text() {
        assert_eq!(short("web-1"), "web-1");
        assert_eq!(short(&"é".repeat(24)), "é".repeat(24));
        assert_eq!(short(&"é".repeat(25)), format!("{}…", "é".repeat(23)));
        let bar = Bar { name: "</text><script>&\"".to_owned(), share: 1.0, ideal: 1.0 };
        let svg = shares("a title", vec![bar]).expect("a picture");
        assert!(svg.contains("&lt;/text&gt;&lt;script&gt;&amp;&quot;"), "{svg}");
        assert!(!svg.contains("<script"), "{svg}");
    }

    #[test]
    fn things_are_counted() {
        assert_eq!([0, 1, 2].map(|n| counted(n, "node")), ["0 nodes", "1 node", "2 nodes"]);
    }
}
