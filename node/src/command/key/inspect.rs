//! `quire key inspect`: the text is tried as a secret URI first, then as an address.
use super::report::Report;
use super::{KeyError, KeyScheme};
use crate::cli::InspectArgs;
use crate::secret_input::read_secret;

pub(super) fn run(args: &InspectArgs) -> Result<(), KeyError> {
    let scheme = KeyScheme::of(args.scheme.scheme)?;
    let password = args.password.source().read()?;
    let text = read_secret("the secret URI, address or public key", args.uri.as_deref())?;
    let network = args.network.network;
    let report = if args.public {
        Report::public(&text, true, scheme, network)?
    } else {
        let password = password.as_deref().map(String::as_str);
        match Report::secret(&text, password, scheme, network) {
            Ok(report) => report,
            Err(KeyError::Suri(secret)) => {
                Report::public(&text, false, scheme, network).map_err(|why| match why {
                    KeyError::Public(public) => KeyError::Neither { secret, public },
                    other => other,
                })?
            }
            Err(other) => return Err(other),
        }
    };
    report.print(args.output.is_json())
}
