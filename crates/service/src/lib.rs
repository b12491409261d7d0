//! What every service of the stack shares: configuration, listening, logging and shutdown.

pub mod bind;
pub mod body;
pub mod connection_string;
mod deadline_body;
pub mod descriptors;
pub mod health;
pub mod log;
pub mod manual;
pub mod memory;
pub mod output;
pub mod port_holder;
pub mod serve;
pub mod services;
pub mod settings;
pub mod shutdown;
