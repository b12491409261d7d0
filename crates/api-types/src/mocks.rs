//! The fixed shapes of the stand-ins.
