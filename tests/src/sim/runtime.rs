//! A native runtime for simulations: accounts with balances and nonces, and one change of the voters at a height of
//! the genesis state, and authors that are shuffled every few blocks. Extrinsics have the real envelope; nobody checks their signatures, which are not what is simulated.

use pallet_session::draw::shuffle;
use parity_scale_codec::{Decode, Encode};
use quire_chain::{CODE_KEY, Execute, ExecuteError, Genesis, GenesisError, Overlay, RuntimeCode, StateView};
use quire_core::digest::{AURA_ENGINE_ID, GRANDPA_ENGINE_ID};
use quire_core::extrinsic::{Extra, UncheckedExtrinsic};
use quire_core::{
    AccountId, ApplyExtrinsicResult, AuraId, Block, DigestItem, DispatchError, GrandpaId, H256, Header,
    InherentData, InvalidTransaction, MultiSignature, OpaqueExtrinsic, RuntimeVersion, TransactionSource,
    TransactionValidity, ValidTransaction,
};
use quire_pool::nonce_tag_bytes;
use quire_trie::StateVersion;

/// Length of a slot, milliseconds.
pub const SLOT_MS: u64 = 1_000;
/// What each account holds at genesis.
pub const ENDOWMENT: u64 = 1_000_000;

/// Blocks of a session: at its end the authors are shuffled, on each fork in another way.
const SESSION_BLOCKS: u32 = 8;

const HEADER: &[u8] = b"tmp/header";
const EXTRINSICS: &[u8] = b"tmp/extrinsics";

/// What an extrinsic does.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Call {
    /// The inherent.
    Time(u64),
    /// Moves an amount from the signer to another account.
    Transfer {
        /// Payee.
        to: u8,
        /// How much.
        amount: u64,
    },
}

type Extrinsic = UncheckedExtrinsic<Call>;

/// A transfer as clients hand it in.
#[must_use]
pub fn transfer(from: u8, nonce: u32, to: u8, amount: u64) -> OpaqueExtrinsic {
    let extra = Extra { nonce, ..Extra::default() };
    let signature = MultiSignature::Sr25519([0; 64]);
    Extrinsic::signed(Call::Transfer { to, amount }, AccountId([from; 32]), signature, extra).to_opaque()
}

/// Key of an account: balance u64, nonce u32.
#[must_use]
pub fn account_key(account: u8) -> Vec<u8> {
    [b"account/", &[account][..]].concat()
}

/// The state before the first block.
pub fn genesis(
    aura: &[AuraId],
    voters: &[GrandpaId],
    accounts: u8,
    change_at: Option<u32>,
) -> Result<Genesis, GenesisError> {
    let weighted: Vec<(GrandpaId, u64)> = voters.iter().map(|id| (*id, 1)).collect();
    let mut pairs = vec![
        (CODE_KEY.to_vec(), b"simulated".to_vec()),
        (b"aura".to_vec(), aura.encode()),
        (b"grandpa".to_vec(), (0u64, weighted).encode()),
        (b"change_at".to_vec(), change_at.encode()),
    ];
    pairs.extend((0..accounts).map(|account| (account_key(account), (ENDOWMENT, 0u32).encode())));
    Genesis::new(pairs)
}

/// The runtime.
#[derive(Debug, Default)]
pub struct ToyRuntime;

struct Run<'a> {
    state: &'a dyn StateView,
    overlay: &'a mut Overlay,
    method: &'a str,
}

impl Execute for ToyRuntime {
    fn call(
        &self,
        _: &RuntimeCode,
        state: &dyn StateView,
        overlay: &mut Overlay,
        method: &str,
        args: &[u8],
    ) -> Result<Vec<u8>, ExecuteError> {
        let mut run = Run { state, overlay, method };
        match method {
            "Core_execute_block" => {
                let block = run.decode::<Block>(args)?;
                run.execute_block(&block).map(|()| Vec::new())
            }
            "Core_initialize_block" => {
                run.overlay.set(HEADER, args.to_vec());
                Ok(vec![0])
            }
            "BlockBuilder_inherent_extrinsics" => {
                let data = run.decode::<InherentData>(args)?;
                let time = data.get::<u64>(&quire_core::inherent::TIMESTAMP_ID).ok().flatten().unwrap_or(0);
                Ok(vec![Extrinsic::bare(Call::Time(time)).to_opaque()].encode())
            }
            "QuireBlock_apply_extrinsics" => {
                let batch = run.decode::<Vec<OpaqueExtrinsic>>(args)?;
                let answers: Result<Vec<_>, _> = batch.iter().map(|extrinsic| run.apply(extrinsic)).collect();
                Ok(answers?.encode())
            }
            "BlockBuilder_finalize_block" => Ok(run.finish()?.encode()),
            "QuirePool_validate_transactions" => {
                let (_, batch, _) = run.decode::<(TransactionSource, Vec<OpaqueExtrinsic>, H256)>(args)?;
                let answers: Result<Vec<_>, _> =
                    batch.iter().map(|extrinsic| run.validate(extrinsic)).collect();
                Ok(answers?.encode())
            }
            "AuraApi_authorities" => run.value(b"aura"),
            "AuraApi_slot_duration" => Ok(SLOT_MS.encode()),
            "GrandpaApi_grandpa_authorities" => Ok(run.voters()?.1.encode()),
            "GrandpaApi_current_set_id" => Ok(run.voters()?.0.encode()),
            _ => Err(ExecuteError::MethodMissing { method: method.into() }),
        }
    }

    fn version(&self, _: &RuntimeCode) -> Result<RuntimeVersion, ExecuteError> {
        Ok(RuntimeVersion::default())
    }
}

/// Payer, nonce and call; the payer of the inherent is nobody.
fn read(extrinsic: &OpaqueExtrinsic) -> Option<(u8, u32, Call)> {
    let (parts, _) = Extrinsic::from_opaque(extrinsic).ok()?;
    match parts.signature {
        Some((address, _, extra)) => Some((address.account()?.0[0], extra.nonce, parts.call)),
        None => matches!(parts.call, Call::Time(_)).then_some((0, 0, parts.call)),
    }
}

impl Run<'_> {
    fn decode<T: Decode>(&self, mut bytes: &[u8]) -> Result<T, ExecuteError> {
        T::decode(&mut bytes).map_err(|error| self.trap(&format!("bad arguments: {error}")))
    }

    fn trap(&self, reason: &str) -> ExecuteError {
        ExecuteError::Trapped { method: self.method.into(), reason: reason.into() }
    }

    fn value(&mut self, key: &[u8]) -> Result<Vec<u8>, ExecuteError> {
        let value = self.overlay.get(self.state, key)?;
        value.ok_or_else(|| self.trap(&format!("no value under {}", String::from_utf8_lossy(key))))
    }

    fn voters(&mut self) -> Result<(u64, Vec<(GrandpaId, u64)>), ExecuteError> {
        let bytes = self.value(b"grandpa")?;
        self.decode(&bytes)
    }

    fn account(&mut self, account: u8) -> Result<Option<(u64, u32)>, ExecuteError> {
        let bytes = self.overlay.get(self.state, &account_key(account))?;
        bytes.map(|bytes| self.decode(&bytes)).transpose()
    }

    fn validate(&mut self, extrinsic: &OpaqueExtrinsic) -> Result<TransactionValidity, ExecuteError> {
        let Some((from, at, Call::Transfer { .. })) = read(extrinsic) else {
            return Ok(Err(InvalidTransaction::Call.into()));
        };
        let Some((_, nonce)) = self.account(from)? else {
            return Ok(Err(InvalidTransaction::BadSigner.into()));
        };
        if at < nonce {
            return Ok(Err(InvalidTransaction::Stale.into()));
        }
        let tag = |nonce: u32| nonce_tag_bytes(&AccountId([from; 32]), nonce).to_vec();
        let requires = at.checked_sub(1).filter(|_| at > nonce).map(tag);
        Ok(Ok(ValidTransaction {
            priority: 1,
            requires: requires.into_iter().collect(),
            provides: vec![tag(at)],
            longevity: 1_000,
            propagate: true,
        }))
    }

    fn apply(&mut self, extrinsic: &OpaqueExtrinsic) -> Result<ApplyExtrinsicResult, ExecuteError> {
        let result = match read(extrinsic) {
            None => return Ok(Err(InvalidTransaction::Call.into())),
            Some((_, _, Call::Time(time))) => {
                self.overlay.set(b"time", time.encode());
                Ok(())
            }
            Some((from, at, Call::Transfer { to, amount })) => {
                let Some((balance, nonce)) = self.account(from)? else {
                    return Ok(Err(InvalidTransaction::BadSigner.into()));
                };
                if at != nonce {
                    let is_old = at < nonce;
                    let error = if is_old { InvalidTransaction::Stale } else { InvalidTransaction::Future };
                    return Ok(Err(error.into()));
                }
                self.overlay.set(&account_key(from), (balance, nonce.wrapping_add(1)).encode());
                self.pay(from, to, amount)?
            }
        };
        self.overlay.append(self.state, EXTRINSICS, &extrinsic.encode())?;
        Ok(Ok(result))
    }

    fn pay(&mut self, from: u8, to: u8, amount: u64) -> Result<Result<(), DispatchError>, ExecuteError> {
        let (Some((balance, nonce)), Some(_)) = (self.account(from)?, self.account(to)?) else {
            return Ok(Err(DispatchError::BadOrigin));
        };
        let Some(left) = balance.checked_sub(amount) else { return Ok(Err(DispatchError::BadOrigin)) };
        self.overlay.set(&account_key(from), (left, nonce).encode());
        let Some((balance, nonce)) = self.account(to)? else { return Ok(Err(DispatchError::BadOrigin)) };
        self.overlay.set(&account_key(to), (balance.saturating_add(amount), nonce).encode());
        Ok(Ok(()))
    }

    fn execute_block(&mut self, block: &Block) -> Result<(), ExecuteError> {
        let mut header = block.header.clone();
        header.digest.logs.retain(|item| matches!(item, DigestItem::PreRuntime(..)));
        self.overlay.set(HEADER, header.encode());
        for extrinsic in &block.extrinsics {
            let applied = self.apply(extrinsic)?;
            applied.map_err(|error| self.trap(&format!("refused: {error:?}")))?.ok();
        }
        if self.finish()? == block.header { Ok(()) } else { Err(self.trap("the header is not the block's")) }
    }

    fn finish(&mut self) -> Result<Header, ExecuteError> {
        let bytes = self.value(HEADER)?;
        let mut header = self.decode::<Header>(&bytes)?;
        let bytes = self.overlay.get(self.state, EXTRINSICS)?.unwrap_or_else(|| vec![0]);
        let extrinsics = self.decode::<Vec<OpaqueExtrinsic>>(&bytes)?;
        let encoded: Vec<_> = extrinsics.iter().map(Encode::encode).collect();
        header.extrinsics_root = quire_trie::ordered_root(StateVersion::V0, &encoded);
        let change = self.value(b"change_at")?;
        if self.decode::<Option<u32>>(&change)? == Some(header.number) {
            let (set_id, voters) = self.voters()?;
            self.overlay.set(b"grandpa", (set_id.wrapping_add(1), &voters).encode());
            header.digest.push(DigestItem::Consensus(GRANDPA_ENGINE_ID, (1u8, voters, 0u32).encode()));
        }
        if header.number.is_multiple_of(SESSION_BLOCKS) {
            let bytes = self.value(b"aura")?;
            let mut authors = self.decode::<Vec<AuraId>>(&bytes)?;
            shuffle(&mut authors, &header.parent_hash.0);
            self.overlay.set(b"aura", authors.encode());
            header.digest.push(DigestItem::Consensus(AURA_ENGINE_ID, (1u8, authors).encode()));
        }
        self.overlay.clear(HEADER);
        self.overlay.clear(EXTRINSICS);
        let root = self.overlay.root(self.state, StateVersion::V1);
        header.state_root = root.map_err(|error| ExecuteError::State(error.into()))?;
        Ok(header)
    }
}
