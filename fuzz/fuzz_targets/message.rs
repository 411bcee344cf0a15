//! See `jettimer::fuzzing::message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jettimer::fuzzing::message(bytes));
