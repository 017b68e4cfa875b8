//! The road of messages: lines → events → batches → logged, signed, exchanged, logged by the receivers.
//!
//! ```text
//!  reader ──▶ cutter ──▶ sender DSP ──────┬──▶ receiver SSP
//!                   ├──▶ sender SSP ───┬──┼──▶ receiver auditor
//!                   └──▶ sender auditor ──┘
//! ```
//! One thread each; the queues between them are short, so memory is bounded and the slowest step sets the pace.
//!
//! Rules
//! * R1: a message that is in its sender's log is not made again: a resumed run makes the same events and skips as many
//!   as each sender has logged.
//! * R2: batches that a receiver missed because of a crash are handed over again before anything new.
//! * R3: the valid lines are split in file order into the blocks; the first ones take the remainder.
//! * R4: a block is complete for a participant when it has logged its own messages and those of everybody who sends to it;
//!   the end of a block travels through the same queues as the messages before it.
//! * R5: a group of batches is at most what the guard lets a sender sign again after a crash.

use super::DemoError;
use super::events::Event;
use super::input::{Census, Source};
use super::progress::Board;
use super::roles::{AUDITOR, CHECK, DSP, SSP, WIN};
use crate::offchain::worker::{Told, lower_priority};
use quire_consensus::vote_guard::BATCHES_KEPT;
use quire_offchain::batcher::{self, BatchLimits, Batcher, Cut, Draft, Sender as From};
use quire_offchain::mailbox::Mailbox;
use quire_offchain::signing::{BatchSigner, ChannelKeys};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::thread;

/// Groups that wait between two threads.
const QUEUE_GROUPS: usize = 2;
/// Who sends to whom.
const ROUTES: [(u8, &[u8]); 3] = [(DSP, &[SSP, AUDITOR]), (SSP, &[AUDITOR]), (AUDITOR, &[SSP])];

/// What the participants of this process share.
pub(super) struct Road {
    pub(super) mailboxes: Vec<Arc<Mailbox>>,
    pub(super) signers: Vec<Box<dyn BatchSigner + Send + Sync>>,
    pub(super) keys: ChannelKeys,
    pub(super) blocks: u32,
    pub(super) census: Census,
    pub(super) source: Source,
    pub(super) board: Arc<Board>,
}

/// From the cutter to a sender.
enum ToSender {
    Batches(Vec<Cut>),
    End(u32),
}

/// From a sender to a receiver.
#[derive(Clone)]
enum ToReceiver {
    Batches(Arc<Vec<Vec<u8>>>),
    End(u32),
}

impl Road {
    /// Sends everything; tells the worker which blocks are complete.
    pub(super) fn run(&self, tell: &Sender<Told>) -> Result<(), DemoError> {
        self.catch_up()?;
        thread::scope(|scope| {
            let (mut to_senders, mut to_receivers) = (Vec::new(), BTreeMap::new());
            let mut running = Vec::new();
            for receiver in [SSP, AUDITOR] {
                let (send, queue) = sync_channel(QUEUE_GROUPS);
                to_receivers.insert(receiver, send);
                running.push(scope.spawn(move || self.receive(receiver, &queue, tell)));
            }
            for (sender, receivers) in ROUTES {
                let (send, queue) = sync_channel(QUEUE_GROUPS);
                to_senders.push(send);
                let out: Vec<SyncSender<ToReceiver>> =
                    receivers.iter().filter_map(|receiver| to_receivers.get(receiver)).cloned().collect();
                let home = to_receivers.get(&sender).cloned();
                running.push(scope.spawn(move || self.send(sender, &queue, &out, home.as_ref(), tell)));
            }
            drop(to_receivers);
            let cut = self.cut(to_senders);
            let mut outcome = Ok(());
            for thread in running {
                let ended = thread.join().unwrap_or(Err(DemoError::Thread));
                outcome = outcome.and(ended);
            }
            // A sender's failure closes its queue; its own reason says more than the cutter's.
            outcome.and(cut)
        })
    }

    /// R2, and drafts that a crash left unsigned.
    fn catch_up(&self) -> Result<(), DemoError> {
        for (sender, receivers) in ROUTES {
            let own = self.mailbox(sender)?;
            own.sign_pending(self.signer(sender)?).map_err(|error| DemoError::Disk(error.to_string()))?;
            for receiver in receivers {
                let other = self.mailbox(*receiver)?;
                for block in 0..self.blocks {
                    self.hand_over(sender, block, own, other)?;
                }
                other.sync().map_err(|error| DemoError::Disk(error.to_string()))?;
            }
        }
        Ok(())
    }

    fn hand_over(&self, sender: u8, block: u32, own: &Mailbox, other: &Mailbox) -> Result<(), DemoError> {
        let disk = |error: quire_offchain::log::LogError| DemoError::Disk(error.to_string());
        let mut bytes = Vec::new();
        let sent = own.batches(block).into_iter().filter(|batch| batch.header.sender == sender);
        for batch in sent.filter(|batch| !other.knows(&batch.header)) {
            own.read(&batch, &mut bytes).map_err(disk)?;
            for answer in other.receive(&[&bytes], &self.keys).map_err(disk)? {
                answer.map_err(|refusal| DemoError::Refused(refusal.to_string()))?;
            }
        }
        Ok(())
    }

    fn mailbox(&self, index: u8) -> Result<&Mailbox, DemoError> {
        self.mailboxes.get(usize::from(index)).map(Arc::as_ref).ok_or(DemoError::Thread)
    }

    fn signer(&self, index: u8) -> Result<&dyn BatchSigner, DemoError> {
        match self.signers.get(usize::from(index)) {
            Some(signer) => Ok(signer.as_ref()),
            None => Err(DemoError::Thread),
        }
    }

    /// Reads the lines and cuts each sender's messages.
    fn cut(&self, queues: Vec<SyncSender<ToSender>>) -> Result<(), DemoError> {
        let mut lanes = Vec::new();
        for (index, queue) in (0u8..).zip(queues) {
            let owner = self.mailbox(index)?.owner();
            let from = From { genesis: owner.genesis, channel: owner.channel, index };
            let logged = self.mailbox(index)?.next_seq();
            let batcher = Batcher::new(from, BatchLimits::default(), logged);
            self.board.logged.fetch_add(logged, Ordering::Relaxed);
            lanes.push(Lane { batcher, logged, made: 0, group: Vec::new(), queue });
        }
        let mut events = self.source.events()?;
        for block in 0..self.blocks {
            for _ in 0..share(self.census.valid, self.blocks, block) {
                let Some(event) = events.next_event()? else { return Err(DemoError::Changed) };
                write_messages(&mut lanes, block, &event)?;
            }
            for lane in &mut lanes {
                lane.end(block)?;
            }
        }
        match events.next_event()? {
            Some(_) => Err(DemoError::Changed),
            None => Ok(()),
        }
    }

    /// One sender: hashes, logs, signs, sends.
    fn send(
        &self,
        sender: u8,
        queue: &Receiver<ToSender>,
        out: &[SyncSender<ToReceiver>],
        home: Option<&SyncSender<ToReceiver>>,
        tell: &Sender<Told>,
    ) -> Result<(), DemoError> {
        lower_priority();
        let (mailbox, signer) = (self.mailbox(sender)?, self.signer(sender)?);
        for message in queue {
            let message = match message {
                ToSender::Batches(cuts) => {
                    let drafts: Vec<Draft> = cuts.into_par_iter().map(Cut::into_draft).collect();
                    let sent = mailbox
                        .publish(&drafts, signer)
                        .map_err(|error| DemoError::Disk(error.to_string()))?;
                    let messages: u64 = drafts.iter().map(|draft| u64::from(draft.header.count)).sum();
                    self.board.logged.fetch_add(messages, Ordering::Relaxed);
                    ToReceiver::Batches(Arc::new(sent))
                }
                ToSender::End(block) => {
                    // Whoever receives nothing is complete with its own messages.
                    let _ = match home {
                        Some(home) => home.send(ToReceiver::End(block)).is_ok(),
                        None => tell.send(Told::Complete { seat: usize::from(sender), block }).is_ok(),
                    };
                    ToReceiver::End(block)
                }
            };
            for receiver in out {
                // A receiver that is gone reports its own reason.
                let _ = receiver.send(message.clone());
            }
        }
        Ok(())
    }

    /// One receiver: checks and logs what comes; when everybody has ended a block it is complete (R4).
    fn receive(
        &self,
        receiver: u8,
        queue: &Receiver<ToReceiver>,
        tell: &Sender<Told>,
    ) -> Result<(), DemoError> {
        lower_priority();
        let disk = |error: quire_offchain::log::LogError| DemoError::Disk(error.to_string());
        let mailbox = self.mailbox(receiver)?;
        // The participant's own end counts too.
        let senders = 1 + ROUTES.iter().filter(|(_, receivers)| receivers.contains(&receiver)).count();
        let mut ended: BTreeMap<u32, usize> = BTreeMap::new();
        for message in queue {
            match message {
                ToReceiver::Batches(batches) => {
                    let views: Vec<&[u8]> = batches.iter().map(Vec::as_slice).collect();
                    for answer in mailbox.receive(&views, &self.keys).map_err(disk)? {
                        answer.map_err(|refusal| DemoError::Refused(refusal.to_string()))?;
                    }
                }
                ToReceiver::End(block) => {
                    let count = ended.entry(block).or_default();
                    *count += 1;
                    if *count == senders {
                        mailbox.sync().map_err(disk)?;
                        let _ = tell.send(Told::Complete { seat: usize::from(receiver), block });
                    }
                }
            }
        }
        Ok(())
    }
}

/// One sender's messages on their way to its thread.
struct Lane {
    batcher: Batcher,
    /// Messages that were in the log when this run began.
    logged: u64,
    /// Messages made so far, logged ones included.
    made: u64,
    group: Vec<Cut>,
    queue: SyncSender<ToSender>,
}

impl Lane {
    fn push(&mut self, event: &batcher::Event<'_>) -> Result<(), DemoError> {
        self.made += 1;
        if self.made <= self.logged {
            return Ok(());
        }
        let cut = self.batcher.push(event).map_err(|error| DemoError::Refused(error.to_string()))?;
        self.group.extend(cut);
        if self.group.len() >= BATCHES_KEPT { self.flush() } else { Ok(()) }
    }

    fn end(&mut self, block: u32) -> Result<(), DemoError> {
        let rest = self.batcher.cut();
        self.group.extend(rest);
        self.flush()?;
        self.queue.send(ToSender::End(block)).map_err(|_| DemoError::Thread)
    }

    fn flush(&mut self) -> Result<(), DemoError> {
        if self.group.is_empty() {
            return Ok(());
        }
        let group = std::mem::take(&mut self.group);
        self.queue.send(ToSender::Batches(group)).map_err(|_| DemoError::Thread)
    }
}

/// The messages behind one event, to the lanes of DSP, SSP and auditor.
fn write_messages(lanes: &mut [Lane], block: u32, event: &Event) -> Result<(), DemoError> {
    let (price, flags) = (event.price.to_le_bytes(), [event.flags]);
    let win = batcher::Event { block, time_ms: event.time_ms, kind: WIN, key: &event.imp, body: &price };
    let check = batcher::Event { kind: CHECK, body: &flags, ..win };
    for (index, lane) in (0u8..).zip(lanes) {
        match index {
            DSP if event.is_lost => {}
            DSP | SSP => lane.push(&win)?,
            AUDITOR => lane.push(&check)?,
            _ => {}
        }
    }
    Ok(())
}

/// Valid lines of a block (R3).
pub(super) fn share(valid: u64, blocks: u32, block: u32) -> u64 {
    let blocks = u64::from(blocks.max(1));
    valid / blocks + u64::from(u64::from(block) < valid % blocks)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn r3_the_first_blocks_take_the_remainder() {
        let shares = |valid, blocks| (0..blocks).map(|block| share(valid, blocks, block)).collect::<Vec<_>>();
        assert_eq!(shares(10, 3), [4, 3, 3]);
        assert_eq!(shares(11, 3), [4, 4, 3]);
        assert_eq!(shares(9_999, 2), [5_000, 4_999]);
        assert_eq!(shares(2, 2), [1, 1]);
    }
}
