//! A private PostgreSQL 16 that dies with its parent.
