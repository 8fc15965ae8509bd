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
use psihash_native::batch::Messages;
use psihash_native::dleq::{Question, Statement, multiply_and_prove, prove, verify};
use psihash_native::hash_to_group::Expander;
use psihash_native::kernel::{Encoding, Factor, Kernel, available};
use psihash_native::oprf::public;
use psihash_native::secret::Secret;

/// As many as a frame of the engine holds.
const COUNT: usize = 7168;
const BLOCK: usize = 512;

/// The time of a call over a whole list in microseconds per element: the shortest of some means,
/// each over a time that the scheduler's clock can tell.
fn best(mut call: impl FnMut()) -> f64 {
    let mean = |_| {
        let (start, mut calls) = (clock(), 0);
        while clock() - start < 0.15 {
            call();
            calls += 1;
        }
        (clock() - start) * 1e6 / (calls * COUNT) as f64
    };
    (0..5).map(mean).fold(f64::MAX, f64::min)
}

fn blocks(mut call: impl FnMut(usize)) -> f64 {
    best(|| (0..COUNT).step_by(BLOCK).for_each(&mut call))
}

fn operations(kernel: &dyn Kernel, uniform: &[[u8; 64]]) {
    let scalars: Vec<Scalar> = uniform.iter().map(Scalar::from_bytes_mod_order_wide).collect();
    let (mut points, mut out) = (vec![[0; 32]; COUNT], vec![[0; 32]; COUNT]);
    let part = |at: usize| at..at + BLOCK;
    let map = blocks(|at| kernel.map(&uniform[part(at)], &mut points[part(at)]));
    let decode = blocks(|at| kernel.check(black_box(&points[part(at)])).expect("good points"));
    let one = Factor::One(&scalars[0]);
    let multiply = blocks(|at| {
        kernel.multiply(&points[part(at)], one, &mut out[part(at)]).expect("good points");
    });
    let each = blocks(|at| {
        let by = Factor::Each(&scalars[part(at)]);
        kernel.multiply(&points[part(at)], by, &mut out[part(at)]).expect("good points");
    });
    let both = blocks(|at| kernel.map_multiply(&uniform[part(at)], one, &mut out[part(at)]));
    println!("{:6} {decode:8.2} {map:8.2} {multiply:8.2} {each:8.2} {both:8.2}", kernel.name());
}

/// What the engine calls, on a frame.
fn frames(kernel: &dyn Kernel, expander: &Expander) {
    let messages: Vec<Encoding> =
        (0..COUNT as u64).map(|k| std::array::from_fn(|at| (k >> (8 * (at % 8))) as u8)).collect();
    let messages = Messages::Fixed(&messages);
    let secret = Secret::random().expect("random bytes");
    let key = public(&secret);
    let ask = || Question::ask(kernel, expander, messages, &secret, &key, b"speed").expect("ask");
    let (points, question) = ask();
    let answer = || multiply_and_prove(kernel, &secret, &key, b"speed", &points).expect("answer");
    let (products, proof) = answer();
    let statement = Statement { context: b"speed", public: &key, a: &points, b: &products };
    let times = [
        best(|| drop(black_box(ask()))),
        best(|| drop(black_box(answer()))),
        best(|| question.check(kernel, &products, &proof).expect("a true proof")),
        best(|| drop(black_box(prove(kernel, &secret, &statement)))),
        best(|| verify(kernel, &statement, &proof).expect("a true proof")),
    ];
    println!("{:6} {}", kernel.name(), times.map(|time| format!("{time:8.2}")).join(" "));
}

fn run() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let chosen =
        |kernel: &&dyn Kernel| wanted.is_empty() || wanted.iter().any(|name| name == kernel.name());
    let expander =
        Expander::new(b"HashToGroup-psihash/speed/1-ristretto255-SHA512").expect("a tag");
    let uniform: Vec<[u8; 64]> =
        (0..COUNT as u32).map(|k| expander.uniform(&[&k.to_le_bytes()])).collect();
    println!("         decode      map multiply     each  map+mul");
    available().into_iter().filter(chosen).for_each(|kernel| operations(kernel, &uniform));
    println!("            ask   answer    check    prove   verify");
    available().into_iter().filter(chosen).for_each(|kernel| frames(kernel, &expander));
}

/// All on one thread, that of a pool of one: its clock counts.
fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    pool.install(run);
}
