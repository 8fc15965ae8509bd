//! A statistical timing test in the manner of dudect (Reparaz, Balasch and Verbauwhede 2017).
//!
//! Each kernel's work on secrets is timed with one fixed secret and with random ones, in random
//! order, and the two classes are compared by Welch's t over several croppings of slow outliers.
//! Chance alone gives a |t| above `BOUND` once in a million comparisons, and hardly three times
//! running; a dependence does so each time. Functions that do depend on the secret must be found
//! out, or the machine is too noisy for the test to say anything.
//!
//! It needs minutes, so it runs only if `PSIHASH_TIMING` gives the number of measurements (100000
//! is usual).

mod common;

use std::hint::black_box;
use std::time::Instant;

use common::{point, scalar, wide};
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use psihash_native::kernel::{Encoding, Factor, Kernel, available};
use psihash_native::portable::decode;

const BOUND: f64 = 5.0;

/// Measurements of one secret that must all exceed the bound.
const ROUNDS: usize = 3;

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

/// The t of the largest absolute value over all croppings.
fn largest_t(samples: &[(bool, f64)]) -> f64 {
    let mut sorted: Vec<f64> = samples.iter().map(|sample| sample.1).collect();
    sorted.sort_by(f64::total_cmp);
    (1..=20)
        .map(|step| {
            let kept = 1.0 - 0.5_f64.powf(step as f64 / 2.0);
            welch(samples, sorted[((sorted.len() - 1) as f64 * kept) as usize])
        })
        .chain([welch(samples, f64::MAX)])
        .max_by(|a, b| a.abs().total_cmp(&b.abs()))
        .unwrap_or(0.0)
}

/// Time `work` on the fixed secret and on random ones. `draw` makes a random one of a number.
fn measure<T: Copy>(count: u64, fixed: T, draw: impl Fn(u64) -> T, work: &dyn Fn(&T)) -> f64 {
    let mut samples = Vec::with_capacity(count as usize);
    for number in 0..count {
        // Both classes do the same before the clock starts.
        let random = draw(number);
        let class = wide("class", number)[0] & 1 == 1;
        let chosen = black_box([fixed, random][usize::from(class)]);
        let start = Instant::now();
        work(&chosen);
        let elapsed = start.elapsed().as_nanos() as f64;
        if number > count / 20 {
            samples.push((class, elapsed));
        }
    }
    largest_t(&samples)
}

/// The smallest |t| of several rounds, and all of them for the reader.
fn judge(name: &str, mut round: impl FnMut() -> f64) -> f64 {
    let (mut smallest, mut shown) = (f64::MAX, String::new());
    for _ in 0..ROUNDS {
        let t = round();
        shown += &format!(" {t:6.1}");
        smallest = smallest.min(t.abs());
        if smallest < BOUND {
            break;
        }
    }
    eprintln!("{name:34} t ={shown}");
    smallest
}

/// How many elements a call multiplies: what fills the widest kernel's lanes, few for dalek.
fn elements(kernel: &dyn Kernel) -> usize {
    if kernel.name() == "dalek" { 4 } else { 16 }
}

fn points(count: usize) -> Vec<Encoding> {
    (0..count as u64).map(|k| point("timing", k)).collect()
}

/// Digits all zero but one; all at their largest; an ordinary scalar.
fn fixed_scalars() -> [(&'static str, Scalar); 3] {
    let mut sevens = [0x77; 32];
    sevens[31] = 0x07;
    [
        ("2", Scalar::ONE + Scalar::ONE),
        ("77...", Scalar::from_bytes_mod_order(sevens)),
        ("random", scalar("fixed", 0)),
    ]
}

fn of_scalars(kernel: &dyn Kernel, count: u64) -> Vec<String> {
    let points = points(elements(kernel));
    let mut found = Vec::new();
    for (name, fixed) in fixed_scalars() {
        for each in [false, true] {
            let work = |by: &Scalar| {
                let all = vec![*by; points.len()];
                let by = if each { Factor::Each(&all) } else { Factor::One(by) };
                let mut out = vec![[0; 32]; points.len()];
                let mut kept = kernel.room(points.len());
                let part = kept.parts(points.len()).pop();
                let done = kernel.multiply_keeping(black_box(&points), by, &mut out, part);
                done.expect("good points");
                black_box((&out, &kept));
            };
            let kind = if each { "each" } else { "one" };
            let name = format!("{} scalar {name}, {kind}", kernel.name());
            let t = judge(&name, || measure(count, fixed, |k| scalar("timing", k), &work));
            found.extend((t >= BOUND).then_some(name));
        }
    }
    found
}

fn of_messages(kernel: &dyn Kernel, count: u64) -> Vec<String> {
    let by = scalar("by", 0);
    let mut found = Vec::new();
    // Zeros are the one input at which the map's formulas meet zeros.
    for (name, fixed) in [("zeros", [0; 64]), ("random", wide("fixed", 0))] {
        let work = |uniform: &[u8; 64]| {
            let all = vec![*uniform; elements(kernel)];
            let mut out = vec![[0; 32]; all.len()];
            let mut kept = kernel.room(all.len());
            let part = kept.parts(all.len()).pop();
            kernel.map_multiply_keeping(black_box(&all), Factor::One(&by), &mut out, part);
            black_box((&out, &kept));
        };
        let name = format!("{} message of {name}", kernel.name());
        let t = judge(&name, || measure(count, fixed, |k| wide("timing", k), &work));
        found.extend((t >= BOUND).then_some(name));
    }
    found
}

/// A classical mistake: nothing is added for a digit of zero.
fn leaky(scalar: &Scalar, point: &RistrettoPoint) -> RistrettoPoint {
    let mut sum = RistrettoPoint::identity();
    for byte in scalar.as_bytes().iter().rev() {
        for bit in (0..8).rev() {
            sum += sum;
            if byte >> bit & 1 == 1 {
                sum += point;
            }
        }
    }
    sum
}

/// Functions that do depend on the secret are found out: one by far, one by a single addition of
/// points in the fastest kernel's whole call.
fn controls(count: u64) {
    let two = Scalar::ONE + Scalar::ONE;
    let draw = |k| scalar("timing", k);
    let base = decode(&point("timing", 0), 0).expect("a good point");
    let far = judge("control: skips zeros", || {
        measure(5_000, two, draw, &|by| {
            black_box(leaky(by, &base));
        })
    });
    assert!(far >= BOUND, "a multiplication that skips zeros is not found out: |t| = {far}");
    let kernel = available()[0];
    let points = points(elements(kernel));
    let faint = judge("control: one addition more", || {
        measure(2 * count, two, draw, &|by| {
            let mut out = vec![[0; 32]; points.len()];
            kernel.multiply(black_box(&points), Factor::One(by), &mut out).expect("good points");
            if *by == two {
                black_box(black_box(base) + base);
            }
            black_box(&out);
        })
    });
    assert!(faint >= BOUND, "one addition is lost in this machine's noise: |t| = {faint}");
}

#[test]
fn no_dependence_on_secrets() {
    let Ok(count) = std::env::var("PSIHASH_TIMING") else {
        eprintln!("skipped: set PSIHASH_TIMING to a number of measurements");
        return;
    };
    let count: u64 = count.parse().expect("a number");
    controls(count);
    let mut found = Vec::new();
    for kernel in available() {
        found.extend(of_scalars(kernel, count));
        found.extend(of_messages(kernel, count));
    }
    assert!(found.is_empty(), "time depends on the secret: {}", found.join("; "));
}
