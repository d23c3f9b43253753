//! What the tests around C programs share: the library as it is installed, and compilers.
#![allow(dead_code, reason = "no test uses all of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the binding has a parent").to_path_buf()
}

/// A folder for what tests make.
pub(crate) fn scratch() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c");
    std::fs::create_dir_all(&folder).expect("writable");
    folder
}

/// Builds the library as this test was built, which `cargo test` does not, as nothing links to it;
/// the folder with `libchinwag.so` and `libchinwag.so.0`.
pub(crate) fn library() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target").to_path_buf();
    let (profile, built) =
        if cfg!(debug_assertions) { ("dev", "debug") } else { ("release", "release") };
    run(Command::new(env!("CARGO"))
        .args(["build", "--locked", "-q", "-p", "chinwag-c", "--profile", profile, "--target-dir"])
        .arg(&target)
        .current_dir(root()));
    let folder = scratch().join(format!("lib-{profile}"));
    std::fs::create_dir_all(&folder).expect("writable");
    let built = target.join(built).join("libchinwag_c.so");
    for name in ["libchinwag.so", "libchinwag.so.0"] {
        // By way of a name of its own: tests run side by side.
        let own = folder.join(format!("{name}.{}", std::process::id()));
        let _ = std::fs::remove_file(&own);
        std::os::unix::fs::symlink(&built, &own).expect("writable");
        std::fs::rename(&own, folder.join(name)).expect("writable");
    }
    folder
}

/// Runs a command that has to succeed.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|cause| panic!("{command:?}: {cause}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Compiles a program against the library.
pub(crate) fn compile(compiler: &str, source: &Path, flags: &[&str], program: &Path) {
    let library = library();
    run(Command::new(compiler)
        .args(["-g", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread"])
        .args(flags)
        .arg("-I")
        .arg(root().join("include"))
        .arg(source)
        .arg("-o")
        .arg(program)
        .arg("-L")
        .arg(&library)
        .arg("-lchinwag")
        .arg(format!("-Wl,-rpath,{}", library.display())));
}
