//! Lists of any length over all cores: split into blocks, one kernel call each.

use std::borrow::Cow;

use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::error::{BadPoint, Error, Reason};
use crate::hash_to_group::Expander;
use crate::kernel::{Decoded, DecodedPart, Encoding, Factor, Kernel, Text};
use crate::tags;

/// Elements a kernel sees at once: large enough to share one inversion, small enough for the cache.
const BLOCK: usize = 512;

/// Messages of a list: all of 32 bytes in one run of memory, or of any length.
#[derive(Clone, Copy)]
pub enum Messages<'a> {
    Fixed(&'a [[u8; 32]]),
    Varied(&'a [&'a [u8]]),
}

impl<'a> Messages<'a> {
    pub fn len(&self) -> usize {
        match self {
            Messages::Fixed(all) => all.len(),
            Messages::Varied(all) => all.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some of them joined, and their length, if they have one length that is not zero.
    pub fn part(&self, start: usize, stop: usize) -> Option<(Cow<'a, [u8]>, usize)> {
        match self {
            Messages::Fixed(all) => Some((all[start..stop].as_flattened().into(), 32)),
            Messages::Varied(all) => {
                let width = all[start].len();
                let alike = width > 0 && all[start..stop].iter().all(|one| one.len() == width);
                alike.then(|| (all[start..stop].concat().into(), width))
            }
        }
    }

    pub fn at(&self, index: usize) -> &'a [u8] {
        match self {
            Messages::Fixed(all) => &all[index],
            Messages::Varied(all) => all[index],
        }
    }
}

/// The finding with the lowest index, so that an error does not depend on the threads.
fn first_bad(
    results: impl IndexedParallelIterator<Item = Result<(), BadPoint>>,
) -> Result<(), BadPoint> {
    results.find_first(Result::is_err).unwrap_or(Ok(()))
}

fn same_length(points: usize, by: Factor) -> Result<(), Error> {
    match by {
        Factor::Each(scalars) if scalars.len() != points => {
            Err(Error::Argument("there must be one scalar per element"))
        }
        _ => Ok(()),
    }
}

/// Fail at the first element that is not canonical or is the identity.
pub fn check(kernel: &dyn Kernel, points: &[Encoding]) -> Result<(), BadPoint> {
    first_bad(
        points
            .par_chunks(BLOCK)
            .enumerate()
            .map(|(block, part)| kernel.check(part).map_err(|bad| bad.shifted(block * BLOCK))),
    )
}

/// Fail at the first element that stood earlier in the list.
pub fn check_distinct(points: &[Encoding]) -> Result<(), Error> {
    match tags::first_repeat(points)? {
        Some(index) => Err(BadPoint { index, reason: Reason::Repeated }.into()),
        None => Ok(()),
    }
}

/// The blocks of what is kept, or as many times nothing.
fn blocks(
    kept: Option<&mut Decoded>,
    count: usize,
) -> impl IndexedParallelIterator<Item = Option<DecodedPart<'_>>> {
    let mut parts: Vec<_> = kept.into_iter().flat_map(|all| all.parts(BLOCK)).map(Some).collect();
    parts.resize_with(count.div_ceil(BLOCK), || None);
    parts.into_par_iter()
}

/// Decode for a sum.
pub fn decode(kernel: &dyn Kernel, points: &[Encoding]) -> Result<Decoded, BadPoint> {
    let mut kept = kernel.room(points.len());
    let parts = points.par_chunks(BLOCK).zip(blocks(Some(&mut kept), points.len()));
    first_bad(parts.enumerate().map(|(block, (from, to))| {
        kernel.decode(from, to).map_err(|bad| bad.shifted(block * BLOCK))
    }))?;
    Ok(kept)
}

/// Decode, multiply, encode; the points themselves may be kept for a sum.
pub fn multiply(
    kernel: &dyn Kernel,
    points: &[Encoding],
    by: Factor,
    kept: Option<&mut Decoded>,
) -> Result<Vec<Encoding>, Error> {
    same_length(points.len(), by)?;
    let mut out = vec![[0; 32]; points.len()];
    let parts = points.par_chunks(BLOCK).zip(out.par_chunks_mut(BLOCK));
    first_bad(parts.zip(blocks(kept, points.len())).enumerate().map(
        |(block, ((from, to), kept))| {
            let start = block * BLOCK;
            kernel
                .multiply_keeping(from, by.part(start, start + from.len()), to, kept)
                .map_err(|bad| bad.shifted(start))
        },
    ))?;
    Ok(out)
}

/// The uniform bytes of the messages `start..stop`.
fn uniform(
    kernel: &dyn Kernel,
    expander: &Expander,
    messages: Messages,
    start: usize,
    stop: usize,
) -> Zeroizing<Vec<[u8; 64]>> {
    Zeroizing::new(match messages.part(start, stop) {
        Some((rows, width)) => expander.uniform_rows(kernel, &rows, width),
        None => (start..stop).map(|index| expander.uniform(&[messages.at(index)])).collect(),
    })
}

/// Hash to the group and, where a factor is given, multiply; the products may be kept for a sum.
///
/// The identity comes out with probability 2^-252 and is refused as RFC 9497 demands.
pub fn hash(
    kernel: &dyn Kernel,
    expander: &Expander,
    messages: Messages,
    by: Option<Factor>,
    kept: Option<&mut Decoded>,
) -> Result<Vec<Encoding>, Error> {
    if let Some(by) = by {
        same_length(messages.len(), by)?;
    }
    let mut out = vec![[0; 32]; messages.len()];
    let parts = out.par_chunks_mut(BLOCK).zip(blocks(kept, messages.len()));
    first_bad(parts.enumerate().map(|(block, (to, kept))| {
        let (start, stop) = (block * BLOCK, block * BLOCK + to.len());
        let uniform = uniform(kernel, expander, messages, start, stop);
        match by {
            Some(by) => kernel.map_multiply_keeping(&uniform, by.part(start, stop), to, kept),
            None => kernel.map(&uniform, to),
        }
        match to.iter().position(|encoding| *encoding == [0; 32]) {
            Some(index) => Err(BadPoint { index: start + index, reason: Reason::Identity }),
            None => Ok(()),
        }
    }))?;
    Ok(out)
}

/// SHA-512(prefix || row) of every row, over all cores.
pub fn sha512(kernel: &dyn Kernel, prefix: &[u8], rows: &[u8], width: usize) -> Vec<[u8; 64]> {
    let mut out = vec![[0; 64]; rows.len() / width];
    rows.par_chunks(width * BLOCK).zip(out.par_chunks_mut(BLOCK)).for_each(|(rows, to)| {
        kernel.sha512(&Text { prefix, rows, width, suffix: &[] }, to);
    });
    out
}
