//! The kernel for every machine: curve25519-dalek, one element after the other.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, VartimeMultiscalarMul};
use rayon::prelude::*;
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{BadPoint, Reason};
use crate::kernel::{Decoded, DecodedPart, Encoding, Factor, Kernel, Text};

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

fn keep(point: RistrettoPoint, index: usize, kept: &mut Option<&mut [RistrettoPoint]>) {
    if let Some(kept) = kept {
        kept[index] = point;
    }
}

impl Kernel for Portable {
    fn name(&self) -> &'static str {
        "dalek"
    }

    fn room(&self, count: usize) -> Decoded {
        Decoded::Dalek(vec![RistrettoPoint::identity(); count])
    }

    fn decode(&self, points: &[Encoding], kept: Option<DecodedPart>) -> Result<(), BadPoint> {
        let mut kept = kept.map(DecodedPart::dalek);
        for (index, point) in points.iter().enumerate() {
            keep(decode(point, index)?, index, &mut kept);
        }
        Ok(())
    }

    fn multiply_keeping(
        &self,
        points: &[Encoding],
        by: Factor,
        out: &mut [Encoding],
        kept: Option<DecodedPart>,
    ) -> Result<(), BadPoint> {
        let mut kept = kept.map(DecodedPart::dalek);
        let mut halves = Vec::with_capacity(points.len());
        for (index, point) in points.iter().enumerate() {
            let point = decode(point, index)?;
            halves.push(times_half(&point, by.at(index)));
            keep(point, index, &mut kept);
        }
        encode_doubled(&mut halves, out);
        Ok(())
    }

    fn map(&self, uniform: &[[u8; 64]], out: &mut [Encoding]) {
        for (to, bytes) in out.iter_mut().zip(uniform) {
            *to = RistrettoPoint::from_uniform_bytes(bytes).compress().0;
        }
    }

    fn map_multiply_keeping(
        &self,
        uniform: &[[u8; 64]],
        by: Factor,
        out: &mut [Encoding],
        kept: Option<DecodedPart>,
    ) {
        let mut kept = kept.map(DecodedPart::dalek);
        let mut halves = Vec::with_capacity(uniform.len());
        for (index, bytes) in uniform.iter().enumerate() {
            let half = times_half(&RistrettoPoint::from_uniform_bytes(bytes), by.at(index));
            halves.push(half);
            if kept.is_some() {
                keep(half + half, index, &mut kept);
            }
        }
        encode_doubled(&mut halves, out);
    }

    fn weighted_sums(&self, lists: &[&Decoded], weights: &[Scalar]) -> Vec<RistrettoPoint> {
        let part = weights.len().div_ceil(rayon::current_num_threads()).clamp(512, 8192);
        let sum = |list: &&Decoded| {
            let parts = list.dalek().par_chunks(part).zip(weights.par_chunks(part));
            parts
                .map(|(points, weights)| RistrettoPoint::vartime_multiscalar_mul(weights, points))
                .sum()
        };
        lists.iter().map(sum).collect()
    }

    fn sha512(&self, text: &Text, out: &mut [[u8; 64]]) {
        let start = Sha512::new().chain_update(text.prefix);
        for (row, to) in text.rows.chunks_exact(text.width).zip(out) {
            *to = start.clone().chain_update(row).chain_update(text.suffix).finalize().into();
        }
    }
}
