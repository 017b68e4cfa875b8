//! A whole node in this process, with the real runtime: proofs become transactions, blocks take them, nobody pays twice.
use super::*;
use crate::base_path::BasePath;
use crate::config::Config;
use crate::service::Node;
use crate::suri::Suri;
use parity_scale_codec::Encode;
use quire_consensus::finality::message::Target;
use quire_core::crypto::SIGNING_CONTEXT;
use quire_core::digest::AURA_ENGINE_ID;
use quire_core::{AccountId, AuraId, Digest, DigestItem, GrandpaId, H256, Header, Slot};
use quire_rpc::TxStatus;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for anything that takes a block or two.
const PATIENCE: Duration = Duration::from_secs(60);

fn header(state: u8, slot: Slot) -> Arc<Header> {
    let alice = Suri::parse("//Alice").unwrap().sr25519();
    let mut header =
        Header { state_root: H256([state; 32]), digest: Digest::for_slot(slot), ..Header::default() };
    let seal = alice.sign(SIGNING_CONTEXT, &header.hash().0);
    header.digest.push(DigestItem::Seal(AURA_ENGINE_ID, seal.to_vec()));
    Arc::new(header)
}

fn two_blocks() -> EquivocationProof {
    let offender = AuraId(Suri::parse("//Alice").unwrap().sr25519().public());
    let slot = Slot(7);
    EquivocationProof { offender, slot, first: header(1, slot), second: header(2, slot) }
}

fn two_votes(phase: Phase) -> VoteEquivocation {
    let alice = Suri::parse("//Alice").unwrap().ed25519().unwrap();
    let (round, set_id) = (3u64, 0u64);
    let ballot = |target: u8| {
        let target = Target { hash: H256([target; 32]), number: 5 };
        let tag: u8 = match phase {
            Phase::Prevote => 0,
            Phase::Precommit => 1,
        };
        let signature = alice.sign(&(tag, target, round, set_id).encode());
        Ballot { target, signature, id: GrandpaId(alice.public()) }
    };
    VoteEquivocation { set_id, round, phase, first: ballot(1), second: ballot(2) }
}

/// Hands a report in and waits until it is in a block.
fn included(node: &Node, report: OpaqueExtrinsic) -> H256 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let waits = async {
        let mut updates = node.submit_and_watch(report).await.unwrap();
        while let Some(status) = updates.recv().await {
            if let TxStatus::InBlock { block, .. } = status {
                return block;
            }
            assert!(!status.is_terminal(), "{status:?}");
        }
        panic!("the stream ended before the report was in a block")
    };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, waits).await.expect("it happened in time") })
}

fn punished(node: &Node, block: H256) -> Vec<(pallet_equivocation::Offence, AccountId)> {
    let entries = pallet_equivocation::storage::PUNISHED;
    let state = node.chain().state_at(block).unwrap();
    let alice = AccountId(Suri::parse("//Alice").unwrap().sr25519().public());
    let offences = [
        pallet_equivocation::Offence::Authored { session: 0 },
        pallet_equivocation::Offence::Voted { set_id: 0 },
    ];
    let is_noted = |offence: &pallet_equivocation::Offence| {
        quire_chain::StateView::get(&*state, &entries.key_for(offence, &alice)).unwrap().is_some()
    };
    offences.into_iter().filter(is_noted).map(|offence| (offence, alice)).collect()
}

#[test]
fn what_was_found_is_reported_once_and_the_chain_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(Config::in_process(BasePath::at(folder.path()))).unwrap();
    let author = author_report(node.chain(), &two_blocks()).unwrap().expect("it is a proof");
    let block = included(&node, author);
    assert_eq!(punished(&node, block).len(), 1);
    assert_eq!(author_report(node.chain(), &two_blocks()).unwrap(), None);
    let voter = voter_report(node.chain(), &two_votes(Phase::Prevote)).unwrap().expect("it is a proof");
    let block = included(&node, voter);
    assert_eq!(punished(&node, block).len(), 2);
    for phase in [Phase::Prevote, Phase::Precommit] {
        assert_eq!(voter_report(node.chain(), &two_votes(phase)).unwrap(), None);
    }
}

#[test]
fn what_proves_nothing_is_not_reported() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(Config::in_process(BasePath::at(folder.path()))).unwrap();
    let mut blocks = two_blocks();
    blocks.second = blocks.first.clone();
    assert_eq!(author_report(node.chain(), &blocks).unwrap(), None);
    let mut votes = two_votes(Phase::Precommit);
    votes.phase = Phase::Prevote;
    assert_eq!(voter_report(node.chain(), &votes).unwrap(), None, "the votes are of another kind");
    votes = two_votes(Phase::Precommit);
    votes.set_id = 1;
    assert_eq!(voter_report(node.chain(), &votes).unwrap(), None, "no such set");
}
