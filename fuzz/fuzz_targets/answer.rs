//! See `jettimer::fuzzing::answer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jettimer::fuzzing::answer(bytes));
