//! Random calls by everybody, sensible ones and nonsense, with every invariant checked after each.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use pallet_support::testing::TestExternalities;
use quire_channel::result::Outputs;
use quire_channel::{BlockState, Output, ResultHeader};
use quire_core::{DispatchError, H256};

use super::fixture::*;
use super::*;

const SEEDS: u64 = 30;
const STEPS: u32 = 800;
const BLOCKS: u32 = 3;

/// A small generator; the test needs variety, not quality.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: u32) -> u32 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((z ^ (z >> 31)) % u64::from(sides)).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as u32) as usize]
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.roll(100) < percent
    }
}

/// What block `block` of `channel` costs: always the same, some more than there is.
fn outputs_of(channel: u64, block: u32) -> Outputs {
    let scale = u128::from(block + 1) * u128::from(channel) * UNITS;
    outputs([
        Output::Transfer { from: 0, to: 1, amount: 20 * scale },
        Output::Transfer { from: 0, to: 2, amount: 7 * scale + 3 },
        Output::Transfer { from: 1, to: 2, amount: u128::from(block % 2) * scale },
        Output::Fee { from: 0, amount: scale + 1 },
        Output::Fee { from: 2, amount: u128::from(block % 3) },
        Output::Report { key: b"sum".to_vec(), value: scale },
    ])
}

/// The result that a validator reports: mostly the right one.
fn opinion(dice: &mut Dice, channel: u64, block: u32) -> ResultHeader {
    let mut header = result_in(channel, block, &outputs_of(channel, block));
    if dice.chance(10) {
        header.message_count += 1;
    }
    header
}

/// The call that brings the block on, by somebody who may make it. Some never come: then deadlines pass.
fn sensible(dice: &mut Dice, channel: u64, block: u32) -> (u8, Call) {
    let who = dice.pick(&PARTICIPANTS);
    let validator = dice.pick(&VALIDATORS);
    let record = crate::block(channel, block);
    match record.as_ref().map(BlockRecord::state) {
        None => (who, Call::delegate { channel, block, validator: account(validator) }),
        Some(BlockState::Collecting) => match dice.roll(5) {
            0 => (who, Call::delegate { channel, block, validator: account(validator) }),
            1 | 2 => (validator, Call::accept { channel, block }),
            _ => (who, Call::seal { channel, block }),
        },
        Some(BlockState::Parts) => {
            let part = part(who);
            let holders: Vec<u8> = VALIDATORS.into_iter().filter(|_| dice.chance(90)).collect();
            let duties = record.map(|record| record.duties).unwrap_or_default();
            let named = |n: &u8| duties.iter().any(|duty| duty.validator == account(*n));
            let holders: Vec<u8> = holders.into_iter().filter(named).collect();
            let receipts = receipts_in(channel, block, who, &part, &holders);
            (who, Call::submit_part { channel, block, part, receipts })
        }
        Some(BlockState::Committing) => {
            let hash = opinion(dice, channel, block).hash();
            let genesis = live::genesis_hash();
            let commitment = quire_channel::commitment(
                genesis,
                channel,
                block,
                &account(validator),
                hash,
                &salt(validator),
            );
            (validator, Call::commit { channel, block, commitment })
        }
        Some(BlockState::Revealing) => {
            let mut header = result_in(channel, block, &outputs_of(channel, block));
            header.message_count += u64::from(dice.chance(25));
            (validator, Call::reveal { channel, block, result: header, salt: salt(validator) })
        }
        Some(BlockState::Settling) => {
            let all = outputs_of(channel, block);
            let first = dice.roll(all.count());
            let len = 1 + dice.roll(all.count() - first);
            let (outputs, proof) = all.slice(first, len).unwrap();
            (STRANGER, Call::settle { channel, block, first, outputs, proof })
        }
        Some(_) => (STRANGER, Call::advance { channel, block }),
    }
}

/// A call that is likely to be refused.
fn nonsense(dice: &mut Dice, channel: u64, block: u32) -> (u8, Call) {
    let who = dice.pick(&[PAYER, PARTNER, AUDITOR, STRANGER, EXCLUDED, 11, 12, 13]);
    let call = match dice.roll(7) {
        0 => Call::delegate { channel, block, validator: account(dice.pick(&[11, EXCLUDED, STRANGER])) },
        1 => Call::accept { channel, block },
        2 => Call::submit_part { channel, block, part: part(PAYER), receipts: Vec::new() },
        3 => Call::commit { channel, block, commitment: H256([dice.roll(256) as u8; 32]) },
        4 => {
            let result = result_in(channel, block, &outputs([]));
            Call::reveal { channel, block, result, salt: [0; 32] }
        }
        5 => {
            let (outputs, proof) = outputs_of(channel, block).slice(0, 1).unwrap();
            Call::settle { channel, block, first: dice.roll(9), outputs, proof }
        }
        _ => Call::advance { channel: channel + u64::from(dice.chance(50)), block },
    };
    (who, call)
}

/// Money and bonds move as their owners like.
fn owners(dice: &mut Dice, channel: u64) -> Result<(), DispatchError> {
    let amount = u128::from(dice.roll(60_000)) * UNITS / 1_000;
    let who = dice.pick(&PARTICIPANTS);
    if dice.chance(60) {
        let call = match dice.roll(8) {
            0..3 => pallet_channels::Call::deposit { channel, amount },
            3..6 => pallet_channels::Call::withdraw { channel, amount },
            6 => {
                let message_key = [dice.roll(256) as u8; 32];
                pallet_channels::Call::set_keys { channel, message_key, sealing_key: [1; 32] }
            }
            _ if dice.chance(10) => {
                pallet_channels::Call::close { channel, last_block: BLOCKS + dice.roll(4) }
            }
            _ => pallet_channels::Call::deposit { channel, amount: 0 },
        };
        return in_channels(who, call);
    }
    let validator = dice.pick(&VALIDATORS);
    let call = match dice.roll(6) {
        0 | 1 => pallet_bonds::Call::bond { amount: amount + 90 * UNITS },
        2 => pallet_bonds::Call::unbond { amount },
        3 => pallet_bonds::Call::withdraw {},
        4 => pallet_bonds::Call::validate { keys: keys_of(validator) },
        _ if dice.chance(20) => pallet_bonds::Call::chill {},
        _ => pallet_bonds::Call::unbond { amount: 0 },
    };
    let origin = Origin::Signed(account(validator));
    let result = pallet_support::with_transaction(|| pallet_bonds::dispatch(call, origin));
    result.map(|_| ()).map_err(|failed| failed.error)
}

/// Pots hold what the books say, to the planck.
fn check_pots() {
    let channels = pallet_balances::free_balance(&pallet_channels::storage::pot());
    assert_eq!(channels, pallet_channels::storage::TOTAL_HELD.get_or_default());
    let bonds = pallet_balances::free_balance(&pallet_bonds::storage::pot());
    assert_eq!(bonds, pallet_bonds::storage::TOTAL_BONDED.get_or_default());
}

/// One random life of two channels; the states that blocks went through.
fn live_once(seed: u64) -> BTreeSet<BlockState> {
    let mut seen = BTreeSet::new();
    TestExternalities::new().execute(|| {
        build();
        open_channel(1);
        open_channel(2);
        let mut dice = Dice(seed);
        let (mut accepted, mut issued) = (0u32, pallet_balances::total_issuance());
        for _ in 0..STEPS {
            let (channel, block) = (u64::from(1 + dice.roll(2)), dice.roll(BLOCKS));
            let outcome = match dice.roll(100) {
                0..72 => {
                    let (who, call) = sensible(&mut dice, channel, block);
                    run(who, call)
                }
                72..82 => {
                    let (who, call) = nonsense(&mut dice, channel, block);
                    run(who, call)
                }
                82..97 => owners(&mut dice, channel),
                _ => {
                    at_tick(now() + 1);
                    Ok(())
                }
            };
            accepted += u32::from(outcome.is_ok());
            check();
            check_pots();
            let now_issued = pallet_balances::total_issuance();
            assert!(now_issued <= issued, "seed {seed}: money came from nowhere");
            issued = now_issued;
            seen.extend(storage::BLOCKS.iter().map(|(_, _, record)| record.state()));
        }
        assert!(accepted > STEPS / 8, "seed {seed}: only {accepted} calls were accepted");
    });
    seen
}

#[test]
fn invariants_hold_after_every_call_of_any_sequence() {
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        seen.extend(live_once(seed));
    }
    let all = [
        BlockState::Collecting,
        BlockState::Parts,
        BlockState::Committing,
        BlockState::Revealing,
        BlockState::Agreed,
        BlockState::Settling,
        BlockState::Settled,
        BlockState::Disputed,
        BlockState::Underfunded,
        BlockState::Expired,
    ];
    assert_eq!(seen, BTreeSet::from(all), "the sequences must reach every state, or they prove little");
}
