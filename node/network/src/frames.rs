//! Frames inside a substream: `unsigned LEB128 length ++ payload`.
//!
//! Rules:
//! * R1 A length above the limit, of more than five bytes, or with a needless last byte is refused before anything of
//!   the payload is read.
//! * R2 Memory grows with the bytes that have come, never with the length that was announced.
//! * R3 The end of the substream between two frames is an end; inside a frame it is an error.

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use std::io;

/// Most bytes of a length.
const LENGTH_BYTES: usize = 5;
/// Payloads up to here are written together with their length.
const JOIN_BYTES: usize = 16 * 1024;

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// R1.
    #[error("a frame of {bytes} bytes, at most {most}")]
    TooLarge { bytes: u64, most: usize },
    /// R1.
    #[error("a frame's length is no varint")]
    Length,
    /// R3.
    #[error("the substream ended inside a frame")]
    Short,
    /// The connection broke.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl FrameError {
    /// Whether the peer, and not the line, is to blame.
    pub(crate) const fn is_violation(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::Length)
    }
}

/// Reads the length of the next frame; none at the end of the substream.
pub(crate) async fn read_length<R: AsyncRead + Unpin>(
    input: &mut R,
    most: usize,
) -> Result<Option<usize>, FrameError> {
    let mut value = 0_u64;
    for place in 0..LENGTH_BYTES {
        let mut byte = [0];
        if input.read(&mut byte).await? == 0 {
            return if place == 0 { Ok(None) } else { Err(FrameError::Short) };
        }
        value |= u64::from(byte[0] & 0x7f) << (7 * place);
        if byte[0] & 0x80 == 0 {
            if byte[0] == 0 && place > 0 {
                return Err(FrameError::Length);
            }
            return match usize::try_from(value) {
                Ok(length) if length <= most => Ok(Some(length)),
                _ => Err(FrameError::TooLarge { bytes: value, most }),
            };
        }
    }
    Err(FrameError::Length)
}

/// Reads a payload whose length is known.
pub(crate) async fn read_payload<R: AsyncRead + Unpin>(
    input: &mut R,
    length: usize,
) -> Result<Vec<u8>, FrameError> {
    let mut payload = Vec::new();
    input.take(length as u64).read_to_end(&mut payload).await?;
    if payload.len() == length { Ok(payload) } else { Err(FrameError::Short) }
}

/// Reads a frame; none at the end of the substream.
pub(crate) async fn read<R: AsyncRead + Unpin>(
    input: &mut R,
    most: usize,
) -> Result<Option<Vec<u8>>, FrameError> {
    match read_length(input, most).await? {
        Some(length) => read_payload(input, length).await.map(Some),
        None => Ok(None),
    }
}

/// Appends the length that goes before a payload.
pub(crate) fn push_length(out: &mut Vec<u8>, length: usize) {
    let mut rest = length;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Writes frames, small ones together, and flushes.
pub(crate) async fn write<W: AsyncWrite + Unpin, B: AsRef<[u8]>>(
    output: &mut W,
    payloads: &[B],
) -> io::Result<()> {
    let mut joined = Vec::new();
    for payload in payloads.iter().map(AsRef::as_ref) {
        push_length(&mut joined, payload.len());
        if payload.len() <= JOIN_BYTES {
            joined.extend_from_slice(payload);
        }
        if payload.len() > JOIN_BYTES || joined.len() > JOIN_BYTES {
            output.write_all(&joined).await?;
            joined.clear();
        }
        if payload.len() > JOIN_BYTES {
            output.write_all(payload).await?;
        }
    }
    output.write_all(&joined).await?;
    output.flush().await
}

#[cfg(test)]
mod tests;
