//! `quire key generate`.
use super::report::Report;
use super::{KeyError, KeyScheme};
use crate::cli::GenerateArgs;
use crate::suri;

pub(super) fn run(args: &GenerateArgs) -> Result<(), KeyError> {
    let scheme = KeyScheme::of(args.scheme.scheme)?;
    let password = args.password.source().read()?;
    let phrase = suri::new_phrase(args.words)?;
    let password = password.as_deref().map(String::as_str);
    Report::secret(&phrase, password, scheme, args.network.network)?.print(args.output.is_json())
}
