//! Plots as SVG. No background and colours of middle lightness: they can be read on white and on
//! black.

use std::io;
use std::ops::Range;
use std::path::Path;

use plotters::coord::combinators::LogCoord;
use plotters::prelude::*;

const SIZE: (u32, u32) = (720, 420);
const INK: RGBColor = RGBColor(128, 128, 128);
const FONT: &str = "sans-serif";
const COLOURS: [RGBColor; 5] = [
    RGBColor(214, 96, 77),
    RGBColor(67, 147, 195),
    RGBColor(90, 160, 80),
    RGBColor(160, 110, 190),
    RGBColor(200, 140, 40),
];

/// A line of a plot.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// A plot with logarithmic axes.
#[derive(Clone, Debug)]
pub(super) struct Plot<'a> {
    pub(super) title: &'a str,
    pub(super) across: &'a str,
    pub(super) up: &'a str,
    pub(super) lines: Vec<Line>,
}

impl Plot<'_> {
    /// Writes it. A point at zero, which has no place on a logarithmic axis, stands at its foot.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        self.draw(path).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
    }

    fn draw(&self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let (across, up) = (span(self, |point| point.0), span(self, |point| point.1));
        let foot = up.start;
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        let text = |size: i32| (FONT, size).into_font().color(&INK);
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, text(18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d(logarithmic(across), logarithmic(up))?;
        chart
            .configure_mesh()
            .x_desc(self.across)
            .y_desc(self.up)
            .label_style(text(13))
            .axis_desc_style(text(14))
            .axis_style(INK)
            .bold_line_style(INK.mix(0.3))
            .light_line_style(TRANSPARENT)
            .x_label_formatter(&|value| number(*value))
            .y_label_formatter(&|value| number(*value))
            .draw()?;
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let points: Vec<(f64, f64)> =
                line.points.iter().map(|(x, y)| (*x, y.max(foot))).collect();
            let key = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2));
            chart
                .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
                .label(&line.name)
                .legend(key);
            chart.draw_series(points.into_iter().map(|at| Circle::new(at, 3, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(text(13))
            .border_style(INK.mix(0.3))
            .draw()?;
        area.present()?;
        Ok(())
    }
}

fn logarithmic(span: Range<f64>) -> LogCoord<f64> {
    span.log_scale().into()
}

/// What the axis must show: from the smallest value above zero to a little beyond the largest.
fn span(plot: &Plot<'_>, value: impl Fn(&(f64, f64)) -> f64) -> Range<f64> {
    let values = || plot.lines.iter().flat_map(|line| &line.points).map(&value);
    let least = values().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
    let most = values().fold(0.0, f64::max);
    match least.is_finite() {
        true => least * 0.7..most * 1.5,
        false => 0.1..1.0,
    }
}

fn number(value: f64) -> String {
    match value {
        10_000.0.. => format!("{:.0}k", value / 1000.0),
        10.0.. => format!("{value:.0}"),
        _ => format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_is_written_with_every_line() {
        let line =
            |name: &str, y| Line { name: name.to_owned(), points: vec![(10.0, y), (1e4, 5.0)] };
        let lines = vec![line("one", 0.5), line("nothing", 0.0)];
        let plot = Plot { title: "a title", across: "members", up: "seconds", lines };
        let path = std::env::temp_dir().join(format!("chinwag-plot-{}.svg", std::process::id()));
        plot.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        for part in ["<svg", "a title", "members", "seconds", "one", "nothing"] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.05, 2.0, 150.0, 50_000.0].map(number), ["0.05", "2", "150", "50k"]);
    }
}
