//! What goes from whom to whom: those who have it on the left, those who get it on the right, and a
//! band for each pair, as wide as what moves.

use std::collections::{BTreeMap, BTreeSet};

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, COLOURS, Drawn, HEAD, INK, MARGIN, picture, pixels, short, text, write_text};
use crate::failure::Failure;
use crate::show::percent;

/// What goes from one to another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Flow {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Of all keys, from 0 to 1.
    pub(crate) share: f64,
    /// The one of both that comes or goes; none if both stay.
    pub(crate) because: Option<String>,
}

/// Nodes on one side at most; those of the smallest flows are drawn as one.
const SIDE_MAX: usize = 150;
/// Room for a name.
const STEP: f64 = 15.0;
/// Between two nodes.
const GAP: f64 = 4.0;
/// Where the left and the right column begin, and how wide they are.
const LEFT: i32 = 260;
const RIGHT: i32 = 488;
const COLUMN: i32 = 12;
/// Points along the edge of a band.
const POINTS: u32 = 16;

/// Draws them.
pub(crate) fn movement(title: &str, flows: Vec<Flow>) -> Result<String, Failure> {
    let legend = match flows.is_empty() {
        true => "nothing moves",
        false => "from the left to the right; grey: between two that stay",
    };
    let flows = gathered(flows, |flow| &mut flow.from);
    let flows = gathered(flows, |flow| &mut flow.to);
    let (left, right) = (sums(&flows, |flow| &flow.from), sums(&flows, |flow| &flow.to));
    let total: f64 = left.values().sum();
    let most = left.len().max(right.len());
    // So that a column of equal parts has room for their names.
    let scale = (most as f64 * 9.0).max(260.0) / total.max(f64::MIN_POSITIVE);
    let needed = |side: &BTreeMap<&str, f64>| -> f64 {
        side.values().map(|share| (share * scale).max(STEP) + GAP).sum()
    };
    let height = needed(&left).max(needed(&right));
    let top = |needed: f64| f64::from(HEAD) + (height - needed) / 2.0;
    let (above_left, above_right) = (top(needed(&left)), top(needed(&right)));
    let (left, right) = (placed(&left, scale, above_left), placed(&right, scale, above_right));
    picture(HEAD + pixels(height) + MARGIN, title, legend, |area| {
        bands(area, &flows, &left, &right, scale)?;
        column(area, &left, (LEFT, LEFT - 8), HPos::Right)?;
        column(area, &right, (RIGHT, RIGHT + COLUMN + 8), HPos::Left)
    })
}

/// Where a node stands, and what it has of all keys.
struct Place {
    top: f64,
    height: f64,
    share: f64,
}

/// With the smallest ends of one side under one name, if there are too many.
fn gathered(mut flows: Vec<Flow>, end: impl Fn(&mut Flow) -> &mut String) -> Vec<Flow> {
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for flow in &mut flows {
        let share = flow.share;
        *sums.entry(end(flow).clone()).or_default() += share;
    }
    if sums.len() <= SIDE_MAX {
        return flows;
    }
    let mut order: Vec<(String, f64)> = sums.into_iter().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let rest: BTreeSet<String> =
        order.split_off(SIDE_MAX - 1).into_iter().map(|(name, _)| name).collect();
    let name = format!("… {} others", rest.len());
    let mut sums: BTreeMap<(String, String, Option<String>), f64> = BTreeMap::new();
    for mut flow in flows {
        if rest.contains(end(&mut flow).as_str()) {
            end(&mut flow).clone_from(&name);
        }
        *sums.entry((flow.from, flow.to, flow.because)).or_default() += flow.share;
    }
    let flow = |((from, to, because), share)| Flow { from, to, share, because };
    sums.into_iter().map(flow).collect()
}

fn sums<'f>(flows: &'f [Flow], end: impl Fn(&'f Flow) -> &'f str) -> BTreeMap<&'f str, f64> {
    let mut sums = BTreeMap::new();
    flows.iter().for_each(|flow| *sums.entry(end(flow)).or_default() += flow.share);
    sums
}

/// One below the other, who has most at the top, each in the middle of the room for its name.
fn placed<'f>(side: &BTreeMap<&'f str, f64>, scale: f64, mut at: f64) -> BTreeMap<&'f str, Place> {
    let mut places = BTreeMap::new();
    let mut order: Vec<(&&str, &f64)> = side.iter().collect();
    order.sort_by(|a, b| b.1.total_cmp(a.1));
    for (name, share) in order {
        let height = share * scale;
        let room = height.max(STEP);
        let top = at + (room - height) / 2.0;
        places.insert(*name, Place { top, height, share: *share });
        at += room + GAP;
    }
    places
}

fn bands(
    area: &Area<'_>,
    flows: &[Flow],
    left: &BTreeMap<&str, Place>,
    right: &BTreeMap<&str, Place>,
    scale: f64,
) -> Drawn {
    // Bands leave and arrive in the order of the other side, so that few of them cross.
    let top = |side: &BTreeMap<&str, Place>, name: &str| side.get(name).map_or(0.0, |p| p.top);
    let mut order: Vec<&Flow> = flows.iter().collect();
    order.sort_by(|a, b| {
        let from = top(left, &a.from).total_cmp(&top(left, &b.from));
        from.then_with(|| top(right, &a.to).total_cmp(&top(right, &b.to)))
    });
    let causes: BTreeSet<&str> = flows.iter().filter_map(|flow| flow.because.as_deref()).collect();
    let colours: BTreeMap<&str, &RGBColor> =
        causes.into_iter().zip(COLOURS.iter().cycle()).collect();
    let (mut out, mut into): (BTreeMap<&str, f64>, BTreeMap<&str, f64>) = Default::default();
    for flow in order {
        let (Some(from), Some(to)) = (left.get(&*flow.from), right.get(&*flow.to)) else {
            continue;
        };
        let sent = out.entry(&flow.from).or_default();
        let got = into.entry(&flow.to).or_default();
        let ends = (from.top + *sent * scale, to.top + *got * scale);
        *sent += flow.share;
        *got += flow.share;
        let colour = flow.because.as_deref().and_then(|name| colours.get(name));
        let colour = colour.map_or_else(|| INK.mix(0.45), |colour| colour.mix(0.55));
        let points = band(ends, flow.share * scale);
        area.draw(&Polygon::new(points, colour.filled()))?;
    }
    Ok(())
}

/// The outline of a band between these heights. It leaves and arrives level, and can be seen.
fn band((from, to): (f64, f64), width: f64) -> Vec<(i32, i32)> {
    let (start, end) = (f64::from(LEFT + COLUMN), f64::from(RIGHT));
    let width = width.max(1.0);
    let edge = |shift: f64| {
        (0..=POINTS).map(move |point| {
            let along = f64::from(point) / f64::from(POINTS);
            // Rises from 0 to 1, level at both ends.
            let part = along * along * (3.0 - 2.0 * along);
            let height = from + (to - from) * part + shift;
            (pixels(start + (end - start) * along), pixels(height))
        })
    };
    let mut points: Vec<(i32, i32)> = edge(0.0).collect();
    points.extend(edge(width).collect::<Vec<_>>().into_iter().rev());
    points
}

/// The nodes of one side, with their names at `words`.
fn column(
    area: &Area<'_>,
    places: &BTreeMap<&str, Place>,
    (at, words): (i32, i32),
    anchor: HPos,
) -> Drawn {
    for (name, place) in places {
        let bottom = place.top + place.height.max(1.0);
        let sides = [(at, pixels(place.top)), (at + COLUMN, pixels(bottom))];
        area.draw(&Rectangle::new(sides, INK.filled()))?;
        let label = format!("{}  {}", short(name), percent(place.share));
        let middle = pixels(f64::midpoint(place.top, bottom));
        write_text(area, &label, (words, middle), &text(14, anchor))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(from: &str, to: &str, share: f64) -> Flow {
        Flow { from: from.to_owned(), to: to.to_owned(), share, because: Some(to.to_owned()) }
    }

    #[test]
    fn every_node_and_every_pair_is_drawn() {
        let flows = (0..100).map(|n| flow(&format!("old-{n}."), "new", 1e-4)).collect();
        let svg = movement("a title", flows).expect("a picture");
        assert!((0..100).all(|n| svg.contains(&format!("old-{n}.  0.0100 %"))));
        assert!(svg.contains("new  1.00 %"), "{svg}");
        assert_eq!((svg.matches("<polygon").count(), svg.matches("<rect").count()), (100, 101));
    }

    #[test]
    fn nothing_that_moves_is_a_picture_too() {
        let svg = movement("a title", Vec::new()).expect("a picture");
        assert!(svg.contains("nothing moves"), "{svg}");
    }

    #[test]
    fn the_smallest_of_too_many_are_gathered() {
        let flows: Vec<Flow> =
            (0..500).map(|n| flow(&format!("old-{n}."), "new", f64::from(n + 1))).collect();
        let all: f64 = flows.iter().map(|flow| flow.share).sum();
        let flows = gathered(flows, |flow| &mut flow.from);
        assert_eq!(flows.len(), SIDE_MAX);
        let rest = flows.iter().find(|flow| flow.from == "… 351 others").expect("the others");
        assert_eq!(rest.share, (1..=351).map(f64::from).sum::<f64>());
        assert_eq!(flows.iter().map(|flow| flow.share).sum::<f64>(), all);
    }

    #[test]
    fn names_have_room() {
        let flows: Vec<Flow> =
            (0..300).map(|n| flow(&format!("a{n}"), &format!("b{}", n % 7), 0.001)).collect();
        let flows = gathered(flows, |flow| &mut flow.from);
        let places = placed(&sums(&flows, |flow| &flow.from), 100.0, 0.0);
        let mut middles: Vec<f64> = places.values().map(|p| p.top + p.height / 2.0).collect();
        middles.sort_by(f64::total_cmp);
        assert!(middles.windows(2).all(|pair| pair[1] - pair[0] >= STEP));
    }
}
