//! Sessions, randomness and equivocation in the runtime as a whole.

use pallet_equivocation::{AuthorProof, Equivocation, Offence, Vote, VoterProof, Votes};
use pallet_session::SessionKeys;
use quire_core::digest::{AURA_ENGINE_ID, GRANDPA_ENGINE_ID};
use quire_core::randomness::{VRF_CONTEXT, VRF_ID, VrfOutput};
use quire_core::{ApplyExtrinsicResult, DigestItem};

use super::*;

const LENGTH: u32 = 4;

fn voter(seed: u8) -> ed25519_zebra::SigningKey {
    ed25519_zebra::SigningKey::from([seed; 32])
}

fn keys_of(seed: u8) -> SessionKeys {
    let grandpa: [u8; 32] = ed25519_zebra::VerificationKeyBytes::from(&voter(seed)).into();
    SessionKeys { aura: AuraId(account(seed).0), grandpa: GrandpaId(grandpa) }
}

/// Four members with bonds, three of them authorities, short sessions.
fn chain() -> Chain {
    let mut config = config();
    let members: Vec<_> = (1..=4).map(account).collect();
    config.balances.balances = members.iter().map(|who| (*who, 1_000 * UNITS)).collect();
    config.members = pallet_members::genesis::Config::simple(&members);
    config.bonds.validators = (1..=4)
        .map(|seed| {
            let keys = pallet_bonds::ValidatorKeys { signing: [seed; 32], sealing: [seed; 32] };
            (account(seed), 500 * UNITS, keys)
        })
        .collect();
    config.session.parameters.length_slots = LENGTH;
    config.session.authorities = (1..=3).map(|seed| (account(seed), keys_of(seed))).collect();
    Chain::with(&config)
}

impl Chain {
    fn next_slot(&self) -> Slot {
        Slot(FIRST_SLOT + u64::from(self.head.number) + 1)
    }

    /// What the author of the next block contributes; `seed` is whose key it uses, the author's if none is given.
    fn contribution(&mut self, seed: Option<u8>) -> InherentData {
        let slot = self.next_slot();
        let authorities: Vec<AuraId> = self.call("AuraApi_authorities", ());
        let author = authorities[slot.0 as usize % authorities.len()];
        let seed = seed.unwrap_or_else(|| (1..=9).find(|seed| account(*seed).0 == author.0).unwrap());
        let input: Vec<u8> = self.call("QuireSession_vrf_input", slot);
        let (output, proof, _) = key(seed).vrf_sign(signing_context(VRF_CONTEXT).bytes(&input));
        let mut data = InherentData::new();
        data.put(VRF_ID, &VrfOutput { output: output.to_preout().to_bytes(), proof: proof.to_bytes() });
        data
    }

    /// A block with its contribution.
    fn contributed(&mut self, extrinsics: &[OpaqueExtrinsic]) -> Block {
        let data = self.contribution(None);
        self.block_with(extrinsics, data)
    }

    fn bonded(&mut self, seed: u8) -> u128 {
        self.state.execute(|| pallet_bonds::total(&account(seed)))
    }
}

fn consensus(block: &Block, engine: [u8; 4]) -> Vec<&DigestItem> {
    let is_of = |item: &&DigestItem| matches!(item, DigestItem::Consensus(id, _) if *id == engine);
    block.header.digest.logs.iter().filter(is_of).collect()
}

#[test]
fn the_list_is_shuffled_by_what_authors_contribute_and_the_apis_say_so() {
    let mut chain = chain();
    let mut lists = alloc::collections::BTreeSet::new();
    for _ in 0..12 * LENGTH {
        let before: Vec<AuraId> = chain.call("AuraApi_authorities", ());
        let block = chain.contributed(&[]);
        let after: Vec<AuraId> = chain.call("AuraApi_authorities", ());
        assert_eq!(consensus(&block, AURA_ENGINE_ID).len(), usize::from(before != after));
        assert_eq!(consensus(&block, GRANDPA_ENGINE_ID), Vec::<&DigestItem>::new());
        lists.insert(after);
    }
    assert!(lists.len() > 3, "of six permutations twelve draws gave {}", lists.len());
    let set_id: u64 = chain.call("GrandpaApi_current_set_id", ());
    assert_eq!((set_id, chain.state.execute(pallet_session::current_index)), (0, 12));
    let mut silent = self::chain();
    for _ in 0..12 * LENGTH {
        silent.block(&[]);
    }
    assert_ne!(
        chain.state.execute(pallet_randomness::session_randomness),
        silent.state.execute(pallet_randomness::session_randomness),
    );
}

#[test]
fn a_member_joins_with_its_keys_and_leaves_without() {
    let mut chain = chain();
    let keys = keys_of(4);
    let join = RuntimeCall::Session(pallet_session::Call::set_keys { keys, proof: vec![] });
    let join = chain.signed(4, 0, Era::Immortal, join);
    chain.contributed(&[join]);
    let mut changes = vec![];
    let mut step = |chain: &mut Chain, extrinsics: &[OpaqueExtrinsic]| {
        let block = chain.contributed(extrinsics);
        if !consensus(&block, GRANDPA_ENGINE_ID).is_empty() {
            assert_eq!(consensus(&block, AURA_ENGINE_ID).len(), 1);
            let voters: Vec<(GrandpaId, u64)> = chain.call("GrandpaApi_grandpa_authorities", ());
            let set_id: u64 = chain.call("GrandpaApi_current_set_id", ());
            changes.push((set_id, voters.len()));
        }
    };
    (0..3 * LENGTH).for_each(|_| step(&mut chain, &[]));
    let leave = RuntimeCall::Session(pallet_session::Call::purge_keys {});
    let leave = chain.signed(1, 0, Era::Immortal, leave);
    step(&mut chain, &[leave]);
    (0..3 * LENGTH).for_each(|_| step(&mut chain, &[]));
    assert_eq!(changes, [(1, 4), (2, 3)]);
}

#[test]
fn who_contributes_gets_the_fees_and_who_does_not_gets_none() {
    let mut chain = Chain::new();
    let remark = |chain: &Chain, nonce| {
        let call = RuntimeCall::System(pallet_system::Call::remark { remark: vec![] });
        chain.signed(2, nonce, Era::Immortal, call)
    };
    let before = chain.free(1);
    let one = remark(&chain, 0);
    chain.block(&[one]);
    assert_eq!(chain.free(1), before);
    let other = remark(&chain, 1);
    chain.contributed(&[other]);
    assert!(chain.free(1) > before);
}

#[test]
fn another_keys_contribution_makes_no_block() {
    let mut chain = chain();
    let slot = chain.next_slot();
    let authorities: Vec<AuraId> = chain.call("AuraApi_authorities", ());
    let author = authorities[slot.0 as usize % 3];
    let other = (1..=3).find(|seed| account(*seed).0 != author.0).unwrap();
    let mut data = chain.contribution(Some(other));
    chain.begin();
    data.put(TIMESTAMP_ID, &(slot.0 * SLOT_MS));
    let inherents: Vec<OpaqueExtrinsic> = chain.call("BlockBuilder_inherent_extrinsics", data);
    let results: Vec<ApplyExtrinsicResult> = chain.call("QuireBlock_apply_extrinsics", inherents);
    assert_eq!(results, [Ok(Ok(())), Err(InvalidTransaction::BadMandatory.into())]);
}

fn header(seed: u8, slot: u64, state: u8) -> Header {
    let mut header =
        Header { state_root: H256([state; 32]), digest: Digest::for_slot(Slot(slot)), ..Header::default() };
    let seal = key(seed).sign(signing_context(b"substrate").bytes(&header.hash().0)).to_bytes();
    header.digest.push(DigestItem::Seal(AURA_ENGINE_ID, seal.to_vec()));
    header
}

fn two_blocks(seed: u8, slot: u64) -> AuthorProof {
    AuthorProof {
        offender: AuraId(account(seed).0),
        slot: Slot(slot),
        first_header: header(seed, slot, 1),
        second_header: header(seed, slot, 2),
    }
}

#[test]
fn a_report_without_a_signer_costs_the_bond_and_the_place() {
    let mut chain = chain();
    chain.contributed(&[]);
    let proof = two_blocks(2, FIRST_SLOT + 1);
    let report: Option<OpaqueExtrinsic> = chain.call("QuireSession_report_author", &proof);
    let report = report.expect("it is a proof");
    let valid = chain.validate(&report).unwrap();
    assert!(valid.provides.len() == 1 && valid.requires.is_empty() && valid.propagate);
    let before = chain.bonded(2);
    // Also behind a signed extrinsic: only inherents must come first.
    let call = RuntimeCall::System(pallet_system::Call::remark { remark: vec![] });
    let signed = chain.signed(1, 0, Era::Immortal, call);
    chain.contributed(&[signed, report.clone()]);
    assert_eq!(chain.bonded(2), before - before / 10);
    let event = pallet_equivocation::Event::Punished {
        who: account(2),
        offence: Offence::Authored { session: 0 },
        slashed: before / 10,
    };
    assert!(chain.events_of(3).contains(&RuntimeEvent::Equivocation(event)));
    assert_eq!(chain.validate(&report), Err(InvalidTransaction::Stale.into()));
    let again: Option<OpaqueExtrinsic> = chain.call("QuireSession_report_author", &proof);
    assert_eq!(again, None);
    chain.begin();
    let twice: ApplyExtrinsicResult = chain.call("BlockBuilder_apply_extrinsic", &report);
    assert_eq!(twice, Err(InvalidTransaction::Stale.into()), "it cannot be in a second block");
}

#[test]
fn an_offender_is_out_of_the_next_session() {
    let mut chain = chain();
    chain.contributed(&[]);
    let vote = |target: u8| {
        let vote = Vote { target_hash: H256([target; 32]), target_number: 9 };
        let signature: [u8; 64] = voter(3).sign(&(1u8, vote, 5u64, 0u64).encode()).into();
        (vote, signature)
    };
    let votes = Votes { round_number: 5, identity: keys_of(3).grandpa, first: vote(1), second: vote(2) };
    let proof = VoterProof { set_id: 0, equivocation: Equivocation::Precommit(votes) };
    let report: Option<OpaqueExtrinsic> = chain.call("QuireSession_report_voter", &proof);
    chain.contributed(&[report.expect("it is a proof")]);
    for _ in 0..LENGTH {
        chain.contributed(&[]);
    }
    let voters: Vec<(GrandpaId, u64)> = chain.call("GrandpaApi_grandpa_authorities", ());
    assert_eq!(voters.len(), 2);
    assert!(!voters.contains(&(keys_of(3).grandpa, 1)));
    let of_the_old_set: Option<Vec<u8>> =
        chain.call("GrandpaApi_generate_key_ownership_proof", (0u64, keys_of(3).grandpa));
    assert!(of_the_old_set.is_some());
    let of_the_new_set: Option<Vec<u8>> =
        chain.call("GrandpaApi_generate_key_ownership_proof", (1u64, keys_of(3).grandpa));
    assert_eq!(of_the_new_set, None);
}

#[test]
fn forged_reports_and_other_calls_need_a_signer() {
    let mut chain = chain();
    chain.contributed(&[]);
    let mut proof = two_blocks(2, FIRST_SLOT + 1);
    let good: Option<OpaqueExtrinsic> = chain.call("QuireSession_report_author", &proof);
    let (good, _) = UncheckedExtrinsic::<RuntimeCall>::from_opaque(&good.unwrap()).unwrap();
    proof.second_header.state_root = H256([9; 32]);
    let none: Option<OpaqueExtrinsic> = chain.call("QuireSession_report_author", &proof);
    assert_eq!(none, None);
    let RuntimeCall::Equivocation(pallet_equivocation::Call::report_author { key_owner_proof, .. }) =
        good.call
    else {
        panic!("another call")
    };
    let forged = pallet_equivocation::Call::report_author {
        equivocation_proof: alloc::boxed::Box::new(proof),
        key_owner_proof,
    };
    let forged = UncheckedExtrinsic::bare(RuntimeCall::Equivocation(forged)).to_opaque();
    assert_eq!(chain.validate(&forged), Err(InvalidTransaction::BadProof.into()));
    let remark = RuntimeCall::System(pallet_system::Call::remark { remark: vec![] });
    let bare = UncheckedExtrinsic::bare(remark).to_opaque();
    assert_eq!(chain.validate(&bare), Err(UnknownTransaction::NoUnsignedValidator.into()));
    chain.begin();
    for (extrinsic, error) in [
        (forged, InvalidTransaction::BadProof.into()),
        (bare, UnknownTransaction::NoUnsignedValidator.into()),
    ] {
        let refused: ApplyExtrinsicResult = chain.call("BlockBuilder_apply_extrinsic", &extrinsic);
        assert_eq!(refused, Err(error));
    }
}
