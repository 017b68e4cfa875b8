//! Approving operations, and running those that have enough approvals (R3 to R6).

use alloc::vec;
use alloc::vec::Vec;

use pallet_support::nested::{self, Ran};
use pallet_support::{DispatchError, Dispatchable, Origin, deposit_event, ensure, host};
use parity_scale_codec::Encode;
use quire_core::{AccountId, Weight};

use crate::storage::MULTISIGS;
use crate::{Done, Error, Event, INDEX, Multisig, Timepoint, deposit, signatories};

/// An approval whose signatories are in order (R2).
pub(crate) struct Approval {
    who: AccountId,
    multisig: AccountId,
    threshold: u16,
    timepoint: Option<Timepoint>,
}

/// R2.
pub(crate) fn operation(
    who: AccountId,
    threshold: u16,
    others: Vec<AccountId>,
    timepoint: Option<Timepoint>,
) -> Result<Approval, DispatchError> {
    let multisig = signatories::check(&who, threshold, others)?;
    Ok(Approval { who, multisig, threshold, timepoint })
}

/// R5: approves without the call.
pub(crate) fn by_hash(approval: Approval, call_hash: [u8; 32]) -> Result<Done, DispatchError> {
    match approval.open(call_hash)? {
        None => approval.begin(call_hash),
        Some(open) => approval.record(open, call_hash),
    }
}

/// R5, R6: approves, and runs the call when that is enough.
pub(crate) fn as_multi<C: Dispatchable + Encode>(
    approval: Approval,
    call: C,
    max_weight: Weight,
) -> Result<Done, DispatchError> {
    let call_hash = host::blake2_256(&call.encode());
    let Some(open) = approval.open(call_hash)? else { return approval.begin(call_hash) };
    if approval.count(&open) < usize::from(approval.threshold) {
        return approval.record(open, call_hash);
    }
    ensure!(call.dispatch_info().weight.all_lte(max_weight), Error::MaxWeightTooLow);
    // Gone before the call runs, so that the call cannot run it again.
    MULTISIGS.remove(&approval.multisig, &call_hash);
    pallet_balances::unreserve(&open.depositor, open.deposit)?;
    let Ran { result, weight } = nested::run(call, Origin::Signed(approval.multisig));
    let executed = Event::MultisigExecuted {
        approving: approval.who,
        timepoint: open.when,
        multisig: approval.multisig,
        call_hash,
        result,
    };
    deposit_event(INDEX, &executed);
    Ok(Done { weight, ..Done::default() })
}

impl Approval {
    /// R3: the operation, when it has begun.
    fn open(&self, call_hash: [u8; 32]) -> Result<Option<Multisig>, Error> {
        match (MULTISIGS.get(&self.multisig, &call_hash), self.timepoint) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Error::UnexpectedTimepoint),
            (Some(_), None) => Err(Error::NoTimepoint),
            (Some(open), Some(timepoint)) => {
                ensure!(open.when == timepoint, Error::WrongTimepoint);
                Ok(Some(open))
            }
        }
    }

    /// Approvals, this one included.
    fn count(&self, open: &Multisig) -> usize {
        let is_new = open.approvals.binary_search(&self.who).is_err();
        open.approvals.len().saturating_add(usize::from(is_new))
    }

    /// R3, R4: begins the operation.
    fn begin(self, call_hash: [u8; 32]) -> Result<Done, DispatchError> {
        let Approval { who, multisig, threshold, .. } = self;
        let deposit = deposit(threshold);
        pallet_balances::reserve(&who, deposit)?;
        let open = Multisig { when: Timepoint::now(), deposit, depositor: who, approvals: vec![who] };
        MULTISIGS.insert(&multisig, &call_hash, &open);
        deposit_event(INDEX, &Event::NewMultisig { approving: who, multisig, call_hash });
        Ok(Done::default())
    }

    /// R5: one approval more.
    fn record(self, mut open: Multisig, call_hash: [u8; 32]) -> Result<Done, DispatchError> {
        let Approval { who, multisig, threshold, .. } = self;
        let place = match open.approvals.binary_search(&who) {
            Err(place) if open.approvals.len() < usize::from(threshold) => place,
            _ => return Err(Error::AlreadyApproved.into()),
        };
        open.approvals.insert(place, who);
        MULTISIGS.insert(&multisig, &call_hash, &open);
        let timepoint = open.when;
        deposit_event(INDEX, &Event::MultisigApproval { approving: who, timepoint, multisig, call_hash });
        Ok(Done::default())
    }
}
