//! subxt on the new JSON-RPC API: its chainHead backend, its archive backend, and the choice that it makes by itself.
//!
//! Usage: subxt-suite ws://HOST:PORT
mod recorder;

use recorder::{Methods, connect};
use std::sync::Arc;
use std::time::Duration;
use subxt::backend::{ArchiveBackend, ChainHeadBackend};
use subxt::dynamic::{self, Value};
use subxt::rpcs::methods::ChainHeadRpcMethods;
use subxt::rpcs::methods::chain_head::{FollowEvent, MethodResponse};
use subxt::{OnlineClient, SubstrateConfig};
use subxt_signer::sr25519::dev;

type Api = OnlineClient<SubstrateConfig>;
type Done = Result<(), Box<dyn std::error::Error>>;

const LIMIT: Duration = Duration::from_secs(55);
const UNIT: u128 = 1_000_000_000_000;

#[tokio::main]
async fn main() {
    let Some(url) = std::env::args().nth(1) else {
        eprintln!("usage: subxt-suite ws://HOST:PORT");
        std::process::exit(2)
    };
    match tokio::time::timeout(LIMIT, run(&url)).await {
        Ok(Ok(())) => println!("subxt: all passed"),
        Ok(Err(why)) => fail(&why.to_string()),
        Err(_) => fail("not done in time"),
    }
}

fn fail(why: &str) {
    println!("FAIL subxt: {why}");
    std::process::exit(1)
}

async fn run(url: &str) -> Done {
    chain_head(url).await?;
    archive(url).await?;
    own_choice(url).await
}

async fn chain_head(url: &str) -> Done {
    let (rpc, methods) = connect(url).await?;
    let backend = ChainHeadBackend::builder().build_with_background_driver(rpc.clone());
    let api = Api::from_backend(Arc::new(backend)).await?;
    reads(&api).await?;
    ok("chainHead: storage, constants, a whole map and the runtime are read");
    follows(&api).await?;
    ok("chainHead: best and finalised blocks are followed");
    transfers(&api).await?;
    ok("chainHead: a transfer is watched to finality, a failing one is decoded");
    only(&methods, &["chainHead_v1_", "chainSpec_v1_", "transactionWatch_v1_"])?;
    ok("chainHead: nothing but the new API was used");
    failing_call(ChainHeadRpcMethods::<Rpc>::new(rpc)).await?;
    ok("chainHead: a failing runtime call is told by operationError");
    Ok(())
}

async fn archive(url: &str) -> Done {
    let (rpc, methods) = connect(url).await?;
    let api = Api::from_backend(Arc::new(ArchiveBackend::new(rpc))).await?;
    reads(&api).await?;
    ok("archive: storage, constants, a whole map and the runtime are read");
    let first = api.at_block(1u64).await?;
    must(first.block_number() == 1, "block 1 is found by its number")?;
    must(!first.extrinsics().fetch().await?.is_empty(), "block 1 has its timestamp")?;
    let refused = first.runtime_apis().call_raw("Nothing_at_all", None).await;
    must(
        refused.is_err_and(|why| format!("{why:?}").contains("Nothing_at_all")),
        "a failing call names itself",
    )?;
    ok("archive: blocks by number, and a failing runtime call is an error");
    transfers(&api).await?;
    ok("archive: a transfer is watched to finality, a failing one is decoded");
    only(&methods, &["archive_v1_", "transactionWatch_v1_"])?;
    ok("archive: nothing but the new API was used");
    Ok(())
}

/// Which backends subxt takes when nobody tells it.
async fn own_choice(url: &str) -> Done {
    let (rpc, methods) = connect(url).await?;
    let api = Api::from_rpc_client(rpc).await?;
    reads(&api).await?;
    transfers(&api).await?;
    only(&methods, &["rpc_methods", "archive_v1_", "chainHead_v1_", "transactionWatch_v1_"])?;
    ok("by itself: subxt takes the new API for everything");
    Ok(())
}

async fn reads(api: &Api) -> Done {
    let at = api.at_current_block().await?;
    let alice = dev::alice().public_key().0;
    let account = dynamic::storage::<([u8; 32],), Value>("System", "Account");
    at.storage().fetch(&account, (alice,)).await?.decode()?;
    must(at.storage().fetch_raw(vec![0xde, 0xad]).await.is_err(), "an absent key has no value")?;
    let mut entries = at.storage().iter(&account, ()).await?;
    let mut count = 0;
    while let Some(entry) = entries.next().await {
        entry?.value().decode()?;
        count += 1;
    }
    must(count >= 2, "the accounts of development chains")?;
    let nonce = dynamic::runtime_api_call::<_, u32>("AccountNonceApi", "account_nonce", (alice,));
    at.runtime_apis().call(nonce).await?;
    let deposit = at.constants().entry(dynamic::constant::<u128>("Balances", "ExistentialDeposit"))?;
    must(deposit > 0, "a constant is read")?;
    must(!at.extrinsics().fetch().await?.is_empty() || at.block_number() == 0, "the body is read")
}

async fn follows(api: &Api) -> Done {
    let mut best = api.stream_best_blocks().await?;
    let mut all = api.stream_all_blocks().await?;
    let mut finalised = api.stream_blocks().await?;
    let mut last = None;
    for _ in 0..4 {
        let block = finalised.next().await.ok_or("the stream of finalised blocks ended")??;
        must(last.is_none_or(|last| block.number() == last + 1), "finalised blocks come without gaps")?;
        last = Some(block.number());
        best.next().await.ok_or("the stream of best blocks ended")??;
        all.next().await.ok_or("the stream of all blocks ended")??;
    }
    Ok(())
}

async fn transfers(api: &Api) -> Done {
    let transfer = |amount: u128| {
        let to = dev::bob().public_key().to_address::<()>();
        dynamic::transaction("Balances", "transfer_keep_alive", (to, amount))
    };
    let mut tx = api.tx().await?;
    let watched = tx.sign_and_submit_then_watch_default(&transfer(UNIT), &dev::alice()).await?;
    let events = watched.wait_for_finalized_success().await?;
    let is_told = |name: &str| {
        events.iter().any(|event| {
            event.is_ok_and(|event| format!("{}.{}", event.pallet_name(), event.event_name()) == name)
        })
    };
    must(is_told("Balances.Transfer") && is_told("System.ExtrinsicSuccess"), "the events of the transfer")?;
    let mut tx = api.tx().await?;
    let watched = tx.sign_and_submit_then_watch_default(&transfer(u128::MAX / 2), &dev::alice()).await?;
    let failed = watched.wait_for_finalized_success().await;
    must(failed.is_err_and(|why| why.to_string().contains("InsufficientBalance")), "the failure by its name")
}

type Rpc = subxt::config::RpcConfigFor<SubstrateConfig>;

/// Below subxt's backend, which waits for ever for the success of a call.
async fn failing_call(methods: ChainHeadRpcMethods<Rpc>) -> Done {
    let mut follow = methods.chainhead_v1_follow(true).await?;
    let id = follow.subscription_id().ok_or("the follow has no id")?.to_owned();
    let mut head = None;
    while head.is_none() {
        if let FollowEvent::Initialized(first) = follow.next().await.ok_or("the follow ended")?? {
            head = first.finalized_block_hashes.last().copied();
        }
    }
    let head = head.ok_or("no final block")?;
    for (function, bytes) in [("Nothing_at_all", &[][..]), ("TransactionPaymentApi_query_info", &[0])] {
        let MethodResponse::Started(call) = methods.chainhead_v1_call(&id, head, function, bytes).await?
        else {
            return Err("the call did not start".into());
        };
        loop {
            match follow.next().await.ok_or("the follow ended")?? {
                FollowEvent::OperationError(why) if why.operation_id == call.operation_id => break,
                FollowEvent::OperationCallDone(done) if done.operation_id == call.operation_id => {
                    return Err(format!("{function} succeeded").into());
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn only(methods: &Methods, prefixes: &[&str]) -> Done {
    let sent = methods.sent();
    let strange: Vec<_> =
        sent.iter().filter(|method| !prefixes.iter().any(|prefix| method.starts_with(prefix))).collect();
    let unused: Vec<_> =
        prefixes.iter().filter(|prefix| !sent.iter().any(|method| method.starts_with(**prefix))).collect();
    must(strange.is_empty(), &format!("only {prefixes:?} are used, not {strange:?}"))?;
    must(unused.is_empty(), &format!("{unused:?} are used"))
}

fn must(holds: bool, what: &str) -> Done {
    if holds { Ok(()) } else { Err(format!("not so: {what}").into()) }
}

fn ok(what: &str) {
    println!("ok   subxt: {what}");
}
