//! `quire explain`: asks a running node why finality, a peer or a block is as it is.
//!
//! Rule: the answer is the node's; here it is only fetched (HTTP/1.1, one request, bounded) and shown.
use crate::Error;
use crate::cli::{ExplainArgs, ExplainCommand};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long connecting, and each read, may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Largest answer, bytes.
const ANSWER_MAX: u64 = 16 * 1024 * 1024;

/// Why nothing was explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The URL is none.
    #[error("--url {0}: write http://HOST:PORT, for instance http://127.0.0.1:9944")]
    Url(String),
    /// Nobody answers.
    #[error("cannot reach the node at {url}: {source}; is it running, and is this its --rpc-port?")]
    Io {
        /// Where it was looked for.
        url: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Not an answer of JSON-RPC.
    #[error("{url} answers no JSON-RPC: {reason}")]
    Answer {
        /// Who answered.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// The node refuses.
    #[error("the node answers: {0}")]
    Refused(String),
    /// It knows nothing of it.
    #[error("the node knows nothing of {0}")]
    Unknown(String),
}

pub(super) fn run(args: &ExplainArgs) -> Result<(), Error> {
    let (method, params, what) = question(&args.what);
    let answer = call(&args.url, method, &params)?;
    if answer.is_null() {
        return Err(ExplainError::Unknown(what).into());
    }
    let text = if args.output.is_json() { format!("{answer:#}") } else { show(&answer) };
    super::output::text("the explanation", &text, None)
}

fn question(what: &ExplainCommand) -> (&'static str, Value, String) {
    match what {
        ExplainCommand::Finality => ("quire_explainFinality", json!([]), "finality".into()),
        ExplainCommand::Peer { id } => {
            let what = id.as_ref().map_or_else(|| "peers".into(), |id| format!("peer {id}"));
            ("quire_explainPeer", json!([id]), what)
        }
        ExplainCommand::Block { name, number } => {
            let block = name.parse::<u64>().map_or_else(|_| json!(name), |number| json!(number));
            ("quire_explainBlock", json!([block, number]), format!("block {name}"))
        }
    }
}

/// The sentence first, then the facts.
fn show(answer: &Value) -> String {
    match answer {
        Value::Array(all) if all.is_empty() => "no peers".into(),
        Value::Array(all) => all.iter().map(show).collect::<Vec<_>>().join("\n\n"),
        Value::Object(facts) => {
            let sentence = answer["explanation"].as_str().unwrap_or_default();
            let fact = |(name, value): (&String, &Value)| match value {
                _ if name == "explanation" => None,
                Value::Null => None,
                Value::Array(list) if list.is_empty() => None,
                Value::String(text) => Some(format!("  {name:<20} {text}")),
                other => Some(format!("  {name:<20} {other}")),
            };
            let lines: Vec<String> = facts.iter().filter_map(fact).collect();
            format!("{sentence}\n{}", lines.join("\n"))
        }
        other => other.to_string(),
    }
}

/// One call over HTTP.
pub(super) fn call(url: &str, method: &str, params: &Value) -> Result<Value, ExplainError> {
    let authority = url.strip_prefix("http://").or_else(|| url.strip_prefix("ws://"));
    let authority = authority.map(|rest| rest.trim_end_matches('/')).filter(|rest| !rest.contains('/'));
    let authority = authority.ok_or_else(|| ExplainError::Url(url.into()))?;
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let answer =
        exchange(authority, &request).map_err(|source| ExplainError::Io { url: url.into(), source })?;
    let wrong = |reason: &str| ExplainError::Answer { url: url.into(), reason: reason.into() };
    let text = String::from_utf8_lossy(&answer);
    let (_, body) = text.split_once("\r\n\r\n").ok_or_else(|| wrong("the answer is no HTTP"))?;
    // A chunked body has its sizes on lines of their own; the object is what stands between the outer braces.
    let object = body.find('{').zip(body.rfind('}')).and_then(|(a, b)| body.get(a..=b));
    let object = object.ok_or_else(|| wrong(body.lines().next().unwrap_or("nothing")))?;
    let mut answer: Value = serde_json::from_str(object).map_err(|why| wrong(&why.to_string()))?;
    match answer.get("error") {
        Some(error) => Err(ExplainError::Refused(error["message"].as_str().unwrap_or("an error").into())),
        None => Ok(answer["result"].take()),
    }
}

fn exchange(authority: &str, body: &str) -> std::io::Result<Vec<u8>> {
    let address = authority
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| std::io::Error::other("the name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_numbers_and_hashes_are_text() {
        let block = |name: &str, number| question(&ExplainCommand::Block { name: name.into(), number }).1;
        assert_eq!(block("7", None), json!([7, null]));
        assert_eq!(block("7", Some(3)), json!([7, 3]));
        assert_eq!(block("0xab", None), json!(["0xab", null]));
    }

    #[test]
    fn only_what_is_there_is_shown() {
        let shown =
            show(&json!({ "explanation": "all is well", "a": 1, "none": null, "empty": [], "b": "text" }));
        assert_eq!(shown.lines().map(str::trim_end).collect::<Vec<_>>().len(), 3, "{shown}");
        assert!(shown.starts_with("all is well\n") && !shown.contains("none"), "{shown}");
    }

    #[test]
    fn urls_that_are_none_are_named() {
        for url in ["127.0.0.1:9944", "https://x", "http://x/path"] {
            assert!(matches!(call(url, "m", &json!([])), Err(ExplainError::Url(_))), "{url}");
        }
    }
}
