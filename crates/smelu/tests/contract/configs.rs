//! The textual form, serde, and modules made from it.

use burn::backend::Flex;
use burn::backend::flex::FlexDevice;
use burn::module::Module;
use burn::record::{BinBytesRecorder, FullPrecisionSettings, Recorder};
use burn::tensor::DType;
use proptest::prelude::*;
use smelu::{
    Activation, ActivationConfig, ActivationError, GSmeluConfig, LongCascadeConfig, ParameterConfig, SmeluConfig,
};

use crate::backends::{close, elements, tensor};

fn parse(text: &str) -> Result<ActivationConfig, ActivationError> {
    text.parse()
}

fn message(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn names_are_taken_in_any_case_and_written_in_one() {
    for (text, written) in [
        ("SmeLU(beta=0.5)", "SmeLU(beta=0.5)"),
        ("smelu( beta = 5e-1 )", "SmeLU(beta=0.5)"),
        ("SMELU", "SmeLU(beta=0.5)"),
        ("SmeLU()", "SmeLU(beta=0.5)"),
        ("SmeLU(beta=-0.0)", "SmeLU(beta=0)"),
        ("SmeLU(beta=0.5@layer)", "SmeLU(beta=0.5@layer)"),
        ("SmeLU(beta=0.5 @unit)", "SmeLU(beta=0.5@unit)"),
        ("SmeLU(beta=0.5@unit:exp)", "SmeLU(beta=0.5@unit)"),
        ("smelu(beta=0.5@layer:softplus)", "SmeLU(beta=0.5@layer:softplus)"),
        ("prelu", "PReLU(slope=0.25@layer)"),
        ("silu", "Swish(beta=1)"),
        ("gelu-tanh", "GELU-tanh"),
        ("gsmelu(t=1, alpha=2)", "gSmeLU(alpha=2, beta=0.5, g_minus=0, g_plus=1, t=1)"),
        ("relu", "ReLU"),
        ("ReLU()", "ReLU"),
        (" identity ", "Identity"),
    ] {
        assert_eq!(parse(text).expect(text).to_string(), written);
    }
}

#[test]
fn errors_name_what_is_near_and_what_was_expected() {
    let unknown = message("SmeLUU(beta=1)");
    assert!(unknown.contains("\"SmeLUU\"") && unknown.contains("did you mean \"SmeLU\"?"), "{unknown}");
    assert!(unknown.contains("known: SmeLU, LeakySmeLU, MeanFreeSmeLU, gSmeLU"), "{unknown}");
    assert_eq!(message("SmeLU(bta=1)"), "SmeLU has no parameter \"bta\"; did you mean \"beta\"?");
    assert_eq!(message("ReLU(beta=1)"), "ReLU has no parameter \"beta\"; it takes none");
    assert_eq!(message("SmeLU(beta=1, beta=2)"), "SmeLU: parameter \"beta\" is given twice; keep one");
    assert_eq!(message("SmeLU(beta=wide)"), "SmeLU: beta = \"wide\" is not a number; expected a number from 0 to 1e30");
    for value in ["-1", "nan", "inf", "-inf", "1e31", "1e999"] {
        let error = message(&format!("SmeLU(beta={value})"));
        assert!(error.contains("is out of range; expected a number from 0 to 1e30"), "{error}");
    }
    assert_eq!(
        message("SmeLU(beta=1@row)"),
        "SmeLU: beta has the suffix \"@row\"; write \"@layer\" or \"@unit\", either with \":softplus\" or \":exp\" behind it \
         or not, or no suffix"
    );
    assert!(message("SmeLU(beta=1@unit:soft)").contains("the suffix \"@unit:soft\""));
    assert_eq!(
        message("gSmeLU(t=1@unit:softplus)"),
        "gSmeLU: t = 1@unit:softplus has \":softplus\", but it may be negative; leave that out"
    );
    let fixed = SmeluConfig::new(ParameterConfig::from(1.0).through_softplus()).expect_err("it is not learnt");
    assert!(fixed.to_string().contains("but it is not learnt"), "{fixed}");
    assert!(message("SmeLU(beta=0@unit)").contains("expected a number from 1e-30 on where it is learnt"));
    assert_eq!(
        message("Cascade2(hi1=3)"),
        "Cascade2: hi1 = 3 lies above lo2 = 0.5; expected lo1 <= hi1 <= lo2 and so on"
    );
    assert_eq!(
        message("Cascade16(hi16=28)"),
        "Cascade16: lo16 = 28.5 lies above hi16 = 28; expected lo1 <= hi1 <= lo2 and so on"
    );
    assert_eq!(message("Cascade5(lo6=1)"), "Cascade5 has no parameter \"lo6\"; did you mean \"lo1\"?");
    assert!(message("Cascade17").contains("unknown activation \"Cascade17\""));
    assert!(message("Cascade17").ends_with("Cascade15, Cascade16"));
    assert!(SmeluConfig::new(f64::NAN).is_err() && SmeluConfig::new(-1e-9).is_err());
}

#[test]
fn serde_writes_one_string() {
    let config = parse("smelu(beta=0.25)").expect("it is well formed");
    let json = serde_json::to_string(&config).expect("a string is written");
    assert_eq!(json, "\"SmeLU(beta=0.25)\"");
    assert_eq!(serde_json::from_str::<ActivationConfig>(&json).expect("it was just written"), config);
    let error = serde_json::from_str::<ActivationConfig>("\"Relo\"").expect_err("no such activation");
    assert!(error.to_string().contains("did you mean \"ReLU\"?"), "{error}");
}

#[test]
fn a_module_reads_like_its_config_and_computes_what_it_says() {
    let device = FlexDevice;
    for (text, expected) in
        [("SmeLU(beta=2)", [0.0, 0.5, 4.0]), ("ReLU", [0.0, 0.0, 4.0]), ("Identity", [-3.0, 0.0, 4.0])]
    {
        let config = parse(text).expect(text);
        let module: Activation<Flex> = config.init(3, &device);
        assert_eq!(module.to_string(), text);
        assert_eq!(module.config(), config);
        let y = module.forward(tensor::<Flex, 2>(&[-3.0, 0.0, 4.0], [1, 3], DType::F32));
        assert_eq!(elements(y), expected);
    }
}

/// A parameter starts at its value whichever number is trained for it, at any scale.
#[test]
fn a_learnt_parameter_starts_at_its_value() {
    for value in [1e-30, 1e-6, 0.5, 1.0, 30.0, 1e4, 1e30] {
        for parameter in [ParameterConfig::per_unit(value), ParameterConfig::per_layer(value).through_softplus()] {
            let module = SmeluConfig::new(parameter).expect("in range").init::<Flex>(3, &FlexDevice);
            for beta in elements(module.beta().learnt().expect("it is learnt")) {
                // The exponential of a rounded logarithm.
                assert!((beta / value - 1.0).abs() < 1e-5, "{parameter}: {beta}");
            }
        }
    }
}

#[test]
fn a_module_goes_through_a_record() {
    let device = FlexDevice;
    for text in ["SmeLU(beta=2)", "Cascade7(hi3=3@unit, g7=0.5@layer)"] {
        let config = parse(text).expect(text);
        let module: Activation<Flex> = config.init(3, &device);
        let recorder = BinBytesRecorder::<FullPrecisionSettings>::default();
        let bytes = recorder.record(module.into_record(), ()).expect("a record is written");
        let record = recorder.load(bytes, &device).expect("it was just written");
        let again: Activation<Flex> = config.init(3, &device).load_record(record);
        assert_eq!(again.config(), config);
    }
}

/// Numbers that stay.
fn fixed(numbers: &[f64]) -> Vec<ParameterConfig> {
    numbers.iter().map(|number| ParameterConfig::from(*number)).collect()
}

#[test]
fn a_long_cascade_is_made_of_its_parts_and_has_them() {
    let mut slopes = fixed(&[0.0, 1.0, -1.0, 0.5, 0.25, 1.0]);
    slopes[2] = ParameterConfig::per_unit(-1.0);
    let (begins, ends) = (fixed(&[-2.0, -1.0, 0.0, 1.0, 2.0]), fixed(&[-1.5, -0.5, 0.0, 2.0, 3.0]));
    let cascade = LongCascadeConfig::new(&begins, &ends, &slopes, 0.5).expect("the regions follow one another");
    assert_eq!((cascade.regions(), cascade.begins(), cascade.ends()), (5, &begins[..], &ends[..]));
    assert_eq!((cascade.slopes(), cascade.t()), (&slopes[..], 0.5.into()));
    let text = "Cascade5(lo1=-2, lo2=-1, lo3=0, lo4=1, lo5=2, hi1=-1.5, hi2=-0.5, hi3=0, hi4=2, hi5=3, g0=0, g1=1, \
                g2=-1@unit, g3=0.5, g4=0.25, g5=1, t=0.5)";
    assert_eq!(ActivationConfig::from(cascade.clone()).to_string(), text);

    let module = cascade.init::<Flex>(3, &FlexDevice);
    assert_eq!((module.regions(), module.config(), module.num_params()), (5, cascade, 3));
    let learnt = module.slopes()[2].learnt().expect("it is learnt");
    assert_eq!(elements(learnt), [-1.0; 3]);
    assert_eq!((module.begins().len(), module.ends().len(), module.t().config()), (5, 5, 0.5.into()));
}

#[test]
fn parts_of_a_long_cascade_that_do_not_go_together_are_told() {
    let message = |begins: &[f64], ends: &[f64], slopes: &[f64]| {
        LongCascadeConfig::new(&fixed(begins), &fixed(ends), &fixed(slopes), 0.0)
            .expect_err("a part is wrong")
            .to_string()
    };
    let (places, slopes) = ([0.0, 1.0, 2.0, 3.0, 4.0], [0.0; 6]);
    assert_eq!(message(&[0.0; 4], &[0.0; 4], &[0.0; 5]), "LongCascade: 4 begins of regions; expected 5 to 16");
    assert_eq!(message(&[0.0; 17], &[0.0; 17], &[0.0; 18]), "LongCascade: 17 begins of regions; expected 5 to 16");
    for (ends, slopes) in [(&places[1..], &slopes[..]), (&places[..], &slopes[1..])] {
        let problem = message(&places, ends, slopes);
        assert!(problem.ends_with("for 5 begins of regions; expected 5 ends and 6 slopes"), "{problem}");
    }
    let mut late = places;
    late[3] = 4.5;
    assert_eq!(
        message(&places, &late, &slopes),
        "Cascade5: hi4 = 4.5 lies above lo5 = 4; expected lo1 <= hi1 <= lo2 and so on"
    );
    assert!(
        message(&[0.0, 1.0, 2.0, 3.0, f64::NAN], &places, &slopes).starts_with("Cascade5: lo5 = NaN is out of range")
    );
}

/// The texts of all activations, with defaults.
fn defaults() -> Vec<String> {
    let known = message("no such activation");
    let (_, names) = known.split_once("known: ").expect("the message lists the names");
    names.split(", ").map(|name| parse(name).expect(name).to_string()).collect()
}

#[test]
fn every_activation_has_a_config_a_text_and_a_module() {
    let defaults = defaults();
    assert_eq!(defaults.len(), 37);
    for text in defaults {
        let config = parse(&text).expect(&text);
        assert_eq!(config.to_string(), text);
        let module: Activation<Flex> = config.init(3, &FlexDevice);
        assert_eq!((module.to_string(), module.config()), (text.clone(), config.clone()));
        // Every parameter can be learnt, unless it is a width of 0.
        let learnt = text.replace("@layer", "").replace(',', "@unit,").replace(')', "@unit)");
        if let Ok(config) = parse(&learnt) {
            let module: Activation<Flex> = config.init(3, &FlexDevice);
            assert_eq!(module.num_params(), 3 * config.parameters().len(), "{learnt}");
            let x = tensor::<Flex, 2>(&[-1.0, 0.5, 2.0], [1, 3], DType::F32);
            for (y, x) in elements(module.forward(x)).into_iter().zip([-1.0, 0.5, 2.0]) {
                assert!(close(y, config.curve().value(x), 1e-6), "{learnt} at {x}");
            }
        } else {
            panic!("{learnt} is not taken");
        }
    }
}

proptest! {
    #[test]
    fn every_config_survives_its_text(
        beta in prop_oneof![0.0..=1e30, Just(0.0), 0.0..10.0],
        slopes in [-1e6..1e6, -2.0..2.0_f64],
        learnt in 0..3,
        width in 1e-30..=1e30,
    ) {
        let smelu = SmeluConfig::new(beta).expect("in range");
        let learnt_width = SmeluConfig::new(ParameterConfig::per_unit(width).through_softplus()).expect("in range");
        let free = |value| match learnt {
            0 => ParameterConfig::from(value),
            1 => ParameterConfig::per_layer(value),
            _ => ParameterConfig::per_unit(value),
        };
        let gsmelu = GSmeluConfig::new(beta, 1.0, free(slopes[0]), free(slopes[1]), 0.0).expect("in range");
        for config in [ActivationConfig::from(smelu), learnt_width.into(), gsmelu.into()] {
            prop_assert_eq!(parse(&config.to_string()), Ok(config));
        }
    }

    #[test]
    fn every_long_cascade_survives_its_text(
        (steps, slopes) in (5..=16_usize).prop_flat_map(|regions| {
            let steps = prop::collection::vec(prop_oneof![Just(0.0), 0.0..3.0_f64], 2 * regions);
            (steps, prop::collection::vec((-1e6..1e6_f64, 0..3), regions + 1))
        }),
        t in -1e6..1e6_f64,
    ) {
        let mut end = -20.0;
        let places: Vec<f64> = steps.iter().map(|step| { end += step; end }).collect();
        let every_second = |from| fixed(&places.iter().skip(from).step_by(2).copied().collect::<Vec<_>>());
        let slope = |(value, learnt)| match learnt {
            0 => ParameterConfig::from(value),
            1 => ParameterConfig::per_layer(value),
            _ => ParameterConfig::per_unit(value),
        };
        let slopes: Vec<_> = slopes.into_iter().map(slope).collect();
        let config = LongCascadeConfig::new(&every_second(0), &every_second(1), &slopes, t).expect("in order");
        let config = ActivationConfig::from(config);
        prop_assert_eq!(parse(&config.to_string()), Ok(config.clone()));
        prop_assert_eq!(config.init::<Flex>(2, &FlexDevice).config(), config);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}|(SmeLU|relu|gSmeLU|)\\(?[a-z_=,0-9 ()e.@-]{0,20}\\)?") {
        let _ = parse(&text);
    }
}
