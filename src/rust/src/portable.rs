//! The kernel for every machine: curve25519-dalek, one element after the other.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, VartimeMultiscalarMul};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{BadPoint, Reason};
use crate::kernel::{Encoding, Factor, Kernel};

pub struct Portable;

/// Decode one element, refusing the identity.
pub fn decode(encoding: &Encoding, index: usize) -> Result<RistrettoPoint, BadPoint> {
    if *encoding == [0; 32] {
        return Err(BadPoint { index, reason: Reason::Identity });
    }
    CompressedRistretto(*encoding).decompress().ok_or(BadPoint { index, reason: Reason::Encoding })
}

/// Encode twice the points, which costs a tenth of encoding them, and wipe the points.
fn encode_doubled(halves: &mut [RistrettoPoint], out: &mut [Encoding]) {
    let encodings = RistrettoPoint::double_and_compress_batch(halves.iter());
    for (to, from) in out.iter_mut().zip(encodings) {
        *to = from.0;
    }
    halves.iter_mut().for_each(Zeroize::zeroize);
}

fn times_half(point: &RistrettoPoint, scalar: &Scalar) -> RistrettoPoint {
    point * *Zeroizing::new(scalar.div_by_2())
}

impl Kernel for Portable {
    fn name(&self) -> &'static str {
        "dalek"
    }

    fn check(&self, points: &[Encoding]) -> Result<(), BadPoint> {
        points.iter().enumerate().try_for_each(|(index, point)| decode(point, index).map(drop))
    }

    fn multiply(
        &self,
        points: &[Encoding],
        by: Factor,
        out: &mut [Encoding],
    ) -> Result<(), BadPoint> {
        let mut halves = Vec::with_capacity(points.len());
        for (index, point) in points.iter().enumerate() {
            halves.push(times_half(&decode(point, index)?, by.at(index)));
        }
        encode_doubled(&mut halves, out);
        Ok(())
    }

    fn map(&self, uniform: &[[u8; 64]], out: &mut [Encoding]) {
        for (to, bytes) in out.iter_mut().zip(uniform) {
            *to = RistrettoPoint::from_uniform_bytes(bytes).compress().0;
        }
    }

    fn map_multiply(&self, uniform: &[[u8; 64]], by: Factor, out: &mut [Encoding]) {
        let mut halves: Vec<_> = uniform
            .iter()
            .enumerate()
            .map(|(index, bytes)| {
                times_half(&RistrettoPoint::from_uniform_bytes(bytes), by.at(index))
            })
            .collect();
        encode_doubled(&mut halves, out);
    }

    fn weighted_sum(
        &self,
        points: &[Encoding],
        weights: &[Scalar],
    ) -> Result<RistrettoPoint, BadPoint> {
        let mut decoded = Vec::with_capacity(points.len());
        for (index, point) in points.iter().enumerate() {
            decoded.push(decode(point, index)?);
        }
        if decoded.is_empty() {
            return Ok(RistrettoPoint::identity());
        }
        Ok(RistrettoPoint::vartime_multiscalar_mul(weights, &decoded))
    }
}
