//! What the command says of itself.
use crate::workspace::Workspace;

#[test]
fn every_verb_explains_itself_with_an_example() {
    let workspace = Workspace::new();
    let help = workspace.succeed(&["--help"]);
    for verb in ["prepare", "train", "resume", "eval", "predict", "inspect", "compare"] {
        assert!(help.contains(verb), "{help}");
        let help = workspace.succeed(&[verb, "--help"]);
        assert!(help.contains("Example") && help.contains(&format!("ctr {verb} ")), "{help}");
    }
}

#[test]
fn an_unknown_verb_is_a_usage_error() {
    let output = Workspace::new().run(&["trian"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("train"));
}
