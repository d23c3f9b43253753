//! Clocks, in every form that they have outside of a process.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag_fuzz::clock(data));
