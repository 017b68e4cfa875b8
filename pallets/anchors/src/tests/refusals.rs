//! What each call refuses, and that it changes nothing then.

use pallet_support::testing::with_state;
use quire_channel::Output;
use quire_channel::limits::MAX_OUTPUTS;
use quire_core::limits::MAX_SETTLE_OUTPUTS;
use quire_core::{DispatchError, H256};

use super::fixture::*;
use super::*;

/// Runs `call` and checks that it fails with `error` and leaves no trace.
fn refuse(who: u8, call: Call, error: Error) {
    let before = with_state(|state| state.pairs().clone());
    assert_eq!(run(who, call), refused(error));
    assert_eq!(with_state(|state| state.pairs().clone()), before, "{error:?} left a trace");
}

#[test]
fn delegate_refuses() {
    test(|| {
        let call = |channel, validator| Call::delegate { channel, block: 0, validator: account(validator) };
        refuse(PAYER, call(7, 11), Error::UnknownChannel);
        refuse(STRANGER, call(1, 11), Error::NotParticipant);
        refuse(PAYER, call(1, STRANGER), Error::NotValidator);
        refuse(PAYER, call(1, EXCLUDED), Error::ValidatorExcluded);
        delegate(PAYER, 0, 11).unwrap();
        accept(11, 0).unwrap();
        seal(PAYER, 0).unwrap();
        refuse(PAYER, call(1, 12), Error::AlreadySealed);
    });
}

#[test]
fn accept_refuses() {
    test(|| {
        let call = Call::accept { channel: 1, block: 0 };
        refuse(11, call.clone(), Error::UnknownBlock);
        delegate(PAYER, 0, 11).unwrap();
        refuse(12, call.clone(), Error::NotDelegated);
        accept(11, 0).unwrap();
        refuse(11, call, Error::AlreadyAccepted);
        // A validator that left the list takes no new duty.
        delegate(PAYER, 1, 12).unwrap();
        let left = pallet_bonds::dispatch(pallet_bonds::Call::chill {}, Origin::Signed(account(12)));
        left.unwrap();
        refuse(12, Call::accept { channel: 1, block: 1 }, Error::NotValidator);
    });
}

#[test]
fn seal_refuses() {
    test(|| {
        let call = Call::seal { channel: 1, block: 0 };
        delegate(PAYER, 0, 11).unwrap();
        refuse(PAYER, call.clone(), Error::NoAcceptedDelegate);
        accept(11, 0).unwrap();
        refuse(STRANGER, call.clone(), Error::NotParticipant);
        refuse(PARTNER, call.clone(), Error::NoAcceptedDelegate);
        seal(PAYER, 0).unwrap();
        refuse(PAYER, call, Error::AlreadySealed);
    });
}

#[test]
fn submit_part_refuses_a_part_without_enough_good_receipts() {
    test(|| {
        to_parts(0);
        let call = |receipts| Call::submit_part { channel: 1, block: 0, part: part(PAYER), receipts };
        let good = |validators: &[u8]| receipts(0, PAYER, &part(PAYER), validators);
        refuse(PAYER, call(good(&[])), Error::TooFewReceipts);
        refuse(PAYER, call(good(&[11])), Error::TooFewReceipts);
        refuse(PAYER, call(good(&[11, 11])), Error::ReceiptRepeated);
        refuse(PAYER, call(good(&[11, EXCLUDED])), Error::ReceiptNotDelegated);
        // Receipts for another participant, block or part, and one with a flipped bit.
        refuse(PAYER, call(receipts(0, PARTNER, &part(PAYER), &[11, 12])), Error::ReceiptSignature);
        refuse(PAYER, call(receipts(1, PAYER, &part(PAYER), &[11, 12])), Error::ReceiptSignature);
        refuse(PAYER, call(receipts_in(2, 0, PAYER, &part(PAYER), &[11, 12])), Error::ReceiptSignature);
        refuse(PAYER, call(receipts(0, PAYER, &part(PARTNER), &[11, 12])), Error::ReceiptSignature);
        let mut flipped = good(&[11, 12]);
        flipped[1].1[5] ^= 1;
        refuse(PAYER, call(flipped), Error::ReceiptSignature);
        run(PAYER, call(good(&[11, 12]))).unwrap();
    });
}

#[test]
fn submit_part_refuses_bad_anchors_and_second_parts() {
    test(|| {
        let submit_as = |who: u8, part: quire_channel::PartAnchor| {
            let receipts = receipts(0, who, &part, &VALIDATORS);
            Call::submit_part { channel: 1, block: 0, part, receipts }
        };
        delegate(PAYER, 0, 11).unwrap();
        refuse(PAYER, submit_as(PAYER, part(PAYER)), Error::WrongState);
        accept(11, 0).unwrap();
        seal(PAYER, 0).unwrap();
        for (who, validator) in [(PARTNER, 12), (AUDITOR, 13)] {
            delegate(who, 0, validator).unwrap();
            accept(validator, 0).unwrap();
            seal(who, 0).unwrap();
        }
        let mut bad = part(PAYER);
        bad.cid = quire_channel::CidBytes::default();
        refuse(PAYER, submit_as(PAYER, bad), Error::BadPart);
        let mut bad = part(PAYER);
        bad.length = u64::MAX;
        refuse(PAYER, submit_as(PAYER, bad), Error::BadPart);
        refuse(STRANGER, submit_as(STRANGER, part(STRANGER)), Error::NotParticipant);
        submit(PAYER, 0, &VALIDATORS).unwrap();
        refuse(PAYER, submit_as(PAYER, part(PAYER)), Error::PartExists);
        let mut other_key = part(PARTNER);
        other_key.key_commitment = H256([78; 32]);
        refuse(PARTNER, submit_as(PARTNER, other_key), Error::KeyCommitmentMismatch);
    });
}

#[test]
fn submit_part_refuses_a_part_after_the_deadline() {
    test(|| {
        to_parts(0);
        at_tick(10 + WINDOWS.parts);
        let part = part(PAYER);
        let receipts = receipts(0, PAYER, &part, &VALIDATORS);
        refuse(PAYER, Call::submit_part { channel: 1, block: 0, part, receipts }, Error::WrongState);
    });
}

#[test]
fn commit_refuses_strangers_and_second_commitments() {
    test(|| {
        to_parts(0);
        let call = Call::commit { channel: 1, block: 0, commitment: H256([1; 32]) };
        refuse(11, call.clone(), Error::WrongState);
        PARTICIPANTS.iter().for_each(|who| submit(*who, 0, &VALIDATORS).unwrap());
        // A registered validator without this duty, and somebody who is none.
        refuse(EXCLUDED, call.clone(), Error::NotDelegated);
        refuse(STRANGER, call.clone(), Error::NotDelegated);
        run(11, call.clone()).unwrap();
        refuse(11, call, Error::AlreadyCommitted);
    });
}

#[test]
fn reveal_refuses_what_does_not_open_the_commitment() {
    test(|| {
        to_committing(0);
        let header = result(0, &usual_outputs());
        commit(11, &header).unwrap();
        commit(12, &header).unwrap();
        at_tick(now() + WINDOWS.commit);
        let call = |result, salt| Call::reveal { channel: 1, block: 0, result, salt };
        refuse(11, call(header, salt(12)), Error::CommitmentMismatch);
        let other = result(0, &outputs([]));
        refuse(11, call(other, salt(11)), Error::CommitmentMismatch);
        // Somebody else's commitment cannot be opened with its salt.
        refuse(12, call(header, salt(11)), Error::CommitmentMismatch);
        refuse(EXCLUDED, call(header, salt(EXCLUDED)), Error::NotDelegated);
        refuse(13, call(header, salt(13)), Error::NotCommitted);
        reveal(11, &header).unwrap();
        refuse(11, call(header, salt(11)), Error::AlreadyRevealed);
    });
}

#[test]
fn reveal_refuses_results_for_something_else() {
    test(|| {
        let good = {
            to_committing(0);
            result(0, &usual_outputs())
        };
        let (mut place, mut program, mut parts) = (good, good, good);
        place.channel = 2;
        program.program = H256([9; 32]);
        parts.parts = 0b011;
        for (validator, header) in [(11, place), (12, program), (13, parts)] {
            let genesis = live::genesis_hash();
            let hash = header.hash();
            let commitment =
                quire_channel::commitment(genesis, 1, 0, &account(validator), hash, &salt(validator));
            run(validator, Call::commit { channel: 1, block: 0, commitment }).unwrap();
        }
        let call = |result, validator| Call::reveal { channel: 1, block: 0, result, salt: salt(validator) };
        refuse(11, call(place, 11), Error::ResultPlace);
        refuse(12, call(program, 12), Error::ResultProgram);
        refuse(13, call(parts, 13), Error::ResultParts);
    });
}

#[test]
fn reveal_refuses_too_many_outputs() {
    test(|| {
        to_committing(0);
        let mut header = result(0, &usual_outputs());
        header.outputs_count = MAX_OUTPUTS + 1;
        VALIDATORS.iter().for_each(|validator| commit(*validator, &header).unwrap());
        let call = Call::reveal { channel: 1, block: 0, result: header, salt: salt(11) };
        refuse(11, call, Error::ResultTooLarge);
    });
}

#[test]
fn settle_refuses_wrong_and_repeated_slices() {
    test(|| {
        let all = usual_outputs();
        to_agreed(0, &all);
        let (slice, proof) = all.slice(1, 2).unwrap();
        let call = |first, outputs: &[Output], proof: &[H256]| Call::settle {
            channel: 1,
            block: 0,
            first,
            outputs: outputs.to_vec(),
            proof: proof.to_vec(),
        };
        refuse(PAYER, call(1, &slice, &proof), Error::WrongState);
        at_tick(now() + WINDOWS.challenge);
        refuse(PAYER, call(0, &slice, &proof), Error::WrongProof);
        refuse(PAYER, call(1, &slice[..1], &proof), Error::WrongProof);
        refuse(PAYER, call(1, &slice, &proof[1..]), Error::WrongProof);
        let mut more = slice.clone();
        more[0] = Output::Transfer { from: 0, to: 2, amount: 21 * UNITS };
        refuse(PAYER, call(1, &more, &proof), Error::WrongProof);
        refuse(PAYER, call(4, &slice, &proof), Error::SliceOutOfRange);
        refuse(PAYER, call(u32::MAX, &slice, &proof), Error::SliceOutOfRange);
        refuse(PAYER, call(1, &[], &[]), Error::SliceEmpty);
        let many = alloc::vec![slice[0].clone(); MAX_SETTLE_OUTPUTS as usize + 1];
        refuse(PAYER, call(0, &many, &[]), Error::SliceTooLarge);
        run(PAYER, call(1, &slice, &proof)).unwrap();
        refuse(PAYER, call(1, &slice, &proof), Error::SliceRepeated);
        let (overlap, proof) = all.slice(0, 2).unwrap();
        refuse(PAYER, call(0, &overlap, &proof), Error::SliceRepeated);
    });
}

#[test]
fn settle_refuses_once_the_block_is_settled() {
    test(|| {
        let all = usual_outputs();
        to_settling(0, &all);
        settle(0, &all, 0, 5).unwrap();
        assert_eq!(settle(0, &all, 0, 5), refused(Error::WrongState));
        assert_eq!(money(PARTNER).credit, 60 * UNITS);
    });
}

#[test]
fn advance_refuses_when_nothing_is_due() {
    test(|| {
        refuse(STRANGER, Call::advance { channel: 1, block: 0 }, Error::UnknownBlock);
        delegate(PAYER, 0, 11).unwrap();
        refuse(STRANGER, Call::advance { channel: 1, block: 0 }, Error::NothingDue);
    });
}

#[test]
fn only_signed_calls_are_heard() {
    test(|| {
        let failed = dispatch(Call::advance { channel: 1, block: 0 }, Origin::None).unwrap_err();
        assert_eq!(failed.error, DispatchError::BadOrigin);
    });
}
