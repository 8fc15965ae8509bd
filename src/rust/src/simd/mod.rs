//! The vector kernels: the only module with unsafe code.
//!
//! Why it is sound: a kernel object is handed out by `available` alone, after the processor has
//! said that it has the features which the entry points below turn on; the generic code of `lanes`
//! is inlined into these entry points and is safe Rust but for the arithmetic in `ifma` and `avx2`.

#![allow(unsafe_code)]
// Loops over limbs, in which the number of the limb matters, must unroll: no iterators, no closures.
#![allow(clippy::needless_range_loop)]

mod avx2;
mod avx2_limbs;
mod ifma;
mod ifma_limbs;
mod words;

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;

use crate::error::BadPoint;
use crate::kernel::{Affine, Decoded, DecodedPart, Encoding, Factor, Kernel, Text};
use crate::lanes::sum::{FlatRow, LaneSums, Steps};
use crate::lanes::windows::Window;
use crate::lanes::{block, sha512, sum};

type Kept<'a> = Option<&'a mut [Affine]>;

/// The vector kernels that this processor can run, fastest first.
pub fn available() -> Vec<&'static dyn Kernel> {
    let mut out: Vec<&'static dyn Kernel> = Vec::new();
    if is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512ifma")
    {
        out.push(&ifma_kernel::KERNEL);
    }
    if is_x86_feature_detected!("avx2") {
        out.push(&avx2_kernel::KERNEL);
    }
    out
}

/// Entry points of one kernel: the generic code under the features that its field needs.
macro_rules! kernel {
    ($module:ident, $name:literal, $field:ty, $words:ty, $features:literal) => {
        mod $module {
            use super::*;

            /// Cannot be made outside this module.
            pub struct Entry(());
            pub(super) static KERNEL: Entry = Entry(());

            #[target_feature(enable = $features)]
            fn decode(points: &[Encoding], kept: Kept<'_>) -> Result<(), BadPoint> {
                block::decode_all::<$field>(points, kept)
            }
            #[target_feature(enable = $features)]
            fn multiply(
                points: &[Encoding],
                by: Factor<'_>,
                out: &mut [Encoding],
                kept: Kept<'_>,
            ) -> Result<(), BadPoint> {
                block::multiply_all::<$field>(points, by, out, kept)
            }
            #[target_feature(enable = $features)]
            fn map(uniform: &[[u8; 64]], out: &mut [Encoding]) {
                block::map_all::<$field>(uniform, out)
            }
            #[target_feature(enable = $features)]
            fn map_multiply(
                uniform: &[[u8; 64]],
                by: Factor<'_>,
                out: &mut [Encoding],
                kept: Kept<'_>,
            ) {
                block::map_multiply_all::<$field>(uniform, by, out, kept)
            }
            #[target_feature(enable = $features)]
            fn rows(points: &[Affine], out: &mut [FlatRow]) {
                sum::rows::<$field>(points, out)
            }
            #[target_feature(enable = $features)]
            fn window(table: &[FlatRow], window: &Window) -> LaneSums {
                sum::window::<$field>(table, window)
            }
            #[target_feature(enable = $features)]
            fn finish(windows: &[&LaneSums], width: usize) -> Encoding {
                sum::finish::<$field>(windows, width)
            }
            #[target_feature(enable = $features)]
            fn sha512(text: &Text<'_>, out: &mut [[u8; 64]]) {
                sha512::hash_all::<$words>(text, out)
            }

            // SAFETY of all of them: `KERNEL` is reachable only through `available`.
            impl Steps for Entry {
                fn rows(&self, points: &[Affine], out: &mut [FlatRow]) {
                    unsafe { rows(points, out) }
                }
                fn window(&self, table: &[FlatRow], window: &Window) -> LaneSums {
                    unsafe { self::window(table, window) }
                }
                fn finish(&self, windows: &[&LaneSums], width: usize) -> Encoding {
                    unsafe { finish(windows, width) }
                }
            }
            impl Kernel for Entry {
                fn name(&self) -> &'static str {
                    $name
                }
                fn decode(
                    &self,
                    points: &[Encoding],
                    kept: Option<DecodedPart<'_>>,
                ) -> Result<(), BadPoint> {
                    unsafe { decode(points, kept.map(DecodedPart::affine)) }
                }
                fn multiply_keeping(
                    &self,
                    points: &[Encoding],
                    by: Factor<'_>,
                    out: &mut [Encoding],
                    kept: Option<DecodedPart<'_>>,
                ) -> Result<(), BadPoint> {
                    unsafe { multiply(points, by, out, kept.map(DecodedPart::affine)) }
                }
                fn map(&self, uniform: &[[u8; 64]], out: &mut [Encoding]) {
                    unsafe { map(uniform, out) }
                }
                fn map_multiply_keeping(
                    &self,
                    uniform: &[[u8; 64]],
                    by: Factor<'_>,
                    out: &mut [Encoding],
                    kept: Option<DecodedPart<'_>>,
                ) {
                    unsafe { map_multiply(uniform, by, out, kept.map(DecodedPart::affine)) }
                }
                fn weighted_sums(
                    &self,
                    lists: &[&Decoded],
                    weights: &[Scalar],
                ) -> Vec<RistrettoPoint> {
                    sum::weighted_sums(self, lists, weights)
                }
                fn sha512(&self, text: &Text<'_>, out: &mut [[u8; 64]]) {
                    unsafe { sha512(text, out) }
                }
            }
        }
    };
}

kernel!(
    ifma_kernel,
    "ifma",
    super::ifma::Ifma,
    super::words::Words8,
    "avx512f,avx512dq,avx512vl,avx512ifma"
);
kernel!(avx2_kernel, "avx2", super::avx2::Avx2<false>, super::words::Words4, "avx2");
