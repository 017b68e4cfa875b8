//! WebSocket frames (RFC 6455) as the server's side reads and writes them: a pure decoder and an encoder.
//!
//! * F1 Frames of clients are masked, reserved bits are zero, control frames are short and whole; anything else ends
//!   the session with code 1002.
//! * F2 Memory grows with the bytes that came, never with the length that a frame announces.
//! * F3 A message above the limit is thrown away as it comes and reported once; the session goes on after it.
//! * F4 Long messages leave in fragments of [`FRAGMENT_BYTES`], so that a close frame can follow soon.

/// Payload of one outgoing frame.
pub(super) const FRAGMENT_BYTES: usize = 64 * 1024;
/// By how much the memory of a long message grows.
const GROWTH_BYTES: usize = 256 * 1024;
/// Largest payload of a control frame.
const CONTROL_MAX_BYTES: usize = 125;
/// Longest frame that is thrown away instead of ending the session.
const SKIPPED_MAX_BYTES: u64 = 1 << 30;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// What came from the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A whole message, text or binary.
    Message(Vec<u8>),
    /// A message above the limit, thrown away.
    TooLarge,
    /// A ping with its payload, to be sent back.
    Ping(Vec<u8>),
    /// A pong.
    Pong,
    /// The client closes.
    Close,
}

/// How a client broke the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("a reserved bit is set")]
    ReservedBit,
    #[error("unknown opcode {0}")]
    Opcode(u8),
    #[error("frames of clients must be masked")]
    NotMasked,
    #[error("a control frame is fragmented or longer than 125 bytes")]
    Control,
    #[error("a continuation without a beginning, or a new message inside another one")]
    Fragments,
    #[error("the frame is longer than 1 GiB")]
    Length,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: u8,
    is_last: bool,
    mask: [u8; 4],
    read: u64,
    left: u64,
}

/// Puts messages together from bytes.
#[derive(Debug)]
pub(super) struct Decoder {
    max_message_bytes: usize,
    head: Vec<u8>,
    frame: Option<Frame>,
    message: Vec<u8>,
    control: Vec<u8>,
    is_in_message: bool,
    is_skipping: bool,
}

impl Decoder {
    pub(super) fn new(max_message_bytes: usize) -> Self {
        Self {
            max_message_bytes,
            head: Vec::with_capacity(14),
            frame: None,
            message: Vec::new(),
            control: Vec::new(),
            is_in_message: false,
            is_skipping: false,
        }
    }

    /// Bytes of memory held for an unfinished message.
    pub(super) fn held_bytes(&self) -> usize {
        self.message.capacity()
    }

    /// Whether a message has begun and not ended.
    pub(super) fn is_amid_message(&self) -> bool {
        self.is_in_message || self.frame.is_some() || !self.head.is_empty()
    }

    /// Takes bytes from the front of `input` until something is whole or nothing is left.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Event>, FrameError> {
        loop {
            let Some(frame) = self.frame else {
                if !self.read_head(input)? {
                    return Ok(None);
                }
                continue;
            };
            let frame = self.read_payload(frame, input);
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            self.frame = None;
            if let Some(event) = self.end_of_frame(frame) {
                return Ok(Some(event));
            }
        }
    }

    /// Collects the head of a frame; true when it is whole.
    fn read_head(&mut self, input: &mut &[u8]) -> Result<bool, FrameError> {
        while let Some((byte, rest)) = input.split_first() {
            self.head.push(*byte);
            *input = rest;
            if let Some(frame) = parse_head(&self.head)? {
                self.head.clear();
                self.begin(frame)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn begin(&mut self, frame: Frame) -> Result<(), FrameError> {
        match frame.opcode {
            CLOSE | PING | PONG => self.control.clear(),
            CONTINUATION if !self.is_in_message => return Err(FrameError::Fragments),
            TEXT | BINARY if self.is_in_message => return Err(FrameError::Fragments),
            CONTINUATION | TEXT | BINARY => {
                self.is_in_message = true;
                let length = frame.left.saturating_add(self.message.len() as u64);
                if self.is_skipping || length > self.max_message_bytes as u64 {
                    self.is_skipping = true;
                    self.message = Vec::new();
                }
            }
            other => return Err(FrameError::Opcode(other)),
        }
        self.frame = Some(frame);
        Ok(())
    }

    fn read_payload(&mut self, mut frame: Frame, input: &mut &[u8]) -> Frame {
        let count = input.len().min(usize::try_from(frame.left).unwrap_or(usize::MAX));
        let (bytes, rest) = input.split_at(count);
        *input = rest;
        let mask = frame.mask;
        // Only the place in the mask matters, so the low bits suffice.
        let from = (frame.read & 3) as usize;
        let plain = bytes.iter().enumerate().map(|(at, byte)| byte ^ mask[(from + at) & 3]);
        if frame.opcode >= CLOSE {
            self.control.extend(plain);
        } else if !self.is_skipping {
            // Long messages grow by a step, not by doubling, so that they cost what they weigh.
            let room = self.message.capacity() - self.message.len();
            if count > room && self.message.len() >= GROWTH_BYTES {
                self.message.reserve_exact(count.max(GROWTH_BYTES));
            }
            self.message.extend(plain);
        }
        frame.read = frame.read.wrapping_add(count as u64);
        frame.left -= count as u64;
        frame
    }

    fn end_of_frame(&mut self, frame: Frame) -> Option<Event> {
        match frame.opcode {
            CLOSE => Some(Event::Close),
            PING => Some(Event::Ping(std::mem::take(&mut self.control))),
            PONG => Some(Event::Pong),
            _ if !frame.is_last => None,
            _ => {
                self.is_in_message = false;
                let message = std::mem::take(&mut self.message);
                match std::mem::take(&mut self.is_skipping) {
                    true => Some(Event::TooLarge),
                    false => Some(Event::Message(message)),
                }
            }
        }
    }
}

/// A frame's head, once all its bytes are there.
fn parse_head(head: &[u8]) -> Result<Option<Frame>, FrameError> {
    let [first, second, rest @ ..] = head else { return Ok(None) };
    if first & 0x70 != 0 {
        return Err(FrameError::ReservedBit);
    }
    if second & 0x80 == 0 {
        return Err(FrameError::NotMasked);
    }
    let (opcode, is_last, short) = (first & 0x0f, first & 0x80 != 0, second & 0x7f);
    if opcode >= CLOSE && (!is_last || usize::from(short) > CONTROL_MAX_BYTES) {
        return Err(FrameError::Control);
    }
    let length_bytes = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if rest.len() < length_bytes + 4 {
        return Ok(None);
    }
    let (length, mask) = rest.split_at(length_bytes);
    let left = match length_bytes {
        0 => u64::from(short),
        _ => length.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte)),
    };
    if left > SKIPPED_MAX_BYTES {
        return Err(FrameError::Length);
    }
    Ok(Some(Frame { opcode, is_last, mask: [mask[0], mask[1], mask[2], mask[3]], read: 0, left }))
}

/// The head of an outgoing frame.
fn head(first: u8, length: usize) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..126 => head.push(length as u8),
        126..=0xffff => {
            head.push(126);
            head.extend((length as u16).to_be_bytes());
        }
        _ => {
            head.push(127);
            head.extend((length as u64).to_be_bytes());
        }
    }
    head
}

/// The head of the frame that carries `length` bytes of a text message, from byte `at` of `total`.
pub(super) fn text_head(at: usize, length: usize, total: usize) -> Vec<u8> {
    let opcode = if at == 0 { TEXT } else { CONTINUATION };
    let last = if at + length == total { 0x80 } else { 0 };
    head(last | opcode, length)
}

/// An empty ping.
pub(super) fn ping() -> Vec<u8> {
    head(0x80 | PING, 0)
}

/// The answer to a ping.
pub(super) fn pong(payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(CONTROL_MAX_BYTES)];
    let mut frame = head(0x80 | PONG, payload.len());
    frame.extend(payload);
    frame
}

/// A close frame; the reason is cut at a character's boundary to what fits.
pub(super) fn close(code: u16, reason: &str) -> Vec<u8> {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_MAX_BYTES - 2)];
    let mut frame = head(0x80 | CLOSE, 2 + reason.len());
    frame.extend(code.to_be_bytes());
    frame.extend(reason.as_bytes());
    frame
}

#[cfg(test)]
mod tests;
