//! The state of the project's workflows on GitHub: a report of the last weeks, and an alert that opens one issue when a
//! workflow keeps failing, comments on it while that lasts, and closes it when the workflow passes again.
//!
//! Both use GitHub's REST API (<https://docs.github.com/en/rest>); its address is a setting, so that another server can
//! replace it. [`fake`] is one, which the tests and `mgm ci-health rehearse` use.

pub mod alert;
mod chart;
pub mod cli;
pub mod fake;
pub mod github;
pub mod rehearsal;
pub mod report;
pub mod run;
pub mod summary;
