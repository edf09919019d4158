//! Generated rows whose true click probability is known.

use rand_chacha::ChaCha8Rng;

use super::{DataSource, Row, RowBuffer, RowVisitor, SourceColumns};
use crate::config::{Distribution, SyntheticConfig};
use crate::error::DataError;
use crate::random::{self, Alias};
use crate::split::Split;

/// Version of the generator: part of its fingerprint, so that cached data of an older one are not taken for its own.
const VERSION: u32 = 1;

const EFFECTS: &str = "ctr-data synthetic v1: effects of the values of (seed, field)";
const FACTORS: &str = "ctr-data synthetic v1: factors of (seed, interaction)";
const ROWS: &str = "ctr-data synthetic v1: rows of (seed, split)";

/// The rows of one split of generated data: see [`SyntheticConfig`] for their law.
#[derive(Debug)]
pub struct SyntheticSource {
    config: SyntheticConfig,
    split: Split,
    columns: SourceColumns,
    /// For each field of `columns`, its place among the generated columns.
    places: Vec<usize>,
    categorical: Vec<Values>,
    interactions: Vec<Interaction>,
}

/// How often each value of a categorical column occurs, and what it does to the log-odds.
#[derive(Debug)]
struct Values {
    law: Alias,
    effects: Vec<f64>,
}

#[derive(Debug)]
struct Interaction {
    fields: [usize; 2],
    rank: usize,
    /// effect / √rank
    scale: f64,
    /// [cardinality, rank] of each field.
    factors: [Vec<f64>; 2],
}

impl SyntheticSource {
    /// The split's rows.
    ///
    /// # Errors
    /// [`DataError::MissingColumn`] for a field that is not generated.
    pub fn new(config: &SyntheticConfig, split: Split, columns: SourceColumns) -> Result<Self, DataError> {
        let known = config.columns();
        let place = |name: &String| known.iter().position(|column| column == name);
        let places = columns.fields.iter().map(|field| {
            place(&field.name).ok_or_else(|| DataError::MissingColumn {
                file: format!("synthetic:{split}"),
                column: field.name.clone(),
                found: known.clone(),
            })
        });
        let places = places.collect::<Result<_, _>>()?;
        let categorical = config.categorical.iter().enumerate().map(|(field, column)| {
            let weights: Vec<f64> =
                (1..=column.cardinality).map(|k| libm::exp(-column.exponent * libm::log(f64::from(k)))).collect();
            let mut generator = random::stream(EFFECTS, &[config.seed, field as u64]);
            let effects = (0..column.cardinality).map(|_| column.effect * random::normal(&mut generator)).collect();
            Values { law: Alias::new(&weights), effects }
        });
        let interactions = config.interactions.iter().enumerate().map(|(number, pair)| {
            let mut generator = random::stream(FACTORS, &[config.seed, number as u64]);
            // The columns exist: `SyntheticConfig::validate` has looked.
            let fields = [&pair.fields[0], &pair.fields[1]].map(|name| place(name).unwrap_or_default());
            let rank = pair.rank as usize;
            let factors = fields.map(|field| {
                let count = config.categorical[field].cardinality as usize * rank;
                (0..count).map(|_| random::normal(&mut generator)).collect()
            });
            Interaction { fields, rank, scale: pair.effect / libm::sqrt(f64::from(pair.rank)), factors }
        });
        let (categorical, interactions) = (categorical.collect(), interactions.collect());
        Ok(Self { config: config.clone(), split, columns, places, categorical, interactions })
    }

    /// Draws one row; every row takes the same number of random words.
    fn draw(&self, generator: &mut ChaCha8Rng, drawn: &mut Drawn) {
        drawn.categories.clear();
        drawn.numbers.clear();
        let mut log_odds = self.config.bias;
        for values in &self.categorical {
            let category = values.law.draw(generator);
            log_odds += values.effects[category as usize];
            drawn.categories.push(category);
        }
        for column in &self.config.numeric {
            let normal = match column.distribution {
                Distribution::Uniform => 2.0 * random::unit(generator) - 1.0,
                Distribution::Normal | Distribution::LogNormal => random::normal(generator),
            };
            // The effect is that of the number as it is written, rounded to f32.
            let (number, measure) = if column.distribution == Distribution::LogNormal {
                let number = libm::exp(normal) as f32;
                (number, libm::log(f64::from(number)))
            } else {
                (normal as f32, f64::from(normal as f32))
            };
            log_odds += column.weight * measure;
            drawn.numbers.push(number);
        }
        for pair in &self.interactions {
            let [a, b] = [0, 1].map(|side| {
                let category = drawn.categories[pair.fields[side]] as usize;
                &pair.factors[side][category * pair.rank..][..pair.rank]
            });
            log_odds += pair.scale * a.iter().zip(b).map(|(u, v)| u * v).sum::<f64>();
        }
        drawn.probability = 1.0 / (1.0 + libm::exp(-log_odds));
        drawn.label = random::unit(generator) < drawn.probability;
    }
}

#[derive(Debug, Default)]
struct Drawn {
    categories: Vec<u32>,
    numbers: Vec<f32>,
    probability: f64,
    label: bool,
}

impl DataSource for SyntheticSource {
    fn name(&self) -> String {
        format!("synthetic:{}", self.split)
    }

    fn columns(&self) -> &SourceColumns {
        &self.columns
    }

    fn size(&self) -> Result<u64, DataError> {
        Ok(self.config.rows.get(self.split))
    }

    fn fingerprint(&self, _watch: &mut dyn FnMut(u64) -> Result<(), DataError>) -> Result<[u8; 32], DataError> {
        // Rust's debug form writes every digit of a float; the version stands for everything that is not in the parameters.
        let parameters = format!("{VERSION} {} {:?}", self.split, self.config);
        Ok(*blake3::hash(parameters.as_bytes()).as_bytes())
    }

    fn read(&self, visit: &mut RowVisitor<'_>) -> Result<(), DataError> {
        let mut generator = random::stream(ROWS, &[self.config.seed, self.split.index() as u64]);
        let mut drawn = Drawn::default();
        let mut buffer = RowBuffer::default();
        let name = self.name();
        for line in 1..=self.config.rows.get(self.split) {
            self.draw(&mut generator, &mut drawn);
            buffer.clear();
            for &place in &self.places {
                match drawn.categories.get(place) {
                    Some(category) => buffer.push_display(category),
                    None => buffer.push_display(&drawn.numbers[place - drawn.categories.len()]),
                }
            }
            let row = buffer.row(&name, line, line, Some(drawn.label));
            visit(Ok(&Row { true_probability: Some(drawn.probability), ..row }))?;
        }
        Ok(())
    }
}
