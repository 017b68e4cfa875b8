//! Listeners, errors and one real connection over each transport.
use super::*;

fn config(secret: u8, listen: &[&str]) -> Config {
    Config {
        listen: listen.iter().map(|&address| address.to_owned()).collect(),
        ..Config::new([secret; 32], "quire/test", H256([7; 32]))
    }
}

#[tokio::test]
async fn r1_start_binds_every_address_and_names_itself() {
    let (network, _events) =
        Network::start(config(1, &["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws"])).await.unwrap();
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
    let (first, _events) = Network::start(config(1, &["/ip4/127.0.0.1/tcp/0"])).await.unwrap();
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
}

#[tokio::test]
async fn peers_connect_over_both_transports() {
    for listen in ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws"] {
        let (server, _events) = Network::start(config(1, &[listen])).await.unwrap();
        let address: Multiaddr = server.listen_addresses()[0].parse().unwrap();
        let mut client = behaviour::swarm(keypair([2; 32]).unwrap(), "quire/test").unwrap();
        client.dial(address).unwrap();
        let info = loop {
            match client.select_next_some().await {
                SwarmEvent::Behaviour(BehaviourEvent::Identify(libp2p::identify::Event::Received {
                    info,
                    ..
                })) => {
                    break info;
                }
                SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{listen}: {error}"),
                _ => {}
            }
        };
        assert_eq!((&*info.protocol_version, &*info.agent_version), ("/substrate/1.0", "quire/test"));
        assert_eq!(server.connected(), [peer_id([2; 32]).unwrap()]);
        server.stop();
    }
}
