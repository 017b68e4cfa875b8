//! Methods for operators and watchers of finality, and the bounds of large reads.
use super::fake::{Fake, State};
use super::{Value, ask, failure, hex, json, notification, raw, result, subscribe};
use crate::{Backend, RpcConfig};
use parity_scale_codec::Decode;
use quire_core::{H256, Header, OpaqueExtrinsic};
use std::sync::Arc;

/// The answer on a port that serves unsafe methods.
async fn trusted(fake: &Arc<Fake>, config: RpcConfig, method: &str, params: Value) -> Value {
    let methods = crate::methods(config, fake.clone(), true).unwrap();
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    ask(&methods, &request).await.0
}

#[tokio::test]
async fn dry_run_shows_the_bytes_of_the_outcome_or_why_there_is_none() {
    let fake = Fake::new();
    let run = |bytes: &'static str| trusted(&fake, RpcConfig::default(), "system_dryRun", json!([bytes]));
    assert_eq!(run("0x080409").await["result"], "0x0000");
    let failed = run("0x080408").await["error"].clone();
    assert_eq!((&failed["code"], &failed["message"]), (&json!(1), &json!("Unable to dry run extrinsic.")));
    assert!(failed["data"].as_str().unwrap().contains("BlockBuilder_apply_extrinsic"), "{failed}");
    assert_eq!(run("0x08").await["error"]["code"], 1001);
}

#[tokio::test]
async fn extrinsics_are_removed_by_hash_or_by_themselves() {
    let fake = Fake::new();
    let hash = OpaqueExtrinsic(vec![4, 9]).hash().to_string();
    let other = hex([7; 32]);
    for named in [
        json!([{ "hash": hash }, { "hash": other }]),
        json!([{ "extrinsic": "0x080409" }]),
        json!([hash, other]),
        json!(["0x080409"]),
    ] {
        let answer = trusted(&fake, RpcConfig::default(), "author_removeExtrinsic", json!([named])).await;
        assert_eq!(answer["result"], json!([hash]), "{named}");
    }
    for wrong in [json!([["0x12"]]), json!([[{ "hash": 5 }]]), json!([hash]), json!([])] {
        let answer = trusted(&fake, RpcConfig::default(), "author_removeExtrinsic", wrong.clone()).await;
        assert_eq!(answer["error"]["code"], -32602, "{wrong}");
    }
}

#[tokio::test]
async fn the_log_filter_is_added_to_and_refused_by_name() {
    let fake = Fake::new();
    let add = |text: &'static str| trusted(&fake, RpcConfig::default(), "system_addLogFilter", json!([text]));
    assert_eq!(add("rpc=debug").await["result"], Value::Null);
    let refused = add("???").await;
    assert!(refused["error"]["message"].as_str().unwrap().contains("???"), "{refused}");
    let reset = trusted(&fake, RpcConfig::default(), "system_resetLogFilter", json!([])).await;
    assert_eq!(reset, json!({ "result": null }));
}

#[tokio::test]
async fn round_state_has_substrates_shape_and_an_error_for_those_who_do_not_vote() {
    let fake = Fake::new();
    let votes = json!({ "currentWeight": 1, "missing": ["5Missing"] });
    let round = |number: u64| json!({ "round": number, "totalWeight": 2, "thresholdWeight": 2, "prevotes": votes, "precommits": votes });
    let expected = json!({ "setId": 3, "best": round(5), "background": [round(4)] });
    assert_eq!(result(&fake, "grandpa_roundState", json!([])).await, expected);
    fake.push(State::new(), 1);
    let refused = failure(&fake, "grandpa_roundState", json!([])).await;
    assert_eq!((refused.0, &*refused.1), (1, "GRANDPA RPC endpoint not ready"));
}

#[tokio::test]
async fn finality_is_proven_by_the_next_justification() {
    let fake = Fake::new();
    for number in [json!(0), json!("0x0")] {
        let proof = result(&fake, "grandpa_proveFinality", json!([number])).await;
        let bytes = hex::decode(proof.as_str().unwrap().trim_start_matches("0x")).unwrap();
        let (block, justification, headers) =
            <(H256, Vec<u8>, Vec<Header>)>::decode(&mut &bytes[..]).unwrap();
        assert_eq!((block, justification), (fake.hash(1), vec![1, 2, 3]));
        assert_eq!(headers.iter().map(Header::hash).collect::<Vec<_>>(), [fake.hash(1)]);
    }
    let (code, message, _) = failure(&fake, "grandpa_proveFinality", json!([2])).await;
    assert_eq!((code, &*message), (4, "GRANDPA prove finality rpc failed: Block not yet finalized"));
    fake.finalize(2);
    assert_eq!(result(&fake, "grandpa_proveFinality", json!([2])).await, Value::Null, "not proven yet");
}

#[tokio::test]
async fn justifications_are_streamed_as_blocks_become_final() {
    let fake = Fake::new();
    let methods = super::module(&fake);
    let (id, mut stream) = subscribe(&methods, "grandpa_subscribeJustifications", json!([])).await;
    fake.finalize(2);
    fake.finalize(1);
    let first = notification(&mut stream, "grandpa_justifications", &id).await;
    assert_eq!(first, "0x010203", "block 2 carries none and is passed over");
}

#[tokio::test]
async fn r8_whole_lists_of_keys_are_bounded() {
    let fake = Fake::new();
    let keys = trusted(&fake, RpcConfig::default(), "state_getKeys", json!(["0x"])).await;
    assert_eq!(keys["result"], json!([hex(":code"), hex("k")]));
    let pairs = trusted(&fake, RpcConfig::default(), "state_getPairs", json!([hex("k")])).await;
    assert_eq!(pairs["result"], json!([[hex("k"), "0x02"]]));
    let few = RpcConfig { max_keys_per_call: 1, ..RpcConfig::default() };
    for method in ["state_getKeys", "state_getPairs"] {
        let refused = trusted(&fake, few.clone(), method, json!(["0x"])).await;
        assert_eq!(refused["error"]["code"], 4002, "{method}");
    }
}

#[tokio::test]
async fn r8_one_large_value_asked_for_many_times_is_refused() {
    let fake = Fake::new();
    fake.push(State::from([(b"large".to_vec(), vec![7; 10_000])]), 1);
    let config = RpcConfig { max_response_bytes: 100_000, ..RpcConfig::default() };
    let keys = json!([vec![hex("large"); 100]]);
    let refused = trusted(&fake, config.clone(), "state_queryStorageAt", keys.clone()).await;
    assert_eq!(refused["error"]["code"], -32008, "{refused}");
    let range = json!([vec![hex("large"); 3], fake.best().hash.to_string()]);
    assert!(trusted(&fake, config.clone(), "state_queryStorage", range).await.get("result").is_some());
    let methods = crate::methods(config, fake, false).unwrap();
    let (_, mut stream) = subscribe(&methods, "state_subscribeStorage", keys).await;
    let ended = stream.recv().await.unwrap();
    assert!(ended.get().contains("error") && ended.get().contains("too big"), "{}", ended.get());
}

#[tokio::test]
async fn a_range_of_blocks_follows_parents_and_must_be_one_line() {
    let fake = Fake::new();
    let (first, last) = (fake.hash(0).to_string(), fake.hash(2).to_string());
    let ask = |params: Value| trusted(&fake, RpcConfig::default(), "state_queryStorage", params);
    let sets = ask(json!([[hex("gone")], first, last])).await;
    assert_eq!(
        sets["result"],
        json!([
            { "block": first, "changes": [[hex("gone"), "0x09"]] },
            { "block": last, "changes": [[hex("gone"), null]] },
        ])
    );
    let backwards = ask(json!([[hex("k")], last, first])).await;
    assert_eq!(backwards["error"]["code"], 4001, "{backwards}");
    let unknown = ask(json!([[hex("k")], hex([9; 32])])).await;
    assert_eq!(unknown["error"]["code"], 4001, "{unknown}");
    assert!(raw(&fake, "state_queryStorage", json!([[], first])).await.get("error").is_some());
}
