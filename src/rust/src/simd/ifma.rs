//! Eight lanes in AVX-512 IFMA: five limbs of 51 bits.
//!
//! `vpmadd52luq` and `vpmadd52huq` multiply the low 52 bits of two limbs and add the low or the
//! high 52 bits of the product. Radix 2^51 leaves each limb one bit of slack, so that negated
//! values need no carry; a high half then has weight 2^52 = 2 * 2^51 and counts twice, one limb up.
//!
//! Bounds, which every comment below counts on:
//!
//! * tight: every limb < 2^51 + 2^14; loose: every limb < 2^52;
//! * the unreduced limbs of one product < 2^56 (see `fold`), a `Wide` < 2^60.

use std::arch::x86_64::*;

use crate::lanes::constants::{LOW_51, Limbs};
use crate::lanes::field::Field;

/// Eight field elements. Values exist only where `super` found AVX-512 F, DQ, VL and IFMA.
#[derive(Clone, Copy)]
pub struct Ifma([__m512i; 5]);

/// Unreduced products.
#[derive(Clone, Copy)]
pub struct Wide([__m512i; 5]);

/// p in limbs: all ones, the lowest less 18.
const P: Limbs = [LOW_51 - 18, LOW_51, LOW_51, LOW_51, LOW_51];

// SAFETY of every block in this file: intrinsics need their processor features, nothing else.
// `super` calls into this code only after it has found the features at run time, and only the two
// functions that say so touch memory.

#[inline(always)]
fn set(value: u64) -> __m512i {
    unsafe { _mm512_set1_epi64(value as i64) }
}
#[inline(always)]
fn plus(a: __m512i, b: __m512i) -> __m512i {
    unsafe { _mm512_add_epi64(a, b) }
}
#[inline(always)]
fn minus(a: __m512i, b: __m512i) -> __m512i {
    unsafe { _mm512_sub_epi64(a, b) }
}
/// sum + the low 52 bits of a * b.
#[inline(always)]
fn low(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    unsafe { _mm512_madd52lo_epu64(sum, a, b) }
}
/// sum + the bits of a * b from the 52nd on.
#[inline(always)]
fn high(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    unsafe { _mm512_madd52hi_epu64(sum, a, b) }
}
#[inline(always)]
fn over_51(a: __m512i) -> __m512i {
    unsafe { _mm512_srli_epi64::<51>(a) }
}
#[inline(always)]
fn under_51(a: __m512i) -> __m512i {
    unsafe { _mm512_and_si512(a, set(LOW_51)) }
}

#[inline(always)]
fn double(a: __m512i) -> __m512i {
    plus(a, a)
}
/// sum + the bits of 19 * limb from the 52nd on, less what the low half carries into them.
#[inline(always)]
fn above_52(sum: __m512i, limb: __m512i) -> __m512i {
    let rest = unsafe { _mm512_srli_epi64::<52>(limb) };
    low(high(sum, limb, set(19)), rest, set(19))
}

/// Nine unreduced limbs and one of doubled high halves, folded at 2^255 = 19.
///
/// `upper` are limbs 5 to 9, each below 2^56; `halves[k]` are high halves for limb k + 1 and
/// `lower` low halves of limbs 0 to 4. Of 19 * upper the low 52 bits go to `lower`; what is above
/// counts as a high half. Limb k of the result holds at most k + 2 low and 2k high halves, and what
/// was above: twice less than 2^9, or in limb 0 38 times. So it is below 14 * 2^52 + 2^15 < 2^56.
#[inline(always)]
fn fold(lower: [__m512i; 5], mut halves: [__m512i; 4], upper: [__m512i; 5]) -> Wide {
    let nineteen = set(19);
    let mut out = lower;
    for k in 0..5 {
        out[k] = low(out[k], upper[k], nineteen);
    }
    for k in 0..4 {
        halves[k] = above_52(halves[k], upper[k]);
    }
    // What is above 19 * limb 9 belongs to limb 5, twice: it folds again, to 38 times at limb 0.
    out[0] = low(out[0], above_52(set(0), upper[4]), set(38));
    for k in 0..4 {
        out[k + 1] = plus(out[k + 1], plus(halves[k], halves[k]));
    }
    Wide(out)
}

impl Ifma {
    /// Limbs in order, canonical: below 2^51 and together below p.
    #[inline(always)]
    fn canonical(self) -> [__m512i; 5] {
        let mut a = self.0;
        // A tight value is below 2p, so it exceeds p - 1 exactly if adding 19 carries beyond 2^255.
        let mut carry = over_51(plus(a[0], set(19)));
        for limb in &a[1..] {
            carry = over_51(plus(*limb, carry));
        }
        a[0] = low(a[0], carry, set(19));
        for k in 0..4 {
            a[k + 1] = plus(a[k + 1], over_51(a[k]));
            a[k] = under_51(a[k]);
        }
        a[4] = under_51(a[4]);
        a
    }
}

impl Field for Ifma {
    const LANES: usize = 8;
    type Mask = __mmask8;
    type Wide = Wide;
    type Digit = __m512i;
    type Hot = Self;

    #[inline(always)]
    fn hot(self) -> Self {
        self
    }

    #[inline(always)]
    fn cool(hot: Self) -> Self {
        hot
    }

    #[inline(always)]
    fn splat(limbs: &Limbs) -> Self {
        let [a, b, c, d, e] = *limbs;
        Ifma([set(a), set(b), set(c), set(d), set(e)])
    }

    #[inline(always)]
    fn load(lanes: &[Limbs]) -> Self {
        let mut out = [set(0); 5];
        for k in 0..5 {
            let mut limb = [0u64; 8];
            for (to, lane) in limb.iter_mut().zip(&lanes[..8]) {
                *to = lane[k];
            }
            // Memory: reads the 64 bytes of `limb`, at any alignment.
            out[k] = unsafe { _mm512_loadu_si512(limb.as_ptr().cast()) };
        }
        Ifma(out)
    }

    #[inline(always)]
    fn store(self, lanes: &mut [Limbs]) {
        for (k, limb) in self.canonical().into_iter().enumerate() {
            let mut words = [0u64; 8];
            // Memory: writes the 64 bytes of `words`, at any alignment.
            unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), limb) };
            for (lane, word) in words.into_iter().enumerate() {
                lanes[lane][k] = word;
            }
        }
    }

    /// Five low and five high halves below 2^52 at most meet in a limb, high halves counting twice:
    /// limb k from 5 on has 9 - k low and 10 - k high ones, below 14 * 2^52 < 2^56.
    #[inline(always)]
    fn mul_wide(self, other: Self) -> Wide {
        let (a, b) = (self.0, other.0);
        let zero = set(0);
        let (mut lows, mut highs) = ([zero; 9], [zero; 9]);
        for i in 0..5 {
            for j in 0..5 {
                highs[i + j] = high(highs[i + j], a[i], b[j]);
            }
        }
        for k in 4..8 {
            lows[k + 1] = plus(highs[k], highs[k]);
        }
        for i in 0..5 {
            for j in 0..5 {
                lows[i + j] = low(lows[i + j], a[i], b[j]);
            }
        }
        let last = plus(highs[8], highs[8]);
        fold(
            [lows[0], lows[1], lows[2], lows[3], lows[4]],
            [highs[0], highs[1], highs[2], highs[3]],
            [lows[5], lows[6], lows[7], lows[8], last],
        )
    }

    /// As `mul_wide`, with each product of two different limbs taken once and doubled.
    #[inline(always)]
    fn square_wide(self) -> Wide {
        let a = self.0;
        let zero = set(0);
        let (mut lows, mut highs) = ([zero; 9], [zero; 9]);
        for i in 0..5 {
            for j in i + 1..5 {
                highs[i + j] = high(highs[i + j], a[i], a[j]);
                lows[i + j] = low(lows[i + j], a[i], a[j]);
            }
        }
        for k in 1..8 {
            highs[k] = double(highs[k]);
            lows[k] = double(lows[k]);
        }
        for i in 0..5 {
            highs[2 * i] = high(highs[2 * i], a[i], a[i]);
            lows[2 * i] = low(lows[2 * i], a[i], a[i]);
        }
        fold(
            [lows[0], lows[1], lows[2], lows[3], lows[4]],
            [highs[0], highs[1], highs[2], highs[3]],
            [
                plus(lows[5], double(highs[4])),
                plus(lows[6], double(highs[5])),
                plus(lows[7], double(highs[6])),
                plus(lows[8], double(highs[7])),
                double(highs[8]),
            ],
        )
    }

    /// At most four products: below 2^58.
    #[inline(always)]
    fn wide_add(a: Wide, b: Wide) -> Wide {
        let mut out = [set(0); 5];
        for k in 0..5 {
            out[k] = plus(a.0[k], b.0[k]);
        }
        Wide(out)
    }

    /// 128 p has limbs of at least 2^58 - 2^12, more than the two products that may be subtracted
    /// (2^57); the result is below 2^58 + 2^58.
    #[inline(always)]
    fn wide_sub(a: Wide, b: Wide) -> Wide {
        let mut out = [set(0); 5];
        for k in 0..5 {
            out[k] = minus(plus(a.0[k], set(P[k] << 7)), b.0[k]);
        }
        Wide(out)
    }

    /// Limbs below 2^60 give carries below 2^9: limb 0 ends below 2^51 + 19 * 2^9 < 2^51 + 2^14.
    #[inline(always)]
    fn carry(wide: Wide) -> Self {
        let a = wide.0;
        Ifma([
            low(under_51(a[0]), over_51(a[4]), set(19)),
            plus(under_51(a[1]), over_51(a[0])),
            plus(under_51(a[2]), over_51(a[1])),
            plus(under_51(a[3]), over_51(a[2])),
            plus(under_51(a[4]), over_51(a[3])),
        ])
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let mut out = [set(0); 5];
        for k in 0..5 {
            out[k] = plus(self.0[k], other.0[k]);
        }
        Self::carry(Wide(out))
    }

    /// 4p has limbs of at least 2^53 - 76, more than a loose limb.
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let mut out = [set(0); 5];
        for k in 0..5 {
            out[k] = minus(plus(self.0[k], set(P[k] << 2)), other.0[k]);
        }
        Self::carry(Wide(out))
    }

    /// 2p has limbs of 2^52 - 38 and 2^52 - 2, more than a tight limb: the result is loose.
    #[inline(always)]
    fn neg(self) -> Self {
        let mut out = [set(0); 5];
        for k in 0..5 {
            out[k] = minus(set(P[k] << 1), self.0[k]);
        }
        Ifma(out)
    }

    #[inline(always)]
    fn is_negative(self) -> __mmask8 {
        unsafe { _mm512_test_epi64_mask(self.canonical()[0], set(1)) }
    }

    #[inline(always)]
    fn is_zero(self) -> __mmask8 {
        let [a, b, c, d, e] = self.canonical();
        unsafe {
            let any = _mm512_or_si512(_mm512_or_si512(a, b), _mm512_or_si512(c, d));
            _mm512_testn_epi64_mask(_mm512_or_si512(any, e), set(u64::MAX))
        }
    }

    #[inline(always)]
    fn select(mask: __mmask8, yes: Self, no: Self) -> Self {
        let mut out = [set(0); 5];
        for k in 0..5 {
            out[k] = unsafe { _mm512_mask_mov_epi64(no.0[k], mask, yes.0[k]) };
        }
        Ifma(out)
    }

    #[inline(always)]
    fn merge(self, mask: __mmask8, entry: &Self) -> Self {
        Self::select(mask, *entry, self)
    }

    #[inline(always)]
    fn or(a: __mmask8, b: __mmask8) -> __mmask8 {
        a | b
    }

    #[inline(always)]
    fn and(a: __mmask8, b: __mmask8) -> __mmask8 {
        a & b
    }

    #[inline(always)]
    fn not(mask: __mmask8) -> __mmask8 {
        !mask
    }

    #[inline(always)]
    fn bits(mask: __mmask8) -> u32 {
        u32::from(mask)
    }

    #[inline(always)]
    fn digits(lanes: &[u8]) -> __m512i {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&lanes[..8]);
        unsafe { _mm512_cvtepu8_epi64(_mm_cvtsi64_si128(i64::from_le_bytes(bytes))) }
    }

    #[inline(always)]
    fn digit_is(digit: __m512i, value: u8) -> __mmask8 {
        unsafe { _mm512_cmpeq_epi64_mask(digit, set(u64::from(value))) }
    }
}
