//! The dry run: what is tried with new code before this node says that it may become `:code`.
//!
//! Rules:
//! * R1 The code is a runtime that light clients can load, with every entry point that nodes call (`quire_executor`'s
//!   inspection), within its limits of size.
//! * R2 `Core_version` says what the sections say: this chain's name, the version that was offered, the same formats of
//!   authorship, extrinsics being free to change, and of the state.
//! * R3 Metadata of every offered version decodes, version 14 among them.
//! * R4 On the state in which it is enacted it names the same authorities, slots and finality voters as the current code,
//!   and still after its first block.
//! * R5 It makes an empty block on the best state and accepts it as somebody else's, in time; the block notes the new
//!   version, leaves `:code` and `:heappages` alone and makes or loses no money.
//! * R6 It answers what pool and RPC ask, and can be upgraded again.
//! * R7 It makes and accepts a block of the transactions of the last block that had any, on the state that they met. Their
//!   signatures pass, since they were made for the old version; transactions that it refuses are its own affair.
//! * R8 No call runs longer than [`CALL_LIMIT`], takes more memory than any runtime has, or writes more than
//!   [`WRITTEN_BYTES_MAX`]; everything runs in an executor of its own, so a trap, a loop or hunger hits nobody else.
//! * R9 What the node itself cannot do (a pruned state, an engine without memory) is no complaint about the code.
//!
//! Out of scope: when to try (`attestor`).

use crate::clock::Stopwatch;
use crate::service::Chain;
use parity_scale_codec::{Decode, Encode};
use quire_chain::{
    CODE_KEY, Enacted, Execute, ExecuteError, Fault, Head, Layer, Overlay, QueryError, RuntimeCode,
    StateView, TrialError, Tried,
};
use quire_core::inherent::TIMESTAMP_ID;
use quire_core::{
    AccountId, Balance, H256, InherentData, Nonce, OpaqueExtrinsic, RuntimeVersion, Slot, TransactionSource,
    TransactionValidity, UpgradeStatus, Verdict, Weight, limits,
};
use quire_executor::{Options, WasmExecutor};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Longest time of one call of a dry run.
pub(crate) const CALL_LIMIT: Duration = Duration::from_secs(10);
/// Most bytes that one call of a dry run writes: sixteen blocks full.
pub(crate) const WRITTEN_BYTES_MAX: u64 = 80 * 1024 * 1024;
/// An empty block may take so many slots, on a machine that is busy with a dry run.
const EMPTY_BLOCK_SLOTS: u64 = 2;
/// And this at least, milliseconds.
const EMPTY_BLOCK_MIN_MS: u64 = 2_000;
/// How far back a block with transactions is looked for.
const SEARCHED_BLOCKS: u32 = 64;
/// Version of metadata that every client knows.
const METADATA_VERSION: u32 = 14;

/// What nodes and their clients call in every runtime (R1).
pub(crate) const NEEDED: &[&str] = &[
    "Core_version",
    "Core_execute_block",
    "Core_initialize_block",
    "Metadata_metadata",
    "Metadata_metadata_at_version",
    "Metadata_metadata_versions",
    "BlockBuilder_apply_extrinsic",
    "BlockBuilder_finalize_block",
    "BlockBuilder_inherent_extrinsics",
    "BlockBuilder_check_inherents",
    "QuireBlock_apply_extrinsics",
    "TaggedTransactionQueue_validate_transaction",
    "QuirePool_validate_transactions",
    "AccountNonceApi_account_nonce",
    "TransactionPaymentApi_query_info",
    "TransactionPaymentApi_query_fee_details",
    "TransactionPaymentApi_query_weight_to_fee",
    "TransactionPaymentApi_query_length_to_fee",
    "AuraApi_slot_duration",
    "AuraApi_authorities",
    "GrandpaApi_grandpa_authorities",
    "GrandpaApi_current_set_id",
    "QuireUpgrade_status",
    "QuireUpgrade_pending_code",
    "QuireMembers_tower",
    "QuireMembers_authorities",
];

/// What must not change with the code (R4).
const CONSENSUS: &[&str] = &[
    "AuraApi_authorities",
    "AuraApi_slot_duration",
    "GrandpaApi_grandpa_authorities",
    "GrandpaApi_current_set_id",
];

/// Why a dry run ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Complaint {
    /// The code is no good.
    #[error("{0}")]
    Code(String),
    /// This node, or the moment, is no good for a dry run (R9).
    #[error("{0}")]
    Node(String),
}

impl Complaint {
    /// The verdict that it amounts to; none for the node's own troubles.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Code(reason) => Some(Verdict::Refuse { reason: sentence(reason) }),
            Self::Node(_) => None,
        }
    }

    fn new(fault: Fault, reason: String) -> Self {
        if fault == Fault::Sender { Self::Code(reason) } else { Self::Node(reason) }
    }
}

impl From<TrialError> for Complaint {
    fn from(error: TrialError) -> Self {
        Self::new(error.fault(), error.to_string())
    }
}

impl From<QueryError> for Complaint {
    fn from(error: QueryError) -> Self {
        Self::Node(error.to_string())
    }
}

/// One line of a length that fits into a block.
fn sentence(reason: &str) -> String {
    let mut line: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let end = (0..=limits::MAX_VERDICT_REASON_BYTES as usize).rev().find(|end| line.is_char_boundary(*end));
    line.truncate(end.unwrap_or(0));
    line
}

/// How the executor of a dry run is set up; `cache` is that of the node, so that what was compiled here is ready there.
pub(crate) fn trial_options(cache: PathBuf) -> Options {
    Options {
        cache: Some(cache),
        instances: 2,
        call_limit: CALL_LIMIT,
        signatures: 1_024,
        log_level: 0,
        written_bytes_max: WRITTEN_BYTES_MAX,
        passes_signatures: true,
    }
}

/// Tries the code that waits in the state of `at`.
pub(crate) fn dry_run(
    chain: &Chain,
    options: Options,
    at: Head,
    is_stopping: &dyn Fn() -> bool,
) -> Result<RuntimeCode, Complaint> {
    let (code, spec_version) = pending(chain, at)?;
    let executor = WasmExecutor::new(options).map_err(|error| Complaint::Node(error.to_string()))?;
    let trial = Trial { chain, executor: Arc::new(executor), code, at };
    let declared = trial.executor.inspect(&trial.code, NEEDED).map_err(Complaint::Code)?;
    let on = trial.chain.enacted(at.hash, &trial.code)?;
    let steps: [&dyn Fn() -> Result<(), Complaint>; 6] = [
        &|| trial.check_version(&on, &declared, spec_version),
        &|| trial.check_metadata(&on),
        &|| trial.check_consensus(&on, &Overlay::new),
        &|| trial.check_empty_block(&on, &declared),
        &|| trial.check_answers(&on),
        &|| trial.check_last_transactions(),
    ];
    for step in steps {
        if is_stopping() {
            return Err(Complaint::Node("the node is stopping".into()));
        }
        step()?;
    }
    Ok(trial.code)
}

/// The code that waits, and the version as which it was offered.
fn pending(chain: &Chain, at: Head) -> Result<(RuntimeCode, u32), Complaint> {
    let status = chain.call(at.hash, "QuireUpgrade_status", &[])?;
    let status = Option::<UpgradeStatus>::decode(&mut &status[..]).ok().flatten();
    let code = chain.call(at.hash, "QuireUpgrade_pending_code", &[])?;
    let code = Option::<Vec<u8>>::decode(&mut &code[..]).ok().flatten();
    match (status, code) {
        (Some(status), Some(code)) => Ok((RuntimeCode::new(&code), status.upgrade.spec_version)),
        _ => Err(Complaint::Node(format!("no code waits in the state of block {}", at.number))),
    }
}

struct Trial<'a> {
    chain: &'a Chain,
    executor: Arc<WasmExecutor>,
    code: RuntimeCode,
    at: Head,
}

impl Trial<'_> {
    /// A call of the new code over writes on top of an enacted state.
    fn call(
        &self,
        on: &Enacted,
        writes: &mut Overlay,
        method: &str,
        args: &[u8],
    ) -> Result<Vec<u8>, Complaint> {
        self.executor.call(&self.code, &*on.state, writes, method, args).map_err(|error| {
            let fault = if matches!(error, ExecuteError::MethodMissing { .. }) {
                Fault::Sender
            } else {
                error.fault()
            };
            Complaint::new(fault, error.to_string())
        })
    }

    /// A call of the new code whose whole answer is a `T`.
    fn ask<T: Decode>(&self, on: &Enacted, method: &str, args: &[u8]) -> Result<T, Complaint> {
        let answer = self.call(on, &mut Overlay::new(), method, args)?;
        let mut rest = &answer[..];
        match T::decode(&mut rest) {
            Ok(value) if rest.is_empty() => Ok(value),
            _ => Err(Complaint::Code(format!("{method} answers something that does not decode"))),
        }
    }

    /// R2.
    fn check_version(&self, on: &Enacted, declared: &RuntimeVersion, offered: u32) -> Result<(), Complaint> {
        let said: RuntimeVersion = self.ask(on, "Core_version", &[])?;
        let current = self.chain.runtime_version(self.at.hash)?;
        let wrong = [
            (said != *declared, "Core_version says something else than its custom sections"),
            (said.spec_name != current.spec_name, "it is a runtime of another chain: its spec_name differs"),
            (said.spec_version != offered, "its spec_version is not the one that was offered"),
            (
                said.spec_version <= current.spec_version,
                "its spec_version is not higher than the current one",
            ),
            (said.authoring_version != current.authoring_version, "its authoring_version differs"),
            (
                said.system_version != current.system_version,
                "its system_version differs: the state would be read wrongly",
            ),
        ];
        first_of(&wrong)
    }

    /// R3.
    fn check_metadata(&self, on: &Enacted) -> Result<(), Complaint> {
        let plain: Vec<u8> = self.ask(on, "Metadata_metadata", &[])?;
        check_metadata_bytes(METADATA_VERSION, &plain)?;
        let versions: Vec<u32> = self.ask(on, "Metadata_metadata_versions", &[])?;
        if !versions.contains(&METADATA_VERSION) {
            return Err(Complaint::Code(format!(
                "it offers metadata of the versions {versions:?}, not {METADATA_VERSION}"
            )));
        }
        for version in versions.into_iter().take(limits::MAX_RUNTIME_APIS as usize) {
            let bytes: Option<Vec<u8>> = self.ask(on, "Metadata_metadata_at_version", &version.encode())?;
            let bytes = bytes.ok_or_else(|| {
                Complaint::Code(format!("it offers metadata version {version} and has none"))
            })?;
            check_metadata_bytes(version, &bytes)?;
        }
        Ok(())
    }

    /// R4; `writes` gives what lies over the enacted state.
    fn check_consensus(&self, on: &Enacted, writes: &dyn Fn() -> Overlay) -> Result<(), Complaint> {
        for method in CONSENSUS {
            let current = self.chain.call(self.at.hash, method, &[])?;
            if self.call(on, &mut writes(), method, &[])? != current {
                return Err(Complaint::Code(format!(
                    "{method} answers something else than the current runtime"
                )));
            }
        }
        Ok(())
    }

    /// R5, and R4 for the state after the block.
    fn check_empty_block(&self, on: &Enacted, declared: &RuntimeVersion) -> Result<(), Complaint> {
        let slot_ms = self.slot_ms()?;
        let slot = Slot(self.chain.best_slot().0.saturating_add(1));
        let watch = Stopwatch::start();
        let tried = self.try_block(on, slot, &[])?;
        let (took_ms, most_ms) = (watch.ms(), (slot_ms * EMPTY_BLOCK_SLOTS).max(EMPTY_BLOCK_MIN_MS));
        if took_ms > most_ms {
            return Err(Complaint::Code(format!(
                "an empty block takes {took_ms} ms, more than {most_ms} ms"
            )));
        }
        let changed = |key: &[u8]| tried.layer.values.get(key);
        let noted = changed(&pallet_system::storage::LAST_RUNTIME_UPGRADE.key());
        let noted = noted
            .and_then(|value| pallet_system::LastRuntimeUpgradeInfo::decode(&mut value.as_deref()?).ok());
        let is_noted = noted.is_some_and(|noted| noted.spec_version == declared.spec_version);
        first_of(&[
            (changed(CODE_KEY).is_some(), "its first block changes :code"),
            (changed(pallet_system::storage::HEAP_PAGES_KEY).is_some(), "its first block changes :heappages"),
            (!is_noted, "its first block does not note the new version in System.LastRuntimeUpgrade"),
        ])?;
        check_money(&*on.state, &tried.layer)?;
        self.check_consensus(on, &|| over(&tried.layer))
    }

    /// R6.
    fn check_answers(&self, on: &Enacted) -> Result<(), Complaint> {
        let junk = OpaqueExtrinsic(vec![0xff; 8]);
        let args = (TransactionSource::External, vec![junk], self.at.hash).encode();
        let verdicts: Vec<TransactionValidity> = self.ask(on, "QuirePool_validate_transactions", &args)?;
        if verdicts.len() != 1 || verdicts[0].is_ok() {
            return Err(Complaint::Code(
                "QuirePool_validate_transactions takes junk for a transaction".into(),
            ));
        }
        self.ask::<Nonce>(on, "AccountNonceApi_account_nonce", &AccountId([0; 32]).encode())?;
        let weight = Weight::from_micros(1).encode();
        self.ask::<Balance>(on, "TransactionPaymentApi_query_weight_to_fee", &weight)?;
        self.ask::<Option<UpgradeStatus>>(on, "QuireUpgrade_status", &[])?;
        self.ask::<Option<Vec<u8>>>(on, "QuireUpgrade_pending_code", &[])?;
        Ok(())
    }

    /// R7; nothing is wrong when no recent block has transactions, or its state is gone.
    fn check_last_transactions(&self) -> Result<(), Complaint> {
        let Some((parent, slot, transactions)) = self.last_transactions()? else { return Ok(()) };
        let Ok(on) = self.chain.enacted(parent, &self.code) else { return Ok(()) };
        self.try_block(&on, slot, &transactions).map_err(|complaint| match complaint {
            Complaint::Code(reason) => Complaint::Code(format!(
                "with the {} transactions of block {}: {reason}",
                transactions.len(),
                on.parent.number.saturating_add(1)
            )),
            other => other,
        })?;
        Ok(())
    }

    /// Parent, slot and transactions of the last block that had any.
    #[allow(clippy::type_complexity, reason = "used once")]
    fn last_transactions(&self) -> Result<Option<(H256, Slot, Vec<Arc<OpaqueExtrinsic>>)>, Complaint> {
        let mut hash = self.at.hash;
        for _ in 0..SEARCHED_BLOCKS {
            let header = self.chain.header(hash).map_err(QueryError::from)?;
            let Some(header) = header.filter(|header| header.number > 0) else { return Ok(None) };
            let body = self.chain.body(hash).map_err(QueryError::from)?.unwrap_or_default();
            let is_signed = |one: &OpaqueExtrinsic| one.0.first().is_some_and(|version| version & 0x80 != 0);
            let signed: Vec<_> = body.into_iter().filter(is_signed).map(Arc::new).collect();
            if let (false, Some(slot)) = (signed.is_empty(), header.digest.aura_slot()) {
                return Ok(Some((header.parent_hash, slot, signed)));
            }
            hash = header.parent_hash;
        }
        Ok(None)
    }

    fn try_block(
        &self,
        on: &Enacted,
        slot: Slot,
        transactions: &[Arc<OpaqueExtrinsic>],
    ) -> Result<Tried, Complaint> {
        let mut inherents = InherentData::new();
        inherents.put(TIMESTAMP_ID, &slot.0.saturating_mul(self.slot_ms()?));
        Ok(self.chain.try_block(&self.executor, on, slot, &inherents, transactions)?)
    }

    fn slot_ms(&self) -> Result<u64, Complaint> {
        let set = self.chain.aura_set(self.chain.best().hash);
        set.map(|set| set.slot_duration_ms).ok_or_else(|| Complaint::Node("the best block moved".into()))
    }
}

/// The first complaint that is true.
fn first_of(wrong: &[(bool, &str)]) -> Result<(), Complaint> {
    match wrong.iter().find(|(is_wrong, _)| *is_wrong) {
        Some((_, what)) => Err(Complaint::Code((*what).to_owned())),
        None => Ok(()),
    }
}

/// R3.
fn check_metadata_bytes(version: u32, bytes: &[u8]) -> Result<(), Complaint> {
    let mut rest = bytes;
    let decoded = frame_metadata::RuntimeMetadataPrefixed::decode(&mut rest);
    match decoded {
        Ok(metadata) if rest.is_empty() && metadata.1.version() == version => Ok(()),
        Ok(_) => Err(Complaint::Code(format!("its metadata of version {version} is of another version"))),
        Err(error) => {
            Err(Complaint::Code(format!("its metadata of version {version} does not decode: {error}")))
        }
    }
}

/// What a block changed, as writes over the state before it.
fn over(layer: &Layer) -> Overlay {
    let mut overlay = Overlay::new();
    for (key, value) in &layer.values {
        match value {
            Some(value) => overlay.set(key, value.clone()),
            None => overlay.clear(key),
        }
    }
    overlay
}

/// R5: an empty block pays no fees, so the issuance stays, and what accounts hold changes by nothing in all.
fn check_money(before: &dyn StateView, layer: &Layer) -> Result<(), Complaint> {
    let state = |error: quire_chain::StateError| Complaint::Node(error.to_string());
    let issuance = pallet_balances::storage::TOTAL_ISSUANCE.key();
    if let Some(after) = layer.values.get(&issuance[..])
        && *after != before.get(&issuance).map_err(state)?
    {
        return Err(Complaint::Code("its first block changes the total issuance".into()));
    }
    let (mut gained, mut lost) = (0, 0);
    let prefix = pallet_system::storage::ACCOUNT.prefix();
    for (key, after) in layer.values.iter().filter(|(key, _)| key.starts_with(&prefix)) {
        let (Some(after), Some(before)) =
            (holds(after.as_deref()), holds(before.get(key).map_err(state)?.as_deref()))
        else {
            // Accounts of another form: that is between the new code and its clients.
            return Ok(());
        };
        gained = Balance::saturating_add(gained, after);
        lost = Balance::saturating_add(lost, before);
    }
    if gained != lost {
        return Err(Complaint::Code(format!(
            "in its first block the accounts that change hold {gained} instead of {lost} plancks"
        )));
    }
    Ok(())
}

/// What an account holds; none for bytes of another form.
fn holds(account: Option<&[u8]>) -> Option<Balance> {
    let Some(mut bytes) = account else { return Some(0) };
    let info = pallet_system::AccountInfo::decode(&mut bytes).ok().filter(|_| bytes.is_empty())?;
    Some(info.data.total())
}

#[cfg(test)]
mod tests;
