//! Weight: what a call may cost at most, in time and in proof bytes.

use core::iter::Sum;
use core::ops::{Add, AddAssign, Mul, Sub};
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Time on the reference machine and bytes of storage proof.
///
/// The operators saturate: a sum of weights that does not fit is the largest weight, and never wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[scale_info(replace_segment("quire_core", "sp_weights"), replace_segment("weight", "weight_v2"))]
pub struct Weight {
    /// Picoseconds of computation on the reference machine.
    #[codec(compact)]
    pub ref_time: u64,
    /// Bytes of storage proof.
    #[codec(compact)]
    pub proof_size: u64,
}

/// Picoseconds in a second, the unit of `ref_time`.
pub const WEIGHT_REF_TIME_PER_SECOND: u64 = 1_000_000_000_000;
/// Picoseconds in a microsecond.
pub const WEIGHT_REF_TIME_PER_MICROS: u64 = 1_000_000;

impl Weight {
    /// No weight.
    pub const ZERO: Weight = Weight { ref_time: 0, proof_size: 0 };
    /// The largest weight.
    pub const MAX: Weight = Weight { ref_time: u64::MAX, proof_size: u64::MAX };

    /// A weight of picoseconds and bytes.
    pub const fn from_parts(ref_time: u64, proof_size: u64) -> Self {
        Weight { ref_time, proof_size }
    }

    /// A weight of microseconds of computation.
    pub const fn from_micros(micros: u64) -> Self {
        Weight { ref_time: micros.saturating_mul(WEIGHT_REF_TIME_PER_MICROS), proof_size: 0 }
    }

    /// Sum, saturating in each part.
    pub const fn saturating_add(self, other: Weight) -> Weight {
        Weight {
            ref_time: self.ref_time.saturating_add(other.ref_time),
            proof_size: self.proof_size.saturating_add(other.proof_size),
        }
    }

    /// Difference, saturating in each part.
    pub const fn saturating_sub(self, other: Weight) -> Weight {
        Weight {
            ref_time: self.ref_time.saturating_sub(other.ref_time),
            proof_size: self.proof_size.saturating_sub(other.proof_size),
        }
    }

    /// Product with a count, saturating in each part.
    pub const fn saturating_mul(self, count: u64) -> Weight {
        Weight {
            ref_time: self.ref_time.saturating_mul(count),
            proof_size: self.proof_size.saturating_mul(count),
        }
    }

    /// Quotient by a count; a zero count gives zero.
    pub const fn saturating_div(self, count: u64) -> Weight {
        match (self.ref_time.checked_div(count), self.proof_size.checked_div(count)) {
            (Some(ref_time), Some(proof_size)) => Weight { ref_time, proof_size },
            _ => Weight::ZERO,
        }
    }

    /// The smaller of each part.
    pub fn min(self, other: Weight) -> Weight {
        Weight {
            ref_time: self.ref_time.min(other.ref_time),
            proof_size: self.proof_size.min(other.proof_size),
        }
    }

    /// The larger of each part.
    pub fn max(self, other: Weight) -> Weight {
        Weight {
            ref_time: self.ref_time.max(other.ref_time),
            proof_size: self.proof_size.max(other.proof_size),
        }
    }

    /// Whether both parts are at most those of `limit`.
    pub const fn all_lte(self, limit: Weight) -> bool {
        self.ref_time <= limit.ref_time && self.proof_size <= limit.proof_size
    }

    /// Whether some part is above that of `limit`.
    pub const fn any_gt(self, limit: Weight) -> bool {
        !self.all_lte(limit)
    }
}

impl Add for Weight {
    type Output = Weight;
    fn add(self, other: Weight) -> Weight {
        self.saturating_add(other)
    }
}

impl Sub for Weight {
    type Output = Weight;
    fn sub(self, other: Weight) -> Weight {
        self.saturating_sub(other)
    }
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Weight) {
        *self = self.saturating_add(other);
    }
}

impl Mul<u64> for Weight {
    type Output = Weight;
    fn mul(self, count: u64) -> Weight {
        self.saturating_mul(count)
    }
}

impl Sum for Weight {
    fn sum<I: Iterator<Item = Weight>>(weights: I) -> Weight {
        weights.fold(Weight::ZERO, Weight::saturating_add)
    }
}
