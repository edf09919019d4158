#![no_main]
#![allow(missing_docs, reason = "a program for the fuzzer")]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ctr_fuzz::data::encoder(bytes));
