//! Checks of the whole tree, and the writers of what is generated from `api.toml`.
//!
//! | test | asks |
//! |---|---|
//! | `tests/api.rs` | are the generated files fresh, and does every language have everything? |

pub mod files;
pub mod manifest;
pub mod names;
pub mod parity;
pub mod write;
