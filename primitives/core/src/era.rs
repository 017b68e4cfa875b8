//! Mortality of transactions.
//!
//! R1. An era has a period, a power of two in 4..=65,536, and a phase below it, a multiple of `max(period / 4096, 1)`.
//! R2. It is born at the latest block that is congruent to the phase and not after the block it was made at; it lives
//!     for one period: `birth <= current < birth + period`.
//! R3. One byte `00` is immortal; otherwise two bytes, little-endian: `log2(period) - 1` in the low four bits, the
//!     phase in steps above them.

use crate::BlockNumber;
use parity_scale_codec::{Decode, Encode, Error, Input, MaxEncodedLen, Output};
use scale_info::{
    Path, Type, TypeInfo,
    build::{Fields, Variants},
};

/// Shortest period in blocks.
pub const MIN_PERIOD_BLOCKS: u32 = 4;
/// Longest period in blocks.
pub const MAX_PERIOD_BLOCKS: u32 = 1 << 16;

/// For how long a transaction may be included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Era {
    /// For ever.
    #[default]
    Immortal,
    /// For one period from its birth on.
    Mortal {
        /// Blocks it lives.
        period: u32,
        /// Remainder of its birth block by the period.
        phase: u32,
    },
}

impl Era {
    /// The era of a transaction made at block `current` that shall live for at least about `period` blocks.
    pub fn mortal(period: u32, current: BlockNumber) -> Era {
        let period = period
            .clamp(MIN_PERIOD_BLOCKS, MAX_PERIOD_BLOCKS)
            .checked_next_power_of_two()
            .unwrap_or(MAX_PERIOD_BLOCKS);
        let step = phase_step(period);
        let phase = (current % period) / step * step;
        Era::Mortal { period, phase }
    }

    /// Whether the era never ends.
    pub const fn is_immortal(&self) -> bool {
        matches!(self, Era::Immortal)
    }

    /// The block whose hash the signer signed, for an era read at block `current`; 0 when immortal.
    pub fn birth(&self, current: BlockNumber) -> BlockNumber {
        match *self {
            Era::Immortal => 0,
            Era::Mortal { period, phase } => {
                let since_phase = current.max(phase) - phase;
                since_phase.checked_div(period).unwrap_or(0) * period + phase
            }
        }
    }

    /// The first block at which the era is over, for an era read at block `current`.
    pub fn death(&self, current: BlockNumber) -> BlockNumber {
        match *self {
            Era::Immortal => BlockNumber::MAX,
            Era::Mortal { period, .. } => self.birth(current).saturating_add(period),
        }
    }
}

/// Granularity of the phase, so that it fits into twelve bits.
const fn phase_step(period: u32) -> u32 {
    let step = period >> 12;
    if step == 0 { 1 } else { step }
}

impl Encode for Era {
    fn size_hint(&self) -> usize {
        if self.is_immortal() { 1 } else { 2 }
    }

    fn encode_to<T: Output + ?Sized>(&self, dest: &mut T) {
        match *self {
            Era::Immortal => dest.push_byte(0),
            Era::Mortal { period, phase } => {
                let exponent = period.trailing_zeros().saturating_sub(1).clamp(1, 15) as u16;
                let steps = (phase / phase_step(period)) as u16;
                dest.write(&(exponent | (steps << 4)).to_le_bytes());
            }
        }
    }
}

impl parity_scale_codec::EncodeLike for Era {}

impl Decode for Era {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let first = input.read_byte()?;
        if first == 0 {
            return Ok(Era::Immortal);
        }
        let word = u32::from(u16::from_le_bytes([first, input.read_byte()?]));
        let period = 2 << (word % 16);
        let phase = (word >> 4) * phase_step(period);
        if period >= MIN_PERIOD_BLOCKS && phase < period {
            Ok(Era::Mortal { period, phase })
        } else {
            Err("era with impossible period or phase".into())
        }
    }
}

impl MaxEncodedLen for Era {
    fn max_encoded_len() -> usize {
        2
    }
}

/// Names of the mortal variants as static text, which the metadata builder wants.
static MORTAL_NAMES: MortalNames = MortalNames::new();

/// The text `Mortal1Mortal2..Mortal255`, cut by [`MortalNames::name`].
struct MortalNames {
    text: [u8; 255 * 9],
}

impl MortalNames {
    const WIDTH: usize = 9;

    const fn new() -> Self {
        let mut text = [0; 255 * 9];
        let mut index = 1;
        while index <= 255 {
            let start = (index - 1) * Self::WIDTH;
            let word = b"Mortal";
            let mut at = 0;
            while at < word.len() {
                text[start + at] = word[at];
                at += 1;
            }
            let mut divisor = if index >= 100 {
                100
            } else if index >= 10 {
                10
            } else {
                1
            };
            while divisor > 0 {
                text[start + at] = b'0' + (index / divisor % 10) as u8;
                at += 1;
                divisor /= 10;
            }
            index += 1;
        }
        MortalNames { text }
    }

    /// `Mortal<index>` for an index of at least 1.
    fn name(&'static self, index: u8) -> &'static str {
        let start = (usize::from(index) - 1) * Self::WIDTH;
        let digits = match index {
            0..=9 => 1,
            10..=99 => 2,
            _ => 3,
        };
        core::str::from_utf8(&self.text[start..start + 6 + digits]).unwrap_or("Mortal")
    }
}

impl TypeInfo for Era {
    type Identity = Self;

    fn type_info() -> Type {
        let mut variants = Variants::new().variant_unit("Immortal", 0);
        for index in 1..=u8::MAX {
            variants = variants.variant(MORTAL_NAMES.name(index), |v| {
                v.index(index).fields(Fields::unnamed().field(|f| f.ty::<u8>()))
            });
        }
        Type::builder().path(Path::new("Era", "sp_runtime::generic::era")).variant(variants)
    }
}
