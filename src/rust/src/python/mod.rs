//! The Python module. Arguments in, pure Rust with the interpreter lock released, results out.

mod arguments;
mod errors;
mod group;
mod oprf;
mod secrets;
mod sets;

use pyo3::prelude::*;

/// The kernel that this process uses: `ifma`, `avx2` or `dalek`. Raises KernelError.
#[pyfunction]
fn kernel() -> PyResult<&'static str> {
    Ok(errors::active_kernel()?.name())
}

/// The kernels that this machine can run, fastest first.
#[pyfunction]
fn kernels() -> Vec<&'static str> {
    crate::kernel::available().iter().map(|kernel| kernel.name()).collect()
}

/// How many threads a call uses (`RAYON_NUM_THREADS` sets it).
#[pyfunction]
fn threads() -> usize {
    rayon::current_num_threads()
}

#[pymodule]
fn psihash_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(kernel, module)?)?;
    module.add_function(wrap_pyfunction!(kernels, module)?)?;
    module.add_function(wrap_pyfunction!(threads, module)?)?;
    errors::register(module)?;
    secrets::register(module)?;
    group::register(module)?;
    oprf::register(module)?;
    sets::register(module)
}
