//! Finding out who is still there: probes, those made for others, suspicions, and doubt in oneself.

pub(super) mod awareness;
pub(super) mod evidence;
mod hint;
pub(super) mod probe;
mod refusal;
pub(super) mod relay;
mod sleep;
pub(super) mod suspicion;
