//! The program as users run it: real processes, real services, through its command line, its output and HTTP only.
#![cfg(test)]

mod catalogue;
mod doctor;
mod faults;
mod harness;
mod manual;
mod mocks;
mod output;
mod process_compose;
mod scenarios;
mod stacks;
