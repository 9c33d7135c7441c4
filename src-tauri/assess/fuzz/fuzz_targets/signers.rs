#![no_main]
#[path = "../../tests/bodies/mod.rs"]
mod bodies;
#[path = "../../tests/common/mod.rs"]
mod common;
libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::signers(data));
