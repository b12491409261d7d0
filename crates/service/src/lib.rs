//! What every service of the stack shares: configuration, listening, logging and shutdown.
