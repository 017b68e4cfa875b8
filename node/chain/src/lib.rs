//! The chain: fork tree, block import, authoring, finalisation, over what shells provide.

pub mod environment;
pub mod layer;
pub mod overlay;

pub use environment::{
    CODE_KEY, Commit, Execute, ExecuteError, Fault, Finalise, Head, Journalled, NewBlock, RuntimeCode,
    StateError, StateView, Store, StoreError,
};
pub use layer::Layer;
pub use overlay::Overlay;
