//! A chain to attack: the checked-in runtime on a genesis with funds, members, a validator, a program and a channel.

use parity_scale_codec::{Decode, Encode};
use quire_chain::{Execute, Overlay, RuntimeCode, StateError, StateView};
use quire_channel::{EraTerms, Participant, Windows};
use quire_core::{
    AccountId, Additional, ApplyExtrinsicResult, AuraId, Digest, Era, Extra, GrandpaId, H256, Header,
    InherentData, MultiSignature, OpaqueExtrinsic, Slot, UNITS, UncheckedExtrinsic, hash,
    inherent::TIMESTAMP_ID, signing_payload,
};
use quire_executor::{Options, SUBSTRATE_CONTEXT, WasmExecutor};
use quire_runtime::{RuntimeCall, genesis, version};
use quire_trie::{NoNodes, NodePath, StateVersion};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::OnceLock;

/// Accounts with known keys and funds.
pub(crate) const ACCOUNTS: usize = 4;
const SLOT: u64 = 1_700_000_000;
const SLOT_MS: u64 = 1_000;
const RUNTIME: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../runtime/wasm/quire_runtime.wasm"));
/// The channel program that is registered.
pub(crate) const PROGRAM: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../runtime/programs/rtb/rtb.wasm"));

/// The chain.
pub(crate) struct World {
    pub(crate) executor: WasmExecutor,
    pub(crate) code: RuntimeCode,
    pub(crate) state: State,
    pub(crate) genesis: H256,
    parent: Header,
}

/// A state of plain maps.
#[derive(Clone)]
pub(crate) struct State {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    nodes: BTreeMap<NodePath, Vec<u8>>,
}

impl StateView for State {
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

impl State {
    fn new(values: BTreeMap<Vec<u8>, Vec<u8>>) -> (Self, H256) {
        let changes = values.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        let (root, nodes) =
            quire_trie::update(&NoNodes, StateVersion::V1, &changes).expect("an empty trie takes any values");
        let nodes = nodes.into_iter().filter_map(|(path, node)| Some((path, node?))).collect();
        (State { values, nodes }, root)
    }
}

fn key(index: usize) -> &'static Keypair {
    static KEYS: OnceLock<Vec<Keypair>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| (1..=ACCOUNTS as u8).map(fixed_key).collect());
    &keys[index % ACCOUNTS]
}

fn fixed_key(seed: u8) -> Keypair {
    MiniSecretKey::from_bytes(&[seed; 32]).expect("32 bytes").expand_to_keypair(ExpansionMode::Ed25519)
}

/// One of the accounts.
pub(crate) fn account(index: usize) -> AccountId {
    AccountId(key(index).public.to_bytes())
}

/// The chain, built once: two blocks after genesis a channel is open.
pub(crate) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let mut world = World::genesis();
        world.grow(&[(0, open())]);
        world.grow(&[
            (1, pallet_channels::Call::approve { channel: 1, secret: H256([5; 32]) }),
            (0, pallet_channels::Call::deposit { channel: 1, amount: 10 * UNITS }),
        ]);
        world
    })
}

fn open() -> pallet_channels::Call {
    let participant = |index: usize| Participant {
        account: account(index),
        role: index as u8,
        message_key: account(index).0,
        sealing_key: [7; 32],
    };
    let terms = EraTerms {
        period: 10,
        windows: Windows { parts: 5, commit: 5, reveal: 5, challenge: 5 },
        program: H256(hash::blake2_256(PROGRAM)),
        parameters: Vec::new(),
        exclusions: Vec::new(),
    };
    pallet_channels::Call::open {
        participants: vec![participant(0), participant(1)],
        era: terms,
        secret: H256([5; 32]),
    }
}

/// Three members of whom only one key is known: no input can gather the votes to act as Root.
fn config() -> genesis::Config {
    let unknown = [AccountId([0xaa; 32]), AccountId([0xbb; 32])];
    genesis::Config {
        balances: pallet_balances::genesis::Config {
            balances: (0..ACCOUNTS).map(|index| (account(index), 1_000_000 * UNITS)).collect(),
        },
        session: pallet_session::genesis::Config {
            authorities: vec![(
                account(0),
                pallet_session::SessionKeys { aura: AuraId(account(0).0), grandpa: GrandpaId([7; 32]) },
            )],
            ..Default::default()
        },
        members: pallet_members::genesis::Config::simple(&[account(0), unknown[0], unknown[1]]),
        bonds: pallet_bonds::genesis::Config {
            validators: vec![(
                account(2),
                10_000 * UNITS,
                pallet_bonds::ValidatorKeys { signing: account(2).0, sealing: [7; 32] },
            )],
            ..Default::default()
        },
        channels: pallet_channels::genesis::Config { programs: vec![(account(0), PROGRAM.to_vec())] },
        ..genesis::Config::default()
    }
}

impl World {
    fn genesis() -> Self {
        let code = RuntimeCode::new(RUNTIME);
        let values = genesis::build(&config(), RUNTIME).expect("the configuration is consistent");
        let (state, state_root) = State::new(values);
        let parent = Header { state_root, extrinsics_root: quire_trie::EMPTY_ROOT, ..Header::default() };
        let executor = WasmExecutor::new(Options::default()).expect("the engine starts");
        World { executor, code, state, genesis: parent.hash(), parent }
    }

    /// The last block's header.
    pub(crate) fn head(&self) -> &Header {
        &self.parent
    }

    /// A call of the runtime over `overlay`.
    pub(crate) fn call(
        &self,
        overlay: &mut Overlay,
        method: &str,
        args: &[u8],
    ) -> Result<Vec<u8>, quire_chain::ExecuteError> {
        self.executor.call(&self.code, &self.state, overlay, method, args)
    }

    /// A call that must not fail.
    pub(crate) fn must<T: Decode>(&self, overlay: &mut Overlay, method: &str, args: &[u8]) -> T {
        let answer =
            self.call(overlay, method, args).unwrap_or_else(|why| broken(&format!("{method}: {why}")));
        T::decode(&mut answer.as_slice()).unwrap_or_else(|why| broken(&format!("{method} answered: {why}")))
    }

    /// Starts the next block with its inherents.
    pub(crate) fn begin(&self, overlay: &mut Overlay) {
        let number = self.parent.number + 1;
        let slot = SLOT + u64::from(number);
        let header = Header {
            parent_hash: self.parent.hash(),
            number,
            digest: Digest::for_slot(Slot(slot)),
            ..Header::default()
        };
        let _: u8 = self.must(overlay, "Core_initialize_block", &header.encode());
        let mut data = InherentData::new();
        data.put(TIMESTAMP_ID, &(slot * SLOT_MS));
        let inherents: Vec<OpaqueExtrinsic> =
            self.must(overlay, "BlockBuilder_inherent_extrinsics", &data.encode());
        for inherent in inherents {
            let _: ApplyExtrinsicResult =
                self.must(overlay, "BlockBuilder_apply_extrinsic", &inherent.encode());
        }
    }

    /// Ends the block.
    pub(crate) fn end(&self, overlay: &mut Overlay) -> Header {
        self.must(overlay, "BlockBuilder_finalize_block", &[])
    }

    /// Adds a block for good.
    fn grow(&mut self, calls: &[(usize, pallet_channels::Call)]) {
        let mut overlay = Overlay::new();
        self.begin(&mut overlay);
        for (signer, call) in calls {
            let call = RuntimeCall::Channels(call.clone()).encode();
            let nonce = self.nonce(&mut overlay, *signer);
            let extrinsic = self.sign(*signer, nonce, 0, &call);
            let result: ApplyExtrinsicResult =
                self.must(&mut overlay, "BlockBuilder_apply_extrinsic", &extrinsic.encode());
            assert_eq!(result, Ok(Ok(())), "the world needs this call");
        }
        self.parent = self.end(&mut overlay);
        let mut values = self.state.values.clone();
        for (key, value) in overlay.changes() {
            match value {
                Some(value) => values.insert(key, value),
                None => values.remove(&key),
            };
        }
        let (state, root) = State::new(values);
        assert_eq!(root, self.parent.state_root, "the trie of all values is the one grown block by block");
        self.state = state;
    }

    /// The nonce that the account's next extrinsic needs.
    pub(crate) fn nonce(&self, overlay: &mut Overlay, signer: usize) -> u32 {
        self.must(overlay, "AccountNonceApi_account_nonce", &account(signer).encode())
    }

    /// An immortal extrinsic with a call given by its encoding.
    pub(crate) fn sign(&self, signer: usize, nonce: u32, tip: u128, call: &[u8]) -> OpaqueExtrinsic {
        let extra = Extra { era: Era::Immortal, nonce, tip, mode: 0 };
        let additional = Additional {
            spec_version: version::SPEC_VERSION,
            transaction_version: version::TRANSACTION_VERSION,
            genesis_hash: self.genesis,
            era_hash: self.genesis,
            metadata_hash: None,
        };
        let payload = signing_payload(call, &extra, &additional);
        let signature =
            MultiSignature::Sr25519(key(signer).sign_simple(SUBSTRATE_CONTEXT, &payload).to_bytes());
        let empty = UncheckedExtrinsic::signed((), account(signer), signature, extra).to_opaque();
        OpaqueExtrinsic([empty.0.as_slice(), call].concat())
    }

    /// Free and reserved funds of all accounts, and what the chain says was issued.
    pub(crate) fn money(&self, overlay: &mut Overlay) -> (u128, u128) {
        let prefix = [hash::twox_128(b"System"), hash::twox_128(b"Account")].concat();
        let mut sum = 0u128;
        let mut at = prefix.clone();
        while let Ok(Some(next)) = overlay.next_key(&self.state, &at) {
            if !next.starts_with(&prefix) {
                break;
            }
            let record = overlay.get(&self.state, &next).ok().flatten().unwrap_or_default();
            // AccountInfo: four u32 counters, then free and reserved as u128.
            let amount = |from: usize| {
                record
                    .get(from..from + 16)
                    .and_then(|bytes| bytes.try_into().ok())
                    .map_or(0, u128::from_le_bytes)
            };
            sum += amount(16) + amount(32);
            at = next;
        }
        let issuance_key = [hash::twox_128(b"Balances"), hash::twox_128(b"TotalIssuance")].concat();
        let issued = overlay.get(&self.state, &issuance_key).ok().flatten().unwrap_or_default();
        (sum, u128::decode(&mut issued.as_slice()).unwrap_or_default())
    }
}

/// A promise is broken.
#[allow(clippy::panic, reason = "this is how a fuzz target reports")]
#[track_caller]
pub(crate) fn broken(what: &str) -> ! {
    panic!("{what}")
}
