//! The order against a naive model that recomputes everything.

use proptest::prelude::*;
use quire_core::{OpaqueExtrinsic, TransactionSource, ValidTransaction};

use super::*;

fn transaction(id: u8, priority: u64, requires: &[u8], provides: &[u8]) -> Transaction {
    let tags = |list: &[u8]| list.iter().map(|tag| vec![*tag]).collect();
    let extrinsic = Arc::new(OpaqueExtrinsic(vec![id; 1 + usize::from(id % 7)]));
    let valid = ValidTransaction {
        priority,
        requires: tags(requires),
        provides: tags(provides),
        longevity: 64,
        propagate: true,
    };
    Transaction::new(
        H256([id; 32]),
        extrinsic,
        TransactionSource::External,
        valid,
        Place { branch: 0, number: 1 },
    )
}

fn hashes(order: &Order) -> Vec<u8> {
    let mut ready = order.ready();
    std::iter::from_fn(move || ready.next_transaction()).map(|transaction| transaction.hash.0[0]).collect()
}

fn insert(order: &mut Order, transaction: Transaction) {
    order.insert(transaction, &mut Moves::default());
    check(order);
}

/// Everything that `order` keeps incrementally, computed again.
fn check(order: &Order) {
    let mut missing: BTreeMap<Id, usize> = order.entries.keys().map(|id| (*id, usize::MAX)).collect();
    // Ready ones by fixed point: start from nothing and add what is satisfied.
    let mut ready: BTreeSet<Id> = BTreeSet::new();
    loop {
        let before = ready.len();
        for (id, entry) in &order.entries {
            let lacking = entry.transaction.requires.iter().filter(|tag| {
                let provider = order.providers.get(*tag).is_some_and(|provider| ready.contains(provider));
                !provider && !order.on_chain.contains(*tag)
            });
            let lacking = lacking.count();
            missing.insert(*id, lacking);
            if lacking == 0 {
                ready.insert(*id);
            }
        }
        if ready.len() == before {
            break;
        }
    }
    let mut sums = (0, 0);
    let (mut roots, mut worst, mut futures) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (id, entry) in &order.entries {
        let transaction = &entry.transaction;
        assert_eq!(entry.missing, missing[id], "missing of {id}");
        let in_pool = transaction.requires.iter().filter(|tag| order.providers.contains_key(*tag)).count();
        assert_eq!(entry.in_pool, in_pool, "in_pool of {id}");
        assert_eq!(order.by_hash[&Key::from(&transaction.hash)], *id);
        for tag in transaction.provides.iter() {
            assert_eq!(order.providers[tag], *id, "one provider per tag");
        }
        if entry.missing == 0 {
            sums.0 += transaction.size_bytes();
            worst.insert((transaction.priority, Reverse(*id)));
            if in_pool == 0 {
                roots.insert((Reverse(transaction.priority), *id));
            }
        } else {
            sums.1 += transaction.size_bytes();
            futures.insert(*id);
        }
    }
    assert_eq!((order.ready_bytes, order.future_bytes), sums);
    assert_eq!((&order.roots, &order.worst, &order.futures), (&roots, &worst, &futures));
    let provided: usize = order.entries.values().map(|entry| entry.transaction.provides.len()).sum();
    assert_eq!(order.providers.len(), provided, "no provider is left over");
    let chain_tags_have_waiters = order.on_chain.iter().all(|tag| order.waiters_of(tag).next().is_some());
    assert!(chain_tags_have_waiters);
    let required: usize = order.entries.values().map(|entry| entry.transaction.requires.len()).sum();
    assert_eq!(order.waiters.len(), required, "no waiter is left over");
    assert_eq!(order.by_expiry.len(), order.entries.len());
    assert_eq!(order.by_validation.len(), order.entries.len());
    assert_eq!(hashes(order), naive_order(order));
}

/// R3 by definition: again and again the best of those whose providers are out.
fn naive_order(order: &Order) -> Vec<u8> {
    // What is out, with its turn.
    let mut out: Vec<(Id, usize)> = Vec::new();
    loop {
        let turn_of = |id: &Id| out.iter().find(|(other, _)| other == id).map(|(_, turn)| *turn);
        let free = order.entries.iter().filter_map(|(id, entry)| {
            let mut turn = 0;
            for tag in entry.transaction.requires.iter() {
                match order.providers.get(tag) {
                    Some(provider) => turn = turn.max(turn_of(provider)? + 1),
                    None => assert!(order.on_chain.contains(tag) || entry.missing > 0),
                }
            }
            let is_free = entry.missing == 0 && turn_of(id).is_none();
            is_free.then_some((entry.transaction.priority, Reverse(turn), Reverse(*id)))
        });
        let Some((_, Reverse(turn), Reverse(id))) = free.max() else {
            return out.iter().map(|(id, _)| order.entries[id].transaction.hash.0[0]).collect();
        };
        out.push((id, turn));
    }
}

#[test]
fn r2_waits_for_its_providers() {
    let mut order = Order::default();
    insert(&mut order, transaction(3, 1, &[2], &[3]));
    insert(&mut order, transaction(2, 1, &[1], &[2]));
    assert_eq!((order.ready_len(), order.future_len()), (0, 2));
    insert(&mut order, transaction(1, 1, &[], &[1]));
    assert_eq!(hashes(&order), [1, 2, 3]);
    order.remove(&H256([1; 32]), &mut Moves::default());
    check(&order);
    assert_eq!((order.ready_len(), order.future_len()), (0, 2));
}

#[test]
fn r2_the_chain_provides() {
    let mut order = Order::default();
    insert(&mut order, transaction(1, 1, &[], &[1]));
    insert(&mut order, transaction(2, 1, &[1], &[2]));
    order.remove_included(&H256([1; 32]), &mut Moves::default());
    check(&order);
    assert_eq!(hashes(&order), [2]);
    // The block is retracted and the first transaction comes back: the second waits for it again, and follows it.
    insert(&mut order, transaction(1, 1, &[], &[1]));
    assert_eq!(hashes(&order), [1, 2]);
}

#[test]
fn r3_priority_then_arrival_then_dependencies() {
    let mut order = Order::default();
    insert(&mut order, transaction(1, 5, &[], &[1]));
    insert(&mut order, transaction(2, 9, &[], &[2]));
    insert(&mut order, transaction(3, 9, &[], &[3]));
    insert(&mut order, transaction(4, 100, &[1], &[4]));
    assert_eq!(hashes(&order), [2, 3, 1, 4]);
}

#[test]
fn r3_chains_of_one_priority_take_turns() {
    let mut order = Order::default();
    // A sender with a chain of four, then one with two, then one who pays more for its second.
    for (id, requires) in [(1, vec![]), (2, vec![1]), (3, vec![2]), (4, vec![3]), (5, vec![]), (6, vec![5])] {
        insert(&mut order, transaction(id, 7, &requires, &[id]));
    }
    insert(&mut order, transaction(7, 7, &[], &[7]));
    insert(&mut order, transaction(8, 9, &[7], &[8]));
    assert_eq!(hashes(&order), [1, 5, 7, 8, 2, 6, 3, 4]);
}

#[test]
fn tags_in_a_circle_are_future() {
    let mut order = Order::default();
    insert(&mut order, transaction(2, 0, &[7], &[6]));
    insert(&mut order, transaction(14, 0, &[], &[7]));
    order.remove_included(&H256([14; 32]), &mut Moves::default());
    assert_eq!(hashes(&order), [2]);
    insert(&mut order, transaction(1, 0, &[6], &[7]));
    assert_eq!((order.ready_len(), order.future_len()), (0, 2));
}

#[test]
fn a_chain_of_ten_thousand_costs_no_stack() {
    let mut order = Order::default();
    let tag = |number: u32| number.to_le_bytes().to_vec();
    let link = |number: u32| {
        let valid = ValidTransaction {
            priority: 1,
            requires: if number == 0 { Vec::new() } else { vec![tag(number - 1)] },
            provides: vec![tag(number)],
            longevity: 64,
            propagate: true,
        };
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&number.to_be_bytes());
        Transaction::new(
            H256(hash),
            Arc::new(OpaqueExtrinsic(vec![1])),
            TransactionSource::Local,
            valid,
            Place::default(),
        )
    };
    for number in (0..10_000).rev() {
        order.insert(link(number), &mut Moves::default());
    }
    assert_eq!((order.ready_len(), order.future_len()), (10_000, 0));
    let removed = order.remove_with_dependents(&link(0).hash, &mut Moves::default());
    assert_eq!((removed.len(), order.ready_len(), order.future_len()), (10_000, 0, 0));
    assert_eq!((order.ready_bytes(), order.future_bytes()), (0, 0));
}

#[derive(Clone, Debug)]
enum Op {
    Insert { id: u8, priority: u64, requires: Vec<u8>, provides: Vec<u8> },
    Remove(u8),
    RemoveWithDependents(u8),
    Include(u8),
    OnChain(u8),
    Withdraw(u8),
}

fn op() -> impl Strategy<Value = Op> {
    let tags = || proptest::collection::vec(0u8..12, 0..3);
    prop_oneof![
        6 => (0u8..24, 0u64..4, tags(), proptest::collection::vec(0u8..12, 1..3))
            .prop_map(|(id, priority, requires, provides)| Op::Insert { id, priority, requires, provides }),
        2 => (0u8..24).prop_map(Op::Remove),
        1 => (0u8..24).prop_map(Op::RemoveWithDependents),
        2 => (0u8..24).prop_map(Op::Include),
        1 => (0u8..12).prop_map(Op::OnChain),
        1 => (0u8..12).prop_map(Op::Withdraw),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn agrees_with_the_model(ops in proptest::collection::vec(op(), 1..60)) {
        let mut order = Order::default();
        let moves = &mut Moves::default();
        for op in ops {
            match op {
                Op::Insert { id, priority, requires, provides } => {
                    let new = transaction(id, priority, &requires, &provides);
                    let is_cycle = new.requires.iter().any(|tag| new.provides.contains(tag));
                    if order.contains(&new.hash) || is_cycle {
                        continue;
                    }
                    for rival in order.providers_of(&new.provides) {
                        order.remove(&rival, moves);
                    }
                    order.insert(new, moves);
                }
                Op::Remove(id) => { order.remove(&H256([id; 32]), moves); }
                Op::RemoveWithDependents(id) => { order.remove_with_dependents(&H256([id; 32]), moves); }
                Op::Include(id) => { order.remove_included(&H256([id; 32]), moves); }
                Op::OnChain(tag) => {
                    let tag = Tag::new(&[tag]);
                    if !order.has_provider(&tag) {
                        order.provide_on_chain(&tag, moves);
                    }
                }
                Op::Withdraw(tag) => order.withdraw_on_chain(&Tag::new(&[tag]), moves),
            }
            check(&order);
        }
    }
}
