//! One test per rule of Randomness.

use alloc::vec;
use alloc::vec::Vec;

use pallet_support::testing::new_test;
use pallet_support::{DispatchError, Origin};
use quire_core::randomness::{VRF_CONTEXT, VRF_ID, VrfOutput};
use quire_core::{AccountId, AuraId, Digest, H256, InherentData, Slot};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey, signing_context};

use super::*;

fn key(seed: u8) -> Keypair {
    MiniSecretKey::from_bytes(&[seed; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519)
}

/// The output of a key in a context.
fn output_in(context: &'static [u8], seed: u8, input: &[u8]) -> VrfOutput {
    let (output, proof, _) = key(seed).vrf_sign(signing_context(context).bytes(input));
    VrfOutput { output: output.to_preout().to_bytes(), proof: proof.to_bytes() }
}

fn output(seed: u8, slot: u64) -> VrfOutput {
    output_in(VRF_CONTEXT, seed, &vrf_input(Slot(slot)))
}

fn contribute(VrfOutput { output, proof }: VrfOutput) -> Result<(), DispatchError> {
    dispatch(Call::contribute { output, proof }, Origin::None).map(|_| ()).map_err(|failed| failed.error)
}

fn begin(slot: u64) {
    on_finalize();
    pallet_system::initialize(slot as u32, H256::ZERO, Digest::for_slot(Slot(slot)));
    pallet_aura::on_initialize().unwrap();
}

/// Slot 100 of a chain whose even slots are key 1's and whose odd ones are key 2's.
fn chain<R>(work: impl FnOnce() -> R) -> R {
    new_test(|| {
        let authorities = [1, 2].map(|seed| AuraId(key(seed).public.to_bytes())).to_vec();
        pallet_aura::genesis::Config { authorities }.build().unwrap();
        begin(100);
        work()
    })
}

#[test]
fn r1_the_output_of_the_author_for_its_slot_is_taken_once() {
    chain(|| {
        contribute(output(1, 100)).unwrap();
        assert!(has_contributed());
        assert_eq!(contribute(output(1, 100)), Err(Error::AlreadyContributed.into()));
        assert!(check_invariants().unwrap_err().contains("R1"));
        begin(101);
        contribute(output(2, 101)).unwrap();
        on_finalize();
        check_invariants().unwrap();
    });
}

#[test]
fn r1_another_key_slot_session_or_context_is_refused() {
    chain(|| {
        let refused = Err(Error::BadOutput.into());
        assert_eq!(contribute(output(2, 100)), refused, "another author");
        assert_eq!(contribute(output(1, 102)), refused, "another slot");
        assert_eq!(contribute(output_in(b"substrate", 1, &vrf_input(Slot(100)))), refused, "another context");
        let replayed = output(1, 100);
        on_session(1);
        assert_eq!(contribute(replayed), refused, "another session");
        assert!(!has_contributed());
        contribute(output(1, 100)).unwrap();
    });
}

#[test]
fn r1_junk_is_refused() {
    chain(|| {
        let refused = Err(Error::BadOutput.into());
        let good = output(1, 100);
        for output in [[0; 32], [0xff; 32]] {
            assert_eq!(contribute(VrfOutput { output, ..good }), refused);
        }
        for place in 0..64 {
            let mut proof = good.proof;
            proof[place] ^= 1;
            assert_eq!(contribute(VrfOutput { proof, ..good }), refused);
        }
        for origin in [Origin::Root, Origin::Signed(AccountId([1; 32]))] {
            let call = Call::contribute { output: good.output, proof: good.proof };
            assert_eq!(dispatch(call, origin).unwrap_err().error, DispatchError::BadOrigin);
        }
    });
    new_test(|| {
        let made = VrfOutput { output: [1; 32], proof: [1; 64] };
        assert_eq!(contribute(made), Err(Error::NoAuthor.into()));
    });
}

#[test]
fn r1_there_is_one_output_however_often_the_proof_is_made() {
    chain(|| {
        let (first, second) = (output(1, 100), output(1, 100));
        assert_eq!(first.output, second.output);
        assert_ne!(first.proof, second.proof, "the proof is randomised, and does not count");
        let mixed: Vec<_> = [first, second]
            .map(|made| {
                storage::MIX.kill();
                storage::DID_CONTRIBUTE.kill();
                contribute(made).unwrap();
                storage::MIX.get()
            })
            .to_vec();
        assert_eq!(mixed[0], mixed[1]);
    });
}

#[test]
fn r2_the_randomness_of_a_session_is_made_in_the_one_before() {
    let after = |slots: &[u64]| {
        chain(|| {
            for slot in slots {
                begin(*slot);
                contribute(output(1 + (*slot % 2) as u8, *slot)).unwrap();
                assert_eq!(session_randomness(), [0; 32], "it does not change within the session");
            }
            let next = on_session(1);
            assert_eq!(session_randomness(), next);
            next
        })
    };
    let outcomes = [vec![], vec![101], vec![102], vec![101, 102]].map(|slots| after(&slots));
    for (place, outcome) in outcomes.iter().enumerate() {
        assert!(!outcomes[..place].contains(outcome), "every contribution counts");
    }
    assert_eq!(after(&[101, 102]), outcomes[3]);
    chain(|| assert_ne!(on_session(1), on_session(2), "without contributions sessions still differ"));
}

#[test]
fn an_author_contributes_what_it_was_told() {
    chain(|| {
        assert_eq!(create_inherent(&InherentData::new()), None);
        let mut data = InherentData::new();
        let made = output(1, 100);
        data.put(VRF_ID, &made);
        assert_eq!(create_inherent(&data), Some(Call::contribute { output: made.output, proof: made.proof }));
    });
}
