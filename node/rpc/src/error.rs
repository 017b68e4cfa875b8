//! JSON-RPC error objects with the codes, messages and data strings that Substrate clients match on.
use crate::backend::{BackendError, SubmitError};
use jsonrpsee::types::ErrorObjectOwned;
use jsonrpsee::types::error::{INTERNAL_ERROR_CODE, INVALID_PARAMS_CODE, METHOD_NOT_FOUND_CODE};
use quire_core::validity::{InvalidTransaction, UnknownTransaction};

const AUTHOR: i32 = 1_000;
const STATE: i32 = 4_000;

fn plain(code: i32, message: impl Into<String>) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(code, message, None::<()>)
}

/// A parameter is missing or malformed; the sentence names it.
pub(crate) fn invalid_params(what: impl std::fmt::Display) -> ErrorObjectOwned {
    plain(INVALID_PARAMS_CODE, format!("Invalid params: {what}"))
}

/// The node failed, not the caller.
pub(crate) fn internal(what: impl std::fmt::Display) -> ErrorObjectOwned {
    plain(INTERNAL_ERROR_CODE, format!("Internal error: {what}"))
}

/// R5: an unsafe method on a listener that does not serve them.
pub(crate) fn unsafe_call() -> ErrorObjectOwned {
    plain(METHOD_NOT_FOUND_CODE, "RPC call is unsafe to be called externally")
}

/// More keys were asked for than one call may return.
pub(crate) fn too_many(value: u64, max: u64) -> ErrorObjectOwned {
    plain(STATE + 2, format!("count exceeds maximum value. value: {value}, max: {max}"))
}

/// A range of blocks that does not exist.
pub(crate) fn bad_range(what: impl std::fmt::Display) -> ErrorObjectOwned {
    plain(STATE + 1, format!("Cannot resolve a block range {what}"))
}

/// Any failure behind a state, chain or payment method.
pub(crate) fn client(error: &BackendError) -> ErrorObjectOwned {
    plain(STATE + 3, format!("Client error: {error}"))
}

/// The pool's refusals.
pub(crate) fn submit(error: &SubmitError) -> ErrorObjectOwned {
    let (code, data) = match error {
        SubmitError::Format(_) => (1, None),
        SubmitError::Verification(why) => (2, Some(why.clone())),
        SubmitError::Invalid(why) => (10, Some(invalid_text(why))),
        SubmitError::Unknown(why) => (11, Some(unknown_text(why))),
        SubmitError::Banned => (12, None),
        SubmitError::AlreadyImported(hash) => (13, Some(format!("{hash:?}"))),
        SubmitError::PriorityTooLow { .. } => {
            (14, Some("The transaction has too low priority to replace another transaction already in the pool.".into()))
        }
        SubmitError::Cycle => (15, None),
        SubmitError::ImmediatelyDropped => {
            (16, Some("The transaction couldn't enter the pool because of the limit".into()))
        }
        SubmitError::Unactionable => (
            18,
            Some("The transaction is unactionable since it is not propagable and the local node does not author blocks".into()),
        ),
        SubmitError::FutureRejected => (21, Some("The pool is not accepting future transactions".into())),
        SubmitError::Internal(why) => return internal(why),
    };
    ErrorObjectOwned::owned(AUTHOR + code, error.to_string(), data)
}

fn invalid_text(why: &InvalidTransaction) -> String {
    match why {
        InvalidTransaction::Call => "Transaction call is not expected",
        InvalidTransaction::Payment => "Inability to pay some fees (e.g. account balance too low)",
        InvalidTransaction::Future => "Transaction will be valid in the future",
        InvalidTransaction::Stale => "Transaction is outdated",
        InvalidTransaction::BadProof => "Transaction has a bad signature",
        InvalidTransaction::AncientBirthBlock => "Transaction has an ancient birth block",
        InvalidTransaction::ExhaustsResources => "Transaction would exhaust the block limits",
        InvalidTransaction::Custom(code) => return format!("Custom error: {code}"),
        InvalidTransaction::BadMandatory => "A call was labelled as mandatory, but resulted in an Error.",
        InvalidTransaction::MandatoryValidation => {
            "Transaction dispatch is mandatory; transactions must not be validated."
        }
        InvalidTransaction::BadSigner => "Invalid signing address",
    }
    .into()
}

fn unknown_text(why: &UnknownTransaction) -> String {
    match why {
        UnknownTransaction::CannotLookup => {
            "Could not lookup information required to validate the transaction".into()
        }
        UnknownTransaction::NoUnsignedValidator => {
            "Could not find an unsigned validator for the unsigned transaction".into()
        }
        UnknownTransaction::Custom(code) => format!("Custom error: {code}"),
    }
}
