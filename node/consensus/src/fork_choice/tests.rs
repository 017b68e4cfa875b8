//! The order of heads.

use proptest::prelude::*;

use super::*;

fn head(number: u32, slot: u64, hash: u8) -> Candidate {
    Candidate { number, slot: Slot(slot), hash: H256([hash; 32]) }
}

#[test]
fn r2_r3_r4() {
    let best_first = [head(3, 9, 9), head(2, 1, 9), head(2, 2, 1), head(2, 2, 2)];
    for (better, worse) in best_first.iter().zip(&best_first[1..]) {
        assert!(better.better_than(worse) && !worse.better_than(better));
    }
    assert!(!head(1, 1, 1).better_than(&head(1, 1, 1)));
}

proptest! {
    #[test]
    fn the_order_is_total(a in (0u32..3, 0u64..3, 0u8..3), b in (0u32..3, 0u64..3, 0u8..3), c in (0u32..3, 0u64..3, 0u8..3)) {
        let [a, b, c] = [a, b, c].map(|(number, slot, hash)| head(number, slot, hash));
        prop_assert_eq!(a.compare(&b), b.compare(&a).reverse());
        prop_assert_eq!(a.compare(&b).is_eq(), a == b);
        prop_assert!(!(a.better_than(&b) && b.better_than(&c)) || a.better_than(&c));
    }
}
