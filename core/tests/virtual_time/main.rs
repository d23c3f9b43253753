//! What stands on membership, in virtual time: what users say, serf's layer, who comes in, and why
//! somebody was declared failed.
#![cfg(feature = "sim")]

mod admission;
mod evidence;
mod serf;
mod talk;
