//! How much fits into a block: bytes and weight, by class of extrinsic.

use parity_scale_codec::{Decode, Encode};
use quire_core::{DispatchClass, Weight, limits, weight::WEIGHT_REF_TIME_PER_MICROS};
use scale_info::build::Fields;
use scale_info::{Path, Type, TypeInfo, TypeParameter, meta_type};

use crate::weights::{BASE_BLOCK, BASE_EXTRINSIC};

/// Milliseconds of computation in one block: four fifths of the default slot.
const BLOCK_COMPUTATION_MICROS_MAX: u64 = 800_000;
/// What normal extrinsics may use of a block; the rest is for operational ones.
const NORMAL_PERCENT: u64 = 85;

/// One value per class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct PerDispatchClass<T> {
    /// For normal extrinsics.
    pub normal: T,
    /// For operational extrinsics.
    pub operational: T,
    /// For mandatory extrinsics.
    pub mandatory: T,
}

impl<T> PerDispatchClass<T> {
    /// The value of a class.
    pub const fn get(&self, class: DispatchClass) -> &T {
        match class {
            DispatchClass::Normal => &self.normal,
            DispatchClass::Operational => &self.operational,
            DispatchClass::Mandatory => &self.mandatory,
        }
    }

    /// The value of a class, to change it.
    pub const fn get_mut(&mut self, class: DispatchClass) -> &mut T {
        match class {
            DispatchClass::Normal => &mut self.normal,
            DispatchClass::Operational => &mut self.operational,
            DispatchClass::Mandatory => &mut self.mandatory,
        }
    }
}

impl PerDispatchClass<Weight> {
    /// The sum over all classes.
    pub const fn total(&self) -> Weight {
        self.normal.saturating_add(self.operational).saturating_add(self.mandatory)
    }
}

impl<T: TypeInfo + 'static> TypeInfo for PerDispatchClass<T> {
    type Identity = Self;

    fn type_info() -> Type {
        let parameters = [TypeParameter::new("T", Some(meta_type::<T>()))];
        Type::builder()
            .path(Path::new("PerDispatchClass", "frame_support::dispatch"))
            .type_params(parameters)
            .composite(
                Fields::named()
                    .field(|f| f.ty::<T>().name("normal").type_name("T"))
                    .field(|f| f.ty::<T>().name("operational").type_name("T"))
                    .field(|f| f.ty::<T>().name("mandatory").type_name("T")),
            )
    }
}

/// Limits of one class. `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(replace_segment("pallet_system", "frame_system"))]
pub struct WeightsPerClass {
    /// What an extrinsic weighs besides its call.
    pub base_extrinsic: Weight,
    /// Most that one call may weigh.
    pub max_extrinsic: Option<Weight>,
    /// Most that all extrinsics of the class may weigh.
    pub max_total: Option<Weight>,
    /// What the class may use even when the block is full.
    pub reserved: Option<Weight>,
}

/// Weights that a block may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(replace_segment("pallet_system", "frame_system"))]
pub struct BlockWeights {
    /// What an empty block weighs.
    pub base_block: Weight,
    /// Most that a block may weigh.
    pub max_block: Weight,
    /// Limits by class.
    pub per_class: PerDispatchClass<WeightsPerClass>,
}

/// Bytes that the extrinsics of a block may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(replace_segment("pallet_system", "frame_system"))]
pub struct BlockLength {
    /// Most bytes by class, counting all classes.
    pub max: PerDispatchClass<u32>,
}

/// What one read and one write of the state weigh, in picoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RuntimeDbWeight {
    /// One read.
    pub read: u64,
    /// One write.
    pub write: u64,
}

impl TypeInfo for RuntimeDbWeight {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder().path(Path::new("RuntimeDbWeight", "sp_weights")).composite(
            Fields::named()
                .field(|f| f.ty::<u64>().name("read").type_name("u64"))
                .field(|f| f.ty::<u64>().name("write").type_name("u64")),
        )
    }
}

/// The weights of a block. Proof size is not limited: blocks travel whole.
pub const fn block_weights() -> BlockWeights {
    let max_block = Weight::from_parts(BLOCK_COMPUTATION_MICROS_MAX * WEIGHT_REF_TIME_PER_MICROS, u64::MAX);
    let normal = Weight::from_parts(max_block.ref_time / 100 * NORMAL_PERCENT, u64::MAX);
    let reserved = Weight::from_parts(max_block.ref_time - normal.ref_time, u64::MAX);
    BlockWeights {
        base_block: BASE_BLOCK,
        max_block,
        per_class: PerDispatchClass {
            normal: WeightsPerClass {
                base_extrinsic: BASE_EXTRINSIC,
                max_extrinsic: Some(normal.saturating_sub(BASE_EXTRINSIC).saturating_sub(BASE_BLOCK)),
                max_total: Some(normal),
                reserved: None,
            },
            operational: WeightsPerClass {
                base_extrinsic: BASE_EXTRINSIC,
                max_extrinsic: Some(max_block.saturating_sub(BASE_EXTRINSIC).saturating_sub(BASE_BLOCK)),
                max_total: Some(max_block),
                reserved: Some(reserved),
            },
            mandatory: WeightsPerClass {
                base_extrinsic: BASE_EXTRINSIC,
                max_extrinsic: None,
                max_total: None,
                reserved: None,
            },
        },
    }
}

/// The bytes of a block: operational extrinsics (a new runtime, for one) may fill it, normal ones leave room for them.
pub const fn block_length() -> BlockLength {
    let all = limits::MAX_BLOCK_BYTES;
    BlockLength {
        max: PerDispatchClass { normal: all / 100 * NORMAL_PERCENT as u32, operational: all, mandatory: all },
    }
}

/// The weights of reads and writes, measured on in-memory overlays above the last finalised state.
pub const fn db_weight() -> RuntimeDbWeight {
    RuntimeDbWeight { read: 2 * WEIGHT_REF_TIME_PER_MICROS, write: 3 * WEIGHT_REF_TIME_PER_MICROS }
}
