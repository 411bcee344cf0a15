//! See `jettimer::fuzzing::journal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jettimer::fuzzing::journal(bytes));
