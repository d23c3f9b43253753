//! The writers: one file of the repository each, from the manifest alone.

mod c;
mod core;
mod elixir;
mod node;
mod python;
mod reference;

use crate::manifest::Manifest;

/// The second line of every generated file, behind its language's comment sign.
const NOTICE: &str =
    "Written from api.toml by `cargo test -p chinwag-house --test api`. Change it there.";
/// No line of ours is longer.
const WIDTH: usize = 100;

/// Every generated file and its text.
///
/// # Errors
/// What kept rustfmt from running.
pub fn all(api: &Manifest) -> Result<Vec<(&'static str, String)>, String> {
    Ok(vec![
        ("core/src/api.rs", core::api(api)?),
        ("bindings-c/src/constants.rs", c::constants(api)?),
        ("bindings-python/python/chinwag/_constants.py", python::constants(api)),
        ("bindings-node/constants.js", node::constants(api)),
        ("bindings-node/constants.d.ts", node::types(api)),
        ("bindings-elixir/lib/chinwag/constants.ex", elixir::constants(api)),
        ("docs/reference.md", reference::page(api)),
    ])
}
