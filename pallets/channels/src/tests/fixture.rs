//! A chain with rich accounts, a program and short names for calls.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use pallet_support::testing::TestExternalities;
use pallet_timestamp::storage::CHANNEL_CLOCK;
use quire_channel::{Participant, Windows};
use quire_core::hash::blake2_256;

use super::*;
pub(super) use quire_channel::EraTerms;

pub(super) const START: Balance = 1_000 * UNITS;
pub(super) const SECRET: H256 = H256([5; 32]);

pub(super) fn account(n: u8) -> AccountId {
    AccountId([n; 32])
}

/// Runs `work` at tick 10 on a chain where accounts 1 to 20 are rich; account 20 has registered a program.
pub(super) fn test(work: impl FnOnce()) {
    TestExternalities::new().execute(|| {
        let balances = (1..=20).map(|n| (account(n), START)).collect();
        pallet_balances::genesis::Config { balances }.build().unwrap();
        pallet_bonds::genesis::Config::default().build().unwrap();
        genesis::Config { programs: alloc::vec![(account(20), program(2))] }.build().unwrap();
        at_tick(10);
        work();
        check();
    });
}

pub(super) fn check() {
    check_invariants().unwrap();
    pallet_bonds::check_invariants().unwrap();
    pallet_balances::check_invariants().unwrap();
}

pub(super) fn at_tick(tick: u32) {
    CHANNEL_CLOCK.put(&tick);
}

pub(super) fn run(who: u8, call: Call) -> Result<(), DispatchError> {
    let result = pallet_support::with_transaction(|| dispatch(call, Origin::Signed(account(who))));
    check();
    result.map(|_| ()).map_err(|failed| failed.error)
}

pub(super) fn refused(error: Error) -> Result<(), DispatchError> {
    Err(error.into())
}

pub(super) fn deposit(who: u8, amount: Balance) -> Result<(), DispatchError> {
    run(who, Call::deposit { channel: 1, amount })
}

pub(super) fn withdraw(who: u8, amount: Balance) -> Result<(), DispatchError> {
    run(who, Call::withdraw { channel: 1, amount })
}

pub(super) fn free(who: u8) -> Balance {
    pallet_balances::free_balance(&account(who))
}

/// Participants with accounts, roles and keys that follow from their numbers.
pub(super) fn participants(numbers: RangeInclusive<u8>) -> Vec<Participant> {
    numbers
        .map(|n| Participant {
            account: account(n),
            role: n - 1,
            message_key: [100 + n; 32],
            sealing_key: [150 + n; 32],
        })
        .collect()
}

/// Period of 10 ticks, windows of 3.
pub(super) fn terms() -> EraTerms {
    EraTerms {
        period: 10,
        windows: Windows { parts: 3, commit: 3, reveal: 3, challenge: 3 },
        program: H256(blake2_256(&program(2))),
        parameters: alloc::vec![1, 2, 3],
        exclusions: alloc::vec![account(7)],
    }
}

/// Account 1 proposes channel 1 with accounts 1 to 3.
pub(super) fn propose() {
    run(1, Call::open { participants: participants(1..=3), era: terms(), secret: SECRET }).unwrap();
}

/// Channel 1 with accounts 1 to 3, open since the current tick.
pub(super) fn open() {
    propose();
    for who in 2..=3 {
        run(who, Call::approve { channel: 1, secret: SECRET }).unwrap();
    }
}

/// Lists a block of channel 1 as open.
pub(super) fn open_one(block: u32) {
    open_block(1, &channel(1).unwrap(), block, pallet_timestamp::channel_clock()).unwrap();
}

pub(super) fn program_deposits() -> Balance {
    PROGRAMS.iter().map(|(_, record)| record.deposit).sum()
}

/// The smallest module that may be a program; its memory may grow to so many pages.
pub(super) fn program(max_pages: u8) -> Vec<u8> {
    let mut code = b"\0asm\x01\0\0\0".to_vec();
    section(
        &mut code,
        1,
        &[
            &[4][..],
            &[0x60, 1, 0x7f, 1, 0x7f],
            &[0x60, 2, 0x7f, 0x7f, 0],
            &[0x60, 0, 1, 0x7f],
            &[0x60, 3, 0x7f, 0x7f, 0x7f, 1, 0x7e],
        ],
    );
    section(&mut code, 3, &[&[5, 0, 1, 2, 3, 3]]);
    section(&mut code, 5, &[&[1, 1, 1, max_pages]]);
    let export =
        |name: &str, kind: u8, index: u8| [&[name.len() as u8], name.as_bytes(), &[kind, index]].concat();
    section(
        &mut code,
        7,
        &[
            &[6],
            &export("memory", 2, 0),
            &export("quire_alloc", 0, 0),
            &export("quire_init", 0, 1),
            &export("quire_stages", 0, 2),
            &export("quire_map", 0, 3),
            &export("quire_reduce", 0, 4),
        ],
    );
    let (constant, empty, long): (&[u8], &[u8], &[u8]) =
        (&[4, 0, 0x41, 1, 0x0b], &[2, 0, 0x0b], &[4, 0, 0x42, 0, 0x0b]);
    section(&mut code, 10, &[&[5], constant, empty, constant, long, long]);
    code
}

fn section(code: &mut Vec<u8>, id: u8, parts: &[&[u8]]) {
    let body = parts.concat();
    code.push(id);
    code.push(u8::try_from(body.len()).unwrap());
    code.extend_from_slice(&body);
}
