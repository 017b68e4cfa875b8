//! What goes and what stays.

use std::sync::Arc;

use super::*;
use crate::Config;
use crate::testing::store::MemoryStore;
use crate::testing::*;

#[test]
fn r1_and_r2_the_best_chain_stays_up_to_the_target_and_forks_go() {
    //  0 -- 1 (final) -- 2 -- 3 -- 4
    //                     \-- 3b
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, Config::default());
    let one = author(&chain, chain.genesis(), 1, &[]).block;
    let two = author(&chain, one.hash, 2, &[set("a", "2")]).block;
    let fork = author(&chain, two.hash, 3, &[]).block;
    let three = author(&chain, two.hash, 4, &[set("a", "3")]).block;
    let four = author(&chain, three.hash, 5, &[]).block;
    finalise(&chain, one);
    let refused = open(&store, Config::default()).revert(Some(4));
    assert_eq!(refused, Err(RevertError::Final { wanted: 4, unfinalised: 3, finalised: 1 }));
    assert_eq!(open(&store, Config::default()).best(), four, "a refusal changes nothing");

    let reverted = chain.revert(Some(2)).expect("they are not final");
    assert_eq!((reverted.from, reverted.to), (four, two));
    let gone: BTreeSet<H256> = reverted.dropped.into_iter().collect();
    assert_eq!(gone, BTreeSet::from([three.hash, four.hash, fork.hash]));
    let chain = open(&store, Config::default());
    assert_eq!((chain.best(), chain.finalised(), chain.leaves()), (two, one, vec![two]));
    assert_eq!(value(&chain, two.hash, "a").as_deref(), Some("2"));
    assert_eq!(chain.header(three.hash), Ok(None));
    let again = author(&chain, two.hash, 6, &[]).block;
    assert_eq!(chain.best(), again, "the chain goes on");

    let all = chain.revert(None).expect("all that are not final");
    assert_eq!((all.to, all.dropped.len()), (one, 2));
    let chain = open(&store, Config::default());
    assert_eq!((chain.best(), chain.finalised()), (one, one));
    assert_eq!(chain.revert(Some(0)).expect("nothing to do").dropped, []);
}
