//! The wire types of the HTTP interface, shared by server, stand-ins and orchestrator.
