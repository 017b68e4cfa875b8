//! What stands before the first message is sent: chain, keys, bonds, program, channel, deposit, folders.
//!
//! Every step looks at the chain first, so a resumed run does only what is missing.

use super::DemoError;
use super::ingest::{Road, share};
use super::input::{Census, Source};
use super::progress::Board;
use super::record::Record;
use super::roles::{AUDITOR, AUDITOR_RATE, DSP, PARTICIPANT_SURIS, SSP, VALIDATOR_SURIS, parameters};
use super::selection::{AuditorSelection, DspSelection, SspSelection};
use crate::chain_spec::{ChainSpec, GenesisJson, PlainGenesis, SpecError};
use crate::config::ConfigError;
use crate::keystore::Keystore;
use crate::offchain::job::{Office, Seat, Stand};
use crate::offchain::key_ring::KeyRing;
use crate::offchain::program::ChainPrograms;
use crate::offchain::submit::Submitter;
use crate::offchain::view::Snapshot;
use crate::offchain::{MessageSigner, OffchainError};
use crate::service::{Node, NodeHandle};
use crate::stop::StopReason;
use futures::executor::block_on;
use pallet_bonds::storage::{LEDGERS, VALIDATORS};
use pallet_bonds::{Call as StakingCall, Ledger, ValidatorKeys};
use pallet_channels::storage::{CHANNELS, MAX_BLOCKS_AHEAD, MONEY, NEXT_CHANNEL, PROGRAMS};
use pallet_channels::{Call as ChannelsCall, ChannelStatus, Money};
use quire_channel::{EraTerms, Participant, Windows};
use quire_core::hash::blake2_256;
use quire_core::{AccountId, Balance, H256, KeyTypeId, UNITS, keys};
use quire_executor::program::{HostConfig, ProgramHost};
use quire_offchain::chunk_store::ChunkStore;
use quire_offchain::collator::Selection;
use quire_offchain::log::LogOptions;
use quire_offchain::mailbox::{Mailbox, Owner};
use quire_offchain::ratchet::Ratchet;
use quire_offchain::signing::{BatchSigner, ChannelKeys};
use quire_runtime::RuntimeCall;
use std::path::Path;
use std::sync::Arc;

/// The checked-in program.
const PROGRAM: &[u8] = include_bytes!("../../../runtime/programs/rtb/rtb.wasm");
/// What each validator bonds: the minimum and the duties of all blocks that may be open.
const BOND: Balance = 2_000 * UNITS;
/// Challenge window: a few base blocks.
const CHALLENGE_TICKS: u32 = 2;
/// Shortest of the other windows. They end as soon as everything has come.
const WINDOW_TICKS: u32 = 60;
/// Messages per tick that the windows allow for; the real pace is several times higher.
const MESSAGES_PER_TICK: u64 = 1_000;
/// A period that the clock never ends: all blocks are open at once and end by seals.
const LONG_PERIOD_TICKS: u32 = 1_000_000;
/// Shortest period when there are more blocks than may be open ahead of the clock.
const SHORT_PERIOD_TICKS: u32 = 10;
/// Finalised blocks after which a transaction is offered again, and after which the demo gives up.
const RETRY_HEADS: u32 = 20;
const PATIENCE_HEADS: u32 = 200;

/// Everything that is ready when the first message is sent.
pub(super) struct Stage {
    pub(super) office: Arc<Office>,
    pub(super) road: Arc<Road>,
}

/// The development chain with short slots.
pub(super) fn chain_spec(slot_ms: u64) -> Result<ChainSpec, DemoError> {
    let mut spec = ChainSpec::dev();
    let wrong =
        |reason: String| ConfigError::Spec(SpecError::Genesis { origin: "the demo's chain".into(), reason });
    if let GenesisJson::RuntimeGenesis(plain) = &spec.genesis {
        let (code, mut config) = plain.read(quire_core::ss58::DEVELOPMENT_PREFIX).map_err(wrong)?;
        config.timestamp.slot_duration_ms = slot_ms;
        spec.genesis = GenesisJson::RuntimeGenesis(PlainGenesis::new(&code, &config));
    }
    spec.name = "Quire Demo".into();
    spec.id = "quire_demo".into();
    Ok(spec)
}

/// Public keys of somebody in the demo.
struct Party {
    account: AccountId,
    /// Signs batches or receipts.
    signing: [u8; 32],
    sealing: [u8; 32],
}

fn party(keystore: &Keystore, suri: &str, signing: KeyTypeId) -> Result<Party, DemoError> {
    let add = |key_type, path: String| {
        keystore.add(key_type, &path).map_err(|error| DemoError::Offchain(error.to_string()))
    };
    Ok(Party {
        account: AccountId(add(keys::ACCOUNT, suri.to_owned())?),
        signing: add(signing, format!("{suri}//message"))?,
        sealing: add(keys::SEALING, format!("{suri}//sealing"))?,
    })
}

/// One thing that must be so before the work can begin.
struct Step<'a> {
    what: &'a str,
    account: AccountId,
    call: RuntimeCall,
    is_done: Box<Check<'a>>,
}

/// Whether something is so in a state.
type Check<'a> = dyn Fn(&Snapshot) -> Result<bool, DemoError> + 'a;

impl Stage {
    /// Prepares everything.
    pub(super) fn prepare(
        node: &Node,
        record: &Record,
        source: &Source,
        census: &Census,
        threads: usize,
        board: &Arc<Board>,
    ) -> Result<Stage, DemoError> {
        let keystore = node.keystore();
        let parties = |suris: [&str; 3], signing| {
            suris
                .into_iter()
                .map(|suri| party(keystore, suri, signing))
                .collect::<Result<Vec<Party>, DemoError>>()
        };
        let participants = parties(PARTICIPANT_SURIS, keys::MESSAGE)?;
        let validators = parties(VALIDATOR_SURIS, keys::SIGNING)?;
        let chain = Chain { node: node.handle(), submitter: Submitter::new(node.handle()) };
        chain.register(&validators, &participants)?;
        let secret = channel_secret(keystore, &participants)?;
        let channel = chain.open_channel(&participants, &secret, record.blocks(), census)?;
        build(node, channel, &secret, &participants, &validators, threads, (source, census, record, board))
    }
}

/// The secret that the participants share: any of them could choose it, here the DSP does.
fn channel_secret(keystore: &Keystore, participants: &[Party]) -> Result<[u8; 32], DemoError> {
    let dsp = participants.first().ok_or(DemoError::Thread)?;
    let secret = keystore.derive_secret(&dsp.sealing, b"quire/demo/channel");
    secret.map(|secret| *secret).map_err(|error| DemoError::Offchain(error.to_string()))
}

/// The chain as the setup uses it.
struct Chain {
    node: NodeHandle,
    submitter: Submitter,
}

impl Chain {
    fn snapshot(&self) -> Result<Snapshot, DemoError> {
        let chain = self.node.chain();
        let state = chain.state_at(chain.finalised().hash);
        state.map(Snapshot).map_err(|error| DemoError::Offchain(error.to_string()))
    }

    /// Submits what is missing and waits until finalised state shows all of it.
    fn ensure(&self, steps: &[Step<'_>]) -> Result<(), DemoError> {
        let mut heads = self.node.finalised();
        let mut refusal = String::from("it was accepted by the pool");
        for waited in 0..PATIENCE_HEADS {
            let state = self.snapshot()?;
            let mut missing = None;
            for step in steps {
                if (step.is_done)(&state)? {
                    continue;
                }
                missing = Some(step.what);
                if waited % RETRY_HEADS == 0
                    && let Err(error) = self.submitter.submit(&step.account, &step.call)
                {
                    refusal = error.to_string();
                }
            }
            let Some(what) = missing else { return Ok(()) };
            if waited + 1 == PATIENCE_HEADS {
                return Err(DemoError::NotShown {
                    what: what.to_owned(),
                    heads: PATIENCE_HEADS,
                    why: refusal,
                });
            }
            let stopped = block_on(async {
                tokio::select! {
                    changed = heads.changed() => changed.is_err().then_some(StopReason::Requested),
                    reason = self.node.stopped() => Some(reason),
                }
            });
            if let Some(reason) = stopped {
                return Err(OffchainError::from(reason).into());
            }
        }
        Ok(())
    }

    /// Bonds, keys of the validators, and the program.
    fn register(&self, validators: &[Party], participants: &[Party]) -> Result<(), DemoError> {
        let mut steps = Vec::new();
        for validator in validators {
            let account = validator.account;
            steps.push(Step {
                what: "the validators have bonded",
                account,
                call: RuntimeCall::Bonds(StakingCall::bond { amount: BOND }),
                is_done: Box::new(move |state| {
                    let ledger: Option<Ledger> = state.get(&LEDGERS.key_for(&account))?;
                    Ok(ledger.is_some_and(|ledger| ledger.active > 0))
                }),
            });
            let registered = ValidatorKeys { signing: validator.signing, sealing: validator.sealing };
            steps.push(Step {
                what: "the validators are registered",
                account,
                call: RuntimeCall::Bonds(StakingCall::validate { keys: registered }),
                is_done: Box::new(move |state| {
                    Ok(state.get(&VALIDATORS.key_for(&account))? == Some(registered))
                }),
            });
        }
        let program = H256(blake2_256(PROGRAM));
        let dsp = participants.first().ok_or(DemoError::Thread)?.account;
        steps.push(Step {
            what: "the program is registered",
            account: dsp,
            call: RuntimeCall::Channels(ChannelsCall::register_program { code: PROGRAM.to_vec() }),
            is_done: Box::new(move |state| {
                Ok(state
                    .get::<pallet_channels::storage::ProgramRecord>(&PROGRAMS.key_for(&program))?
                    .is_some())
            }),
        });
        self.ensure(&steps)
    }

    /// Opens the channel, lets everybody approve it, and deposits what it may cost. Gives its id.
    fn open_channel(
        &self,
        participants: &[Party],
        secret: &[u8; 32],
        blocks: u32,
        census: &Census,
    ) -> Result<u64, DemoError> {
        let commitment = Ratchet::secret_commitment(secret);
        let account = |index: u8| {
            participants.get(usize::from(index)).map(|party| party.account).ok_or(DemoError::Thread)
        };
        let list = (0u8..).zip(participants).map(|(role, party)| Participant {
            account: party.account,
            role,
            message_key: party.signing,
            sealing_key: party.sealing,
        });
        let open = ChannelsCall::open {
            participants: list.collect(),
            era: terms(blocks, census.valid),
            secret: commitment,
        };
        self.ensure(&[Step {
            what: "the channel was proposed",
            account: account(DSP)?,
            call: RuntimeCall::Channels(open),
            is_done: Box::new(move |state| Ok(find_channel(state, commitment)?.is_some())),
        }])?;
        let channel = find_channel(&self.snapshot()?, commitment)?.ok_or(DemoError::Thread)?;
        let need = deposit(census.valid);
        self.check_funds(&account(DSP)?, channel, need, census.valid)?;
        let approve = |index| -> Result<Step<'_>, DemoError> {
            Ok(Step {
                what: "the channel is open",
                account: account(index)?,
                call: RuntimeCall::Channels(ChannelsCall::approve { channel, secret: commitment }),
                is_done: Box::new(move |state| {
                    let record = state.channel(channel)?;
                    let participant =
                        record.as_ref().and_then(|record| record.participants.get(usize::from(index)));
                    Ok(participant.is_some_and(|participant| participant.approved))
                }),
            })
        };
        let deposit = Step {
            what: "the DSP's deposit is in the channel",
            account: account(DSP)?,
            call: RuntimeCall::Channels(ChannelsCall::deposit { channel, amount: need }),
            is_done: Box::new(move |state| is_funded(state, channel)),
        };
        self.ensure(&[approve(SSP)?, approve(AUDITOR)?, deposit])?;
        match self.snapshot()?.channel(channel)?.map(|record| record.status) {
            Some(ChannelStatus::Open) => Ok(channel),
            status => Err(DemoError::Offchain(format!(
                "channel {channel} is {status:?}, not open; use another --base-path"
            ))),
        }
    }

    fn check_funds(&self, dsp: &AccountId, channel: u64, need: Balance, lines: u64) -> Result<(), DemoError> {
        let state = self.snapshot()?;
        if is_funded(&state, channel)? {
            return Ok(());
        }
        let account: Option<pallet_system::AccountInfo> =
            state.get(&pallet_system::storage::ACCOUNT.key_for(dsp))?;
        let have = account.map_or(0, |account| account.data.free);
        if have > need { Ok(()) } else { Err(DemoError::Deposit { need, have, lines }) }
    }
}

/// Money was put in; it may be spent by now.
fn is_funded(state: &Snapshot, channel: u64) -> Result<bool, DemoError> {
    let money: Vec<Money> = state.get(&MONEY.key_for(&channel))?.unwrap_or_default();
    Ok(money.iter().any(|money| money.total() > 0))
}

/// The channel of this run: the one with our secret.
fn find_channel(state: &Snapshot, commitment: H256) -> Result<Option<u64>, DemoError> {
    let next: u64 = state.get(&NEXT_CHANNEL.key())?.unwrap_or(1);
    for channel in 1..next {
        let record: Option<pallet_channels::ChannelRecord> = state.get(&CHANNELS.key_for(&channel))?;
        if record.is_some_and(|record| record.secret == commitment) {
            return Ok(Some(channel));
        }
    }
    Ok(None)
}

/// What so many impressions cost at most: each at the highest price, each checked.
fn deposit(lines: u64) -> Balance {
    const HIGHEST_PRICE: Balance = 1_000 * 1_000_000;
    Balance::from(lines).saturating_mul(HIGHEST_PRICE.saturating_add(AUDITOR_RATE))
}

/// Terms of the channel: windows of a few base blocks, and more where bulk work needs it.
fn terms(blocks: u32, valid: u64) -> EraTerms {
    let per_block = share(valid, blocks, 0).saturating_mul(3);
    let work = u32::try_from(per_block / MESSAGES_PER_TICK).unwrap_or(u32::MAX / 4);
    let window = WINDOW_TICKS.saturating_add(work).min(pallet_channels::storage::MAX_WINDOW_TICKS);
    // Block 0 and as many ahead of it can be open at once.
    let period = match blocks <= MAX_BLOCKS_AHEAD.saturating_add(1) {
        true => LONG_PERIOD_TICKS,
        false => SHORT_PERIOD_TICKS.saturating_add(work),
    };
    EraTerms {
        period: period.min(pallet_channels::storage::MAX_PERIOD_TICKS),
        windows: Windows { parts: window, commit: window, reveal: window, challenge: CHALLENGE_TICKS },
        program: H256(blake2_256(PROGRAM)),
        parameters: parameters(),
        exclusions: Vec::new(),
    }
}

type Job<'a> = (&'a Source, &'a Census, &'a Record, &'a Arc<Board>);

/// Opens the folders and connects everything.
fn build(
    node: &Node,
    channel: u64,
    secret: &[u8; 32],
    participants: &[Party],
    validators: &[Party],
    threads: usize,
    (source, census, record, board): Job<'_>,
) -> Result<Stage, DemoError> {
    let folder = node.chain_dir().join("offchain");
    let genesis = node.genesis_hash();
    let keystore = node.keystore();
    let (mut seats, mut mailboxes) = (Vec::new(), Vec::new());
    let mut signers: Vec<Box<dyn BatchSigner + Send + Sync>> = Vec::new();
    for ((index, party), validator) in (0u8..).zip(participants).zip(validators) {
        let mailbox = Arc::new(open_mailbox(&folder, Owner { genesis, channel, index })?);
        signers.push(Box::new(MessageSigner::new(Arc::clone(keystore), party.signing)));
        mailboxes.push(Arc::clone(&mailbox));
        seats.push(Seat {
            index,
            account: party.account,
            validator: validator.account,
            mailbox,
            ratchet: Ratchet::new(*secret),
            selection: selection(index),
        });
    }
    let stand =
        |party: &Party| Stand { account: party.account, signing: party.signing, sealing: party.sealing };
    let (chunks, _) = ChunkStore::open(&folder.join("chunks"), LogOptions::default()).map_err(disk)?;
    let cache = Some(node.chain_dir().join("compiled-programs"));
    let host = ProgramHost::new(HostConfig { threads, cache })
        .map_err(|error| DemoError::Offchain(error.to_string()))?;
    let office = Office {
        node: node.handle(),
        genesis,
        channel,
        blocks: record.blocks(),
        seats,
        stands: validators.iter().map(stand).collect(),
        chunks,
        ring: KeyRing::open(&folder.join("keys"), Arc::clone(keystore), genesis)?,
        programs: ChainPrograms { node: node.handle(), host },
        submitter: Submitter::new(node.handle()),
        watch: board.clone(),
    };
    let message_keys: Vec<[u8; 32]> = participants.iter().map(|party| party.signing).collect();
    let road = Road {
        mailboxes,
        signers,
        keys: ChannelKeys::new(&message_keys),
        blocks: record.blocks(),
        census: census.clone(),
        source: source.clone(),
        board: Arc::clone(board),
    };
    Ok(Stage { office: Arc::new(office), road: Arc::new(road) })
}

fn open_mailbox(folder: &Path, owner: Owner) -> Result<Mailbox, DemoError> {
    let path = folder.join(format!("messages-{}", owner.index));
    Mailbox::open(&path, owner, LogOptions::default()).map(|(mailbox, _)| mailbox).map_err(disk)
}

fn disk(error: impl std::fmt::Display) -> DemoError {
    DemoError::Disk(error.to_string())
}

fn selection(index: u8) -> fn() -> Box<dyn Selection + Send> {
    match index {
        SSP => || Box::new(SspSelection),
        AUDITOR => || Box::new(AuditorSelection::default()),
        _ => || Box::new(DspSelection),
    }
}
