//! What the cluster mends by itself, under virtual time and many seeds.
//!
//! `SEED=0x2a` replays one seed; `SEEDS=1000` widens the search. A failure prints its seed.
#![cfg(feature = "sim")]

mod hearsay;
mod incarnations;
mod joins;
mod names;
mod partitions;
#[path = "../shared/mod.rs"]
mod shared;
mod troubles;
