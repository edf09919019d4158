//! The textual form of an activation: `Name` or `Name(parameter=value, …)`.

use super::ActivationError;

/// A text taken apart, its parts not yet checked against what is known.
#[derive(Debug, PartialEq)]
pub(super) struct Call<'a> {
    /// Before the parenthesis.
    pub(super) name: &'a str,
    /// The parameters in the order written.
    pub(super) arguments: Vec<(&'a str, &'a str)>,
}

impl<'a> Call<'a> {
    /// Takes `text` apart.
    pub(super) fn parse(text: &'a str) -> Result<Self, ActivationError> {
        let wrong = |problem| ActivationError::Syntax { text: text.to_owned(), problem };
        let trimmed = text.trim();
        let Some((name, rest)) = trimmed.split_once('(') else {
            return match trimmed {
                "" => Err(wrong("it is empty")),
                name if name.contains([')', '=', ',']) => Err(wrong("the opening parenthesis is missing")),
                name => Ok(Self { name, arguments: Vec::new() }),
            };
        };
        let inner = rest.strip_suffix(')').ok_or_else(|| wrong("the closing parenthesis is missing"))?;
        if inner.contains(['(', ')']) {
            return Err(wrong("there is more than one pair of parentheses"));
        }
        let name = name.trim();
        if name.is_empty() {
            return Err(wrong("the name is missing"));
        }
        if inner.trim().is_empty() {
            return Ok(Self { name, arguments: Vec::new() });
        }
        let argument = |part: &'a str| {
            let (key, value) = part.split_once('=').ok_or_else(|| wrong("a parameter has no \"=\""))?;
            Ok((key.trim(), value.trim()))
        };
        Ok(Self { name, arguments: inner.split(',').map(argument).collect::<Result<_, _>>()? })
    }
}

/// The candidate that differs from `word` by the fewest letters, whatever their case.
pub(super) fn nearest(word: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let word = word.to_lowercase();
    candidates.min_by_key(|candidate| strsim::damerau_levenshtein(&word, &candidate.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_apart_with_any_spacing() {
        let expected = Call { name: "F", arguments: vec![("a", "1"), ("b", "2e-3")] };
        assert_eq!(Call::parse("F(a=1,b=2e-3)"), Ok(expected));
        assert_eq!(Call::parse("  F ( ) ").map(|call| call.name), Ok("F"));
    }

    #[test]
    fn each_malformed_text_is_told_what_is_wrong() {
        for (text, problem) in [
            ("", "empty"),
            ("  ", "empty"),
            ("(a=1)", "name is missing"),
            ("F(a=1", "closing parenthesis"),
            ("F a=1)", "opening parenthesis"),
            ("F(a=1)(b=2)", "more than one pair"),
            ("F(a)", "no \"=\""),
            ("F(a=1,)", "no \"=\""),
        ] {
            let message = Call::parse(text).map_or_else(|error| error.to_string(), |_| String::new());
            assert!(message.contains(problem), "{text:?} gave {message:?}");
        }
    }
}
