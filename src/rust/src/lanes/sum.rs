//! Weighted sums of public points, in variable time, by Pippenger's buckets.
//!
//! For each window of the weights' digits every point is added to the bucket of its digit, and
//! bucket b counts b times. Each lane fills another bucket, so that running sums stay in registers:
//! points are sorted by bucket and gathered, buckets sorted by size.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use rayon::prelude::*;

use super::block::{MAX_LANES, lanes_of, store};
use super::field::{Bytes, Field};
use super::point::{Cached, Completed, Flat, Summand};
use super::ristretto::encode;
use super::windows::{Weights, Window};
use crate::kernel::{Affine, Decoded, Encoding};

/// A point ready to be added: the coordinates of `Flat`.
pub type FlatRow = [Bytes; 3];

/// The coordinates of `Cached`.
pub type Row = [Bytes; 4];

/// What one window has in each lane: the sum of the lane's buckets, each times its number within
/// the lane, from 1; and the plain sum.
pub type LaneSums = Vec<[Row; 2]>;

const fn small(value: u8) -> Bytes {
    let mut out = [0; 32];
    out[0] = value;
    out
}

static NEUTRAL_FLAT: FlatRow = [small(1), small(1), small(0)];
static NEUTRAL: Row = [small(1), small(1), small(2), small(0)];

/// Points to rows at once; a table has this many for each task.
const ROWS_AT_ONCE: usize = 512;

/// The parts of a sum, each an entry point of a kernel.
pub trait Steps: Sync {
    fn rows(&self, points: &[Affine], out: &mut [FlatRow]);
    fn window(&self, table: &[FlatRow], window: &Window) -> LaneSums;
    fn finish(&self, windows: &[&LaneSums], width: usize) -> Encoding;
}

/// The sum of weight times point for each list, over all cores.
pub fn weighted_sums(
    steps: &impl Steps,
    lists: &[&Decoded],
    weights: &[Scalar],
) -> Vec<RistrettoPoint> {
    let tables: Vec<_> = lists.iter().map(|list| table(steps, list.affine())).collect();
    let weights = Weights::new(weights);
    // A window is sorted once for all lists.
    let sums: Vec<Vec<LaneSums>> = (0..weights.count)
        .into_par_iter()
        .map(|number| {
            let window = weights.window(number);
            tables.iter().map(|table| steps.window(table, &window)).collect()
        })
        .collect();
    (0..lists.len())
        .map(|list| {
            let windows: Vec<_> = sums.iter().map(|all| &all[list]).collect();
            let encoding = steps.finish(&windows, weights.width);
            CompressedRistretto(encoding).decompress().expect("a kernel encodes points")
        })
        .collect()
}

/// All points as rows, and the neutral one behind them.
fn table(steps: &impl Steps, points: &[Affine]) -> Vec<FlatRow> {
    let mut out = vec![NEUTRAL_FLAT; points.len() + 1];
    out[..points.len()]
        .par_chunks_mut(ROWS_AT_ONCE)
        .zip(points.par_chunks(ROWS_AT_ONCE))
        .for_each(|(to, from)| steps.rows(from, to));
    out
}

#[inline(always)]
pub fn rows<F: Field>(points: &[Affine], out: &mut [FlatRow]) {
    for (from, to) in points.chunks(F::LANES).zip(out.chunks_mut(F::LANES)) {
        let x = lanes_of(F::LANES, &from[0][0], |lane| Some(&from.get(lane)?[0]));
        let y = lanes_of(F::LANES, &from[0][1], |lane| Some(&from.get(lane)?[1]));
        let flat = Flat::<F>::new(F::load(&x[..F::LANES]), F::load(&y[..F::LANES]));
        let mut bytes = [[[0; 32]; MAX_LANES]; 3];
        for (to, from) in bytes.iter_mut().zip([flat.y_minus_x, flat.y_plus_x, flat.t2d]) {
            from.store(&mut to[..F::LANES]);
        }
        for (lane, to) in to.iter_mut().enumerate() {
            *to = [bytes[0][lane], bytes[1][lane], bytes[2][lane]];
        }
    }
}

/// The points that some entries name, one in each lane.
#[inline(always)]
fn gather<F: Field>(table: &[FlatRow], entries: &[u32; MAX_LANES]) -> Flat<F> {
    let mut rows = [&table[0]; MAX_LANES];
    let mut signs = [0; MAX_LANES];
    for lane in 0..F::LANES {
        rows[lane] = &table[(entries[lane] >> 1) as usize];
        signs[lane] = (entries[lane] & 1) as u8;
    }
    let spare = &table[0][0];
    // The opposite point has y - x and y + x exchanged, and t negated.
    let first = lanes_of(F::LANES, spare, |lane| Some(&rows[lane][usize::from(signs[lane])]));
    let second = lanes_of(F::LANES, spare, |lane| Some(&rows[lane][usize::from(1 - signs[lane])]));
    let third = lanes_of(F::LANES, spare, |lane| Some(&rows[lane][2]));
    let minus = F::digit_is(F::digits(&signs[..F::LANES]), 1);
    Flat {
        y_minus_x: F::load(&first[..F::LANES]),
        y_plus_x: F::load(&second[..F::LANES]),
        t2d: F::load(&third[..F::LANES]).negate_if(minus),
    }
}

/// What some buckets have at a step, each in its lane; the neutral point where they are at an end.
#[inline(always)]
fn entries<F: Field>(buckets: &[&[u32]; MAX_LANES], step: usize, neutral: u32) -> [u32; MAX_LANES] {
    let mut out = [neutral; MAX_LANES];
    for lane in 0..F::LANES {
        out[lane] = *buckets[lane].get(step).unwrap_or(&neutral);
    }
    out
}

/// The sums of as many buckets as there are lanes, the first of them the fullest.
#[inline(always)]
fn fill<F: Field>(table: &[FlatRow], buckets: &[&[u32]; MAX_LANES]) -> Completed<F::Hot> {
    let neutral = 2 * (table.len() - 1) as u32;
    let first = entries::<F>(buckets, 0, neutral);
    let mut sum = gather::<F::Hot>(table, &first).completed();
    for step in 1..buckets[0].len() {
        let next = entries::<F>(buckets, step, neutral);
        sum = sum.summand().plus_flat(gather(table, &next));
    }
    sum
}

// No closure computes with lanes: it would be a function without the processor's features.

#[inline(always)]
fn coordinate<F: Field, const AT: usize>(rows: &[&Row; MAX_LANES]) -> F {
    let bytes = lanes_of(F::LANES, &NEUTRAL[AT], |lane| Some(&rows[lane][AT]));
    F::load(&bytes[..F::LANES])
}

#[inline(always)]
fn load<F: Field>(rows: &[&Row; MAX_LANES]) -> Cached<F> {
    Cached {
        y_minus_x: coordinate::<F, 0>(rows),
        y_plus_x: coordinate::<F, 1>(rows),
        z2: coordinate::<F, 2>(rows),
        t2d: coordinate::<F, 3>(rows),
    }
}

#[inline(always)]
fn save<F: Field>(point: Cached<F>) -> [Row; MAX_LANES] {
    let mut out = [NEUTRAL; MAX_LANES];
    let parts = [point.y_minus_x, point.y_plus_x, point.z2, point.t2d];
    for (at, part) in parts.into_iter().enumerate() {
        let mut bytes = [[0; 32]; MAX_LANES];
        part.store(&mut bytes[..F::LANES]);
        for lane in 0..F::LANES {
            out[lane][at] = bytes[lane];
        }
    }
    out
}

#[inline(always)]
pub fn window<F: Field>(table: &[FlatRow], window: &Window) -> LaneSums {
    let mut buckets = vec![NEUTRAL; window.buckets()];
    for group in window.order().chunks_exact(F::LANES) {
        let mut lists: [&[u32]; MAX_LANES] = [&[]; MAX_LANES];
        for lane in 0..F::LANES {
            lists[lane] = window.bucket(group[lane]);
        }
        if lists[0].is_empty() {
            break;
        }
        let sums = save(Completed::<F>::cool(fill::<F>(table, &lists)).cached());
        for lane in 0..F::LANES {
            buckets[group[lane] as usize] = sums[lane];
        }
    }
    let share = buckets.len() / F::LANES;
    let (mut plain, mut counted) = (Summand::<F>::identity(), Summand::<F>::identity());
    for at in (0..share).rev() {
        let rows = lanes_of(F::LANES, &NEUTRAL, |lane| buckets.get(lane * share + at));
        plain = plain.plus(load(&rows)).summand();
        counted = counted.plus(plain.cached()).summand();
    }
    let (plain, counted) = (save(plain.cached()), save(counted.cached()));
    (0..F::LANES).map(|lane| [counted[lane], plain[lane]]).collect()
}

/// Join the lanes of all windows, several windows side by side, and then the windows.
#[inline(always)]
pub fn finish<F: Field>(windows: &[&LaneSums], width: usize) -> Encoding {
    let lanes = windows.first().map_or(0, |sums| sums.len());
    let mut totals = Vec::with_capacity(windows.len() + F::LANES);
    for group in windows.chunks(F::LANES) {
        let row = |lane: usize, which: usize| {
            lanes_of(F::LANES, &NEUTRAL, |number| Some(&group.get(number)?[lane][which]))
        };
        let (mut total, mut plain) = (Summand::<F>::identity(), Summand::<F>::identity());
        let mut ranked = Summand::<F>::identity().plus(Cached::identity());
        for lane in (0..lanes).rev() {
            total = total.plus(load(&row(lane, 0))).summand();
            if lane > 0 {
                plain = plain.plus(load(&row(lane, 1))).summand();
                ranked = ranked.summand().plus(plain.cached());
            }
        }
        // Lane l's buckets begin l shares up.
        let share = (1 << (width - 1)) / lanes;
        for _ in 0..share.ilog2() {
            ranked = ranked.projective().double();
        }
        totals.extend_from_slice(&save(total.plus(ranked.summand().cached()).cached())[..F::LANES]);
    }
    let mut sum = Summand::<F>::identity().plus(Cached::identity());
    for total in totals[..windows.len()].iter().rev() {
        for _ in 0..width {
            sum = sum.projective().double();
        }
        sum = sum.summand().plus(load(&[total; MAX_LANES]));
    }
    let mut out = [[0; 32]; MAX_LANES];
    store(encode(sum.extended()), &mut out[..F::LANES]);
    out[0]
}
