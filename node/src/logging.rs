//! Log lines on standard error, `2026-01-31 12:00:00.123  INFO aura: 🎁 …`-like, chosen by `--log target=level`.
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::FormatTime;

/// Shown unless `--log` says otherwise: what an operator wants to read.
const DEFAULT_FILTER: &str = "info,jsonrpsee=warn,libp2p=warn,soketto=warn,multistream_select=warn,yamux=warn,wasmtime=warn,cranelift=warn";

/// UTC, as servers log.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, w: &mut tracing_subscriber::fmt::format::Writer<'_>) -> std::fmt::Result {
        let (date, ms_of_day) = crate::clock::civil(crate::clock::now_ms());
        let (seconds, ms) = (ms_of_day / 1_000, ms_of_day % 1_000);
        let (year, month, day) = date;
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(w, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{ms:03}")
    }
}

/// Starts logging for the process; a second call changes nothing. `directives` are those of `--log`.
pub(crate) fn start(directives: &[String]) -> Result<(), String> {
    let mut text = std::env::var("RUST_LOG").unwrap_or_else(|_| DEFAULT_FILTER.to_owned());
    for directive in directives {
        text.push(',');
        text.push_str(directive);
    }
    let filter = EnvFilter::try_new(&text).map_err(|error| error.to_string())?;
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_timer(Utc)
        .with_ansi(is_terminal);
    // Already set: an embedding program, such as a test, has its own.
    let _ = subscriber.try_init();
    Ok(())
}
