//! Orders, comparison tags, salted leaves and trees.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::arguments::{Input, give};
use super::errors::{raise, raise_repeat};
use super::secrets::Seed;
use crate::kernel::Encoding;
use crate::{merkle, shuffle, tags};

type Given<'py> = PyResult<Option<Bound<'py, PyBytes>>>;

fn words(values: impl ExactSizeIterator<Item = u32>) -> Vec<u8> {
    let mut out = Vec::with_capacity(values.len() * 4);
    values.for_each(|value| out.extend_from_slice(&value.to_ne_bytes()));
    out
}

/// A uniformly random order of a whole list, drawn from a seed for a purpose.
#[pyclass(frozen)]
struct Permutation(shuffle::Permutation);

#[pymethods]
impl Permutation {
    #[new]
    fn new(py: Python<'_>, seed: &Seed, purpose: Input<'_>, count: usize) -> PyResult<Self> {
        let (seed, purpose) = (&seed.0, purpose.all());
        py.detach(|| shuffle::Permutation::new(seed, purpose, count))
            .map(Permutation)
            .map_err(|error| raise(py, error))
    }

    fn __len__(&self) -> usize {
        self.0.sources().len()
    }

    /// Places start..stop of the shuffled list, as native uint32 positions in the original.
    #[pyo3(signature = (start = 0, stop = None, *, out = None))]
    fn sources<'py>(
        &self,
        py: Python<'py>,
        start: usize,
        stop: Option<usize>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> Given<'py> {
        give(py, out, &words(self.part(start, stop)?.iter().copied()))
    }

    /// Rows start..stop of the shuffled list: `rows` is the whole original of `width` bytes each.
    #[pyo3(signature = (rows, start = 0, stop = None, *, width = 32, out = None))]
    fn apply<'py>(
        &self,
        py: Python<'py>,
        rows: Input<'py>,
        start: usize,
        stop: Option<usize>,
        width: usize,
        out: Option<&Bound<'py, PyAny>>,
    ) -> Given<'py> {
        let (rows, part) = (rows.all(), self.part(start, stop)?);
        if width == 0 || Some(rows.len()) != self.0.sources().len().checked_mul(width) {
            return Err(PyValueError::new_err("the list has another length than the order"));
        }
        let moved = py.detach(|| {
            let mut moved = Vec::with_capacity(part.len() * width);
            for source in part {
                let at = *source as usize * width;
                moved.extend_from_slice(&rows[at..at + width]);
            }
            moved
        });
        give(py, out, &moved)
    }
}

impl Permutation {
    fn part(&self, start: usize, stop: Option<usize>) -> PyResult<&[u32]> {
        let all = self.0.sources();
        all.get(start..stop.unwrap_or(all.len()))
            .ok_or_else(|| PyValueError::new_err("the range lies outside the list"))
    }
}

/// SHA-256(transcript || encoding)[:16] of every element: n * 16 bytes.
#[pyfunction]
#[pyo3(signature = (transcript, points, *, out = None))]
fn tags16<'py>(
    py: Python<'py>,
    transcript: Input<'py>,
    points: Input<'py>,
    out: Option<&Bound<'py, PyAny>>,
) -> Given<'py> {
    let (transcript, points) = (transcript.all(), points.rows::<32>()?);
    let all = py.detach(|| tags::tags(transcript, points));
    give(py, out, all.as_flattened())
}

/// Equal tags of two lists: native uint32 positions in `a`, ascending, and beside them in `b`.
#[pyfunction]
fn intersect_tags<'py>(
    py: Python<'py>,
    a: Input<'py>,
    b: Input<'py>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let (a, b) = (a.rows()?, b.rows()?);
    let pairs = py
        .detach(|| tags::intersect(a, b))
        .map_err(|error| raise(py, error))?
        .map_err(raise_repeat)?;
    let own = words(pairs.iter().map(|pair| pair.0));
    let other = words(pairs.iter().map(|pair| pair.1));
    Ok((PyBytes::new(py, &own), PyBytes::new(py, &other)))
}

/// SHA-256(prefix || length of the row || row) of every row: n * 32 bytes.
#[pyfunction]
#[pyo3(signature = (prefix, rows, width, *, out = None))]
fn hash_rows<'py>(
    py: Python<'py>,
    prefix: Input<'py>,
    rows: Input<'py>,
    width: usize,
    out: Option<&Bound<'py, PyAny>>,
) -> Given<'py> {
    let (prefix, rows) = (prefix.all(), rows.all());
    if width == 0 || !rows.len().is_multiple_of(width) {
        return Err(PyValueError::new_err("the buffer's length is not a multiple of the width"));
    }
    let hashes = py.detach(|| merkle::hash_rows(prefix, rows, width));
    give(py, out, hashes.as_flattened())
}

/// Salted leaf hashes from leaf `start` on: n * 32 bytes. A zero byte in `real` makes a dummy.
#[pyfunction]
#[pyo3(signature = (owner, agreement, algorithm, salt_seed, start, tokens, real = None, *, out = None))]
#[allow(clippy::too_many_arguments)]
fn leaves<'py>(
    py: Python<'py>,
    owner: Input<'py>,
    agreement: Input<'py>,
    algorithm: Input<'py>,
    salt_seed: Input<'py>,
    start: u64,
    tokens: Input<'py>,
    real: Option<Input<'py>>,
    out: Option<&Bound<'py, PyAny>>,
) -> Given<'py> {
    let tokens: &[Encoding] = tokens.rows()?;
    let real = real.as_ref().map(Input::all);
    if real.is_some_and(|flags| flags.len() != tokens.len()) {
        return Err(PyValueError::new_err("there must be one flag per token"));
    }
    if start.checked_add(tokens.len() as u64).is_none() {
        return Err(PyValueError::new_err("the tree has no such place"));
    }
    let context =
        merkle::LeafContext::new(owner.all(), agreement.all(), algorithm.all(), salt_seed.all());
    let hashes = py.detach(|| context.leaves(start, tokens, real));
    give(py, out, hashes.as_flattened())
}

/// An RFC 6962 tree over leaf hashes, with all inner hashes at hand (64 bytes a leaf).
#[pyclass(frozen)]
struct Tree(merkle::Tree);

#[pymethods]
impl Tree {
    #[new]
    fn new(py: Python<'_>, leaf_hashes: Input<'_>) -> PyResult<Self> {
        let leaves = leaf_hashes.rows::<32>()?;
        Ok(Tree(py.detach(|| merkle::Tree::new(leaves.to_vec()))))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// The root over the first `size` leaves, or over all.
    #[pyo3(signature = (size = None))]
    fn root<'py>(&self, py: Python<'py>, size: Option<usize>) -> PyResult<Bound<'py, PyBytes>> {
        self.0
            .root(size.unwrap_or(self.0.len()))
            .map(|root| PyBytes::new(py, &root))
            .map_err(|error| raise(py, error))
    }

    /// PATH(index, D[0:size]), as a list of hashes.
    #[pyo3(signature = (index, size = None))]
    fn inclusion<'py>(
        &self,
        py: Python<'py>,
        index: usize,
        size: Option<usize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let path = self.0.inclusion(index, size.unwrap_or(self.0.len()));
        hashes(py, &path.map_err(|error| raise(py, error))?)
    }

    /// PROOF(old_size, D[0:size]), as a list of hashes.
    #[pyo3(signature = (old_size, size = None))]
    fn consistency<'py>(
        &self,
        py: Python<'py>,
        old_size: usize,
        size: Option<usize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let path = self.0.consistency(old_size, size.unwrap_or(self.0.len()));
        hashes(py, &path.map_err(|error| raise(py, error))?)
    }
}

fn hashes<'py>(py: Python<'py>, path: &[merkle::Hash]) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, path.iter().map(|hash| PyBytes::new(py, hash)))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Permutation>()?;
    module.add_class::<Tree>()?;
    module.add_function(wrap_pyfunction!(tags16, module)?)?;
    module.add_function(wrap_pyfunction!(intersect_tags, module)?)?;
    module.add_function(wrap_pyfunction!(hash_rows, module)?)?;
    module.add_function(wrap_pyfunction!(leaves, module)?)
}
