//! The program as its users have it: real processes, real services, and nothing but its command line, its output and HTTP.
#![cfg(test)]

mod faults;
mod harness;
mod manual;
mod output;
mod process_compose;
mod scenarios;
mod stacks;
