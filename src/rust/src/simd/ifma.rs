//! Eight field elements in AVX-512 IFMA: the trait `Field` over the limbs of `ifma_limbs`.

use std::arch::x86_64::*;

use super::ifma_limbs::*;
use crate::lanes::constants::Limbs;
use crate::lanes::field::{Bytes, Field};

/// Eight field elements. Values exist only where `super` found AVX-512 F, DQ, VL and IFMA.
#[derive(Clone, Copy)]
pub struct Ifma(Limbs5);

// SAFETY of every block in this file: intrinsics need their processor features, nothing else.
// `super` calls into this code only after it has found the features at run time. None of them
// touches memory.

impl Ifma {
    /// Limbs in order, canonical: below 2^51 and together below p.
    #[inline(always)]
    fn canonical(self) -> Limbs5 {
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
    fn load(lanes: &[&Bytes]) -> Self {
        let [a, b, c, d] = words(lanes);
        Ifma([
            under_51(a),
            joined(right::<51>(a), left::<13>(b)),
            joined(right::<38>(b), left::<26>(c)),
            joined(right::<25>(c), left::<39>(d)),
            under_51(right::<12>(d)),
        ])
    }

    #[inline(always)]
    fn store(self, lanes: &mut [Bytes]) {
        let [a, b, c, d, e] = self.canonical();
        let words = [
            plus(a, left::<51>(b)),
            plus(right::<13>(b), left::<38>(c)),
            plus(right::<26>(c), left::<25>(d)),
            plus(right::<39>(d), left::<12>(e)),
        ];
        store_words(words, lanes);
    }

    #[inline(always)]
    fn wide(self) -> Wide {
        Wide(self.0)
    }

    #[inline(always)]
    fn raised(self) -> Wide {
        let mut out = self.0;
        for k in 0..5 {
            out[k] = plus(self.0[k], set(raise::<true>(k)));
        }
        Wide(out)
    }

    #[inline(always)]
    fn mul_wide(self, other: Self) -> Wide {
        product::<false>(&self.0, &other.0)
    }

    #[inline(always)]
    fn square_wide(self) -> Wide {
        squared::<false>(&self.0)
    }

    #[inline(always)]
    fn mul_raised(self, other: Self) -> Wide {
        product::<true>(&self.0, &other.0)
    }

    #[inline(always)]
    fn square_raised(self) -> Wide {
        squared::<true>(&self.0)
    }

    /// At most four products: below 2^58, or 2^59 with one of them raised.
    #[inline(always)]
    fn wide_add(a: Wide, b: Wide) -> Wide {
        let mut out = [set(0); 5];
        for k in 0..5 {
            out[k] = plus(a.0[k], b.0[k]);
        }
        Wide(out)
    }

    /// 128 p, with which `a` began, has limbs of at least 2^58 - 2^12, more than two products (2^57).
    #[inline(always)]
    fn wide_sub(a: Wide, b: Wide) -> Wide {
        let mut out = [set(0); 5];
        for k in 0..5 {
            out[k] = minus(a.0[k], b.0[k]);
        }
        Wide(out)
    }

    /// 256 p is in twice `a`, more than a difference (2^58 + 2^56), which is at least 2^58 - 2^56
    /// less 2^12: so what is left is below 2^58 + 2^58.
    #[inline(always)]
    fn twice_less(a: Wide, b: Wide) -> Wide {
        let mut out = [set(0); 5];
        for k in 0..5 {
            out[k] = minus(double(a.0[k]), b.0[k]);
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
