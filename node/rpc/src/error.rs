//! JSON-RPC error objects with the codes, messages and data strings that Substrate clients match on.
use crate::backend::{BackendError, SubmitError};
use jsonrpsee::types::ErrorObjectOwned;
use jsonrpsee::types::error::{
    INTERNAL_ERROR_CODE, INVALID_PARAMS_CODE, METHOD_NOT_FOUND_CODE, OVERSIZED_RESPONSE_CODE,
    OVERSIZED_RESPONSE_MSG, TOO_MANY_SUBSCRIPTIONS_CODE, TOO_MANY_SUBSCRIPTIONS_MSG,
};
use quire_core::H256;

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

/// Session keys that the runtime cannot decode.
pub(crate) fn session_keys() -> ErrorObjectOwned {
    plain(AUTHOR + 40, "Session keys are not encoded correctly")
}

/// R5: an unsafe method on a listener that does not serve them.
pub(crate) fn unsafe_call() -> ErrorObjectOwned {
    plain(METHOD_NOT_FOUND_CODE, "RPC call is unsafe to be called externally")
}

/// More keys were asked for than one call may return.
pub(crate) fn too_many(value: u64, max: u64) -> ErrorObjectOwned {
    plain(STATE + 2, format!("count exceeds maximum value. value: {value}, max: {max}"))
}

/// A subscription where there can be none.
pub(crate) fn no_subscription(place: &str) -> ErrorObjectOwned {
    plain(METHOD_NOT_FOUND_CODE, format!("Subscriptions cannot be made {place}"))
}

/// All clients together have as many subscriptions as the node serves.
pub(crate) fn too_many_subscriptions(max: usize) -> ErrorObjectOwned {
    let data = format!("This node serves {max} subscriptions in all, and a bounded size of watched keys");
    ErrorObjectOwned::owned(TOO_MANY_SUBSCRIPTIONS_CODE, TOO_MANY_SUBSCRIPTIONS_MSG, Some(data))
}

/// The answer would be longer than a response may be.
pub(crate) fn too_big(max_bytes: u32) -> ErrorObjectOwned {
    let data = format!("Exceeded max limit of {max_bytes}");
    ErrorObjectOwned::owned(OVERSIZED_RESPONSE_CODE, OVERSIZED_RESPONSE_MSG, Some(data))
}

/// A range of blocks that does not exist.
pub(crate) fn bad_range(from: &H256, to: &H256, why: impl std::fmt::Display) -> ErrorObjectOwned {
    plain(STATE + 1, format!("Cannot resolve a block range ['{from}' ... '{to}']. {why}"))
}

/// Any failure behind a state, chain or payment method.
pub(crate) fn client(error: &BackendError) -> ErrorObjectOwned {
    plain(STATE + 3, format!("Client error: {error}"))
}

/// The finality vote cannot be shown: this node does not vote.
pub(crate) fn finality_not_ready() -> ErrorObjectOwned {
    plain(1, "GRANDPA RPC endpoint not ready")
}

/// A block whose finality cannot be proven.
pub(crate) fn prove_finality(why: &str) -> ErrorObjectOwned {
    plain(4, format!("GRANDPA prove finality rpc failed: {why}"))
}

/// The runtime did not say what it would do with an extrinsic.
pub(crate) fn dry_run(why: impl std::fmt::Display) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(1, "Unable to dry run extrinsic.", Some(why.to_string()))
}

/// The pool's refusals, in the pool's own words.
pub(crate) fn submit(error: &SubmitError) -> ErrorObjectOwned {
    match error {
        SubmitError::Pool(refusal) => {
            ErrorObjectOwned::owned(refusal.code(), refusal.message(), refusal.data())
        }
        SubmitError::Internal(why) => internal(why),
    }
}
