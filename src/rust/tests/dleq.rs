//! The batched proof through every kernel: true statements pass, every altered part fails.

mod common;

use common::{point, scalar};
use psihash_native::dleq::{Statement, prove, verify};
use psihash_native::error::{Error, Reason};
use psihash_native::kernel::{Factor, available};
use psihash_native::oprf::public;
use psihash_native::secret::Secret;

#[test]
fn any_change_is_found() {
    let secret = Secret::new(scalar("key", 0)).expect("not zero");
    let key = public(&secret);
    for kernel in available() {
        for count in [1, 3, 17, 600] {
            let a: Vec<_> = (0..count).map(|k| point("a", k)).collect();
            let mut b = vec![[0; 32]; a.len()];
            kernel.multiply(&a, Factor::One(secret.expose()), &mut b).expect("good points");
            let statement = Statement { context: b"frame 1", public: &key, a: &a, b: &b };
            let proof = prove(kernel, &secret, &statement).expect("prove");
            for other in available() {
                verify(other, &statement, &proof).expect("a true proof");
            }
            for bit in (0..512).step_by(37) {
                let mut wrong = proof;
                wrong[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(verify(kernel, &statement, &wrong), Err(Error::Proof));
            }
            let context = Statement { context: b"frame 2", ..statement };
            assert_eq!(verify(kernel, &context, &proof), Err(Error::Proof));
            let mut swapped = b.clone();
            swapped.swap(0, a.len() - 1);
            let statement = Statement { b: &swapped, ..context };
            let proof = prove(kernel, &secret, &statement).expect("prove");
            assert_eq!(verify(kernel, &statement, &proof).is_ok(), count == 1);
        }
    }
}

#[test]
fn bad_lists_are_refused() {
    let secret = Secret::new(scalar("key", 1)).expect("not zero");
    let key = public(&secret);
    let good = [point("a", 0), point("a", 1)];
    for kernel in available() {
        for (bad, reason) in [([0; 32], Reason::Identity), ([0xff; 32], Reason::Encoding)] {
            let list = [good[0], bad];
            for (a, b) in [(&good, &list), (&list, &good)] {
                let statement = Statement { context: b"", public: &key, a, b };
                match verify(kernel, &statement, &[1; 64]) {
                    Err(Error::Point(found)) => {
                        assert_eq!((found.index, found.reason), (1, reason));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        let short = Statement { context: b"", public: &key, a: &good, b: &good[..1] };
        assert!(matches!(verify(kernel, &short, &[1; 64]), Err(Error::Argument(_))));
        let empty = Statement { context: b"", public: &key, a: &[], b: &[] };
        assert!(matches!(prove(kernel, &secret, &empty), Err(Error::Argument(_))));
    }
}
