//! The values of a multi-hot field's text.

use crate::config::MultiHotConfig;
use crate::error::{Reason, Refusal, shown};

const NEXT: &str = "correct the row, or check `multi_hot` of this field";

/// Calls `visit` with each value of a list and its weight; an empty text is an empty list.
pub(super) fn for_each_value<'a>(
    config: MultiHotConfig,
    text: &'a str,
    mut visit: impl FnMut(&'a str, f32) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    if text.is_empty() {
        return Ok(());
    }
    for item in text.split(config.separator) {
        let (value, weight) = match config.weight_separator {
            None => (item, 1.0),
            Some(separator) => {
                let (value, weight) = item.rsplit_once(separator).ok_or_else(|| {
                    Refusal::new(shown(item.as_bytes()), format!("a value, {separator:?} and a weight"), NEXT)
                        .reason(Reason::List)
                })?;
                (value, parse_weight(weight)?)
            }
        };
        if value.is_empty() {
            return Err(Refusal::new("an empty value in a list".to_owned(), "a value", NEXT).reason(Reason::List));
        }
        visit(value, weight)?;
    }
    Ok(())
}

fn parse_weight(text: &str) -> Result<f32, Refusal> {
    match text.parse::<f32>() {
        Ok(weight) if weight.is_finite() && weight > 0.0 => Ok(weight),
        _ => Err(Refusal::new(shown(text.as_bytes()), "a finite weight > 0", NEXT).reason(Reason::List)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Pooling;

    fn values(text: &str, weights: Option<char>) -> Result<Vec<(String, f32)>, Refusal> {
        let config = MultiHotConfig { separator: '|', weight_separator: weights, pooling: Pooling::Sum };
        let mut found = Vec::new();
        for_each_value(config, text, |value, weight| {
            found.push((value.to_owned(), weight));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn lists_are_taken_apart() {
        let one = |value: &str, weight| (value.to_owned(), weight);
        assert_eq!(values("", None).unwrap(), []);
        assert_eq!(values("a:1|b|a:1", None).unwrap(), [one("a:1", 1.0), one("b", 1.0), one("a:1", 1.0)]);
        assert_eq!(values("x:y:0.5|b:2e1", Some(':')).unwrap(), [one("x:y", 0.5), one("b", 20.0)]);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for (text, weights) in [
            ("a||b", None),
            ("|a", None),
            ("a|", None),
            ("a", Some(':')),
            ("a:", Some(':')),
            (":1", Some(':')),
            ("a:-1", Some(':')),
            ("a:nan", Some(':')),
        ] {
            assert!(values(text, weights).is_err(), "{text}");
        }
    }
}
