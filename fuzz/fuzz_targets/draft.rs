//! See `jettimer::fuzzing::draft`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jettimer::fuzzing::draft(bytes));
