//! Secrets: scalars and seeds that live only here and are wiped when dropped.

use curve25519_dalek::scalar::Scalar;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::error::Error;
use crate::framing::framed;

/// Random bytes of the operating system.
pub fn random_bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, Error> {
    let mut out = Zeroizing::new([0; N]);
    getrandom::fill(out.as_mut()).map_err(|_| Error::Random)?;
    Ok(out)
}

/// A non-zero scalar modulo the group order.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Scalar);

impl Secret {
    /// Refuses zero, which would map every element to the identity.
    pub fn new(scalar: Scalar) -> Result<Self, Error> {
        if scalar == Scalar::ZERO {
            return Err(Error::Argument("a scalar must not be zero"));
        }
        Ok(Secret(scalar))
    }

    /// Uniform: 64 random bytes modulo the order are biased by less than 2^-258.
    pub fn random() -> Result<Self, Error> {
        Self::new(Scalar::from_bytes_mod_order_wide(&*random_bytes::<64>()?))
    }

    /// From 32 little-endian bytes below the group order.
    pub fn from_canonical(bytes: [u8; 32]) -> Result<Self, Error> {
        let scalar: Option<Scalar> = Scalar::from_canonical_bytes(bytes).into();
        Self::new(scalar.ok_or(Error::Argument("a scalar must be below the group order"))?)
    }

    pub fn inverse(&self) -> Self {
        Secret(self.0.invert())
    }

    /// The product modulo the order (never zero: the order is prime).
    pub fn times(&self, other: &Secret) -> Self {
        Secret(self.0 * other.0)
    }

    /// For the arithmetic of this crate. What is computed from it must be wiped too.
    pub fn expose(&self) -> &Scalar {
        &self.0
    }
}

/// Scalars, one per element of a list.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secrets(Vec<Scalar>);

impl Secrets {
    pub fn random(count: usize) -> Result<Self, Error> {
        let mut out = Secrets(Vec::with_capacity(count));
        let mut block = Zeroizing::new([0u8; 64 * 64]);
        for start in (0..count).step_by(64) {
            getrandom::fill(block.as_mut()).map_err(|_| Error::Random)?;
            for wide in block.as_chunks::<64>().0.iter().take(count - start) {
                out.0.push(*Secret::new(Scalar::from_bytes_mod_order_wide(wide))?.expose());
            }
        }
        Ok(out)
    }

    pub fn from_canonical(encodings: &[[u8; 32]]) -> Result<Self, Error> {
        let mut out = Secrets(Vec::with_capacity(encodings.len()));
        for bytes in encodings {
            out.0.push(*Secret::from_canonical(*bytes)?.expose());
        }
        Ok(out)
    }

    /// All inverses for the price of one inversion and three products each.
    pub fn inverse(&self) -> Self {
        let mut out = self.clone();
        if !out.0.is_empty() {
            Scalar::invert_batch_alloc(&mut out.0).zeroize();
        }
        out
    }

    pub fn expose(&self) -> &[Scalar] {
        &self.0
    }
}

/// 32 bytes from which all randomness of a run is derived, each use under its own purpose.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    pub fn new(bytes: [u8; 32]) -> Self {
        Seed(bytes)
    }

    pub fn random() -> Result<Self, Error> {
        Ok(Seed(*random_bytes::<32>()?))
    }

    /// HMAC-SHA512(seed, framed(kind, purpose, extra)): a key or a wide scalar per purpose.
    pub fn expand(&self, kind: &[u8], purpose: &[u8], extra: &[u8]) -> Zeroizing<[u8; 64]> {
        let mac = Hmac::<Sha512>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        let tag = mac.chain_update(framed(&[kind, purpose, extra])).finalize();
        let mut out = Zeroizing::new([0; 64]);
        out.copy_from_slice(&tag.into_bytes());
        out
    }

    /// The scalar of a purpose.
    pub fn scalar(&self, purpose: &[u8]) -> Result<Secret, Error> {
        let wide = self.expand(b"psihash/seed/scalar/1", purpose, b"");
        Secret::new(Scalar::from_bytes_mod_order_wide(&wide))
    }
}
