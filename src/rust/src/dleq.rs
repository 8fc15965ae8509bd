//! One proof that many pairs have the same factor: B_i = k A_i for all i, and K = k G.
//!
//! The batch is folded with weights of 128 bits that depend on the whole statement, and the one
//! remaining pair is proven by Chaum and Pedersen's method. A false pair passes with probability
//! 2^-128 per guess of a statement. Only the products with k and with the nonce are secret, and
//! they run in constant time; weights and points are public.

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::batch::weighted_sum;
use crate::error::Error;
use crate::framing::update_framed;
use crate::kernel::{Encoding, Kernel};
use crate::portable::decode;
use crate::secret::{Secret, random_bytes};

/// Challenge and response, 32 little-endian bytes each.
pub type Proof = [u8; 64];

/// What is claimed.
pub struct Statement<'a> {
    /// Says where the proof belongs: session, run, frame.
    pub context: &'a [u8],
    /// K.
    pub public: &'a Encoding,
    pub a: &'a [Encoding],
    pub b: &'a [Encoding],
}

impl Statement<'_> {
    fn check(&self) -> Result<(), Error> {
        if self.a.len() != self.b.len() {
            return Err(Error::Argument("both lists of a proof must have the same length"));
        }
        if self.a.is_empty() {
            return Err(Error::Argument("a proof needs at least one pair"));
        }
        Ok(())
    }

    fn digest(&self) -> [u8; 64] {
        let mut hash = Sha512::new();
        let (a, b) = (self.a.as_flattened(), self.b.as_flattened());
        update_framed(&mut hash, &[b"psihash/dleq/1", self.context, self.public, a, b]);
        hash.finalize().into()
    }

    /// The weights, four from each hash of (statement, number).
    fn weights(&self, digest: &[u8; 64]) -> Vec<Scalar> {
        let mut out = Vec::with_capacity(self.a.len() + 3);
        let mut start = Sha512::new();
        update_framed(&mut start, &[b"psihash/dleq-weights/1", digest]);
        for block in 0..self.a.len().div_ceil(4) as u64 {
            let mut hash = start.clone();
            update_framed(&mut hash, &[&block.to_be_bytes()]);
            let four: [u8; 64] = hash.finalize().into();
            for weight in four.as_chunks::<16>().0 {
                out.push(Scalar::from(u128::from_le_bytes(*weight)));
            }
        }
        out.truncate(self.a.len());
        out
    }
}

/// The folded pair (M, Z) and the two commitments, all that the challenge hashes.
fn challenge(digest: &[u8; 64], points: [&RistrettoPoint; 4]) -> Scalar {
    let [m, z, t2, t3] = points.map(|point| point.compress().0);
    let mut hash = Sha512::new();
    update_framed(&mut hash, &[b"psihash/dleq-challenge/1", digest, &m, &z, &t2, &t3]);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// Prove a true statement. `secret` is k.
///
/// The nonce hashes k, the whole statement and fresh random bytes: neither a repeated statement
/// nor a broken generator alone can make two proofs share one (attack C5).
pub fn prove(kernel: &dyn Kernel, secret: &Secret, statement: &Statement) -> Result<Proof, Error> {
    statement.check()?;
    let k = secret.expose();
    if RistrettoPoint::mul_base(k).compress().0 != *statement.public {
        return Err(Error::Argument("the public element does not belong to the scalar"));
    }
    let digest = statement.digest();
    let m = weighted_sum(kernel, statement.a, &statement.weights(&digest))?;
    let z = m * k;
    let r = nonce(secret, &digest)?;
    let (t2, t3) = (RistrettoPoint::mul_base(&r), m * *r);
    let c = challenge(&digest, [&m, &z, &t2, &t3]);
    Ok(join(c, *r - c * k))
}

fn nonce(secret: &Secret, digest: &[u8; 64]) -> Result<Zeroizing<Scalar>, Error> {
    let mut hash = Sha512::new();
    let fresh = random_bytes::<32>()?;
    update_framed(
        &mut hash,
        &[b"psihash/dleq-nonce/1", secret.expose().as_bytes(), digest, fresh.as_ref()],
    );
    let wide: Zeroizing<[u8; 64]> = Zeroizing::new(hash.finalize().into());
    Ok(Zeroizing::new(Scalar::from_bytes_mod_order_wide(&wide)))
}

pub(crate) fn join(c: Scalar, s: Scalar) -> Proof {
    let mut proof = [0; 64];
    proof[..32].copy_from_slice(c.as_bytes());
    proof[32..].copy_from_slice(s.as_bytes());
    proof
}

/// Challenge and response of a proof; both must be below the group order.
pub(crate) fn split(proof: &Proof) -> Result<(Scalar, Scalar), Error> {
    let half = |at: usize| -> Result<Scalar, Error> {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&proof[at..at + 32]);
        Option::from(Scalar::from_canonical_bytes(bytes)).ok_or(Error::Proof)
    };
    Ok((half(0)?, half(32)?))
}

/// Check a proof; fails with `Error::Proof` if it does not hold, or names a bad point of a list.
pub fn verify(kernel: &dyn Kernel, statement: &Statement, proof: &Proof) -> Result<(), Error> {
    statement.check()?;
    let (c, s) = split(proof)?;
    let public = decode(statement.public, 0).map_err(|_| Error::Proof)?;
    let digest = statement.digest();
    let weights = statement.weights(&digest);
    let m = weighted_sum(kernel, statement.a, &weights)?;
    let z = weighted_sum(kernel, statement.b, &weights)?;
    let t2 = RistrettoPoint::vartime_double_scalar_mul_basepoint(&c, &public, &s);
    let t3 = m * s + z * c;
    if bool::from(challenge(&digest, [&m, &z, &t2, &t3]).ct_eq(&c)) {
        Ok(())
    } else {
        Err(Error::Proof)
    }
}
