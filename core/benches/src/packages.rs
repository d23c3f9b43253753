//! Our packages as they are installed, for programs in each language that are measured.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of this crate.
pub(crate) fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of the workspace.
fn tree(name: &str) -> PathBuf {
    here().join("../..").join(name)
}

/// A program of this crate beside the library that it is linked to.
pub(crate) fn c(folder: &Path, source: &str, program: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let named = folder.join("libchinwag.so.0");
    fs::copy(library("chinwag-c", "chinwag_c")?, &named)?;
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-pthread", "-I"]);
    cc.arg(tree("include")).arg(here().join(source)).arg(named);
    cc.arg("-Wl,-rpath,$ORIGIN").arg("-o").arg(folder.join(program));
    succeed(&mut cc)
}

/// The package as it is installed: the Python files beside the library.
pub(crate) fn python(folder: &Path) -> io::Result<()> {
    let package = folder.join("chinwag");
    copy_all(&tree("bindings-python/python/chinwag"), &package)?;
    fs::copy(library("chinwag-python", "_chinwag")?, package.join("_chinwag.abi3.so"))?;
    Ok(())
}

/// The package as npm installs it.
pub(crate) fn node(folder: &Path) -> io::Result<()> {
    let source = tree("bindings-node");
    copy(&source, folder)?;
    copy_all(&source.join("lib"), &folder.join("lib"))?;
    fs::copy(library("chinwag-node", "chinwag_node")?, folder.join("chinwag.node"))?;
    Ok(())
}

/// The compiled application.
pub(crate) fn elixir(folder: &Path) -> io::Result<()> {
    let mut mix = Command::new("mix");
    mix.arg("compile").current_dir(tree("bindings-elixir"));
    mix.env("MIX_ENV", "prod").env("MIX_BUILD_PATH", folder);
    mix.env("CHINWAG_NIF_PATH", library("chinwag-nif", "chinwag_nif")?);
    succeed(&mut mix)
}

/// Builds a binding for release; where its library is.
fn library(package: &str, name: &str) -> io::Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--quiet", "--release", "--lib", "-p", package]);
    succeed(cargo.current_dir(tree(".")))?;
    let beside = std::env::current_exe()?;
    let target = beside.ancestors().nth(2).ok_or_else(|| io::Error::other("no target folder"))?;
    Ok(target.join("release").join(format!("lib{name}.so")))
}

/// Its answers are the parent's to read, so what it prints goes to stderr.
pub(crate) fn succeed(command: &mut Command) -> io::Result<()> {
    let status = command.stdout(io::stderr()).status()?;
    if status.success() {
        return Ok(());
    }
    let program = command.get_program().to_string_lossy();
    Err(io::Error::other(format!("{program}: {status}")))
}

/// Copies the files of a folder, but no folders within.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// The same, with the folders within.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    copy(from, to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && entry.file_name() != "__pycache__" {
            copy_all(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
