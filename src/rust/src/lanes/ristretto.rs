//! RFC 9496 over lanes: decode (4.3.1), encode (4.3.2), the one-way map (4.3.4), and the encoding
//! of many doubled points with one inversion.

use super::constants;
use super::field::{Field, invert, sqrt_ratio};
use super::point::{Completed, Extended};

/// Decode canonical even field elements; the mask is set where s encodes a point. The identity
/// (s = 0) decodes to a point like any other.
#[inline(always)]
pub fn decode<F: Field>(s: F) -> (F::Mask, Extended<F>) {
    let one = F::splat(&constants::ONE);
    let ss = s.square();
    let (u1, u2) = (one.sub(ss), one.add(ss));
    let u2_squared = u2.square();
    let du1_squared = u1.square().mul(F::splat(&constants::D));
    let v = F::splat(&constants::ZERO).sub(du1_squared).sub(u2_squared);
    let (was_square, root) = sqrt_ratio(one, v.mul(u2_squared));
    let den_x = root.mul(u2);
    let den_y = root.mul(den_x).mul(v);
    let x = s.add(s).mul(den_x).abs();
    let y = u1.mul(den_y);
    let t = x.mul(y);
    let bad = F::or(t.is_negative(), y.is_zero());
    (F::and(was_square, F::not(bad)), Extended { x, y, z: one, t })
}

/// Encode by the RFC, with a root for each point.
#[inline(always)]
pub fn encode<F: Field>(point: Extended<F>) -> F {
    let Extended { x, y, z, t } = point;
    let sqrt_m1 = F::splat(&constants::SQRT_M1);
    let u1 = z.add(y).mul(z.sub(y));
    let u2 = x.mul(y);
    let (_, root) = sqrt_ratio(F::splat(&constants::ONE), u1.mul(u2.square()));
    let (den1, den2) = (root.mul(u1), root.mul(u2));
    let z_inverse = den1.mul(den2).mul(t);
    let rotate = t.mul(z_inverse).is_negative();
    let rotated_den = den1.mul(F::splat(&constants::INVSQRT_A_MINUS_D));
    let (ix, iy) = (x.mul(sqrt_m1), y.mul(sqrt_m1));
    let x = F::select(rotate, iy, x);
    let y = F::select(rotate, ix, y);
    let den = F::select(rotate, rotated_den, den2);
    // y may be loose by now, which a difference takes.
    let y = F::select(x.mul(z_inverse).is_negative(), F::splat(&constants::ZERO).sub(y), y);
    den.mul(z.sub(y)).abs()
}

/// The map of 4.3.4 from one field element to a point.
#[inline(always)]
pub fn map<F: Field>(t: F) -> Completed<F> {
    let one = F::splat(&constants::ONE);
    let d = F::splat(&constants::D);
    let minus_one = F::splat(&constants::ZERO).sub(one);
    let r = t.square().mul(F::splat(&constants::SQRT_M1));
    let u = r.add(one).mul(F::splat(&constants::ONE_MINUS_D_SQ));
    let v = minus_one.sub(r.mul(d)).mul(r.add(d));
    let (was_square, root) = sqrt_ratio(u, v);
    let turned = root.mul(t);
    // The root times t, made odd or zero.
    let s_prime = F::select(turned.is_negative(), turned, turned.neg());
    let s = F::select(was_square, root, s_prime);
    let c = F::select(was_square, minus_one, r);
    let n = c.mul(r.sub(one)).mul(F::splat(&constants::D_MINUS_ONE_SQ)).sub(v);
    let ss = s.square();
    // (w0 w3, w2 w1, w1 w3, w0 w2) is what a formula completes from e = w0, f = w3, g = w1, h = w2.
    Completed {
        e: s.add(s).mul(v),
        f: one.add(ss),
        g: n.mul(F::splat(&constants::SQRT_AD_MINUS_ONE)),
        h: one.sub(ss),
    }
}

/// A doubled point on its way to its encoding.
#[derive(Clone, Copy)]
pub struct Doubled<F> {
    point: Completed<F>,
    eh: F,
    fg: F,
    /// e f g h, to be inverted.
    pub product: F,
}

impl<F: Field> Doubled<F> {
    /// `point` must be what `Projective::double` gave.
    #[inline(always)]
    pub fn new(point: Completed<F>) -> Self {
        let eh = point.e.mul(point.h);
        let fg = point.f.mul(point.g);
        Doubled { point, eh, fg, product: eh.mul(fg) }
    }

    /// The encoding, given 1 / product. See docs/kernels.md for how it follows from 4.3.2.
    ///
    /// The product is 0 exactly at the identity, whose encoding 0 comes out if the inverse is 0.
    #[inline(always)]
    pub fn encode(&self, inverse: F) -> F {
        let Completed { e, f, g, h } = self.point;
        let (one, sqrt_m1) = (F::splat(&constants::ONE), F::splat(&constants::SQRT_M1));
        let z_inverse = self.eh.mul(inverse);
        let t_inverse = self.fg.mul(inverse);
        let rotate = self.eh.mul(z_inverse).is_negative();
        let a = F::select(rotate, h, e);
        let b = F::select(rotate, g, f);
        let c = F::select(rotate, e, h).mul(F::select(rotate, sqrt_m1, one));
        let sign = a.mul(b).mul(z_inverse).mul(F::select(rotate, sqrt_m1, one)).is_negative();
        let scale = F::select(rotate, one, F::splat(&constants::INVSQRT_A_MINUS_D));
        let other = F::select(rotate, e, h);
        b.sub(c.negate_if(sign)).mul(other).mul(t_inverse).mul(scale).abs()
    }

    /// x and y of the point itself, given 1 / product. A product of 0 is taken for the identity.
    #[inline(always)]
    pub fn affine(&self, inverse: F) -> (F, F) {
        let Completed { e, f, g, h } = self.point;
        let z_inverse = self.eh.mul(inverse);
        let y = g.mul(h).mul(z_inverse);
        let one = F::splat(&constants::ONE);
        (e.mul(f).mul(z_inverse), F::select(self.product.is_zero(), one, y))
    }
}

/// The inverses of all products: one inversion for the whole slice, by Montgomery's trick in every
/// lane. The inverse of 0 is 0.
#[inline(always)]
pub fn invert_all<F: Field>(points: &[Doubled<F>], out: &mut [F]) {
    let (zero, one) = (F::splat(&constants::ZERO), F::splat(&constants::ONE));
    let mut running = one;
    for (point, before) in points.iter().zip(out.iter_mut()) {
        *before = running;
        running = running.mul(F::select(point.product.is_zero(), one, point.product));
    }
    let mut rest = invert(running);
    for (point, to) in points.iter().zip(out.iter_mut()).rev() {
        let is_zero = point.product.is_zero();
        *to = F::select(is_zero, zero, rest.mul(*to));
        rest = rest.mul(F::select(is_zero, one, point.product));
    }
}
