//! A test per rule, and the whole life in a table.

use super::BlockState::*;
use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;
use quire_core::AccountId;

const WINDOWS: Windows = Windows { parts: 5, commit: 4, reveal: 3, challenge: 2 };
const PERIOD: u32 = 10;

fn facts() -> Facts {
    Facts {
        participants: 3,
        delegated: 3,
        sealed: 0,
        parts: 0,
        validators: 3,
        commits: 0,
        reveals: 0,
        verdict: Verdict::TooFew,
        cases: 0,
        outputs: 4,
        applied: 0,
        unpaid: false,
    }
}

fn at(state: BlockState, entered: u32) -> Progress {
    Progress { state, entered }
}

fn next(progress: Progress, facts: &Facts, now: u32) -> Option<Progress> {
    next_state(progress, facts, PERIOD, &WINDOWS, now)
}

fn era(first_block: u32, start: u32) -> Era {
    let terms = crate::channel::EraTerms {
        period: PERIOD,
        windows: WINDOWS,
        program: H256::ZERO,
        parameters: Vec::new(),
        exclusions: Vec::new(),
    };
    Era { first_block, start, terms }
}

#[test]
fn r1_periods_follow_the_era() {
    let eras = [era(0, 100), era(7, 500)];
    assert_eq!(period(&eras[0], 0), Some((100, 110)));
    assert_eq!(period(&eras[0], 6), Some((160, 170)));
    assert_eq!(era_of(&eras, 6), Some(&eras[0]));
    assert_eq!(era_of(&eras, 7), Some(&eras[1]));
    assert_eq!(period(&eras[1], 9), Some((520, 530)));
    assert_eq!(period(&eras[1], 6), None, "before its era");
    assert_eq!(era_of(&eras[1..], 6), None);
    assert_eq!(period(&eras[0], u32::MAX), Some((u32::MAX, u32::MAX)), "the clock's range saturates");
}

#[test]
fn r2_collecting_ends_at_the_period_or_when_all_sealed() {
    let start = at(Collecting, 100);
    assert_eq!(next(start, &facts(), 109), None);
    assert_eq!(next(start, &facts(), 110), Some(at(Parts, 110)));
    let sealed = Facts { sealed: 3, ..facts() };
    assert_eq!(next(start, &sealed, 104), Some(at(Parts, 104)));
    assert_eq!(next(start, &sealed, 90), Some(at(Parts, 90)), "before its period: unanimous");
    assert_eq!(next(start, &Facts { sealed: 2, ..facts() }, 104), None);
    assert_eq!(next(start, &Facts { delegated: 2, ..sealed }, 104), None, "one has no delegate yet");
}

#[test]
fn r3_without_two_delegating_participants_the_block_expires() {
    for (delegated, state) in [(0, Expired), (1, Expired), (2, Parts)] {
        let facts = Facts { delegated, ..facts() };
        assert_eq!(next(at(Collecting, 100), &facts, 110), Some(at(state, 110)));
    }
}

#[test]
fn r4_parts_end_at_the_deadline_or_when_all_are_in() {
    let start = at(Parts, 110);
    assert_eq!(next(start, &Facts { parts: 2, ..facts() }, 114), None);
    assert_eq!(next(start, &Facts { parts: 2, ..facts() }, 115), Some(at(Committing, 115)));
    assert_eq!(next(start, &Facts { parts: 3, ..facts() }, 111), Some(at(Committing, 111)));
    assert_eq!(next(start, &facts(), 115), Some(at(Expired, 115)), "no part at all");
}

#[test]
fn r5_more_than_half_of_the_delegates_make_a_part_count() {
    let needed = [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (16, 9)];
    for (validators, quorum) in needed {
        assert!(has_receipt_quorum(quorum, validators));
        assert!(!has_receipt_quorum(quorum - 1, validators));
    }
    assert!(!has_receipt_quorum(0, 0));
    assert!(has_receipt_quorum(u32::MAX, u32::MAX));
}

#[test]
fn r6_committing_ends_at_the_deadline_or_when_all_committed() {
    let start = at(Committing, 115);
    assert_eq!(next(start, &Facts { commits: 2, ..facts() }, 118), None);
    assert_eq!(next(start, &Facts { commits: 2, ..facts() }, 119), Some(at(Revealing, 119)));
    assert_eq!(next(start, &Facts { commits: 3, ..facts() }, 116), Some(at(Revealing, 116)));
    assert_eq!(next(start, &facts(), 119), Some(at(Expired, 119)), "no commitment at all");
}

#[test]
fn r7_revealing_ends_at_the_deadline_or_when_all_who_committed_revealed() {
    let start = at(Revealing, 119);
    let agreed = Verdict::Agreed(H256::ZERO);
    let two = Facts { commits: 2, reveals: 1, verdict: agreed, ..facts() };
    assert_eq!(next(start, &two, 121), None);
    assert_eq!(next(start, &two, 122), Some(at(Agreed, 122)));
    assert_eq!(next(start, &Facts { reveals: 2, ..two }, 120), Some(at(Agreed, 120)));
}

#[test]
fn r7_a_reveal_must_fit_its_block() {
    let header = ResultHeader {
        channel: 1,
        block: 2,
        program: H256([3; 32]),
        parts: 0b101,
        message_count: 0,
        groups_root: H256::ZERO,
        groups_count: 0,
        outputs_root: H256::ZERO,
        outputs_count: MAX_OUTPUTS,
        total: 0,
    };
    let expected = Expected { channel: 1, block: 2, program: H256([3; 32]), parts: 0b101 };
    assert_eq!(check_reveal(&header, &expected), Ok(()));
    let place = Err(RevealError::Place { channel: 1, block: 2 });
    assert_eq!(check_reveal(&header, &Expected { channel: 2, ..expected }), place);
    assert_eq!(check_reveal(&header, &Expected { block: 1, ..expected }), place);
    let program = Err(RevealError::Program { program: H256([3; 32]) });
    assert_eq!(check_reveal(&header, &Expected { program: H256::ZERO, ..expected }), program);
    let parts = Err(RevealError::Parts { found: 0b101, counted: 0b111 });
    assert_eq!(check_reveal(&header, &Expected { parts: 0b111, ..expected }), parts);
    let many = ResultHeader { outputs_count: MAX_OUTPUTS + 1, ..header };
    assert_eq!(check_reveal(&many, &expected), Err(RevealError::TooManyOutputs { count: MAX_OUTPUTS + 1 }));
}

#[test]
fn r8_agreement_needs_equal_reveals_and_two_supporters() {
    let (a, b) = (H256([1; 32]), H256([2; 32]));
    assert_eq!(judge([]), Verdict::TooFew);
    assert_eq!(judge([(a, 1)]), Verdict::TooFew);
    assert_eq!(judge([(a, 2)]), Verdict::Agreed(a), "two participants named one validator");
    assert_eq!(judge([(a, 1), (a, 1)]), Verdict::Agreed(a));
    assert_eq!(judge([(a, 5), (a, 5), (b, 1)]), Verdict::Differ, "one dissenter is enough");
    assert_eq!(judge([(b, 1), (a, 1)]), Verdict::Differ);
    for (verdict, state) in
        [(Verdict::Differ, Disputed), (Verdict::TooFew, Expired), (Verdict::Agreed(a), Agreed)]
    {
        let facts = Facts { commits: 2, reveals: 2, verdict, ..facts() };
        assert_eq!(next(at(Revealing, 119), &facts, 120), Some(at(state, 120)));
    }
}

#[test]
fn r9_who_looks_late_finds_the_same_deadlines() {
    // Nobody looked since the period ended: parts were possible until 115, and none came.
    let late = advance(at(Collecting, 100), &facts(), PERIOD, &WINDOWS, 1_000);
    assert_eq!(late, at(Expired, 115));
    // The same with two parts that were anchored in time: the deadline of committing is 119.
    let facts = Facts { parts: 2, ..facts() };
    assert_eq!(advance(at(Parts, 110), &facts, PERIOD, &WINDOWS, 117), at(Committing, 115));
    assert_eq!(advance(at(Parts, 110), &facts, PERIOD, &WINDOWS, 119), at(Expired, 119));
}

#[test]
fn r10_a_case_in_the_challenge_window_disputes_the_block() {
    let start = at(Agreed, 122);
    assert_eq!(next(start, &facts(), 123), None);
    assert_eq!(next(start, &facts(), 124), Some(at(Settling, 124)));
    assert_eq!(next(start, &Facts { cases: 1, ..facts() }, 123), Some(at(Disputed, 123)));
    let none = Windows { challenge: 0, ..WINDOWS };
    assert_eq!(next_state(start, &facts(), PERIOD, &none, 122), Some(at(Settling, 122)));
}

#[test]
fn r11_each_output_is_applied_once_inside_the_result() {
    let mut applied = AppliedOutputs::new(10).unwrap();
    assert_eq!(applied.apply(3, 0), Err(SliceError::Empty { first: 3 }));
    assert_eq!(applied.apply(8, 3), Err(SliceError::OutOfRange { first: 8, len: 3, count: 10 }));
    assert_eq!(
        applied.apply(u32::MAX, 2),
        Err(SliceError::OutOfRange { first: u32::MAX, len: 2, count: 10 })
    );
    applied.apply(7, 3).unwrap();
    assert_eq!(applied.apply(5, 3), Err(SliceError::Repeated { index: 7 }));
    assert_eq!(applied.applied(), 3, "a refused slice changes nothing");
    applied.apply(0, 7).unwrap();
    assert_eq!((applied.applied(), applied.count()), (10, 10));
    let bytes = applied.encode();
    assert_eq!(AppliedOutputs::decode(&mut &bytes[..]).unwrap(), applied);
    assert!(AppliedOutputs::new(MAX_OUTPUTS).is_some());
    assert_eq!(AppliedOutputs::new(MAX_OUTPUTS + 1), None);
}

#[test]
fn r11_settling_ends_with_the_last_output() {
    let start = at(Settling, 124);
    assert_eq!(
        next(start, &Facts { applied: 3, ..facts() }, 9_999),
        None,
        "it waits for the outputs, not for the clock"
    );
    assert_eq!(next(start, &Facts { applied: 4, ..facts() }, 130), Some(at(Settled, 130)));
    assert_eq!(
        next(start, &Facts { outputs: 0, ..facts() }, 130),
        Some(at(Settled, 130)),
        "nothing to apply"
    );
    let short = Facts { applied: 4, unpaid: true, ..facts() };
    assert_eq!(next(start, &short, 130), Some(at(Underfunded, 130)));
}

#[test]
fn r12_fees_are_shared_with_the_remainder_to_the_first() {
    let (a, b, c) = (AccountId([1; 32]), AccountId([2; 32]), AccountId([3; 32]));
    assert_eq!(share_fee(11, &[c, a, b]), [(a, 5), (b, 3), (c, 3)]);
    assert_eq!(share_fee(2, &[c, b]), [(b, 1), (c, 1)]);
    assert_eq!(share_fee(1, &[c, b]), [(b, 1), (c, 0)]);
    assert_eq!(share_fee(9, &[b, b]), [(b, 9)]);
    assert_eq!(share_fee(9, &[]), []);
    assert_eq!(share_fee(u128::MAX, &[a]), [(a, u128::MAX)]);
}

fn claim(rank: ClaimRank, payee: u8, amount: u128) -> Claim {
    Claim { rank, payee, amount }
}

#[test]
fn r13_short_deposits_pay_validators_then_auditors_then_partners_pro_rata() {
    use ClaimRank::*;
    let claims =
        [claim(Partners, 4, 60), claim(Partners, 1, 30), claim(Auditors, 2, 20), claim(Validators, 0, 10)];
    let paid = |available| distribute(available, &claims).iter().map(|p| p.paid).collect::<Vec<_>>();
    assert_eq!(paid(0), [0, 0, 0, 0]);
    assert_eq!(paid(9), [0, 0, 0, 9]);
    assert_eq!(paid(25), [0, 0, 15, 10]);
    assert_eq!(paid(60), [20, 10, 20, 10]);
    assert_eq!(paid(61), [20, 11, 20, 10], "the odd planck goes to the lower index");
    assert_eq!(paid(120), [60, 30, 20, 10]);
    assert_eq!(paid(500), [60, 30, 20, 10]);
    assert_eq!(distribute(5, &[]), []);
}

#[test]
fn r14_terminal_states_and_disputes_stay() {
    let everything = Facts { parts: 3, commits: 3, reveals: 3, applied: 4, cases: 1, sealed: 3, ..facts() };
    for state in [Settled, Underfunded, Expired, Disputed] {
        assert_eq!(next(at(state, 1), &everything, u32::MAX), None);
        assert_eq!(state.is_terminal(), state != Disputed);
    }
}

#[test]
fn nothing_waits_for_the_clock_when_everybody_is_quick() {
    let quick = Facts {
        sealed: 3,
        parts: 3,
        commits: 3,
        reveals: 3,
        verdict: Verdict::Agreed(H256::ZERO),
        applied: 4,
        ..facts()
    };
    let windows = Windows { challenge: 0, ..WINDOWS };
    assert_eq!(advance(at(Collecting, 100), &quick, PERIOD, &windows, 50), at(Settled, 50));
}

proptest! {
    #[test]
    fn r13_pays_all_it_can_and_never_more(available in any::<u128>(), claims in prop::collection::vec((0u8..3, 0u8..4, any::<u128>()), 0..8), shift in 0u32..127) {
        use ClaimRank::*;
        let claims: Vec<Claim> = claims
            .into_iter()
            .map(|(rank, payee, amount)| claim([Validators, Auditors, Partners][usize::from(rank)], payee, amount >> (3 + shift / 2)))
            .collect();
        let available = available >> shift;
        let payments = distribute(available, &claims);
        let owed: u128 = claims.iter().map(|c| c.amount).sum();
        prop_assert_eq!(payments.iter().map(|p| p.paid).sum::<u128>(), owed.min(available));
        for (claim, payment) in claims.iter().zip(&payments) {
            prop_assert_eq!(payment.paid + payment.debt, claim.amount);
        }
        for (a, p) in claims.iter().zip(&payments) {
            for (b, q) in claims.iter().zip(&payments) {
                prop_assert!(a.rank >= b.rank || q.paid == 0 || p.debt == 0, "a lower rank was paid before a higher one");
            }
        }
    }

    #[test]
    fn long_division_is_exact(a in any::<u128>(), c in 1..=u128::MAX, part in any::<u128>()) {
        let b = part % c;
        let quotient = funding::mul_div_for_tests(a, b, c);
        // a * b = quotient * c + remainder, checked in two 64-bit halves of each factor.
        let (high, low) = wide(a, b);
        let (qh, ql) = wide(quotient, c);
        let (rest_low, borrow) = low.overflowing_sub(ql);
        let rest_high = high - qh - u128::from(borrow);
        prop_assert_eq!(rest_high, 0);
        prop_assert!(rest_low < c);
    }

    #[test]
    fn r9_advancing_in_steps_or_at_once_is_the_same(entered in 0u32..200, parts in 0u32..4, commits in 0u32..4, middle in 0u32..400, now in 0u32..400) {
        let facts = Facts { parts, commits, ..facts() };
        let start = at(Collecting, entered);
        let (middle, now) = (middle.min(now), middle.max(now));
        // Early ends depend on when the last thing came, so only facts without any are compared.
        prop_assume!(parts < 3 && commits < 3 && commits > 0);
        let stepped = advance(advance(start, &facts, PERIOD, &WINDOWS, middle), &facts, PERIOD, &WINDOWS, now);
        prop_assert_eq!(stepped, advance(start, &facts, PERIOD, &WINDOWS, now));
    }
}

/// The 256-bit product as (high, low).
fn wide(a: u128, b: u128) -> (u128, u128) {
    let mask = u128::from(u64::MAX);
    let (ah, al, bh, bl) = (a >> 64, a & mask, b >> 64, b & mask);
    let (outer, inner) = (ah * bl, al * bh);
    let middle = ((al * bl) >> 64) + (outer & mask) + (inner & mask);
    let low = (middle << 64) | ((al * bl) & mask);
    (ah * bh + (outer >> 64) + (inner >> 64) + (middle >> 64), low)
}
