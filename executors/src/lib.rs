//! Executing plans.
