//! Buffers from Python, checked, and results into bytes or a buffer of the caller.
//!
//! `bytes` are borrowed: they cannot change while the lock is released. Any other buffer is copied
//! first, because another thread could write to it; the copy costs nanoseconds an element.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::batch::Messages;

/// A contiguous buffer of bytes.
pub enum Input<'py> {
    Bytes(Bound<'py, PyBytes>),
    Copy(Vec<u8>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Input<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Input::Bytes(bytes.to_owned()));
        }
        let buffer = PyBuffer::<u8>::get(&object)
            .map_err(|_| PyTypeError::new_err("expected a buffer of unsigned bytes"))?;
        if !buffer.is_c_contiguous() {
            return Err(PyValueError::new_err("the buffer is not contiguous"));
        }
        buffer.to_vec(object.py()).map(Input::Copy)
    }
}

impl Input<'_> {
    pub fn all(&self) -> &[u8] {
        match self {
            Input::Bytes(bytes) => bytes.as_bytes(),
            Input::Copy(bytes) => bytes,
        }
    }

    /// The buffer as rows of `N` bytes. Raises ValueError on another length.
    pub fn rows<const N: usize>(&self) -> PyResult<&[[u8; N]]> {
        let (rows, rest) = self.all().as_chunks::<N>();
        if rest.is_empty() {
            return Ok(rows);
        }
        Err(PyValueError::new_err(format!("the buffer's length is not a multiple of {N}")))
    }

    /// The buffer as exactly `N` bytes.
    pub fn exactly<const N: usize>(&self) -> PyResult<&[u8; N]> {
        self.all()
            .try_into()
            .map_err(|_| PyValueError::new_err(format!("expected exactly {N} bytes")))
    }
}

/// Messages: a buffer of n * 32 bytes, or a list or tuple of bytes of any length.
pub enum MessageInput<'py> {
    Rows(Input<'py>),
    List(Vec<Bound<'py, PyBytes>>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for MessageInput<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
            return Ok(MessageInput::List(object.extract()?));
        }
        object.extract().map(MessageInput::Rows)
    }
}

impl MessageInput<'_> {
    /// Run `work` on the messages.
    pub fn with<R>(&self, work: impl FnOnce(Messages<'_>) -> PyResult<R>) -> PyResult<R> {
        match self {
            MessageInput::Rows(rows) => work(Messages::Fixed(rows.rows::<32>()?)),
            MessageInput::List(list) => {
                let parts: Vec<&[u8]> = list.iter().map(|item| item.as_bytes()).collect();
                work(Messages::Varied(&parts))
            }
        }
    }
}

/// A result as bytes, or into the caller's writable buffer (then None is returned).
pub fn give<'py>(
    py: Python<'py>,
    out: Option<&Bound<'py, PyAny>>,
    result: &[u8],
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let Some(out) = out else {
        return Ok(Some(PyBytes::new(py, result)));
    };
    let buffer = PyBuffer::<u8>::get(out)?;
    if buffer.readonly() || !buffer.is_c_contiguous() || buffer.item_count() != result.len() {
        return Err(PyValueError::new_err(
            "out must be a writable contiguous buffer of exactly the result's length",
        ));
    }
    buffer.copy_from_slice(py, result)?;
    Ok(None)
}
