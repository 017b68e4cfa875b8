//! Bytes read as choices: whoever asks always gets an answer; when the bytes are used up, it is zero.

/// What is left of an input.
pub(crate) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Choices(bytes)
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// One of `count` things; 0 when there is none.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        if count <= 1 { 0 } else { usize::from(self.byte()) % count }
    }

    /// A number that is often at an edge.
    pub(crate) fn number(&mut self) -> u128 {
        let chosen = self.byte();
        match chosen {
            0..=63 => u128::from(chosen),
            64..=79 => u128::from(u32::MAX) - u128::from(chosen & 15),
            80..=95 => u128::from(u64::MAX) - u128::from(chosen & 15),
            96..=111 => u128::MAX - u128::from(chosen & 15),
            112..=143 => 1u128 << (u32::from(chosen - 112) * 4),
            _ => {
                let mut bytes = [0; 16];
                bytes[..8].fill_with(|| self.byte());
                u128::from_le_bytes(bytes)
            }
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}
