//! What stands on membership, in virtual time: what users say, serf's layer, who comes in, why
//! somebody was declared failed, and what refusals make of it.
#![cfg(feature = "sim")]

mod admission;
mod evidence;
mod fast;
mod handoffs;
mod maps;
mod refusals;
mod rings;
mod serf;
#[path = "../shared/mod.rs"]
mod shared;
mod state;
mod talk;
