//! The loops that drive the deciders: each waits, calls a step, carries out the effects, and decides nothing.
pub(crate) mod author;
pub(crate) mod bell;
pub(crate) mod certificate;
pub(crate) mod import;
pub(crate) mod informant;
mod on_demand;
pub(crate) mod orders;
pub(crate) mod pool;
mod solo;
pub(crate) mod upgrade;
