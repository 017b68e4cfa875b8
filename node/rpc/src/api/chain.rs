//! `chain_*`: hashes, headers, blocks and the streams of heads.
use super::{Context, Registered, Registry, Reply, reply};
use crate::backend::{Backend, BlockEvent, BlockRef};
use crate::error;
use crate::json::{BlockJson, HeaderJson, hash};
use crate::params::{Args, Number, OneOrMany};
use crate::subscription::{Outcome, Subscriber, lagged};
use quire_core::H256;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.read(&["chain_getBlockHash", "chain_getHead"], block_hash)?;
    registry.quick(&["chain_getFinalizedHead", "chain_getFinalisedHead"], |context, _| {
        reply(&hash(&context.backend.finalized().hash))
    })?;
    registry.read(&["chain_getHeader"], |context, args| {
        let at = Context::at(&*context.backend, args.optional("hash")?);
        let header = context.backend.header(&at).map_err(|why| error::client(&why))?;
        reply(&header.as_ref().map(HeaderJson))
    })?;
    registry.read(&["chain_getBlock"], |context, args| {
        let at = Context::at(&*context.backend, args.optional("hash")?);
        let block = context.backend.block(&at).map_err(|why| error::client(&why))?;
        reply(&block.as_ref().map(BlockJson))
    })?;
    heads(
        registry,
        Heads::Best,
        &["chain_subscribeNewHeads", "chain_subscribeNewHead", "subscribe_newHead"],
        "chain_newHead",
        &["chain_unsubscribeNewHeads", "chain_unsubscribeNewHead", "unsubscribe_newHead"],
    )?;
    heads(
        registry,
        Heads::All,
        &["chain_subscribeAllHeads"],
        "chain_allHead",
        &["chain_unsubscribeAllHeads"],
    )?;
    heads(
        registry,
        Heads::Finalized,
        &["chain_subscribeFinalizedHeads", "chain_subscribeFinalisedHeads"],
        "chain_finalizedHead",
        &["chain_unsubscribeFinalizedHeads", "chain_unsubscribeFinalisedHeads"],
    )
}

/// `chain_getBlockHash`: of the best block, of one number, or of a list of numbers.
fn block_hash(context: &Context, args: &mut Args) -> Reply {
    let backend = &*context.backend;
    let of = |number: Option<Number>| -> Result<Option<H256>, _> {
        match number {
            None => Ok(Some(backend.best().hash)),
            Some(number) => backend.hash_at(number.0).map_err(|why| error::client(&why)),
        }
    };
    match args.optional::<OneOrMany<Number>>("block number")? {
        None => reply(&of(None)?.as_ref().map(hash)),
        Some(OneOrMany::One(number)) => reply(&of(Some(number))?.as_ref().map(hash)),
        Some(OneOrMany::Many(numbers)) => {
            let (asked, most) = (numbers.len(), context.config.max_keys_per_call);
            if asked > most {
                return Err(error::too_many(asked as u64, most as u64));
            }
            let hashes = numbers.into_iter().map(of).collect::<Result<Vec<_>, _>>()?;
            reply(&hashes.iter().map(|h| h.as_ref().map(hash)).collect::<Vec<_>>())
        }
    }
}

/// Which blocks a stream of heads shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heads {
    Best,
    All,
    Finalized,
}

impl Heads {
    fn current(self, backend: &dyn Backend) -> BlockRef {
        match self {
            Self::Best | Self::All => backend.best(),
            Self::Finalized => backend.finalized(),
        }
    }
}

fn heads(
    registry: &mut Registry,
    which: Heads,
    names: &[&'static str],
    notification: &'static str,
    end_names: &[&'static str],
) -> Registered {
    registry.subscription(
        names,
        notification,
        end_names,
        |_, _| Ok(()),
        move |subscriber, context, ()| follow_heads(subscriber, context, which),
    )
}

/// The current head at once, then each new one.
async fn follow_heads(subscriber: Subscriber, context: Arc<Context>, which: Heads) -> Outcome {
    let mut events = context.backend.block_events();
    let first = which.current(&*context.backend);
    let header =
        context.read(move |backend| backend.header(&first.hash).map_err(|why| error::client(&why))).await?;
    if let Some(header) = &header {
        subscriber.send(&HeaderJson(header)).await?;
    }
    loop {
        let event = match subscriber.until_closed(events.recv()).await? {
            Ok(event) => event,
            Err(RecvError::Lagged(missed)) => return Err(lagged(missed)),
            Err(RecvError::Closed) => return Ok(()),
        };
        let (shown, header, is_final) = match (&event, which) {
            (BlockEvent::Imported { header, is_best, hash, .. }, Heads::Best) if *is_best => {
                (hash, header, false)
            }
            (BlockEvent::Imported { header, hash, .. }, Heads::All) => (hash, header, false),
            (BlockEvent::Finalized { header, hash }, Heads::Finalized) => (hash, header, true),
            _ => continue,
        };
        // What was sent first may still be on its way through the event channel.
        if *shown == first.hash || (is_final && header.number <= first.number) {
            continue;
        }
        subscriber.send(&HeaderJson(header)).await?;
    }
}
