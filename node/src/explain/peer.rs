//! What the node thinks of its peers: score, broken rules, bans.
use super::span;
use crate::service::Inner;
use quire_network::{Channel, PeerInfo};
use serde_json::{Value, json};

/// All peers.
pub(crate) fn peers(node: &Inner) -> Value {
    let all = node.network().map_or_else(Vec::new, quire_network::Network::peers);
    json!(all.iter().map(|info| show(info, standing(node, info))).collect::<Vec<_>>())
}

/// One peer by its base58 id; `null` if nothing is known of it.
pub(crate) fn peer(node: &Inner, id: &str) -> Value {
    node.network()
        .and_then(|network| network.peer(id))
        .map_or(Value::Null, |info| show(&info, standing(node, &info)))
}

/// What the gate says of its certificate.
fn standing(node: &Inner, info: &PeerInfo) -> Option<String> {
    let link = info.link?;
    node.view.lock().peers.get(&link.0).and_then(|peer| peer.standing.clone())
}

fn show(info: &PeerInfo, standing: Option<String>) -> Value {
    let by_certificate = standing.as_ref().map_or_else(String::new, |standing| format!("; it {standing}"));
    let marks: Vec<Value> = info
        .marks
        .iter()
        .map(|mark| json!({ "rule": mark.rule, "cost": mark.cost, "ageMs": mark.age_ms }))
        .collect();
    json!({
        "peerId": info.peer,
        "connected": info.connected,
        "isPeer": info.link.is_some(),
        "inbound": info.inbound,
        "reserved": info.reserved,
        "addresses": info.addresses,
        "agent": info.agent,
        "roles": info.handshake.map(|handshake| handshake.roles),
        "best": info.handshake.map(|handshake| {
            json!({ "number": handshake.best_number, "hash": handshake.best_hash.to_string() })
        }),
        "channels": info.channels.iter().copied().map(Channel::name).collect::<Vec<_>>(),
        "score": info.score,
        "marks": marks,
        "ban": info.ban.as_ref().map(|ban| json!({ "rule": ban.rule, "leftMs": ban.left_ms })),
        "refusal": info.refusal,
        "bytesIn": info.bytes_in,
        "bytesOut": info.bytes_out,
        "certificate": standing,
        "explanation": format!("{}{by_certificate}", sentence(info)),
    })
}

fn sentence(info: &PeerInfo) -> String {
    let last = info.marks.last().map_or_else(String::new, |mark| {
        format!("; the last rule it broke is {}, {} ago", mark.rule, span(mark.age_ms))
    });
    if let Some(ban) = &info.ban {
        return format!("it is kept out for {} more, because of {}", span(ban.left_ms), ban.rule);
    }
    let refusal =
        info.refusal.as_ref().map_or_else(String::new, |why| format!("; it was refused or closed: {why}"));
    let state = match (info.connected, info.link.is_some()) {
        (true, true) => "it is a peer",
        (true, false) => "it is connected, but no peer",
        (false, _) => "it is not connected",
    };
    format!("{state}; its score is {}{last}{refusal}", info.score)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quire_network::{Ban, Mark};

    fn info() -> PeerInfo {
        PeerInfo {
            peer: "12D3".into(),
            link: None,
            connected: false,
            inbound: true,
            reserved: false,
            addresses: Vec::new(),
            agent: None,
            handshake: None,
            channels: vec![Channel::Grandpa],
            score: -70,
            marks: vec![Mark { rule: "sync-timeout".into(), cost: 10, age_ms: 3_000 }],
            ban: None,
            refusal: Some("genesis mismatch".into()),
            bytes_in: 1,
            bytes_out: 2,
        }
    }

    #[test]
    fn the_sentence_says_why_somebody_is_out() {
        let text = sentence(&info());
        assert_eq!(
            text,
            "it is not connected; its score is -70; the last rule it broke is sync-timeout, 3 s ago; it was refused or closed: genesis mismatch"
        );
        let banned =
            PeerInfo { ban: Some(Ban { rule: "sync-bad-block".into(), left_ms: 600_000 }), ..info() };
        assert_eq!(sentence(&banned), "it is kept out for 10 min more, because of sync-bad-block");
        let limited = show(&info(), Some("reads and submits only: no certificate was presented".into()));
        assert!(
            limited["explanation"]
                .as_str()
                .unwrap()
                .ends_with("; it reads and submits only: no certificate was presented")
        );
        assert_eq!(show(&banned, None)["channels"], json!(["grandpa/1"]));
    }
}
