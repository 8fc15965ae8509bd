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

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;

use crate::error::BadPoint;
use crate::kernel::{Encoding, Factor, Kernel};
use crate::lanes::{block, sum};

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
    ($module:ident, $name:literal, $field:ty, $features:literal) => {
        mod $module {
            use super::*;

            /// Cannot be made outside this module.
            pub struct Entry(());
            pub(super) static KERNEL: Entry = Entry(());

            #[target_feature(enable = $features)]
            fn check(points: &[Encoding]) -> Result<(), BadPoint> {
                block::check::<$field>(points)
            }
            #[target_feature(enable = $features)]
            fn multiply(
                points: &[Encoding],
                by: Factor<'_>,
                out: &mut [Encoding],
            ) -> Result<(), BadPoint> {
                block::multiply_all::<$field>(points, by, out)
            }
            #[target_feature(enable = $features)]
            fn map(uniform: &[[u8; 64]], out: &mut [Encoding]) {
                block::map_all::<$field>(uniform, out)
            }
            #[target_feature(enable = $features)]
            fn map_multiply(uniform: &[[u8; 64]], by: Factor<'_>, out: &mut [Encoding]) {
                block::map_multiply_all::<$field>(uniform, by, out)
            }
            #[target_feature(enable = $features)]
            fn weighted_sums(
                points: &[Encoding],
                weights: &[Scalar],
            ) -> Result<Vec<Encoding>, BadPoint> {
                sum::weighted_sums::<$field>(points, weights)
            }

            // SAFETY of all five: `KERNEL` is reachable only through `available`.
            impl Kernel for Entry {
                fn name(&self) -> &'static str {
                    $name
                }
                fn check(&self, points: &[Encoding]) -> Result<(), BadPoint> {
                    unsafe { check(points) }
                }
                fn multiply(
                    &self,
                    points: &[Encoding],
                    by: Factor<'_>,
                    out: &mut [Encoding],
                ) -> Result<(), BadPoint> {
                    unsafe { multiply(points, by, out) }
                }
                fn map(&self, uniform: &[[u8; 64]], out: &mut [Encoding]) {
                    unsafe { map(uniform, out) }
                }
                fn map_multiply(&self, uniform: &[[u8; 64]], by: Factor<'_>, out: &mut [Encoding]) {
                    unsafe { map_multiply(uniform, by, out) }
                }
                fn weighted_sum(
                    &self,
                    points: &[Encoding],
                    weights: &[Scalar],
                ) -> Result<RistrettoPoint, BadPoint> {
                    Ok(sum::join(&unsafe { weighted_sums(points, weights) }?))
                }
            }
        }
    };
}

kernel!(ifma_kernel, "ifma", super::ifma::Ifma, "avx512f,avx512dq,avx512vl,avx512ifma");
kernel!(avx2_kernel, "avx2", super::avx2::Avx2<false>, "avx2");
