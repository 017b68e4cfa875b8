//! The repository checks itself: layering, homes of heavy dependencies, file sizes, module docs, links, leftovers and
//! the provenance of the Wasm blobs. A review remark made twice becomes a check here.
//!
//! * **T1** A crate depends only on the crates that [`LAYERS`] allows; knowledge points down.
//! * **T2** A heavy dependency has one home ([`HOMES`]).
//! * **T3** Cores (everything below the line) never see tokio, a clock, a disk, a socket or a random source.
//! * **T4** Every source file opens with a `//!` doc or is a `tests.rs`; none has more than 800 lines.
//! * **T5** No leftover words of unfinished work, no ignored test, no sleeping.
//! * **T6** `unsafe` stands only in the files of [`UNSAFE`].
//! * **T7** The visible root is what the README shows.
//! * **T8** Checked-in blobs are as new as their sources.
//! * **T9** Relative links of README files lead somewhere.
//! * **T10** Every dependency of the workspace states its reason in the line above it.

use quire_tests::{blob, root};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// T1: crate and what it may know of ours, lowest first.
const LAYERS: &[(&str, &[&str])] = &[
    ("quire-core", &[]),
    ("quire-trie", &["quire-core"]),
    ("quire-channel", &["quire-core", "quire-trie"]),
    ("quire-certificate", &["quire-core"]),
    ("pallet-support", &["quire-core", "quire-trie"]),
    ("pallet-system", &["quire-core", "pallet-support"]),
    ("pallet-timestamp", &["quire-core", "pallet-*"]),
    ("pallet-balances", &["quire-core", "pallet-*"]),
    ("pallet-transaction-payment", &["quire-core", "pallet-*"]),
    ("pallet-aura", &["quire-core", "pallet-*"]),
    ("pallet-grandpa", &["quire-core", "pallet-*"]),
    ("pallet-upgrade", &["quire-core", "pallet-*"]),
    ("pallet-members", &["quire-core", "quire-certificate", "pallet-*"]),
    ("pallet-bonds", &["quire-core", "quire-channel", "pallet-*"]),
    ("pallet-session", &["quire-core", "pallet-*"]),
    ("pallet-equivocation", &["quire-core", "pallet-*"]),
    ("pallet-randomness", &["quire-core", "pallet-*"]),
    ("pallet-channels", &["quire-core", "quire-channel", "pallet-*"]),
    ("pallet-anchors", &["quire-core", "quire-channel", "pallet-*"]),
    ("pallet-utility", &["quire-core", "pallet-*"]),
    ("pallet-multisig", &["quire-core", "pallet-*"]),
    ("pallet-proxy", &["quire-core", "pallet-*"]),
    ("quire-runtime", &["quire-core", "quire-channel", "quire-certificate", "pallet-*"]),
    ("quire-consensus", &["quire-core"]),
    ("quire-chain", &["quire-core", "quire-trie", "quire-consensus"]),
    ("quire-pool", &["quire-core"]),
    ("quire-offchain", &["quire-core", "quire-channel"]),
    ("quire-store", &["quire-core", "quire-trie", "quire-chain"]),
    ("quire-executor", &["quire-core", "quire-trie", "quire-chain", "quire-channel"]),
    ("quire-network", &["quire-core", "quire-chain", "quire-consensus", "quire-offchain"]),
    ("quire-rpc", &["quire-core", "quire-chain", "quire-pool", "quire-offchain"]),
    ("quire", &["*"]),
    ("quire-tests", &["*"]),
    ("quire-fuzz", &["*"]),
];

/// T2: a heavy dependency and the crates that may name it.
const HOMES: &[(&str, &[&str])] = &[
    ("sled", &["quire-store"]),
    ("wasmtime", &["quire-executor"]),
    ("wasm-instrument", &["quire-executor"]),
    ("libp2p", &["quire-network"]),
    ("jsonrpsee", &["quire-rpc", "quire-tests"]),
    ("clap", &["quire"]),
    ("indicatif", &["quire"]),
    ("merkle_light", &["quire-channel"]),
    ("zstd", &["quire-offchain"]),
    ("chacha20poly1305", &["quire-offchain"]),
    // The node decodes the metadata of new code before it accepts the code.
    ("frame-metadata", &["pallet-support", "quire-runtime", "quire"]),
];

/// T3: what no core may depend on, and the shells that may.
const SHELL_ONLY: &[&str] = &["tokio", "tracing", "tracing-subscriber", "getrandom", "rustix", "futures"];
const SHELLS: &[&str] =
    &["quire", "quire-network", "quire-rpc", "quire-store", "quire-executor", "quire-tests", "quire-fuzz"];
/// T3: one more exception each, with its reason.
const SHELL_EXCEPTIONS: &[(&str, &str, &str)] =
    &[("quire-offchain", "rustix", "the message log and chunk store own their files and their fdatasync")];

/// T6: the Wasm boundary on both sides: memory of host and guest, and machine code that we compiled ourselves.
const UNSAFE: &[&str] = &[
    "pallets/support/src/host/align.rs",
    "pallets/support/src/host/wasm.rs",
    "runtime/src/apis.rs",
    "runtime/src/wasm.rs",
    "runtime/programs/rtb/src/lib.rs",
    "runtime/programs/rtb/src/memory.rs",
    "node/executor/src/engine.rs",
    "node/executor/src/executor.rs",
    "node/executor/src/host.rs",
    "node/executor/src/program/compile.rs",
];

const MAX_LINES: usize = 800;

fn metadata() -> Value {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("cargo metadata prints JSON")
}

/// Normal dependencies of every member; `dev` adds those of tests.
fn dependencies(dev: bool) -> BTreeMap<String, BTreeSet<String>> {
    let meta = metadata();
    let mut out = BTreeMap::new();
    for package in meta["packages"].as_array().expect("packages") {
        let deps = package["dependencies"].as_array().expect("dependencies");
        let names = deps
            .iter()
            .filter(|d| dev || d["kind"].is_null())
            .map(|d| d["name"].as_str().expect("name").to_owned())
            .collect();
        out.insert(package["name"].as_str().expect("name").to_owned(), names);
    }
    out
}

/// Files that git tracks or would track, by ending.
fn files(ending: &str) -> Vec<PathBuf> {
    let out = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let list = String::from_utf8(out.stdout).expect("paths are UTF-8");
    let mut found: Vec<PathBuf> = list
        .split('\0')
        .filter(|f| f.ends_with(ending))
        .map(PathBuf::from)
        .filter(|f| root().join(f).is_file())
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no {ending} file found: the listing is broken");
    found
}

fn read(file: &Path) -> String {
    fs::read_to_string(root().join(file)).expect("a listed file can be read")
}

fn fail_if_any(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn t1_knowledge_points_down() {
    let (deps, mut wrong) = (dependencies(false), Vec::new());
    let ours: BTreeSet<&String> = deps.keys().collect();
    for (name, list) in &deps {
        let Some((_, allowed)) = LAYERS.iter().find(|(n, _)| n == name) else {
            wrong.push(format!("{name} is in no layer: add it to LAYERS in tests/tidy.rs"));
            continue;
        };
        for dep in list.iter().filter(|d| ours.contains(d)) {
            let ok = allowed
                .iter()
                .any(|a| *a == "*" || a == dep || (*a == "pallet-*" && pallet_below(dep, name)));
            if !ok {
                wrong.push(format!("{name} must not know {dep}"));
            }
        }
    }
    fail_if_any("T1 layering", &wrong);
}

/// Pallets call each other along the order of `LAYERS`, never back.
fn pallet_below(dep: &str, name: &str) -> bool {
    let place = |n: &str| LAYERS.iter().position(|(l, _)| *l == n);
    dep.starts_with("pallet-") && place(dep) < place(name)
}

#[test]
fn t2_heavy_dependencies_have_one_home() {
    let mut wrong = Vec::new();
    for (name, list) in dependencies(true) {
        for (heavy, homes) in HOMES {
            if list.contains(*heavy) && !homes.contains(&name.as_str()) {
                wrong.push(format!("{name} names {heavy}, whose home is {}", homes.join(", ")));
            }
        }
    }
    fail_if_any("T2 homes", &wrong);
}

#[test]
fn t3_cores_are_pure() {
    let mut wrong = Vec::new();
    for (name, list) in dependencies(false) {
        if SHELLS.contains(&name.as_str()) {
            continue;
        }
        for dep in SHELL_ONLY.iter().filter(|d| list.contains(**d)) {
            if !SHELL_EXCEPTIONS.iter().any(|(n, d, _)| *n == name && d == dep) {
                wrong.push(format!("{name} is a core and must not depend on {dep}"));
            }
        }
    }
    fail_if_any("T3 pure cores", &wrong);
}

#[test]
fn t4_files_are_documented_and_short() {
    let mut wrong = Vec::new();
    for file in files(".rs") {
        let (text, name) = (read(&file), file.display());
        let lines = text.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{name}: {lines} lines, at most {MAX_LINES}"));
        }
        let is_test = file.ends_with("tests.rs") || file.components().any(|c| c.as_os_str() == "tests");
        let opening = text.lines().find(|l| !l.trim().is_empty() && !l.starts_with("#!["));
        if !is_test && !opening.is_some_and(|l| l.starts_with("//!")) {
            wrong.push(format!("{name}: does not open with a //! doc"));
        }
    }
    fail_if_any("T4 files", &wrong);
}

#[test]
fn t5_nothing_is_left_unfinished() {
    // Written in pieces so that this file does not find itself.
    let words: Vec<String> = [
        ("to", "do!("),
        ("unimple", "mented!("),
        ("#[ig", "nore"),
        ("db", "g!("),
        ("TO", "DO"),
        ("FIX", "ME"),
        ("XX", "X"),
        ("HA", "CK"),
    ]
    .iter()
    .map(|(a, b)| format!("{a}{b}"))
    .collect();
    let mut wrong = Vec::new();
    for file in files(".rs") {
        for (n, line) in read(&file).lines().enumerate() {
            for word in words.iter().filter(|w| line.contains(w.as_str())) {
                wrong.push(format!("{}:{}: {word}", file.display(), n + 1));
            }
        }
    }
    fail_if_any("T5 leftovers", &wrong);
}

#[test]
fn t6_unsafe_stands_at_the_boundary_only() {
    let word = ["un", "safe"].concat();
    let forms = [" {", " fn ", " impl ", " extern "].map(|rest| format!("{word}{rest}"));
    let attribute = format!("#[{word}(");
    let mut wrong = Vec::new();
    for file in files(".rs") {
        let path = file.display().to_string();
        let code = read(&file).lines().any(|line| {
            let is_comment = line.trim_start().starts_with("//");
            !is_comment
                && (line.contains(&attribute) || forms.iter().any(|form| line.contains(form.as_str())))
        });
        if code && !UNSAFE.contains(&path.as_str()) {
            wrong.push(path);
        }
    }
    fail_if_any("T6 unsafe outside the boundary", &wrong);
}

#[test]
fn t7_the_visible_root_is_fixed() {
    let expected = [
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "chain-specs",
        "node",
        "pallets",
        "primitives",
        "runtime",
        "tests",
    ];
    let out = Command::new("git")
        .args(["ls-tree", "--name-only", "HEAD"])
        .current_dir(root())
        .output()
        .expect("git runs");
    let listed = String::from_utf8_lossy(&out.stdout).into_owned();
    let seen: Vec<&str> = listed.lines().filter(|n| !n.starts_with('.')).collect();
    assert_eq!(seen, expected, "T7 the visible root");
}

#[test]
fn t8_blobs_are_current() {
    let mut wrong = Vec::new();
    for b in &blob::BLOBS {
        let current = blob::sources_digest(&root(), b.sources).expect("sources are readable");
        match fs::read(root().join(b.path)) {
            Err(e) => wrong.push(format!("{}: {e}", b.path)),
            Ok(wasm) if blob::sealed_digest(&wasm) != Ok(Some(current)) => wrong.push(b.path.to_owned()),
            Ok(_) => {}
        }
    }
    fail_if_any("T8 blobs older than their sources (run runtime/build-wasm.sh)", &wrong);
}

#[test]
fn t9_links_lead_somewhere() {
    let mut wrong = Vec::new();
    for file in files(".md") {
        let folder = root().join(&file).parent().expect("a file has a folder").to_path_buf();
        for link in read(&file).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let local = !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
            if local && !folder.join(target).exists() {
                wrong.push(format!("{}: {link}", file.display()));
            }
        }
    }
    fail_if_any("T9 dead links", &wrong);
}

#[test]
fn t10_dependencies_state_their_reason() {
    let text = read(Path::new("Cargo.toml"));
    let section = text
        .split("[workspace.dependencies]")
        .nth(1)
        .expect("dependencies")
        .split("\n[")
        .next()
        .unwrap_or("");
    let (mut wrong, mut reason) = (Vec::new(), false);
    for line in section.lines() {
        if line.starts_with('#') {
            reason = true;
        } else if line.trim().is_empty() {
            reason = false;
        } else if !reason {
            wrong.push(line.to_owned());
        }
    }
    fail_if_any("T10 dependencies without a reason", &wrong);
}
