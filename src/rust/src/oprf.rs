//! RFC 9497 for ristretto255-SHA512, modes OPRF and VOPRF; section numbers are the RFC's.

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use rayon::prelude::*;
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::batch::{self, Messages};
use crate::dleq::{Proof, join, split};
use crate::error::Error;
use crate::hash_to_group::Expander;
use crate::kernel::{Encoding, Factor, Kernel, Text};
use crate::portable::decode;
use crate::secret::{Secret, Secrets};

pub type Output = [u8; 64];

/// Hashes computed side by side by one task.
const AT_ONCE: usize = 128;

/// The largest batch of one proof: indices have two bytes (section 2.2.1).
pub const MAX_BATCH: usize = 0xffff;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Oprf = 0,
    Voprf = 1,
}

impl Mode {
    /// CreateContextString (3.1) behind a prefix.
    fn context(self, prefix: &[u8]) -> Vec<u8> {
        let mut out = prefix.to_vec();
        out.extend_from_slice(b"OPRFV1-");
        out.push(self as u8);
        out.extend_from_slice(b"-ristretto255-SHA512");
        out
    }

    fn expander(self, prefix: &[u8]) -> Expander {
        Expander::new(&self.context(prefix)).expect("the tag is not empty")
    }

    /// For HashToGroup.
    pub fn group_expander(self) -> Expander {
        self.expander(b"HashToGroup-")
    }
}

/// I2OSP(len(part), 2) || part.
fn push(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&(part.len() as u16).to_be_bytes());
    out.extend_from_slice(part);
}

fn check_lengths(messages: Messages) -> Result<(), Error> {
    if (0..messages.len()).any(|index| messages.at(index).len() > 0xffff) {
        return Err(Error::Argument("an input must have at most 65,535 bytes"));
    }
    Ok(())
}

/// DeriveKeyPair (3.2.1): the private key; its public key is `public`.
pub fn derive_key(mode: Mode, seed: &[u8; 32], info: &[u8]) -> Result<Secret, Error> {
    if info.len() > 0xffff {
        return Err(Error::Argument("key info must have at most 65,535 bytes"));
    }
    let expander = mode.expander(b"DeriveKeyPair");
    let length = (info.len() as u16).to_be_bytes();
    for counter in 0..=255u8 {
        let scalar = expander.scalar(&[seed, &length, info, &[counter]]);
        if let Ok(secret) = Secret::new(scalar) {
            return Ok(secret);
        }
    }
    Err(Error::Argument("no key can be derived from this seed"))
}

/// kG, encoded.
pub fn public(secret: &Secret) -> Encoding {
    RistrettoPoint::mul_base(secret.expose()).compress().0
}

/// Blind (3.3.1) of every input, each under its own scalar.
pub fn blind(
    kernel: &dyn Kernel,
    mode: Mode,
    inputs: Messages,
    blinds: &Secrets,
) -> Result<Vec<Encoding>, Error> {
    check_lengths(inputs)?;
    batch::hash(kernel, &mode.group_expander(), inputs, Some(Factor::Each(blinds.expose())), None)
}

/// BlindEvaluate (3.3.1), without the proof.
pub fn evaluate(
    kernel: &dyn Kernel,
    key: &Secret,
    blinded: &[Encoding],
) -> Result<Vec<Encoding>, Error> {
    batch::multiply(kernel, blinded, Factor::One(key.expose()), None)
}

/// Finalize (3.3.1), without the check of a proof.
pub fn finalize(
    kernel: &dyn Kernel,
    inputs: Messages,
    blinds: &Secrets,
    evaluated: &[Encoding],
) -> Result<Vec<Output>, Error> {
    check_lengths(inputs)?;
    if inputs.len() != evaluated.len() {
        return Err(Error::Argument("there must be one input per evaluated element"));
    }
    let inverses = blinds.inverse();
    let unblinded = batch::multiply(kernel, evaluated, Factor::Each(inverses.expose()), None)?;
    Ok(outputs(kernel, inputs, &unblinded))
}

/// Evaluate (3.3.1): what the holder of the key computes by itself.
pub fn direct(
    kernel: &dyn Kernel,
    mode: Mode,
    key: &Secret,
    inputs: Messages,
) -> Result<Vec<Output>, Error> {
    check_lengths(inputs)?;
    let factor = Some(Factor::One(key.expose()));
    let issued = batch::hash(kernel, &mode.group_expander(), inputs, factor, None)?;
    Ok(outputs(kernel, inputs, &issued))
}

/// The last hash of Finalize, of every input and its element.
fn outputs(kernel: &dyn Kernel, inputs: Messages, issued: &[Encoding]) -> Vec<Output> {
    let mut out = vec![[0; 64]; issued.len()];
    let parts = issued.par_chunks(AT_ONCE).zip(out.par_chunks_mut(AT_ONCE));
    parts.enumerate().for_each(|(block, (issued, to))| {
        let start = block * AT_ONCE;
        match inputs.part(start, start + issued.len()) {
            Some((given, width)) => outputs_alike(kernel, &given, width, issued, to),
            None => (start..).zip(issued).zip(to).for_each(|((index, element), to)| {
                *to = output(inputs.at(index), element);
            }),
        }
    });
    out
}

fn output(input: &[u8], element: &Encoding) -> Output {
    Sha512::new()
        .chain_update((input.len() as u16).to_be_bytes())
        .chain_update(input)
        .chain_update([0, 32])
        .chain_update(element)
        .chain_update(b"Finalize")
        .finalize()
        .into()
}

/// The same of inputs of one length, side by side.
fn outputs_alike(
    kernel: &dyn Kernel,
    inputs: &[u8],
    width: usize,
    issued: &[Encoding],
    out: &mut [Output],
) {
    let row = width + 2 + 32;
    let mut rows = Zeroizing::new(Vec::with_capacity(row * issued.len()));
    for (input, element) in inputs.chunks_exact(width).zip(issued) {
        for part in [input, &[0, 32], element] {
            rows.extend_from_slice(part);
        }
    }
    let prefix = (width as u16).to_be_bytes();
    kernel.sha512(&Text { prefix: &prefix, rows: &rows, width: row, suffix: b"Finalize" }, out);
}

/// What a VOPRF proof claims: D_i = k C_i for all i, and B = k G.
pub struct Claim<'a> {
    pub public: &'a Encoding,
    pub c: &'a [Encoding],
    pub d: &'a [Encoding],
}

impl Claim<'_> {
    /// The weights d_i of ComputeComposites (2.2.1).
    fn weights(&self, kernel: &dyn Kernel) -> Result<Vec<Scalar>, Error> {
        if self.c.len() != self.d.len() || self.c.is_empty() || self.c.len() > MAX_BATCH {
            return Err(Error::Argument("a proof covers two equal lists of 1 to 65,535 elements"));
        }
        let mode = Mode::Voprf;
        let mut text = Vec::new();
        push(&mut text, self.public);
        push(&mut text, &mode.context(b"Seed-"));
        let mut start = Vec::new();
        push(&mut start, &Sha512::digest(&text));
        let expander = mode.expander(b"HashToScalar-");
        // Behind the seed all are of one length: index, both elements with theirs, the label.
        let pairs: Vec<_> = self.c.iter().zip(self.d).collect();
        let blocks = pairs.par_chunks(AT_ONCE).enumerate().flat_map_iter(|(block, pairs)| {
            let mut rows = Vec::new();
            for (place, (c, d)) in pairs.iter().enumerate() {
                let index = ((block * AT_ONCE + place) as u16).to_be_bytes();
                for part in [&start[..], &index, &[0, 32], *c, &[0, 32], *d, b"Composite"] {
                    rows.extend_from_slice(part);
                }
            }
            let wide = expander.uniform_rows(kernel, &rows, rows.len() / pairs.len());
            wide.into_iter().map(|bytes| Scalar::from_bytes_mod_order_wide(&bytes))
        });
        Ok(blocks.collect())
    }

    fn challenge(&self, points: [&RistrettoPoint; 4]) -> Scalar {
        let mut text = Vec::new();
        push(&mut text, self.public);
        for point in points {
            push(&mut text, point.compress().as_bytes());
        }
        text.extend_from_slice(b"Challenge");
        Mode::Voprf.expander(b"HashToScalar-").scalar(&[&text])
    }
}

/// GenerateProof (2.2.1) with A the generator. `nonce` is r: fresh for every call outside tests.
pub fn prove(
    kernel: &dyn Kernel,
    key: &Secret,
    claim: &Claim,
    nonce: &Secret,
) -> Result<Proof, Error> {
    if public(key) != *claim.public {
        return Err(Error::Argument("the public element does not belong to the scalar"));
    }
    let (k, r) = (key.expose(), nonce.expose());
    let weights = claim.weights(kernel)?;
    let m = kernel.weighted_sums(&[&batch::decode(kernel, claim.c)?], &weights)[0];
    let z = m * k;
    let c = claim.challenge([&m, &z, &RistrettoPoint::mul_base(r), &(m * r)]);
    Ok(join(c, r - c * k))
}

/// VerifyProof (2.2.2) with A the generator.
pub fn verify(kernel: &dyn Kernel, claim: &Claim, proof: &Proof) -> Result<(), Error> {
    let (c, s) = split(proof)?;
    let key = decode(claim.public, 0).map_err(|_| Error::Proof)?;
    let weights = claim.weights(kernel)?;
    let (inputs, outputs) = (batch::decode(kernel, claim.c)?, batch::decode(kernel, claim.d)?);
    let sums = kernel.weighted_sums(&[&inputs, &outputs], &weights);
    let (m, z) = (sums[0], sums[1]);
    let t2 = RistrettoPoint::vartime_double_scalar_mul_basepoint(&c, &key, &s);
    let t3 = m * s + z * c;
    if bool::from(claim.challenge([&m, &z, &t2, &t3]).ct_eq(&c)) {
        Ok(())
    } else {
        Err(Error::Proof)
    }
}
