//! Keys order and come back as their bytes.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn keys_are_their_bytes(a in any::<[u8; 32]>(), b in any::<[u8; 32]>(), shared in 0usize..33) {
        let mut b = b;
        b[..shared].copy_from_slice(&a[..shared]);
        let (x, y) = (Key::from(&H256(a)), Key::from(&AccountId(b)));
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        prop_assert_eq!(x == y, a == b);
    }
}
