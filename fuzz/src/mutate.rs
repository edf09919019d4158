//! Fuzzing without instrumentation, where the instrumented build is not at hand: seeded mutations of the kept inputs.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest input.
const LONGEST: usize = 1 << 16;

/// `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// Calls `target` with mutations of the files in `fuzz/corpus/NAME` until the time is over; returns how often. A panic passes through, with the
/// input written to `fuzz/artifacts/NAME/panic`.
pub fn run(fuzz: &Path, name: &str, target: fn(&[u8]), seed: u64, time: Duration) -> u64 {
    let mut files: Vec<_> = fs::read_dir(fuzz.join("corpus").join(name)).expect("a corpus").flatten().collect();
    files.sort_by_key(fs::DirEntry::file_name);
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file.path()).expect("an input")).collect();
    let words = words(&fs::read_to_string(fuzz.join("dictionaries").join(format!("{name}.dict"))).unwrap_or_default());
    let mut random = Random(seed);
    let (begin, mut runs) = (Instant::now(), 0);
    while begin.elapsed() < time {
        let mut input = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(5) {
            mutate(&mut input, &corpus, &words, &mut random);
            input.truncate(LONGEST);
        }
        if let Err(panic) = std::panic::catch_unwind(|| target(&input)) {
            let folder = fuzz.join("artifacts").join(name);
            fs::create_dir_all(&folder)
                .and_then(|()| fs::write(folder.join("panic"), &input))
                .expect("room for the input");
            std::panic::resume_unwind(panic);
        }
        runs += 1;
    }
    runs
}

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[Vec<u8>], random: &mut Random) {
    const NUMBERS: [&str; 8] =
        ["0", "-1", "18446744073709551616", "9223372036854775807", "1e999", "4294967296", "nan", "0.1e-400"];
    let at = random.below(input.len() + 1);
    let length = random.below(input.len() - at + 1).min(1 + random.below(64));
    match random.below(10) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = random.next() as u8,
        2 => drop(input.drain(at..at + length)),
        3 => input.truncate(at),
        4 => {
            let copied: Vec<u8> = input[at..at + length].repeat(1 + random.below(20));
            input.splice(at..at, copied);
        }
        5 => {
            let other = &corpus[random.below(corpus.len())];
            let start = random.below(other.len() + 1);
            input.splice(at.., other[start..].iter().copied());
        }
        6 | 7 if !words.is_empty() => {
            let word = words[random.below(words.len())].clone();
            let replaced = if random.below(2) == 0 { 0 } else { length };
            input.splice(at..at + replaced, word);
        }
        8 => {
            // In the place of a number of the text.
            let digits = |byte: &u8| byte.is_ascii_digit();
            let start = input[at..].iter().position(digits).map_or(at, |first| at + first);
            let end = start + input[start..].iter().take_while(|byte| digits(byte)).count();
            input.splice(start..end, NUMBERS[random.below(NUMBERS.len())].bytes());
        }
        _ => {
            let bytes = random.next().to_le_bytes();
            input.splice(at..at + length.min(8), bytes[..random.below(9)].iter().copied());
        }
    }
}

/// The words of a libFuzzer dictionary: quoted, with `\\`, `\"` and `\xAB`.
fn words(dictionary: &str) -> Vec<Vec<u8>> {
    let quoted = |line: &str| line.trim().strip_prefix('"')?.strip_suffix('"').map(str::to_owned);
    dictionary.lines().filter_map(quoted).map(|text| unescaped(&text)).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        let hex = after.strip_prefix(b"x").and_then(|digits| std::str::from_utf8(digits.get(..2)?).ok());
        if let Some(byte) = hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = &after[3..];
        } else if let Some((&escaped, after)) = after.split_first() {
            bytes.push(escaped);
            rest = after;
        }
    }
    bytes
}
