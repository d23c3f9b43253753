//! Bad input: the captured messages, and ways to spoil them. The fuzz targets and the benchmark of
//! hostile input take it from here as well.

use std::path::Path;

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

/// The captured messages, to be spoilt.
pub(crate) fn vectors() -> Vec<Vec<u8>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = here.ancestors().map(|up| up.join("tests/vectors/memberlist"));
    let folder = folders.filter(|folder| folder.is_dir()).last().expect("they are in the tree");
    let files = std::fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
    paths.retain(|path| path.extension() == Some("hex".as_ref()));
    paths.sort();
    let decode = |text: String| {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let digits: String = lines.collect::<String>().split_whitespace().collect();
        let byte = |i| u8::from_str_radix(&digits[i..i + 2], 16).expect("hex");
        (0..digits.len()).step_by(2).map(byte).collect()
    };
    let vectors: Vec<Vec<u8>> =
        paths.iter().map(|path| decode(std::fs::read_to_string(path).expect("readable"))).collect();
    assert!(vectors.len() > 40, "only {} vectors", vectors.len());
    vectors
}

/// One bad input: noise, or a vector with flipped bytes, cut short, or with a length that lies.
pub(crate) fn spoil(vectors: &[Vec<u8>], rng: &mut Xoshiro256PlusPlus) -> Vec<u8> {
    let mut bytes = vectors.choose(rng).cloned().unwrap_or_default();
    match rng.random_range(0..5) {
        0 => {
            bytes = vec![0; rng.random_range(0..1500)];
            rng.fill_bytes(&mut bytes);
            if let Some(first) = bytes.first_mut() {
                *first = rng.random_range(0..16);
            }
        }
        1 => bytes.truncate(rng.random_range(0..=bytes.len())),
        2 => {
            let lies: [&[u8]; 4] = [
                &[0xdb, 255, 255, 255, 255],
                &[0xce, 255, 255, 255, 255],
                &[0xdf, 127, 0, 0, 0],
                &[0xd3, 255, 0, 0, 0, 0, 0, 0, 0],
            ];
            let place = rng.random_range(0..=bytes.len());
            let lie = lies.choose(rng).copied().unwrap_or_default();
            bytes.splice(place..place, lie.iter().copied());
        }
        _ => {
            for _ in 0..rng.random_range(1..6) {
                if !bytes.is_empty() {
                    let place = rng.random_range(0..bytes.len());
                    bytes[place] = rng.random();
                }
            }
        }
    }
    bytes
}
