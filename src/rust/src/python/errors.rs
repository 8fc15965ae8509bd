//! Errors as Python exceptions. Messages name positions, never values.

use pyo3::create_exception;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::error::Error;
use crate::kernel::{self, Kernel};
use crate::tags::Repeat;

create_exception!(psihash_native, PointError, PyValueError, "A list entry is no usable element.");
create_exception!(psihash_native, RepeatError, PyValueError, "A list has an entry twice.");
create_exception!(psihash_native, ProofError, PyValueError, "A proof does not hold.");
create_exception!(psihash_native, KernelError, PyRuntimeError, "PSIHASH_KERNEL names no kernel.");

pub fn raise(py: Python<'_>, error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::Point(bad) => {
            let raised = PointError::new_err(text);
            let set = |name, value: Bound<'_, PyAny>| raised.value(py).setattr(name, value);
            let index = bad.index.into_pyobject(py).map(Bound::into_any);
            let reason = bad.reason.name().into_pyobject(py).map(Bound::into_any);
            match (index, reason) {
                (Ok(index), Ok(reason)) => set("index", index)
                    .and_then(|()| set("reason", reason))
                    .map_or_else(|failed| failed, |()| raised),
                _ => raised,
            }
        }
        Error::Proof => ProofError::new_err(text),
        Error::Argument(_) => PyValueError::new_err(text),
        Error::Random => PyOSError::new_err(text),
    }
}

pub fn raise_repeat(repeat: Repeat) -> PyErr {
    let list = if repeat.second_list { "second" } else { "first" };
    RepeatError::new_err(format!("entry {} of the {list} list stood before", repeat.position))
}

pub fn active_kernel() -> PyResult<&'static dyn Kernel> {
    kernel::active().map_err(KernelError::new_err)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("PointError", py.get_type::<PointError>())?;
    module.add("RepeatError", py.get_type::<RepeatError>())?;
    module.add("ProofError", py.get_type::<ProofError>())?;
    module.add("KernelError", py.get_type::<KernelError>())
}
