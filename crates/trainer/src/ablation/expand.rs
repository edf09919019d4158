//! From a study file to the runs it asks for.
use std::path::Path;

use super::config::assignments;
use super::{AblationConfig, AblationError, Level, Source};
use crate::config::{Overrides, Plan};
use crate::repro::{SeedStreams, Stream};

/// A study with every run's plan resolved and checked.
#[derive(Clone, Debug)]
pub struct Study {
    /// Its name.
    pub name: String,
    /// The study file.
    pub config: AblationConfig,
    /// The settings, the last axis running fastest.
    pub settings: Vec<Setting>,
    /// The runs: replica 0 of every setting, then replica 1, …, so that all settings can be compared early.
    pub runs: Vec<Run>,
}

/// One point of the grid.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The name of its level on each axis.
    pub levels: Vec<String>,
    /// What differs between its replicas.
    pub vary: Vec<Source>,
    /// The activation of its model without parameters, such as `SmeLU`; the model's type where it has none.
    pub family: String,
    /// The half-width β of the activation's transition: that of SmeLU, and for families that are sharper the larger their `beta` is, that of the
    /// SmeLU with the same curvature at 0.
    pub beta: Option<f64>,
    /// The setting that differences are taken to: the first level of the compared axis. `None` for such a setting itself.
    pub baseline: Option<usize>,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name and that of its folder.
    pub id: String,
    /// Index of its setting.
    pub setting: usize,
    /// Number of the replica, from 0.
    pub replica: usize,
    /// What is trained.
    pub plan: Plan,
}

impl Setting {
    /// The levels in one line.
    #[must_use]
    pub fn title(&self) -> String {
        if self.levels.is_empty() { "base".to_owned() } else { self.levels.join(", ") }
    }
}

impl Study {
    /// Reads a study file and resolves every run; `overrides` (folders, device) hold for all of them.
    ///
    /// # Errors
    /// When the file is no study, or a setting's run config is refused.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, AblationError> {
        let config = AblationConfig::load(path)?;
        let base = path.parent().unwrap_or(Path::new("")).join(&config.base);
        let grid = grid(&config);
        let mut ids: Vec<String> = Vec::with_capacity(grid.len());
        let mut settings = Vec::with_capacity(grid.len());
        let mut runs = Vec::with_capacity(grid.len() * config.replicas);
        for (index, point) in grid.iter().enumerate() {
            let vary = point.iter().rev().find_map(|level| level.vary.clone()).unwrap_or_else(|| config.vary.clone());
            let mut setting = Setting {
                levels: point.iter().map(|level| level.name.clone()).collect(),
                vary,
                family: String::new(),
                beta: None,
                baseline: baseline(&config, index),
            };
            let slug = slug(&setting.title());
            let id = if ids.contains(&slug) { format!("{slug}-{index}") } else { slug };
            ids.push(id.clone());
            let set = [assignments(&config.set), point.iter().flat_map(|level| assignments(&level.set)).collect()];
            let load = |more: Vec<String>| {
                let set = set.concat().into_iter().chain(overrides.set.iter().cloned()).chain(more).collect();
                Plan::load(&base, &Overrides { set, ..overrides.clone() })
                    .map_err(|cause| AblationError::Setting { setting: setting.title(), cause: Box::new(cause) })
            };
            let first = load(Vec::new())?;
            for replica in 0..config.replicas {
                let id = format!("{id}-r{replica:02}");
                let mut plan = load(source_keys(&setting.vary, &first, replica as u64))?;
                plan.name.clone_from(&id);
                runs.push(Run { id, setting: index, replica, plan });
            }
            (setting.family, setting.beta) = activation(&first)?;
            settings.push(setting);
        }
        runs.sort_by_key(|run| (run.replica, run.setting));
        let file_name =
            || path.file_stem().map_or_else(|| "study".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let name = config.name.clone().unwrap_or_else(file_name);
        Ok(Self { name, config, settings, runs })
    }

    /// The runs of a setting, by replica.
    pub fn runs_of(&self, setting: usize) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.setting == setting)
    }
}

/// The Cartesian product of the axes, the last one running fastest.
fn grid(config: &AblationConfig) -> Vec<Vec<Level>> {
    config.axes.iter().fold(vec![Vec::new()], |points, axis| {
        let levels = axis.levels();
        let extend = |point: Vec<Level>| {
            levels.iter().map(move |level| [point.clone(), vec![level.clone()]].concat()).collect::<Vec<_>>()
        };
        points.into_iter().flat_map(extend).collect()
    })
}

/// The point of the grid with the first level of the compared axis and the same levels otherwise.
fn baseline(config: &AblationConfig, index: usize) -> Option<usize> {
    let compared = config.compared_axis();
    let sizes: Vec<usize> = config.axes.iter().map(|axis| axis.levels().len()).collect();
    let stride: usize = sizes.iter().skip(compared + 1).product();
    let level = (index / stride) % sizes.get(compared).copied().unwrap_or(1);
    (level > 0).then(|| index - level * stride)
}

/// The keys in which replica `replica` differs from the setting's plan.
fn source_keys(vary: &[Source], plan: &Plan, replica: u64) -> Vec<String> {
    let seeds =
        SeedStreams::new(plan.seed.wrapping_add(replica) & (u64::MAX >> 1), crate::repro::SeedOverrides::default());
    let key = |source: &Source| match source {
        Source::Init => Some(format!("seeds.init={}", seeds.seed(Stream::Init))),
        Source::Shuffle => Some(format!("seeds.shuffle={}", seeds.seed(Stream::Shuffle))),
        Source::Dropout => Some(format!("seeds.dropout={}", seeds.seed(Stream::Dropout))),
        Source::OneUlp => (replica > 0).then(|| format!("perturb.one_ulp={}", replica - 1)),
        Source::ReductionOrder => (replica > 0).then(|| format!("perturb.reduction_order={replica}")),
    };
    vary.iter().filter_map(key).collect()
}

/// The family and the β of a plan's activation, from the text in its config.
fn activation(plan: &Plan) -> Result<(String, Option<f64>), AblationError> {
    let table: toml::Table = plan.to_toml()?.parse().unwrap_or_default();
    let model = table.get("model").and_then(|model| model.as_table());
    let text = |key: &str| model.and_then(|model| model.get(key)).and_then(|value| value.as_str());
    let Some(activation) = text("activation") else {
        return Ok((text("type").unwrap_or("model").to_owned(), None));
    };
    let (family, parameters) = activation.split_once('(').unwrap_or((activation, ""));
    let beta = parameters.trim_end_matches(')').split(',').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        // A learnt parameter is written with how it is learnt behind its initial value: `0.5@layer`.
        let value = value.split('@').next().unwrap_or_default();
        (name.trim() == "beta").then(|| value.trim().parse().ok()).flatten()
    });
    let beta = beta.map(|beta: f64| half_width(family, beta));
    let learnt = parameters.contains('@');
    Ok((if learnt { format!("{family}, learnt") } else { family.to_owned() }, beta))
}

/// β of the SmeLU with the same curvature at 0, 1/(2β): Swish has `beta`/2, `SoftPlus` `beta`/4, and so on.
fn half_width(family: &str, beta: f64) -> f64 {
    let of_one = match family {
        "Swish" => 1.0,
        "SoftPlus" => 2.0,
        "GELU" => 0.626_66,
        "Mish" => 0.781_25,
        "TanhExp" => 0.595_27,
        _ => return beta,
    };
    of_one / beta
}

/// A name for a folder: lower-case letters, digits, dots and single dashes.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.chars() {
        if c.is_ascii_alphanumeric() || c == '.' {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches(['-', '.']).chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn study(text: &str) -> Study {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("run.toml"), RUN).unwrap();
        fs::write(folder.path().join("study.toml"), format!("base = \"run.toml\"\n{text}")).unwrap();
        Study::load(&folder.path().join("study.toml"), &Overrides::default()).unwrap()
    }

    const RUN: &str = "seed = 5\n[data.dataset]\nname = \"d\"\n[data.dataset.source]\nformat = \"synthetic\"\nseed = 1\nrows = { train = \
                       10, valid = 10, test = 10 }\ncategorical = [{ name = \"a\", cardinality = 3, effect = 1.0 }]\n[model]\ntype = \
                       \"dnn\"\nhidden_units = [4]\n";

    const AXES: &str = "replicas = 2\ncompare = \"activation\"\n[[axes]]\nname = \"norm\"\nkey = \"model.batch_norm\"\nvalues = [false, \
                        true]\n[[axes]]\nname = \"activation\"\nkey = \"model.activation\"\nvalues = [\"ReLU\", \"SmeLU(beta=0.5)\", \
                        \"SmeLU(beta=1)\"]\n";

    #[test]
    fn the_grid_is_the_product_of_the_axes_with_a_baseline_for_each_point() {
        let study = study(AXES);
        assert_eq!(study.settings.len(), 6);
        assert_eq!(study.settings[4].levels, ["true", "SmeLU(beta=0.5)"]);
        assert_eq!((study.settings[4].family.as_str(), study.settings[4].beta), ("SmeLU", Some(0.5)));
        let baselines: Vec<_> = study.settings.iter().map(|setting| setting.baseline).collect();
        assert_eq!(baselines, [None, Some(0), Some(0), None, Some(3), Some(3)]);
        assert_eq!(study.runs[7].id, "false-smelu-beta-0.5-r01");
        assert_eq!((study.runs[7].setting, study.runs[7].replica), (1, 1));
    }

    #[test]
    fn replicas_share_their_seeds_across_settings_and_vary_only_what_they_should() {
        let all = study(AXES);
        let seeds =
            |setting: usize| -> Vec<_> { all.runs_of(setting).map(|run| run.plan.seed_streams().by_name()).collect() };
        assert_eq!(seeds(0), seeds(5));
        assert!(seeds(0)[0].iter().all(|(name, seed)| seeds(0)[1][name] != *seed));
        let one = study("replicas = 2\nvary = [\"shuffle\"]");
        let runs: Vec<_> = one.runs_of(0).map(|run| run.plan.seed_streams().by_name()).collect();
        assert_eq!((runs[0]["init"], runs[0]["dropout"]), (runs[1]["init"], runs[1]["dropout"]));
        assert_ne!(runs[0]["shuffle"], runs[1]["shuffle"]);
    }

    #[test]
    fn no_source_gives_equal_plans() {
        let fixed = study("replicas = 3\nvary = []");
        let fingerprints: Vec<_> = fixed.runs.iter().map(|run| run.plan.fingerprint().unwrap()).collect();
        assert!(fingerprints.windows(2).all(|pair| pair[0] == pair[1]));
        for source in ["one_ulp", "reduction_order"] {
            let varied = study(&format!("replicas = 2\nvary = [\"{source}\"]"));
            let fingerprints: Vec<_> = varied.runs.iter().map(|run| run.plan.fingerprint().unwrap()).collect();
            assert_eq!(fingerprints[0], fixed.runs[0].plan.fingerprint().unwrap(), "{source}");
            assert_ne!(fingerprints[0], fingerprints[1], "{source}");
        }
    }

    #[test]
    fn families_stand_at_the_width_of_the_smelu_with_their_curvature() {
        let curvature = |text: &str| {
            let config: smelu::ActivationConfig = text.parse().unwrap();
            let curve = config.fixed_curve().unwrap();
            let step = 1e-3_f32;
            let mut slopes = [1.0_f32; 2];
            curve.slopes_in_place(&mut slopes, &[-step, step]);
            f64::from((slopes[1] - slopes[0]) / (2.0 * step))
        };
        for (family, beta) in
            [("SmeLU", 0.5), ("Swish", 4.0), ("SoftPlus", 8.0), ("GELU", 2.5), ("Mish", 2.0), ("TanhExp", 3.0)]
        {
            let width = half_width(family, beta);
            let found = curvature(&format!("{family}(beta={beta})"));
            assert!(
                (found * 2.0 * width - 1.0).abs() < 2e-3,
                "{family}({beta}): curvature {found}, half-width {width}"
            );
        }
    }

    #[test]
    fn a_refused_setting_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("run.toml"), RUN).unwrap();
        let axes =
            "base = \"run.toml\"\n[[axes]]\nname = \"a\"\nkey = \"model.activation\"\nvalues = [\"ReLU\", \"Smelly\"]";
        fs::write(folder.path().join("study.toml"), axes).unwrap();
        let error = Study::load(&folder.path().join("study.toml"), &Overrides::default()).unwrap_err().to_string();
        assert!(error.contains("setting `Smelly`") && error.contains("model.activation"), "{error}");
    }
}
