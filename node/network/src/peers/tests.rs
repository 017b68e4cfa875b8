use super::*;
use crate::protocol::{Channel, Method};
use crate::wire::handshake::{FULL, LIGHT};
use libp2p::identity::Keypair;
use quire_core::H256;

fn id(n: u16) -> PeerId {
    let mut seed = [1; 32];
    seed[..2].copy_from_slice(&n.to_le_bytes());
    PeerId::from(Keypair::ed25519_from_bytes(seed).expect("32 bytes").public())
}

fn policy() -> Policy {
    Policy { in_peers: 2, out_peers: 2, reserved_only: false, connectivity: 0 }
}

fn peers(policy: Policy) -> Peers {
    Peers::new(id(0), policy)
}

fn handshake(roles: u8) -> Handshake {
    Handshake { roles, best_number: 1, best_hash: H256::ZERO, genesis: H256::ZERO }
}

fn learn(peers: &mut Peers, n: u16, source: Source) {
    peers.step(0, Input::Learned(id(n), format!("/ip4/10.0.0.1/tcp/{n}"), source));
}

fn open(peers: &mut Peers, n: u16, inbound: bool, roles: u8) {
    peers.step(0, Input::Connected(id(n), inbound));
    peers.step(0, Input::Opened(id(n), handshake(roles)));
}

fn dialled(effects: &[Effect]) -> Vec<PeerId> {
    let dial = |effect: &Effect| match effect {
        Effect::Dial(peer, _) => Some(*peer),
        Effect::Join(_) | Effect::Close(..) => None,
    };
    effects.iter().filter_map(dial).collect()
}

fn score(peers: &Peers, now_ms: u64, n: u16) -> i32 {
    peers.record(&id(n)).map_or(0, |record| record.score(now_ms))
}

#[test]
fn r1_scores_heal() {
    let mut peers = peers(policy());
    peers.step(0, Input::Broke(id(1), "rule", 640));
    assert_eq!(score(&peers, 999, 1), -640);
    assert_eq!(score(&peers, 1_000, 1), -630);
    assert!((-400..-200).contains(&score(&peers, 45_000, 1)));
    assert_eq!(score(&peers, 1_000_000, 1), 0);
    // Healing in between is not lost and not counted twice.
    for second in 1..=10 {
        peers.step(second * 1_000 + 500, Input::Broke(id(1), "rule", 0));
    }
    let mut fresh = self::peers(policy());
    fresh.step(0, Input::Broke(id(1), "rule", 640));
    assert_eq!(score(&peers, 20_000, 1), score(&fresh, 20_000, 1));
}

#[test]
fn r1_at_the_bound_a_peer_is_closed_and_banned_for_the_last_rule() {
    let mut peers = peers(policy());
    open(&mut peers, 1, true, FULL);
    assert_eq!(peers.step(0, Input::Broke(id(1), "first", 999)), []);
    assert_eq!(peers.step(0, Input::Broke(id(1), "last", 1)), [Effect::Close(id(1), "banned: last".into())]);
    let Err(Refusal::Banned { rule, left_s }) = peers.admit(0, &id(1), true, false) else {
        panic!("it is let in")
    };
    assert_eq!((rule.as_str(), left_s), ("last", FIRST_BAN_MS / 1_000));
    assert!(peers.admit(FIRST_BAN_MS - 1, &id(1), true, false).is_err());
    assert_eq!(peers.admit(FIRST_BAN_MS, &id(1), true, false), Ok(()));
    let rules: Vec<String> = peers
        .record(&id(1))
        .map(|record| record.marks(5))
        .into_iter()
        .flatten()
        .map(|mark| mark.rule)
        .collect();
    assert_eq!(rules, ["first", "last"]);
}

#[test]
fn r1_each_further_ban_lasts_twice_as_long_up_to_a_day() {
    let (mut peers, mut now_ms, mut last) = (peers(policy()), 0, 0);
    for n in 0..12 {
        peers.step(now_ms, Input::Broke(id(1), "rule", 5_000));
        let left = peers.record(&id(1)).and_then(|record| record.ban(now_ms)).map_or(0, |ban| ban.left_ms);
        let expected = if n == 0 { FIRST_BAN_MS } else { (2 * last).min(MAX_BAN_MS) };
        assert_eq!(left, expected, "ban {n}");
        (now_ms, last) = (now_ms + left, left);
    }
    assert_eq!(last, MAX_BAN_MS);
    peers.step(now_ms, Input::Broke(id(1), "rule", 5_000));
    peers.step(now_ms, Input::Allow(id(1)));
    assert_eq!(peers.admit(now_ms, &id(1), true, false), Ok(()));
}

#[test]
fn r2_reserved_peers_are_never_banned_and_need_no_slot() {
    let mut peers = peers(Policy { in_peers: 0, out_peers: 0, reserved_only: true, ..policy() });
    learn(&mut peers, 1, Source::Reserved);
    assert_eq!(dialled(&peers.step(0, Input::Tick)), [id(1)]);
    open(&mut peers, 1, false, FULL);
    assert_eq!(peers.step(0, Input::Broke(id(1), "rule", 100_000)), []);
    assert_eq!(peers.step(0, Input::Ban(id(1), "rule", 1_000)), []);
    assert_eq!(peers.admit(0, &id(1), true, false), Ok(()));
    assert_eq!(peers.admit(0, &id(2), true, false), Err(Refusal::NotReserved));
    // Nor is anybody else dialled, nor an address that others tell.
    let mut peers = self::peers(Policy { in_peers: 0, out_peers: 0, reserved_only: true, ..policy() });
    learn(&mut peers, 1, Source::Reserved);
    peers.step(0, Input::Learned(id(1), "/ip4/10.0.0.9/tcp/9".into(), Source::Gossip));
    let effects = peers.step(0, Input::Tick);
    assert!(matches!(&effects[..], [Effect::Dial(_, addresses)] if addresses.len() == 1), "{effects:?}");
    learn(&mut peers, 3, Source::Boot);
    assert_eq!(peers.step(0, Input::Tick), []);
}

#[test]
fn r3_every_kind_has_its_own_slots() {
    let mut peers = peers(policy());
    for n in 1..=2 {
        assert_eq!(peers.admit(0, &id(n), true, false), Ok(()));
        open(&mut peers, n, true, FULL);
    }
    let full = Err(Refusal::Full(2, "peers that dial this node"));
    assert_eq!(peers.admit(0, &id(3), true, false), full);
    // One that has its slot keeps it.
    assert_eq!(peers.admit(0, &id(2), true, false), Ok(()));
    assert_eq!(peers.admit(0, &id(3), true, true), Ok(()));
    assert_eq!(peers.admit(0, &id(3), false, false), Ok(()));
    for n in 0..MAX_LIGHT_PEERS as u16 {
        open(&mut peers, 10 + n, true, LIGHT);
    }
    assert!(peers.admit(0, &id(3), true, true).is_err());
    open(&mut peers, 4, false, FULL);
    open(&mut peers, 5, false, FULL);
    assert_eq!(peers.admit(0, &id(3), false, false), Err(Refusal::Full(2, "peers that this node dials")));
    peers.step(0, Input::Disconnected(id(1)));
    assert_eq!(peers.admit(0, &id(3), true, false), Ok(()));
    peers.step(0, Input::Refused(id(3), "another chain"));
    assert_eq!(peers.record(&id(3)).and_then(|r| r.refusal.clone()).as_deref(), Some("another chain"));
}

#[test]
fn r4_outbound_slots_are_filled_and_not_more() {
    let mut peers = peers(policy());
    (1..=5).for_each(|n| learn(&mut peers, n, Source::Gossip));
    let first = dialled(&peers.step(0, Input::Tick));
    assert_eq!(first.len(), 2);
    assert_eq!(peers.step(0, Input::Tick), [], "dials under way count");
    peers.step(0, Input::DialFailed(first[0], "nobody there"));
    let second = dialled(&peers.step(0, Input::Tick));
    assert_eq!(second.len(), 1);
    assert!(!first.contains(&second[0]), "the one that failed waits");
    for peer in [first[1], second[0]] {
        peers.step(0, Input::Connected(peer, false));
        assert_eq!(peers.admit(0, &peer, false, false), Ok(()), "its slot was counted");
        peers.step(0, Input::Opened(peer, handshake(FULL)));
    }
    assert_eq!(peers.step(60_000, Input::Tick), []);
}

#[test]
fn r4_connectivity_asks_for_more_than_the_slots() {
    let mut peers = peers(Policy { out_peers: 0, connectivity: 2, ..policy() });
    (1..=5).for_each(|n| learn(&mut peers, n, Source::Gossip));
    open(&mut peers, 10, true, FULL);
    open(&mut peers, 11, true, LIGHT);
    assert_eq!(dialled(&peers.step(0, Input::Tick)).len(), 2, "one full peer is there, three are wanted");
}

#[test]
fn r4_itself_and_the_banned_are_never_dialled_reserved_come_first() {
    let mut peers = peers(Policy { out_peers: 1, ..policy() });
    learn(&mut peers, 0, Source::Boot);
    learn(&mut peers, 1, Source::Gossip);
    peers.step(0, Input::Ban(id(1), "rule", 5_000));
    assert_eq!(peers.step(0, Input::Tick), []);
    learn(&mut peers, 2, Source::Gossip);
    learn(&mut peers, 3, Source::Reserved);
    assert_eq!(dialled(&peers.step(0, Input::Tick)), [id(3), id(2)]);
    peers.step(0, Input::DialFailed(id(2), ""));
    peers.step(5_000, Input::Allow(id(1)));
    assert_eq!(dialled(&peers.step(5_000, Input::Tick)), [id(1)], "the fewest failures");
}

#[test]
fn r4_a_stranger_that_is_connected_is_joined_once_it_had_time() {
    let mut peers = peers(Policy { in_peers: 0, ..policy() });
    learn(&mut peers, 1, Source::Gossip);
    peers.step(0, Input::Connected(id(1), true));
    assert_eq!(peers.step(JOIN_AFTER_MS - 1, Input::Tick), []);
    assert!(peers.admit(JOIN_AFTER_MS, &id(1), true, false).is_err());
    assert_eq!(peers.step(JOIN_AFTER_MS, Input::Tick), [Effect::Join(id(1))]);
    assert_eq!(peers.step(JOIN_AFTER_MS, Input::Tick), [], "once");
    assert_eq!(peers.admit(JOIN_AFTER_MS, &id(1), true, false), Ok(()));
    // Refused, it waits like after a dial.
    peers.step(JOIN_AFTER_MS, Input::Refused(id(1), "it has no slot"));
    assert!(peers.admit(JOIN_AFTER_MS, &id(1), true, false).is_err());
    assert_eq!(peers.step(JOIN_AFTER_MS + FIRST_BACKOFF_MS - 1, Input::Tick), []);
    assert_eq!(peers.step(JOIN_AFTER_MS + FIRST_BACKOFF_MS, Input::Tick), [Effect::Join(id(1))]);
}

#[test]
fn r4_a_dial_that_the_peer_outran_leaves_no_trace() {
    let mut peers = peers(policy());
    learn(&mut peers, 1, Source::Gossip);
    assert_eq!(dialled(&peers.step(0, Input::Tick)), [id(1)]);
    open(&mut peers, 1, true, FULL);
    // Neither the slot nor the dial is counted any more.
    (2..=4).for_each(|n| learn(&mut peers, n, Source::Gossip));
    assert_eq!(dialled(&peers.step(0, Input::Tick)).len(), 2);
}

#[test]
fn r5_dials_back_off_and_forget() {
    for (source, most) in [(Source::Gossip, MAX_BACKOFF_MS), (Source::Boot, MAX_RESERVED_BACKOFF_MS)] {
        let mut peers = peers(policy());
        learn(&mut peers, 1, source);
        let (mut now_ms, mut wait) = (0, FIRST_BACKOFF_MS);
        for _ in 0..12 {
            assert_eq!(dialled(&peers.step(now_ms, Input::Tick)), [id(1)]);
            peers.step(now_ms, Input::DialFailed(id(1), "no route"));
            assert_eq!(peers.step(now_ms + wait - 1, Input::Tick), []);
            now_ms += wait;
            wait = (wait * 2).min(most);
        }
        assert_eq!(wait, most);
        peers.step(now_ms, Input::Tick);
        open(&mut peers, 1, false, FULL);
        peers.step(now_ms, Input::Disconnected(id(1)));
        assert_eq!(dialled(&peers.step(now_ms + FIRST_BACKOFF_MS, Input::Tick)), [id(1)]);
    }
}

#[test]
fn r6_rates_bound_messages_and_bytes_of_each_lane() {
    let mut peers = peers(policy());
    open(&mut peers, 1, true, FULL);
    let announces = Lane::Channel(Channel::BlockAnnounces);
    let (messages_s, bytes_s) = announces.rate();
    for n in 0..4 * messages_s {
        assert_eq!(peers.arrived(0, &id(1), announces, 1), Ok(()), "{n}");
    }
    assert_eq!(peers.arrived(0, &id(1), announces, 1), Err(Vec::new()));
    assert_eq!(score(&peers, 0, 1), -(EXCESS_COST as i32));
    assert_eq!(peers.arrived(0, &id(1), Lane::Channel(Channel::Grandpa), 1), Ok(()), "another lane");
    assert_eq!(peers.arrived(0, &id(2), announces, 1), Ok(()), "another peer");
    // Filled again at the rate, not above the brim.
    for now_ms in [1_000, 2_000] {
        for _ in 0..messages_s {
            assert_eq!(peers.arrived(now_ms, &id(1), announces, 1), Ok(()));
        }
        assert!(peers.arrived(now_ms, &id(1), announces, 1).is_err());
    }
    let half = bytes_s as usize * 2;
    assert_eq!(peers.arrived(1_000_000, &id(1), announces, half), Ok(()));
    assert_eq!(peers.arrived(1_000_000, &id(1), announces, half), Ok(()));
    assert!(peers.arrived(1_000_000, &id(1), announces, 1).is_err());
}

#[test]
fn r6_a_message_of_the_largest_size_always_fits_and_a_flood_bans() {
    let lanes = Channel::ALL.map(Lane::Channel).into_iter().chain(Method::ALL.map(Lane::Method));
    for lane in lanes {
        let mut peers = peers(policy());
        open(&mut peers, 1, true, FULL);
        let largest = match lane {
            Lane::Channel(channel) => channel.max_bytes(),
            Lane::Method(method) => method.max_request_bytes(),
        };
        assert_eq!(peers.arrived(0, &id(1), lane, largest), Ok(()), "{lane:?}");
        let banned = (0..100_000).any(|_| {
            peers
                .arrived(0, &id(1), lane, 1)
                .is_err_and(|effects| effects == [Effect::Close(id(1), format!("banned: {}", lane.rule()))])
        });
        assert!(banned, "{lane:?}");
    }
}

#[test]
fn r7_memory_is_bounded_and_the_important_stay() {
    let mut peers = peers(policy());
    learn(&mut peers, 1, Source::Reserved);
    open(&mut peers, 2, true, FULL);
    peers.step(0, Input::Ban(id(3), "rule", 1_000_000));
    for n in 0..2 * MAX_KNOWN as u16 {
        peers.step(1, Input::Refused(id(100 + n), "no slot"));
    }
    assert_eq!(peers.records().count(), MAX_KNOWN);
    assert!((1..=3).all(|n| peers.record(&id(n)).is_some()));
    // Hearsay displaces nobody.
    learn(&mut peers, 9, Source::Gossip);
    assert!(peers.record(&id(9)).is_none());
    for n in 0..100 {
        peers.step(0, Input::Learned(id(1), format!("/ip4/10.0.0.2/tcp/{n}"), Source::Gossip));
    }
    let addresses = peers.record(&id(1)).map(|record| record.addresses.clone()).unwrap_or_default();
    assert_eq!((addresses.len(), addresses[0].as_str()), (MAX_ADDRESSES, "/ip4/10.0.0.1/tcp/1"));
}
