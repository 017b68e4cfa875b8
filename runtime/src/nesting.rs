//! Calls inside calls: what an extrinsic may hold, checked as soon as it is decoded and before anything is weighed.
//!
//! * **R1** An extrinsic that does not decode is `Call`; depth and memory are bounded while it is decoded.
//! * **R2** All levels together hold at most `limits::MAX_NESTED_CALLS` calls (`ExhaustsResources`): a batch of batches is
//!   no way to have more.
//! * **R3** An inherent never stands inside another call (`Call`), whoever signs. Nor would it run: it wants nobody's
//!   origin, and no call runs another one as nobody.
//! * **R4** What a motion keeps for later came through here when it was proposed. Its calls run as Root, who is no member,
//!   so that no motion executes another: calls run at most twice as deep as extrinsics are.

use pallet_support::nested::{self, Calls};
use quire_core::{InvalidTransaction, OpaqueExtrinsic, UncheckedExtrinsic, limits};

use crate::RuntimeCall;

/// Decodes an extrinsic, and gives the bytes of its call.
///
/// # Errors
/// R1 to R3.
pub(crate) fn decode(
    opaque: &OpaqueExtrinsic,
) -> Result<(UncheckedExtrinsic<RuntimeCall>, &[u8]), InvalidTransaction> {
    let (extrinsic, call_bytes) =
        UncheckedExtrinsic::from_opaque(opaque).map_err(|_| InvalidTransaction::Call)?;
    check(&extrinsic.call, &mut limits::MAX_NESTED_CALLS.clone())?;
    Ok((extrinsic, call_bytes))
}

/// R2, R3; `room` is how many more calls there may be. Recursion ends: decoding bounds the depth (R1).
fn check(call: &RuntimeCall, room: &mut u32) -> Result<(), InvalidTransaction> {
    for inner in call.nested() {
        if inner.is_inherent() {
            return Err(InvalidTransaction::Call);
        }
        *room = room.checked_sub(1).ok_or(InvalidTransaction::ExhaustsResources)?;
        check(inner, room)?;
    }
    Ok(())
}

impl RuntimeCall {
    /// The calls directly inside this one.
    pub fn nested(&self) -> Calls<'_, RuntimeCall> {
        match self {
            RuntimeCall::Members(call) => call.nested(),
            RuntimeCall::Utility(call) => call.nested(),
            RuntimeCall::Multisig(call) => call.nested(),
            RuntimeCall::Proxy(call) => call.nested(),
            RuntimeCall::System(_)
            | RuntimeCall::Timestamp(_)
            | RuntimeCall::Balances(_)
            | RuntimeCall::Grandpa(_)
            | RuntimeCall::Session(_)
            | RuntimeCall::Upgrade(_)
            | RuntimeCall::Bonds(_)
            | RuntimeCall::Channels(_)
            | RuntimeCall::Anchors(_)
            | RuntimeCall::Randomness(_)
            | RuntimeCall::Equivocation(_) => nested::none(),
            #[cfg(feature = "upgrade-fixture")]
            RuntimeCall::Fixture(_) => nested::none(),
        }
    }

    /// Whether it is of a pallet that carries out calls of the runtime.
    pub(crate) const fn has_room_for_calls(&self) -> bool {
        matches!(
            self,
            RuntimeCall::Members(_)
                | RuntimeCall::Utility(_)
                | RuntimeCall::Multisig(_)
                | RuntimeCall::Proxy(_)
        )
    }
}
