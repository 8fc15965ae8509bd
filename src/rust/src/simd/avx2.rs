//! Four field elements in AVX2: the trait `Field` over the limbs of `avx2_limbs`.

use std::arch::x86_64::*;

use super::avx2_limbs::*;
use crate::lanes::constants::Limbs;
use crate::lanes::field::{Bytes, Field};

/// Four field elements. Values exist only where `super` found AVX2.
///
/// Products are calls, so that the code stays small, but for `INLINE`: in the one loop that takes
/// most of the time, copying operands to the stack and back costs more than the code's size.
#[derive(Clone, Copy)]
pub struct Avx2<const INLINE: bool>(Limbs10);

// SAFETY of every block in this file: as in `avx2_limbs`.

impl<const INLINE: bool> Avx2<INLINE> {
    /// Limbs in order, canonical: 26 and 25 bits and together below p.
    #[inline(always)]
    fn canonical(self) -> [__m256i; 10] {
        let mut a = self.0;
        // A tight value is below 2p, so it exceeds p - 1 exactly if adding 19 carries beyond 2^255.
        let mut carry = over(plus(a[0], set(19)), 0);
        for k in 1..10 {
            carry = over(plus(a[k], carry), k);
        }
        a[0] = plus(a[0], times(carry, set(19)));
        for k in 0..9 {
            step(&mut a, k);
        }
        a[9] = under(a[9], 9);
        a
    }
}

impl<const INLINE: bool> Field for Avx2<INLINE> {
    const LANES: usize = 4;
    /// All ones or all zeros.
    type Mask = __m256i;
    type Wide = Wide;
    type Digit = __m256i;
    type Hot = Avx2<true>;

    #[inline(always)]
    fn hot(self) -> Avx2<true> {
        Avx2(self.0)
    }

    #[inline(always)]
    fn cool(hot: Avx2<true>) -> Self {
        Avx2(hot.0)
    }

    #[inline(always)]
    fn splat(limbs: &Limbs) -> Self {
        let mut out = [set(0); 10];
        for k in 0..5 {
            out[2 * k] = set(limbs[k] & LOW_26);
            out[2 * k + 1] = set(limbs[k] >> 26);
        }
        Avx2(out)
    }

    #[inline(always)]
    fn load(lanes: &[&Bytes]) -> Self {
        let [a, b, c, d] = words(lanes);
        let both = [
            a,
            plus(right::<51>(a), left::<13>(b)),
            plus(right::<38>(b), left::<26>(c)),
            plus(right::<25>(c), left::<39>(d)),
            right::<12>(d),
        ];
        let mut out = [set(0); 10];
        for k in 0..5 {
            out[2 * k] = under(both[k], 0);
            out[2 * k + 1] = under(over(both[k], 0), 1);
        }
        Avx2(out)
    }

    #[inline(always)]
    fn store(self, lanes: &mut [Bytes]) {
        let limbs = self.canonical();
        let mut both = [set(0); 5];
        for k in 0..5 {
            both[k] = plus(limbs[2 * k], left::<26>(limbs[2 * k + 1]));
        }
        let [a, b, c, d, e] = both;
        let words = [
            plus(a, left::<51>(b)),
            plus(right::<13>(b), left::<38>(c)),
            plus(right::<26>(c), left::<25>(d)),
            plus(right::<39>(d), left::<12>(e)),
        ];
        store_words(words, lanes);
    }

    /// To raise a product here costs no less than in the subtraction, and keeps limbs in registers
    /// that have none to spare.
    #[inline(always)]
    fn mul_raised(self, other: Self) -> Wide {
        self.mul_wide(other)
    }

    #[inline(always)]
    fn square_raised(self) -> Wide {
        self.square_wide()
    }

    #[inline(always)]
    fn wide(self) -> Wide {
        Wide(self.0)
    }

    #[inline(always)]
    fn raised(self) -> Wide {
        self.wide()
    }

    #[inline(always)]
    fn mul_wide(self, other: Self) -> Wide {
        if INLINE {
            product_inlined(&self.0, &other.0)
        } else {
            unsafe { product(&self.0, &other.0) }
        }
    }

    #[inline(always)]
    fn square_wide(self) -> Wide {
        if INLINE { square_inlined(&self.0) } else { unsafe { square(&self.0) } }
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        if INLINE {
            Self::carry(product_inlined(&self.0, &other.0))
        } else {
            Avx2(unsafe { carried_product(&self.0, &other.0) })
        }
    }

    #[inline(always)]
    fn square(self) -> Self {
        if INLINE {
            Self::carry(square_inlined(&self.0))
        } else {
            Avx2(unsafe { carried_square(&self.0) })
        }
    }

    #[inline(always)]
    fn wide_add(a: Wide, b: Wide) -> Wide {
        let mut out = a.0;
        for k in 0..10 {
            out[k] = plus(a.0[k], b.0[k]);
        }
        Wide(out)
    }

    /// 2^35 p has limbs of at least 2^61 - 2^40 and 2^60 - 2^35, more than a product with a loose
    /// factor; with three products on the other side the sum stays below 2^62.
    #[inline(always)]
    fn wide_sub(a: Wide, b: Wide) -> Wide {
        let mut out = a.0;
        for k in 0..10 {
            out[k] = minus(plus(a.0[k], set(P[k] << 35)), b.0[k]);
        }
        Wide(out)
    }

    /// 2^36 p has limbs of almost 2^62 and 2^61, more than a difference of tight products (2^61 +
    /// 2^59). The difference itself is at least 2^61 - 2^59 less 2^40, so at most 2^60 + 2^61 + 2^59
    /// is left, below 2^62.
    #[inline(always)]
    fn twice_less(a: Wide, b: Wide) -> Wide {
        let mut out = a.0;
        for k in 0..10 {
            out[k] = minus(plus(plus(a.0[k], a.0[k]), set(P[k] << 36)), b.0[k]);
        }
        Wide(out)
    }

    #[inline(always)]
    fn carry(wide: Wide) -> Self {
        Avx2(carry(wide))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let mut out = self.0;
        for k in 0..10 {
            out[k] = plus(self.0[k], other.0[k]);
        }
        Avx2(carry_small(out))
    }

    /// 4p has limbs of at least 2^28 - 76 and 2^27 - 4, more than a loose limb.
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let mut out = self.0;
        for k in 0..10 {
            out[k] = minus(plus(self.0[k], set(P[k] << 2)), other.0[k]);
        }
        Avx2(carry_small(out))
    }

    /// 2p has limbs of at least 2^27 - 38 and 2^26 - 2, more than a tight limb: the result is
    /// loose.
    #[inline(always)]
    fn neg(self) -> Self {
        let mut out = self.0;
        for k in 0..10 {
            out[k] = minus(set(P[k] << 1), self.0[k]);
        }
        Avx2(out)
    }

    #[inline(always)]
    fn is_negative(self) -> __m256i {
        minus(set(0), unsafe { _mm256_and_si256(self.canonical()[0], set(1)) })
    }

    #[inline(always)]
    fn is_zero(self) -> __m256i {
        let limbs = self.canonical();
        let mut any = limbs[0];
        for limb in &limbs[1..] {
            any = unsafe { _mm256_or_si256(any, *limb) };
        }
        unsafe { _mm256_cmpeq_epi64(any, set(0)) }
    }

    #[inline(always)]
    fn select(mask: __m256i, yes: Self, no: Self) -> Self {
        let mut out = no.0;
        for k in 0..10 {
            out[k] = unsafe { _mm256_blendv_epi8(no.0[k], yes.0[k], mask) };
        }
        Avx2(out)
    }

    #[inline(always)]
    fn merge(self, mask: __m256i, entry: &Self) -> Self {
        let mut out = self.0;
        for k in 0..10 {
            out[k] = unsafe { _mm256_or_si256(self.0[k], _mm256_and_si256(entry.0[k], mask)) };
        }
        Avx2(out)
    }

    #[inline(always)]
    fn or(a: __m256i, b: __m256i) -> __m256i {
        unsafe { _mm256_or_si256(a, b) }
    }

    #[inline(always)]
    fn and(a: __m256i, b: __m256i) -> __m256i {
        unsafe { _mm256_and_si256(a, b) }
    }

    #[inline(always)]
    fn not(mask: __m256i) -> __m256i {
        unsafe { _mm256_xor_si256(mask, set(u64::MAX)) }
    }

    #[inline(always)]
    fn bits(mask: __m256i) -> u32 {
        unsafe { _mm256_movemask_pd(_mm256_castsi256_pd(mask)) as u32 }
    }

    #[inline(always)]
    fn digits(lanes: &[u8]) -> __m256i {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&lanes[..4]);
        unsafe { _mm256_cvtepu8_epi64(_mm_cvtsi32_si128(i32::from_le_bytes(bytes))) }
    }

    #[inline(always)]
    fn digit_is(digit: __m256i, value: u8) -> __m256i {
        unsafe { _mm256_cmpeq_epi64(digit, set(u64::from(value))) }
    }
}
