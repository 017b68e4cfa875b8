//! Bans: one test per rule.

use super::*;

#[test]
fn r1_a_ban_ends_and_is_renewed() {
    let mut bans = Bans::default();
    let hash = H256([1; 32]);
    bans.ban(hash, 100, 10);
    assert!(bans.is_banned(&hash, 99) && !bans.is_banned(&hash, 100));
    bans.ban(hash, 200, 10);
    bans.expire(100);
    assert!(bans.is_banned(&hash, 199));
    bans.expire(200);
    assert_eq!(bans, Bans::default());
}

#[test]
fn r2_the_ban_that_ends_first_is_forgotten_first() {
    let mut bans = Bans::default();
    for (byte, until) in [(1, 300), (2, 100), (3, 200)] {
        bans.ban(H256([byte; 32]), until, 2);
    }
    let banned: Vec<bool> = (1..=3).map(|byte| bans.is_banned(&H256([byte; 32]), 0)).collect();
    assert_eq!(banned, [true, false, true]);
}
