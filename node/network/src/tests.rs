//! Real nodes on loopback: listeners, links, notifications, requests, refusals.
use super::*;
use crate::wire::handshake::{AUTHORITY, FULL};
use std::collections::BTreeMap;
use tokio::time::timeout;

mod hostile;

pub(super) const GENESIS: H256 = H256([7; 32]);
const TCP: &str = "/ip4/127.0.0.1/tcp/0";

pub(super) fn config(secret: u8, listen: &[&str]) -> Config {
    Config {
        listen: listen.iter().map(|&address| address.to_owned()).collect(),
        ..Config::new([secret; 32], "quire/test", GENESIS)
    }
}

/// A node that keeps what it was told.
pub(super) struct Node {
    pub(super) network: Network,
    pub(super) events: Events,
    links: BTreeMap<String, Link>,
    channels: Vec<(Link, Channel)>,
}

impl Node {
    pub(super) async fn start(config: Config) -> Self {
        let (network, events) = Network::start(config).await.expect("it starts");
        Self { network, events, links: BTreeMap::new(), channels: Vec::new() }
    }

    pub(super) async fn of(secret: u8, boot: &[&Node]) -> Self {
        let boot_nodes = boot.iter().map(|node| node.address()).collect();
        Self::start(Config { boot_nodes, ..config(secret, &[TCP]) }).await
    }

    pub(super) fn address(&self) -> String {
        self.network.listen_addresses()[0].clone()
    }

    /// The next event; links and channels are noted.
    pub(super) async fn next(&mut self) -> Event {
        let event = timeout(Duration::from_secs(30), self.events.recv()).await.expect("an event in time");
        let event = event.expect("the network runs");
        match &event {
            Event::Opened { link, peer, .. } => {
                assert!(self.links.insert(peer.clone(), *link).is_none(), "one link a peer");
            }
            Event::Closed { link } => {
                self.links.retain(|_, one| one != link);
                self.channels.retain(|(one, _)| one != link);
            }
            Event::ChannelOpened { link, channel, .. } => {
                assert!(self.links.values().any(|one| one == link), "after its link");
                self.channels.push((*link, *channel));
            }
            Event::ChannelClosed { link, channel } => {
                self.channels.retain(|one| one != &(*link, *channel));
            }
            _ => {}
        }
        event
    }

    /// Until there is a link to a peer with this channel open.
    pub(super) async fn link(&mut self, peer: &str, channel: Channel) -> Link {
        loop {
            if let Some(link) = self.links.get(peer)
                && (channel == Channel::BlockAnnounces || self.channels.contains(&(*link, channel)))
            {
                return *link;
            }
            self.next().await;
        }
    }

    pub(super) async fn notification(&mut self) -> (Link, Channel, Vec<u8>) {
        loop {
            if let Event::Notification { link, channel, bytes } = self.next().await {
                return (link, channel, bytes);
            }
        }
    }

    async fn response(&mut self, number: u64) -> Result<Vec<u8>, RequestError> {
        loop {
            if let Event::Response { request, result, .. } = self.next().await {
                assert_eq!(request, number, "an answer that nobody waits for");
                return result;
            }
        }
    }
}

/// Waits until something that has no event holds.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let wait = async {
        while !holds() {
            tick.tick().await;
        }
    };
    assert!(timeout(Duration::from_secs(30), wait).await.is_ok(), "{what} never came");
}

#[tokio::test]
async fn r1_start_binds_every_address_and_names_itself() {
    let (network, _events) = Network::start(config(1, &[TCP, "/ip4/127.0.0.1/tcp/0/ws"])).await.unwrap();
    assert!(network.peer_id().starts_with("12D3KooW"));
    assert_eq!(network.peer_id(), peer_id([1; 32]).unwrap());
    let addresses = network.listen_addresses();
    assert_eq!(addresses.len(), 2);
    assert!(addresses.iter().all(|address| address.ends_with(&format!("/p2p/{}", network.peer_id()))));
    assert!(addresses.iter().any(|address| address.contains("/ws/p2p/")));
    network.stop();
}

#[tokio::test]
async fn r2_a_taken_port_is_named_in_the_error() {
    let (first, _events) = Network::start(config(1, &[TCP])).await.unwrap();
    let taken = first.listen_addresses()[0].split("/p2p/").next().unwrap().to_owned();
    let Err(error) = Network::start(config(2, &[&taken])).await else { panic!("two nodes share {taken}") };
    assert!(matches!(&error, NetworkError::InUse { address } if *address == taken), "{error}");
    assert!(error.to_string().contains("--port"));
}

#[tokio::test]
async fn one_port_serves_both_address_families() {
    let probe = std::net::TcpListener::bind(("0.0.0.0", 0)).unwrap();
    let port = probe.local_addr().unwrap().port();
    drop(probe);
    let addresses = [format!("/ip4/0.0.0.0/tcp/{port}"), format!("/ip6/::/tcp/{port}")];
    let (network, _events) = Network::start(config(1, &[&addresses[0], &addresses[1]])).await.unwrap();
    assert!(network.listen_addresses().iter().any(|address| address.starts_with("/ip6/")));
    network.stop();
}

#[tokio::test]
async fn nonsense_addresses_are_refused() {
    for address in ["localhost:30333", "/ip4/300.0.0.1/tcp/1", "/ip4/127.0.0.1/udp/1", ""] {
        assert!(
            matches!(Network::start(config(1, &[address])).await, Err(NetworkError::Address { .. })),
            "{address}"
        );
    }
    let boot_nodes = vec![TCP.to_owned()];
    let wrong = Network::start(Config { boot_nodes, ..config(1, &[TCP]) }).await;
    assert!(matches!(wrong, Err(NetworkError::BootNode { .. })));
}

#[tokio::test]
async fn two_nodes_open_every_channel_over_both_transports() {
    for listen in [TCP, "/ip4/127.0.0.1/tcp/0/ws"] {
        let mut a = Node::start(config(1, &[listen])).await;
        let head = Handshake { roles: AUTHORITY, best_number: 9, best_hash: H256([9; 32]), genesis: GENESIS };
        a.network.set_head(head);
        let mut b = Node::of(2, &[&a]).await;
        let (a_id, b_id) = (a.network.peer_id().to_owned(), b.network.peer_id().to_owned());
        let Event::Opened { peer, handshake, inbound, .. } = b.next().await else { panic!("no link first") };
        assert_eq!((peer, handshake, inbound), (a_id.clone(), head, false));
        let Event::Opened { peer, handshake, inbound, .. } = a.next().await else { panic!("no link first") };
        assert_eq!((peer, handshake.roles, inbound), (b_id.clone(), FULL, true));
        for channel in Channel::ALL {
            let (at_a, at_b) = (a.link(&b_id, channel).await, b.link(&a_id, channel).await);
            let payload = vec![channel.index() as u8; 100];
            a.network.notify(at_a, channel, payload.clone().into()).unwrap();
            assert_eq!(b.notification().await, (at_b, channel, payload.clone()));
            b.network.notify(at_b, channel, payload.clone().into()).unwrap();
            assert_eq!(a.notification().await, (at_a, channel, payload));
        }
        let info = &a.network.peers()[0];
        assert_eq!((info.peer.as_str(), info.inbound, info.channels.len()), (b_id.as_str(), true, 5));
        assert!(info.bytes_in >= 500 && info.bytes_out >= 500, "{info:?}");
        until("the version string", || a.network.peers()[0].agent.as_deref() == Some("quire/test")).await;
        b.network.stop();
        while !a.network.peers().is_empty() {
            a.next().await;
        }
    }
}

#[tokio::test]
async fn requests_are_answered_refused_and_timed() {
    let mut a = Node::of(1, &[]).await;
    let mut b = Node::of(2, &[&a]).await;
    let link = b.link(a.network.peer_id(), Channel::BlockAnnounces).await;
    for method in Method::ALL.into_iter().filter(|method| *method != Method::Overlay) {
        let question = vec![1; method.max_request_bytes()];
        let number = b.network.request(link, method, question.clone());
        let answer = loop {
            if let Event::Request { link: Some(_), peer, method: asked, bytes, answer } = a.next().await {
                assert_eq!((peer.as_str(), asked), (b.network.peer_id(), method));
                assert_eq!(bytes, question);
                break answer;
            }
        };
        let largest = vec![2; method.max_response_bytes()];
        answer.send(largest.clone()).unwrap();
        assert!(b.response(number).await.as_ref() == Ok(&largest), "{method:?}");
        let too_large = vec![1; method.max_request_bytes() + 1];
        let number = b.network.request(link, method, too_large);
        assert_eq!(b.response(number).await, Err(RequestError::TooLarge));
    }
    let number = b.network.request(link, Method::Sync, vec![3]);
    loop {
        if let Event::Request { answer, .. } = a.next().await {
            drop(answer);
            break;
        }
    }
    assert_eq!(b.response(number).await, Err(RequestError::Refused));
    let number = b.network.request(Link(u64::MAX), Method::Sync, vec![3]);
    assert_eq!(b.response(number).await, Err(RequestError::Gone));
    // What waits when the peer goes is answered too, and exactly once.
    let number = b.network.request(link, Method::Sync, vec![4]);
    while !matches!(a.next().await, Event::Request { .. }) {}
    a.network.stop();
    let gone = b.response(number).await;
    assert!(matches!(gone, Err(RequestError::Gone | RequestError::Refused)), "{gone:?}");
    while b.links.values().any(|one| *one == link) {
        assert!(!matches!(b.next().await, Event::Response { .. }));
    }
}

#[tokio::test]
async fn r5_each_of_many_requests_is_answered_once() {
    let mut a = Node::of(1, &[]).await;
    let mut b = Node::of(2, &[&a]).await;
    let link = b.link(a.network.peer_id(), Channel::BlockAnnounces).await;
    let asked: Vec<u64> =
        (0..600u32).map(|n| b.network.request(link, Method::Sync, n.to_le_bytes().to_vec())).collect();
    let (mut done, mut ok) = (std::collections::BTreeSet::new(), 0);
    while done.len() < asked.len() {
        tokio::select! {
            event = a.next() => if let Event::Request { bytes, answer, .. } = event {
                // The asker may have given up.
                let _late = answer.send(bytes);
            },
            event = b.next() => if let Event::Response { request, result, .. } = event {
                assert!(done.insert(request), "{request} is answered twice");
                ok += usize::from(result.is_ok());
                assert!(matches!(result, Ok(_) | Err(RequestError::Busy)), "{result:?}");
            },
        }
    }
    assert!(ok >= 64, "only {ok} got through");
    let asker = a.network.peer(b.network.peer_id()).expect("known");
    assert!(asker.marks.is_empty(), "{:?}", asker.marks);
    let number = b.network.request(link, Method::Sync, vec![5]);
    let answered = async {
        loop {
            if let Event::Request { bytes, answer, .. } = a.next().await {
                answer.send(bytes).unwrap();
            }
        }
    };
    tokio::select! {
        () = answered => {}
        result = b.response(number) => assert_eq!(result, Ok(vec![5])),
    }
}

#[tokio::test]
async fn another_genesis_is_refused_with_the_reason() {
    let a = Node::of(1, &[]).await;
    let genesis = H256([8; 32]);
    let other = Config { boot_nodes: vec![a.address()], ..Config::new([2; 32], "quire/other", genesis) };
    let b = Node::start(other).await;
    let reason = |node: &Node, id: &str| node.network.peer(id).and_then(|info| info.refusal);
    until("the refusal", || {
        reason(&b, a.network.peer_id()).is_some_and(|text| text.contains("another genesis"))
    })
    .await;
    // The same names, another genesis in the handshake.
    let mut liar = config(3, &[]);
    liar.boot_nodes = vec![a.address()];
    liar.head.genesis = genesis;
    let c = Node::start(liar).await;
    until("the refusal", || {
        reason(&a, c.network.peer_id()).is_some_and(|text| text.contains("of another chain"))
    })
    .await;
    assert!(a.network.peers().is_empty() && b.network.peers().is_empty() && c.network.peers().is_empty());
}

#[tokio::test]
async fn four_nodes_find_each_other_through_one_boot_node() {
    let a = Node::of(1, &[]).await;
    let mut nodes = vec![a];
    for secret in 2..=4 {
        let node = Node::of(secret, &[&nodes[0]]).await;
        nodes.push(node);
    }
    let ids: Vec<String> = nodes.iter().map(|node| node.network.peer_id().to_owned()).collect();
    // A full mesh, each with one link to each, whoever dialled whom first.
    for (n, node) in nodes.iter_mut().enumerate() {
        for id in ids.iter().enumerate().filter(|(m, _)| *m != n).map(|(_, id)| id) {
            node.link(id, Channel::Grandpa).await;
        }
    }
    until("the measured overlay", || {
        let complete = Connectivity { paths: 3, nodes: 4, unknown: 0 };
        nodes.iter().all(|node| node.network.connectivity() == complete)
    })
    .await;
    let payload: Arc<[u8]> = vec![5; 1_000_000].into();
    let links: Vec<Link> = nodes[0].links.values().copied().collect();
    for link in links {
        nodes[0].network.notify(link, Channel::Grandpa, payload.clone()).unwrap();
    }
    for node in nodes.iter_mut().skip(1) {
        assert!(node.notification().await.2 == *payload);
    }
}

#[tokio::test]
async fn reserved_only_lets_no_one_else_in() {
    let friend = Node::of(1, &[]).await;
    let reserved = vec![friend.address()];
    let mut node = Node::start(Config { reserved, reserved_only: true, ..config(2, &[TCP]) }).await;
    let friend_id = friend.network.peer_id().to_owned();
    node.link(&friend_id, Channel::BlockAnnounces).await;
    let stranger = Node::of(3, &[&node]).await;
    until("the refusal", || {
        let refusal = node.network.peer(stranger.network.peer_id()).and_then(|info| info.refusal);
        refusal.is_some_and(|text| text.contains("reserved peers only"))
    })
    .await;
    assert_eq!(node.network.peers().len(), 1);
    assert!(node.network.peers()[0].reserved);
}

#[tokio::test]
async fn a_reported_peer_is_banned_with_the_rule_and_comes_back_when_allowed() {
    let mut a = Node::of(1, &[]).await;
    let mut b = Node::of(2, &[&a]).await;
    let b_id = b.network.peer_id().to_owned();
    let link = a.link(&b_id, Channel::BlockAnnounces).await;
    a.network.report(link, "small offence", 10);
    a.network.report(link, "two blocks in one slot", 2_000);
    while a.links.contains_key(&b_id) {
        a.next().await;
    }
    let info = a.network.peer(&b_id).expect("known");
    let ban = info.ban.expect("banned");
    assert_eq!(ban.rule, "two blocks in one slot");
    assert!(ban.left_ms > 9 * 60 * 1_000, "{}", ban.left_ms);
    assert_eq!(info.marks.len(), 2);
    while !b.links.is_empty() {
        b.next().await;
    }
    // It tries again, and gets nowhere.
    let tries = a.network.metrics().connections_opened_in;
    until("another try", || a.network.metrics().connections_opened_in > tries).await;
    assert!(a.network.peers().is_empty());
    a.network.allow(&b_id);
    a.link(&b_id, Channel::BlockAnnounces).await;
}

#[tokio::test]
async fn a_block_of_five_mebibytes_passes_quickly() {
    let mut a = Node::of(1, &[]).await;
    let mut b = Node::of(2, &[&a]).await;
    let link = b.link(a.network.peer_id(), Channel::BlockAnnounces).await;
    let block = vec![7; 5 * 1024 * 1024];
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let started = tokio::time::Instant::now();
        let number = b.network.request(link, Method::Sync, vec![1]);
        loop {
            if let Event::Request { answer, .. } = a.next().await {
                answer.send(block.clone()).unwrap();
                break;
            }
        }
        assert!(b.response(number).await.as_ref() == Ok(&block));
        best = best.min(started.elapsed());
    }
    println!("5 MiB in {best:?}");
    assert!(best < Duration::from_secs(2), "{best:?}");
}
