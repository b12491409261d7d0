//! What is wrong with a stack: probes of this machine, the settings, the database and the services, each with the most likely
//! cause and its remedy.

mod database;
mod finding;
mod machine;
mod stack;

use std::path::Path;

use mgm_service::connection_string::ConnectionString;
use mgm_settings::Sources;

use crate::scenario::Stage;
use stack::Stack;

pub use finding::Finding;

/// What is wrong with the settings, if they cannot be read.
pub fn of_settings(sources: &Sources) -> Vec<Finding> {
    let problems = mgm_settings::Settings::load(sources).err().map(|error| error.problems).unwrap_or_default();
    let finding = |problem: &mgm_settings::Problem| {
        let said = problem.to_string();
        finding::Finding::new("settings", String::new(), &[("problem", &said)])
    };
    problems.iter().map(finding).collect()
}

/// What is wrong with this machine.
pub fn of_machine(sources: &Sources, directories: &[&Path]) -> Vec<Finding> {
    machine::examine(sources, directories)
}

/// What is wrong with the database.
pub async fn of_database(to: &ConnectionString) -> Vec<Finding> {
    database::examine(to).await
}

/// What is wrong with the services of a stack.
pub async fn of_stack(stage: &Stage<'_>) -> Vec<Finding> {
    let mut stack = Stack { stage, found: Vec::new() };
    stack.examine().await;
    stack.found
}
