//! The loop that drives the machines of one channel: waits for heads and answers, steps, carries effects out.

use super::OffchainError;
use super::job::{Office, Work};
use super::submit::runtime_call;
use crate::service::NodeHandle;
use crate::stop::StopReason;
use futures::executor::block_on;
use quire_channel::{BlockState, PartAnchor};
use quire_core::AccountId;
use quire_offchain::duty::{self, Duty};
use quire_offchain::participant::{self, Participant};
use quire_offchain::validator::Computed;
use quire_offchain::view::{Call, ChannelView};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

/// What the worker is told.
#[derive(Debug)]
pub(crate) enum Told {
    /// A block was finalised.
    Head,
    /// No more messages come for this block to this seat.
    Complete { seat: usize, block: u32 },
    /// A part is stored.
    Stored { seat: usize, block: u32, anchor: PartAnchor },
    /// A validator holds a part.
    Receipt { seat: usize, block: u32, validator: AccountId, signature: [u8; 64] },
    /// A result is known.
    Computed { stand: usize, block: u32, computed: Box<Computed>, salt: [u8; 32] },
    /// A result is not known yet.
    Failed { stand: usize, block: u32 },
    /// Going on makes no sense.
    Fatal(OffchainError),
    /// The node stopped.
    Stopped(StopReason),
    /// Nothing to do.
    Nothing,
}

/// Whoever wants to see how the work goes.
pub(crate) trait Watch: Send + Sync {
    /// A block is in this state now.
    fn state(&self, block: u32, state: BlockState);
    /// Some work for a block took so long.
    fn worked(&self, block: u32, what: &'static str, ms: u64);
    /// Something worth a line.
    fn note(&self, text: String);
}

/// The machines of one channel in this process.
pub(crate) struct Worker {
    office: Arc<Office>,
    participants: Vec<Participant>,
    duties: Vec<Duty>,
    states: BTreeMap<u32, BlockState>,
    over: BTreeSet<u32>,
    retired_below: u32,
    told: Receiver<Told>,
    jobs: Sender<Work>,
    threads: Vec<JoinHandle<()>>,
    /// Its end ends the thread that forwards heads.
    heads: oneshot::Sender<()>,
}

impl Worker {
    /// Machines for all seats and stands, and so many job threads. Whatever is sent to the returned sender reaches the
    /// machines.
    pub(crate) fn new(
        office: Arc<Office>,
        job_threads: usize,
    ) -> Result<(Worker, Sender<Told>), OffchainError> {
        let (tell, told) = channel();
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let mut threads = Vec::new();
        for number in 0..job_threads.max(1) {
            let (office, queue, tell) = (Arc::clone(&office), Arc::clone(&queue), tell.clone());
            let work = move || run_jobs(&office, &queue, &tell);
            threads.push(spawn(&format!("offchain-{number}"), work)?);
        }
        let (node, to_worker) = (office.node.clone(), tell.clone());
        let (heads, ended) = oneshot::channel();
        threads.push(spawn("offchain-heads", move || forward_heads(&node, &to_worker, ended))?);
        let participant = |seat: &super::job::Seat| {
            let config =
                participant::Config { me: seat.index, validator: seat.validator, blocks: office.blocks };
            Participant::new(config)
        };
        let participants = office.seats.iter().map(participant).collect();
        let duty = |stand: &super::job::Stand| Duty::new(stand.account, office.genesis, office.channel);
        let duties = office.stands.iter().map(duty).collect();
        let (states, over) = (BTreeMap::new(), BTreeSet::new());
        let retired_below = 0;
        Ok((
            Worker { office, participants, duties, states, over, retired_below, told, jobs, threads, heads },
            tell,
        ))
    }

    /// Runs until every block is over.
    pub(crate) fn run(mut self) -> Result<(), OffchainError> {
        let outcome = self.work();
        drop((self.jobs, self.heads));
        for thread in self.threads {
            // A job thread that panicked has aborted the process.
            let _ = thread.join();
        }
        outcome
    }

    fn work(&mut self) -> Result<(), OffchainError> {
        self.remember_parts()?;
        self.look()?;
        while !self.participants.iter().all(Participant::is_done) {
            let Ok(told) = self.told.recv() else { break };
            self.take(told)?;
        }
        Ok(())
    }

    /// Parts that were stored before a restart are not built again.
    fn remember_parts(&mut self) -> Result<(), OffchainError> {
        let office = Arc::clone(&self.office);
        for (seat, owner) in office.seats.iter().enumerate() {
            for block in 0..office.blocks {
                if let Some(anchor) = owner.mailbox.part(block) {
                    self.tell_participant(seat, participant::Input::Stored { block, anchor })?;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, told: Told) -> Result<(), OffchainError> {
        match told {
            Told::Head => self.look(),
            Told::Complete { seat, block } => {
                self.tell_participant(seat, participant::Input::Complete { block })?;
                self.look()
            }
            Told::Stored { seat, block, anchor } => {
                self.tell_participant(seat, participant::Input::Stored { block, anchor })?;
                self.look()
            }
            Told::Receipt { seat, block, validator, signature } => {
                self.tell_participant(seat, participant::Input::Receipt { block, validator, signature })?;
                self.look()
            }
            Told::Computed { stand, block, computed, salt } => {
                let Computed { header, outputs, .. } = *computed;
                self.tell_duty(
                    stand,
                    duty::Input::Computed { block, header: Box::new(header), outputs, salt },
                )?;
                self.look()
            }
            Told::Failed { stand, block } => self.tell_duty(stand, duty::Input::Failed { block }),
            Told::Fatal(error) => Err(error),
            Told::Stopped(reason) => Err(reason.into()),
            Told::Nothing => Ok(()),
        }
    }

    /// Shows the finalised chain to every machine.
    fn look(&mut self) -> Result<(), OffchainError> {
        let office = Arc::clone(&self.office);
        let open = (0..office.blocks).filter(|block| !self.over.contains(block));
        let Some(view) = office.snapshot()?.view(office.genesis, office.channel, open)? else {
            return Ok(());
        };
        for seat in 0..self.participants.len() {
            self.tell_participant(seat, participant::Input::Chain(&view))?;
        }
        for stand in 0..self.duties.len() {
            self.tell_duty(stand, duty::Input::Chain(&view))?;
        }
        self.note_states(&view)
    }

    fn note_states(&mut self, view: &ChannelView) -> Result<(), OffchainError> {
        for (block, seen) in &view.blocks {
            if self.states.insert(*block, seen.state) != Some(seen.state) {
                self.office.watch.state(*block, seen.state);
            }
            if seen.state.is_terminal() {
                self.over.insert(*block);
            }
            if seen.state == BlockState::Disputed {
                let channel = self.office.channel;
                return Err(OffchainError::Fault(format!(
                    "block {block} of channel {channel} is disputed: validators revealed different results, and the money \
                     stands still until litigation decides"
                )));
            }
        }
        self.retire();
        Ok(())
    }

    /// The guard may forget commitments of blocks that are over, as long as no earlier one is open.
    fn retire(&mut self) {
        let open =
            (0..self.office.blocks).find(|block| !self.over.contains(block)).unwrap_or(self.office.blocks);
        if open > self.retired_below {
            self.retired_below = open;
            for validator in &self.office.stands {
                self.office.node.keystore().guard().retire(validator.signing, self.office.channel, open);
            }
        }
    }

    fn tell_participant(&mut self, seat: usize, input: participant::Input<'_>) -> Result<(), OffchainError> {
        let mut effects = Vec::new();
        if let Some(machine) = self.participants.get_mut(seat) {
            machine.step(input, &mut effects);
        }
        for effect in effects {
            match effect {
                participant::Effect::Submit(call) => self.submit_for_seat(seat, call),
                participant::Effect::Collate { block } => self.queue(Work::Collate { seat, block }),
                participant::Effect::Offer { block, validator, sealing, anchor } => {
                    self.queue(Work::Offer { seat, block, validator, sealing, anchor });
                }
            }
        }
        Ok(())
    }

    fn tell_duty(&mut self, stand: usize, input: duty::Input<'_>) -> Result<(), OffchainError> {
        let mut effects = Vec::new();
        if let Some(machine) = self.duties.get_mut(stand) {
            machine.step(input, &mut effects);
        }
        for effect in effects {
            match effect {
                duty::Effect::Submit(call) => self.submit_for_stand(stand, call)?,
                duty::Effect::Process { block, parts } => self.queue(Work::Process { stand, block, parts }),
                duty::Effect::Fault { what, .. } => return Err(OffchainError::Fault(what)),
            }
        }
        Ok(())
    }

    fn submit_for_seat(&self, seat: usize, call: Call) {
        let Some(owner) = self.office.seats.get(seat) else { return };
        if let Call::Seal { block } = call {
            owner.mailbox.seal(block);
        }
        self.submit(&owner.account, call);
    }

    /// A commitment is permitted durably before anybody sees it.
    fn submit_for_stand(&self, stand: usize, call: Call) -> Result<(), OffchainError> {
        let Some(validator) = self.office.stands.get(stand) else { return Ok(()) };
        if let Call::Commit { block, commitment } = call {
            let keystore = self.office.node.keystore();
            keystore
                .permit_commit(&validator.signing, self.office.channel, block, commitment)
                .map_err(|error| OffchainError::Fault(error.to_string()))?;
        }
        self.submit(&validator.account, call);
        Ok(())
    }

    /// What the pool refuses is asked for again by the machine when the chain does not show it.
    fn submit(&self, account: &AccountId, call: Call) {
        let call = runtime_call(self.office.channel, call);
        if let Err(error) = self.office.submitter.submit(account, &call) {
            self.office.watch.note(error.to_string());
        }
    }

    fn queue(&self, work: Work) {
        // The queue ends with the worker, not before.
        let _ = self.jobs.send(work);
    }
}

fn run_jobs(office: &Office, queue: &Mutex<Receiver<Work>>, tell: &Sender<Told>) {
    lower_priority();
    loop {
        let work = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = work else { return };
        if let Some(told) = office.carry_out(work)
            && tell.send(told).is_err()
        {
            return;
        }
    }
}

fn forward_heads(node: &NodeHandle, tell: &Sender<Told>, mut ended: oneshot::Receiver<()>) {
    let mut heads = node.finalised();
    loop {
        let told = block_on(async {
            tokio::select! {
                changed = heads.changed() => changed.is_ok().then_some(Told::Head),
                reason = node.stopped() => Some(Told::Stopped(reason)),
                _ = &mut ended => None,
            }
        });
        let Some(told) = told else { return };
        let is_last = matches!(told, Told::Stopped(_));
        if tell.send(told).is_err() || is_last {
            return;
        }
    }
}

pub(crate) fn spawn(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, OffchainError> {
    let thread = thread::Builder::new().name(name.into()).spawn(work);
    thread.map_err(|error| {
        OffchainError::Fault(format!("cannot start a thread: {error}; raise the limit (ulimit -u)"))
    })
}

/// Bulk work gives way to the author of blocks.
pub(crate) fn lower_priority() {
    // Without it the work is done as well, only less evenly.
    let _ = rustix::process::nice(10);
}
