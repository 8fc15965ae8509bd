//! Lists of elements: check, hash, multiply, prove.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::arguments::{Input, MessageInput, give};
use super::errors::{active_kernel, raise};
use super::secrets::{Scalar, Scalars};
use crate::hash_to_group::Expander;
use crate::kernel::Factor;
use crate::{batch, dleq};

type Result<'py> = PyResult<Option<Bound<'py, PyBytes>>>;

/// One scalar for all elements or one for each.
#[derive(FromPyObject)]
pub enum By<'py> {
    One(PyRef<'py, Scalar>),
    Each(PyRef<'py, Scalars>),
}

impl By<'_> {
    pub fn factor(&self) -> Factor<'_> {
        match self {
            By::One(scalar) => Factor::One(scalar.0.expose()),
            By::Each(scalars) => Factor::Each(scalars.0.expose()),
        }
    }
}

/// Raise PointError unless all elements are canonical, none is the identity and none repeats.
#[pyfunction]
#[pyo3(signature = (points, *, distinct = true))]
fn check_points(py: Python<'_>, points: Input<'_>, distinct: bool) -> PyResult<()> {
    let (kernel, points) = (active_kernel()?, points.rows()?);
    py.detach(|| {
        batch::check(kernel, points)?;
        if distinct { batch::check_distinct(points) } else { Ok(()) }
    })
    .map_err(|error| raise(py, error))
}

/// Raise PointError (reason "repeated") if an encoding stands in the list twice.
#[pyfunction]
fn check_distinct(py: Python<'_>, points: Input<'_>) -> PyResult<()> {
    let points = points.rows()?;
    py.detach(|| batch::check_distinct(points)).map_err(|error| raise(py, error))
}

/// RFC 9497 HashToGroup of every message under the tag `dst`; times `by` where it is given.
#[pyfunction]
#[pyo3(signature = (messages, dst, by = None, *, out = None))]
fn hash_to_group<'py>(
    py: Python<'py>,
    messages: MessageInput<'py>,
    dst: Input<'py>,
    by: Option<By<'py>>,
    out: Option<&Bound<'py, PyAny>>,
) -> Result<'py> {
    let kernel = active_kernel()?;
    let expander = Expander::new(dst.all()).map_err(|error| raise(py, error))?;
    let factor = by.as_ref().map(By::factor);
    let points = messages.with(|messages| {
        py.detach(|| batch::hash(kernel, &expander, messages, factor, None))
            .map_err(|error| raise(py, error))
    })?;
    give(py, out, points.as_flattened())
}

/// Decode, multiply by `by`, encode. Raises PointError for a bad element.
#[pyfunction]
#[pyo3(signature = (points, by, *, out = None))]
fn multiply<'py>(
    py: Python<'py>,
    points: Input<'py>,
    by: By<'py>,
    out: Option<&Bound<'py, PyAny>>,
) -> Result<'py> {
    let (kernel, points, factor) = (active_kernel()?, points.rows()?, by.factor());
    let products = py
        .detach(|| batch::multiply(kernel, points, factor, None))
        .map_err(|error| raise(py, error))?;
    give(py, out, products.as_flattened())
}

/// A 64-byte proof that B_i = k A_i for all i and `public` = kG, bound to `context`.
#[pyfunction]
fn dleq_prove<'py>(
    py: Python<'py>,
    scalar: &Scalar,
    public: Input<'py>,
    context: Input<'py>,
    a: Input<'py>,
    b: Input<'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let kernel = active_kernel()?;
    let (public, a, b) = (public.exactly()?, a.rows()?, b.rows()?);
    let statement = dleq::Statement { context: context.all(), public, a, b };
    let secret = &scalar.0;
    py.detach(|| dleq::prove(kernel, secret, &statement))
        .map(|proof| PyBytes::new(py, &proof))
        .map_err(|error| raise(py, error))
}

/// `multiply` and `dleq_prove` in one, which decodes once: (products, proof).
#[pyfunction]
fn multiply_and_prove<'py>(
    py: Python<'py>,
    scalar: &Scalar,
    public: Input<'py>,
    context: Input<'py>,
    points: Input<'py>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let kernel = active_kernel()?;
    let (secret, public, points) = (&scalar.0, public.exactly()?, points.rows()?);
    let context = context.all();
    py.detach(|| dleq::multiply_and_prove(kernel, secret, public, context, points))
        .map(|(products, proof)| {
            (PyBytes::new(py, products.as_flattened()), PyBytes::new(py, &proof))
        })
        .map_err(|error| raise(py, error))
}

/// A list that a peer is to multiply by its scalar, as what checking the answer takes.
#[pyclass(frozen)]
struct Question(dleq::Question);

#[pymethods]
impl Question {
    /// `hash_to_group` times `by`, and the question; `public` and `context` are the peer's.
    #[staticmethod]
    fn ask<'py>(
        py: Python<'py>,
        messages: MessageInput<'py>,
        dst: Input<'py>,
        by: &Scalar,
        public: Input<'py>,
        context: Input<'py>,
    ) -> PyResult<(Bound<'py, PyBytes>, Self)> {
        let kernel = active_kernel()?;
        let expander = Expander::new(dst.all()).map_err(|error| raise(py, error))?;
        let (secret, public, context) = (&by.0, public.exactly()?, context.all());
        let (points, question) = messages.with(|messages| {
            py.detach(|| dleq::Question::ask(kernel, &expander, messages, secret, public, context))
                .map_err(|error| raise(py, error))
        })?;
        Ok((PyBytes::new(py, points.as_flattened()), Question(question)))
    }

    /// As `dleq_verify`, for the list that was asked for.
    fn check(&self, py: Python<'_>, answers: Input<'_>, proof: Input<'_>) -> PyResult<()> {
        let kernel = active_kernel()?;
        let (answers, proof) = (answers.rows()?, proof.exactly()?);
        py.detach(|| self.0.check(kernel, answers, proof)).map_err(|error| raise(py, error))
    }
}

/// Raise ProofError unless the proof holds; PointError if a list has a bad element.
#[pyfunction]
fn dleq_verify(
    py: Python<'_>,
    public: Input<'_>,
    context: Input<'_>,
    a: Input<'_>,
    b: Input<'_>,
    proof: Input<'_>,
) -> PyResult<()> {
    let kernel = active_kernel()?;
    let (public, a, b, proof) = (public.exactly()?, a.rows()?, b.rows()?, proof.exactly()?);
    let statement = dleq::Statement { context: context.all(), public, a, b };
    py.detach(|| dleq::verify(kernel, &statement, proof)).map_err(|error| raise(py, error))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_points, module)?)?;
    module.add_function(wrap_pyfunction!(check_distinct, module)?)?;
    module.add_function(wrap_pyfunction!(hash_to_group, module)?)?;
    module.add_function(wrap_pyfunction!(multiply, module)?)?;
    module.add_function(wrap_pyfunction!(dleq_prove, module)?)?;
    module.add_function(wrap_pyfunction!(dleq_verify, module)?)?;
    module.add_function(wrap_pyfunction!(multiply_and_prove, module)?)?;
    module.add_class::<Question>()
}
