//! `quire build-spec`: prints a chain spec.
use crate::Error;
use crate::chain_spec::ChainSpec;
use crate::cli::BuildSpecArgs;

pub(super) fn run(args: &BuildSpecArgs) -> Result<(), Error> {
    let spec = ChainSpec::load(&args.chain)?.with_boot_nodes(&args.add_boot_node)?;
    let spec = if args.raw { spec.to_raw()? } else { spec };
    super::output::text("the chain spec", &spec.to_json()?, args.output.as_deref())
}
