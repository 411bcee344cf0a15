//! See `jettimer::fuzzing::record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jettimer::fuzzing::record(bytes));
