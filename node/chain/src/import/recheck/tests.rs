//! Blocks of a chain check; changed ones do not.

use quire_core::{H256, OpaqueExtrinsic};

use super::*;
use crate::testing::*;

#[test]
fn r1_and_r2_blocks_below_and_above_finality_check_and_nothing_changes() {
    let chain = new_chain();
    let first = author(&chain, chain.genesis(), 3, &[set("a", "1")]);
    let second = author(&chain, first.block.hash, 4, &[set("b", "2")]);
    finalise(&chain, first.block);
    let before = (chain.best(), chain.finalised());
    for imported in [&first, &second] {
        let checked = chain.recheck(NOW_MS, block_of(imported)).expect("it is of this chain");
        assert_eq!((checked.block, checked.extrinsics), (imported.block, imported.body.len()));
        assert!(checked.changes > 0);
    }
    assert_eq!((chain.best(), chain.finalised()), before);
}

#[test]
fn r1_a_changed_block_does_not_check() {
    let chain = new_chain();
    let first = author(&chain, chain.genesis(), 3, &[set("a", "1")]);
    let mut body = block_of(&first);
    body.extrinsics.push(OpaqueExtrinsic(vec![1, 2, 3]));
    let error = chain.recheck(NOW_MS, body).expect_err("another body");
    assert!(matches!(error, RecheckError::Wrong(ImportError::ExtrinsicsRoot { .. })), "{error}");
    let mut root = block_of(&first);
    root.header.state_root = H256([7; 32]);
    let error = chain.recheck(NOW_MS, root).expect_err("the seal is over another header");
    assert!(matches!(error, RecheckError::Wrong(ImportError::Slot { .. })), "{error}");
    let mut orphan = block_of(&first);
    orphan.header.parent_hash = H256([9; 32]);
    let error = chain.recheck(NOW_MS, orphan).expect_err("no parent");
    assert!(matches!(error, RecheckError::Parent(QueryError::UnknownBlock { .. })), "{error}");
    let mut number = block_of(&first);
    number.header.number = 5;
    let error = chain.recheck(NOW_MS, number).expect_err("a gap");
    assert!(matches!(error, RecheckError::Wrong(ImportError::WrongNumber { expected: 1, found: 5, .. })));
    let mut genesis = block_of(&first);
    genesis.header.number = 0;
    assert_eq!(chain.recheck(NOW_MS, genesis), Err(RecheckError::Genesis));
}
