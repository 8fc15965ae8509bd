//! 64-bit words side by side, as SHA-512 wants them.

use std::arch::x86_64::*;

use crate::lanes::sha512::{MAX_LANES, Words};

/// Eight words. Values exist only where `super` found AVX-512 F.
#[derive(Clone, Copy)]
pub struct Words8(__m512i);

/// Four words. Values exist only where `super` found AVX2.
#[derive(Clone, Copy)]
pub struct Words4(__m256i);

// SAFETY of every block in this file: intrinsics need their processor features, nothing else.
// `super` calls into this code only after it has found the features at run time, and only the
// functions that say so touch memory.

impl Words for Words8 {
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(value: u64) -> Self {
        Words8(unsafe { _mm512_set1_epi64(value as i64) })
    }
    #[inline(always)]
    fn load(lanes: &[u64; MAX_LANES]) -> Self {
        // Memory: reads the 64 bytes of `lanes`, at any alignment.
        Words8(unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) })
    }
    #[inline(always)]
    fn store(self) -> [u64; MAX_LANES] {
        let mut out = [0; MAX_LANES];
        // Memory: writes the 64 bytes of `out`, at any alignment.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), self.0) };
        out
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Words8(unsafe { _mm512_add_epi64(self.0, other.0) })
    }
    // The three below are looked up in a table of eight bits: bit 4a + 2b + c is the result.
    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        Words8(unsafe { _mm512_ternarylogic_epi64::<0x96>(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn choose(self, b: Self, c: Self) -> Self {
        Words8(unsafe { _mm512_ternarylogic_epi64::<0xca>(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        Words8(unsafe { _mm512_ternarylogic_epi64::<0xe8>(self.0, b.0, c.0) })
    }
    #[inline(always)]
    fn rotate<const N: u32, const M: u32>(self) -> Self {
        let n = Self::splat(u64::from(N));
        Words8(unsafe { _mm512_rorv_epi64(self.0, n.0) })
    }
    #[inline(always)]
    fn shift<const N: u32>(self) -> Self {
        Words8(unsafe { _mm512_srli_epi64::<N>(self.0) })
    }
}

impl Words4 {
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Words4(unsafe { _mm256_xor_si256(self.0, other.0) })
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Words4(unsafe { _mm256_and_si256(self.0, other.0) })
    }
}

impl Words for Words4 {
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(value: u64) -> Self {
        Words4(unsafe { _mm256_set1_epi64x(value as i64) })
    }
    #[inline(always)]
    fn load(lanes: &[u64; MAX_LANES]) -> Self {
        // Memory: reads the first 32 bytes of `lanes`, at any alignment.
        Words4(unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) })
    }
    #[inline(always)]
    fn store(self) -> [u64; MAX_LANES] {
        let mut out = [0; MAX_LANES];
        // Memory: writes the first 32 bytes of `out`, at any alignment.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), self.0) };
        out
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Words4(unsafe { _mm256_add_epi64(self.0, other.0) })
    }
    #[inline(always)]
    fn xor3(self, b: Self, c: Self) -> Self {
        self.xor(b).xor(c)
    }
    #[inline(always)]
    fn choose(self, b: Self, c: Self) -> Self {
        c.xor(self.and(b.xor(c)))
    }
    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        b.xor(b.xor(self).and(b.xor(c)))
    }
    #[inline(always)]
    fn rotate<const N: u32, const M: u32>(self) -> Self {
        let (n, m) = (i64::from(N), i64::from(M));
        unsafe {
            let right = _mm256_srl_epi64(self.0, _mm_set_epi64x(0, n));
            let left = _mm256_sll_epi64(self.0, _mm_set_epi64x(0, m));
            Words4(_mm256_or_si256(right, left))
        }
    }
    #[inline(always)]
    fn shift<const N: u32>(self) -> Self {
        Words4(unsafe { _mm256_srl_epi64(self.0, _mm_set_epi64x(0, i64::from(N))) })
    }
}
