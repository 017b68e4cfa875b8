//! A real chain asked as light clients and syncing nodes ask: one test per rule.

use super::*;
use crate::base_path::BasePath;
use crate::config::Config;
use crate::service::Node;
use quire_chain::Head;
use quire_chain::warp::{Followed, Fragment};
use quire_core::{Header, limits};
use quire_network::wire::warp::WarpProof;
use quire_trie::{Proof as TrieProof, StateVersion, read_range};
use std::collections::BTreeMap;
use tempfile::TempDir;

/// A node with a few final blocks.
struct World {
    _folder: TempDir,
    node: Node,
    serve: Serve,
    head: Head,
    header: Arc<Header>,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(Config::in_process(BasePath::at(folder.path()))).unwrap();
    let mut finalised = node.finalised();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let minute = Duration::from_secs(60);
    let head = runtime.block_on(async {
        let found = tokio::time::timeout(minute, finalised.wait_for(|head| head.number >= 2)).await;
        *found.expect("blocks become final").unwrap()
    });
    let executor = Arc::new(WasmExecutor::new(Default::default()).unwrap());
    let serve = Serve::new(node.chain().clone(), executor);
    let header = node.chain().header(head.hash).unwrap().unwrap();
    World { _folder: folder, node, serve, head, header }
}

impl World {
    fn light(&self, request: &LightRequest) -> Proof {
        let answer = self.serve.answer("peer", Method::Light, &request.encode()).unwrap();
        match LightResponse::decode(&answer).unwrap() {
            LightResponse::Call(proof) | LightResponse::Read(proof) => proof,
        }
    }

    fn state(&self, start: Vec<Vec<u8>>, no_proof: bool) -> StateResponse {
        let request = StateRequest { block: self.head.hash, start, no_proof };
        let answer = self.serve.answer("peer", Method::State, &request.encode()).unwrap();
        StateResponse::decode(&answer).unwrap()
    }

    fn whole(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.node.chain().pairs(self.head.hash, None, usize::MAX, usize::MAX).unwrap().pairs
    }
}

#[test]
fn light_clients_get_proofs_of_reads_and_calls() {
    let world = world();
    let (block, root) = (world.head.hash, world.header.state_root);
    let keys: Vec<Vec<u8>> = vec![b":code".to_vec(), b":heappages".to_vec(), b":cod".to_vec()];
    let proof = world.light(&LightRequest::Read { block, keys }).unwrap();
    let proof = TrieProof::new(&proof).unwrap();
    let code = world.node.chain().code_at(block).unwrap();
    assert_eq!(proof.get(root, b":code").unwrap(), Some(&*code.bytes));
    assert_eq!(proof.get(root, b":heappages").unwrap(), None);

    let child = b":child_storage:default:c".to_vec();
    let proof = world.light(&LightRequest::ReadChild { block, child: child.clone(), keys: vec![vec![1]] });
    assert_eq!(TrieProof::new(&proof.unwrap()).unwrap().get(root, &child).unwrap(), None);

    let call = |method: &str| LightRequest::Call { block, method: method.into(), data: vec![] };
    let proof = world.light(&call("AuraApi_authorities")).unwrap();
    let proof = TrieProof::new(&proof).unwrap();
    let item = |pallet: &[u8], item: &[u8]| {
        [quire_core::hash::twox_128(pallet), quire_core::hash::twox_128(item)].concat()
    };
    assert!(proof.get(root, &item(b"Aura", b"Authorities")).unwrap().is_some());
    assert_eq!(proof.get(root, b":code").unwrap(), Some(&*code.bytes));
    assert!(proof.get(root, &item(b"Balances", b"TotalIssuance")).is_err(), "nothing that it did not read");

    assert_eq!(world.light(&call("No_such_entry")), None, "R3");
    let elsewhere = LightRequest::Read { block: H256([9; 32]), keys: vec![] };
    assert_eq!(world.light(&elsewhere), None, "R3");
}

#[test]
fn a_whole_state_comes_in_pieces() {
    let world = world();
    let root = world.header.state_root;
    let (mut pairs, mut after) = (BTreeMap::new(), None::<Vec<u8>>);
    loop {
        let StateResponse::Proof(items) = world.state(after.clone().into_iter().collect(), false) else {
            panic!("a proof was asked for")
        };
        let (found, items) = compact::decode(&items).unwrap();
        assert_eq!(found, root);
        let piece = read_range(root, &items, after.as_deref()).unwrap();
        assert!(piece.is_complete || !piece.pairs.is_empty());
        pairs.extend(piece.pairs);
        after = pairs.keys().next_back().cloned();
        if piece.is_complete {
            break;
        }
    }
    assert_eq!(pairs.clone().into_iter().collect::<Vec<_>>(), world.whole());
    assert_eq!(quire_trie::root(StateVersion::V1, pairs.iter()), root);

    let StateResponse::Pairs(tries) = world.state(vec![], true) else { panic!("pairs were asked for") };
    assert_eq!(tries[0].pairs, world.whole()[..tries[0].pairs.len()]);
    let last = world.whole().pop().unwrap().0;
    let StateResponse::Pairs(end) = world.state(vec![last], true) else { panic!("pairs were asked for") };
    assert_eq!((end[0].pairs.len(), end[0].complete), (0, true));
    let child = StateRequest { block: world.head.hash, start: vec![vec![1], vec![2]], no_proof: false };
    assert_eq!(world.serve.answer("peer", Method::State, &child.encode()), Err(Refusal::Unknown));
    let unknown = StateRequest { block: H256([9; 32]), start: vec![], no_proof: false };
    assert_eq!(world.serve.answer("peer", Method::State, &unknown.encode()), Err(Refusal::Unknown));
}

#[test]
fn finality_is_proved_from_the_first_block() {
    let world = world();
    let genesis = world.node.genesis_hash();
    let ask = |from: H256| world.serve.answer("peer", Method::Warp, &from.0);
    let bytes = ask(genesis).unwrap();
    let proof = WarpProof::decode_response(&bytes).unwrap();
    let fragments: Vec<Fragment> = proof
        .fragments
        .into_iter()
        .map(|one| Fragment { header: one.header, justification: one.justification })
        .collect();
    let chain = world.node.chain();
    let voters = chain.voter_set(chain.finalised().hash).unwrap();
    let start = Followed::genesis(Head { number: 0, hash: genesis }, (*voters).clone());
    let (_, target) = start.follow(fragments, proof.is_finished).unwrap();
    let target = target.expect("something is final").last.header;
    assert!(target.number >= world.head.number);
    assert_eq!(chain.hash_by_number(target.number).unwrap(), Some(target.hash()));
    assert_eq!(ask(H256([9; 32])), Err(Refusal::Unknown), "R3");
}

#[test]
fn r1_r2_who_asks_too_much_waits_and_junk_has_a_rule() {
    let world = world();
    for (method, rule) in [
        (Method::Light, "light-undecodable"),
        (Method::State, "state-undecodable"),
        (Method::Warp, "warp-undecodable"),
    ] {
        assert_eq!(world.serve.answer("peer", method, &[0xff; 7]), Err(Refusal::Junk(rule)));
    }
    assert_eq!(world.serve.answer("peer", Method::Chunks, &[]), Err(Refusal::Unknown));
    let read = LightRequest::Read { block: world.head.hash, keys: vec![b":code".to_vec()] }.encode();
    let most = 64 * 1024 * 1024 / (limits::MAX_CODE_BYTES as usize / 8);
    let refused = (0..10 * most).find(|_| world.serve.answer("greedy", Method::Light, &read).is_err());
    assert!(refused.is_some_and(|at| at > 10), "{refused:?}");
    assert_eq!(world.serve.answer("greedy", Method::Warp, &[0; 32]), Err(Refusal::Poor));
    assert!(world.serve.answer("modest", Method::Light, &read).is_ok());
}
