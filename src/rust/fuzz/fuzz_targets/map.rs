//! Every kernel maps every input to the group as dalek does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use psihash_native::kernel::{Kernel, available};
use psihash_native::portable::Portable;

fuzz_target!(|data: &[u8]| {
    let (uniform, _) = data.as_chunks::<64>();
    let mut wanted = vec![[0; 32]; uniform.len()];
    Portable.map(uniform, &mut wanted);
    for kernel in available() {
        let mut out = vec![[0; 32]; uniform.len()];
        kernel.map(uniform, &mut out);
        assert_eq!(out, wanted);
    }
});
