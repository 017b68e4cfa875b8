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
    let cases: [(&str, Change); 6] = [
        ("unknown field `slotz`", &|spec| spec["slotz"] = json!(1)),
        ("names a folder", &|spec| spec["id"] = json!("../etc")),
        ("is no amount of plancks", &|spec| {
            spec["genesis"]["runtimeGenesis"]["config"]["balances"][0][1] = json!(-1)
        }),
        ("is no SS58 address", &|spec| {
            spec["genesis"]["runtimeGenesis"]["config"]["aura"][0] = json!("Alice")
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
