//! Every kernel judges every list of strings as dalek does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use psihash_native::kernel::{Kernel, available};
use psihash_native::portable::Portable;

fuzz_target!(|data: &[u8]| {
    let (points, _) = data.as_chunks::<32>();
    let wanted = Portable.check(points);
    for kernel in available() {
        assert_eq!(kernel.check(points), wanted);
    }
});
