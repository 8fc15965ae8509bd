//! Multiplication of lanes of points by secret scalars, in constant time.
//!
//! A scalar becomes 64 signed digits of radix 16. Per digit: four doublings, one addition of a
//! multiple from a table of eight, read by looking at all eight entries.

use curve25519_dalek::scalar::Scalar;

use super::field::Field;
use super::point::{Cached, Completed, Extended, Summand};

pub const DIGITS: usize = 64;

/// Digits of absolute value up to 8, least significant first, and their signs (1 is minus).
pub type Digits = ([u8; DIGITS], [u8; DIGITS]);

/// Recode a scalar. It is below 2^253, so the last digit takes the carry and stays positive.
pub fn recode(scalar: &Scalar, digits: &mut Digits) {
    let mut carry = 0;
    for (at, byte) in scalar.as_bytes().iter().enumerate() {
        for (half, nibble) in [byte & 15, byte >> 4].into_iter().enumerate() {
            let value = nibble + carry;
            // 0..=16 becomes -8..=7 and a carry: what is at least 8 goes down by 16.
            carry = (value + 8) >> 4;
            let signed = value.wrapping_sub(carry << 4);
            let sign = signed >> 7;
            digits.0[2 * at + half] = (signed ^ sign.wrapping_neg()).wrapping_add(sign);
            digits.1[2 * at + half] = sign;
        }
    }
}

/// The multiples 1 to 8 of a point.
pub struct Table<F>([Cached<F>; 8]);

impl<F: Field> Table<F> {
    #[inline(always)]
    pub fn new(point: Extended<F>) -> Self {
        let single = point.summand();
        let mut table = [single.cached(); 8];
        for at in 1..8 {
            table[at] = single.plus(table[at - 1]).cached();
        }
        Table(table)
    }

    /// The multiples that the digits at a position name; all entries are read. `digits` and `signs`
    /// hold as many bytes as there are lanes for each position.
    #[inline(always)]
    pub fn read_at(&self, at: usize, digits: &[u8], signs: &[u8]) -> Cached<F> {
        let lanes = at * F::LANES..(at + 1) * F::LANES;
        let digit = F::digits(&digits[lanes.clone()]);
        let sign = F::digits(&signs[lanes]);
        let mut out = Cached::identity().only(F::digit_is(digit, 0));
        for (at, entry) in self.0.iter().enumerate() {
            out = out.merge(F::digit_is(digit, at as u8 + 1), entry);
        }
        out.negate_if(F::digit_is(sign, 1))
    }
}

/// Scalar times point, lane by lane, for digits at all 64 positions.
#[inline(always)]
pub fn multiply<F: Field>(point: Extended<F>, digits: &[u8], signs: &[u8]) -> Completed<F> {
    let table = Table::new(point);
    let last = table.read_at(DIGITS - 1, digits, signs);
    let mut sum = Summand::identity().plus(last);
    for at in (0..DIGITS - 1).rev() {
        for _ in 0..4 {
            sum = sum.projective().double();
        }
        sum = sum.summand().plus(table.read_at(at, digits, signs));
    }
    sum
}
