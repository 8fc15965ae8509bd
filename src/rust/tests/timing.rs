//! A statistical timing test in the manner of dudect (Reparaz, Balasch and Verbauwhede 2017).
//!
//! It measures each kernel's multiplication with one fixed scalar and with random ones, in random
//! order, and compares the two classes by Welch's t over several croppings of slow outliers.
//! It needs a quiet machine and minutes, so it runs only if `PSIHASH_TIMING` gives the number of
//! measurements (100000 is usual).

mod common;

use std::hint::black_box;
use std::time::Instant;

use common::{point, scalar, wide};
use curve25519_dalek::scalar::Scalar;
use psihash_native::kernel::{Factor, Kernel, available};

/// Beyond this a difference is certain; dudect's own bound for "definitely not constant time" is
/// 500 and for "probably not" 10.
const BOUND: f64 = 10.0;

/// Welch's t of two samples of (class, value), counting values below `limit`.
fn welch(samples: &[(bool, f64)], limit: f64) -> f64 {
    let mut sums = [(0.0, 0.0, 0.0); 2];
    for (class, value) in samples.iter().filter(|sample| sample.1 < limit) {
        let (count, mean, square) = &mut sums[usize::from(*class)];
        *count += 1.0;
        let step = value - *mean;
        *mean += step / *count;
        *square += step * (value - *mean);
    }
    let [(n0, mean0, square0), (n1, mean1, square1)] = sums;
    if n0 < 1000.0 || n1 < 1000.0 {
        return 0.0;
    }
    (mean0 - mean1) / (square0 / (n0 - 1.0) / n0 + square1 / (n1 - 1.0) / n1).sqrt()
}

/// The largest |t| over all croppings.
fn largest_t(samples: &[(bool, f64)]) -> f64 {
    let mut sorted: Vec<f64> = samples.iter().map(|sample| sample.1).collect();
    sorted.sort_by(f64::total_cmp);
    (1..=20)
        .map(|step| {
            let kept = 1.0 - 0.5_f64.powf(step as f64 / 2.0);
            welch(samples, sorted[((sorted.len() - 1) as f64 * kept) as usize])
        })
        .chain([welch(samples, f64::MAX)])
        .fold(0.0, |largest, t| largest.max(t.abs()))
}

fn measure(kernel: &dyn Kernel, fixed: &Scalar, count: u64, each: bool) -> f64 {
    let points: Vec<_> = (0..16).map(|k| point("timing", k)).collect();
    let mut out = [[0; 32]; 16];
    let mut samples = Vec::new();
    for number in 0..count {
        // Both classes do the same work before the clock starts.
        let random = scalar("timing", number);
        let class = wide("class", number)[0] & 1 == 1;
        let chosen = [[*fixed, random][usize::from(class)]; 16];
        let by = if each { Factor::Each(&chosen) } else { Factor::One(&chosen[0]) };
        let start = Instant::now();
        kernel.multiply(black_box(&points), black_box(by), &mut out).expect("good points");
        let elapsed = start.elapsed().as_nanos() as f64;
        black_box(&out);
        if number > count / 20 {
            samples.push((class, elapsed));
        }
    }
    largest_t(&samples)
}

#[test]
fn no_dependence_on_the_scalar() {
    let Ok(count) = std::env::var("PSIHASH_TIMING") else {
        eprintln!("skipped: set PSIHASH_TIMING to a number of measurements");
        return;
    };
    let count: u64 = count.parse().expect("a number");
    // Digits all zero but one; all at their largest; an ordinary scalar.
    let mut sevens = [0x77; 32];
    sevens[31] = 0x07;
    let fixed =
        [Scalar::ONE + Scalar::ONE, Scalar::from_bytes_mod_order(sevens), scalar("fixed", 0)];
    for kernel in available() {
        for (number, fixed) in fixed.iter().enumerate() {
            for each in [false, true] {
                let t = measure(kernel, fixed, count, each);
                eprintln!("{:6} fixed {number} each {each}: |t| = {t:.1}", kernel.name());
                assert!(t < BOUND, "{} depends on the scalar: t = {t}", kernel.name());
            }
        }
    }
}
