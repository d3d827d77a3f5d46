//! The `lowtide` binary.

fn main() {}
