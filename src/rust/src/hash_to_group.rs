//! RFC 9380 expand_message_xmd over SHA-512, and the uniform bytes of RFC 9497 section 4.1.
//!
//! All hashing here takes the same steps for every message of one length; the map from the uniform
//! bytes to the group (RFC 9496 section 4.3.4) is the kernels' work.

use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::kernel::{Kernel, Text};

const HASH_BYTES: usize = 64;

/// What is common to all messages under one domain separation tag.
#[derive(Clone)]
pub struct Expander {
    /// SHA-512 after the block of zeros with which every message begins: saves a block each.
    start: Sha512,
    /// The tag followed by its length in one byte.
    tag: Vec<u8>,
}

impl Expander {
    /// `tag` is the DST of RFC 9380, up to 255 bytes (a longer one is hashed as 5.3.3 says).
    pub fn new(tag: &[u8]) -> Result<Self, Error> {
        if tag.is_empty() {
            return Err(Error::Argument("a domain separation tag must not be empty"));
        }
        let mut tag = match tag.len() {
            ..=255 => tag.to_vec(),
            _ => Sha512::new()
                .chain_update(b"H2C-OVERSIZE-DST-")
                .chain_update(tag)
                .finalize()
                .to_vec(),
        };
        tag.push(tag.len() as u8);
        Ok(Expander { start: Sha512::new().chain_update([0u8; 128]), tag })
    }

    /// expand_message_xmd(parts joined, tag, 64): one output block, so b_1 is all of it.
    pub fn uniform(&self, parts: &[&[u8]]) -> [u8; HASH_BYTES] {
        let mut first = self.start.clone();
        for part in parts {
            first.update(part);
        }
        first.update([0, HASH_BYTES as u8, 0]);
        first.update(&self.tag);
        let b0 = first.finalize();
        Sha512::new().chain_update(b0).chain_update([1]).chain_update(&self.tag).finalize().into()
    }

    /// The same of every row of `width` bytes, side by side.
    pub fn uniform_rows(
        &self,
        kernel: &dyn Kernel,
        rows: &[u8],
        width: usize,
    ) -> Vec<[u8; HASH_BYTES]> {
        let mut out = vec![[0; HASH_BYTES]; rows.len() / width];
        let suffix = [&[0, HASH_BYTES as u8, 0], &self.tag[..]].concat();
        let first = Text { prefix: &[0; 128], rows, width, suffix: &suffix };
        kernel.sha512(&first, &mut out);
        let rows = Zeroizing::new(out.as_flattened().to_vec());
        let suffix = [&[1], &self.tag[..]].concat();
        let second = Text { prefix: &[], rows: &rows, width: HASH_BYTES, suffix: &suffix };
        kernel.sha512(&second, &mut out);
        out
    }

    /// HashToScalar of RFC 9497 section 4.1: 64 uniform little-endian bytes modulo the order.
    pub fn scalar(&self, parts: &[&[u8]]) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&self.uniform(parts))
    }
}
