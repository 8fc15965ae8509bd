//! SHA-512 (FIPS 180-4) of many messages of one length, one in each lane.
//!
//! No step depends on what is hashed.

use zeroize::Zeroizing;

use crate::kernel::Text;

/// The most lanes of any kernel.
pub const MAX_LANES: usize = 8;

const BLOCK: usize = 128;

/// One 64-bit word per lane.
pub trait Words: Copy {
    const LANES: usize;

    fn splat(value: u64) -> Self;
    /// As many words as there are lanes.
    fn load(lanes: &[u64; MAX_LANES]) -> Self;
    fn store(self) -> [u64; MAX_LANES];
    fn add(self, other: Self) -> Self;
    fn xor3(self, b: Self, c: Self) -> Self;
    /// Bits of `b` where this has ones, else those of `c`.
    fn choose(self, b: Self, c: Self) -> Self;
    fn majority(self, b: Self, c: Self) -> Self;
    /// Rotate right by N; M is 64 - N.
    fn rotate<const N: u32, const M: u32>(self) -> Self;
    fn shift<const N: u32>(self) -> Self;
}

/// The first 64 bits of the fractions of the square roots of the first 8 primes.
const START: [u64; 8] = [
    0x6a09e667_f3bcc908,
    0xbb67ae85_84caa73b,
    0x3c6ef372_fe94f82b,
    0xa54ff53a_5f1d36f1,
    0x510e527f_ade682d1,
    0x9b05688c_2b3e6c1f,
    0x1f83d9ab_fb41bd6b,
    0x5be0cd19_137e2179,
];

/// The same of the cube roots of the first 80.
const ROUNDS: [u64; 80] = [
    0x428a2f98_d728ae22,
    0x71374491_23ef65cd,
    0xb5c0fbcf_ec4d3b2f,
    0xe9b5dba5_8189dbbc,
    0x3956c25b_f348b538,
    0x59f111f1_b605d019,
    0x923f82a4_af194f9b,
    0xab1c5ed5_da6d8118,
    0xd807aa98_a3030242,
    0x12835b01_45706fbe,
    0x243185be_4ee4b28c,
    0x550c7dc3_d5ffb4e2,
    0x72be5d74_f27b896f,
    0x80deb1fe_3b1696b1,
    0x9bdc06a7_25c71235,
    0xc19bf174_cf692694,
    0xe49b69c1_9ef14ad2,
    0xefbe4786_384f25e3,
    0x0fc19dc6_8b8cd5b5,
    0x240ca1cc_77ac9c65,
    0x2de92c6f_592b0275,
    0x4a7484aa_6ea6e483,
    0x5cb0a9dc_bd41fbd4,
    0x76f988da_831153b5,
    0x983e5152_ee66dfab,
    0xa831c66d_2db43210,
    0xb00327c8_98fb213f,
    0xbf597fc7_beef0ee4,
    0xc6e00bf3_3da88fc2,
    0xd5a79147_930aa725,
    0x06ca6351_e003826f,
    0x14292967_0a0e6e70,
    0x27b70a85_46d22ffc,
    0x2e1b2138_5c26c926,
    0x4d2c6dfc_5ac42aed,
    0x53380d13_9d95b3df,
    0x650a7354_8baf63de,
    0x766a0abb_3c77b2a8,
    0x81c2c92e_47edaee6,
    0x92722c85_1482353b,
    0xa2bfe8a1_4cf10364,
    0xa81a664b_bc423001,
    0xc24b8b70_d0f89791,
    0xc76c51a3_0654be30,
    0xd192e819_d6ef5218,
    0xd6990624_5565a910,
    0xf40e3585_5771202a,
    0x106aa070_32bbd1b8,
    0x19a4c116_b8d2d0c8,
    0x1e376c08_5141ab53,
    0x2748774c_df8eeb99,
    0x34b0bcb5_e19b48a8,
    0x391c0cb3_c5c95a63,
    0x4ed8aa4a_e3418acb,
    0x5b9cca4f_7763e373,
    0x682e6ff3_d6b2b8a3,
    0x748f82ee_5defb2fc,
    0x78a5636f_43172f60,
    0x84c87814_a1f0ab72,
    0x8cc70208_1a6439ec,
    0x90befffa_23631e28,
    0xa4506ceb_de82bde9,
    0xbef9a3f7_b2c67915,
    0xc67178f2_e372532b,
    0xca273ece_ea26619c,
    0xd186b8c7_21c0c207,
    0xeada7dd6_cde0eb1e,
    0xf57d4f7f_ee6ed178,
    0x06f067aa_72176fba,
    0x0a637dc5_a2c898a6,
    0x113f9804_bef90dae,
    0x1b710b35_131c471b,
    0x28db77f5_23047d84,
    0x32caab7b_40c72493,
    0x3c9ebe0a_15c9bebc,
    0x431d67c4_9c100d4c,
    0x4cc5d4be_cb3e42b6,
    0x597f299c_fc657e2a,
    0x5fcb6fab_3ad6faec,
    0x6c44198c_4a475817,
];

/// Words of a block, as integers, of every lane.
type Columns = [[u64; MAX_LANES]; 16];

#[inline(always)]
fn compress<W: Words>(state: &mut [W; 8], block: &Columns) {
    let mut w = [W::splat(0); 16];
    for at in 0..16 {
        w[at] = W::load(&block[at]);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for start in (0..80).step_by(16) {
        for at in 0..16 {
            if start > 0 {
                let (two, fifteen) = (w[(at + 14) % 16], w[(at + 1) % 16]);
                let s1 = two.rotate::<19, 45>().xor3(two.rotate::<61, 3>(), two.shift::<6>());
                let s0 =
                    fifteen.rotate::<1, 63>().xor3(fifteen.rotate::<8, 56>(), fifteen.shift::<7>());
                w[at] = w[at].add(s0).add(w[(at + 9) % 16].add(s1));
            }
            let s1 = e.rotate::<14, 50>().xor3(e.rotate::<18, 46>(), e.rotate::<41, 23>());
            let s0 = a.rotate::<28, 36>().xor3(a.rotate::<34, 30>(), a.rotate::<39, 25>());
            let constant = w[at].add(W::splat(ROUNDS[start + at]));
            let t1 = h.add(s1).add(e.choose(f, g)).add(constant);
            let t2 = s0.add(a.majority(b, c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d.add(t1), c, b, a, t1.add(t2));
        }
    }
    for (to, from) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *to = to.add(from);
    }
}

/// Take a block of each of some messages apart; lanes without one get zeros.
#[inline(always)]
fn columns(messages: &[u8], length: usize, start: usize) -> Columns {
    let mut out = [[0; MAX_LANES]; 16];
    for (lane, message) in messages.chunks_exact(length).enumerate() {
        let words = message[start..start + BLOCK].as_chunks::<8>().0;
        for (at, word) in words.iter().enumerate() {
            out[at][lane] = u64::from_be_bytes(*word);
        }
    }
    out
}

/// SHA-512(prefix || row || suffix) of every row.
#[inline(always)]
pub fn hash_all<W: Words>(text: &Text<'_>, out: &mut [[u8; 64]]) {
    // Whole blocks of the prefix are the same for all.
    let (head, rest) = text.prefix.split_at(text.prefix.len() / BLOCK * BLOCK);
    let mut start = START.map(W::splat);
    for block in head.chunks_exact(BLOCK) {
        let mut words = [[0; MAX_LANES]; 16];
        for (to, from) in words.iter_mut().zip(block.as_chunks::<8>().0) {
            *to = [u64::from_be_bytes(*from); MAX_LANES];
        }
        compress(&mut start, &words);
    }
    let mut template = [rest, &vec![0; text.width], text.suffix, &[0x80]].concat();
    let bits = 8 * (head.len() + template.len() - 1) as u128;
    template.resize((template.len() + 16).next_multiple_of(BLOCK) - 16, 0);
    template.extend_from_slice(&bits.to_be_bytes());
    let length = template.len();
    let mut messages = Zeroizing::new(template.repeat(W::LANES));
    let groups = text.rows.chunks(text.width * W::LANES).zip(out.chunks_mut(W::LANES));
    for (rows, out) in groups {
        for (lane, row) in rows.chunks_exact(text.width).enumerate() {
            let at = lane * length + rest.len();
            messages[at..at + text.width].copy_from_slice(row);
        }
        let mut state = start;
        for block in (0..length).step_by(BLOCK) {
            compress(&mut state, &columns(&messages, length, block));
        }
        for (at, words) in state.into_iter().enumerate() {
            for (to, word) in out.iter_mut().zip(words.store()) {
                to[8 * at..8 * at + 8].copy_from_slice(&word.to_be_bytes());
            }
        }
    }
}
