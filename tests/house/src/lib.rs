//! Checks of the whole tree, and the writers of what is generated from `api.toml`.
//!
//! | test | asks |
//! |---|---|
//! | `tests/api.rs` | are the generated files fresh, and does every language have everything? |
//! | `tests/tidy.rs` | does the tree follow the rules of `docs/STYLE.md`? |
//! | `tests/bans.rs` | do the bans of `core/clippy.toml` bite? |
//! | `tests/version.rs` | is it one version everywhere? |
//! | `tests/readme.rs` | are the programs of the README those that are tested? |
//! | `tests/setup.rs` | does the set-up work on machines that lack things? |

pub mod files;
pub mod manifest;
pub mod names;
pub mod parity;
pub mod steps;
pub mod tidy;
pub mod write;
