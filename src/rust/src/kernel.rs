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

/// The coordinates x and y, little-endian.
pub type Affine = [[u8; 32]; 2];

/// Points of a list as a kernel keeps them for a sum. Another kernel may not be able to read them.
pub enum Decoded {
    /// Of the vector kernels.
    Affine(Vec<Affine>),
    /// Of dalek, which takes no coordinates.
    Dalek(Vec<RistrettoPoint>),
}

/// A part of them, to be written.
pub enum DecodedPart<'a> {
    Affine(&'a mut [Affine]),
    Dalek(&'a mut [RistrettoPoint]),
}

const OTHER_KERNEL: &str = "points are kept and read by one kernel";

impl Decoded {
    /// Parts of `size` points, the last one shorter.
    pub fn parts(&mut self, size: usize) -> Vec<DecodedPart<'_>> {
        match self {
            Decoded::Affine(all) => all.chunks_mut(size).map(DecodedPart::Affine).collect(),
            Decoded::Dalek(all) => all.chunks_mut(size).map(DecodedPart::Dalek).collect(),
        }
    }

    pub fn affine(&self) -> &[Affine] {
        match self {
            Decoded::Affine(all) => all,
            Decoded::Dalek(_) => panic!("{OTHER_KERNEL}"),
        }
    }

    pub fn dalek(&self) -> &[RistrettoPoint] {
        match self {
            Decoded::Dalek(all) => all,
            Decoded::Affine(_) => panic!("{OTHER_KERNEL}"),
        }
    }
}

impl<'a> DecodedPart<'a> {
    pub fn affine(self) -> &'a mut [Affine] {
        match self {
            DecodedPart::Affine(part) => part,
            DecodedPart::Dalek(_) => panic!("{OTHER_KERNEL}"),
        }
    }

    pub fn dalek(self) -> &'a mut [RistrettoPoint] {
        match self {
            DecodedPart::Dalek(part) => part,
            DecodedPart::Affine(_) => panic!("{OTHER_KERNEL}"),
        }
    }
}

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

/// Messages of one length that differ in the middle only.
pub struct Text<'a> {
    pub prefix: &'a [u8],
    /// Row after row.
    pub rows: &'a [u8],
    pub width: usize,
    pub suffix: &'a [u8],
}

/// Group operations on a block, on one thread but for sums. `out` and what is kept are as long as
/// the input. Time depends on lengths, on public points being valid or not, and on nothing else but
/// in `weighted_sums`, which is for public data.
pub trait Kernel: Send + Sync {
    fn name(&self) -> &'static str;

    /// Room for the points of a list.
    fn room(&self, count: usize) -> Decoded {
        Decoded::Affine(vec![[[0; 32]; 2]; count])
    }

    /// Decode, and keep the points where that is asked for; fails at the first element that
    /// is not canonical or is the identity.
    fn decode(&self, points: &[Encoding], kept: Option<DecodedPart>) -> Result<(), BadPoint>;

    /// Decode, keep the points where that is asked for, multiply, encode.
    fn multiply_keeping(
        &self,
        points: &[Encoding],
        by: Factor,
        out: &mut [Encoding],
        kept: Option<DecodedPart>,
    ) -> Result<(), BadPoint>;

    /// The one-way map of RFC 9496 section 4.3.4 on 64 uniform bytes each, encoded.
    fn map(&self, uniform: &[[u8; 64]], out: &mut [Encoding]);

    /// The map, then a multiplication, with no encoding in between. The products are kept where
    /// that is asked for.
    fn map_multiply_keeping(
        &self,
        uniform: &[[u8; 64]],
        by: Factor,
        out: &mut [Encoding],
        kept: Option<DecodedPart>,
    );

    /// The sum of weight times point for each list, over all cores. Lists and weights have one
    /// length. Variable time: weights and points are public.
    fn weighted_sums(&self, lists: &[&Decoded], weights: &[Scalar]) -> Vec<RistrettoPoint>;

    /// SHA-512(prefix || row || suffix) of every row of `width` bytes.
    fn sha512(&self, text: &Text, out: &mut [[u8; 64]]);

    fn check(&self, points: &[Encoding]) -> Result<(), BadPoint> {
        self.decode(points, None)
    }

    fn multiply(
        &self,
        points: &[Encoding],
        by: Factor,
        out: &mut [Encoding],
    ) -> Result<(), BadPoint> {
        self.multiply_keeping(points, by, out, None)
    }

    fn map_multiply(&self, uniform: &[[u8; 64]], by: Factor, out: &mut [Encoding]) {
        self.map_multiply_keeping(uniform, by, out, None);
    }

    fn weighted_sum(
        &self,
        points: &[Encoding],
        weights: &[Scalar],
    ) -> Result<RistrettoPoint, BadPoint> {
        let mut kept = self.room(points.len());
        kept.parts(points.len().max(1))
            .into_iter()
            .try_for_each(|part| self.decode(points, Some(part)))?;
        Ok(self.weighted_sums(&[&kept], weights)[0])
    }
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
