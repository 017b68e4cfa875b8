//! The limit on open files, which every connection needs one of.
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files that the node needs beside its RPC connections: databases, logs, peers, and connections on their way out.
const RESERVE: u64 = 1_024;

/// How many connections the limit on open files allows, at most `wanted`; raises the limit for that as far as the
/// system lets it.
pub(crate) fn allow(wanted: u32) -> u32 {
    let limit = getrlimit(Resource::Nofile);
    let needed = u64::from(wanted).saturating_add(RESERVE);
    let before = limit.current.unwrap_or(u64::MAX);
    let mut now = before;
    if before < needed {
        let raised = needed.min(limit.maximum.unwrap_or(u64::MAX));
        if setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }).is_ok() {
            now = raised;
        }
    }
    let allowed = allowed(wanted, now);
    if allowed < wanted {
        tracing::warn!(
            target: "rpc",
            "the limit on open files is {now}, so RPC serves {allowed} connections at once instead of {wanted}: raise \
             it to {needed} (ulimit -Hn, LimitNOFILE= of systemd), or lower --rpc-max-connections"
        );
    }
    allowed
}

/// What is left for connections when the rest of the node has its share; a quarter of the files at least.
fn allowed(wanted: u32, files: u64) -> u32 {
    let left = files.saturating_sub(RESERVE).max(files / 4);
    wanted.min(u32::try_from(left).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_bound_connections_and_leave_some_for_the_node() {
        for (wanted, files, expected) in [
            (1_100, 20_000, 1_100),
            (1_100, 2_124, 1_100),
            (1_100, 2_000, 976),
            (1_100, 1_024, 256),
            (10, 1_024, 10),
        ] {
            assert_eq!(allowed(wanted, files), expected, "{wanted} of {files}");
        }
    }

    #[test]
    fn the_soft_limit_is_raised_to_what_is_needed() {
        let hard = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        setrlimit(Resource::Nofile, Rlimit { current: Some(hard.min(1_200)), maximum: Some(hard) }).unwrap();
        let wanted = u32::try_from(hard.saturating_sub(RESERVE).min(2_000)).unwrap();
        assert_eq!(allow(wanted), wanted);
        assert_eq!(getrlimit(Resource::Nofile).current, Some(u64::from(wanted) + RESERVE));
    }
}
