//! A block of a list through the lanes: bytes in, bytes out, a short last group filled up.

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_COMPRESSED;
use curve25519_dalek::scalar::Scalar;
use zeroize::{Zeroize, Zeroizing};

use super::constants;
use super::field::{Field, Pair};
use super::multiply::{DIGITS, Digits, multiply, recode};
use super::point::{Completed, Extended};
use super::ristretto::{Doubled, decode, encode, invert_all, map};
use crate::error::{BadPoint, Reason};
use crate::kernel::{Affine, Encoding, Factor};

/// The most lanes of any kernel, in pairs.
pub const MAX_LANES: usize = 16;

/// Whether the bytes are an even integer below p. Public data: a refusal may return early.
fn is_canonical(bytes: &Encoding) -> bool {
    let middle = bytes[1..31].iter().all(|byte| *byte == 0xff);
    let at_least_p = bytes[31] == 0x7f && middle && bytes[0] >= 0xed;
    bytes[0] & 1 == 0 && bytes[31] & 128 == 0 && !at_least_p
}

/// The first element that a look at the bytes refuses, and how many stand before it.
fn obvious(points: &[Encoding]) -> Result<(), BadPoint> {
    for (index, point) in points.iter().enumerate() {
        if *point == [0; 32] {
            return Err(BadPoint { index, reason: Reason::Identity });
        }
        if !is_canonical(point) {
            return Err(BadPoint { index, reason: Reason::Encoding });
        }
    }
    Ok(())
}

/// References to one thing per lane; spare lanes get `spare`.
#[inline(always)]
pub fn lanes_of<'a, T>(
    lanes: usize,
    spare: &'a T,
    from: impl Fn(usize) -> Option<&'a T>,
) -> [&'a T; MAX_LANES] {
    let mut out = [spare; MAX_LANES];
    for (lane, to) in out[..lanes].iter_mut().enumerate() {
        *to = from(lane).unwrap_or(spare);
    }
    out
}

/// Decode up to `F::LANES` elements that passed `obvious`; spare lanes hold the generator.
#[inline(always)]
pub fn decode_lanes<F: Field>(points: &[Encoding], start: usize) -> Result<Extended<F>, BadPoint> {
    let generator = RISTRETTO_BASEPOINT_COMPRESSED.as_bytes();
    let bytes = lanes_of(F::LANES, generator, |lane| points.get(lane));
    let (good, point) = decode(F::load(&bytes[..F::LANES]));
    let bad = (!F::bits(good)).trailing_zeros() as usize;
    if bad < F::LANES {
        return Err(BadPoint { index: start + bad, reason: Reason::Encoding });
    }
    Ok(point)
}

/// Keep affine points for a sum.
#[inline(always)]
fn keep<F: Field>(x: F, y: F, kept: &mut [Affine]) {
    let mut bytes = [[[0; 32]; MAX_LANES]; 2];
    store(x, &mut bytes[0][..F::LANES]);
    store(y, &mut bytes[1][..F::LANES]);
    for (lane, to) in kept.iter_mut().take(F::LANES).enumerate() {
        *to = [bytes[0][lane], bytes[1][lane]];
    }
}

/// The part of what is kept that belongs to the elements from `start` on.
fn part<'a>(kept: &'a mut Option<&mut [Affine]>, start: usize) -> Option<&'a mut [Affine]> {
    kept.as_deref_mut().and_then(|all| all.get_mut(start..))
}

/// The elements before the first one that a look refuses, and that refusal.
pub fn split_obvious(points: &[Encoding]) -> (&[Encoding], Result<(), BadPoint>) {
    let clean = obvious(points);
    (&points[..clean.err().map_or(points.len(), |bad| bad.index)], clean)
}

#[inline(always)]
pub fn decode_all<F: Field>(
    points: &[Encoding],
    mut kept: Option<&mut [Affine]>,
) -> Result<(), BadPoint> {
    let (head, clean) = split_obvious(points);
    let lanes = Pair::<F>::LANES;
    for (group, points) in head.chunks(lanes).enumerate() {
        let point = decode_lanes::<Pair<F>>(points, group * lanes)?;
        if let Some(kept) = part(&mut kept, group * lanes) {
            keep(point.x, point.y, kept);
        }
    }
    clean
}

/// The two halves of a point over paired lanes.
#[inline(always)]
pub fn halves<F: Field>(point: Extended<Pair<F>>) -> [Extended<F>; 2] {
    let Extended { x, y, z, t } = point;
    [Extended { x: x.0, y: y.0, z: z.0, t: t.0 }, Extended { x: x.1, y: y.1, z: z.1, t: t.1 }]
}

/// Digits of the scalars of up to `lanes` elements, one byte per lane for each position.
pub struct LaneDigits {
    pub digits: Zeroizing<[u8; DIGITS * MAX_LANES]>,
    pub signs: Zeroizing<[u8; DIGITS * MAX_LANES]>,
}

impl LaneDigits {
    pub fn zero() -> Self {
        let empty = || Zeroizing::new([0; DIGITS * MAX_LANES]);
        LaneDigits { digits: empty(), signs: empty() }
    }

    pub fn set(&mut self, lane: usize, lanes: usize, scalar: &Scalar) {
        let mut digits: Digits = ([0; DIGITS], [0; DIGITS]);
        recode(scalar, &mut digits);
        for at in 0..DIGITS {
            self.digits[at * lanes + lane] = digits.0[at];
            self.signs[at * lanes + lane] = digits.1[at];
        }
        digits.0.zeroize();
        digits.1.zeroize();
    }

    /// Results are doubled while they are encoded, so the scalar is halved here.
    fn set_half(&mut self, lane: usize, lanes: usize, scalar: &Scalar) {
        self.set(lane, lanes, &Zeroizing::new(scalar.div_by_2()));
    }

    /// All lanes for the elements from `start` on; spare lanes keep what they have.
    fn fill(&mut self, by: Factor<'_>, start: usize, end: usize, lanes: usize) {
        for index in start..end.min(start + lanes) {
            self.set_half(index - start, lanes, by.at(index));
        }
    }
}

/// Multiplies groups of points and keeps them until all are encoded at once.
struct Multiplier<'a, F> {
    by: Factor<'a>,
    count: usize,
    digits: LaneDigits,
    results: Vec<Doubled<F>>,
}

impl<'a, F: Field> Multiplier<'a, F> {
    fn new(by: Factor<'a>, count: usize) -> Self {
        let mut digits = LaneDigits::zero();
        if let Factor::One(scalar) = by {
            for lane in 0..F::LANES {
                digits.set_half(lane, F::LANES, scalar);
            }
        }
        let results = Vec::with_capacity(count.div_ceil(F::LANES) + 1);
        Multiplier { by, count, digits, results }
    }

    /// The points of the elements from `start` on.
    #[inline(always)]
    fn push(&mut self, start: usize, points: [Extended<F>; 2]) {
        for (half, point) in points.into_iter().enumerate() {
            let start = start + half * F::LANES;
            if start >= self.count {
                return;
            }
            if let Factor::Each(_) = self.by {
                self.digits.fill(self.by, start, self.count, F::LANES);
            }
            let digits = (&*self.digits.digits, &*self.digits.signs);
            let sum = multiply(point.hot(), digits.0, digits.1);
            self.results.push(Doubled::new(Completed::cool(sum.projective().double())));
        }
    }

    /// Encode the products, and keep them as points where that is asked for.
    #[inline(always)]
    fn finish(mut self, out: &mut [Encoding], mut kept: Option<&mut [Affine]>) {
        let mut inverses = vec![F::splat(&constants::ZERO); self.results.len()];
        invert_all(&self.results, &mut inverses);
        for (group, to) in out.chunks_mut(F::LANES).enumerate() {
            let (product, inverse) = (&self.results[group], inverses[group]);
            store_some(product.encode(inverse), to);
            if let Some(kept) = part(&mut kept, group * F::LANES) {
                let (x, y) = product.affine(inverse);
                keep(x, y, kept);
            }
        }
        self.results.clear();
    }
}

/// A loose element as bytes, one row for each lane.
#[inline(always)]
pub fn store<F: Field>(element: F, out: &mut [Encoding]) {
    element.add(F::splat(&constants::ZERO)).store(out);
}

/// The same, for as many lanes as there are rows.
#[inline(always)]
pub fn store_some<F: Field>(element: F, out: &mut [Encoding]) {
    let mut bytes = [[0; 32]; MAX_LANES];
    store(element, &mut bytes[..F::LANES]);
    out.copy_from_slice(&bytes[..out.len()]);
}

/// Multiply; `kept` takes the points before the multiplication.
#[inline(always)]
pub fn multiply_all<F: Field>(
    points: &[Encoding],
    by: Factor<'_>,
    out: &mut [Encoding],
    mut kept: Option<&mut [Affine]>,
) -> Result<(), BadPoint> {
    let mut multiplier = Multiplier::<F>::new(by, points.len());
    let (head, clean) = split_obvious(points);
    let lanes = Pair::<F>::LANES;
    for (group, points) in head.chunks(lanes).enumerate() {
        let point = decode_lanes::<Pair<F>>(points, group * lanes)?;
        if let Some(kept) = part(&mut kept, group * lanes) {
            keep(point.x, point.y, kept);
        }
        multiplier.push(group * lanes, halves(point));
    }
    clean?;
    multiplier.finish(out, None);
    Ok(())
}

/// Map 64 uniform bytes per lane: the sum of the points of both halves. The two maps of a lane run
/// side by side as a pair.
#[inline(always)]
fn map_lanes<F: Field>(uniform: &[[u8; 64]]) -> Completed<F> {
    let none = [0; 32];
    let bytes = lanes_of(2 * F::LANES, &none, |lane| {
        let (halves, _) = uniform.get(lane % F::LANES)?.as_chunks::<32>();
        halves.get(lane / F::LANES)
    });
    let Completed { e, f, g, h } = map(Pair::<F>::load(&bytes[..2 * F::LANES]));
    let first = Completed { e: e.0, f: f.0, g: g.0, h: h.0 };
    let second = Completed { e: e.1, f: f.1, g: g.1, h: h.1 };
    first.summand().plus(second.cached())
}

/// Map and multiply; `kept` takes the products.
#[inline(always)]
pub fn map_multiply_all<F: Field>(
    uniform: &[[u8; 64]],
    by: Factor<'_>,
    out: &mut [Encoding],
    kept: Option<&mut [Affine]>,
) {
    let mut multiplier = Multiplier::<F>::new(by, uniform.len());
    for (group, part) in uniform.chunks(2 * F::LANES).enumerate() {
        let second = part.get(F::LANES..).unwrap_or(&[]);
        let points = [map_lanes::<F>(part).extended(), map_lanes::<F>(second).extended()];
        multiplier.push(group * 2 * F::LANES, points);
    }
    multiplier.finish(out, kept);
}

#[inline(always)]
pub fn map_all<F: Field>(uniform: &[[u8; 64]], out: &mut [Encoding]) {
    for (from, to) in uniform.chunks(F::LANES).zip(out.chunks_mut(F::LANES)) {
        store_some(encode(map_lanes::<F>(from).extended()), to);
    }
}
