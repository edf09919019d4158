//! Writes rows in the layout of the Criteo data, for measurements: `criteo_shaped ROWS FILE`.
//!
//! Thirteen counts, a fifth of them missing, and 26 categories of eight hexadecimal digits whose numbers of values are those of the Criteo
//! display-advertising data (up to 10 million), drawn by a power law. The same rows every time; about 230 bytes each.

use std::error::Error;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};

const CARDINALITIES: [u64; 26] = [
    1460, 583, 10_131_227, 2_202_608, 305, 24, 12_517, 633, 3, 93_145, 5683, 8_351_593, 3194, 27, 14_992, 5_461_306,
    10, 5652, 2173, 4, 7_046_547, 18, 15, 286_181, 105, 142_572,
];

/// `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014).
fn mixed(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, rows, path] = arguments.as_slice() else { return Err("usage: criteo_shaped ROWS FILE".into()) };
    let rows: u64 = rows.parse()?;
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut state = 1;
    let mut line = String::new();
    for _ in 0..rows {
        line.clear();
        write!(line, "{}", u8::from(mixed(&mut state).is_multiple_of(4)))?;
        for _ in 0..13 {
            let draw = mixed(&mut state);
            line.push('\t');
            if !draw.is_multiple_of(5) {
                // The exponential of a uniform value: counts from 0 to about 3000.
                let count = ((draw >> 11) as f64 / 9.007_199_254_740_992e15 * 8.0).exp() - 1.0;
                write!(line, "{}", count as u32)?;
            }
        }
        for (field, cardinality) in CARDINALITIES.iter().enumerate() {
            let uniform = (mixed(&mut state) >> 11) as f64 / 9.007_199_254_740_992e15;
            let value = (*cardinality as f64).powf(uniform) as u64 - 1;
            let mut name = value ^ ((field as u64) << 32);
            write!(line, "\t{:08x}", mixed(&mut name) as u32)?;
        }
        line.push('\n');
        file.write_all(line.as_bytes())?;
    }
    file.into_inner()?.sync_all()?;
    Ok(())
}
