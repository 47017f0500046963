//! The `loa` binary.
fn main() {}
