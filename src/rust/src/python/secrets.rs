//! Opaque secrets: they are made, used and wiped in native memory and cannot be read or pickled.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::arguments::Input;
use super::errors::raise;
use crate::oprf;
use crate::secret::{Secret, Secrets, Seed as InnerSeed};

/// A non-zero scalar.
#[pyclass(frozen, name = "Scalar")]
pub struct Scalar(pub Secret);

#[pymethods]
impl Scalar {
    /// A fresh uniform scalar.
    #[staticmethod]
    fn random(py: Python<'_>) -> PyResult<Self> {
        Secret::random().map(Scalar).map_err(|error| raise(py, error))
    }

    /// From 32 little-endian bytes: for test vectors and sealed keys.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: Input<'_>) -> PyResult<Self> {
        Secret::from_canonical(*data.exactly()?).map(Scalar).map_err(|error| raise(py, error))
    }

    /// The scalar as bytes, so that it can be sealed. The only way out of native memory.
    fn danger_to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.expose().as_bytes())
    }

    /// 1/k.
    fn inverse(&self) -> Self {
        Scalar(self.0.inverse())
    }

    /// The product of two scalars.
    fn times(&self, other: &Scalar) -> Self {
        Scalar(self.0.times(&other.0))
    }

    /// kG, encoded.
    fn public<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &oprf::public(&self.0))
    }
}

/// Non-zero scalars, one per element of a list.
#[pyclass(frozen, name = "Scalars")]
pub struct Scalars(pub Secrets);

#[pymethods]
impl Scalars {
    /// Fresh uniform scalars.
    #[staticmethod]
    fn random(py: Python<'_>, count: usize) -> PyResult<Self> {
        py.detach(|| Secrets::random(count)).map(Scalars).map_err(|error| raise(py, error))
    }

    /// From n * 32 little-endian bytes: for test vectors.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: Input<'_>) -> PyResult<Self> {
        Secrets::from_canonical(data.rows()?).map(Scalars).map_err(|error| raise(py, error))
    }

    /// All inverses, with one inversion and three products each.
    fn inverse(&self, py: Python<'_>) -> Self {
        Scalars(py.detach(|| self.0.inverse()))
    }

    fn __len__(&self) -> usize {
        self.0.expose().len()
    }
}

/// 32 bytes from which all randomness of a run is derived, each use under its own purpose.
#[pyclass(frozen, name = "Seed")]
pub struct Seed(pub InnerSeed);

#[pymethods]
impl Seed {
    #[staticmethod]
    fn random(py: Python<'_>) -> PyResult<Self> {
        InnerSeed::random().map(Seed).map_err(|error| raise(py, error))
    }

    #[staticmethod]
    fn from_bytes(data: Input<'_>) -> PyResult<Self> {
        Ok(Seed(InnerSeed::new(*data.exactly()?)))
    }

    /// The scalar of a purpose: the same seed and purpose give the same scalar.
    fn scalar(&self, py: Python<'_>, purpose: Input<'_>) -> PyResult<Scalar> {
        self.0.scalar(purpose.all()).map(Scalar).map_err(|error| raise(py, error))
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Scalar>()?;
    module.add_class::<Scalars>()?;
    module.add_class::<Seed>()
}
