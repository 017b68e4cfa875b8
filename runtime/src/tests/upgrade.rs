//! New code from a motion to the first block that it executes, in the composed runtime.

use alloc::boxed::Box;
use quire_core::upgrade::VERDICT_ID;
use quire_core::{DispatchError, RuntimeVersion, UpgradeState, UpgradeStatus, Verdict};

use super::*;

const NEW: &[u8] = b"new code";

/// A chain that knows [`NEW`] as a later version.
fn chain() -> Chain {
    let mut chain = Chain::new();
    let version = RuntimeVersion { spec_version: version::SPEC_VERSION + 1, ..version::version() };
    chain.state.set_runtime_version(NEW, &version.encode());
    chain
}

/// //1 is the only member: what it proposes is done as Root in the same block.
fn motion(chain: &Chain, nonce: u32, call: RuntimeCall) -> OpaqueExtrinsic {
    let propose = pallet_members::Call::propose { call: Box::new(call) };
    chain.signed(1, nonce, Era::Immortal, RuntimeCall::Members(propose))
}

fn set_code(code: &[u8]) -> RuntimeCall {
    RuntimeCall::System(pallet_system::Call::set_code { code: code.to_vec() })
}

fn verdict(verdict: Verdict) -> InherentData {
    let mut data = InherentData::new();
    data.put(VERDICT_ID, &(H256(quire_core::hash::blake2_256(NEW)), verdict));
    data
}

fn status(chain: &mut Chain) -> UpgradeStatus {
    chain.call::<Option<UpgradeStatus>>("QuireUpgrade_status", ()).unwrap()
}

/// How the motion in the last block ended.
fn executed(chain: &mut Chain) -> Result<(), DispatchError> {
    let event = chain.events_of(1).into_iter().find_map(|event| match event {
        RuntimeEvent::Members(pallet_members::Event::Executed { result, .. }) => Some(result),
        _ => None,
    });
    event.unwrap()
}

#[test]
fn a_motion_offers_code_and_the_author_attests_it() {
    let mut chain = chain();
    let offer = motion(&chain, 0, set_code(NEW));
    chain.block(&[offer]);
    assert_eq!(executed(&mut chain), Ok(()));
    assert_eq!(chain.state.get(b":code"), Some(&b"code"[..]));
    assert_eq!(chain.call::<Option<Vec<u8>>>("QuireUpgrade_pending_code", ()), Some(NEW.to_vec()));
    let block = chain.block_with(&[], verdict(Verdict::Accept));
    assert_eq!(block.extrinsics.len(), 2, "time and verdict");
    let delay = pallet_upgrade::Parameters::default().enactment_delay_blocks;
    let at = block.header.number + delay;
    assert_eq!(status(&mut chain).upgrade.state, UpgradeState::Scheduled { at });
    chain.state.execute(|| {
        let mut upgrade = pallet_upgrade::storage::UPGRADE.get().unwrap();
        upgrade.state = UpgradeState::Scheduled { at: 5 };
        pallet_upgrade::storage::UPGRADE.put(&upgrade);
    });
    chain.head.state_root = chain.state.root();
    let said_again = chain.block_with(&[], verdict(Verdict::Accept));
    assert_eq!(said_again.extrinsics.len(), 1, "a verdict that stands needs no inherent");
    assert!(!chain.block(&[]).header.digest.changes_code());
    let enacting = chain.block(&[]);
    assert_eq!((enacting.header.number, enacting.header.digest.changes_code()), (5, true));
    assert_eq!(chain.state.get(b":code"), Some(NEW));
    assert_eq!(status(&mut chain).upgrade.state, UpgradeState::Enacted { at: 5 });
    assert_eq!(chain.call::<Option<Vec<u8>>>("QuireUpgrade_pending_code", ()), None);
}

#[test]
fn nobody_else_reaches_the_code() {
    let mut chain = chain();
    let direct = chain.signed(1, 0, Era::Immortal, set_code(NEW));
    chain.block(&[direct]);
    assert!(chain.call::<Option<UpgradeStatus>>("QuireUpgrade_status", ()).is_none(), "a signer is not Root");
    let item = |key: &[u8]| (key.to_vec(), NEW.to_vec());
    let raw = [
        pallet_system::Call::set_storage { items: vec![item(b":code")] },
        pallet_system::Call::kill_storage { keys: vec![b":code".to_vec()] },
        pallet_system::Call::kill_prefix { prefix: b":".to_vec(), subkeys: 9 },
        pallet_system::Call::set_storage { items: vec![item(&pallet_upgrade::storage::PENDING_CODE.key())] },
    ];
    for (nonce, call) in (1..).zip(raw) {
        let propose = motion(&chain, nonce, RuntimeCall::System(call));
        chain.block(&[propose]);
        assert_eq!(executed(&mut chain), Err(pallet_system::Error::ProtectedStorage.into()));
    }
    let attest = RuntimeCall::Upgrade(pallet_upgrade::Call::attest {
        code_hash: H256(quire_core::hash::blake2_256(NEW)),
        verdict: Verdict::Accept,
    });
    let signed = chain.signed(1, 5, Era::Immortal, attest.clone());
    assert_eq!(chain.validate(&signed), Err(InvalidTransaction::MandatoryValidation.into()));
    assert!(chain.validate(&OpaqueExtrinsic(UncheckedExtrinsic::bare(attest).encode_body())).is_err());
    assert_eq!(chain.state.get(b":code"), Some(&b"code"[..]));
}

#[test]
fn a_motion_takes_back_what_a_motion_offered() {
    let mut chain = chain();
    let offer = motion(&chain, 0, set_code(NEW));
    chain.block(&[offer]);
    let code_hash = H256(quire_core::hash::blake2_256(NEW));
    let cancel = motion(&chain, 1, RuntimeCall::Upgrade(pallet_upgrade::Call::cancel { code_hash }));
    chain.block_with(&[cancel], verdict(Verdict::Accept));
    assert_eq!(status(&mut chain).upgrade.state, UpgradeState::Cancelled { at: 2 });
    let lower = motion(&chain, 2, set_code(b"no runtime"));
    chain.block(&[lower]);
    assert_eq!(executed(&mut chain), Err(pallet_system::Error::FailedToExtractRuntimeVersion.into()));
}

#[test]
fn r7_of_the_executive_new_code_notes_its_version_in_its_first_block() {
    let mut chain = chain();
    chain.block(&[]);
    let old = pallet_system::LastRuntimeUpgradeInfo { spec_version: 1, spec_name: "quire".into() };
    chain.state.execute(|| pallet_system::storage::LAST_RUNTIME_UPGRADE.put(&old));
    let transfer = chain.signed(1, 0, Era::Immortal, transfer(2, UNITS));
    assert!(chain.validate(&transfer).is_ok(), "validation sees the state as the next block will find it");
    chain.block(&[transfer]);
    let noted = chain.state.execute(|| pallet_system::storage::LAST_RUNTIME_UPGRADE.get().unwrap());
    assert_eq!(noted.spec_version, version::SPEC_VERSION);
}

#[test]
fn calls_around_set_code_lead_to_the_same_gate() {
    type Wrap = fn(RuntimeCall) -> pallet_utility::Call<RuntimeCall>;
    let wraps: [Wrap; 3] = [
        |call| pallet_utility::Call::batch { calls: vec![call] },
        |call| pallet_utility::Call::batch_all { calls: vec![call] },
        |call| pallet_utility::Call::force_batch { calls: vec![call] },
    ];
    for wrap in wraps {
        let mut chain = chain();
        let wrapped = RuntimeCall::Utility(wrap(set_code(NEW)));
        let direct = chain.signed(1, 0, Era::Immortal, wrapped.clone());
        chain.block(&[direct]);
        assert!(
            chain.call::<Option<UpgradeStatus>>("QuireUpgrade_status", ()).is_none(),
            "no Root, no offer"
        );
        let offer = motion(&chain, 1, wrapped);
        chain.block(&[offer]);
        assert_eq!(status(&mut chain).upgrade.state, UpgradeState::Attesting);
        assert_eq!(chain.state.get(b":code"), Some(&b"code"[..]));
    }
}
