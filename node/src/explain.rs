//! Why things are as they are: finality, a peer, a block. Facts as JSON, and one sentence for people as `explanation`.
mod block;
mod finality;
mod peer;

pub(crate) use block::{block, channel_block};
pub(crate) use finality::finality;
pub(crate) use peer::{peer, peers};

/// A span of time as people say it.
fn span(ms: u64) -> String {
    match ms / 1_000 {
        0 => format!("{ms} ms"),
        s @ 1..120 => format!("{s} s"),
        s @ 120..7_200 => format!("{} min", s / 60),
        s => format!("{} h", s / 3_600),
    }
}
