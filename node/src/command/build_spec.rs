//! `quire build-spec`: prints a chain spec.
use crate::Error;
use crate::chain_spec::ChainSpec;
use crate::cli::BuildSpecArgs;
use std::io::Write;

pub(super) fn run(args: &BuildSpecArgs) -> Result<(), Error> {
    let spec = ChainSpec::load(&args.chain)?;
    let spec = if args.raw { spec.to_raw()? } else { spec };
    let text = spec.to_json()?;
    let mut out = std::io::stdout().lock();
    let written =
        out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    match written {
        // The reader, such as head, has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => {
            other.map_err(|source| Error::Output { what: "the chain spec to standard output".into(), source })
        }
    }
}
