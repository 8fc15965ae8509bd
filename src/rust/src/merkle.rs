//! Salted leaves and the Merkle tree of RFC 6962 section 2.1 over SHA-256.
//!
//! Byte for byte what `psihash.session.commitment` and `psihash.audit.merkle` define.

use hmac::{Hmac, KeyInit, Mac};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::framing::{framed, update_framed};

pub type Hash = [u8; 32];

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// What every leaf of one tree is bound to.
pub struct LeafContext {
    /// SHA-256 after the parts that all leaves share.
    start: Sha256,
    salts: Hmac<Sha256>,
}

impl LeafContext {
    pub fn new(owner: &[u8], agreement: &[u8], algorithm: &[u8], salt_seed: &[u8]) -> Self {
        let mut start = Sha256::new().chain_update([0]);
        update_framed(&mut start, &[b"psihash/leaf/1", owner, agreement, algorithm]);
        let salts = Hmac::new_from_slice(salt_seed).expect("HMAC takes keys of any length");
        LeafContext { start, salts }
    }

    fn derive(&self, label: &[u8], index: u64) -> Hash {
        let text = framed(&[label, &index.to_be_bytes()]);
        self.salts.clone().chain_update(text).finalize().into_bytes().into()
    }

    /// The salt of a leaf.
    pub fn salt(&self, index: u64) -> Hash {
        self.derive(b"psihash/salt/1", index)
    }

    /// The leaf hash at `index`; without a token it is a dummy.
    pub fn leaf(&self, index: u64, token: Option<&Hash>) -> Hash {
        let dummy;
        let token = match token {
            Some(token) => token,
            None => {
                dummy = self.derive(b"psihash/dummy/1", index);
                &dummy
            }
        };
        let mut hash = self.start.clone();
        update_framed(&mut hash, &[&index.to_be_bytes(), &self.salt(index), token]);
        hash.finalize().into()
    }

    /// The leaf hashes of a batch from leaf `start` on; `real` false stands for a dummy.
    pub fn leaves(&self, start: u64, tokens: &[Hash], real: Option<&[u8]>) -> Vec<Hash> {
        tokens
            .par_iter()
            .enumerate()
            .with_min_len(256)
            .map(|(place, token)| {
                let is_real = real.is_none_or(|flags| flags[place] != 0);
                self.leaf(start + place as u64, is_real.then_some(token))
            })
            .collect()
    }
}

/// SHA-256(prefix || framed(row)) of every row of `width` bytes.
pub fn hash_rows(prefix: &[u8], rows: &[u8], width: usize) -> Vec<Hash> {
    let mut start = Sha256::new().chain_update(prefix);
    start.update((width as u64).to_be_bytes());
    rows.par_chunks_exact(width)
        .with_min_len(1024)
        .map(|row| start.clone().chain_update(row).finalize().into())
        .collect()
}

/// A tree with its inner hashes at hand: level 0 is the leaves, each level half the one below.
///
/// A level holds complete pairs only; a last leaf without a partner rises by the rule for ranges.
pub struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    pub fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let above = below
                .par_chunks_exact(2)
                .with_min_len(512)
                .map(|pair| node(&pair[0], &pair[1]))
                .collect();
            levels.push(above);
        }
        Tree { levels }
    }

    pub fn len(&self) -> usize {
        self.levels[0].len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// MTH(D[0:size]).
    pub fn root(&self, size: usize) -> Result<Hash, Error> {
        if size > self.len() {
            return Err(Error::Argument("the tree has fewer leaves"));
        }
        Ok(if size == 0 { Sha256::digest([]).into() } else { self.range(0, size) })
    }

    /// The root over leaves `start..stop`, a non-empty range that the RFC's splits yield: its
    /// start is a multiple of the next power of two, so whole subtrees are stored hashes.
    fn range(&self, start: usize, stop: usize) -> Hash {
        let count = stop - start;
        if count.is_power_of_two() {
            return self.levels[count.trailing_zeros() as usize][start / count];
        }
        let split = start + split(count);
        node(&self.range(start, split), &self.range(split, stop))
    }

    /// PATH(index, D[0:size]).
    pub fn inclusion(&self, index: usize, size: usize) -> Result<Vec<Hash>, Error> {
        if index >= size || size > self.len() {
            return Err(Error::Argument("the tree has no such leaf"));
        }
        let (mut start, mut stop) = (0, size);
        let mut path = Vec::new();
        while stop - start > 1 {
            let middle = start + split(stop - start);
            if index < middle {
                path.push(self.range(middle, stop));
                stop = middle;
            } else {
                path.push(self.range(start, middle));
                start = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// PROOF(old, D[0:size]); empty where `old` is 0 or `size`.
    pub fn consistency(&self, old: usize, size: usize) -> Result<Vec<Hash>, Error> {
        if old > size || size > self.len() {
            return Err(Error::Argument("the tree has no such size"));
        }
        let mut path = Vec::new();
        if old == 0 || old == size {
            return Ok(path);
        }
        let (mut start, mut stop) = (0, size);
        // While the range is more than the old tree's part of it, go towards the old tree's edge.
        while stop != old {
            let middle = start + split(stop - start);
            if old <= middle {
                path.push(self.range(middle, stop));
                stop = middle;
            } else {
                path.push(self.range(start, middle));
                start = middle;
            }
        }
        // A range that begins at 0 is the old root itself, which the verifier has.
        if start != 0 {
            path.push(self.range(start, stop));
        }
        path.reverse();
        Ok(path)
    }
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}
