//! Proofs and statements from a peer: refused or accepted, never a panic, and alike by all kernels.
#![no_main]

use libfuzzer_sys::fuzz_target;
use psihash_native::dleq::{Statement, verify};
use psihash_native::kernel::available;
use psihash_native::oprf::{self, Claim};

fuzz_target!(|data: &[u8]| {
    let Some((proof, rest)) = data.split_first_chunk::<64>() else { return };
    let Some((public, rest)) = rest.split_first_chunk::<32>() else { return };
    let (points, context) = rest.as_chunks::<32>();
    let (a, b) = points.split_at(points.len() / 2);
    let statement = Statement { context, public, a, b };
    let claim = Claim { public, c: a, d: b };
    let results: Vec<_> = available()
        .into_iter()
        .map(|kernel| (verify(kernel, &statement, proof), oprf::verify(kernel, &claim, proof)))
        .collect();
    assert!(results.iter().all(|result| *result == results[0]));
});
