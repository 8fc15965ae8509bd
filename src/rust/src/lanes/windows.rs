//! Weights cut into windows of bits, and points sorted by what a window says of them.
//!
//! Public data, in variable time.

use curve25519_dalek::scalar::Scalar;

/// Widths that a window may have: with fewer than eight buckets lanes would stay idle, and
/// with more than these no list that a proof covers gets faster.
const WIDTHS: std::ops::RangeInclusive<usize> = 4..=13;

/// Products that the steps of `sum` take, for one more point and for one more bucket.
const POINT_COST: usize = 7;
const BUCKET_COST: usize = 22;

/// Weights in signed digits of `width` bits.
pub struct Weights {
    pub width: usize,
    pub count: usize,
    /// Each weight plus half of a digit's range at every digit but the highest: so the digits are
    /// bits, less that half. Five words: the last one is zero.
    words: Vec<[u64; 5]>,
}

fn words_of(bytes: &[u8; 32]) -> [u64; 5] {
    let mut out = [0; 5];
    for (to, from) in out.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *to = u64::from_le_bytes(*from);
    }
    out
}

fn bits_of(words: &[u64; 5]) -> usize {
    let highest = (0..5).rev().find(|k| words[*k] != 0);
    highest.map_or(0, |k| 64 * (k + 1) - words[k].leading_zeros() as usize)
}

fn added(a: &[u64; 5], b: &[u64; 5]) -> [u64; 5] {
    let (mut out, mut carry) = ([0; 5], 0);
    for k in 0..5 {
        let sum = u128::from(a[k]) + u128::from(b[k]) + carry;
        (out[k], carry) = (sum as u64, sum >> 64);
    }
    out
}

/// How many windows of a width weights of some bits take. The highest digit is not signed: what it
/// has beyond the bits is at most a carry, so it stays within half of the range.
fn windows(bits: usize, width: usize) -> usize {
    (bits + 1).div_ceil(width)
}

/// The width that takes the fewest products.
fn best_width(count: usize, bits: usize) -> usize {
    let cost =
        |width: &usize| windows(bits, *width) * (POINT_COST * count + (BUCKET_COST << (width - 1)));
    WIDTHS.min_by_key(cost).expect("there are some widths")
}

impl Weights {
    pub fn new(weights: &[Scalar]) -> Self {
        let mut words: Vec<_> = weights.iter().map(|weight| words_of(weight.as_bytes())).collect();
        let bits = words.iter().map(bits_of).max().unwrap_or(0);
        let width = best_width(words.len(), bits);
        let count = windows(bits, width);
        let mut halves = [0; 5];
        for window in 0..count - 1 {
            let at = window * width + width - 1;
            halves[at / 64] |= 1 << (at % 64);
        }
        words.iter_mut().for_each(|weight| *weight = added(weight, &halves));
        Weights { width, count, words }
    }

    /// All that one window says.
    pub fn window(&self, number: usize) -> Window {
        let (at, mask) = (number * self.width, (1u64 << self.width) - 1);
        let half = 1 << (self.width - 1);
        let zero = if number + 1 < self.count { half } else { 0 };
        let digit = |words: &[u64; 5]| {
            let bits = (words[at / 64] >> (at % 64)) | (words[at / 64 + 1] << 1 << (63 - at % 64));
            (bits & mask) as i32 - zero
        };
        Window::new(half as usize, self.words.len(), self.words.iter().map(digit))
    }
}

/// Which points a window adds to which bucket: bucket b is for digits b + 1 and -(b + 1).
pub struct Window {
    /// Twice the place of a point, plus one where it is subtracted, bucket after bucket.
    entries: Vec<u32>,
    /// Where each bucket begins, and where the last one ends.
    starts: Vec<u32>,
    /// The numbers of the buckets, fullest first: neighbours are as good as equally full.
    order: Vec<u32>,
}

impl Window {
    fn new(buckets: usize, count: usize, digits: impl Iterator<Item = i32> + Clone) -> Self {
        let mut starts = vec![0u32; buckets + 2];
        for digit in digits.clone() {
            // The bucket's count at its number plus two; digits of zero are counted at one.
            starts[digit.unsigned_abs() as usize + 1] += 1;
        }
        starts[1] = 0;
        for bucket in 2..starts.len() {
            starts[bucket] += starts[bucket - 1];
        }
        let mut next = starts.clone();
        let mut entries = vec![0u32; count];
        for (place, digit) in digits.enumerate() {
            if digit != 0 {
                let at = &mut next[digit.unsigned_abs() as usize];
                entries[*at as usize] = 2 * place as u32 + u32::from(digit < 0);
                *at += 1;
            }
        }
        starts.remove(0);
        let order = fullest_first(&starts);
        Window { entries, starts, order }
    }

    pub fn buckets(&self) -> usize {
        self.order.len()
    }

    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// The entries of a bucket.
    #[inline(always)]
    pub fn bucket(&self, number: u32) -> &[u32] {
        let number = number as usize;
        &self.entries[self.starts[number] as usize..self.starts[number + 1] as usize]
    }
}

fn fullest_first(starts: &[u32]) -> Vec<u32> {
    let sizes = || starts.windows(2).map(|two| (two[1] - two[0]) as usize);
    let most = sizes().max().unwrap_or(0);
    // How many buckets are fuller than each size: where those of that size begin.
    let mut next = vec![0u32; most + 2];
    sizes().for_each(|size| next[most - size + 1] += 1);
    for size in 1..next.len() {
        next[size] += next[size - 1];
    }
    let mut order = vec![0; starts.len() - 1];
    for (bucket, size) in sizes().enumerate() {
        let at = &mut next[most - size];
        order[*at as usize] = bucket as u32;
        *at += 1;
    }
    order
}
