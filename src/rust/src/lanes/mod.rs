//! The batch arithmetic, written once over a field with many lanes.
//!
//! All of it is inlined into the entry points of `simd`, which turn the processor's features on.

pub mod block;
pub mod constants;
pub mod field;
pub mod multiply;
pub mod point;
pub mod ristretto;
pub mod sha512;
pub mod sum;
pub mod windows;
