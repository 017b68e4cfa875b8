//! What calls may cost at most, on the reference machine; estimates with head room until `quire bench` has measured them.
//! Every call may find a transition due that slashes up to 16 validators or pays out a closing channel, so each carries
//! the cost of one of these beside its own; `settle` and `advance` may pay all claims of a block as well.

use quire_core::Weight;
use quire_core::limits::MAX_PARTICIPANTS;

use crate::Call;

/// One read or write of a record of up to some kilobytes, with its share of the state root.
const ACCESS: Weight = Weight::from_parts(15_000_000, 2_048);
/// Check of one sr25519 signature.
const SIGNATURE: Weight = Weight::from_parts(50_000_000, 0);
/// One output: its hash, its share of the proof, its effect and event.
const OUTPUT: Weight = Weight::from_parts(30_000_000, 512);
/// Block, channel, money and open blocks, read and written.
const OWN_ACCESSES: u64 = 10;
/// Ledger, validator, total and two accounts for one slashed or paid party.
const PARTY_ACCESSES: u64 = 8;

/// Money, account and event of one claim that is paid.
const CLAIM: Weight = Weight::from_parts(25_000_000, 1_024);

/// What any call takes besides its accesses and its own work.
const BESIDES: Weight = Weight::from_micros(5);
/// One output decoded, hashed, proved and carried out, besides its accesses.
const OUTPUT_BESIDES: Weight = Weight::from_parts(8_000_000, 0);

/// All claims of a block: each of up to 16 payers owes all others, and the validators.
fn payments() -> Weight {
    let participants = u64::from(MAX_PARTICIPANTS);
    CLAIM.saturating_mul(participants.saturating_mul(participants.saturating_mul(2)))
}

/// The dearest transition without claims: every validator is slashed, or every participant is paid out.
fn transition() -> Weight {
    ACCESS.saturating_mul(u64::from(MAX_PARTICIPANTS).saturating_mul(PARTY_ACCESSES))
}

impl Call {
    /// What the call takes besides its accesses to the state, which are metered (`pallet_support::meter`).
    pub(crate) fn besides(&self) -> Weight {
        let own = match self {
            Call::submit_part { receipts, .. } => SIGNATURE.saturating_mul(receipts.len() as u64),
            Call::settle { outputs, .. } => OUTPUT_BESIDES.saturating_mul(outputs.len() as u64),
            _ => Weight::ZERO,
        };
        own.saturating_add(BESIDES)
    }

    /// What the call may cost at most.
    pub fn weight(&self) -> Weight {
        let own = match self {
            Call::submit_part { receipts, .. } => SIGNATURE.saturating_mul(receipts.len() as u64),
            Call::settle { outputs, .. } => {
                payments().saturating_add(OUTPUT.saturating_mul(outputs.len() as u64))
            }
            Call::delegate { .. } | Call::accept { .. } => ACCESS.saturating_mul(PARTY_ACCESSES),
            Call::seal { .. } | Call::commit { .. } | Call::reveal { .. } => Weight::ZERO,
            Call::advance { .. } => payments(),
        };
        own.saturating_add(ACCESS.saturating_mul(OWN_ACCESSES)).saturating_add(transition())
    }
}
