//! Eight lanes in AVX-512 IFMA: five limbs of 51 bits.
//!
//! `vpmadd52luq` and `vpmadd52huq` multiply the low 52 bits of two limbs and add the low or the
//! high 52 bits of the product. Radix 2^51 leaves each limb one bit of slack, so that negated
//! values need no carry; a high half then has weight 2^52 = 2 * 2^51 and counts twice, one limb up.
//!
//! Bounds, which every comment below counts on:
//!
//! * tight: every limb < 2^51 + 2^14; loose: every limb < 2^52;
//! * the unreduced limbs of one product < 2^56 (see `Columns`), or that and 128 p if it is raised,
//!   a `Wide` < 2^60.

use std::arch::x86_64::*;

use crate::lanes::constants::{LOW_51, Limbs};
use crate::lanes::field::Bytes;

pub(super) type Limbs5 = [__m512i; 5];

/// Unreduced products.
#[derive(Clone, Copy)]
pub struct Wide(pub(super) Limbs5);

/// p in limbs: all ones, the lowest less 18.
pub(super) const P: Limbs = [LOW_51 - 18, LOW_51, LOW_51, LOW_51, LOW_51];

// SAFETY of every block in this file: intrinsics need their processor features, nothing else.
// `super` calls into this code only after it has found the features at run time, and only the
// functions that say so touch memory.

#[inline(always)]
pub(super) fn set(value: u64) -> __m512i {
    unsafe { _mm512_set1_epi64(value as i64) }
}
#[inline(always)]
pub(super) fn plus(a: __m512i, b: __m512i) -> __m512i {
    unsafe { _mm512_add_epi64(a, b) }
}
#[inline(always)]
pub(super) fn minus(a: __m512i, b: __m512i) -> __m512i {
    unsafe { _mm512_sub_epi64(a, b) }
}
/// sum + the low 52 bits of a * b.
#[inline(always)]
pub(super) fn low(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    unsafe { _mm512_madd52lo_epu64(sum, a, b) }
}
/// sum + the bits of a * b from the 52nd on.
#[inline(always)]
fn high(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    unsafe { _mm512_madd52hi_epu64(sum, a, b) }
}
#[inline(always)]
pub(super) fn over_51(a: __m512i) -> __m512i {
    unsafe { _mm512_srli_epi64::<51>(a) }
}
#[inline(always)]
pub(super) fn under_51(a: __m512i) -> __m512i {
    unsafe { _mm512_and_si512(a, set(LOW_51)) }
}

#[inline(always)]
pub(super) fn right<const N: u32>(a: __m512i) -> __m512i {
    unsafe { _mm512_srli_epi64::<N>(a) }
}
#[inline(always)]
pub(super) fn left<const N: u32>(a: __m512i) -> __m512i {
    unsafe { _mm512_slli_epi64::<N>(a) }
}
/// The low 51 bits of two parts that share no bit.
#[inline(always)]
pub(super) fn joined(a: __m512i, b: __m512i) -> __m512i {
    under_51(unsafe { _mm512_or_si512(a, b) })
}

/// Which halves of 128 bits go where when rows become columns.
#[inline(always)]
fn mixed(a: __m512i, order: [i64; 8], b: __m512i) -> __m512i {
    let [p, q, r, s, t, u, v, w] = order;
    unsafe { _mm512_permutex2var_epi64(a, _mm512_setr_epi64(p, q, r, s, t, u, v, w), b) }
}

/// The four words of each of eight rows: word k of every row in vector k.
#[inline(always)]
pub(super) fn words(rows: &[&Bytes]) -> [__m512i; 4] {
    const EVEN: [i64; 8] = [0, 1, 8, 9, 4, 5, 12, 13];
    const ODD: [i64; 8] = [2, 3, 10, 11, 6, 7, 14, 15];
    let mut pairs = [set(0); 4];
    for k in 0..4 {
        // Memory: reads the 32 bytes of two rows, at any alignment.
        pairs[k] = unsafe {
            let (one, other) = (rows[k].as_ptr().cast(), rows[k + 4].as_ptr().cast());
            let low = _mm512_castsi256_si512(_mm256_loadu_si256(one));
            _mm512_inserti64x4::<1>(low, _mm256_loadu_si256(other))
        };
    }
    let [a, b, c, d] = pairs;
    let (low, low_too) = unsafe { (_mm512_unpacklo_epi64(a, b), _mm512_unpacklo_epi64(c, d)) };
    let (high, high_too) = unsafe { (_mm512_unpackhi_epi64(a, b), _mm512_unpackhi_epi64(c, d)) };
    [
        mixed(low, EVEN, low_too),
        mixed(high, EVEN, high_too),
        mixed(low, ODD, low_too),
        mixed(high, ODD, high_too),
    ]
}

/// The way back.
#[inline(always)]
pub(super) fn store_words(words: [__m512i; 4], rows: &mut [Bytes]) {
    const LOW: [i64; 8] = [0, 1, 8, 9, 2, 3, 10, 11];
    const HIGH: [i64; 8] = [4, 5, 12, 13, 6, 7, 14, 15];
    let [a, b, c, d] = words;
    let (even, even_too) = unsafe { (_mm512_unpacklo_epi64(a, b), _mm512_unpacklo_epi64(c, d)) };
    let (odd, odd_too) = unsafe { (_mm512_unpackhi_epi64(a, b), _mm512_unpackhi_epi64(c, d)) };
    let pairs = [
        (0, mixed(even, LOW, even_too)),
        (1, mixed(odd, LOW, odd_too)),
        (4, mixed(even, HIGH, even_too)),
        (5, mixed(odd, HIGH, odd_too)),
    ];
    for (row, both) in pairs {
        // Memory: writes the 32 bytes of two rows, at any alignment.
        unsafe {
            let (one, other) = (rows[row].as_mut_ptr().cast(), rows[row + 2].as_mut_ptr().cast());
            _mm256_storeu_si256(one, _mm512_castsi512_si256(both));
            _mm256_storeu_si256(other, _mm512_extracti64x4_epi64::<1>(both));
        }
    }
}

#[inline(always)]
pub(super) fn double(a: __m512i) -> __m512i {
    plus(a, a)
}
/// Limbs 0 to 8 of a product on their way: what counts once, what counts twice, and the high half
/// from limb 8 on, which counts twice at limb 9.
///
/// Whatever comes back from 2^255 comes back 19-fold: limb k + 5 to limb k. Of 19 times a limb the
/// low 52 bits count at limb k, the high ones twice at limb k + 1; a limb of more than 52 bits has
/// the rest counted 38-fold there. From limb 9 all is taken 38-fold, since it counts twice.
///
/// Bounds: halves are below 2^52. Limb k has k + 1 low halves and k high ones that count twice, and
/// limb k + 5 of those 4 - k and 5 - k: at most 14 * 2^52, below 2^56. To limb k from 1 on, one more
/// low half comes back, twice a number below 2^5, and 38 times one below 2^4; to limb 0 a low half
/// and 38 times a number below 2^6. So a folded limb is below 2^52 * 14 + 2^12 < 2^56.
struct Columns {
    once: [__m512i; 9],
    twice: [__m512i; 9],
    top: __m512i,
}

impl Columns {
    /// With limbs 5 to 8 complete, all that comes back and counts twice.
    #[inline(always)]
    fn fold_high(&mut self) {
        for k in 0..4 {
            self.twice[k + 1] = high(self.twice[k + 1], self.once[k + 5], set(19));
        }
    }

    /// With limbs 0 to 4 complete, all else that comes back.
    #[inline(always)]
    fn fold_low(self) -> Wide {
        let once = self.once;
        let mut out = [once[0], once[1], once[2], once[3], once[4]];
        for k in 0..4 {
            out[k] = low(out[k], once[k + 5], set(19));
        }
        out[4] = low(out[4], self.top, set(38));
        for k in 0..4 {
            out[k + 1] = low(out[k + 1], unsafe { _mm512_srli_epi64::<52>(once[k + 5]) }, set(38));
        }
        out[0] = low(out[0], high(set(0), self.top, set(38)), set(38));
        Wide(out)
    }
}

/// What the limbs of a raised product begin with: 128 p.
#[inline(always)]
pub(super) fn raise<const RAISED: bool>(k: usize) -> u64 {
    if RAISED { P[k] << 7 } else { 0 }
}

#[inline(always)]
pub(super) fn product<const RAISED: bool>(a: &Limbs5, b: &Limbs5) -> Wide {
    let mut c = Columns { once: [set(0); 9], twice: [set(0); 9], top: set(0) };
    for k in 1..5 {
        c.twice[k] = set(raise::<RAISED>(k) / 2);
    }
    for i in 0..5 {
        for j in 0..5 {
            if i + j < 8 {
                c.twice[i + j + 1] = high(c.twice[i + j + 1], a[i], b[j]);
            }
        }
    }
    c.top = high(c.top, a[4], b[4]);
    for k in 5..9 {
        c.once[k] = double(c.twice[k]);
    }
    for i in 1..5 {
        for j in 5 - i..5 {
            c.once[i + j] = low(c.once[i + j], a[i], b[j]);
        }
    }
    c.fold_high();
    c.once[0] = set(raise::<RAISED>(0));
    for k in 1..5 {
        c.once[k] = double(c.twice[k]);
    }
    for i in 0..5 {
        for j in 0..5 - i {
            c.once[i + j] = low(c.once[i + j], a[i], b[j]);
        }
    }
    c.fold_low()
}

/// As `product`, with each product of two different limbs taken once: its low half counts twice, its
/// high half four times.
#[inline(always)]
pub(super) fn squared<const RAISED: bool>(a: &Limbs5) -> Wide {
    let mut c = Columns { once: [set(0); 9], twice: [set(0); 9], top: set(0) };
    let mut four = [set(0); 9];
    for k in 2..5 {
        four[k] = set(raise::<RAISED>(k) / 4);
    }
    for i in 0..5 {
        for j in i + 1..5 {
            four[i + j + 1] = high(four[i + j + 1], a[i], a[j]);
        }
    }
    c.twice[1] = set(raise::<RAISED>(1) / 2);
    for k in 2..9 {
        c.twice[k] = double(four[k]);
    }
    for i in 0..5 {
        for j in i + 1..5 {
            c.twice[i + j] = low(c.twice[i + j], a[i], a[j]);
        }
    }
    for i in 0..4 {
        c.twice[2 * i + 1] = high(c.twice[2 * i + 1], a[i], a[i]);
    }
    c.top = high(c.top, a[4], a[4]);
    for k in 5..9 {
        c.once[k] = double(c.twice[k]);
    }
    c.once[6] = low(c.once[6], a[3], a[3]);
    c.once[8] = low(c.once[8], a[4], a[4]);
    c.fold_high();
    c.once[0] = set(raise::<RAISED>(0));
    for k in 1..5 {
        c.once[k] = double(c.twice[k]);
    }
    for i in 0..3 {
        c.once[2 * i] = low(c.once[2 * i], a[i], a[i]);
    }
    c.fold_low()
}
