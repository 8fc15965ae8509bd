//! Weighted sums of public points, in variable time.
//!
//! Straus's method with the lanes side by side: a table per point, one running sum per digit
//! position for all points, and the doublings once at the end.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;

use super::block::{LaneDigits, MAX_LANES, decode_lanes, halves, split_obvious, store};
use super::field::{Field, Pair};
use super::multiply::{DIGITS, Table};
use super::point::{Completed, Extended, Summand};
use super::ristretto::encode;
use crate::error::BadPoint;
use crate::kernel::Encoding;

/// How many digits the longest weight has; the carry of the signed digits may add one.
fn positions(weights: &[Scalar]) -> usize {
    let bytes =
        |weight: &Scalar| 32 - weight.as_bytes().iter().rev().take_while(|b| **b == 0).count();
    let longest = weights.iter().map(bytes).max().unwrap_or(0);
    (2 * longest + 1).min(DIGITS)
}

/// Add the weighted points of one group of lanes to the running sums.
#[inline(always)]
fn add_group<F: Field>(sums: &mut [Summand<F>], point: Extended<F>, weights: &[Scalar]) {
    let mut digits = LaneDigits::zero();
    for (lane, weight) in weights.iter().take(F::LANES).enumerate() {
        digits.set(lane, F::LANES, weight);
    }
    let table = Table::new(point);
    for (at, sum) in sums.iter_mut().enumerate() {
        *sum = sum.plus(table.read_at(at, &*digits.digits, &*digits.signs)).summand();
    }
}

/// The sum per lane, encoded.
#[inline(always)]
pub fn weighted_sums<F: Field>(
    points: &[Encoding],
    weights: &[Scalar],
) -> Result<Vec<Encoding>, BadPoint> {
    let (head, clean) = split_obvious(points);
    let mut sums = vec![Summand::<F::Hot>::identity(); positions(weights)];
    let lanes = Pair::<F>::LANES;
    for (group, part) in head.chunks(lanes).enumerate() {
        let start = group * lanes;
        let points = halves(decode_lanes::<Pair<F>>(part, start)?);
        for (half, point) in points.into_iter().enumerate() {
            let start = start + half * F::LANES;
            add_group(&mut sums, point.hot(), weights.get(start..).unwrap_or(&[]));
        }
    }
    clean?;
    let mut total = Summand::<F::Hot>::identity().plus(Summand::identity().cached());
    for sum in sums.iter().rev() {
        for _ in 0..4 {
            total = total.projective().double();
        }
        total = total.summand().plus(sum.cached());
    }
    let mut out = vec![[0; 32]; MAX_LANES];
    out.truncate(F::LANES);
    store(encode(Completed::<F>::cool(total).extended()), &mut out);
    Ok(out)
}

/// The sum of all lanes.
pub fn join(lanes: &[Encoding]) -> RistrettoPoint {
    lanes
        .iter()
        .map(|lane| CompressedRistretto(*lane).decompress().expect("a kernel encodes points"))
        .sum()
}
