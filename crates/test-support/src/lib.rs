//! For tests only: a database a test, clocks and fixtures.
