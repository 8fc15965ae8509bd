//! Uniformly random orders over whole lists, drawn from a seed.
//!
//! Fisher-Yates over a ChaCha20 key stream with rejection, so every order is equally likely. Which
//! memory is touched when depends on the order; only a process on the same core could see that.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::error::Error;
use crate::secret::Seed;

/// Random numbers from a key stream.
struct Stream {
    cipher: ChaCha20,
    block: Zeroizing<[u8; 4096]>,
    used: usize,
}

impl Stream {
    fn new(key: &[u8; 32]) -> Self {
        let cipher = ChaCha20::new(key.into(), &[0; 12].into());
        Stream { cipher, block: Zeroizing::new([0; 4096]), used: 4096 }
    }

    fn next(&mut self) -> u64 {
        if self.used == self.block.len() {
            self.block.fill(0);
            self.cipher.apply_keystream(self.block.as_mut());
            self.used = 0;
        }
        let mut word = [0; 8];
        word.copy_from_slice(&self.block[self.used..self.used + 8]);
        self.used += 8;
        u64::from_le_bytes(word)
    }

    /// Uniform in 0..bound: numbers beyond the last whole multiple of it are drawn again.
    fn below(&mut self, bound: u64) -> u64 {
        let excess = (u64::MAX % bound + 1) % bound;
        loop {
            let number = self.next();
            if number <= u64::MAX - excess {
                return number % bound;
            }
        }
    }
}

/// An order of a list: place i of the shuffled list holds entry `sources()[i]` of the original.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Permutation(Vec<u32>);

impl Permutation {
    pub fn new(seed: &Seed, purpose: &[u8], count: usize) -> Result<Self, Error> {
        let count = u32::try_from(count)
            .map_err(|_| Error::Argument("a list must have fewer than 2^32 entries"))?;
        let wide = seed.expand(b"psihash/seed/permutation/1", purpose, b"");
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&wide[..32]);
        let mut stream = Stream::new(&key);
        let mut order: Vec<u32> = (0..count).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, stream.below(last as u64 + 1) as usize);
        }
        Ok(Permutation(order))
    }

    pub fn sources(&self) -> &[u32] {
        &self.0
    }
}
