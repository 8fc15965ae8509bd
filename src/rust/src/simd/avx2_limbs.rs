//! Four lanes in AVX2: ten limbs of 26 and 25 bits in turn, one in each 64-bit word.
//!
//! `vpmuludq` multiplies the low 32 bits of two words to 64 bits. Limb k has weight
//! 2^ceil(25.5 k), so the product of two odd limbs counts twice, and what reaches limb 10 comes
//! back 19 times at limb 0.
//!
//! Bounds, which every comment below counts on:
//!
//! * tight: even limbs < 2^26 + 2^8, odd ones < 2^25 + 2^16; loose: < 2^27 and < 2^26;
//! * the unreduced limbs of one product of two tight values < 2^59 (even) and < 2^58.4 (odd), with
//!   one factor loose twice that; of two loose values, which are never added, < 2^61.1;
//! * a `Wide` < 2^62.

use std::arch::x86_64::*;

use crate::lanes::field::Bytes;

pub(super) type Limbs10 = [__m256i; 10];

/// Unreduced products.
#[derive(Clone, Copy)]
pub struct Wide(pub(super) Limbs10);

pub(super) const LOW_26: u64 = (1 << 26) - 1;
pub(super) const LOW_25: u64 = (1 << 25) - 1;

/// p in limbs: all ones, the lowest less 18.
pub(super) const P: [u64; 10] =
    [LOW_26 - 18, LOW_25, LOW_26, LOW_25, LOW_26, LOW_25, LOW_26, LOW_25, LOW_26, LOW_25];

// SAFETY of every block in this file: intrinsics need their processor features, nothing else.
// `super` calls into this code only after it has found the features at run time, and only the two
// functions that say so touch memory.

#[inline(always)]
pub(super) fn set(value: u64) -> __m256i {
    unsafe { _mm256_set1_epi64x(value as i64) }
}
#[inline(always)]
pub(super) fn plus(a: __m256i, b: __m256i) -> __m256i {
    unsafe { _mm256_add_epi64(a, b) }
}
#[inline(always)]
pub(super) fn minus(a: __m256i, b: __m256i) -> __m256i {
    unsafe { _mm256_sub_epi64(a, b) }
}
/// The product of the low 32 bits of each word.
///
/// In assembly, because the compiler takes the intrinsic for ordinary algebra: it moves factors of
/// 2 and 19 from sum to sum, and where it has lost sight of a high half being zero, it computes a
/// 64-bit product from three.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn multiply_low(a: __m256i, b: __m256i) -> __m256i {
    let out;
    // Memory: none is touched; the registers are what the operands say.
    unsafe {
        std::arch::asm!(
            "vpmuludq {out}, {a}, {b}",
            out = lateout(ymm_reg) out,
            a = in(ymm_reg) a,
            b = in(ymm_reg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    out
}
#[inline(always)]
pub(super) fn times(a: __m256i, b: __m256i) -> __m256i {
    unsafe { multiply_low(a, b) }
}
/// 19 a for words of any size, by shifts.
#[inline(always)]
pub(super) fn times_19(a: __m256i) -> __m256i {
    plus(plus(a, plus(a, a)), unsafe { _mm256_slli_epi64::<4>(a) })
}
/// What exceeds limb `k`.
#[inline(always)]
pub(super) fn over(a: __m256i, k: usize) -> __m256i {
    if k.is_multiple_of(2) {
        unsafe { _mm256_srli_epi64::<26>(a) }
    } else {
        unsafe { _mm256_srli_epi64::<25>(a) }
    }
}
/// What stays in limb `k`.
#[inline(always)]
pub(super) fn under(a: __m256i, k: usize) -> __m256i {
    let low = if k.is_multiple_of(2) { LOW_26 } else { LOW_25 };
    unsafe { _mm256_and_si256(a, set(low)) }
}

#[inline(always)]
pub(super) fn right<const N: i32>(a: __m256i) -> __m256i {
    unsafe { _mm256_srli_epi64::<N>(a) }
}
#[inline(always)]
pub(super) fn left<const N: i32>(a: __m256i) -> __m256i {
    unsafe { _mm256_slli_epi64::<N>(a) }
}

/// Rows of four words to columns, and back: it is its own inverse.
#[inline(always)]
fn transposed(rows: [__m256i; 4]) -> [__m256i; 4] {
    let [a, b, c, d] = rows;
    unsafe {
        let (low, low_too) = (_mm256_unpacklo_epi64(a, b), _mm256_unpacklo_epi64(c, d));
        let (high, high_too) = (_mm256_unpackhi_epi64(a, b), _mm256_unpackhi_epi64(c, d));
        [
            _mm256_permute2x128_si256::<0x20>(low, low_too),
            _mm256_permute2x128_si256::<0x20>(high, high_too),
            _mm256_permute2x128_si256::<0x31>(low, low_too),
            _mm256_permute2x128_si256::<0x31>(high, high_too),
        ]
    }
}

/// The four words of each of four rows: word k of every row in vector k.
#[inline(always)]
pub(super) fn words(rows: &[&Bytes]) -> [__m256i; 4] {
    let mut out = [set(0); 4];
    for k in 0..4 {
        // Memory: reads the 32 bytes of a row, at any alignment.
        out[k] = unsafe { _mm256_loadu_si256(rows[k].as_ptr().cast()) };
    }
    transposed(out)
}

/// The way back.
#[inline(always)]
pub(super) fn store_words(words: [__m256i; 4], rows: &mut [Bytes]) {
    let columns = transposed(words);
    for k in 0..4 {
        // Memory: writes the 32 bytes of a row, at any alignment.
        unsafe { _mm256_storeu_si256(rows[k].as_mut_ptr().cast(), columns[k]) };
    }
}

/// Carry what exceeds limb `k` into the next.
#[inline(always)]
pub(super) fn step(limbs: &mut Limbs10, k: usize) {
    limbs[k + 1] = plus(limbs[k + 1], over(limbs[k], k));
    limbs[k] = under(limbs[k], k);
}

/// One carry everywhere at once, for even limbs below 2^29 and odd ones below 2^28: carries are below
/// 2^3, 19 of them below 2^8. The result is tight.
#[inline(always)]
pub(super) fn carry_small(a: Limbs10) -> Limbs10 {
    let mut out = a;
    out[0] = plus(under(a[0], 0), times(over(a[9], 9), set(19)));
    for k in 1..10 {
        out[k] = plus(under(a[k], k), over(a[k - 1], k - 1));
    }
    out
}

/// Two chains of carries side by side, from limb 0 and from limb 4, then round the top. A carry
/// out of limb 9 is below 2^37.1, 19 times it below 2^41.4, so limb 1 ends below 2^25 + 2^16; limb
/// 5 takes less than 2^12, and all others end below their size.
#[inline(always)]
pub(super) fn carry(wide: Wide) -> Limbs10 {
    let mut a = wide.0;
    for k in 0..4 {
        step(&mut a, k);
        step(&mut a, k + 4);
    }
    step(&mut a, 4);
    step(&mut a, 8);
    a[0] = plus(a[0], times_19(over(a[9], 9)));
    a[9] = under(a[9], 9);
    step(&mut a, 0);
    a
}

/// Add the products of limb `I` of `a` with all limbs of `b` to the limbs where they belong.
///
/// 19 times a loose limb is below 2^31.3, twice an odd one below 2^27: both fit 32 bits.
#[inline(always)]
pub(super) fn row<const I: usize>(out: &mut Limbs10, a: &Limbs10, b: &Limbs10, b19: &Limbs10) {
    let left = a[I];
    let left_odd = if I % 2 == 1 { plus(left, left) } else { left };
    for j in 0..10 {
        let left = if j % 2 == 1 { left_odd } else { left };
        let right = if I + j >= 10 { b19[j] } else { b[j] };
        out[(I + j) % 10] = plus(out[(I + j) % 10], times(left, right));
    }
}

/// As `row`, for a square: products of two different limbs stand for both orders. Twice a loose
/// limb is below 2^28, and four times an odd one too.
#[inline(always)]
pub(super) fn square_row<const I: usize>(out: &mut Limbs10, a: &Limbs10, a19: &Limbs10) {
    let one = a[I];
    let twice = plus(one, one);
    let four = if I % 2 == 1 { plus(twice, twice) } else { twice };
    for j in I..10 {
        let left = match (I == j, I % 2 == 1 && j % 2 == 1) {
            (true, false) => one,
            (true, true) | (false, false) => twice,
            (false, true) => four,
        };
        let right = if I + j >= 10 { a19[j] } else { a[j] };
        out[(I + j) % 10] = plus(out[(I + j) % 10], times(left, right));
    }
}

#[inline(always)]
pub(super) fn product_inlined(a: &Limbs10, b: &Limbs10) -> Wide {
    let mut b19 = *b;
    for limb in &mut b19[1..] {
        *limb = times(*limb, set(19));
    }
    let mut out = [set(0); 10];
    row::<0>(&mut out, a, b, &b19);
    row::<1>(&mut out, a, b, &b19);
    row::<2>(&mut out, a, b, &b19);
    row::<3>(&mut out, a, b, &b19);
    row::<4>(&mut out, a, b, &b19);
    row::<5>(&mut out, a, b, &b19);
    row::<6>(&mut out, a, b, &b19);
    row::<7>(&mut out, a, b, &b19);
    row::<8>(&mut out, a, b, &b19);
    row::<9>(&mut out, a, b, &b19);
    Wide(out)
}

#[inline(always)]
pub(super) fn square_inlined(a: &Limbs10) -> Wide {
    let mut a19 = *a;
    for limb in &mut a19[5..] {
        *limb = times(*limb, set(19));
    }
    let mut out = [set(0); 10];
    square_row::<0>(&mut out, a, &a19);
    square_row::<1>(&mut out, a, &a19);
    square_row::<2>(&mut out, a, &a19);
    square_row::<3>(&mut out, a, &a19);
    square_row::<4>(&mut out, a, &a19);
    square_row::<5>(&mut out, a, &a19);
    square_row::<6>(&mut out, a, &a19);
    square_row::<7>(&mut out, a, &a19);
    square_row::<8>(&mut out, a, &a19);
    square_row::<9>(&mut out, a, &a19);
    Wide(out)
}

#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn product(a: &Limbs10, b: &Limbs10) -> Wide {
    product_inlined(a, b)
}

#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn square(a: &Limbs10) -> Wide {
    square_inlined(a)
}

#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn carried_product(a: &Limbs10, b: &Limbs10) -> Limbs10 {
    carry(product_inlined(a, b))
}

#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn carried_square(a: &Limbs10) -> Limbs10 {
    carry(square_inlined(a))
}
