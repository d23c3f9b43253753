//! Bars of shares against ideals.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, COLOURS, Drawn, HEAD, INK, MARGIN, picture, pixels, short, text, write_text};
use crate::failure::Failure;
use crate::show::percent;

/// What a node has.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    /// From 0 to 1.
    pub(crate) share: f64,
    /// What its weight entitles it to.
    pub(crate) ideal: f64,
}

/// Rows at most; of more nodes, those that have most and least of their ideal are shown.
const ROWS_MAX: usize = 200;
/// Where bars begin, and the longest ends; names are before, figures behind.
const BARS: (i32, i32) = (190, 600);

/// A row for each node: a bar for its share, a line across it for its ideal, and both in figures.
pub(crate) fn shares(title: &str, bars: Vec<Bar>) -> Result<String, Failure> {
    let legend = "bar: share of all keys; line: ideal by weight; last column: share / ideal";
    let (bars, hidden) = shown(bars);
    let step = if bars.len() <= 30 { 24 } else { 16 };
    let rows = i32::try_from(bars.len() + usize::from(hidden > 0)).unwrap_or(i32::MAX / step);
    let height = HEAD + rows * step + MARGIN;
    let longest = bars.iter().map(|bar| bar.share.max(bar.ideal)).fold(f64::MIN_POSITIVE, f64::max);
    picture(height, title, legend, |area| {
        let mut at = HEAD;
        for (number, bar) in bars.iter().enumerate() {
            if hidden > 0 && number == bars.len() / 2 {
                let words = format!("… and {hidden} nodes in between");
                let style = text(if step > 16 { 16 } else { 14 }, HPos::Left);
                write_text(area, &words, (BARS.0, at + step / 2), &style)?;
                at += step;
            }
            row(area, bar, (at, step), longest)?;
            at += step;
        }
        Ok(())
    })
}

/// Those that have room, and how many have not.
fn shown(mut bars: Vec<Bar>) -> (Vec<Bar>, usize) {
    let hidden = bars.len().saturating_sub(ROWS_MAX);
    if hidden > 0 {
        let of_ideal = |bar: &Bar| bar.share / bar.ideal;
        bars.sort_by(|a, b| of_ideal(b).total_cmp(&of_ideal(a)));
        bars.drain(ROWS_MAX / 2..ROWS_MAX / 2 + hidden);
    }
    (bars, hidden)
}

/// A row that begins at that height and is so high.
fn row(area: &Area<'_>, bar: &Bar, (at, step): (i32, i32), longest: f64) -> Drawn {
    let x = |share: f64| BARS.0 + pixels(share / longest * f64::from(BARS.1 - BARS.0));
    let middle = at + step / 2;
    let size = if step > 16 { 16 } else { 14 };
    write_text(area, &short(&bar.name), (BARS.0 - 8, middle), &text(size, HPos::Right))?;
    let [colour, ..] = COLOURS;
    let sides = [(BARS.0, at + 2), (x(bar.share), at + step - 2)];
    area.draw(&Rectangle::new(sides, colour.filled()))?;
    let line = [(x(bar.ideal), at), (x(bar.ideal), at + step)];
    area.draw(&PathElement::new(line.to_vec(), INK.stroke_width(2)))?;
    let figures = [(BARS.1 + 72, percent(bar.share))];
    let of_ideal = [(BARS.1 + 128, format!("{:.3}", bar.share / bar.ideal))];
    for (end, figure) in figures.into_iter().chain(of_ideal) {
        write_text(area, &figure, (end, middle), &text(size, HPos::Right))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(count: u32) -> Vec<Bar> {
        let bar = |number| Bar {
            name: format!("node-{number}."),
            share: f64::from(number + 1) / 1e4,
            ideal: 0.01,
        };
        (0..count).map(bar).collect()
    }

    #[test]
    fn there_is_a_row_for_every_node() {
        for count in [1, 3, 100, 200] {
            let svg = shares("a title", bars(count)).expect("a picture");
            assert!(svg.contains("a title"), "{svg}");
            assert!((0..count).all(|number| svg.contains(&format!("node-{number}."))));
            assert_eq!(svg.matches("<rect").count(), count as usize);
            assert!(!svg.contains("in between"), "{count}");
        }
    }

    #[test]
    fn of_too_many_the_most_and_the_least_are_shown() {
        let svg = shares("a title", bars(1_000)).expect("a picture");
        assert_eq!(svg.matches("<rect").count(), ROWS_MAX);
        assert!(svg.contains("… and 800 nodes in between"));
        for (number, is_shown) in [(0, true), (99, true), (100, false), (899, false), (900, true)] {
            assert_eq!(svg.contains(&format!("node-{number}.")), is_shown, "{number}");
        }
    }

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        let bar = |share| Bar { name: String::new(), share, ideal: 0.5 };
        let svg = shares("", vec![bar(0.5), bar(0.25)]).expect("a picture");
        let width = |rect: &str| -> i32 {
            let from = rect.split("width=\"").nth(1).expect("a width");
            from.split('"').next().and_then(|digits| digits.parse().ok()).expect("a number")
        };
        let widths: Vec<i32> = svg.split("<rect").skip(1).map(width).collect();
        assert_eq!(widths, [BARS.1 - BARS.0, (BARS.1 - BARS.0) / 2]);
    }
}
