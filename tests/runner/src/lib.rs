//! What others who start agents share with the runner.

pub mod agents;
