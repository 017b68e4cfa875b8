//! Certificates and requests as text (C11).

use alloc::string::String;
use alloc::vec::Vec;

use parity_scale_codec::Encode;
use quire_core::hash;

use crate::{CERTIFICATE_BYTES_MAX, Certificate, Request};

/// Longest text that is read, bytes: remarks around the armour included.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
const LINE_DIGITS: usize = 64;
const CHECKSUM_BYTES: usize = 4;

/// Why a text is no armoured certificate or request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArmourError {
    /// Longer than any.
    #[error("a text of {bytes} bytes is no certificate or request: {TEXT_BYTES_MAX} are the most")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The first line is missing.
    #[error("there is no line {line:?}")]
    NoBegin {
        /// What is looked for.
        line: String,
    },
    /// The last line is missing.
    #[error("the text is cut off: there is no line {line:?}")]
    NoEnd {
        /// What is looked for.
        line: String,
    },
    /// Not hex, or the checksum is another.
    #[error("the text is damaged ({what}): copy it again")]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
}

/// What is written as text.
pub trait Armoured: Encode + Sized {
    /// Name between the dashes.
    const LABEL: &'static str;

    /// Reads the bytes.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;

    /// The text, ending with a line end.
    fn to_text(&self) -> String {
        let mut bytes = self.encode();
        let sum = checksum(Self::LABEL, &bytes);
        bytes.extend_from_slice(&sum);
        let digits = hex::encode(&bytes);
        let mut out = line("BEGIN", Self::LABEL);
        out.push('\n');
        for chunk in digits.as_bytes().chunks(LINE_DIGITS) {
            // Hex digits are ASCII.
            out.extend(chunk.iter().map(|digit| char::from(*digit)));
            out.push('\n');
        }
        out.push_str(&line("END", Self::LABEL));
        out.push('\n');
        out
    }

    /// Reads a text; what stands before the first and after the last line is passed over.
    ///
    /// # Errors
    /// When a line is missing, or what is between them is not what was written.
    fn from_text(text: &str) -> Result<Self, ArmourError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ArmourError::TooLong { bytes: text.len() });
        }
        let (begin, end) = (line("BEGIN", Self::LABEL), line("END", Self::LABEL));
        let mut lines = text.lines().map(str::trim).skip_while(|at| *at != begin);
        if lines.next().is_none() {
            return Err(ArmourError::NoBegin { line: begin });
        }
        let mut digits = String::new();
        let mut is_ended = false;
        for at in lines {
            is_ended = at == end;
            if is_ended {
                break;
            }
            digits.push_str(at);
        }
        if !is_ended {
            return Err(ArmourError::NoEnd { line: end });
        }
        let bytes = hex::decode(&digits).map_err(|_| ArmourError::Damaged { what: "not hex" })?;
        let place = bytes.len().checked_sub(CHECKSUM_BYTES).filter(|length| *length <= CERTIFICATE_BYTES_MAX);
        let (body, sum) = bytes.split_at(place.ok_or(ArmourError::Damaged { what: "wrong length" })?);
        if sum != checksum(Self::LABEL, body) {
            return Err(ArmourError::Damaged { what: "wrong checksum" });
        }
        Self::from_bytes(body).ok_or(ArmourError::Damaged { what: "undecodable" })
    }
}

impl Armoured for Certificate {
    const LABEL: &'static str = "QUIRE CERTIFICATE";

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::read(bytes).ok()
    }
}

impl Armoured for Request {
    const LABEL: &'static str = "QUIRE CERTIFICATE REQUEST";

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::read(bytes).ok()
    }
}

fn line(word: &str, label: &str) -> String {
    alloc::format!("-----{word} {label}-----")
}

fn checksum(label: &str, bytes: &[u8]) -> Vec<u8> {
    hash::blake2_256_concat(&[label.as_bytes(), bytes]).into_iter().take(CHECKSUM_BYTES).collect()
}
