//! Four authorities as four processes, and others that join them: agreement, crashes, catching up.

use crate::{
    process::{Process, run as run_quire, wait_for},
    rpc::{self, hex0x},
    sign::{self, Domain},
};
use quire_tests::consortium::{Faults, Plan, run};
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

const NAMES: [&str; 4] = ["--alice", "--bob", "--charlie", "--dave"];
/// How long something may take that a quiet machine does in seconds.
const SOON: Duration = Duration::from_secs(60);
/// A node that compiles the runtime beside three others.
const START: Duration = Duration::from_secs(180);

/// A free port that the system gives to nobody else: nodes that dial each other take many of those it gives away, and a
/// node that is down must find its own again.
fn quiet_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let first = 11_000 + u16::try_from(std::process::id() % 100).expect("small") * 100;
    loop {
        let port = first + TAKEN.fetch_add(1, Ordering::Relaxed) % 100;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// A node that can be killed and started again.
struct Member {
    flags: Vec<String>,
    rpc: u16,
    address: String,
    base: PathBuf,
    process: Option<Process>,
}

impl Member {
    fn start(&mut self, boot_nodes: &[String]) {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        let mut args = flags;
        if !boot_nodes.is_empty() {
            args.push("--bootnodes");
            args.extend(boot_nodes.iter().map(String::as_str));
        }
        self.process = Some(Process::start(&args, &self.base.join("node.log")));
    }

    fn wait_until_up(&mut self) {
        let rpc = self.rpc;
        let process = self.process.as_mut().expect("it was started");
        wait_for("an answer", START, || {
            assert!(process.ended().is_none(), "the node ended:\n{}", process.output());
            rpc::try_call(rpc, "system_health", json!([])).ok()
        });
    }

    fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        assert!(process.ended().is_none(), "the node ended by itself:\n{}", process.output());
        process.kill();
    }

    fn best(&self) -> u32 {
        rpc::number(&rpc::call(self.rpc, "chain_getHeader", json!([])))
    }

    fn finalised(&self) -> u32 {
        rpc::finalised(self.rpc).0
    }

    fn hash(&self, number: u32) -> Value {
        rpc::call(self.rpc, "chain_getBlockHash", json!([number]))
    }
}

/// Nodes of one chain in one folder.
struct Consortium {
    members: Vec<Member>,
    folder: tempfile::TempDir,
    chain: String,
}

impl Consortium {
    /// Nobody yet.
    fn of(chain: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { members: Vec::new(), folder, chain: chain.into() }
    }

    /// The four authorities of the preset, started and connected.
    fn start() -> Self {
        let mut consortium = Self::of("local");
        for name in NAMES {
            consortium.add(&["--validator", name]);
        }
        for place in 0..NAMES.len() {
            consortium.start_one(place);
        }
        consortium.members.iter_mut().for_each(Member::wait_until_up);
        consortium
    }

    /// A node with a place of its own; not started.
    fn add(&mut self, role: &[&str]) -> usize {
        let place = self.members.len();
        let base = self.folder.path().join(place.to_string());
        std::fs::create_dir_all(&base).expect("the folder is ours");
        let (rpc, port) = (quiet_port(), quiet_port());
        let key = [u8::try_from(place + 1).expect("few nodes"); 32];
        let id = quire_network::peer_id(key).expect("32 bytes are a key");
        let mut flags: Vec<String> = role.iter().map(|flag| (*flag).to_owned()).collect();
        let more = [
            ("--chain", self.chain.clone()),
            ("--base-path", base.to_str().expect("temporary paths are UTF-8").to_owned()),
            ("--rpc-port", rpc.to_string()),
            ("--listen-addr", format!("/ip4/127.0.0.1/tcp/{port}")),
            ("--node-key", hex::encode(key)),
        ];
        flags.extend(more.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]));
        flags.push("--no-prometheus".into());
        let address = format!("/ip4/127.0.0.1/tcp/{port}/p2p/{id}");
        self.members.push(Member { flags, rpc, address, base, process: None });
        place
    }

    fn start_one(&mut self, place: usize) {
        let others = self.members.iter().enumerate().filter(|(other, _)| *other != place);
        let boot_nodes: Vec<String> = others.map(|(_, member)| member.address.clone()).collect();
        self.members[place].start(&boot_nodes);
    }

    fn restart(&mut self, place: usize) {
        self.start_one(place);
        self.members[place].wait_until_up();
    }

    fn running(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.process.is_some())
    }

    /// Waits until every running node has finalised `number`.
    fn wait_finalised(&self, number: u32) {
        for member in self.running() {
            let log = || member.process.as_ref().map(Process::output).unwrap_or_default();
            let limit = std::time::Instant::now() + SOON;
            while member.finalised() < number {
                assert!(std::time::Instant::now() < limit, "#{number} is not final:\n{}", log());
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// The height that every running node has finalised, where all must have one block.
    fn assert_agreement(&self) -> u32 {
        let height = self.running().map(Member::finalised).min().expect("somebody runs");
        let hashes: Vec<Value> = self.running().map(|member| member.hash(height)).collect();
        assert!(hashes[0].is_string() && hashes.windows(2).all(|pair| pair[0] == pair[1]), "{hashes:?}");
        height
    }
}

/// Slot and author's place of a block.
fn slot(header: &Value) -> u64 {
    let logs = header["digest"]["logs"].as_array().expect("a digest");
    let item = rpc::bytes(&logs[0]).expect("a digest item");
    // PreRuntime, "aura", length 8, the slot.
    assert_eq!(item[..6], *b"\x06aura\x20", "{logs:?}");
    u64::from_le_bytes(item[6..14].try_into().expect("eight bytes"))
}

#[test]
fn four_authorities_agree_lose_one_and_take_it_back() {
    let mut consortium = Consortium::start();
    consortium.wait_finalised(4);
    for member in &consortium.members {
        let health = rpc::call(member.rpc, "system_health", json!([]));
        assert_eq!((&health["peers"], &health["isSyncing"]), (&json!(3), &json!(false)), "{health}");
        let peers = rpc::call(member.rpc, "system_peers", json!([]));
        let peers = peers.as_array().expect("a list");
        assert!(peers.iter().all(|peer| peer["roles"] == json!("AUTHORITY")), "{peers:?}");
    }

    // A transaction handed to one is final for all.
    let [alice, others @ ..] = &consortium.members[..] else { panic!("four members") };
    let domain = Domain::of(alice.rpc);
    let nonce = sign::finalised_nonce(alice.rpc);
    let transfer = domain.transfer(nonce, &[7; 32], 1_000_000_000_000);
    rpc::call(alice.rpc, "author_submitExtrinsic", json!([hex0x(&transfer)]));
    for other in others {
        wait_for("the transfer", SOON, || (sign::finalised_nonce(other.rpc) > nonce).then_some(()));
    }

    // Every author has its turn.
    let height = consortium.assert_agreement();
    let headers = (1..=height).map(|number| {
        let hash = consortium.members[0].hash(number);
        rpc::call(consortium.members[0].rpc, "chain_getHeader", json!([hash]))
    });
    let slots: Vec<u64> = headers.map(|header| slot(&header)).collect();
    assert!(slots.windows(2).all(|pair| pair[0] < pair[1]), "{slots:?}");
    let authors: std::collections::BTreeSet<u64> = slots.iter().map(|slot| slot % 4).collect();
    assert_eq!(authors.len(), 4, "{slots:?}");

    // Three of four are enough; the fourth catches up by itself.
    consortium.members[3].kill();
    consortium.wait_finalised(height + 5);
    consortium.restart(3);
    let now = consortium.members[0].best();
    consortium.wait_finalised(now + 2);
    let authored = consortium.members[3].process.as_ref().map(Process::output).unwrap_or_default();
    wait_for("a block of the one that came back", SOON, || {
        let log = consortium.members[3].process.as_ref().map(Process::output).unwrap_or_default();
        log[authored.len()..].contains("Prepared block").then_some(())
    });
    consortium.assert_agreement();
}

/// What a node with one peer of three says about finality, its peer and its best block.
fn explains_why_it_stands(port: u16) {
    let url = format!("http://127.0.0.1:{port}");
    let told = run_quire(&["explain", "finality", "--url", &url]);
    let text = String::from_utf8_lossy(&told.stdout);
    let sentence = text.lines().next().unwrap_or_default();
    let (_, missing) = sentence.split_once("missing: ").unwrap_or_else(|| panic!("{told:?}"));
    assert_eq!(missing.split(", ").count(), 2, "{sentence}");
    assert!(sentence.contains("2 of 4 are there, 3 are needed"), "{sentence}");
    let finality = rpc::call(port, "quire_explainFinality", json!([]));
    assert_eq!((&finality["authorities"], &finality["isVoter"]), (&json!(4), &json!(true)), "{finality}");
    let block =
        rpc::call(port, "quire_explainBlock", json!([rpc::call(port, "chain_getBlockHash", json!([]))]));
    assert_eq!(block["state"], json!("waiting"), "{block}");
    let peers = rpc::call(port, "quire_explainPeer", json!([]));
    let connected = peers.as_array().map_or(0, Vec::len);
    assert_eq!(connected, 1, "{peers}");
    let unknown = run_quire(&["explain", "block", "999999", "--url", &url]);
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("999999"));
}

#[test]
fn two_of_four_grow_the_chain_and_finalise_nothing() {
    let mut consortium = Consortium::start();
    consortium.wait_finalised(3);
    consortium.members[2].kill();
    consortium.members[3].kill();
    // Votes under way may still make a block final.
    let pause = consortium.members[0].best() + 1;
    wait_for("a block", SOON, || (consortium.members[0].best() >= pause).then_some(()));
    let before = consortium.members[0].finalised();
    wait_for("blocks of two", SOON, || (consortium.members[0].best() >= pause + 3).then_some(()));
    assert_eq!(consortium.members[0].finalised(), before, "two of four finalise nothing");
    explains_why_it_stands(consortium.members[0].rpc);
    let grown = consortium.members[0].best();
    for place in [2, 3] {
        consortium.start_one(place);
    }
    for place in [2, 3] {
        consortium.members[place].wait_until_up();
    }
    let back = std::time::Instant::now();
    consortium.wait_finalised(grown);
    let took = back.elapsed();
    assert!(took < Duration::from_secs(20), "finality took {took:?} to come back");
    consortium.assert_agreement();
}

#[test]
fn a_partition_heals_without_a_hand() {
    let plan = Plan {
        quire: env!("CARGO_BIN_EXE_quire").into(),
        // Below the ports that the system gives away.
        port: 21_200 + u16::try_from(std::process::id() % 200).expect("small") * 40,
        seconds: 1,
        transfers_per_s: 20,
        faults: Faults::Partition(6),
        seed: 1,
        json: false,
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let report = runtime.block_on(run::run(&plan)).unwrap_or_else(|why| panic!("{why}"));
    assert!(report.faults().is_empty(), "{:#?}\n{}", report.faults(), report.table());
    assert!(report.included > 0, "{}", report.table());
}

#[test]
fn a_late_full_node_gets_everything() {
    const BLOCKS: u32 = 320;
    // Slots so short that many blocks are made soon; each on order.
    let plain = run_quire(&["build-spec", "--chain", "dev"]);
    let mut spec: Value = serde_json::from_slice(&plain.stdout).expect("build-spec prints JSON");
    spec["genesis"]["runtimeGenesis"]["config"]["slotDurationMs"] = json!(100);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("spec.json");
    std::fs::write(&path, spec.to_string()).expect("the folder is ours");
    let mut consortium = Consortium::of(path.to_str().expect("temporary paths are UTF-8"));
    consortium.add(&["--alice", "--sealing", "manual", "--force-authoring"]);
    consortium.restart(0);
    for number in 1..=BLOCKS {
        let finalise = number % 40 == 0;
        rpc::call(consortium.members[0].rpc, "engine_createBlock", json!([true, finalise, null]));
    }
    consortium.add(&[]);
    consortium.restart(1);
    let state = |place: usize| rpc::call(consortium.members[place].rpc, "system_syncState", json!([]));
    consortium.wait_finalised(BLOCKS);
    assert_eq!(consortium.assert_agreement(), BLOCKS);
    assert_eq!((&state(1)["currentBlock"], &state(1)["highestBlock"]), (&json!(BLOCKS), &json!(BLOCKS)));

    // From now on it follows, and passes on what it is given.
    let follower = &consortium.members[1];
    let nonce = sign::finalised_nonce(follower.rpc);
    let transfer = Domain::of(follower.rpc).transfer(nonce, &[7; 32], 1_000_000_000_000);
    rpc::call(follower.rpc, "author_submitExtrinsic", json!([hex0x(&transfer)]));
    let author = consortium.members[0].rpc;
    wait_for("the transfer at the author", SOON, || {
        let pending = rpc::call(author, "author_pendingExtrinsics", json!([]));
        (pending == json!([hex0x(&transfer)])).then_some(())
    });
    rpc::call(author, "engine_createBlock", json!([false, true, null]));
    wait_for("the transfer", SOON, || (sign::finalised_nonce(follower.rpc) > nonce).then_some(()));
}
