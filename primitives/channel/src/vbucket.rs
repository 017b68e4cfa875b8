//! The 1,024 logical shards of a key space: `((crc32(key) >> 16) & 0x7fff) mod 1024`.
//!
//! It is Couchbase's mapping (IEEE crc32; shift and mask included), so change streams and channel programs shard alike.

/// Number of vBuckets.
pub const VBUCKETS: u16 = 1024;

/// The vBucket of a key, below [`VBUCKETS`].
#[inline]
pub fn vbucket(key: &[u8]) -> u16 {
    let crc = crc32fast::hash(key);
    // The low ten bits of crc >> 16: the mask 0x7fff and the modulus 1024 keep nothing else.
    ((crc >> 16) & 0x3ff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_published_vectors() {
        let vectors: [(&[u8], u16); 10] = [
            (b"hello", 528),
            (b"foo", 115),
            (b"doctor", 960),
            (b"tomorrow", 393),
            (b"another key", 162),
            (b"key_0", 226),
            (b"tx-1", 527),
            (b"airline_10", 361),
            (b"", 0),
            (b"\0", 514),
        ];
        for (key, expected) in vectors {
            assert_eq!(vbucket(key), expected, "{key:?}");
        }
    }
}
