//! Arithmetic modulo p = 2^255 - 19, many elements side by side, as the kernels provide it.
//!
//! Limbs are redundant, and every value is in one of two states that the comments name:
//!
//! * *tight*: what `carry` gives; fits every operation;
//! * *loose*: a negated tight value, up to one bit longer; fits products, sums and differences.
//!
//! Products can be kept unreduced (`Wide`), added and subtracted there, and carried once. What is
//! subtracted from comes from a `raised` operation: it begins with a multiple of p that no two
//! products reach, which is free in one kernel; the other adds it in the subtraction. A `Wide` holds
//! at most four products' worth besides. No operation branches on or indexes by a value.

use super::constants::{self, Limbs};

/// An integer below 2^256, little-endian.
pub type Bytes = [u8; 32];

/// One value per lane.
pub trait Field: Copy {
    const LANES: usize;
    /// One truth value per lane.
    type Mask: Copy;
    /// Unreduced products.
    type Wide: Copy;
    /// One small number per lane, to be compared.
    type Digit: Copy;
    /// The same numbers for the loop that takes most of the time, with as many lanes.
    type Hot: Field;

    fn hot(self) -> Self::Hot;
    fn cool(hot: Self::Hot) -> Self;

    /// The same constant in every lane. Tight.
    fn splat(limbs: &Limbs) -> Self;
    /// A little-endian integer for each lane, bit 255 ignored; as many as there are lanes. Tight.
    fn load(lanes: &[&Bytes]) -> Self;
    /// The values in 0..p of a tight element, little-endian.
    fn store(self, lanes: &mut [Bytes]);

    /// From tight or loose values.
    fn mul_wide(self, other: Self) -> Self::Wide;
    fn square_wide(self) -> Self::Wide;
    /// The same, to be subtracted from.
    fn mul_raised(self, other: Self) -> Self::Wide;
    fn square_raised(self) -> Self::Wide;
    /// A tight value as it is, and to be subtracted from.
    fn wide(self) -> Self::Wide;
    fn raised(self) -> Self::Wide;
    fn wide_add(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// a - b, of a raised a and at most two products.
    fn wide_sub(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// 2a - b, of a raised product a and a difference b of products of tight values.
    fn twice_less(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// Tight.
    fn carry(wide: Self::Wide) -> Self;

    /// From tight or loose values, tight.
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    /// Of a tight value, loose.
    fn neg(self) -> Self;
    /// Of a tight value, whether it is odd in 0..p.
    fn is_negative(self) -> Self::Mask;
    /// Of a tight value.
    fn is_zero(self) -> Self::Mask;

    /// `yes` where the mask is set, else `no`.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// `entry` where the mask is set, else `self`, which must be 0 where it is set.
    fn merge(self, mask: Self::Mask, entry: &Self) -> Self;
    fn or(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    fn and(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    fn not(mask: Self::Mask) -> Self::Mask;
    /// The mask as bits, lane 0 the lowest.
    fn bits(mask: Self::Mask) -> u32;

    /// A number per lane; as many as there are lanes.
    fn digits(lanes: &[u8]) -> Self::Digit;
    fn digit_is(digit: Self::Digit, value: u8) -> Self::Mask;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::carry(self.mul_wide(other))
    }

    #[inline(always)]
    fn square(self) -> Self {
        Self::carry(self.square_wide())
    }

    /// Loose.
    #[inline(always)]
    fn negate_if(self, mask: Self::Mask) -> Self {
        Self::select(mask, self.neg(), self)
    }

    /// The one of x and -x that is even. Loose.
    #[inline(always)]
    fn abs(self) -> Self {
        self.negate_if(self.is_negative())
    }
}

/// Two elements in step: while one waits for a result the other computes.
#[derive(Clone, Copy)]
pub struct Pair<F>(pub F, pub F);

impl<F: Field> Field for Pair<F> {
    const LANES: usize = 2 * F::LANES;
    type Mask = (F::Mask, F::Mask);
    type Wide = (F::Wide, F::Wide);
    type Digit = (F::Digit, F::Digit);
    type Hot = Pair<F::Hot>;

    #[inline(always)]
    fn hot(self) -> Self::Hot {
        Pair(self.0.hot(), self.1.hot())
    }
    #[inline(always)]
    fn cool(hot: Self::Hot) -> Self {
        Pair(F::cool(hot.0), F::cool(hot.1))
    }
    #[inline(always)]
    fn splat(limbs: &Limbs) -> Self {
        Pair(F::splat(limbs), F::splat(limbs))
    }
    #[inline(always)]
    fn load(lanes: &[&Bytes]) -> Self {
        Pair(F::load(&lanes[..F::LANES]), F::load(&lanes[F::LANES..]))
    }
    #[inline(always)]
    fn store(self, lanes: &mut [Bytes]) {
        self.0.store(&mut lanes[..F::LANES]);
        self.1.store(&mut lanes[F::LANES..]);
    }
    #[inline(always)]
    fn mul_wide(self, other: Self) -> Self::Wide {
        (self.0.mul_wide(other.0), self.1.mul_wide(other.1))
    }
    #[inline(always)]
    fn square_wide(self) -> Self::Wide {
        (self.0.square_wide(), self.1.square_wide())
    }
    #[inline(always)]
    fn mul_raised(self, other: Self) -> Self::Wide {
        (self.0.mul_raised(other.0), self.1.mul_raised(other.1))
    }
    #[inline(always)]
    fn square_raised(self) -> Self::Wide {
        (self.0.square_raised(), self.1.square_raised())
    }
    #[inline(always)]
    fn wide(self) -> Self::Wide {
        (self.0.wide(), self.1.wide())
    }
    #[inline(always)]
    fn raised(self) -> Self::Wide {
        (self.0.raised(), self.1.raised())
    }
    #[inline(always)]
    fn wide_add(a: Self::Wide, b: Self::Wide) -> Self::Wide {
        (F::wide_add(a.0, b.0), F::wide_add(a.1, b.1))
    }
    #[inline(always)]
    fn wide_sub(a: Self::Wide, b: Self::Wide) -> Self::Wide {
        (F::wide_sub(a.0, b.0), F::wide_sub(a.1, b.1))
    }
    #[inline(always)]
    fn twice_less(a: Self::Wide, b: Self::Wide) -> Self::Wide {
        (F::twice_less(a.0, b.0), F::twice_less(a.1, b.1))
    }
    #[inline(always)]
    fn carry(wide: Self::Wide) -> Self {
        Pair(F::carry(wide.0), F::carry(wide.1))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Pair(self.0.add(other.0), self.1.add(other.1))
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Pair(self.0.sub(other.0), self.1.sub(other.1))
    }
    #[inline(always)]
    fn neg(self) -> Self {
        Pair(self.0.neg(), self.1.neg())
    }
    #[inline(always)]
    fn is_negative(self) -> Self::Mask {
        (self.0.is_negative(), self.1.is_negative())
    }
    #[inline(always)]
    fn is_zero(self) -> Self::Mask {
        (self.0.is_zero(), self.1.is_zero())
    }
    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        Pair(F::select(mask.0, yes.0, no.0), F::select(mask.1, yes.1, no.1))
    }
    #[inline(always)]
    fn merge(self, mask: Self::Mask, entry: &Self) -> Self {
        Pair(self.0.merge(mask.0, &entry.0), self.1.merge(mask.1, &entry.1))
    }
    #[inline(always)]
    fn or(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        (F::or(a.0, b.0), F::or(a.1, b.1))
    }
    #[inline(always)]
    fn and(a: Self::Mask, b: Self::Mask) -> Self::Mask {
        (F::and(a.0, b.0), F::and(a.1, b.1))
    }
    #[inline(always)]
    fn not(mask: Self::Mask) -> Self::Mask {
        (F::not(mask.0), F::not(mask.1))
    }
    #[inline(always)]
    fn bits(mask: Self::Mask) -> u32 {
        F::bits(mask.0) | (F::bits(mask.1) << F::LANES)
    }
    #[inline(always)]
    fn digits(lanes: &[u8]) -> Self::Digit {
        (F::digits(&lanes[..F::LANES]), F::digits(&lanes[F::LANES..]))
    }
    #[inline(always)]
    fn digit_is(digit: Self::Digit, value: u8) -> Self::Mask {
        (F::digit_is(digit.0, value), F::digit_is(digit.1, value))
    }
}

/// x^(2^count).
#[inline(always)]
fn squarings<F: Field>(mut x: F, count: usize) -> F {
    for _ in 0..count {
        x = x.square();
    }
    x
}

/// x^(2^250 - 1) and x^11, on which both exponentiations below build.
#[inline(always)]
fn ladder<F: Field>(x: F) -> (F, F) {
    let x2 = x.square();
    let x9 = squarings(x2, 2).mul(x);
    let x11 = x9.mul(x2);
    // ones_n is x^(2^n - 1)
    let ones_5 = x11.square().mul(x9);
    let ones_10 = squarings(ones_5, 5).mul(ones_5);
    let ones_20 = squarings(ones_10, 10).mul(ones_10);
    let ones_40 = squarings(ones_20, 20).mul(ones_20);
    let ones_50 = squarings(ones_40, 10).mul(ones_10);
    let ones_100 = squarings(ones_50, 50).mul(ones_50);
    let ones_200 = squarings(ones_100, 100).mul(ones_100);
    (squarings(ones_200, 50).mul(ones_50), x11)
}

/// 1/x, and 0 for 0: x^(p - 2) by Fermat.
#[inline(always)]
pub fn invert<F: Field>(x: F) -> F {
    let (ones_250, x11) = ladder(x);
    squarings(ones_250, 5).mul(x11)
}

/// SQRT_RATIO_M1 of RFC 9496 section 4.2: whether u/v is a square, and the even root of u/v or of
/// SQRT_M1 u/v. The root is loose.
#[inline(always)]
pub fn sqrt_ratio<F: Field>(u: F, v: F) -> (F::Mask, F) {
    let sqrt_m1 = F::splat(&constants::SQRT_M1);
    let v3 = v.square().mul(v);
    let uv7 = v3.square().mul(v).mul(u);
    // (uv^7)^((p - 5) / 8), and (p - 5) / 8 = 2^252 - 3
    let power = squarings(ladder(uv7).0, 2).mul(uv7);
    let root = power.mul(v3).mul(u);
    let check = root.square().mul(v);
    let correct = check.sub(u).is_zero();
    let flipped = check.add(u).is_zero();
    let flipped_i = check.add(u.mul(sqrt_m1)).is_zero();
    let turned = F::select(F::or(flipped, flipped_i), root.mul(sqrt_m1), root);
    (F::or(correct, flipped), turned.abs())
}
