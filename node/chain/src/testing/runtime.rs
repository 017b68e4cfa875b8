//! A native runtime of a few calls over a key/value state, with the entry points that the chain uses.
//!
//! An extrinsic is one encoded [`Call`]. The block under construction lives under keys that start with `tmp/` and are
//! gone after the block.

use std::sync::atomic::{AtomicUsize, Ordering};

use parity_scale_codec::{Decode, Encode};
use quire_core::digest::{AURA_ENGINE_ID, GRANDPA_ENGINE_ID};
use quire_core::{
    ApplyExtrinsicResult, AuraId, Block, DigestItem, DispatchError, GrandpaId, H256, Header, InherentData,
    InvalidTransaction, OpaqueExtrinsic, RuntimeVersion, TransactionSource, TransactionValidity,
    ValidTransaction,
};
use quire_trie::StateVersion;

use super::SLOT_MS;
use crate::{CODE_KEY, Execute, ExecuteError, Overlay, RuntimeCode, StateView};

/// What an extrinsic can do.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Call {
    /// The inherent.
    Time(u64),
    Set {
        key: Vec<u8>,
        value: Vec<u8>,
    },
    ClearPrefix(Vec<u8>),
    /// Writes, then fails: the write must be gone.
    Fail {
        key: Vec<u8>,
    },
    /// Refused as invalid.
    Refuse,
    /// Makes the runtime trap.
    Trap,
    SetAura(Vec<AuraId>),
    SetVoters {
        set_id: u64,
        voters: Vec<(GrandpaId, u64)>,
    },
    SetCode(Vec<u8>),
    /// Writes the name of the code that runs.
    WhichCode,
}

const HEADER: &[u8] = b"tmp/header";
const EXTRINSICS: &[u8] = b"tmp/extrinsics";
const DIGEST: &[u8] = b"tmp/digest";

/// The runtime; counts what it is asked to do.
#[derive(Debug, Default)]
pub(crate) struct FakeRuntime {
    /// Calls of `Core_execute_block`.
    pub(crate) executed: AtomicUsize,
    /// Calls of any kind.
    pub(crate) called: AtomicUsize,
}

pub(crate) struct Run<'a> {
    code: &'a RuntimeCode,
    pub(crate) state: &'a dyn StateView,
    pub(crate) overlay: &'a mut Overlay,
    method: &'a str,
}

impl Execute for FakeRuntime {
    fn call(
        &self,
        code: &RuntimeCode,
        state: &dyn StateView,
        overlay: &mut Overlay,
        method: &str,
        args: &[u8],
    ) -> Result<Vec<u8>, ExecuteError> {
        self.called.fetch_add(1, Ordering::Relaxed);
        let mut run = Run { code, state, overlay, method };
        match method {
            "Core_execute_block" => {
                self.executed.fetch_add(1, Ordering::Relaxed);
                run.execute_block(&run.decode::<Block>(args)?).map(|()| Vec::new())
            }
            "Core_initialize_block" => {
                run.initialize(&run.decode::<Header>(args)?)?;
                Ok(vec![0])
            }
            "BlockBuilder_inherent_extrinsics" => {
                let data = run.decode::<InherentData>(args)?;
                let time = data.get::<u64>(&quire_core::inherent::TIMESTAMP_ID).ok().flatten().unwrap_or(0);
                Ok(vec![OpaqueExtrinsic(Call::Time(time).encode())].encode())
            }
            "QuireBlock_apply_extrinsics" => {
                let batch = run.decode::<Vec<OpaqueExtrinsic>>(args)?;
                let answers: Result<Vec<_>, _> = batch.iter().map(|extrinsic| run.apply(extrinsic)).collect();
                Ok(answers?.encode())
            }
            "BlockBuilder_finalize_block" => Ok(run.finalize()?.encode()),
            "QuirePool_validate_transactions" => {
                let (_, batch, at) = run.decode::<(TransactionSource, Vec<OpaqueExtrinsic>, H256)>(args)?;
                let next = run.height()?.saturating_add(1);
                run.note_parent(next, at)?;
                run.overlay.set(b"height", next.saturating_sub(1).encode());
                let answers: Result<Vec<_>, _> = batch.iter().map(|one| run.validate(one)).collect();
                Ok(answers?.encode())
            }
            "AuraApi_authorities" => run.get(b"aura"),
            "AuraApi_slot_duration" => Ok(SLOT_MS.encode()),
            "GrandpaApi_grandpa_authorities" => {
                let bytes = run.get(b"grandpa")?;
                Ok(run.decode::<(u64, Vec<(GrandpaId, u64)>)>(&bytes)?.1.encode())
            }
            "GrandpaApi_current_set_id" => Ok(run.get(b"grandpa")?[..8].to_vec()),
            "write" => {
                run.overlay.set(b"kv/written", vec![1]);
                Ok(Vec::new())
            }
            _ => Err(ExecuteError::MethodMissing { method: method.into() }),
        }
    }

    fn version(&self, code: &RuntimeCode) -> Result<RuntimeVersion, ExecuteError> {
        let spec_version = u32::from(*code.bytes.last().unwrap_or(&0));
        Ok(RuntimeVersion { spec_version, ..RuntimeVersion::default() })
    }
}

fn validate(extrinsic: &OpaqueExtrinsic) -> TransactionValidity {
    match Call::decode(&mut &extrinsic.0[..]) {
        Ok(Call::Refuse) | Err(_) => Err(InvalidTransaction::BadProof.into()),
        Ok(_) => Ok(ValidTransaction {
            priority: 1,
            requires: Vec::new(),
            provides: vec![extrinsic.hash().0.to_vec()],
            longevity: 64,
            propagate: true,
        }),
    }
}

impl Run<'_> {
    fn validate(&mut self, extrinsic: &OpaqueExtrinsic) -> Result<TransactionValidity, ExecuteError> {
        if self.is_signed(extrinsic)? { self.validate_signed(extrinsic) } else { Ok(validate(extrinsic)) }
    }

    pub(crate) fn decode<T: Decode>(&self, mut bytes: &[u8]) -> Result<T, ExecuteError> {
        T::decode(&mut bytes).map_err(|error| self.trap(&format!("bad arguments: {error}")))
    }

    fn trap(&self, reason: &str) -> ExecuteError {
        ExecuteError::Trapped { method: self.method.into(), reason: reason.into() }
    }

    fn get(&mut self, key: &[u8]) -> Result<Vec<u8>, ExecuteError> {
        let value = self.overlay.get(self.state, key)?;
        value.ok_or_else(|| self.trap(&format!("no value under {}", String::from_utf8_lossy(key))))
    }

    fn execute_block(&mut self, block: &Block) -> Result<(), ExecuteError> {
        let mut header = block.header.clone();
        header.digest.logs.retain(|item| matches!(item, DigestItem::PreRuntime(..)));
        self.initialize(&header)?;
        for extrinsic in &block.extrinsics {
            self.apply(extrinsic)?.map_err(|error| self.trap(&format!("refused: {error:?}")))?.ok();
        }
        if self.finalize()? == block.header {
            Ok(())
        } else {
            Err(self.trap("the header is not the block's"))
        }
    }

    fn initialize(&mut self, header: &Header) -> Result<(), ExecuteError> {
        self.overlay.set(HEADER, header.encode());
        self.note_parent(header.number, header.parent_hash)
    }

    fn apply(&mut self, extrinsic: &OpaqueExtrinsic) -> Result<ApplyExtrinsicResult, ExecuteError> {
        if self.is_signed(extrinsic)? {
            let applied = self.apply_signed(extrinsic)?;
            if applied.is_ok() {
                self.overlay.append(self.state, EXTRINSICS, &extrinsic.encode())?;
            }
            return Ok(applied);
        }
        let Ok(call) = Call::decode(&mut &extrinsic.0[..]) else {
            return Ok(Err(InvalidTransaction::Call.into()));
        };
        if call == Call::Refuse {
            return Ok(Err(InvalidTransaction::Stale.into()));
        }
        self.overlay.append(self.state, EXTRINSICS, &extrinsic.encode())?;
        self.overlay.start_transaction().map_err(|error| self.trap(&error.to_string()))?;
        let result = self.dispatch(call)?;
        let closed = match result {
            Ok(()) => self.overlay.commit_transaction(),
            Err(_) => self.overlay.rollback_transaction(),
        };
        closed.map_err(|error| self.trap(&error.to_string()))?;
        Ok(Ok(result))
    }

    fn dispatch(&mut self, call: Call) -> Result<Result<(), DispatchError>, ExecuteError> {
        match call {
            Call::Time(time) => self.overlay.set(b"time", time.encode()),
            Call::Set { key, value } => self.overlay.set(&key, value),
            Call::ClearPrefix(prefix) => {
                self.overlay.clear_prefix(self.state, &prefix, None)?;
            }
            Call::Fail { key } => {
                self.overlay.set(&key, b"must be undone".to_vec());
                return Ok(Err(DispatchError::BadOrigin));
            }
            Call::Refuse => {}
            Call::Trap => return Err(self.trap("asked to")),
            Call::SetAura(authorities) => {
                self.overlay.set(b"aura", authorities.encode());
                self.deposit(&DigestItem::Consensus(AURA_ENGINE_ID, (1u8, authorities).encode()))?;
            }
            Call::SetVoters { set_id, voters } => {
                self.overlay.set(b"grandpa", (set_id, &voters).encode());
                self.deposit(&DigestItem::Consensus(GRANDPA_ENGINE_ID, (1u8, voters, 0u32).encode()))?;
            }
            Call::SetCode(code) => {
                self.overlay.set(CODE_KEY, code);
                self.deposit(&DigestItem::RuntimeEnvironmentUpdated)?;
            }
            Call::WhichCode => self.overlay.set(b"kv/code", self.code.bytes.to_vec()),
        }
        Ok(Ok(()))
    }

    fn deposit(&mut self, item: &DigestItem) -> Result<(), ExecuteError> {
        Ok(self.overlay.append(self.state, DIGEST, &item.encode())?)
    }

    fn finalize(&mut self) -> Result<Header, ExecuteError> {
        let bytes = self.get(HEADER)?;
        let mut header = self.decode::<Header>(&bytes)?;
        let bytes = self.overlay.get(self.state, EXTRINSICS)?.unwrap_or_else(|| vec![0]);
        let extrinsics = self.decode::<Vec<OpaqueExtrinsic>>(&bytes)?;
        let encoded: Vec<_> = extrinsics.iter().map(Encode::encode).collect();
        header.extrinsics_root = quire_trie::ordered_root(StateVersion::V0, &encoded);
        let bytes = self.overlay.get(self.state, DIGEST)?.unwrap_or_else(|| vec![0]);
        header.digest.logs.extend(self.decode::<Vec<DigestItem>>(&bytes)?);
        for key in [HEADER, EXTRINSICS, DIGEST] {
            self.overlay.clear(key);
        }
        let root = self.overlay.root(self.state, StateVersion::V1);
        header.state_root = root.map_err(|error| ExecuteError::State(error.into()))?;
        Ok(header)
    }
}
