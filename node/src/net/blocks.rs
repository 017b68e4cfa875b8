//! Blocks and requests for them, between the wire's form and that of [`quire_chain::sync`].
use crate::service::Inner;
use crate::stop::StopReason;
use parity_scale_codec::Encode;
use quire_chain::sync::{self, Direction, Fields};
use quire_core::Header;
use quire_core::digest::GRANDPA_ENGINE_ID;
use quire_network::wire::announce::BlockAnnounce;
use quire_network::wire::block::{self as wire, BlockRequest};

/// The rule that bytes break which are no announcement or answer.
pub(super) const UNDECODABLE: &str = "sync-undecodable";
/// What that costs; a peer with 100 is disconnected.
pub(super) const UNDECODABLE_COST: u32 = 50;

/// The notification about a block.
pub(super) fn encode_announce(header: &Header, is_best: bool) -> Vec<u8> {
    BlockAnnounce { header: header.clone(), is_best, data: Vec::new() }.encode()
}

/// A notification: the header, and whether it is the peer's best block.
pub(super) fn decode_announce(bytes: &[u8]) -> Option<(Header, bool)> {
    BlockAnnounce::from_bytes(bytes).ok().map(|announce| (announce.header, announce.is_best))
}

/// A request as bytes.
pub(super) fn encode_request(what: &sync::BlockRequest) -> Vec<u8> {
    BlockRequest {
        header: what.fields.header,
        body: what.fields.body,
        justification: what.fields.proof,
        from: match what.from {
            sync::From::Hash(hash) => wire::From::Hash(hash),
            sync::From::Number(number) => wire::From::Number(number),
        },
        descending: what.direction == Direction::Descending,
        max_blocks: what.max,
    }
    .encode()
}

/// The blocks of an answer. Of several justifications GRANDPA's is taken.
pub(super) fn decode_response(bytes: &[u8]) -> Option<Vec<sync::BlockData>> {
    let block = |block: wire::BlockData| sync::BlockData {
        hash: block.hash,
        header: block.header,
        body: Some(block.body),
        proof: block
            .justifications
            .into_iter()
            .find(|(id, _)| *id == GRANDPA_ENGINE_ID)
            .map(|(_, proof)| proof),
    };
    Some(wire::decode_response(bytes).ok()?.into_iter().map(block).collect())
}

/// The answer to a peer's request; none if it is no request.
pub(super) fn answer(node: &Inner, bytes: &[u8]) -> Option<Vec<u8>> {
    let asked = BlockRequest::decode(bytes).ok()?;
    let what = sync::BlockRequest {
        from: match asked.from {
            wire::From::Hash(hash) => sync::From::Hash(hash),
            wire::From::Number(number) => sync::From::Number(number),
        },
        direction: if asked.descending { Direction::Descending } else { Direction::Ascending },
        max: asked.max_blocks,
        fields: Fields { header: asked.header, body: asked.body, proof: asked.justification },
    };
    let blocks = match node.chain.answer(&what) {
        Ok(blocks) => blocks,
        Err(why) => {
            node.stop.throw(StopReason::Fatal(why.to_string()));
            return None;
        }
    };
    let mut out = Vec::new();
    for block in blocks {
        let justifications = block.proof.map(|proof| (GRANDPA_ENGINE_ID, proof)).into_iter().collect();
        let body = block.body.unwrap_or_default();
        let (hash, header) = (block.hash, block.header);
        wire::push_block(&mut out, &wire::BlockData { hash, header, body, justifications });
    }
    Some(out)
}
