//! The command-line program `mgm`.

fn main() {}
