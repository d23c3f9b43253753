//! The same under a key: from somebody without it, and from somebody who has it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chinwag_fuzz::sealed(data));
