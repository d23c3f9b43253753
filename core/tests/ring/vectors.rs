//! The owners in `tests/vectors/ring`, which an implementation in Python finds from `docs/RING.md`.

use std::fs;
use std::path::{Path, PathBuf};

use chinwag::ring::Ring;

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    if text == "-" { Vec::new() } else { digits.map(byte).collect() }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/ring");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "txt")).collect()
}

#[test]
fn everybody_finds_the_same_owners() {
    let files = files();
    assert!(files.len() > 15, "{files:?}");
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines().map(|line| line.split_once(' ').unwrap());
        let ("form", form) = lines.next().unwrap() else { panic!("{path:?} begins with its form") };
        let form = [hex(form), vec![3]].concat();
        let ring = Ring::from_bytes(&form).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        assert_eq!(ring.to_bytes(), form, "{path:?}");
        assert_eq!(lines.next().unwrap().1, format!("{:016x}", ring.fingerprint()), "{path:?}");
        let mut keys = 0;
        for (key, owners) in lines {
            let owners: Vec<Vec<u8>> = match owners {
                "-" => Vec::new(),
                names => names.split(' ').map(hex).collect(),
            };
            let key = hex(key);
            for count in 0..=4 {
                let found = ring.owners(&key, count);
                let found: Vec<&[u8]> = found.iter().map(|name| name.as_bytes()).collect();
                let wanted = &owners[..count.min(owners.len())];
                assert_eq!(found, wanted, "{path:?}, {key:02x?}, {count}");
            }
            let first = owners.first().map(Vec::as_slice);
            assert_eq!(ring.owner(&key).map(str::as_bytes), first, "{path:?}, {key:02x?}");
            keys += 1;
        }
        assert!(keys > 200, "{path:?}");
    }
}

/// Clusterluck's own example; the points are compared as texts of base64.
#[test]
fn clusterlucks_ring_goes_both_ways() {
    use chinwag::ring::{Profile, RingNode};
    let nodes = ["a", "b", "c", "d"].map(|name| RingNode::new(name).weight(3));
    let ring = Ring::builder().profile(Profile::Clusterluck).nodes(nodes).build().unwrap();
    assert_eq!(ring.owner("k"), Some("d"));
    assert_eq!(ring.owners("k", 3), ["d", "c", "b"]);
    assert_eq!(ring.owners_before("k", 3), ["b", "d", "c"]);
    assert_eq!(ring.next("d", 2), ["c", "b"]);
    assert_eq!(ring.previous("d", 2), ["b", "c"]);
}
