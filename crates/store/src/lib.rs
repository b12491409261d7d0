//! The one PostgreSQL store: every SQL statement of the project.
