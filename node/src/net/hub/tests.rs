//! The hub over a network that only notes what it is told.
use super::*;
use crate::base_path::BasePath;
use crate::config::Config;
use crate::net::server::Waiting;
use crate::sealing::Sealing;
use crate::service::Node;
use quire_chain::sync::Outcome;
use quire_network::wire::announce::BlockAnnounce;
use quire_network::wire::block::{self as wire, BlockRequest};
use quire_rpc::ManualSealing;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use tempfile::TempDir;

const A: Link = Link(1);
const B: Link = Link(2);

#[derive(Default)]
struct Notes(Mutex<Vec<Note>>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Note {
    Head(u32),
    Told(Link, Channel, Arc<[u8]>),
    Asked(Link, Vec<u8>),
    Reported(Link, &'static str),
}

impl Notes {
    fn put(&self, note: Note) {
        self.0.lock().unwrap().push(note);
    }

    fn take(&self) -> Vec<Note> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// The announcements since the last look: to whom, of which height.
    fn announced(&self) -> Vec<(Link, u32)> {
        let read = |note: &Note| match note {
            Note::Told(link, Channel::BlockAnnounces, bytes) => {
                Some((*link, BlockAnnounce::from_bytes(bytes).unwrap().header.number))
            }
            _ => None,
        };
        self.take().iter().filter_map(read).collect()
    }
}

impl Wire for Notes {
    fn set_head(&self, handshake: Handshake) {
        self.put(Note::Head(handshake.best_number));
    }

    fn notify(&self, link: Link, channel: Channel, bytes: Arc<[u8]>) -> bool {
        self.put(Note::Told(link, channel, bytes));
        true
    }

    fn request(&self, link: Link, method: Method, bytes: Vec<u8>) -> u64 {
        if method == Method::Certificate {
            // Everybody is asked for it once; the machine of certificates has tests of its own.
            return 8;
        }
        self.put(Note::Asked(link, bytes));
        7
    }

    fn report(&self, link: Link, rule: &'static str, _: u32) {
        self.put(Note::Reported(link, rule));
    }
}

/// A node that does nothing by itself.
fn quiet_node() -> (Node, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::in_process(BasePath::at(folder.path()));
    let node = Node::start(Config { sealing: Sealing::Manual, no_grandpa: true, ..config }).unwrap();
    (node, folder)
}

fn make_block(node: &Node) -> Letter {
    let inner = node.inner();
    futures::executor::block_on(inner.orders.create_block(true, false, None)).unwrap();
    let header = inner.chain.best_header();
    Letter::Block { hash: header.hash(), header, is_best: true }
}

struct Rig<'n> {
    hub: Hub<'n>,
    notes: Arc<Notes>,
    jobs: Receiver<Job>,
    _requests: [Waiting; 2],
}

fn rig(node: &Node) -> Rig<'_> {
    let notes = Arc::<Notes>::default();
    let (imports, jobs) = sync_channel(64);
    let (requests, waiting) = server::queue();
    let hub = Hub::start(node.inner(), notes.clone(), Queues { imports, requests }).unwrap();
    Rig { hub, notes, jobs, _requests: waiting }
}

impl Rig<'_> {
    fn open(&mut self, link: Link, best_number: u32) {
        let genesis = self.hub.node.chain.genesis();
        let best_hash = if best_number == 0 { genesis } else { H256([9; 32]) };
        let handshake = Handshake { roles: FULL, best_number, best_hash, genesis };
        self.hub.event(Event::Opened { link, peer: format!("peer{}", link.0), handshake, inbound: true });
    }

    fn tell(&mut self, link: Link, channel: Channel, bytes: Vec<u8>) {
        self.hub.event(Event::Notification { link, channel, bytes });
    }
}

#[test]
fn r3_a_block_is_announced_to_who_does_not_know_it_once() {
    let (node, _folder) = quiet_node();
    let mut rig = rig(&node);
    assert_eq!(rig.notes.take(), [Note::Head(0)], "the handshake names the best block");
    rig.open(A, 0);
    rig.open(B, 0);
    assert!(rig.notes.announced().is_empty(), "everybody has block 0");
    let letter = make_block(&node);
    let Letter::Block { header, .. } = &letter else { panic!() };
    rig.tell(B, Channel::BlockAnnounces, blocks::encode_announce(header, true));
    rig.notes.take();
    rig.hub.letter(letter);
    assert_eq!(rig.notes.announced(), [(A, 1)], "B announced it itself");
    rig.hub.event(Event::Closed { link: A });
    rig.open(Link(3), 0);
    assert_eq!(rig.notes.announced(), [(Link(3), 1)], "who comes later is told the best block");
}

#[test]
fn r3_a_node_that_is_far_behind_announces_nothing() {
    let (node, _folder) = quiet_node();
    let mut rig = rig(&node);
    rig.open(A, 1_000);
    rig.notes.take();
    rig.hub.letter(make_block(&node));
    assert!(rig.notes.announced().is_empty());
    rig.hub.publish();
    assert!(node.inner().view.lock().is_syncing && node.inner().sync_target() == 1_000);
    rig.hub.event(Event::Closed { link: A });
    rig.open(B, 0);
    rig.notes.take();
    rig.hub.publish();
    assert!(!node.inner().view.lock().is_syncing);
    assert!(rig.notes.announced().is_empty(), "B was told when it came");
}

#[test]
fn junk_is_reported_by_name_and_costs_no_more() {
    let (node, _folder) = quiet_node();
    let mut rig = rig(&node);
    rig.tell(A, Channel::BlockAnnounces, vec![1]);
    rig.open(A, 0);
    rig.hub.event(Event::ChannelOpened { link: A, channel: Channel::Transactions, handshake: vec![FULL] });
    rig.hub.event(Event::ChannelOpened { link: A, channel: Channel::Grandpa, handshake: vec![AUTHORITY] });
    rig.notes.take();
    for (channel, rule) in [
        (Channel::BlockAnnounces, blocks::UNDECODABLE),
        (Channel::Transactions, "transactions-undecodable"),
        (Channel::Grandpa, "grandpa-undecodable"),
    ] {
        rig.tell(A, channel, vec![0xff; 9]);
        assert!(rig.notes.take().contains(&Note::Reported(A, rule)), "{channel:?}");
    }
}

#[test]
fn answers_become_imports_and_lost_ones_are_asked_for_again() {
    let (node, _folder) = quiet_node();
    let (other, _other_folder) = quiet_node();
    let Letter::Block { header, hash, .. } = make_block(&other) else { panic!() };
    let mut rig = rig(&node);
    rig.open(A, 0);
    rig.notes.take();
    rig.tell(A, Channel::BlockAnnounces, blocks::encode_announce(&header, true));
    let notes = rig.notes.take();
    let [Note::Asked(A, bytes)] = &notes[..] else { panic!("{notes:?}") };
    let asked = BlockRequest::decode(bytes).unwrap();
    assert!(asked.body && asked.from == wire::From::Hash(hash), "{asked:?}");
    let answer = blocks::answer(other.inner(), bytes).unwrap();
    rig.hub.event(Event::Response { link: A, request: 6, result: Ok(answer.clone()) });
    assert!(rig.jobs.try_recv().is_err(), "an answer to nothing");
    rig.hub.event(Event::Response { link: A, request: 7, result: Ok(answer) });
    let Ok(Job::Block(block)) = rig.jobs.try_recv() else { panic!("no block to import") };
    assert_eq!(block.hash, hash);
    rig.hub.letter(Letter::Imported { hash, outcome: Outcome::Imported });
    assert_eq!(rig.hub.sync.queued(), 0);
    assert!(blocks::answer(other.inner(), &[0xff]).is_none());
}
