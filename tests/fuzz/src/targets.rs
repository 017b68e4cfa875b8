//! One file per target; its doc says what it promises.

pub(crate) mod calls;
pub(crate) mod exchange;
pub(crate) mod extrinsic;
pub(crate) mod formats;
pub(crate) mod light;
pub(crate) mod program;
pub(crate) mod rpc;
pub(crate) mod runtime;
pub(crate) mod wire;
