//! Programs: `register_program` (R1).

use pallet_support::{deposit_event, ensure};
use quire_core::hash::blake2_256;
use quire_core::limits::MAX_PROGRAM_BYTES;
use quire_core::{AccountId, Balance, DispatchResult, H256};

use crate::storage::{PROGRAM_CODE, PROGRAM_DEPOSIT_PER_BYTE, PROGRAMS, ProgramRecord};
use crate::{Error, Event, INDEX, money};

/// R1.
pub(crate) fn register(owner: &AccountId, code: &[u8]) -> DispatchResult {
    let code_bytes = u32::try_from(code.len()).map_err(|_| Error::ProgramTooLarge)?;
    ensure!(code_bytes <= MAX_PROGRAM_BYTES, Error::ProgramTooLarge);
    let program = H256(blake2_256(code));
    ensure!(!PROGRAMS.contains(&program), Error::ProgramExists);
    quire_channel::program::validate(code).map_err(|_| Error::InvalidProgram)?;
    let deposit = PROGRAM_DEPOSIT_PER_BYTE.saturating_mul(Balance::from(code_bytes));
    money::take_in(owner, deposit)?;
    PROGRAMS.insert(&program, &ProgramRecord { owner: *owner, deposit, code_bytes });
    PROGRAM_CODE.insert(&program, &code.to_vec());
    deposit_event(INDEX, &Event::ProgramRegistered { program, owner: *owner, deposit });
    Ok(())
}
