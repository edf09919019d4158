//! The plot of the family and its derivatives, as SVG on the standard output.
//!
//! `cargo run -p smelu --example 03_family_plot > crates/smelu/docs/family.svg`

use std::fmt::Write as _;

use smelu::{ActivationConfig, ActivationError};

/// The curves and their colours.
const CURVES: &[(&str, &str)] = &[
    ("ReLU", "#888888"),
    ("SmeLU(beta=1)", "#0a58ca"),
    ("LeakySmeLU(beta=1, slope=0.1)", "#2a9d8f"),
    ("gSmeLU(alpha=1.5, beta=0.5, g_minus=-0.2)", "#d1495b"),
    ("RESCU-quintic(alpha=1, beta=1)", "#8338ec"),
    ("Swish(beta=1)", "#e09f3e"),
    ("GELU", "#6c757d"),
];

const PANEL: f64 = 420.0;
const MARGIN: f64 = 30.0;

/// A panel of the plot: what it shows, and the range of its vertical axis.
struct Panel {
    title: &'static str,
    left: f64,
    low: f64,
    high: f64,
}

impl Panel {
    fn x(&self, x: f64) -> f64 {
        self.left + (x + 3.0) / 6.0 * PANEL
    }

    fn y(&self, y: f64) -> f64 {
        MARGIN + (self.high - y) / (self.high - self.low) * PANEL
    }

    fn draw(&self, svg: &mut String, of: impl Fn(&ActivationConfig, f64) -> f64) -> Result<(), ActivationError> {
        let (left, right) = (self.x(-3.0), self.x(3.0));
        line(svg, (left, self.y(0.0)), (right, self.y(0.0)));
        line(svg, (self.x(0.0), self.y(self.low)), (self.x(0.0), self.y(self.high)));
        text(svg, left, MARGIN - 10.0, "#222222", self.title);
        for (name, colour) in CURVES {
            let config: ActivationConfig = name.parse()?;
            let point = |i: i32| {
                let x = f64::from(i) / 100.0;
                format!("{:.2},{:.2}", self.x(x), self.y(of(&config, x).clamp(self.low, self.high)))
            };
            let points: Vec<String> = (-300..=300).map(point).collect();
            push(
                svg,
                &format!("<polyline fill='none' stroke='{colour}' stroke-width='1.8' points='{}'/>", points.join(" ")),
            );
        }
        Ok(())
    }
}

fn push(svg: &mut String, element: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "{element}");
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64)) {
    let (x1, y1, x2, y2) = (from.0, from.1, to.0, to.1);
    push(svg, &format!("<line x1='{x1}' y1='{y1:.2}' x2='{x2}' y2='{y2:.2}' stroke='#cccccc'/>"));
}

fn text(svg: &mut String, x: f64, y: f64, colour: &str, words: &str) {
    push(svg, &format!("<text x='{x}' y='{y}' fill='{colour}' font-family='sans-serif' font-size='13'>{words}</text>"));
}

#[allow(clippy::print_stdout, reason = "the plot is what the example is for")]
fn main() -> Result<(), ActivationError> {
    let (width, height) = (2.0 * PANEL + 3.0 * MARGIN, PANEL + 2.0 * MARGIN + 90.0);
    let mut svg = String::new();
    push(&mut svg, &format!("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}'>"));
    push(&mut svg, "<rect width='100%' height='100%' fill='#ffffff'/>");
    let values = Panel { title: "value", left: MARGIN, low: -0.5, high: 2.5 };
    let slopes = Panel { title: "slope", left: PANEL + 2.0 * MARGIN, low: -0.3, high: 1.2 };
    values.draw(&mut svg, |config, x| config.curve().value(x))?;
    slopes.draw(&mut svg, |config, x| config.curve().slope(x))?;
    for (i, (name, colour)) in CURVES.iter().enumerate() {
        let (column, row) = ((i % 2) as f64, (i / 2) as f64);
        text(&mut svg, MARGIN + column * (PANEL + MARGIN), PANEL + 2.0 * MARGIN + 20.0 * row, colour, name);
    }
    push(&mut svg, "</svg>");
    print!("{svg}");
    Ok(())
}
