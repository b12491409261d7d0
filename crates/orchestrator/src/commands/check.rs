//! `mgm check`.

use std::process::ExitCode;

use anyhow::Result;
use mgm_service::services::SERVICES;
use serde_json::json;

use crate::global::GlobalArgs;
use crate::health::{Unhealthy, examine};
use crate::scenario::cause_of_silence;
use crate::targets::Targets;
use crate::terminal::{self, BAD, GOOD};

pub async fn run(global: &GlobalArgs, targets: Targets) -> Result<ExitCode> {
    let mut results = Vec::new();
    for service in SERVICES {
        let Some(health) = &service.health else { continue };
        let endpoint = targets.endpoint(service.id)?;
        let result = examine(&endpoint, health).await;
        if !global.json {
            let (component, url) = (service.component, endpoint.url());
            match &result {
                Ok(_) => terminal::say(format_args!("{GOOD}healthy{GOOD:#}  {component:20} {url}")),
                Err(unhealthy) => {
                    terminal::say(format_args!("{BAD}FAILED{BAD:#}   {component:20} {url}  {unhealthy}"));
                    if let Unhealthy::Silent(silence) = unhealthy {
                        terminal::say(format_args!("         {}", cause_of_silence(silence)));
                    }
                }
            }
        }
        results.push((service, endpoint.url(), result));
    }
    let ok = results.iter().all(|(.., result)| result.is_ok());
    if global.json {
        let services: Vec<_> = results
            .iter()
            .map(|(service, url, result)| {
                let problem = result.as_ref().err().map(ToString::to_string);
                json!({ "name": service.name, "component": service.component, "url": url, "healthy": result.is_ok(), "problem": problem })
            })
            .collect();
        terminal::say(format_args!(
            "{:#}",
            json!({ "verdict": if ok { "passed" } else { "failed" }, "services": services })
        ));
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
