//! How the project's workflows fare on GitHub: a report of the last weeks, and an alert that opens one issue when a workflow
//! keeps failing, comments on it while that lasts, and closes it when the workflow passes again.
//!
//! GitHub is asked through its REST API (<https://docs.github.com/en/rest>); where it is, is a setting, so that another server
//! can stand in for it. [`fake`] is one: the tests talk to it, and so does `mgm ci-health rehearse`.

pub mod alert;
mod chart;
pub mod cli;
pub mod fake;
pub mod github;
pub mod rehearsal;
pub mod report;
pub mod run;
