//! The bans of `core/clippy.toml` bite: each is tried on a line of code that it must refuse.

use std::fs;
use std::process::Command;

use chinwag_house::files;

/// A banned path and code that uses it.
const TRIED: &[(&str, &str)] = &[
    ("std::time::Instant::now", "fn f() { let _ = std::time::Instant::now(); }"),
    ("std::time::SystemTime::now", "fn f() { let _ = std::time::SystemTime::now(); }"),
    ("std::thread::spawn", "fn f() { let _ = std::thread::spawn(|| ()); }"),
    ("std::thread::Builder::spawn", "fn f() { let _ = std::thread::Builder::new().spawn(|| ()); }"),
    ("std::thread::sleep", "fn f(d: std::time::Duration) { std::thread::sleep(d); }"),
    ("std::net::UdpSocket", "fn f(_: &std::net::UdpSocket) {}"),
    ("std::net::TcpListener", "fn f(_: &std::net::TcpListener) {}"),
    ("std::net::TcpStream", "fn f(_: &std::net::TcpStream) {}"),
    ("std::collections::HashMap", "fn f(_: &std::collections::HashMap<u8, u8>) {}"),
    ("std::collections::HashSet", "fn f(_: &std::collections::HashSet<u8>) {}"),
];

/// Whether clippy takes `code` under the bans, and what it says.
fn clippy(name: &str, code: &str) -> (bool, String) {
    let folder = files::root().join("target/house").join(name);
    fs::create_dir_all(&folder).expect("a folder for the snippet");
    let source = folder.join("snippet.rs");
    fs::write(&source, code).expect("the snippet");
    let output = Command::new("clippy-driver")
        .env("CLIPPY_CONF_DIR", files::root().join("core"))
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "-Adead_code"])
        .args(["-Dclippy::disallowed_methods", "-Dclippy::disallowed_types", "--out-dir"])
        .arg(&folder)
        .arg(&source)
        .output()
        .expect("clippy-driver runs: `rustup component add clippy`");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn every_ban_refuses_what_it_names() {
    for (number, (path, code)) in TRIED.iter().enumerate() {
        let (taken, said) = clippy(&format!("ban{number}"), code);
        assert!(!taken && said.contains("disallowed") && said.contains(path), "{path}: {said}");
    }
}

#[test]
fn what_is_not_banned_is_taken() {
    let (taken, said) = clippy("free", "fn f(_: &std::collections::BTreeMap<u8, u8>) {}");
    assert!(taken, "{said}");
}

#[test]
fn every_ban_on_the_standard_library_is_tried() {
    let bans = files::read("core/clippy.toml");
    let banned = bans.lines().filter_map(|line| line.strip_prefix("path = "));
    for path in banned.map(|path| path.trim_matches('"')).filter(|path| path.starts_with("std::")) {
        assert!(TRIED.iter().any(|(tried, _)| *tried == path), "{path} is not tried");
    }
}
