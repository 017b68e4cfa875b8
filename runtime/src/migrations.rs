//! What new code does to the state that older code left behind, once, at the start of the first block that it executes.
//!
//! * **R1** A migration works on the state of the version before it and no other; one that a later version needs no more
//!   is removed with that version.
//! * **R2** It fits into a block: it is counted as part of the block's base weight and measured by the dry run.
//! * **R3** It changes neither authorities, slot length nor keys: nodes read them from the state before the migration.

/// Runs the migrations from the version before to this one. There is none to this version.
pub(crate) fn on_runtime_upgrade() {
    #[cfg(feature = "upgrade-fixture")]
    crate::fixture::migrate();
}
