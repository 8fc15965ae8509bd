//! RFC 9497 ristretto255-SHA512, modes OPRF (0) and VOPRF (1).

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::arguments::{Input, MessageInput};
use super::errors::{active_kernel, raise};
use super::secrets::{Scalar, Scalars};
use crate::oprf::{self, Mode};
use crate::secret::Secret;

fn mode_of(number: u8) -> PyResult<Mode> {
    match number {
        0 => Ok(Mode::Oprf),
        1 => Ok(Mode::Voprf),
        _ => Err(PyValueError::new_err("the mode must be 0 (OPRF) or 1 (VOPRF)")),
    }
}

/// DeriveKeyPair: (private key, public key).
#[pyfunction]
fn oprf_derive_key<'py>(
    py: Python<'py>,
    mode: u8,
    seed: Input<'py>,
    info: Input<'py>,
) -> PyResult<(Scalar, Bound<'py, PyBytes>)> {
    let key = oprf::derive_key(mode_of(mode)?, seed.exactly()?, info.all())
        .map_err(|error| raise(py, error))?;
    let public = PyBytes::new(py, &oprf::public(&key));
    Ok((Scalar(key), public))
}

/// Blind: n * 32 bytes of blinded elements, each under its own blind.
#[pyfunction]
fn oprf_blind<'py>(
    py: Python<'py>,
    mode: u8,
    inputs: MessageInput<'py>,
    blinds: &Scalars,
) -> PyResult<Bound<'py, PyBytes>> {
    let (kernel, mode, blinds) = (active_kernel()?, mode_of(mode)?, &blinds.0);
    inputs.with(|inputs| {
        py.detach(|| oprf::blind(kernel, mode, inputs, blinds))
            .map(|points| PyBytes::new(py, points.as_flattened()))
            .map_err(|error| raise(py, error))
    })
}

/// BlindEvaluate: n * 32 bytes.
#[pyfunction]
fn oprf_evaluate<'py>(
    py: Python<'py>,
    key: &Scalar,
    blinded: Input<'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (kernel, key, blinded) = (active_kernel()?, &key.0, blinded.rows()?);
    py.detach(|| oprf::evaluate(kernel, key, blinded))
        .map(|points| PyBytes::new(py, points.as_flattened()))
        .map_err(|error| raise(py, error))
}

/// Finalize: n * 64 bytes. In VOPRF mode check the proof first, by `voprf_verify`.
#[pyfunction]
fn oprf_finalize<'py>(
    py: Python<'py>,
    inputs: MessageInput<'py>,
    blinds: &Scalars,
    evaluated: Input<'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (kernel, blinds, evaluated) = (active_kernel()?, &blinds.0, evaluated.rows()?);
    inputs.with(|inputs| {
        py.detach(|| oprf::finalize(kernel, inputs, blinds, evaluated))
            .map(|outputs| PyBytes::new(py, outputs.as_flattened()))
            .map_err(|error| raise(py, error))
    })
}

/// Evaluate: n * 64 bytes, computed by the holder of the key alone.
#[pyfunction]
fn oprf_direct<'py>(
    py: Python<'py>,
    mode: u8,
    key: &Scalar,
    inputs: MessageInput<'py>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (kernel, mode, key) = (active_kernel()?, mode_of(mode)?, &key.0);
    inputs.with(|inputs| {
        py.detach(|| oprf::direct(kernel, mode, key, inputs))
            .map(|outputs| PyBytes::new(py, outputs.as_flattened()))
            .map_err(|error| raise(py, error))
    })
}

/// GenerateProof: 64 bytes. `nonce` is for test vectors only; without it a fresh one is drawn.
#[pyfunction]
#[pyo3(signature = (key, public, blinded, evaluated, *, nonce = None))]
fn voprf_prove<'py>(
    py: Python<'py>,
    key: &Scalar,
    public: Input<'py>,
    blinded: Input<'py>,
    evaluated: Input<'py>,
    nonce: Option<&Scalar>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (kernel, key) = (active_kernel()?, &key.0);
    let public = public.exactly()?;
    let claim = oprf::Claim { public, c: blinded.rows()?, d: evaluated.rows()? };
    let nonce = match nonce {
        Some(nonce) => nonce.0.clone(),
        None => Secret::random().map_err(|error| raise(py, error))?,
    };
    py.detach(|| oprf::prove(kernel, key, &claim, &nonce))
        .map(|proof| PyBytes::new(py, &proof))
        .map_err(|error| raise(py, error))
}

/// VerifyProof: raises ProofError unless the proof holds; PointError for a bad element.
#[pyfunction]
fn voprf_verify(
    py: Python<'_>,
    public: Input<'_>,
    blinded: Input<'_>,
    evaluated: Input<'_>,
    proof: Input<'_>,
) -> PyResult<()> {
    let kernel = active_kernel()?;
    let (public, proof) = (public.exactly()?, proof.exactly()?);
    let claim = oprf::Claim { public, c: blinded.rows()?, d: evaluated.rows()? };
    py.detach(|| oprf::verify(kernel, &claim, proof)).map_err(|error| raise(py, error))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("OPRF_MAX_BATCH", oprf::MAX_BATCH)?;
    module.add_function(wrap_pyfunction!(oprf_derive_key, module)?)?;
    module.add_function(wrap_pyfunction!(oprf_blind, module)?)?;
    module.add_function(wrap_pyfunction!(oprf_evaluate, module)?)?;
    module.add_function(wrap_pyfunction!(oprf_finalize, module)?)?;
    module.add_function(wrap_pyfunction!(oprf_direct, module)?)?;
    module.add_function(wrap_pyfunction!(voprf_prove, module)?)?;
    module.add_function(wrap_pyfunction!(voprf_verify, module)?)
}
