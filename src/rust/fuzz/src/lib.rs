//! What the fuzz targets judge, one function for each: bytes in, a panic where something is wrong.
//!
//! `fuzz_targets/` hands them to libFuzzer; `tests/hostile.rs` of the crate above runs them on
//! random bytes in every `cargo test`.

use curve25519_dalek::scalar::Scalar;
use psihash_native::batch::Messages;
use psihash_native::dleq::{self, Statement};
use psihash_native::error::Error;
use psihash_native::hash_to_group::Expander;
use psihash_native::kernel::{Encoding, Factor, Kernel, available};
use psihash_native::merkle::{self, LeafContext, Tree};
use psihash_native::oprf::{self, Claim, Mode};
use psihash_native::portable::Portable;
use psihash_native::secret::{Secret, Secrets, Seed};
use psihash_native::shuffle::Permutation;
use psihash_native::tags::{self, Tag, intersect};
use sha2::{Digest, Sha256, Sha512};

/// A scalar that depends on the bytes.
fn scalar_of(data: &[u8]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::digest(data).into())
}

fn secret_of(data: &[u8]) -> Option<Secret> {
    Secret::new(scalar_of(data)).ok()
}

/// Rows of 32 bytes; after an odd first byte made even and below 2^255, so that an eighth of them
/// are elements.
fn rows(data: &[u8]) -> Vec<Encoding> {
    let Some((tidy, rest)) = data.split_first() else { return Vec::new() };
    let mut rows = rest.as_chunks::<32>().0.to_vec();
    if tidy & 1 == 1 {
        for row in &mut rows {
            row[0] &= 0xfe;
            row[31] &= 0x7f;
        }
    }
    rows
}

/// Every kernel judges every list of strings as dalek does, and computes the same of good ones.
pub fn decode(data: &[u8]) {
    let points = rows(data);
    let by = scalar_of(data);
    let weights: Vec<_> = (0..points.len()).map(|at| scalar_of(&[data[0], at as u8])).collect();
    let wanted = Portable.check(&points);
    let mut products = vec![[0; 32]; points.len()];
    assert_eq!(Portable.multiply(&points, Factor::One(&by), &mut products), wanted);
    let sum = Portable.weighted_sum(&points, &weights);
    assert_eq!(sum.map(drop), wanted);
    for kernel in available() {
        assert_eq!(kernel.check(&points), wanted);
        let mut out = vec![[0; 32]; points.len()];
        assert_eq!(kernel.multiply(&points, Factor::One(&by), &mut out), wanted);
        if wanted.is_ok() {
            assert_eq!(out, products);
        }
        assert_eq!(kernel.weighted_sum(&points, &weights), sum);
    }
}

/// Every kernel maps every input to the group as dalek does.
pub fn map(data: &[u8]) {
    let (uniform, _) = data.as_chunks::<64>();
    let scalars: Vec<_> = uniform.iter().map(|bytes| scalar_of(bytes)).collect();
    let (mut mapped, mut products) = (vec![[0; 32]; uniform.len()], vec![[0; 32]; uniform.len()]);
    Portable.map(uniform, &mut mapped);
    Portable.map_multiply(uniform, Factor::Each(&scalars), &mut products);
    for kernel in available() {
        let mut out = vec![[0; 32]; uniform.len()];
        kernel.map(uniform, &mut out);
        assert_eq!(out, mapped);
        kernel.map_multiply(uniform, Factor::Each(&scalars), &mut out);
        assert_eq!(out, products);
    }
}

/// A scalar is taken if it is canonical and not zero, and comes back; every kernel multiplies by
/// it, and by its inverse back again.
pub fn scalars(data: &[u8]) {
    let (rows, _) = data.as_chunks::<32>();
    let mut good = Vec::new();
    for row in rows {
        let canonical: Option<Scalar> = Scalar::from_canonical_bytes(*row).into();
        let wanted = canonical.filter(|scalar| *scalar != Scalar::ZERO);
        let taken = Secret::from_canonical(*row);
        assert_eq!(
            taken.as_ref().map(|secret| secret.expose().to_bytes()).ok(),
            wanted.map(|_| *row)
        );
        // What was refused is taken modulo the order.
        let reduced = Scalar::from_bytes_mod_order(*row);
        good.extend((reduced != Scalar::ZERO).then(|| reduced.to_bytes()));
    }
    assert_eq!(Secrets::from_canonical(rows).is_ok(), good == rows);
    let secrets = Secrets::from_canonical(&good).expect("canonical");
    let inverses = secrets.inverse();
    let uniform: Vec<[u8; 64]> = good.iter().map(|row| Sha512::digest(row).into()).collect();
    let mut points = vec![[0; 32]; good.len()];
    Portable.map(&uniform, &mut points);
    let mut wanted = vec![[0; 32]; good.len()];
    let by = Factor::Each(secrets.expose());
    Portable.multiply(&points, by, &mut wanted).expect("good points");
    for kernel in available() {
        let mut out = vec![[0; 32]; good.len()];
        kernel.multiply(&points, by, &mut out).expect("good points");
        assert_eq!(out, wanted);
        kernel.multiply(&wanted, Factor::Each(inverses.expose()), &mut out).expect("good points");
        assert_eq!(out, points);
    }
}

fn verdicts(proof: &[u8; 64], statement: &Statement) -> (Result<(), Error>, Result<(), Error>) {
    let claim = Claim { public: statement.public, c: statement.a, d: statement.b };
    let all: Vec<_> = available()
        .into_iter()
        .map(|kernel| (dleq::verify(kernel, statement, proof), oprf::verify(kernel, &claim, proof)))
        .collect();
    assert!(all.iter().all(|one| *one == all[0]));
    all.into_iter().next().expect("dalek is always there")
}

/// Proofs and statements from a peer: refused or accepted, never a panic, and alike by all
/// kernels. Of a true proof, each change by the input is refused.
pub fn proofs(data: &[u8]) {
    let Some((proof, rest)) = data.split_first_chunk::<64>() else { return };
    let Some((public, rest)) = rest.split_first_chunk::<32>() else { return };
    let (points, context) = rest.as_chunks::<32>();
    let (a, b) = points.split_at(points.len() / 2);
    let (ours, theirs) = verdicts(proof, &Statement { context, public, a, b });
    assert!(ours.is_err() && theirs.is_err(), "a proof out of nothing");

    let Some(secret) = secret_of(public) else { return };
    let public = oprf::public(&secret);
    let uniform: Vec<[u8; 64]> = points.iter().take(5).map(|p| Sha512::digest(p).into()).collect();
    let (mut a, mut b) = (vec![[0; 32]; uniform.len()], vec![[0; 32]; uniform.len()]);
    Portable.map(&uniform, &mut a);
    Portable.multiply(&a, Factor::One(secret.expose()), &mut b).expect("good points");
    let statement = Statement { context, public: &public, a: &a, b: &b };
    let Ok(mut made) = dleq::prove(&Portable, &secret, &statement) else { return };
    assert_eq!(verdicts(&made, &statement).0, Ok(()));
    let change = proof[0];
    made[usize::from(proof[1]) % 64] ^= change;
    assert_eq!(verdicts(&made, &statement).0.is_ok(), change == 0);
}

/// Both sides of RFC 9497 on inputs of any length: what the client ends with is what the holder of
/// the key computes alone, by every kernel.
pub fn oprf(data: &[u8]) {
    let Some(([mode, cut], rest)) = data.split_first_chunk::<2>() else { return };
    let mode = [Mode::Oprf, Mode::Voprf][usize::from(mode & 1)];
    let inputs: Vec<&[u8]> = rest.chunks(usize::from(*cut) + 1).take(40).collect();
    let inputs = Messages::Varied(&inputs);
    let key = oprf::derive_key(mode, &Sha256::digest(data).into(), rest).expect("a key");
    let blinds: Vec<[u8; 32]> =
        (0..inputs.len()).map(|at| (scalar_of(&[at as u8]) + Scalar::ONE).to_bytes()).collect();
    let blinds = Secrets::from_canonical(&blinds).expect("scalars");
    let wanted = oprf::direct(&Portable, mode, &key, inputs).expect("inputs");
    for kernel in available() {
        let blinded = oprf::blind(kernel, mode, inputs, &blinds).expect("inputs");
        let evaluated = oprf::evaluate(kernel, &key, &blinded).expect("elements");
        let outputs = oprf::finalize(kernel, inputs, &blinds, &evaluated).expect("elements");
        assert_eq!(outputs, wanted);
        assert_eq!(oprf::direct(kernel, mode, &key, inputs).expect("inputs"), wanted);
    }
    // An evaluation by a hostile server: refused, or some output for each input.
    let strange: Vec<_> = rows(rest).into_iter().take(inputs.len()).collect();
    let complete = strange.len() == inputs.len();
    let outputs = oprf::finalize(&Portable, inputs, &blinds, &strange);
    assert_eq!(outputs.is_ok(), complete && Portable.check(&strange).is_ok());
}

/// Domain separation tags and messages of any length: the parts are as good as the whole, and the
/// tag is part of what is hashed.
pub fn expand(data: &[u8]) {
    let Some(([cut, more], rest)) = data.split_first_chunk::<2>() else { return };
    let (tag, message) =
        rest.split_at(((usize::from(*more) << 8) + usize::from(*cut)).min(rest.len()));
    let Ok(expander) = Expander::new(tag) else {
        assert!(tag.is_empty());
        return;
    };
    let whole = expander.uniform(&[message]);
    let (one, other) = message.split_at(usize::from(*cut).min(message.len()));
    assert_eq!(expander.uniform(&[one, other]), whole);
    let width = usize::from(*cut) + 1;
    for kernel in available() {
        for (hash, row) in expander.uniform_rows(kernel, rest, width).iter().zip(rest.chunks(width))
        {
            assert_eq!(*hash, expander.uniform(&[row]));
        }
    }
    let longer = Expander::new(&[tag, &[0]].concat()).expect("a tag");
    assert_ne!(longer.uniform(&[message]), whole);
}

/// Lists of tags from a peer: joins and repeats as a plain search finds them.
pub fn tags(data: &[u8]) {
    let Some((split, rest)) = data.split_first() else { return };
    let (list, _) = rest.as_chunks::<16>();
    let (a, b) = list.split_at(usize::from(*split).min(list.len()));
    let repeat = |list: &[Tag]| (1..list.len()).find(|at| list[..*at].contains(&list[*at]));
    assert_eq!(tags::first_repeat(a), Ok(repeat(a)));
    let found = intersect(a, b).expect("short lists");
    match (repeat(a), repeat(b)) {
        (None, None) => {
            let place = |tag| b.iter().position(|other| other == tag);
            let pair = |(at, tag)| Some((at as u32, place(tag)? as u32));
            assert_eq!(found, Ok(a.iter().enumerate().filter_map(pair).collect()));
        }
        (own, other) => {
            let wanted = own.or(other).map(|position| (own.is_none(), position));
            assert_eq!(found.err().map(|bad| (bad.second_list, bad.position)), wanted);
        }
    }
    let (points, _) = rest.as_chunks::<32>();
    for (tag, point) in tags::tags(&data[..1], points).iter().zip(points) {
        assert_eq!(tag[..], Sha256::digest([&data[..1], point].concat())[..16]);
    }
}

/// MTH of RFC 6962, word for word.
fn root_of(leaves: &[merkle::Hash]) -> merkle::Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            let (left, right) = (root_of(&leaves[..k]), root_of(&leaves[k..]));
            Sha256::digest([&[1], &left[..], &right[..]].concat()).into()
        }
    }
}

/// Leaves and trees at any place and of any size: as a plain reading of RFC 6962, and refused
/// beyond the end.
pub fn tree(data: &[u8]) {
    let Some(([size, old], rest)) = data.split_first_chunk::<2>() else { return };
    let (size, old) = (usize::from(*size), usize::from(*old));
    let (leaves, tail) = rest.as_chunks::<32>();
    let tree = Tree::new(leaves.to_vec());
    let inside = size <= tree.len();
    let wanted = inside.then(|| root_of(&leaves[..size]));
    assert_eq!(tree.root(size).ok(), wanted);
    assert_eq!(tree.inclusion(old, size).is_ok(), inside && old < size);
    assert_eq!(tree.consistency(old, size).is_ok(), inside && old <= size);
    let context = LeafContext::new(tail, rest, &data[..1], data);
    let flags: Vec<u8> = leaves.iter().map(|leaf| leaf[0] & 1).collect();
    let start = u64::MAX - leaves.len() as u64;
    let made = context.leaves(start, leaves, Some(&flags));
    for (at, (leaf, flag)) in made.iter().zip(&flags).enumerate() {
        assert_eq!(*leaf, context.leaf(start + at as u64, (*flag == 1).then_some(&leaves[at])));
    }
    let width = size + 1;
    assert_eq!(merkle::hash_rows(tail, rest, width).len(), rest.len() / width);
}

/// Whatever seed, purpose and length: each place holds another entry, and the order is the same
/// again from the same seed.
pub fn order(data: &[u8]) {
    let Some((head, purpose)) = data.split_first_chunk::<34>() else { return };
    let seed = Seed::new(std::array::from_fn(|at| head[at]));
    let count = usize::from(u16::from_le_bytes([head[32], head[33]])) & 0xfff;
    let order = Permutation::new(&seed, purpose, count).expect("a short list");
    let mut seen = vec![false; count];
    for source in order.sources() {
        assert!(!std::mem::replace(&mut seen[*source as usize], true));
    }
    assert_eq!(order.sources().len(), count);
    let again = Permutation::new(&seed, purpose, count).expect("a short list");
    assert_eq!(order.sources(), again.sources());
}
