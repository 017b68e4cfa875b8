//! Peers that mean harm. Whatever they do, two honest nodes keep talking, and what is kept for a peer is bounded.
use super::*;
use crate::behaviour::{self, BehaviourEvent};
use crate::frames;
use crate::streams::{OpenError, Protocol, StreamEvent, Substream};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::swarm::SwarmEvent;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::oneshot;

type Order = (Protocol, oneshot::Sender<Result<Substream, OpenError>>);
const ANNOUNCES: Protocol = Protocol::Channel(Channel::BlockAnnounces);

/// A node of this chain's protocols that does with its substreams what the test says.
struct Hostile {
    peer: String,
    orders: mpsc::UnboundedSender<Order>,
    offered: mpsc::UnboundedReceiver<(Protocol, Substream)>,
    connected: watch::Receiver<bool>,
}

impl Hostile {
    async fn start(secret: u8, victim: &Node) -> Self {
        let key = keypair([secret; 32]).unwrap();
        let victim_id: PeerId = victim.network.peer_id().parse().unwrap();
        let peer = PeerId::from(key.public()).to_base58();
        let mut swarm = behaviour::swarm(key, &config(secret, &[])).unwrap();
        swarm.dial(victim.address().parse::<Multiaddr>().unwrap()).unwrap();
        let connection = loop {
            if let SwarmEvent::ConnectionEstablished { connection_id, .. } = swarm.select_next_some().await {
                break connection_id;
            }
        };
        let (orders, mut ordered) = mpsc::unbounded_channel::<Order>();
        let (offer, offered) = mpsc::unbounded_channel();
        let (alive, connected) = watch::channel(true);
        tokio::spawn(async move {
            let (mut waiting, mut token) = (BTreeMap::new(), 0);
            loop {
                let event = tokio::select! {
                    order = ordered.recv() => {
                        let Some((protocol, answer)) = order else { return };
                        token += 1;
                        waiting.insert(token, answer);
                        swarm.behaviour_mut().streams.open(victim_id, connection, protocol, token);
                        continue;
                    }
                    event = swarm.select_next_some() => event,
                };
                match event {
                    SwarmEvent::Behaviour(BehaviourEvent::Streams((_, event))) => match event {
                        StreamEvent::Outbound { token, result } => {
                            if let Some(answer) = waiting.remove(&token) {
                                let _gone = answer.send(result);
                            }
                        }
                        StreamEvent::Inbound { protocol, stream } => {
                            let _gone = offer.send((protocol, stream));
                        }
                        StreamEvent::Excess { .. } => {}
                    },
                    SwarmEvent::ConnectionClosed { .. } => {
                        alive.send_replace(false);
                        return;
                    }
                    _ => {}
                }
            }
        });
        Self { peer, orders, offered, connected }
    }

    async fn open(&self, protocol: Protocol) -> Option<Substream> {
        let (answer, answered) = oneshot::channel();
        self.orders.send((protocol, answer)).ok()?;
        answered.await.ok()?.ok()
    }

    /// Becomes a peer as an honest node would; the substreams are ours to write and theirs to us.
    async fn join(&mut self) -> (Substream, Substream) {
        let head = config(1, &[]).head;
        let mut ours = self.open(ANNOUNCES).await.expect("it negotiates");
        frames::write(&mut ours, &[head.encode()]).await.unwrap();
        assert_eq!(frames::read(&mut ours, 69).await.unwrap().map(|bytes| bytes.len()), Some(69));
        let mut theirs = loop {
            if let Some((ANNOUNCES, stream)) = self.offered.recv().await {
                break stream;
            }
        };
        assert!(frames::read(&mut theirs, 69).await.unwrap().is_some());
        frames::write(&mut theirs, &[head.encode()]).await.unwrap();
        (ours, theirs)
    }

    async fn is_cut_off(&mut self) {
        let wait = self.connected.wait_for(|connected| !connected);
        timeout(Duration::from_secs(30), wait).await.expect("it is cut off").ok();
    }
}

fn rules(node: &Node, peer: &str) -> Vec<String> {
    let info = node.network.peer(peer);
    info.map_or_else(Vec::new, |info| info.marks.into_iter().map(|mark| mark.rule).collect())
}

/// Two honest nodes with a link.
async fn pair() -> (Node, Node) {
    let mut a = Node::of(1, &[]).await;
    let mut b = Node::of(2, &[&a]).await;
    a.link(b.network.peer_id(), Channel::Grandpa).await;
    b.link(a.network.peer_id(), Channel::Grandpa).await;
    (a, b)
}

/// A vote passes from one to the other, past whatever else happens.
async fn still_talk(a: &mut Node, b: &mut Node) {
    let (at_a, at_b) = (a.links[b.network.peer_id()], b.links[a.network.peer_id()]);
    a.network.notify(at_a, Channel::Grandpa, Arc::from(*b"vote")).unwrap();
    while b.notification().await != (at_b, Channel::Grandpa, b"vote".to_vec()) {}
}

#[tokio::test]
async fn random_bytes_on_the_port_harm_nobody() {
    let (mut a, mut b) = pair().await;
    let port: u16 = a.address().split('/').nth(4).unwrap().parse().unwrap();
    let mut state = 1_u64;
    let mut held = Vec::new();
    for length in (0..200).map(|n| n * 37) {
        let noise: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) as u8
            })
            .collect();
        let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // The node may have closed it already.
        let _refused = socket.write_all(&noise).await;
        held.push(socket);
    }
    still_talk(&mut a, &mut b).await;
    drop(held);
    still_talk(&mut b, &mut a).await;
    assert_eq!(a.network.connected().len(), 1);
}

#[tokio::test]
async fn an_oversized_frame_ends_the_link_with_the_rule() {
    let (mut a, mut b) = pair().await;
    let mut hostile = Hostile::start(9, &a).await;
    let (mut ours, _theirs) = hostile.join().await;
    let link = a.link(&hostile.peer, Channel::BlockAnnounces).await;
    let mut length = Vec::new();
    frames::push_length(&mut length, Channel::BlockAnnounces.max_bytes() + 1);
    ours.write_all(&length).await.unwrap();
    ours.flush().await.unwrap();
    while !matches!(a.next().await, Event::Closed { link: closed } if closed == link) {}
    assert_eq!(rules(&a, &hostile.peer), ["oversized frame"]);
    hostile.is_cut_off().await;
    still_talk(&mut a, &mut b).await;
}

#[tokio::test]
async fn channels_are_nothing_before_block_announces() {
    let (mut a, mut b) = pair().await;
    let mut hostile = Hostile::start(9, &a).await;
    let mut early = hostile.open(Protocol::Channel(Channel::Grandpa)).await.unwrap();
    frames::write(&mut early, &[vec![1], b"a vote too early".to_vec()]).await.unwrap();
    // No handshake comes back as long as there is no link, and then it does.
    let mut byte = [0];
    let early_answer = timeout(Duration::from_millis(500), early.read(&mut byte)).await;
    assert!(early_answer.is_err(), "{early_answer:?}");
    let (_ours, _theirs) = hostile.join().await;
    let link = a.link(&hostile.peer, Channel::BlockAnnounces).await;
    assert_eq!(frames::read(&mut early, 32).await.unwrap(), Some(vec![FULL]));
    // It is read once our own direction is accepted too.
    let mut theirs = loop {
        let (protocol, stream) = hostile.offered.recv().await.unwrap();
        if protocol == Protocol::Channel(Channel::Grandpa) {
            break stream;
        }
    };
    frames::write(&mut theirs, &[vec![1]]).await.unwrap();
    assert_eq!(a.link(&hostile.peer, Channel::Grandpa).await, link);
    assert_eq!(a.notification().await, (link, Channel::Grandpa, b"a vote too early".to_vec()));
    still_talk(&mut a, &mut b).await;
}

#[tokio::test]
async fn a_frame_in_place_of_the_handshake_is_a_violation() {
    let (mut a, mut b) = pair().await;
    let hostile = Hostile::start(9, &a).await;
    let mut stream = hostile.open(ANNOUNCES).await.unwrap();
    frames::write(&mut stream, &[vec![7; 1_000]]).await.unwrap();
    until("the mark", || rules(&a, &hostile.peer) == ["oversized frame"]).await;
    let mut stream = hostile.open(ANNOUNCES).await.unwrap();
    frames::write(&mut stream, &[vec![7; 69]]).await.unwrap();
    until("the mark", || rules(&a, &hostile.peer).contains(&"malformed handshake".to_owned())).await;
    still_talk(&mut a, &mut b).await;
}

#[tokio::test]
async fn data_against_the_direction_ends_the_link() {
    let (mut a, mut b) = pair().await;
    let mut hostile = Hostile::start(9, &a).await;
    let (_ours, mut theirs) = hostile.join().await;
    a.link(&hostile.peer, Channel::BlockAnnounces).await;
    frames::write(&mut theirs, &[b"announce"]).await.unwrap();
    hostile.is_cut_off().await;
    assert_eq!(rules(&a, &hostile.peer), ["data against a substream's direction"]);
    still_talk(&mut a, &mut b).await;
}

#[tokio::test]
async fn a_flood_of_notifications_is_cut_and_banned() {
    let (mut a, mut b) = pair().await;
    let mut hostile = Hostile::start(9, &a).await;
    let (mut ours, _theirs) = hostile.join().await;
    let link = a.link(&hostile.peer, Channel::BlockAnnounces).await;
    let flood = tokio::spawn(async move {
        let batch = vec![vec![1; 10]; 100];
        while frames::write(&mut ours, &batch).await.is_ok() {}
    });
    let mut seen = 0_u64;
    loop {
        match a.next().await {
            Event::Notification { link: from, .. } => seen += u64::from(from == link),
            Event::Closed { link: closed } if closed == link => break,
            _ => {}
        }
    }
    timeout(Duration::from_secs(30), flood).await.expect("the line is cut").unwrap();
    let (messages_s, _) = peers::Lane::Channel(Channel::BlockAnnounces).rate();
    assert!((4 * messages_s..40 * messages_s).contains(&seen), "{seen}");
    let ban = a.network.peer(&hostile.peer).and_then(|info| info.ban).expect("banned");
    assert_eq!(ban.rule, "too many block announces");
    still_talk(&mut a, &mut b).await;
}

#[tokio::test]
async fn thousands_of_substreams_are_not_kept() {
    let (mut a, mut b) = pair().await;
    let mut hostile = Hostile::start(9, &a).await;
    let mut held = Vec::new();
    for n in 0..5_000 {
        // Half a request: its length, and nothing else.
        let Some(mut stream) = hostile.open(Protocol::Method(Method::Light)).await else { break };
        let _cut = stream.write_all(&[0xff, 0xff, 0x03]).await;
        let _cut = stream.flush().await;
        held.push(stream);
        if !*hostile.connected.borrow() {
            println!("cut off after {n}");
            break;
        }
    }
    hostile.is_cut_off().await;
    assert!(held.len() < 1_000, "{}", held.len());
    still_talk(&mut a, &mut b).await;
}

#[tokio::test]
async fn a_peer_that_reads_nothing_is_closed_and_its_queue_is_bounded() {
    let (mut a, mut b) = pair().await;
    let mut hostile = Hostile::start(9, &a).await;
    let (_ours, _theirs) = hostile.join().await;
    let link = a.link(&hostile.peer, Channel::BlockAnnounces).await;
    let payload: Arc<[u8]> = vec![0; 64 * 1024].into();
    let (mut refused, mut queued) = (0, 0);
    for _ in 0..10_000 {
        match a.network.notify(link, Channel::BlockAnnounces, payload.clone()) {
            Ok(()) => queued += 1,
            Err(QueueFull) => refused += 1,
        }
        tokio::task::yield_now().await;
    }
    // What is queued, what a batch holds, and what the line takes.
    assert!(queued < 100 && refused > 9_000, "{queued} queued, {refused} refused");
    while !matches!(a.next().await, Event::Closed { link: closed } if closed == link) {}
    let refusal = a.network.peer(&hostile.peer).and_then(|info| info.refusal);
    assert_eq!(refusal.as_deref(), Some("it reads block announces too slowly"));
    until("the payload is forgotten", || Arc::strong_count(&payload) == 1).await;
    still_talk(&mut a, &mut b).await;
}
