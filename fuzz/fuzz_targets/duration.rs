//! See `jettimer::fuzzing::duration`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jettimer::fuzzing::duration(bytes));
