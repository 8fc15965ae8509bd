//! What the tests of all kernels share.
#![allow(dead_code)]

use curve25519_dalek::scalar::Scalar;
use psihash_native::error::{BadPoint, Reason};
use psihash_native::kernel::Encoding;
use psihash_native::portable::decode;
use sha2::{Digest, Sha512};

/// Reproducible bytes: a test names its stream and a number.
pub fn wide(stream: &str, number: u64) -> [u8; 64] {
    Sha512::new().chain_update(stream).chain_update(number.to_le_bytes()).finalize().into()
}

pub fn scalar(stream: &str, number: u64) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&wide(stream, number))
}

/// A random element that is not the identity.
pub fn point(stream: &str, number: u64) -> Encoding {
    use curve25519_dalek::ristretto::RistrettoPoint;
    RistrettoPoint::from_uniform_bytes(&wide(stream, number)).compress().0
}

/// What dalek says of a list: the first bad element, or the products.
pub fn expected(points: &[Encoding], scalars: &[Scalar]) -> Result<Vec<Encoding>, BadPoint> {
    points
        .iter()
        .zip(scalars)
        .enumerate()
        .map(|(index, (point, scalar))| Ok((decode(point, index)? * scalar).compress().0))
        .collect()
}

fn hex(text: &str) -> Encoding {
    hex::decode(text).expect("hex").try_into().expect("32 bytes")
}

/// 2^255 - 19 plus a small number, little-endian.
fn near_p(offset: i16) -> Encoding {
    let mut out = [0xff; 32];
    let low = 0x7fed + i32::from(offset);
    out[0] = low as u8;
    out[1] = 0xff;
    out[31] = 0x7f;
    // 2^255 - 19 ends in ...ffed; the offsets used here carry no further than the lowest byte.
    assert!((0..256).contains(&(0xed + i32::from(offset))));
    out
}

/// Strings that a decoder is likely to get wrong, most of them invalid; RFC 9496 appendix A.3
/// among them.
pub fn edge_encodings() -> Vec<Encoding> {
    let mut out = vec![[0; 32], [0xff; 32], [0xaa; 32], [0x55; 32]];
    out.extend((-40..18).map(near_p));
    for value in 0..=40u8 {
        let mut small = [0; 32];
        small[0] = value;
        out.push(small);
        small[31] = 0x80;
        out.push(small);
    }
    // A limb of all ones or all zeros amid the opposite, for both limb sizes.
    for (low, high) in [(0, 51), (51, 102), (102, 153), (153, 204), (204, 255), (26, 51), (77, 102)]
    {
        let mut ones = [0u8; 32];
        (low..high).for_each(|bit| ones[bit / 8] |= 1 << (bit % 8));
        out.push(ones);
        let mut zeros = ones.map(|byte| !byte);
        zeros[31] &= 0x7f;
        out.push(zeros);
        zeros[0] &= 0xfe;
        out.push(zeros);
        ones[0] &= 0xfe;
        out.push(ones);
    }
    for bit in 0..256 {
        let mut single = [0; 32];
        single[bit / 8] = 1 << (bit % 8);
        out.push(single);
    }
    // Encodings of small-order Edwards points: y and x coordinates of the eight.
    for text in [
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "b0a00e4a271beec478e42fad0618432fa7d7fb3d99004d2b0bdfc14f8024832b",
        "4f5ff1b5d8e4113b871bd052f9e7bcd0582804c266ffb2d4f4203eb07fdb7c54",
        // Non-canonical field elements.
        "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        // Negative field elements.
        "0100000000000000000000000000000000000000000000000000000000000000",
        "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
        "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
        // Non-square x^2.
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
        "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
        "bcc83f8b88aa5ca0f6bcdea2c5dc6ecea72fdf2b9cb2d5ac6f7e8cb3b3d0a98a",
        // Negative xy.
        "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
        "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
        // s = -1, which makes y = 0.
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        out.push(hex(text));
    }
    out
}

pub fn reason_of(found: Result<(), BadPoint>) -> Option<(usize, Reason)> {
    found.err().map(|bad| (bad.index, bad.reason))
}
