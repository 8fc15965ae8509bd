//! Points of the twisted Edwards curve -x^2 + y^2 = 1 + d x^2 y^2, in extended coordinates.
//!
//! x = X/Z, y = Y/Z, xy = T/Z. The formulas are those of Hisil, Wong, Carter and Dawson (2008) for
//! a = -1. They are complete: they hold for all pairs of points, equal, opposite and neutral ones
//! too, so nothing here asks what a point is.

use super::constants;
use super::field::Field;

/// A point without T: enough to double it.
#[derive(Clone, Copy)]
pub struct Projective<F> {
    pub x: F,
    pub y: F,
    pub z: F,
}

#[derive(Clone, Copy)]
pub struct Extended<F> {
    pub x: F,
    pub y: F,
    pub z: F,
    pub t: F,
}

/// A point as the left side of an addition wants it.
#[derive(Clone, Copy)]
pub struct Summand<F> {
    y_minus_x: F,
    y_plus_x: F,
    z: F,
    t: F,
}

/// A point as the right side of an addition wants it: Y - X, Y + X, 2Z, 2dT.
#[derive(Clone, Copy)]
pub struct Cached<F> {
    pub y_minus_x: F,
    pub y_plus_x: F,
    pub z2: F,
    pub t2d: F,
}

/// An affine point as the right side of an addition wants it: y - x, y + x, 2dxy.
#[derive(Clone, Copy)]
pub struct Flat<F> {
    pub y_minus_x: F,
    pub y_plus_x: F,
    pub t2d: F,
}

/// What a formula ends with: x = e/g, y = h/f, before the last multiplications.
#[derive(Clone, Copy)]
pub struct Completed<F> {
    pub e: F,
    pub f: F,
    pub g: F,
    pub h: F,
}

impl<F: Field> Projective<F> {
    /// Twice the point. All four results come from unreduced products, carried once.
    #[inline(always)]
    pub fn double(self) -> Completed<F> {
        let xx = self.x.square_wide();
        let yy = self.y.square_raised();
        let zz = self.z.square_raised();
        let xy = self.x.mul_wide(self.y);
        let g = F::wide_sub(yy, xx);
        let f = F::twice_less(zz, g);
        Completed {
            e: F::carry(F::wide_add(xy, xy)),
            f: F::carry(f),
            g: F::carry(g),
            h: F::carry(F::wide_add(yy, xx)),
        }
    }
}

impl<F: Field> Completed<F> {
    #[inline(always)]
    pub fn cool(hot: Completed<F::Hot>) -> Self {
        Completed { e: F::cool(hot.e), f: F::cool(hot.f), g: F::cool(hot.g), h: F::cool(hot.h) }
    }

    #[inline(always)]
    pub fn projective(self) -> Projective<F> {
        Projective { x: self.e.mul(self.f), y: self.g.mul(self.h), z: self.f.mul(self.g) }
    }

    #[inline(always)]
    pub fn extended(self) -> Extended<F> {
        let Projective { x, y, z } = self.projective();
        Extended { x, y, z, t: self.e.mul(self.h) }
    }

    #[inline(always)]
    pub fn summand(self) -> Summand<F> {
        let (x, y) = (self.e.mul_wide(self.f), self.g.mul_raised(self.h));
        Summand {
            y_minus_x: F::carry(F::wide_sub(y, x)),
            y_plus_x: F::carry(F::wide_add(y, x)),
            z: self.f.mul(self.g),
            t: self.e.mul(self.h),
        }
    }

    #[inline(always)]
    pub fn cached(self) -> Cached<F> {
        let (x, y, z) =
            (self.e.mul_wide(self.f), self.g.mul_raised(self.h), self.f.mul_wide(self.g));
        Cached {
            y_minus_x: F::carry(F::wide_sub(y, x)),
            y_plus_x: F::carry(F::wide_add(y, x)),
            z2: F::carry(F::wide_add(z, z)),
            t2d: self.e.mul(self.h).mul(F::splat(&constants::TWO_D)),
        }
    }
}

impl<F: Field> Extended<F> {
    #[inline(always)]
    pub fn hot(self) -> Extended<F::Hot> {
        Extended { x: self.x.hot(), y: self.y.hot(), z: self.z.hot(), t: self.t.hot() }
    }

    #[inline(always)]
    pub fn summand(self) -> Summand<F> {
        Summand {
            y_minus_x: self.y.sub(self.x),
            y_plus_x: self.y.add(self.x),
            z: self.z,
            t: self.t,
        }
    }
}

impl<F: Field> Summand<F> {
    #[inline(always)]
    pub fn plus(self, other: Cached<F>) -> Completed<F> {
        let a = self.y_minus_x.mul_wide(other.y_minus_x);
        let b = self.y_plus_x.mul_raised(other.y_plus_x);
        let c = self.t.mul_wide(other.t2d);
        let d = self.z.mul_raised(other.z2);
        Completed {
            e: F::carry(F::wide_sub(b, a)),
            f: F::carry(F::wide_sub(d, c)),
            g: F::carry(F::wide_add(d, c)),
            h: F::carry(F::wide_add(b, a)),
        }
    }
}

impl<F: Field> Summand<F> {
    /// As `plus`, with a product less.
    #[inline(always)]
    pub fn plus_flat(self, other: Flat<F>) -> Completed<F> {
        let a = self.y_minus_x.mul_wide(other.y_minus_x);
        let b = self.y_plus_x.mul_raised(other.y_plus_x);
        let c = self.t.mul_wide(other.t2d);
        let d = F::wide_add(self.z.raised(), self.z.wide());
        Completed {
            e: F::carry(F::wide_sub(b, a)),
            f: F::carry(F::wide_sub(d, c)),
            g: F::carry(F::wide_add(d, c)),
            h: F::carry(F::wide_add(b, a)),
        }
    }
}

impl<F: Field> Flat<F> {
    #[inline(always)]
    pub fn new(x: F, y: F) -> Self {
        let t2d = x.mul(y).mul(F::splat(&constants::TWO_D));
        Flat { y_minus_x: y.sub(x), y_plus_x: y.add(x), t2d }
    }

    /// The neutral point plus this one: no product at all.
    #[inline(always)]
    pub fn completed(self) -> Completed<F> {
        let two = F::splat(&constants::TWO);
        let e = self.y_plus_x.sub(self.y_minus_x);
        Completed { e, f: two, g: two, h: self.y_plus_x.add(self.y_minus_x) }
    }
}

impl<F: Field> Summand<F> {
    #[inline(always)]
    pub fn identity() -> Self {
        let one = F::splat(&constants::ONE);
        Summand { y_minus_x: one, y_plus_x: one, z: one, t: F::splat(&constants::ZERO) }
    }

    /// The same point for the other side.
    #[inline(always)]
    pub fn cached(self) -> Cached<F> {
        Cached {
            y_minus_x: self.y_minus_x,
            y_plus_x: self.y_plus_x,
            z2: self.z.add(self.z),
            t2d: self.t.mul(F::splat(&constants::TWO_D)),
        }
    }
}

impl<F: Field> Cached<F> {
    #[inline(always)]
    pub fn identity() -> Self {
        let one = F::splat(&constants::ONE);
        Cached {
            y_minus_x: one,
            y_plus_x: one,
            z2: F::splat(&constants::TWO),
            t2d: F::splat(&constants::ZERO),
        }
    }

    /// Zeros, which are no point, where the mask is not set.
    #[inline(always)]
    pub fn only(&self, mask: F::Mask) -> Self {
        let zero = F::splat(&constants::ZERO);
        Cached {
            y_minus_x: F::select(mask, self.y_minus_x, zero),
            y_plus_x: F::select(mask, self.y_plus_x, zero),
            z2: F::select(mask, self.z2, zero),
            t2d: F::select(mask, self.t2d, zero),
        }
    }

    /// `entry` where the mask is set, else `self`, which must be zeros where it is set.
    #[inline(always)]
    pub fn merge(&self, mask: F::Mask, entry: &Self) -> Self {
        Cached {
            y_minus_x: self.y_minus_x.merge(mask, &entry.y_minus_x),
            y_plus_x: self.y_plus_x.merge(mask, &entry.y_plus_x),
            z2: self.z2.merge(mask, &entry.z2),
            t2d: self.t2d.merge(mask, &entry.t2d),
        }
    }

    /// The opposite point where the mask is set: X and T change sign.
    #[inline(always)]
    pub fn negate_if(&self, mask: F::Mask) -> Self {
        Cached {
            y_minus_x: F::select(mask, self.y_plus_x, self.y_minus_x),
            y_plus_x: F::select(mask, self.y_minus_x, self.y_plus_x),
            z2: self.z2,
            t2d: self.t2d.negate_if(mask),
        }
    }
}
