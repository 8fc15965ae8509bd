//! Batches of ristretto255 for psihash: hash to group, multiply, prove, commit, shuffle, compare.
//!
//! Everything below `python` is plain Rust over byte slices. Unsafe code stands in `simd` alone.

#![deny(unsafe_code)]

pub mod batch;
pub mod dleq;
pub mod error;
pub mod framing;
pub mod hash_to_group;
pub mod kernel;
pub mod lanes;
pub mod merkle;
pub mod oprf;
pub mod portable;
pub mod secret;
pub mod shuffle;
#[cfg(target_arch = "x86_64")]
mod simd;
pub mod tags;

#[cfg(feature = "python")]
mod python;
