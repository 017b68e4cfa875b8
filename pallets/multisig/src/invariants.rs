//! What must hold after any block.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use quire_core::Balance;

use crate::MAX_SIGNATORIES;
use crate::storage::MULTISIGS;

/// Checks every stored invariant of Multisig.
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    let mut deposits = BTreeMap::<_, Balance>::new();
    for (multisig, _, open) in MULTISIGS.iter() {
        let approvals = &open.approvals;
        if approvals.is_empty() || approvals.len() > MAX_SIGNATORIES as usize {
            return Err(format!("an operation of {multisig} has {} approvals (R2, R3)", approvals.len()));
        }
        if !approvals.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err(format!("approvals of {multisig} are not sorted, or one is counted twice (R5)"));
        }
        if open.when.height > pallet_system::block_number() {
            return Err(format!("an operation of {multisig} began in the future (R3)"));
        }
        let sum = deposits.entry(open.depositor).or_default();
        *sum = sum.saturating_add(open.deposit);
    }
    for (depositor, sum) in deposits {
        let reserved = pallet_balances::reserved_balance(&depositor);
        if sum > reserved {
            return Err(format!("{depositor} has deposited {sum} and reserved {reserved} (R4)"));
        }
    }
    Ok(())
}
