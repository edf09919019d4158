//! What the command says of itself.
use crate::workspace::Workspace;

#[test]
fn every_verb_explains_itself_with_an_example() {
    let workspace = Workspace::new();
    let help = workspace.succeed(&["--help"]);
    for verb in ["prepare", "train", "resume", "eval", "predict", "inspect", "compare", "devices", "export", "verify"] {
        assert!(help.contains(verb), "{help}");
        let help = workspace.succeed(&[verb, "--help"]);
        assert!(help.contains("Example") && help.contains(&format!("ctr {verb} ")), "{help}");
    }
}

#[test]
fn devices_are_listed_with_their_state() {
    let list = Workspace::new().succeed(&["devices"]);
    let state = |device: &str| {
        let line = list.lines().find(|line| line.split_whitespace().next() == Some(device));
        line.unwrap_or_else(|| panic!("no {device} in: {list}")).to_owned()
    };
    for device in ["flex", "ndarray"] {
        assert!(state(device).contains("ready"), "{list}");
    }
    for (device, built) in [("wgpu", cfg!(feature = "wgpu")), ("cuda", cfg!(feature = "cuda"))] {
        assert_eq!(state(device).contains(&format!("--features {device}")), !built, "{list}");
    }
}

#[test]
fn an_unknown_verb_is_a_usage_error() {
    let output = Workspace::new().run(&["trian"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("train"));
}
