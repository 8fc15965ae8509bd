//! The port of the batch kernels, and the choice of one at run time.
//!
//! A kernel works on one block on one thread; `batch` splits lists into blocks.

use std::sync::OnceLock;

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;

use crate::error::BadPoint;
use crate::portable::Portable;
#[cfg(target_arch = "x86_64")]
use crate::simd;

/// A ristretto255 element as it travels.
pub type Encoding = [u8; 32];

/// What a list is multiplied by.
#[derive(Clone, Copy)]
pub enum Factor<'a> {
    One(&'a Scalar),
    /// One scalar per element.
    Each(&'a [Scalar]),
}

impl<'a> Factor<'a> {
    /// The factors of the elements `start..end`.
    pub fn part(self, start: usize, end: usize) -> Self {
        match self {
            Factor::One(scalar) => Factor::One(scalar),
            Factor::Each(scalars) => Factor::Each(&scalars[start..end]),
        }
    }

    pub fn at(self, index: usize) -> &'a Scalar {
        match self {
            Factor::One(scalar) => scalar,
            Factor::Each(scalars) => &scalars[index],
        }
    }
}

/// Group operations on a block. `out` is as long as the input. Time depends on lengths, on public
/// points being valid or not, and on nothing else but in `weighted_sum`, which is for public data.
pub trait Kernel: Send + Sync {
    fn name(&self) -> &'static str;

    /// Fail at the first element that is not canonical or is the identity.
    fn check(&self, points: &[Encoding]) -> Result<(), BadPoint>;

    /// Decode, multiply, encode.
    fn multiply(
        &self,
        points: &[Encoding],
        by: Factor,
        out: &mut [Encoding],
    ) -> Result<(), BadPoint>;

    /// The one-way map of RFC 9496 section 4.3.4 on 64 uniform bytes each, encoded.
    fn map(&self, uniform: &[[u8; 64]], out: &mut [Encoding]);

    /// The map, then a multiplication, with no encoding in between.
    fn map_multiply(&self, uniform: &[[u8; 64]], by: Factor, out: &mut [Encoding]);

    /// The sum of weight times point. Variable time: weights and points are public.
    fn weighted_sum(
        &self,
        points: &[Encoding],
        weights: &[Scalar],
    ) -> Result<RistrettoPoint, BadPoint>;
}

const VARIABLE: &str = "PSIHASH_KERNEL";

/// The kernels that this machine can run, fastest first.
pub fn available() -> Vec<&'static dyn Kernel> {
    let mut out: Vec<&'static dyn Kernel> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    out.extend(simd::available());
    out.push(&Portable);
    out
}

/// The kernel of this process: the fastest, or the one that `PSIHASH_KERNEL` names.
///
/// Fails with a text for the operator where the variable names none that this machine has.
pub fn active() -> Result<&'static dyn Kernel, String> {
    static CHOICE: OnceLock<Result<&'static dyn Kernel, String>> = OnceLock::new();
    CHOICE.get_or_init(|| choose(std::env::var(VARIABLE).ok().as_deref())).clone()
}

/// What `active` does, with the value of the variable as an argument.
pub fn choose(wanted: Option<&str>) -> Result<&'static dyn Kernel, String> {
    let all = available();
    let Some(wanted) = wanted.filter(|name| !name.is_empty()) else {
        return Ok(all[0]);
    };
    all.iter().copied().find(|kernel| kernel.name() == wanted).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|kernel| kernel.name()).collect();
        format!("{VARIABLE} must be one of {} on this machine", names.join(", "))
    })
}
