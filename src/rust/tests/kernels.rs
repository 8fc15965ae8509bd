//! Every kernel of this machine against dalek: random and edge inputs, every length of a block.

mod common;

use common::{edge_encodings, expected, point, scalar, wide};
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use proptest::prelude::*;
use psihash_native::kernel::{DecodedPart, Encoding, Factor, Kernel, Text, available};
use psihash_native::portable::{Portable, decode};
use sha2::{Digest, Sha512};

fn multiply(kernel: &dyn Kernel, points: &[Encoding], scalars: &[Scalar]) -> Vec<Encoding> {
    let mut out = vec![[0; 32]; points.len()];
    kernel.multiply(points, Factor::Each(scalars), &mut out).expect("good points");
    out
}

/// How many random points a test takes: few, or `PSIHASH_SOAK` of them.
fn rounds(few: u64) -> u64 {
    std::env::var("PSIHASH_SOAK").map_or(few, |count| count.parse().expect("a number"))
}

#[test]
fn edge_encodings_are_judged_as_dalek_does() {
    let good = point("edge", 0);
    for kernel in available() {
        for (number, edge) in edge_encodings().into_iter().enumerate() {
            // In every lane in turn, so that no lane is special.
            let mut points = vec![good; 19];
            let at = number % 19;
            points[at] = edge;
            let wanted = decode(&edge, at).map(drop);
            assert_eq!(kernel.check(&points), wanted, "{} {}", kernel.name(), hex::encode(edge));
            let mut out = vec![[0; 32]; 19];
            let by = scalar("edge", 1);
            let got = kernel.multiply(&points, Factor::One(&by), &mut out);
            assert_eq!(got, wanted, "{} {}", kernel.name(), hex::encode(edge));
            if wanted.is_ok() {
                assert_eq!(out, expected(&points, &[by; 19]).expect("good points"));
            }
        }
    }
}

#[test]
fn some_edges_are_valid() {
    let valid = edge_encodings().iter().filter(|edge| decode(edge, 0).is_ok()).count();
    assert!(valid > 20, "only {valid} of the edge inputs test the arithmetic");
}

#[test]
fn the_first_bad_element_is_named() {
    let points: Vec<_> = (0..40).map(|k| point("first", k)).collect();
    for kernel in available() {
        for first in 0..40 {
            for bad in [[0; 32], [0xff; 32], [2; 32]] {
                for later in [[0; 32], [0xff; 32], [2; 32]] {
                    let mut list = points.clone();
                    list[39] = later;
                    list[first] = bad;
                    let wanted = expected(&list, &[Scalar::ONE; 40]).map(drop);
                    assert_eq!(kernel.check(&list), wanted, "{}", kernel.name());
                }
            }
        }
    }
}

#[test]
fn every_length_of_a_block() {
    let points: Vec<_> = (0..67).map(|k| point("length", k)).collect();
    let scalars: Vec<_> = (0..67).map(|k| scalar("length", k)).collect();
    let products = expected(&points, &scalars).expect("good points");
    let uniform: Vec<_> = (0..67).map(|k| wide("length", k)).collect();
    for kernel in available() {
        for length in 0..=67 {
            let name = kernel.name();
            let (list, by) = (&points[..length], &scalars[..length]);
            assert_eq!(multiply(kernel, list, by), products[..length], "{name} {length}");
            let mut out = vec![[0; 32]; length];
            kernel.map(&uniform[..length], &mut out);
            assert_eq!(out, points[..length], "{name} {length}");
            kernel.map_multiply(&uniform[..length], Factor::Each(by), &mut out);
            assert_eq!(out, products[..length], "{name} {length}");
            let sum = kernel.weighted_sum(list, by).expect("good points");
            let wanted = Portable.weighted_sum(list, by).expect("good points");
            assert_eq!(sum, wanted, "{name} {length}");
        }
    }
}

/// Scalars whose digits are all alike, largest, smallest, or carry all the way.
fn edge_scalars() -> Vec<Scalar> {
    let mut out = vec![Scalar::ONE, -Scalar::ONE, Scalar::ONE.div_by_2(), -Scalar::ONE.div_by_2()];
    for byte in [0x77, 0x88, 0x78, 0x87, 0xff, 0x11, 0x80, 0x08] {
        let mut bytes = [byte; 32];
        bytes[31] = 0x0f & byte;
        out.push(Scalar::from_bytes_mod_order(bytes));
        out.push(out[out.len() - 1] + out[out.len() - 1]);
    }
    for bit in 0..252 {
        let mut bytes = [0; 32];
        bytes[bit / 8] = 1 << (bit % 8);
        out.push(Scalar::from_bytes_mod_order(bytes));
    }
    out
}

#[test]
fn edge_scalars_multiply_right() {
    let scalars = edge_scalars();
    let points: Vec<_> = (0..scalars.len() as u64).map(|k| point("scalars", k)).collect();
    let wanted = expected(&points, &scalars).expect("good points");
    for kernel in available() {
        assert_eq!(multiply(kernel, &points, &scalars), wanted, "{}", kernel.name());
        let mut out = vec![[0; 32]; points.len()];
        for by in &scalars[..20] {
            kernel.multiply(&points, Factor::One(by), &mut out).expect("good points");
            let wanted = expected(&points, &vec![*by; points.len()]).expect("good points");
            assert_eq!(out, wanted, "{}", kernel.name());
        }
    }
}

#[test]
fn zero_gives_the_identity() {
    let points: Vec<_> = (0..9).map(|k| point("zero", k)).collect();
    for kernel in available() {
        let mut scalars = vec![Scalar::ONE; 9];
        scalars[3] = Scalar::ZERO;
        let out = multiply(kernel, &points, &scalars);
        assert_eq!(out[3], [0; 32]);
        assert_eq!(out[4], points[4]);
    }
}

#[test]
fn edge_inputs_map_as_dalek_does() {
    let edges = edge_encodings();
    let mut uniform = Vec::new();
    for (number, first) in edges.iter().enumerate() {
        for second in [first, &edges[(number * 7 + 3) % edges.len()]] {
            let mut both = [0; 64];
            both[..32].copy_from_slice(first);
            both[32..].copy_from_slice(second);
            uniform.push(both);
        }
    }
    let mapped: Vec<_> = uniform.iter().map(RistrettoPoint::from_uniform_bytes).collect();
    let wanted: Vec<_> = mapped.iter().map(|point| point.compress().0).collect();
    let by = scalar("map", 0);
    let products: Vec<_> = mapped.iter().map(|point| (point * by).compress().0).collect();
    for kernel in available() {
        let mut out = vec![[0; 32]; uniform.len()];
        kernel.map(&uniform, &mut out);
        assert_eq!(out, wanted, "{}", kernel.name());
        kernel.map_multiply(&uniform, Factor::One(&by), &mut out);
        assert_eq!(out, products, "{}", kernel.name());
    }
}

#[test]
fn weighted_sums_cancel() {
    let kernels = available();
    for kernel in kernels {
        for length in [0, 1, 2, 8, 9, 300] {
            let points: Vec<_> = (0..length).map(|_| point("cancel", 0)).collect();
            let mut weights: Vec<_> = (0..length).map(|k| scalar("cancel", k)).collect();
            if let Some(last) = weights.pop() {
                let rest: Scalar = weights.iter().sum();
                weights.push(last - last - rest);
            }
            let sum = kernel.weighted_sum(&points, &weights).expect("good points");
            assert_eq!(sum, RistrettoPoint::default(), "{} {length}", kernel.name());
        }
        let generator = RISTRETTO_BASEPOINT_POINT.compress().0;
        let sum = kernel.weighted_sum(&[generator; 2], &[Scalar::ZERO; 2]).expect("good points");
        assert_eq!(sum, RistrettoPoint::default());
        let short: Vec<_> = (1..=20u64).map(Scalar::from).collect();
        let sum = kernel.weighted_sum(&[generator; 20], &short).expect("good points");
        assert_eq!(sum, RistrettoPoint::mul_base(&Scalar::from(210u64)));
        let bad = kernel.weighted_sum(&[generator, [0xff; 32]], &[Scalar::ONE; 2]);
        assert_eq!(bad.expect_err("a bad point").index, 1);
    }
}

/// Weights of 128 bits, as proofs have them, and those whose digits are all alike, zero but at one
/// end, or carry all the way.
fn weight_lists(count: usize) -> Vec<Vec<Scalar>> {
    let short =
        |k: u64| Scalar::from(u128::from_le_bytes(*wide("w", k).first_chunk().expect("16")));
    let mut lists = vec![(0..count as u64).map(short).collect()];
    lists.push((0..count as u64).map(|k| scalar("w", k)).collect());
    let top = Scalar::from(1u128 << 127);
    for one in [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, top, top - Scalar::ONE, short(0)] {
        lists.push(vec![one; count]);
    }
    lists.push(vec![Scalar::from(u128::MAX); count]);
    lists.push((0..count as u64).map(Scalar::from).collect());
    if let Some(last) = lists[7].last_mut() {
        // One weight is long, all others leave its windows empty.
        *last = scalar("w", 0);
    }
    lists
}

#[test]
fn weighted_sums_of_any_length() {
    for count in [0, 1, 2, 7, 8, 9, 15, 17, 63, 64, 65, 130, 999, 4099] {
        let all: Vec<_> = (0..count as u64).map(|k| point("sum", k)).collect();
        // Points that repeat, and their opposites.
        let minus = -decode(&point("sum", 0), 0).expect("a good point");
        let few = [point("sum", 0), point("sum", 1), minus.compress().0];
        let repeated: Vec<_> = (0..count).map(|k| few[k % 3]).collect();
        for weights in weight_lists(count) {
            for points in [&all, &repeated] {
                let wanted = Portable.weighted_sum(points, &weights).expect("good points");
                for kernel in available() {
                    let sum = kernel.weighted_sum(points, &weights).expect("good points");
                    assert_eq!(sum, wanted, "{} {count}", kernel.name());
                }
            }
            if count > 100 {
                break;
            }
        }
    }
}

/// What a multiplication keeps, of its input or of its output, is what decoding gives.
#[test]
fn kept_points_are_the_points() {
    for count in [1, 3, 8, 16, 23, 64, 65] {
        let uniform: Vec<_> = (0..count).map(|k| wide("kept", k)).collect();
        let scalars: Vec<_> = (0..count).map(|k| scalar("kept", k)).collect();
        let count = uniform.len();
        for kernel in available() {
            let (mut points, mut products) = (vec![[0; 32]; count], vec![[0; 32]; count]);
            kernel.map(&uniform, &mut points);
            let kept = |fill: &mut dyn FnMut(DecodedPart)| {
                let mut room = kernel.room(count);
                room.parts(count).into_iter().for_each(fill);
                room
            };
            let outputs = kept(&mut |part| {
                let by = Factor::Each(&scalars);
                kernel.map_multiply_keeping(&uniform, by, &mut products, Some(part));
            });
            let inputs = kept(&mut |part| {
                let by = Factor::Each(&scalars);
                let mut again = vec![[0; 32]; count];
                let done = kernel.multiply_keeping(&points, by, &mut again, Some(part));
                done.expect("good points");
                assert_eq!(again, products);
            });
            let sums = kernel.weighted_sums(&[&inputs, &outputs], &scalars);
            for (list, sum) in [&points, &products].into_iter().zip(sums) {
                let wanted = Portable.weighted_sum(list, &scalars).expect("good points");
                assert_eq!(sum, wanted, "{} {count}", kernel.name());
            }
        }
    }
}

/// A product that is the identity is kept as such.
#[test]
fn the_identity_is_kept() {
    let uniform: Vec<_> = (0..9).map(|k| wide("kept", k)).collect();
    for kernel in available() {
        let mut out = vec![[0; 32]; 9];
        let mut room = kernel.room(9);
        let part = room.parts(9).pop();
        kernel.map_multiply_keeping(&uniform, Factor::One(&Scalar::ZERO), &mut out, part);
        let sums = kernel.weighted_sums(&[&room], &[Scalar::ONE; 9]);
        assert_eq!(sums, [RistrettoPoint::default()]);
    }
}

/// Every place of the end of the message within a block, with and without whole blocks before it.
#[test]
fn sha512_is_sha512() {
    let bytes: Vec<u8> = (0..600u64).flat_map(|k| wide("hash", k)).collect();
    for kernel in available() {
        for (prefix, suffix) in [(0, 0), (1, 0), (127, 3), (128, 0), (130, 64), (300, 128)] {
            for width in (1..=130).chain([240, 256]) {
                let count = width % 19;
                let (prefix, suffix) = (&bytes[..prefix], &bytes[bytes.len() - suffix..]);
                let rows = &bytes[7..7 + count * width];
                let mut out = vec![[0; 64]; count];
                kernel.sha512(&Text { prefix, rows, width, suffix }, &mut out);
                for (row, hash) in rows.chunks(width).zip(&out) {
                    let wanted = Sha512::digest([prefix, row, suffix].concat());
                    assert_eq!(hash[..], wanted[..], "{} {width}", kernel.name());
                }
            }
        }
    }
}

/// `PSIHASH_SOAK=1000000` makes it a million per kernel.
#[test]
fn random_points() {
    let count = rounds(3000);
    for start in (0..count).step_by(1000) {
        let numbers = start..count.min(start + 1000);
        let uniform: Vec<_> = numbers.clone().map(|k| wide("random", k)).collect();
        let scalars: Vec<_> = numbers.map(|k| scalar("by", k)).collect();
        let points: Vec<_> = uniform
            .iter()
            .map(|bytes| RistrettoPoint::from_uniform_bytes(bytes).compress().0)
            .collect();
        let products = expected(&points, &scalars).expect("good points");
        for kernel in available() {
            let name = kernel.name();
            let mut out = vec![[0; 32]; points.len()];
            kernel.map(&uniform, &mut out);
            assert_eq!(out, points, "{name} {start}");
            kernel.map_multiply(&uniform, Factor::Each(&scalars), &mut out);
            assert_eq!(out, products, "{name} {start}");
            assert_eq!(multiply(kernel, &points, &scalars), products, "{name} {start}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Arbitrary strings, mostly no points, are judged as dalek does.
    #[test]
    fn arbitrary_strings(list in prop::collection::vec(any::<[u8; 32]>(), 1..40), tidy: bool) {
        let mut list = list;
        if tidy {
            // Even and below 2^255: half of these are points.
            for bytes in &mut list {
                bytes[0] &= 0xfe;
                bytes[31] &= 0x7f;
            }
        }
        for one in list.chunks(1).chain([&list[..]]) {
            let wanted = Portable.check(one);
            for kernel in available() {
                prop_assert_eq!(kernel.check(one), wanted);
            }
        }
    }

    #[test]
    fn arbitrary_maps(list in prop::collection::vec(any::<[u8; 32]>(), 2..40)) {
        let uniform: Vec<[u8; 64]> = list
            .windows(2)
            .map(|two| std::array::from_fn(|k| two[k / 32][k % 32]))
            .collect();
        let mut wanted = vec![[0; 32]; uniform.len()];
        Portable.map(&uniform, &mut wanted);
        for kernel in available() {
            let mut out = vec![[0; 32]; uniform.len()];
            kernel.map(&uniform, &mut out);
            prop_assert_eq!(&out, &wanted);
        }
    }
}
