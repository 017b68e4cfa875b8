use super::*;

#[test]
fn r1_the_raw_form_has_no_key_that_light_clients_refuse() {
    let raw = ChainSpec::dev().to_raw().unwrap().to_json().unwrap();
    let json: Value = serde_json::from_str(&raw).unwrap();
    const ALLOWED: &[&str] = &[
        "name",
        "id",
        "chainType",
        "codeSubstitutes",
        "bootNodes",
        "telemetryEndpoints",
        "protocolId",
        "forkId",
        "blockNumberBytes",
        "properties",
        "forkBlocks",
        "badBlocks",
        "consensusEngine",
        "genesis",
        "lightSyncState",
    ];
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert!(keys.iter().all(|key| ALLOWED.contains(&key.as_str())), "{keys:?}");
    for required in ["name", "id", "bootNodes", "genesis"] {
        assert!(json.get(required).is_some(), "{required}");
    }
    let genesis = json["genesis"].as_object().unwrap();
    assert_eq!(genesis.keys().collect::<Vec<_>>(), ["raw"]);
    assert!(json["genesis"]["raw"]["top"]["0x3a636f6465"].as_str().unwrap().starts_with("0x"));
    assert_eq!(json["genesis"]["raw"]["childrenDefault"], json!({}));
}

#[test]
fn r4_all_forms_of_a_spec_are_one_chain() {
    let spec = ChainSpec::dev();
    let hash = spec.genesis().unwrap().hash();
    let reread = |spec: &ChainSpec| ChainSpec::parse(spec.to_json().unwrap().as_bytes(), "test").unwrap();
    assert_eq!(reread(&spec).genesis().unwrap().hash(), hash);
    let raw = spec.to_raw().unwrap();
    assert_eq!(reread(&raw).genesis().unwrap().hash(), hash);
    assert_eq!(reread(&raw).to_json().unwrap(), raw.to_json().unwrap());
    assert_ne!(ChainSpec::local().genesis().unwrap().hash(), hash);
}

#[test]
fn r5_code_that_is_no_runtime_is_refused() {
    let with_code = |code: &[u8]| {
        let mut spec: Value = serde_json::from_str(&ChainSpec::dev().to_json().unwrap()).unwrap();
        spec["genesis"]["runtimeGenesis"]["code"] = json!(format!("0x{}", hex::encode(code)));
        let spec = ChainSpec::parse(spec.to_string().as_bytes(), "x.json").unwrap();
        spec.genesis().err().unwrap().to_string()
    };
    for (code, expected) in [(&b"hello"[..], "no Wasm"), (b"\0asm\x01\0\0\0", "it does not export")] {
        let text = with_code(code);
        assert!(text.contains("no runtime") && text.contains(expected), "{text}");
    }
}

#[test]
fn r5_the_addresses_of_a_spec_have_its_prefix() {
    let mut spec = ChainSpec::dev();
    spec.properties = Some(json!({ "ss58Format": 0 }));
    let error = spec.genesis().err().unwrap().to_string();
    assert!(error.contains("authorities.account[0]") && error.contains("write 15oF4u"), "{error}");
}

#[test]
fn the_local_preset_is_a_consortium_of_four() {
    let local = ChainSpec::local();
    let json: Value = serde_json::from_str(&local.to_json().unwrap()).unwrap();
    let config = &json["genesis"]["runtimeGenesis"]["config"];
    for list in ["authorities", "members", "validators"] {
        assert_eq!(config[list].as_array().unwrap().len(), 4, "{list}");
    }
    let members: Vec<_> =
        config["members"].as_array().unwrap().iter().map(|member| member["account"].clone()).collect();
    let accounts: Vec<_> =
        config["authorities"].as_array().unwrap().iter().map(|one| one["account"].clone()).collect();
    assert_eq!(accounts, members);
    assert_eq!(config["validators"][0]["account"], members[0]);
    assert_eq!(config["members"][0]["key"], json!(format!("sr25519:{}", members[0].as_str().unwrap())));
    local.genesis().unwrap();
}

#[test]
fn boot_nodes_are_checked_and_added_once() {
    let address =
        "/ip4/127.0.0.1/tcp/30333/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp".to_owned();
    let spec = ChainSpec::dev().with_boot_nodes(&[address.clone(), address.clone()]).unwrap();
    assert_eq!(spec.boot_nodes, [address]);
    assert_eq!(spec.genesis().unwrap().hash(), ChainSpec::dev().genesis().unwrap().hash());
    for wrong in ["/ip4/127.0.0.1/tcp/30333", "here", "/ip4/127.0.0.1/tcp/30333/p2p/Qm"] {
        let error = ChainSpec::dev().with_boot_nodes(&[wrong.into()]).err().unwrap().to_string();
        assert!(error.contains(wrong), "{error}");
    }
}

#[test]
fn mistakes_in_a_file_are_explained() {
    let good: Value = serde_json::from_str(&ChainSpec::dev().to_json().unwrap()).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut spec = good.clone();
        change(&mut spec);
        match ChainSpec::parse(spec.to_string().as_bytes(), "x.json") {
            Ok(spec) => spec.genesis().err().unwrap().to_string(),
            Err(error) => error.to_string(),
        }
    };
    type Change<'a> = &'a dyn Fn(&mut Value);
    let config = |spec: &mut Value, path: &str, value: Value| {
        *spec.pointer_mut(&format!("/genesis/runtimeGenesis/config/{path}")).unwrap() = value;
    };
    let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    let polkadot_alice = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5";
    let keys = |aura: &str| {
        static NEXT: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);
        let other = ss58::encode(
            &AccountId([NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed); 32]),
            ss58::DEVELOPMENT_PREFIX,
        );
        json!({ "account": other, "aura": aura, "grandpa": other })
    };
    let cases: [(&str, Change); 17] = [
        ("unknown field `slots`", &|spec| spec["genesis"]["runtimeGenesis"]["config"]["slots"] = json!(1)),
        ("expected u64", &|spec| config(spec, "slotDurationMs", json!("1000"))),
        ("authorities.aura[1]: 5Grwva", &|spec| {
            config(spec, "authorities", json!([keys(alice), keys(alice)]))
        }),
        ("stands at members[0] already", &|spec| {
            let member =
                json!({ "account": alice, "name": "A", "key": format!("sr25519:{alice}"), "validUntil": 1 });
            config(spec, "members", json!([member, member]));
        }),
        ("certificateRoot: secp:x must be", &|spec| config(spec, "certificateRoot", json!("secp:x"))),
        ("cannot be exceeded", &|spec| config(spec, "memberShares/revoke", json!([1, 1]))),
        ("balances[1]: ", &|spec| config(spec, "balances", json!([[alice, "1"], [alice, "1"]]))),
        ("address of network 0, this chain's ss58Format is 42: write 5Grwva", &|spec| {
            config(spec, "authorities/0/grandpa", json!(polkadot_alice))
        }),
        ("chainType \"Test\"", &|spec| spec["chainType"] = json!("Test")),
        ("ss58Format 70000", &|spec| spec["properties"]["ss58Format"] = json!(70_000)),
        ("codeSubstitutes", &|spec| spec["codeSubstitutes"] = json!({ "1": "0x00" })),
        ("unknown field `slotz`", &|spec| spec["slotz"] = json!(1)),
        ("names a folder", &|spec| spec["id"] = json!("../etc")),
        ("is no amount of plancks", &|spec| {
            spec["genesis"]["runtimeGenesis"]["config"]["balances"][0][1] = json!(-1)
        }),
        ("is no SS58 address", &|spec| {
            spec["genesis"]["runtimeGenesis"]["config"]["authorities"][0]["account"] = json!("Alice")
        }),
        ("is no hex", &|spec| spec["genesis"]["runtimeGenesis"]["code"] = json!("0xzz")),
        (":code", &|spec| spec["genesis"] = json!({ "raw": { "top": {}, "childrenDefault": {} } })),
    ];
    for (expected, change) in cases {
        let text = with(change);
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let missing = ChainSpec::load("./no-such-spec.json").err().unwrap().to_string();
    assert!(missing.contains("no-such-spec.json") && missing.contains("presets dev and local"), "{missing}");
    assert!(ChainSpec::parse(b"{", "x.json").err().unwrap().to_string().contains("x.json"));
}
