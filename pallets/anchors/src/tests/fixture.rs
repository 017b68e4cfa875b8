//! A chain with a channel of three, four validators, and short names for calls.

use alloc::vec::Vec;

use pallet_bonds::{Parameters, ValidatorKeys};
use pallet_channels::storage::Money;
use pallet_support::testing::TestExternalities;
use pallet_timestamp::storage::CHANNEL_CLOCK;
use quire_channel::part::RECEIPT_CONTEXT;
use quire_channel::result::{MergeFacts, OutputSet, Outputs, assemble};
use quire_channel::{
    BlockState, CidBytes, EraTerms, Output, PartAnchor, Participant, ResultHeader, Windows, commitment,
    receipt_payload,
};
use quire_core::hash::blake2_256;
use quire_core::{AccountId, Balance, DispatchError, H256, UNITS};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};

use super::super::*;
use crate::storage::BLOCKS;

pub(super) const START: Balance = 1_000 * UNITS;
pub(super) const BOND: Balance = 200 * UNITS;
pub(super) const DUTY: Balance = 10 * UNITS;
pub(super) const PERIOD: u32 = 10;
pub(super) const WINDOWS: Windows = Windows { parts: 3, commit: 4, reveal: 5, challenge: 6 };
/// Participant 0 pays, 1 is a partner, 2 an auditor.
pub(super) const PAYER: u8 = 1;
pub(super) const PARTNER: u8 = 2;
pub(super) const AUDITOR: u8 = 3;
pub(super) const PARTICIPANTS: [u8; 3] = [PAYER, PARTNER, AUDITOR];
pub(super) const VALIDATORS: [u8; 3] = [11, 12, 13];
/// A validator that is registered and excluded from the channel.
pub(super) const EXCLUDED: u8 = 14;
pub(super) const STRANGER: u8 = 9;

const PROGRAM: &[u8] = include_bytes!("../../../../runtime/programs/rtb/rtb.wasm");

pub(super) fn account(n: u8) -> AccountId {
    AccountId([n; 32])
}

fn keypair(n: u8) -> Keypair {
    MiniSecretKey::from_bytes(&[n; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519)
}

pub(super) fn program() -> H256 {
    H256(blake2_256(PROGRAM))
}

/// Runs `work` at tick 10, with channel 1 just open and 100 QIR of the payer in it.
pub(super) fn test(work: impl FnOnce()) {
    TestExternalities::new().execute(|| {
        build();
        open_channel(1);
        work();
        check();
    });
}

/// The first state.
pub(super) fn build() {
    pallet_system::storage::BLOCK_HASH.insert(&0, &H256([0x33; 32]));
    let balances = (1..=20).map(|n| (account(n), START)).collect();
    pallet_balances::genesis::Config { balances }.build().unwrap();
    let parameters = Parameters { minimum_bond: 100 * UNITS, duty_bond: DUTY, unbonding_ticks: 50 };
    let bonded = VALIDATORS.iter().chain(&[EXCLUDED]);
    let validators = bonded.map(|n| (account(*n), BOND, keys_of(*n))).collect();
    pallet_bonds::genesis::Config { parameters, validators }.build().unwrap();
    let programs = alloc::vec![(account(20), PROGRAM.to_vec())];
    pallet_channels::genesis::Config { programs }.build().unwrap();
    genesis::Config::default().build().unwrap();
    at_tick(10);
}

pub(super) fn keys_of(n: u8) -> ValidatorKeys {
    ValidatorKeys { signing: keypair(n).public.to_bytes(), sealing: [n; 32] }
}

/// Opens the channel that gets this id, with 100 QIR of the payer in it.
pub(super) fn open_channel(id: u64) {
    let participants = PARTICIPANTS.iter().map(|n| Participant {
        account: account(*n),
        role: n - 1,
        message_key: [100 + n; 32],
        sealing_key: [150 + n; 32],
    });
    let era = EraTerms {
        period: PERIOD,
        windows: WINDOWS,
        program: program(),
        parameters: Vec::new(),
        exclusions: alloc::vec![account(EXCLUDED)],
    };
    let secret = H256([5; 32]);
    let open = pallet_channels::Call::open { participants: participants.collect(), era, secret };
    in_channels(PAYER, open).unwrap();
    for who in [PARTNER, AUDITOR] {
        in_channels(who, pallet_channels::Call::approve { channel: id, secret }).unwrap();
    }
    in_channels(PAYER, pallet_channels::Call::deposit { channel: id, amount: 100 * UNITS }).unwrap();
}

pub(super) fn check() {
    check_invariants().unwrap();
    pallet_channels::check_invariants().unwrap();
    pallet_bonds::check_invariants().unwrap();
    pallet_balances::check_invariants().unwrap();
}

pub(super) fn at_tick(tick: u32) {
    CHANNEL_CLOCK.put(&tick);
}

pub(super) fn now() -> u32 {
    pallet_timestamp::channel_clock()
}

pub(super) fn in_channels(who: u8, call: pallet_channels::Call) -> Result<(), DispatchError> {
    let origin = Origin::Signed(account(who));
    let result = pallet_support::with_transaction(|| pallet_channels::dispatch(call, origin));
    result.map(|_| ()).map_err(|failed| failed.error)
}

/// Runs a call as the runtime does, and checks everything after it.
pub(super) fn run(who: u8, call: Call) -> Result<(), DispatchError> {
    let result = pallet_support::with_transaction(|| dispatch(call, Origin::Signed(account(who))));
    check();
    result.map(|_| ()).map_err(|failed| failed.error)
}

pub(super) fn refused(error: Error) -> Result<(), DispatchError> {
    Err(error.into())
}

pub(super) fn delegate(who: u8, block: u32, validator: u8) -> Result<(), DispatchError> {
    run(who, Call::delegate { channel: 1, block, validator: account(validator) })
}

pub(super) fn accept(validator: u8, block: u32) -> Result<(), DispatchError> {
    run(validator, Call::accept { channel: 1, block })
}

pub(super) fn seal(who: u8, block: u32) -> Result<(), DispatchError> {
    run(who, Call::seal { channel: 1, block })
}

pub(super) fn advance(block: u32) -> Result<(), DispatchError> {
    run(STRANGER, Call::advance { channel: 1, block })
}

/// Participant `who`'s part.
pub(super) fn part(who: u8) -> PartAnchor {
    PartAnchor {
        cid: CidBytes::new(alloc::vec![who; 36]).unwrap(),
        root: H256([who; 32]),
        length: 1_000,
        count: 3,
        key_commitment: H256([77; 32]),
    }
}

/// A validator and its signature.
pub(super) type Receipt = (AccountId, [u8; 64]);

/// Receipts of `validators` for a part of channel 1.
pub(super) fn receipts(block: u32, who: u8, part: &PartAnchor, validators: &[u8]) -> Vec<Receipt> {
    receipts_in(1, block, who, part, validators)
}

/// Receipts of `validators` for a part.
pub(super) fn receipts_in(
    channel: u64,
    block: u32,
    who: u8,
    part: &PartAnchor,
    validators: &[u8],
) -> Vec<Receipt> {
    let payload = receipt_payload(live::genesis_hash(), channel, block, who - 1, part);
    let receipt = |n: &u8| (account(*n), keypair(*n).sign_simple(RECEIPT_CONTEXT, &payload).to_bytes());
    validators.iter().map(receipt).collect()
}

pub(super) fn submit(who: u8, block: u32, custodians: &[u8]) -> Result<(), DispatchError> {
    let part = part(who);
    let receipts = receipts(block, who, &part, custodians);
    run(who, Call::submit_part { channel: 1, block, part, receipts })
}

/// A result of channel 1 with these outputs and the parts counted so far.
pub(super) fn result(block: u32, outputs: &Outputs) -> ResultHeader {
    result_in(1, block, outputs)
}

/// A result with these outputs and the parts counted so far.
pub(super) fn result_in(channel: u64, block: u32, outputs: &Outputs) -> ResultHeader {
    let parts = crate::block(channel, block).map_or(0, |record| record.counted_parts());
    let facts = MergeFacts { channel, block, parts, message_count: 7 };
    assemble(&facts, program(), &[H256([1; 32])], outputs)
}

/// Outputs in canonical order.
pub(super) fn outputs(list: impl IntoIterator<Item = Output>) -> Outputs {
    let mut set = OutputSet::new();
    list.into_iter().for_each(|output| set.add(output));
    set.finish()
}

/// The payer owes 60 to the partner, 20 to the auditor and 10 to validators; a report and a notice.
pub(super) fn usual_outputs() -> Outputs {
    outputs([
        Output::Transfer { from: 0, to: 1, amount: 60 * UNITS },
        Output::Transfer { from: 0, to: 2, amount: 20 * UNITS },
        Output::Fee { from: 0, amount: 10 * UNITS },
        Output::Report { key: b"totalImpressions".to_vec(), value: 42 },
        Output::Notice { node: 1, kind: 7, data: b"late".to_vec() },
    ])
}

pub(super) fn salt(validator: u8) -> [u8; 32] {
    [validator ^ 0x5a; 32]
}

pub(super) fn commit(validator: u8, header: &ResultHeader) -> Result<(), DispatchError> {
    let genesis = live::genesis_hash();
    let (channel, block) = (header.channel, header.block);
    let commitment =
        commitment(genesis, channel, block, &account(validator), header.hash(), &salt(validator));
    run(validator, Call::commit { channel, block, commitment })
}

pub(super) fn reveal(validator: u8, header: &ResultHeader) -> Result<(), DispatchError> {
    let (channel, block) = (header.channel, header.block);
    run(validator, Call::reveal { channel, block, result: *header, salt: salt(validator) })
}

/// Applies a slice of `outputs`.
pub(super) fn settle(block: u32, outputs: &Outputs, first: u32, len: u32) -> Result<(), DispatchError> {
    let (slice, proof) = outputs.slice(first, len).unwrap();
    run(STRANGER, Call::settle { channel: 1, block, first, outputs: slice, proof })
}

pub(super) fn record(block: u32) -> BlockRecord {
    BLOCKS.get(&1, &block).unwrap()
}

pub(super) fn state(block: u32) -> BlockState {
    record(block).state()
}

/// Every participant names its validator, all accept and all seal.
pub(super) fn to_parts(block: u32) {
    for (who, validator) in PARTICIPANTS.into_iter().zip(VALIDATORS) {
        delegate(who, block, validator).unwrap();
        accept(validator, block).unwrap();
    }
    for who in PARTICIPANTS {
        seal(who, block).unwrap();
    }
    assert_eq!(state(block), BlockState::Parts);
}

/// All parts count, held by all validators.
pub(super) fn to_committing(block: u32) {
    to_parts(block);
    for who in PARTICIPANTS {
        submit(who, block, &VALIDATORS).unwrap();
    }
    assert_eq!(state(block), BlockState::Committing);
}

/// All validators committed to `outputs`.
pub(super) fn to_revealing(block: u32, outputs: &Outputs) -> ResultHeader {
    to_committing(block);
    let header = result(block, outputs);
    for validator in VALIDATORS {
        commit(validator, &header).unwrap();
    }
    assert_eq!(state(block), BlockState::Revealing);
    header
}

/// All validators agree on `outputs`.
pub(super) fn to_agreed(block: u32, outputs: &Outputs) -> ResultHeader {
    let header = to_revealing(block, outputs);
    for validator in VALIDATORS {
        reveal(validator, &header).unwrap();
    }
    assert_eq!(state(block), BlockState::Agreed);
    header
}

/// The challenge window is over.
pub(super) fn to_settling(block: u32, outputs: &Outputs) -> ResultHeader {
    let header = to_agreed(block, outputs);
    at_tick(now() + WINDOWS.challenge);
    advance(block).unwrap();
    header
}

pub(super) fn free(who: u8) -> Balance {
    pallet_balances::free_balance(&account(who))
}

/// Money of a participant, by account number.
pub(super) fn money(who: u8) -> Money {
    pallet_channels::money(1)[usize::from(who - 1)]
}

/// Bond and locked slice of a validator.
pub(super) fn bond(validator: u8) -> (Balance, Balance) {
    let ledger = pallet_bonds::storage::LEDGERS.get_or_default(&account(validator));
    (ledger.active, ledger.locked)
}
