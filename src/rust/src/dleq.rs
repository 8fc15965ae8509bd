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

use crate::batch::{self, Messages};
use crate::error::Error;
use crate::framing::{framed, update_framed};
use crate::hash_to_group::Expander;
use crate::kernel::{Decoded, Encoding, Factor, Kernel};
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
        digest(started(self.context, self.public, self.a), self.b)
    }
}

/// The hash of a statement as far as its inputs go.
fn started(context: &[u8], public: &Encoding, a: &[Encoding]) -> Sha512 {
    let mut hash = Sha512::new();
    update_framed(&mut hash, &[b"psihash/dleq/1", context, public, a.as_flattened()]);
    hash
}

fn digest(mut started: Sha512, b: &[Encoding]) -> [u8; 64] {
    update_framed(&mut started, &[b.as_flattened()]);
    started.finalize().into()
}

/// The weights, four from each hash of (statement, number).
fn weights(kernel: &dyn Kernel, digest: &[u8; 64], count: usize) -> Vec<Scalar> {
    let prefix = framed(&[b"psihash/dleq-weights/1", digest]);
    let blocks = 0..count.div_ceil(4) as u64;
    let rows: Vec<u8> = blocks.flat_map(|block| framed(&[&block.to_be_bytes()])).collect();
    let hashes = batch::sha512(kernel, &prefix, &rows, 16);
    let weights = hashes.as_flattened().as_chunks::<16>().0.iter().take(count);
    weights.map(|weight| Scalar::from(u128::from_le_bytes(*weight))).collect()
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
    belongs(secret, statement.public)?;
    let inputs = batch::decode(kernel, statement.a)?;
    prove_decoded(kernel, secret, &statement.digest(), &inputs, statement.a.len())
}

/// Multiply a list by `secret`, and prove it, decoding the list once. `public` is kG.
pub fn multiply_and_prove(
    kernel: &dyn Kernel,
    secret: &Secret,
    public: &Encoding,
    context: &[u8],
    points: &[Encoding],
) -> Result<(Vec<Encoding>, Proof), Error> {
    let mut inputs = kernel.room(points.len());
    let factor = Factor::One(secret.expose());
    let products = batch::multiply(kernel, points, factor, Some(&mut inputs))?;
    let statement = Statement { context, public, a: points, b: &products };
    statement.check()?;
    belongs(secret, public)?;
    let proof = prove_decoded(kernel, secret, &statement.digest(), &inputs, statement.a.len())?;
    Ok((products, proof))
}

fn belongs(secret: &Secret, public: &Encoding) -> Result<(), Error> {
    if RistrettoPoint::mul_base(secret.expose()).compress().0 != *public {
        return Err(Error::Argument("the public element does not belong to the scalar"));
    }
    Ok(())
}

/// The sum M takes a time that depends on the weights, a hash of the statement. All of that goes to
/// the verifier, or is never sent: then a hash of elements has shown that nobody else can compute.
/// What follows is done with secrets, on one point.
fn prove_decoded(
    kernel: &dyn Kernel,
    secret: &Secret,
    digest: &[u8; 64],
    inputs: &Decoded,
    count: usize,
) -> Result<Proof, Error> {
    let k = secret.expose();
    let m = kernel.weighted_sums(&[inputs], &weights(kernel, digest, count))[0];
    let z = m * k;
    let r = nonce(secret, digest)?;
    let (t2, t3) = (RistrettoPoint::mul_base(&r), m * *r);
    let c = challenge(digest, [&m, &z, &t2, &t3]);
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
    let question = Question {
        public: *statement.public,
        count: statement.a.len(),
        started: started(statement.context, statement.public, statement.a),
        inputs: Inputs::Decoded(batch::decode(kernel, statement.a)?),
    };
    question.check(kernel, statement.b, proof)
}

/// A list of which the peer is to give the multiples: what checking its answer takes. 64 bytes an
/// element at most.
pub struct Question {
    /// The peer's K.
    public: Encoding,
    count: usize,
    started: Sha512,
    inputs: Inputs,
}

enum Inputs {
    Decoded(Decoded),
    /// For a kernel that would keep much more than that.
    Encoded(Vec<Encoding>),
}

impl Question {
    /// Hash to the group and multiply: the list that goes to the peer, and the question. `public`
    /// and `context` are the peer's.
    pub fn ask(
        kernel: &dyn Kernel,
        expander: &Expander,
        messages: Messages,
        secret: &Secret,
        public: &Encoding,
        context: &[u8],
    ) -> Result<(Vec<Encoding>, Self), Error> {
        let factor = Some(Factor::One(secret.expose()));
        let compact = matches!(kernel.room(0), Decoded::Affine(_));
        let mut room = kernel.room(if compact { messages.len() } else { 0 });
        let points = batch::hash(kernel, expander, messages, factor, compact.then_some(&mut room))?;
        let inputs = if compact { Inputs::Decoded(room) } else { Inputs::Encoded(points.clone()) };
        let started = started(context, public, &points);
        Ok((points, Question { public: *public, count: messages.len(), started, inputs }))
    }

    /// Fails as `verify` does. The kernel must be the one that asked.
    pub fn check(
        &self,
        kernel: &dyn Kernel,
        answers: &[Encoding],
        proof: &Proof,
    ) -> Result<(), Error> {
        if answers.len() != self.count || answers.is_empty() {
            return Err(Error::Argument("a question of at least one has as many answers"));
        }
        let (c, s) = split(proof)?;
        let public = decode(&self.public, 0).map_err(|_| Error::Proof)?;
        let outputs = batch::decode(kernel, answers)?;
        let digest = digest(self.started.clone(), answers);
        let weights = weights(kernel, &digest, answers.len());
        let sums = match &self.inputs {
            Inputs::Decoded(inputs) => kernel.weighted_sums(&[inputs, &outputs], &weights),
            Inputs::Encoded(inputs) => {
                kernel.weighted_sums(&[&batch::decode(kernel, inputs)?, &outputs], &weights)
            }
        };
        let (m, z) = (sums[0], sums[1]);
        let t2 = RistrettoPoint::vartime_double_scalar_mul_basepoint(&c, &public, &s);
        let t3 = m * s + z * c;
        if bool::from(challenge(&digest, [&m, &z, &t2, &t3]).ct_eq(&c)) {
            Ok(())
        } else {
            Err(Error::Proof)
        }
    }
}
