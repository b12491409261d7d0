//! The Extension backend service (EBS).
