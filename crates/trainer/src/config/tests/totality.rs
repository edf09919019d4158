//! No text, however odd, makes loading panic.

use proptest::prelude::*;

use super::super::document::Node;
use super::*;

proptest! {
    #[test]
    fn any_bytes_are_a_plan_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Node::parse(&bytes, Path::new("a.toml"));
    }

    #[test]
    fn a_damaged_config_is_a_plan_or_an_error(at in 0..RUN.len(), byte in 32_u8..127, removed in 0_usize..30) {
        let mut bytes = RUN.as_bytes().to_vec();
        bytes.splice(at..(at + removed).min(RUN.len()), [byte]);
        let run = String::from_utf8(bytes).expect("ASCII");
        if let Err(error) = load(&run, &[]) {
            let text = error.to_string();
            prop_assert!(!text.is_empty() && !text.contains('\n'), "{}", text);
        }
    }

    #[test]
    fn any_override_is_a_plan_or_an_error(set in "(model|training|data|embedding)?[.]?[a-z_.]{0,8}=.{0,12}") {
        if let Err(error) = load(RUN, &[&set]) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn deep_nesting_is_an_error_or_a_plan_and_no_overflow() {
    for text in [
        format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("{}b = 1", "a.".repeat(50_000)),
        format!("[{}b]", "a.".repeat(50_000)),
        format!("a = {}", "{a = ".repeat(100_000)),
    ] {
        let text = message(&text, &[]);
        assert!(text.starts_with("configs/run.toml:1:"), "{text}");
    }
    let way = format!("{}b=1", "a.".repeat(50_000));
    assert!(load(RUN, &[&way]).is_err());
}
