//! The constants, each from its definition in RFC 9496 section 4.1.

use psihash_native::lanes::constants::*;

type Number = [u64; 4];

const P: Number = [u64::MAX - 18, u64::MAX, u64::MAX, u64::MAX >> 1];

/// A number below 2^256 modulo p, by subtracting.
fn reduce(mut a: Number) -> Number {
    for _ in 0..2 {
        let mut out = [0; 4];
        let mut borrow = false;
        for k in 0..4 {
            let (first, one) = a[k].overflowing_sub(P[k]);
            let (second, two) = first.overflowing_sub(u64::from(borrow));
            (out[k], borrow) = (second, one || two);
        }
        if !borrow {
            a = out;
        }
    }
    a
}

fn add(a: Number, b: Number) -> Number {
    let mut out = [0; 4];
    let mut carry = 0u128;
    for k in 0..4 {
        carry += u128::from(a[k]) + u128::from(b[k]);
        out[k] = carry as u64;
        carry >>= 64;
    }
    reduce(out)
}

/// By doubling and adding, which nobody can get wrong.
fn mul(a: Number, b: Number) -> Number {
    let mut out = [0; 4];
    for bit in (0..255).rev() {
        out = add(out, out);
        if b[bit / 64] >> (bit % 64) & 1 == 1 {
            out = add(out, a);
        }
    }
    out
}

fn negate(a: Number) -> Number {
    mul(a, reduce([P[0] - 1, P[1], P[2], P[3]]))
}

fn number(limbs: Limbs) -> Number {
    let [a, b, c, d, e] = limbs;
    assert!(limbs.iter().all(|limb| *limb <= LOW_51));
    [a | (b << 51), (b >> 13) | (c << 38), (c >> 26) | (d << 25), (d >> 39) | (e << 12)]
}

#[test]
fn definitions() {
    let one = number(ONE);
    let minus_one = negate(one);
    let d = number(D);
    assert_eq!(one, [1, 0, 0, 0]);
    assert_eq!(number(TWO), [2, 0, 0, 0]);
    assert_eq!(number(ZERO), [0; 4]);
    assert_eq!(mul(d, [121_666, 0, 0, 0]), negate([121_665, 0, 0, 0]));
    assert_eq!(number(TWO_D), add(d, d));
    assert_eq!(mul(number(SQRT_M1), number(SQRT_M1)), minus_one);
    let d_minus_one = add(d, minus_one);
    assert_eq!(number(D_MINUS_ONE_SQ), mul(d_minus_one, d_minus_one));
    assert_eq!(number(ONE_MINUS_D_SQ), add(one, negate(mul(d, d))));
    // a = -1: a d - 1 and a - d are the same number.
    let ad_minus_one = add(negate(d), minus_one);
    assert_eq!(mul(number(SQRT_AD_MINUS_ONE), number(SQRT_AD_MINUS_ONE)), ad_minus_one);
    let inverse = mul(number(INVSQRT_A_MINUS_D), number(INVSQRT_A_MINUS_D));
    assert_eq!(mul(inverse, ad_minus_one), one);
}
