//! `quire_*`: what the chain can explain about itself.
use super::{Context, Registered, Registry, Reply, reply};
use crate::error;
use crate::params::{Args, FromParam};
use parity_scale_codec::Decode;
use quire_core::{AuraId, H256, UpgradeState, UpgradeStatus, Verdict, ss58};
use serde_json::{Value, json};

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.read(&["quire_explainUpgrade"], explain_upgrade)?;
    registry.read(&["quire_explainFinality"], explain_finality)?;
    registry.read(&["quire_explainBlock"], explain_block)?;
    // It shows addresses.
    registry.read_unsafe(&["quire_explainPeer"], explain_peer)
}

/// Where the finality vote stands, and whom it waits for.
fn explain_finality(context: &Context, _: &mut Args) -> Reply {
    reply(&context.backend.explain_finality())
}

/// What is known of the peer with this id, or of all peers.
fn explain_peer(context: &Context, args: &mut Args) -> Reply {
    let peer: Option<String> = args.optional("peerId")?;
    reply(&context.backend.explain_peer(peer.as_deref()))
}

/// What a block waits for: `[hash]`, `[number]`, or `[channel, number]` for one of a channel.
fn explain_block(context: &Context, args: &mut Args) -> Reply {
    let name = args.required("hash, number or channel")?;
    let block: Option<u32> = args.optional("number")?;
    let backend = &*context.backend;
    let explained = match (name, block) {
        (BlockName::Number(channel), Some(block)) => backend.explain_channel_block(channel, block),
        (BlockName::Hash(_), Some(_)) => {
            return Err(error::invalid_params("a channel is named by its number, not by a hash"));
        }
        (BlockName::Hash(hash), None) => backend.explain_block(&hash),
        (BlockName::Number(number), None) => {
            let height = u32::try_from(number).map_err(|_| error::invalid_params("heights end at 2^32"))?;
            match backend.hash_at(height).map_err(|why| error::client(&why))? {
                Some(hash) => backend.explain_block(&hash),
                None => return reply(&Value::Null),
            }
        }
    };
    reply(&explained.map_err(|why| error::client(&why))?)
}

/// First parameter of `quire_explainBlock`.
enum BlockName {
    Hash(H256),
    Number(u64),
}

impl FromParam for BlockName {
    fn from_param(json: &str) -> Result<Self, String> {
        match json.trim().parse() {
            Ok(number) => Ok(Self::Number(number)),
            Err(_) => H256::from_param(json)
                .map(Self::Hash)
                .map_err(|_| "expected the hash of a block, its number, or the number of a channel".into()),
        }
    }
}

/// The open upgrade, or what became of the last one; `null` when there never was one.
fn explain_upgrade(context: &Context, args: &mut Args) -> Reply {
    let backend = &*context.backend;
    let at = Context::at(backend, args.optional("hash")?);
    let answer = super::state::call(backend, &at, "QuireUpgrade_status", &[])?;
    let status = Option::<UpgradeStatus>::decode(&mut &answer[..]).map_err(error::internal)?;
    reply(&status.map(|status| upgrade(&status)))
}

fn upgrade(status: &UpgradeStatus) -> Value {
    let upgrade = &status.upgrade;
    let (state, at) = state(upgrade.state);
    let verdicts: Vec<Value> = status.verdicts.iter().map(verdict).collect();
    json!({
        "codeHash": format!("{:?}", upgrade.code_hash),
        "codeBytes": upgrade.code_bytes,
        "specVersion": upgrade.spec_version,
        "proposedAt": upgrade.proposed_at,
        "deadlineTick": upgrade.deadline,
        "state": state,
        "at": at,
        "authorities": status.authorities,
        "needed": status.needed,
        "accepted": status.accepted,
        "refused": status.refused,
        "verdicts": verdicts,
        "explanation": explanation(status),
    })
}

fn state(state: UpgradeState) -> (&'static str, Option<u32>) {
    match state {
        UpgradeState::Attesting => ("attesting", None),
        UpgradeState::Scheduled { at } => ("scheduled", Some(at)),
        UpgradeState::Enacted { at } => ("enacted", Some(at)),
        UpgradeState::Refused { at } => ("refused", Some(at)),
        UpgradeState::Expired { at } => ("expired", Some(at)),
        UpgradeState::Cancelled { at } => ("cancelled", Some(at)),
    }
}

fn verdict((authority, verdict): &(AuraId, Verdict)) -> Value {
    let authority = ss58::encode(&quire_core::AccountId(authority.0), ss58::DEVELOPMENT_PREFIX);
    match verdict {
        Verdict::Accept => json!({ "authority": authority, "verdict": "accept", "reason": null }),
        Verdict::Refuse { reason } => {
            json!({ "authority": authority, "verdict": "refuse", "reason": reason })
        }
    }
}

/// One sentence for people.
fn explanation(status: &UpgradeStatus) -> String {
    let UpgradeStatus { upgrade, authorities, needed, accepted, refused, verdicts } = status;
    let version = upgrade.spec_version;
    match upgrade.state {
        UpgradeState::Attesting => format!(
            "version {version} waits for the dry runs of the authorities: {accepted} accept it, {refused} refuse it, {needed} of {authorities} must accept it before tick {} of the channel clock",
            upgrade.deadline
        ),
        UpgradeState::Scheduled { at } => {
            format!(
                "version {version} replaces the runtime at the end of block {at}; {accepted} of {authorities} authorities accept it"
            )
        }
        UpgradeState::Enacted { at } => {
            format!("version {version} replaced the runtime at the end of block {at}")
        }
        UpgradeState::Refused { at } => {
            let reason = verdicts.iter().find_map(|(_, verdict)| match verdict {
                Verdict::Refuse { reason } => Some(reason.as_str()),
                Verdict::Accept => None,
            });
            format!(
                "version {version} was refused for good in block {at} by {refused} of {authorities} authorities; one says: {}",
                reason.unwrap_or("nothing")
            )
        }
        UpgradeState::Expired { at } => format!(
            "version {version} expired in block {at}: {accepted} of {authorities} authorities accepted it in time, {needed} were needed"
        ),
        UpgradeState::Cancelled { at } => {
            format!("version {version} was taken back by the members in block {at}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quire_core::Upgrade;

    fn status(state: UpgradeState) -> UpgradeStatus {
        let upgrade = Upgrade {
            code_hash: H256([0xab; 32]),
            code_bytes: 9,
            spec_version: 101,
            proposed_at: 3,
            deadline: 50,
            state,
        };
        let refusal = Verdict::Refuse { reason: "it traps".into() };
        let verdicts = vec![(AuraId([1; 32]), Verdict::Accept), (AuraId([2; 32]), refusal)];
        UpgradeStatus { upgrade, authorities: 4, needed: 3, accepted: 1, refused: 1, verdicts }
    }

    #[test]
    fn an_upgrade_is_explained_in_every_state() {
        for (state, name, at, says) in [
            (UpgradeState::Attesting, "attesting", None, "3 of 4 must accept it before tick 50"),
            (UpgradeState::Scheduled { at: 7 }, "scheduled", Some(7), "at the end of block 7"),
            (UpgradeState::Enacted { at: 7 }, "enacted", Some(7), "replaced the runtime"),
            (UpgradeState::Refused { at: 7 }, "refused", Some(7), "one says: it traps"),
            (UpgradeState::Expired { at: 7 }, "expired", Some(7), "3 were needed"),
            (UpgradeState::Cancelled { at: 7 }, "cancelled", Some(7), "taken back by the members"),
        ] {
            let shown = upgrade(&status(state));
            assert_eq!((&shown["state"], &shown["at"]), (&json!(name), &json!(at)));
            assert!(shown["explanation"].as_str().is_some_and(|text| text.contains(says)), "{shown}");
        }
        let shown = upgrade(&status(UpgradeState::Attesting));
        assert_eq!(shown["codeHash"], json!(format!("0x{}", "ab".repeat(32))));
        assert_eq!(
            (&shown["verdicts"][0]["reason"], &shown["verdicts"][1]["reason"]),
            (&Value::Null, &json!("it traps"))
        );
    }
}
