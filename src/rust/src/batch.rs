//! Lists of any length over all cores: split into blocks, one kernel call each.

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use rayon::prelude::*;

use crate::error::{BadPoint, Error, Reason};
use crate::hash_to_group::Expander;
use crate::kernel::{Encoding, Factor, Kernel};
use crate::tags;

/// Elements a kernel sees at once: large enough to share one inversion, small enough for the cache.
const BLOCK: usize = 512;

/// Elements of a weighted sum at once: bucket work is shared, so blocks are larger.
const SUM_BLOCK: usize = 8192;

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

/// Decode, multiply, encode.
pub fn multiply(
    kernel: &dyn Kernel,
    points: &[Encoding],
    by: Factor,
) -> Result<Vec<Encoding>, Error> {
    same_length(points.len(), by)?;
    let mut out = vec![[0; 32]; points.len()];
    first_bad(points.par_chunks(BLOCK).zip(out.par_chunks_mut(BLOCK)).enumerate().map(
        |(block, (from, to))| {
            let start = block * BLOCK;
            kernel
                .multiply(from, by.part(start, start + from.len()), to)
                .map_err(|bad| bad.shifted(start))
        },
    ))?;
    Ok(out)
}

/// Hash to the group and, where a factor is given, multiply.
///
/// The identity comes out with probability 2^-252 and is refused as RFC 9497 demands.
pub fn hash(
    kernel: &dyn Kernel,
    expander: &Expander,
    messages: Messages,
    by: Option<Factor>,
) -> Result<Vec<Encoding>, Error> {
    if let Some(by) = by {
        same_length(messages.len(), by)?;
    }
    let mut out = vec![[0; 32]; messages.len()];
    first_bad(out.par_chunks_mut(BLOCK).enumerate().map(|(block, to)| {
        let start = block * BLOCK;
        let uniform: Vec<_> = (start..start + to.len())
            .map(|index| expander.uniform(&[messages.at(index)]))
            .collect();
        match by {
            Some(by) => kernel.map_multiply(&uniform, by.part(start, start + to.len()), to),
            None => kernel.map(&uniform, to),
        }
        match to.iter().position(|encoding| *encoding == [0; 32]) {
            Some(index) => Err(BadPoint { index: start + index, reason: Reason::Identity }),
            None => Ok(()),
        }
    }))?;
    Ok(out)
}

/// The sum of weight times point. Variable time: for public weights and points only.
pub fn weighted_sum(
    kernel: &dyn Kernel,
    points: &[Encoding],
    weights: &[Scalar],
) -> Result<RistrettoPoint, Error> {
    if points.len() != weights.len() {
        return Err(Error::Argument("there must be one weight per element"));
    }
    let threads = rayon::current_num_threads().max(1);
    let block = points.len().div_ceil(threads).clamp(BLOCK, SUM_BLOCK);
    let parts: Vec<Result<RistrettoPoint, BadPoint>> = points
        .par_chunks(block)
        .zip(weights.par_chunks(block))
        .enumerate()
        .map(|(number, (points, weights))| {
            kernel.weighted_sum(points, weights).map_err(|bad| bad.shifted(number * block))
        })
        .collect();
    let mut sum = RistrettoPoint::identity();
    for part in parts {
        sum += part?;
    }
    Ok(sum)
}
