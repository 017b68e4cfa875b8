//! Who asks for a call.

use quire_core::AccountId;
use quire_core::dispatch::DispatchError;

/// Who asks for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The chain itself: a motion of the members that passed.
    Root,
    /// The account that signed the extrinsic.
    Signed(AccountId),
    /// Nobody: an inherent of the block's author.
    None,
}

/// The signer.
///
/// # Errors
/// `BadOrigin` when the call is not signed.
pub fn ensure_signed(origin: &Origin) -> Result<AccountId, DispatchError> {
    match origin {
        Origin::Signed(who) => Ok(*who),
        Origin::Root | Origin::None => Err(DispatchError::BadOrigin),
    }
}

/// Passes for the chain itself.
///
/// # Errors
/// `BadOrigin` for everybody else.
pub fn ensure_root(origin: &Origin) -> Result<(), DispatchError> {
    if *origin == Origin::Root { Ok(()) } else { Err(DispatchError::BadOrigin) }
}

/// Passes for inherents.
///
/// # Errors
/// `BadOrigin` for everybody else.
pub fn ensure_none(origin: &Origin) -> Result<(), DispatchError> {
    if *origin == Origin::None { Ok(()) } else { Err(DispatchError::BadOrigin) }
}
