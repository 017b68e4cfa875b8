//! The checked-in runtime, as Wasm: what users send, in one block, and then the whole block as another node executes it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use parity_scale_codec::{Decode, Encode};
use quire_chain::{Execute, Overlay, RuntimeCode, StateError, StateView};
use quire_core::{
    AccountId, Additional, ApplyExtrinsicResult, AuraId, Block, Digest, DispatchError, Era, Extra, GrandpaId,
    H256, Header, InherentData, InvalidTransaction, MultiAddress, MultiSignature, OpaqueExtrinsic, Slot,
    TransactionSource, TransactionValidity, UNITS, UncheckedExtrinsic, inherent::TIMESTAMP_ID, limits,
    signing_payload,
};
use quire_executor::{Options, SUBSTRATE_CONTEXT, WasmExecutor};
use quire_runtime::{RuntimeCall, RuntimeEvent, genesis, version};
use quire_trie::{NoNodes, NodePath, StateVersion};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};
use std::{collections::BTreeMap, ops::Bound, sync::OnceLock};

const SLOT: u64 = 1_700_000_000;
const BLOB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../runtime/wasm/quire_runtime.wasm");
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../runtime/programs/rtb/rtb.wasm");

fn key(seed: u8) -> Keypair {
    MiniSecretKey::from_bytes(&[seed; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519)
}

fn account(seed: u8) -> AccountId {
    AccountId(key(seed).public.to_bytes())
}

fn address(seed: u8) -> MultiAddress {
    MultiAddress::Id(account(seed))
}

/// The state of block 0.
struct Genesis {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    nodes: BTreeMap<NodePath, Vec<u8>>,
}

impl StateView for Genesis {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.values.get(key).cloned())
    }

    fn next_key(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        let above = (Bound::Excluded(key), Bound::Unbounded);
        Ok(self.values.range::<[u8], _>(above).next().map(|(key, _)| key.clone()))
    }

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.nodes.get(path).cloned())
    }
}

/// Compiling the runtime takes a second; all tests share it.
fn executor() -> &'static (WasmExecutor, RuntimeCode) {
    static EXECUTOR: OnceLock<(WasmExecutor, RuntimeCode)> = OnceLock::new();
    EXECUTOR.get_or_init(|| {
        let code = RuntimeCode::new(&std::fs::read(BLOB).unwrap());
        (WasmExecutor::new(Options::default()).unwrap(), code)
    })
}

/// Block 1 while it is authored.
struct Author {
    state: Genesis,
    overlay: Overlay,
    parent: H256,
    extrinsics: Vec<OpaqueExtrinsic>,
    nonces: BTreeMap<u8, u32>,
}

impl Author {
    /// A chain of these members, on which accounts 1 to 5 have 1,000 QIR each.
    fn new(members: &[u8]) -> Author {
        let code = &executor().1.bytes;
        let config = genesis::Config {
            balances: pallet_balances::genesis::Config {
                balances: (1..=5).map(|seed| (account(seed), 1_000 * UNITS)).collect(),
            },
            session: pallet_session::genesis::Config {
                authorities: vec![(
                    account(1),
                    pallet_session::SessionKeys { aura: AuraId(account(1).0), grandpa: GrandpaId([7; 32]) },
                )],
                ..Default::default()
            },
            members: pallet_members::genesis::Config {
                thresholds: pallet_members::Thresholds::all(pallet_members::Share::MAJORITY),
                ..pallet_members::genesis::Config::simple(
                    &members.iter().map(|seed| account(*seed)).collect::<Vec<_>>(),
                )
            },
            channels: pallet_channels::genesis::Config {
                programs: vec![(account(5), std::fs::read(PROGRAM).unwrap())],
            },
            ..genesis::Config::default()
        };
        let values = genesis::build(&config, code).unwrap();
        let changes = values.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        let (state_root, nodes) = quire_trie::update(&NoNodes, StateVersion::V1, &changes).unwrap();
        let nodes = nodes.into_iter().filter_map(|(path, node)| Some((path, node?))).collect();
        let header = Header { state_root, extrinsics_root: quire_trie::EMPTY_ROOT, ..Header::default() };
        let mut author = Author {
            state: Genesis { values, nodes },
            overlay: Overlay::new(),
            parent: header.hash(),
            extrinsics: Vec::new(),
            nonces: BTreeMap::new(),
        };
        let header = Header {
            parent_hash: author.parent,
            number: 1,
            digest: Digest::for_slot(Slot(SLOT)),
            ..Header::default()
        };
        author.call::<u8>("Core_initialize_block", header);
        let mut data = InherentData::new();
        data.put(TIMESTAMP_ID, &(SLOT * 1_000));
        for inherent in author.call::<Vec<OpaqueExtrinsic>>("BlockBuilder_inherent_extrinsics", data) {
            author.apply(inherent).unwrap().unwrap();
        }
        author
    }

    fn call<T: Decode>(&mut self, method: &str, arguments: impl Encode) -> T {
        let (executor, code) = executor();
        let answer = executor.call(code, &self.state, &mut self.overlay, method, &arguments.encode());
        T::decode(&mut answer.unwrap_or_else(|error| panic!("{method}: {error}")).as_slice()).unwrap()
    }

    fn apply(&mut self, extrinsic: OpaqueExtrinsic) -> ApplyExtrinsicResult {
        let result: ApplyExtrinsicResult = self.call("BlockBuilder_apply_extrinsic", &extrinsic);
        if result.is_ok() {
            self.extrinsics.push(extrinsic);
        }
        result
    }

    fn sign(&self, seed: u8, call: &RuntimeCall) -> OpaqueExtrinsic {
        let nonce = self.nonces.get(&seed).copied().unwrap_or(0);
        let extra = Extra { era: Era::Immortal, nonce, tip: 0, mode: 0 };
        let additional = Additional {
            spec_version: version::SPEC_VERSION,
            transaction_version: version::TRANSACTION_VERSION,
            genesis_hash: self.parent,
            era_hash: self.parent,
            metadata_hash: None,
        };
        let payload = signing_payload(&call.encode(), &extra, &additional);
        let signature =
            MultiSignature::Sr25519(key(seed).sign_simple(SUBSTRATE_CONTEXT, &payload).to_bytes());
        UncheckedExtrinsic::signed(call.clone(), account(seed), signature, extra).to_opaque()
    }

    /// Signs and applies a call; gives how it ended, and its events.
    fn send(&mut self, seed: u8, call: RuntimeCall) -> (Result<(), DispatchError>, Vec<RuntimeEvent>) {
        let extrinsic = self.sign(seed, &call);
        let result = self.apply(extrinsic).unwrap_or_else(|why| panic!("{call:?} is refused: {why:?}"));
        *self.nonces.entry(seed).or_default() += 1;
        let index = self.extrinsics.len() as u32 - 1;
        (result, self.events_of(index))
    }

    /// As [`send`](Self::send), for calls that must succeed.
    fn must(&mut self, seed: u8, call: RuntimeCall) -> Vec<RuntimeEvent> {
        let (result, events) = self.send(seed, call.clone());
        assert_eq!(result, Ok(()), "{call:?}");
        events
    }

    fn events_of(&mut self, index: u32) -> Vec<RuntimeEvent> {
        let bytes = self.overlay.get(&self.state, &pallet_support::events::EVENTS_KEY).unwrap().unwrap();
        let records =
            Vec::<pallet_support::EventRecord<RuntimeEvent, H256>>::decode(&mut bytes.as_slice()).unwrap();
        let phase = pallet_support::Phase::ApplyExtrinsic(index);
        records.into_iter().filter(|record| record.phase == phase).map(|record| record.event).collect()
    }

    fn free(&mut self, who: &AccountId) -> u128 {
        let key = pallet_system::storage::ACCOUNT.key_for(who);
        let bytes = self.overlay.get(&self.state, &key).unwrap();
        bytes.map_or(0, |bytes| pallet_system::AccountInfo::decode(&mut bytes.as_slice()).unwrap().data.free)
    }

    fn validate(&mut self, extrinsics: &[OpaqueExtrinsic]) -> Vec<TransactionValidity> {
        let (executor, code) = executor();
        let arguments = (TransactionSource::External, extrinsics, self.parent).encode();
        let method = "QuirePool_validate_transactions";
        let answer = executor.call(code, &self.state, &mut Overlay::new(), method, &arguments).unwrap();
        Vec::decode(&mut answer.as_slice()).unwrap()
    }

    /// Ends the block and has it executed from the state before by another node.
    fn finish(mut self) {
        let header: Header = self.call("BlockBuilder_finalize_block", ());
        let block = Block { header, extrinsics: self.extrinsics };
        let (executor, code) = executor();
        let (state, overlay) = (&self.state, &mut Overlay::new());
        executor.call(code, state, overlay, "Core_execute_block", &block.encode()).unwrap();
        assert_eq!(overlay.changes(), self.overlay.changes(), "import and authoring end in one state");
    }
}

fn transfer(to: u8, value: u128) -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive { dest: address(to), value })
}

fn utility(call: pallet_utility::Call<RuntimeCall>) -> RuntimeCall {
    RuntimeCall::Utility(call)
}

fn set_storage(value: &[u8]) -> RuntimeCall {
    let items = vec![(b"k".to_vec(), value.to_vec())];
    RuntimeCall::System(pallet_system::Call::set_storage { items })
}

#[test]
fn members_propose_vote_and_execute() {
    use pallet_members::Call::{execute, propose, vote};
    let mut author = Author::new(&[1, 2, 3]);
    author.must(1, RuntimeCall::Members(propose { call: Box::new(set_storage(b"v")) }));
    author.must(2, RuntimeCall::Members(vote { motion: 0, approve: true }));
    let events = author.must(3, RuntimeCall::Members(execute { motion: 0 }));
    let executed = pallet_members::Event::Executed { motion: 0, result: Ok(()) };
    assert!(events.contains(&RuntimeEvent::Members(executed)));
    assert_eq!(author.overlay.get(&author.state, b"k").unwrap(), Some(b"v".to_vec()));
    author.finish();
}

#[test]
fn a_channel_opens_with_all_its_participants() {
    let mut author = Author::new(&[1]);
    let secret = H256([5; 32]);
    let participants = (1..=2)
        .map(|seed| quire_channel::Participant {
            account: account(seed),
            role: seed - 1,
            message_key: [100 + seed; 32],
            sealing_key: [150 + seed; 32],
        })
        .collect();
    let era = quire_channel::EraTerms {
        period: 10,
        windows: quire_channel::Windows { parts: 3, commit: 3, reveal: 3, challenge: 3 },
        program: H256(quire_core::hash::blake2_256(&std::fs::read(PROGRAM).unwrap())),
        parameters: vec![1, 2, 3],
        exclusions: Vec::new(),
    };
    author.must(1, RuntimeCall::Channels(pallet_channels::Call::open { participants, era, secret }));
    let events = author.must(2, RuntimeCall::Channels(pallet_channels::Call::approve { channel: 1, secret }));
    let opened = |event: &RuntimeEvent| {
        matches!(event, RuntimeEvent::Channels(pallet_channels::Event::Opened { channel: 1, .. }))
    };
    assert!(events.iter().any(opened), "{events:?}");
    author.must(1, RuntimeCall::Channels(pallet_channels::Call::deposit { channel: 1, amount: UNITS }));
    author.finish();
}

#[test]
fn a_batch_of_a_hundred_transfers() {
    let mut author = Author::new(&[1]);
    let before = author.free(&account(2));
    let calls = vec![transfer(2, UNITS / 100); 100];
    let events = author.must(1, utility(pallet_utility::Call::batch_all { calls }));
    assert_eq!(author.free(&account(2)) - before, UNITS);
    let completed = |wanted: pallet_utility::Event| {
        let wanted = RuntimeEvent::Utility(wanted);
        events.iter().filter(|event| **event == wanted).count()
    };
    assert_eq!(completed(pallet_utility::Event::ItemCompleted), 100);
    assert_eq!(completed(pallet_utility::Event::BatchCompleted), 1);
    let last = events.last().unwrap();
    assert!(matches!(last, RuntimeEvent::System(pallet_system::Event::ExtrinsicSuccess { .. })), "{last:?}");
    let fails = vec![transfer(2, UNITS), transfer(2, UNITS * 1_000_000)];
    let (result, events) = author.send(1, utility(pallet_utility::Call::batch_all { calls: fails }));
    assert_eq!(result, Err(pallet_balances::Error::InsufficientBalance.into()));
    assert!(matches!(
        events.last(),
        Some(RuntimeEvent::System(pallet_system::Event::ExtrinsicFailed { .. }))
    ));
    assert_eq!(author.free(&account(2)) - before, UNITS, "all or nothing");
    author.finish();
}

#[test]
fn two_of_three_signatories_pay_from_their_account() {
    let mut author = Author::new(&[1]);
    let mut sorted = [account(1), account(2), account(3)];
    sorted.sort();
    let multisig = pallet_multisig::multisig_account(&sorted, 2);
    let fund = pallet_balances::Call::transfer_keep_alive { dest: multisig.into(), value: 10 * UNITS };
    author.must(4, RuntimeCall::Balances(fund));
    let pay = transfer(4, UNITS);
    let approval = |seed: u8, maybe_timepoint| {
        let other_signatories = sorted.into_iter().filter(|one| *one != account(seed)).collect();
        RuntimeCall::Multisig(pallet_multisig::Call::as_multi {
            threshold: 2,
            other_signatories,
            maybe_timepoint,
            call: Box::new(pay.clone()),
            max_weight: pay.weight(),
        })
    };
    let begun = pallet_multisig::Timepoint { height: 1, index: author.extrinsics.len() as u32 };
    author.must(1, approval(1, None));
    let (before, reserved) = (author.free(&account(4)), author.free(&account(1)));
    let events = author.must(2, approval(2, Some(begun)));
    assert_eq!(author.free(&account(4)) - before, UNITS);
    assert!(author.free(&account(1)) > reserved, "the deposit is back");
    let executed = |event: &RuntimeEvent| {
        matches!(
            event,
            RuntimeEvent::Multisig(pallet_multisig::Event::MultisigExecuted { result: Ok(()), .. })
        )
    };
    assert!(events.iter().any(executed), "{events:?}");
    let (result, _) = author.send(3, approval(3, Some(begun)));
    assert_eq!(result, Err(pallet_multisig::Error::UnexpectedTimepoint.into()));
    author.finish();
}

#[test]
fn proxies_act_within_their_type() {
    use pallet_proxy::{Call, ProxyType};
    let mut author = Author::new(&[1]);
    let (proxy_type, delay) = (ProxyType::Any, 0);
    author.must(1, RuntimeCall::Proxy(Call::add_proxy { delegate: address(2), proxy_type, delay }));
    let proxy_type = ProxyType::Staking;
    author.must(1, RuntimeCall::Proxy(Call::add_proxy { delegate: address(3), proxy_type, delay }));
    let act = |call: RuntimeCall| {
        let call = Box::new(call);
        RuntimeCall::Proxy(Call::proxy { real: address(1), force_proxy_type: None, call })
    };
    let before = author.free(&account(4));
    let executed = |events: Vec<RuntimeEvent>| {
        events.into_iter().find_map(|event| match event {
            RuntimeEvent::Proxy(pallet_proxy::Event::ProxyExecuted { result }) => Some(result),
            _ => None,
        })
    };
    let events = author.must(2, act(transfer(4, UNITS)));
    assert_eq!(executed(events), Some(Ok(())));
    let packed = utility(pallet_utility::Call::batch { calls: vec![transfer(4, UNITS)] });
    let events = author.must(3, act(packed));
    assert_eq!(executed(events), Some(Err(pallet_system::Error::CallFiltered.into())));
    assert_eq!(author.free(&account(4)) - before, UNITS);
    let index = author.extrinsics.len() as u32;
    author.must(5, RuntimeCall::Proxy(Call::create_pure { proxy_type: ProxyType::Any, delay: 0, index: 0 }));
    let pure = pallet_proxy::pure_account(&account(5), ProxyType::Any, 0, (1, index));
    let fund = pallet_balances::Call::transfer_keep_alive { dest: pure.into(), value: 2 * UNITS };
    author.must(5, RuntimeCall::Balances(fund));
    let call = Box::new(transfer(4, UNITS));
    author.must(5, RuntimeCall::Proxy(Call::proxy { real: pure.into(), force_proxy_type: None, call }));
    assert_eq!(author.free(&pure), UNITS);
    author.finish();
}

/// A call around `call`, of another kind for every `way`.
fn wrapped(way: u32, call: RuntimeCall) -> RuntimeCall {
    use pallet_utility::Call::{as_derivative, batch, batch_all, force_batch, if_else};
    let fallback = || Box::new(RuntimeCall::System(pallet_system::Call::remark { remark: Vec::new() }));
    match way % 5 {
        0 => utility(if_else { main: Box::new(call), fallback: fallback() }),
        1 => utility(batch_all { calls: vec![call] }),
        2 => utility(force_batch { calls: vec![call] }),
        3 => utility(as_derivative { index: 0, call: Box::new(call) }),
        _ => utility(batch { calls: vec![call] }),
    }
}

/// The deepest that calls can run: an extrinsic of the greatest depth whose innermost call executes a motion of the
/// greatest depth. The stack must hold that.
#[test]
fn the_deepest_calls_fit_on_the_stack() {
    for only in [None, Some(0), Some(1), Some(2), Some(4)] {
        let mut author = Author::new(&[1, 2, 3]);
        let deepest = |mut call: RuntimeCall, limit: u32, skip: u32| {
            for level in 0..limit {
                // Derivatives have neither a voice nor Root.
                let way = only.unwrap_or(if level % 5 == skip { 4 } else { level });
                call = wrapped(way, call);
            }
            call
        };
        // A call without lists, which are a level more.
        let set = pallet_balances::Call::force_set_balance { who: address(4), new_free: 7 * UNITS };
        let motion = deepest(RuntimeCall::Balances(set), limits::MAX_CALL_DEPTH - 1, 3);
        author.must(1, RuntimeCall::Members(pallet_members::Call::propose { call: Box::new(motion) }));
        author.must(2, RuntimeCall::Members(pallet_members::Call::vote { motion: 0, approve: true }));
        let execute = RuntimeCall::Members(pallet_members::Call::execute { motion: 0 });
        author.must(3, deepest(execute, limits::MAX_CALL_DEPTH, 3));
        assert_eq!(author.free(&account(4)), 7 * UNITS, "{only:?}");
        author.finish();
    }
}

#[test]
fn bombs_are_refused_and_do_not_trap() {
    use pallet_utility::Call::batch;
    let mut author = Author::new(&[1]);
    let empty = || utility(batch { calls: Vec::new() });
    let mut too_deep = empty();
    for way in 0..=limits::MAX_CALL_DEPTH {
        too_deep = wrapped(way, too_deep);
    }
    let memory = utility(batch { calls: vec![empty(); 1_000_000] });
    let mut packed = vec![empty(); 1_000];
    packed = vec![utility(batch { calls: packed }); 11];
    let heavy = utility(batch { calls: vec![transfer(2, 1); limits::MAX_NESTED_CALLS as usize] });
    let heavy = utility(batch { calls: vec![heavy.clone(), transfer(2, 1)] });
    let inherent = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: 1 });
    let inherent = utility(batch { calls: vec![inherent] });
    let refusals = [
        (too_deep, InvalidTransaction::Call),
        (memory, InvalidTransaction::Call),
        (utility(batch { calls: packed }), InvalidTransaction::ExhaustsResources),
        (heavy, InvalidTransaction::ExhaustsResources),
        (inherent, InvalidTransaction::Call),
    ];
    let oversized = OpaqueExtrinsic(vec![0x84; limits::MAX_EXTRINSIC_BYTES as usize + 1]);
    let mut extrinsics: Vec<_> = refusals.iter().map(|(call, _)| author.sign(1, call)).collect();
    for (extrinsic, (_, why)) in extrinsics.clone().into_iter().zip(&refusals) {
        assert_eq!(author.apply(extrinsic), Err((*why).into()));
    }
    extrinsics.push(oversized);
    extrinsics.push(author.sign(1, &transfer(2, UNITS)));
    let answers = author.validate(&extrinsics);
    for (answer, (_, why)) in answers.iter().zip(&refusals) {
        assert_eq!(*answer, Err((*why).into()));
    }
    assert_eq!(answers[refusals.len()], Err(InvalidTransaction::ExhaustsResources.into()));
    assert!(answers[refusals.len() + 1].is_ok());
    author.finish();
}

#[test]
fn the_largest_batch_runs() {
    let mut author = Author::new(&[1]);
    let remark = || RuntimeCall::System(pallet_system::Call::remark { remark: Vec::new() });
    let calls = vec![remark(); limits::MAX_NESTED_CALLS as usize];
    let events = author.must(1, utility(pallet_utility::Call::batch { calls }));
    let completed = RuntimeEvent::Utility(pallet_utility::Event::ItemCompleted);
    let count = events.iter().filter(|event| **event == completed).count();
    assert_eq!(count, limits::MAX_NESTED_CALLS as usize);
    author.finish();
}
