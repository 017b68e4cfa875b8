//! The loops that drive the deciders: each waits, calls a step, carries out the effects, and decides nothing.
pub(crate) mod author;
pub(crate) mod finality;
pub(crate) mod import;
pub(crate) mod informant;
mod on_demand;
pub(crate) mod orders;
pub(crate) mod pool;
pub(crate) mod upgrade;
