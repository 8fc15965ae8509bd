//! Comparison tags, and lists compared by them.
//!
//! A tag is SHA-256(transcript, encoding) cut to 16 bytes: keyed by the session, so that no table
//! of tags serves twice. Lists are joined by a hash table of positions; where an entry falls is
//! keyed at random, so that a peer cannot choose tags that all fall in one place.

use std::hash::{BuildHasher, RandomState};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::kernel::Encoding;

pub type Tag = [u8; 16];

/// SHA-256(transcript || encoding), the first 16 bytes.
pub fn tags(transcript: &[u8], points: &[Encoding]) -> Vec<Tag> {
    let start = Sha256::new().chain_update(transcript);
    points
        .par_iter()
        .with_min_len(1024)
        .map(|point| {
            let whole = start.clone().chain_update(point).finalize();
            let mut tag = [0; 16];
            tag.copy_from_slice(&whole[..16]);
            tag
        })
        .collect()
}

/// Positions in a list by content. Half empty at most, linear probing; four bytes a slot.
struct Index<'a, T> {
    list: &'a [T],
    slots: Vec<u32>,
    key: RandomState,
}

const EMPTY: u32 = u32::MAX;

impl<'a, T: AsRef<[u8]> + Eq> Index<'a, T> {
    /// Err is the position of the first entry that stood earlier.
    fn build(list: &'a [T]) -> Result<Result<Self, usize>, Error> {
        if list.len() >= EMPTY as usize / 2 {
            return Err(Error::Argument("a list must have fewer than 2^31 entries"));
        }
        let slots = vec![EMPTY; (list.len() * 2).next_power_of_two()];
        let mut index = Index { list, slots, key: RandomState::new() };
        for (position, entry) in list.iter().enumerate() {
            let slot = index.slot(entry);
            if index.slots[slot] != EMPTY {
                return Ok(Err(position));
            }
            index.slots[slot] = position as u32;
        }
        Ok(Ok(index))
    }

    /// The slot that holds an equal entry, or the empty one where it belongs.
    fn slot(&self, entry: &T) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = self.key.hash_one(entry.as_ref()) as usize & mask;
        while self.slots[slot] != EMPTY && self.list[self.slots[slot] as usize] != *entry {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn find(&self, entry: &T) -> Option<u32> {
        Some(self.slots[self.slot(entry)]).filter(|position| *position != EMPTY)
    }
}

/// The position of the first entry that stood earlier in the list.
pub fn first_repeat<T: AsRef<[u8]> + Eq>(list: &[T]) -> Result<Option<usize>, Error> {
    Ok(Index::build(list)?.err())
}

/// Which list of `intersect` has an entry twice, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    pub second_list: bool,
    pub position: usize,
}

/// Pairs (position in `a`, position in `b`) of equal tags, ascending in `a`.
///
/// The inner Err says that a list has a tag twice; honest lists never do.
pub fn intersect(a: &[Tag], b: &[Tag]) -> Result<Result<Vec<(u32, u32)>, Repeat>, Error> {
    if let Some(position) = first_repeat(a)? {
        return Ok(Err(Repeat { second_list: false, position }));
    }
    let index = match Index::build(b)? {
        Ok(index) => index,
        Err(position) => return Ok(Err(Repeat { second_list: true, position })),
    };
    let pairs = a
        .par_iter()
        .enumerate()
        .filter_map(|(position, tag)| index.find(tag).map(|other| (position as u32, other)))
        .collect();
    Ok(Ok(pairs))
}
