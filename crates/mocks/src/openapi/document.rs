//! The document of a stand-in.

use mgm_service::services::ServiceId;
use serde_json::{Map, Value, json};

use super::operation::{Operation, Schemas};
use super::{admin, common, desktop, events, eventsub, helix, jwt, oauth, twitch};

/// The document of a stand-in.
pub(crate) fn document(id: ServiceId) -> Value {
    let own = match id {
        ServiceId::MockEventSub => eventsub::operations(),
        ServiceId::MockJwt => jwt::operations(),
        ServiceId::MockHelix => {
            let of_helix = [helix::operations(), oauth::operations(), twitch::operations()].concat();
            [of_helix, admin::operations(), events::operations()].concat()
        }
        ServiceId::SyntheticDesktop => desktop::operations(),
        // These are no stand-ins.
        ServiceId::Postgres | ServiceId::Backend | ServiceId::Orchestrator => vec![],
    };
    let operations: Vec<Operation> = own.into_iter().chain(common::operations()).collect();
    let mut paths = Map::new();
    let mut schemas = Schemas::new();
    for operation in operations {
        let path = paths.entry(operation.path.as_ref()).or_insert_with(|| json!({}));
        path[operation.method] = operation.show();
        schemas.extend(operation.schemas);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": id.service().component,
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A stand-in for tests. docs/mocks.md describes it by example.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas},
    })
}
