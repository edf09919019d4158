//! Line and scatter figures as SVG, coloured by CSS variables so that one drawing serves light and dark pages.
use std::fmt::Write as _;

use super::html::escape;
use super::scale::{Scale, Spacing, label};

/// A figure.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    /// Name of its files.
    pub(super) name: String,
    /// Its heading.
    pub(super) title: String,
    /// What one sees, below it.
    pub(super) caption: String,
    pub(super) x: AxisStyle,
    pub(super) y: AxisStyle,
    pub(super) series: Vec<Series>,
    /// Whether the diagonal y = x is drawn.
    pub(super) diagonal: bool,
}

/// An axis.
#[derive(Clone, Debug)]
pub(super) struct AxisStyle {
    pub(super) title: &'static str,
    pub(super) spacing: Spacing,
}

/// Points that belong together.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) points: Vec<Point>,
    pub(super) style: Style,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Points joined in their order, with error bars.
    LineAndPoints,
    /// A line.
    Line,
    /// A level over the whole width: the y of its first point.
    Level,
}

/// A point with its intervals.
#[derive(Clone, Debug, Default)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) x_interval: Option<(f64, f64)>,
    pub(super) y_interval: Option<(f64, f64)>,
    /// Written beside it.
    pub(super) label: String,
}

const WIDTH: f64 = 480.0;
const PLOT: (f64, f64, f64, f64) = (66.0, 14.0, 468.0, 262.0); // left, top, right, bottom
const LEGEND_TOP: f64 = 316.0;
const LEGEND_LINE: f64 = 19.0;
/// Colours of the style sheet; series beyond them repeat with another dash.
const COLOURS: usize = 8;

impl Figure {
    /// The `<svg>` element.
    pub(super) fn svg(&self) -> String {
        let (left, top, right, bottom) = PLOT;
        let x = self.scale(&self.x, (left, right), |p| (p.x, p.x_interval));
        let y = self.scale(&self.y, (bottom, top), |p| (p.y, p.y_interval));
        let height = LEGEND_TOP + LEGEND_LINE * self.series.len() as f64;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n",
            escape(&self.title)
        );
        self.frame(&mut svg, &x, &y);
        if self.diagonal {
            diagonal(&mut svg, &self.series, &x, &y);
        }
        for (index, series) in self.series.iter().enumerate() {
            draw(&mut svg, index, series, &x, &y);
            legend(&mut svg, index, series);
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// A file of its own, with its colours in it.
    pub(super) fn file(&self) -> String {
        let svg = self.svg();
        let end_of_tag = svg.find(">\n").map_or(0, |position| position + 2);
        format!("{}<style>{}</style>\n{}", &svg[..end_of_tag], super::style::FIGURES, &svg[end_of_tag..])
    }

    fn scale(
        &self,
        style: &AxisStyle,
        (from, to): (f64, f64),
        of: impl Fn(&Point) -> (f64, Option<(f64, f64)>),
    ) -> Scale {
        let is_x = style.title == self.x.title && from < to;
        let values = self.series.iter().filter(|series| !(is_x && series.style == Style::Level)).flat_map(|series| {
            series.points.iter().flat_map(|point| {
                let (value, interval) = of(point);
                let (low, high) = interval.unwrap_or((value, value));
                [value, low, high]
            })
        });
        Scale::around(values, style.spacing, from, to)
    }

    fn frame(&self, svg: &mut String, x: &Scale, y: &Scale) {
        let (left, top, right, bottom) = PLOT;
        for tick in x.ticks() {
            let Some(at) = x.place(tick) else { continue };
            let _ = writeln!(svg, "<line class=\"grid\" x1=\"{at:.1}\" y1=\"{top}\" x2=\"{at:.1}\" y2=\"{bottom}\"/>");
            let _ = writeln!(
                svg,
                "<text class=\"tick\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 17.0,
                label(tick)
            );
        }
        for tick in y.ticks() {
            let Some(at) = y.place(tick) else { continue };
            let _ = writeln!(svg, "<line class=\"grid\" x1=\"{left}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\"/>");
            let _ = writeln!(
                svg,
                "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 6.0,
                at + 4.0,
                label(tick)
            );
        }
        let _ = writeln!(svg, "<path class=\"axis\" d=\"M{left} {top}V{bottom}H{right}\"/>");
        let (middle, centre) = (f64::midpoint(left, right), f64::midpoint(top, bottom));
        let _ = writeln!(
            svg,
            "<text class=\"title\" x=\"{middle}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 37.0,
            escape(self.x.title)
        );
        let _ = writeln!(
            svg,
            "<text class=\"title\" transform=\"translate(14 {centre}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escape(self.y.title)
        );
    }
}

fn class(index: usize) -> String {
    let dash = if (index / COLOURS).is_multiple_of(2) { "" } else { " dashed" };
    format!("s{}{dash}", index % COLOURS)
}

fn draw(svg: &mut String, index: usize, series: &Series, x: &Scale, y: &Scale) {
    let class = class(index);
    let (left, _, right, _) = PLOT;
    let placed: Vec<(&Point, f64, f64)> =
        series.points.iter().filter_map(|point| Some((point, x.place(point.x)?, y.place(point.y)?))).collect();
    if series.style == Style::Level {
        if let Some(at) = series.points.first().and_then(|point| y.place(point.y)) {
            let _ = writeln!(svg, "<path class=\"line {class} level\" d=\"M{left} {at:.1}H{right}\"/>");
        }
        return;
    }
    let path: Vec<String> = placed.iter().map(|(_, x, y)| format!("{x:.1} {y:.1}")).collect();
    if path.len() > 1 {
        let _ = writeln!(svg, "<path class=\"line {class}\" d=\"M{}\"/>", path.join("L"));
    }
    if series.style == Style::Line {
        return;
    }
    for (point, at_x, at_y) in placed {
        let bar = |svg: &mut String, d: String| {
            let _ = writeln!(svg, "<path class=\"bar {class}\" d=\"{d}\"/>");
        };
        if let Some((low, high)) = point.y_interval.and_then(|(low, high)| Some((y.place(low)?, y.place(high)?))) {
            bar(svg, format!("M{at_x:.1} {low:.1}V{high:.1}"));
        }
        if let Some((low, high)) = point.x_interval.and_then(|(low, high)| Some((x.place(low)?, x.place(high)?))) {
            bar(svg, format!("M{low:.1} {at_y:.1}H{high:.1}"));
        }
        let title = format!("{} {}: {}, {}", series.name, point.label, label(point.x), label(point.y));
        let _ = writeln!(
            svg,
            "<circle class=\"point {class}\" cx=\"{at_x:.1}\" cy=\"{at_y:.1}\" r=\"4\"><title>{}</title></circle>",
            escape(&title)
        );
        if !point.label.is_empty() {
            let _ = writeln!(
                svg,
                "<text class=\"note\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                at_x + 6.0,
                at_y - 6.0,
                escape(&point.label)
            );
        }
    }
}

fn legend(svg: &mut String, index: usize, series: &Series) {
    let (class, at) = (class(index), LEGEND_TOP + LEGEND_LINE * index as f64);
    let level = if series.style == Style::Level { " level" } else { "" };
    let _ = writeln!(svg, "<path class=\"line {class}{level}\" d=\"M{} {at:.1}h26\"/>", PLOT.0);
    let name: String = if series.name.chars().count() > 58 {
        series.name.chars().take(57).chain(['…']).collect()
    } else {
        series.name.clone()
    };
    let _ = writeln!(
        svg,
        "<text class=\"legend\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        PLOT.0 + 34.0,
        at + 4.0,
        escape(&name)
    );
}

/// The part of y = x that both scales can show.
fn diagonal(svg: &mut String, series: &[Series], x: &Scale, y: &Scale) {
    let values = || series.iter().flat_map(|series| series.points.iter().map(|point| point.x));
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    if let (Some(x1), Some(y1), Some(x2), Some(y2)) = (x.place(low), y.place(low), x.place(high), y.place(high)) {
        let _ = writeln!(svg, "<path class=\"axis level\" d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(points: Vec<Point>) -> Figure {
        let axis = |title| AxisStyle { title, spacing: Spacing::Linear };
        let series = vec![Series { name: "a <b> & c".into(), points, style: Style::LineAndPoints }];
        Figure {
            name: "f".to_owned(),
            title: "T \"q\"".into(),
            caption: String::new(),
            x: axis("x"),
            y: axis("y"),
            series,
            diagonal: true,
        }
    }

    #[test]
    fn every_point_is_drawn_and_text_is_escaped() {
        let point = |x, y| Point { x, y, y_interval: Some((y - 0.1, y + 0.1)), ..Point::default() };
        let svg = figure(vec![point(1.0, 2.0), point(2.0, 3.0), point(f64::NAN, 1.0)]).svg();
        assert_eq!((svg.matches("<circle").count(), svg.matches("class=\"bar").count()), (2, 2));
        assert!(svg.contains("a &lt;b&gt; &amp; c") && svg.contains("T &quot;q&quot;"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn a_figure_without_points_is_still_one() {
        let file = figure(Vec::new()).file();
        assert!(file.starts_with("<svg") && file.contains("<style>") && file.trim_end().ends_with("</svg>"));
    }
}
