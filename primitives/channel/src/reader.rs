//! A cursor over bytes from outside: every step is bounds-checked and borrows, none allocates.

/// The bytes ended, or a length prefix was not canonical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// Fewer bytes are left than the next field needs.
    Short,
    /// A compact length is not in its shortest form, or is above 2^30.
    Compact,
}

/// Reads little-endian fields from the front of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], ReadError> {
        let (head, tail) = self.bytes.split_at_checked(len).ok_or(ReadError::Short)?;
        self.bytes = tail;
        Ok(head)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (head, tail) = self.bytes.split_first_chunk::<N>().ok_or(ReadError::Short)?;
        self.bytes = tail;
        Ok(*head)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, ReadError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, ReadError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, ReadError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(crate) fn u128(&mut self) -> Result<u128, ReadError> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    /// SCALE compact length below 2^30, in its shortest form only.
    #[inline]
    pub(crate) fn compact(&mut self) -> Result<u32, ReadError> {
        let first = *self.bytes.first().ok_or(ReadError::Short)?;
        match first & 3 {
            0 => {
                self.take(1)?;
                Ok(u32::from(first >> 2))
            }
            1 => {
                let value = u32::from(self.u16()? >> 2);
                if value < 1 << 6 { Err(ReadError::Compact) } else { Ok(value) }
            }
            2 => {
                let value = self.u32()? >> 2;
                if value < 1 << 14 { Err(ReadError::Compact) } else { Ok(value) }
            }
            _ => Err(ReadError::Compact),
        }
    }
}
