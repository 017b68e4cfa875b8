//! Errors of pallets as the `DispatchError` that extrinsics fail with.

use quire_core::dispatch::{DispatchError, ModuleError};

/// The error `code` of the pallet `index`.
pub const fn module_error(index: u8, code: u8) -> DispatchError {
    DispatchError::Module(ModuleError { index, error: [code, 0, 0, 0] })
}

/// Makes a field-less error enum convert into `DispatchError`: `pallet_support::impl_module_error!(Error, INDEX);`.
///
/// The enum's discriminants are the codes, so it must not carry `#[codec(index)]` that differ from them.
#[macro_export]
macro_rules! impl_module_error {
    ($error:ty, $index:expr) => {
        impl From<$error> for ::quire_core::dispatch::DispatchError {
            fn from(error: $error) -> Self {
                $crate::error::module_error($index, error as u8)
            }
        }
    };
}

/// Returns early with `$error` (converted) unless `$condition` holds.
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $error:expr) => {
        if !$condition {
            return Err($error.into());
        }
    };
}
