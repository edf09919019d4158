//! Pieces of an HTML page.
use super::scale::label;
use super::style;
use crate::ablation::{Estimate, Measure};

/// A text as it stands in HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A page of its own: no network, no script.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\">\n<title>{}</title>\n<style>{}{}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title),
        style::PAGE,
        style::FIGURES,
    )
}

/// A table; cells are HTML.
pub(super) fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let line = |tag: &str, cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| format!("<{tag}>{cell}</{tag}>")).collect();
        format!("<tr>{}</tr>\n", cells.concat())
    };
    let rows: Vec<String> = rows.iter().map(|row| line("td", row)).collect();
    format!(
        "<div class=\"scroll\"><table>\n<thead>{}</thead>\n<tbody>{}</tbody>\n</table></div>\n",
        line("th", head),
        rows.concat()
    )
}

/// An estimate with its interval below it.
pub(super) fn estimate(estimate: Option<&Estimate>) -> String {
    let Some(found) = estimate else { return "–".to_owned() };
    let range = found
        .low
        .zip(found.high)
        .map(|(low, high)| format!("<span class=\"range\">{} … {}</span>", digits(low), digits(high)));
    format!("{}{}", digits(found.value), range.unwrap_or_default())
}

/// A difference with its interval; coloured where the interval leaves 0 out and one direction is better.
pub(super) fn difference(found: Option<&Estimate>, measure: &Measure) -> String {
    let Some(found) = found else { return "–".to_owned() };
    let class = match (measure.less_is_better, found.low, found.high) {
        (Some(less), _, Some(high)) if high < 0.0 => {
            if less {
                " class=\"better\""
            } else {
                " class=\"worse\""
            }
        }
        (Some(less), Some(low), _) if low > 0.0 => {
            if less {
                " class=\"worse\""
            } else {
                " class=\"better\""
            }
        }
        _ => "",
    };
    let sign = if found.value > 0.0 { "+" } else { "" };
    let range = found
        .low
        .zip(found.high)
        .map(|(low, high)| format!("<span class=\"range\">{} … {}</span>", digits(low), digits(high)));
    format!("<span{class}>{sign}{}</span>{}", digits(found.value), range.unwrap_or_default())
}

/// A number in a table or sentence: five digits after the point where it is near 1, else as in a figure.
pub(super) fn digits(value: f64) -> String {
    let magnitude = value.abs();
    if value != 0.0 && magnitude < 1e-4 {
        format!("{value:.1e}")
    } else if magnitude < 10.0 {
        format!("{value:.5}")
    } else {
        label(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ablation::MEASURES;

    #[test]
    fn a_difference_is_coloured_only_where_its_interval_leaves_zero_out() {
        let at = |low: f64, high: f64| Estimate { value: f64::midpoint(low, high), low: Some(low), high: Some(high) };
        let pd = &MEASURES[0];
        assert!(difference(Some(&at(-0.3, -0.1)), pd).contains("better"));
        assert!(difference(Some(&at(0.1, 0.3)), pd).contains("worse"));
        let open = difference(Some(&at(-0.1, 0.3)), pd);
        assert!(!open.contains("better") && !open.contains("worse") && open.contains("+0.10000"), "{open}");
        let auc = MEASURES.iter().find(|measure| measure.key == "auc").unwrap();
        assert!(difference(Some(&at(0.1, 0.3)), auc).contains("better"));
        assert_eq!(difference(None, auc), "–");
    }

    #[test]
    fn a_page_asks_for_nothing_from_elsewhere() {
        let page = page("a & b", "<p>x</p>");
        assert!(page.contains("<title>a &amp; b</title>") && page.contains("viewport"));
        assert!(
            !page.contains("http") && !page.contains("<script") && !page.contains("@import") && !page.contains("url(")
        );
    }
}
