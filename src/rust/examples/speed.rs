//! Microseconds per element and core of every kernel on this machine: `cargo run --release
//! --example speed [kernel ...]`. On one thread.

use std::hint::black_box;
use std::time::Instant;

/// Seconds that this thread has run: on Linux as the scheduler counts them, so that other
/// processes on a busy machine don't count; elsewhere wall-clock time.
fn clock() -> f64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
        .map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64(), |ns| ns * 1e-9)
}

use curve25519_dalek::scalar::Scalar;
use psihash_native::hash_to_group::Expander;
use psihash_native::kernel::{Encoding, Factor, available};

const COUNT: usize = 4096;
const BLOCK: usize = 512;

/// The mean time of a call over a whole list, repeated for a fifth of a second, in microseconds
/// per element.
fn time(mut call: impl FnMut(usize)) -> f64 {
    let (start, mut lists) = (clock(), 0);
    while clock() - start < 0.2 {
        (0..COUNT).step_by(BLOCK).for_each(&mut call);
        lists += 1;
    }
    (clock() - start) * 1e6 / (lists * COUNT) as f64
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let expander = Expander::new(b"speed").expect("the tag is not empty");
    let uniform: Vec<[u8; 64]> =
        (0..COUNT as u32).map(|k| expander.uniform(&[&k.to_le_bytes()])).collect();
    let scalars: Vec<Scalar> = uniform.iter().map(Scalar::from_bytes_mod_order_wide).collect();
    let mut points: Vec<Encoding> = vec![[0; 32]; COUNT];
    let mut out: Vec<Encoding> = vec![[0; 32]; COUNT];
    println!("us per element and core  decode     map  multiply    each  map+mul     sum");
    for kernel in available() {
        if !wanted.is_empty() && !wanted.iter().any(|name| name == kernel.name()) {
            continue;
        }
        let part = |at: usize| at..at + BLOCK;
        let map = time(|at| kernel.map(&uniform[part(at)], &mut points[part(at)]));
        let decode = time(|at| kernel.check(black_box(&points[part(at)])).expect("good points"));
        let one = Factor::One(&scalars[0]);
        let multiply = time(|at| {
            kernel.multiply(&points[part(at)], one, &mut out[part(at)]).expect("good points")
        });
        let each = time(|at| {
            let by = Factor::Each(&scalars[part(at)]);
            kernel.multiply(&points[part(at)], by, &mut out[part(at)]).expect("good points")
        });
        let both = time(|at| kernel.map_multiply(&uniform[part(at)], one, &mut out[part(at)]));
        let weights: Vec<Scalar> = (0..COUNT as u64)
            .map(|k| {
                Scalar::from(
                    u128::from(k + 1) * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835 % (1 << 127),
                )
            })
            .collect();
        let sum = time(|at| {
            if at == 0 {
                black_box(kernel.weighted_sum(&points, &weights).expect("good points"));
            }
        });
        println!(
            "{:23} {decode:8.2} {map:7.2} {multiply:9.2} {each:7.2} {both:8.2} {sum:7.2}",
            kernel.name()
        );
    }
}
