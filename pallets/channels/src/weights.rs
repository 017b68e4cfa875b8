//! What calls may cost at most, on the reference machine: reads and writes are counted, bytes are priced where a call
//! carries many.

use quire_core::Weight;
use quire_core::limits::MAX_PARTICIPANTS;

use crate::Call;
use crate::storage::MAX_RECORD_BYTES;

/// One record of up to some kilobytes read and written, and its share of the state root.
const ACCESS: Weight = Weight::from_parts(15_000_000, 1_024);
/// What any call takes besides its accesses and its own work.
const BESIDES: Weight = Weight::from_micros(5);
/// Reading and decoding the record of a channel, of up to `MAX_RECORD_BYTES`, beyond a small one.
const READ_RECORD: Weight = Weight::from_parts(50_000_000, MAX_RECORD_BYTES as u64);
/// Encoding, hashing and writing it, beyond a small one.
const WRITE_RECORD: Weight = Weight::from_parts(80_000_000, 0);
/// Validation, hashing and storage of one byte of a program. The dearest code is a call in two bytes to a function with
/// `MAX_FUNCTION_PARAMETERS`: 1 MiB of it takes 130 ms natively.
const PROGRAM_BYTE: Weight = Weight::from_parts(250_000, 1);

impl Call {
    /// What the call takes besides its accesses to the state, which are metered (`pallet_support::meter`).
    pub(crate) fn besides(&self) -> Weight {
        match self {
            Call::register_program { code } => {
                BESIDES.saturating_add(PROGRAM_BYTE.saturating_mul(code.len() as u64))
            }
            _ => BESIDES,
        }
    }

    /// What the call may cost at most.
    pub fn weight(&self) -> Weight {
        let payout = u64::from(MAX_PARTICIPANTS).saturating_mul(5);
        match self {
            Call::register_program { code } => {
                ACCESS.saturating_mul(9).saturating_add(PROGRAM_BYTE.saturating_mul(code.len() as u64))
            }
            Call::open { .. } => ACCESS.saturating_mul(7),
            Call::approve { .. } => ACCESS.saturating_mul(5) + READ_RECORD + WRITE_RECORD,
            Call::deposit { .. } | Call::withdraw { .. } => ACCESS.saturating_mul(10) + READ_RECORD,
            Call::update { .. } => ACCESS.saturating_mul(9) + READ_RECORD + WRITE_RECORD,
            Call::close { .. } => {
                ACCESS.saturating_mul(payout.saturating_add(9)) + READ_RECORD + WRITE_RECORD
            }
            Call::set_keys { .. } => ACCESS.saturating_mul(6) + READ_RECORD + WRITE_RECORD,
        }
    }
}
