//! Log lines on standard error, `2026-01-31 12:00:00.123  INFO aura: 🎁 …`-like, chosen by `--log target=level`.
use std::sync::{Mutex, OnceLock, PoisonError};
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

/// The filter that the node started with, and the handle that replaces it.
struct Filters {
    start: String,
    now: Mutex<String>,
    set: Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>,
}

static FILTERS: OnceLock<Filters> = OnceLock::new();

/// Longest filter text, bytes: it is matched against every line that is logged.
const FILTER_MAX_BYTES: usize = 4_096;

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
        .with_ansi(is_terminal)
        .with_filter_reloading();
    let handle = subscriber.reload_handle();
    // Already set: an embedding program, such as a test, has its own.
    if subscriber.try_init().is_ok() {
        let set = Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string()));
        let _ = FILTERS.set(Filters { start: text.clone(), now: Mutex::new(text), set });
    }
    Ok(())
}

fn filters() -> Result<&'static Filters, String> {
    FILTERS.get().ok_or_else(|| "this process logs by the rules of the program that embeds it".into())
}

/// Adds comma-separated directives to those in force; the last one about a target counts.
pub(crate) fn add_filter(directives: &str) -> Result<(), String> {
    let filters = filters()?;
    let mut now = filters.now.lock().unwrap_or_else(PoisonError::into_inner);
    let text = format!("{now},{directives}");
    if text.len() > FILTER_MAX_BYTES {
        return Err(format!("the filter would be longer than {FILTER_MAX_BYTES} bytes: reset it first"));
    }
    let filter = EnvFilter::try_new(&text)
        .map_err(|error| format!("{directives}: {error}; write target=level, for instance rpc=debug"))?;
    (filters.set)(filter)?;
    *now = text;
    Ok(())
}

/// Goes back to the filter of the start.
pub(crate) fn reset_filter() -> Result<(), String> {
    let filters = filters()?;
    let mut now = filters.now.lock().unwrap_or_else(PoisonError::into_inner);
    (filters.set)(EnvFilter::try_new(&filters.start).map_err(|error| error.to_string())?)?;
    now.clone_from(&filters.start);
    Ok(())
}
