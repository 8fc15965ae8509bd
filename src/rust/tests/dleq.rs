//! The batched proof through every kernel: true statements pass, every altered part fails.

mod common;

use common::{point, scalar};
use psihash_native::batch::Messages;
use psihash_native::dleq::{Question, Statement, multiply_and_prove, prove, verify};
use psihash_native::error::{BadPoint, Error, Reason};
use psihash_native::hash_to_group::Expander;
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

/// A list that was asked for and its answer, both by calls that decode once: they make and accept
/// what the plain ones do, and refuse what those refuse.
#[test]
fn questions_and_answers() {
    let (own, peer) = (scalar("key", 2), scalar("key", 3));
    let (own, peer) = (Secret::new(own).expect("not zero"), Secret::new(peer).expect("not zero"));
    let (own_key, key) = (public(&own), public(&peer));
    let expander = Expander::new(b"questions").expect("a tag");
    for kernel in available() {
        for count in [1u64, 3, 8, 9, 511, 513, 1100] {
            let texts: Vec<_> = (0..count).map(|k| point("text", k)).collect();
            let messages = Messages::Fixed(&texts);
            let ask = |context: &[u8]| {
                Question::ask(kernel, &expander, messages, &own, &key, context).expect("a list")
            };
            let (points, question) = ask(b"frame 1");
            let uniform: Vec<_> = texts.iter().map(|text| expander.uniform(&[text])).collect();
            let mut wanted = vec![[0; 32]; points.len()];
            kernel.map_multiply(&uniform, Factor::One(own.expose()), &mut wanted);
            assert_eq!(points, wanted);
            let (products, proof) =
                multiply_and_prove(kernel, &peer, &key, b"frame 1", &points).expect("an answer");
            kernel.multiply(&points, Factor::One(peer.expose()), &mut wanted).expect("points");
            assert_eq!(products, wanted);
            question.check(kernel, &products, &proof).expect("a true proof");
            let statement =
                Statement { context: b"frame 1", public: &key, a: &points, b: &products };
            for other in available() {
                verify(other, &statement, &proof).expect("a true proof");
                let proof = prove(other, &peer, &statement).expect("a true statement");
                question.check(kernel, &products, &proof).expect("a true proof");
            }
            assert_eq!(ask(b"frame 2").1.check(kernel, &products, &proof), Err(Error::Proof));
            for place in [0, points.len() / 2, points.len() - 1] {
                let mut changed = products.clone();
                changed[place] = point("other", 0);
                assert_eq!(question.check(kernel, &changed, &proof), Err(Error::Proof));
                for (bad, reason) in [([0; 32], Reason::Identity), ([0xff; 32], Reason::Encoding)] {
                    changed[place] = bad;
                    let found = question.check(kernel, &changed, &proof);
                    assert_eq!(found, Err(BadPoint { index: place, reason }.into()));
                    let found = multiply_and_prove(kernel, &peer, &key, b"", &changed);
                    assert_eq!(found, Err(BadPoint { index: place, reason }.into()));
                }
            }
            let short = question.check(kernel, &products[1..], &proof);
            assert!(matches!(short, Err(Error::Argument(_))));
            let other = multiply_and_prove(kernel, &peer, &own_key, b"frame 1", &points);
            assert!(matches!(other, Err(Error::Argument(_))));
        }
        let empty = multiply_and_prove(kernel, &peer, &key, b"", &[]);
        assert!(matches!(empty, Err(Error::Argument(_))));
        let none = Messages::Fixed(&[]);
        let (points, question) =
            Question::ask(kernel, &expander, none, &own, &key, b"").expect("an empty list");
        assert!(points.is_empty());
        assert!(matches!(question.check(kernel, &[], &[1; 64]), Err(Error::Argument(_))));
    }
}
