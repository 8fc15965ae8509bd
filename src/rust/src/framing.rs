//! Length-prefixed hashing, byte for byte as `psihash.canonical.framed`: an injective encoding.

use sha2::Digest;

/// Feed parts to a hash, each behind its length as eight big-endian bytes.
pub fn update_framed<D: Digest>(hash: &mut D, parts: &[&[u8]]) {
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
}

/// The framed bytes themselves.
pub fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}
