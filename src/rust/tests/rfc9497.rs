//! The vectors of RFC 9497 for ristretto255-SHA512, through every kernel of this machine.

use psihash_native::batch::Messages;
use psihash_native::kernel::{Kernel, available};
use psihash_native::oprf::{self, Claim, Mode};
use psihash_native::portable::Portable;
use psihash_native::secret::{Secret, Secrets};
use serde_json::Value;

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().expect("a text")
}

/// A field of hexadecimal texts joined by commas, one for each of a batch.
fn list<const N: usize>(value: &Value, name: &str) -> Vec<[u8; N]> {
    let decode = |part| hex::decode(part).expect("hex").try_into().expect("the right length");
    text(value, name).split(',').map(decode).collect()
}

fn groups() -> Vec<(Mode, Value)> {
    let all: Vec<Value> =
        serde_json::from_str(include_str!("vectors/rfc9497-ristretto255.json")).expect("JSON");
    let mode = |group: &Value| match group["mode"].as_u64() {
        Some(0) => Mode::Oprf,
        Some(1) => Mode::Voprf,
        _ => panic!("an unknown mode"),
    };
    all.into_iter().map(|group| (mode(&group), group)).collect()
}

#[test]
fn vectors() {
    let mut tried = 0;
    for (mode, group) in groups() {
        let info = hex::decode(text(&group, "keyInfo")).expect("hex");
        let key = oprf::derive_key(mode, &list(&group, "seed")[0], &info).expect("a key");
        assert_eq!(*key.expose().as_bytes(), list(&group, "skSm")[0]);
        for vector in group["vectors"].as_array().expect("vectors") {
            let inputs: Vec<Vec<u8>> = text(vector, "Input")
                .split(',')
                .map(|part| hex::decode(part).expect("hex"))
                .collect();
            let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
            let inputs = Messages::Varied(&inputs);
            let blinds = Secrets::from_canonical(&list(vector, "Blind")).expect("scalars");
            for kernel in available() {
                let blinded = oprf::blind(kernel, mode, inputs, &blinds).expect("blind");
                assert_eq!(blinded, list(vector, "BlindedElement"), "{}", kernel.name());
                let evaluated = oprf::evaluate(kernel, &key, &blinded).expect("evaluate");
                assert_eq!(evaluated, list(vector, "EvaluationElement"), "{}", kernel.name());
                let outputs = oprf::finalize(kernel, inputs, &blinds, &evaluated);
                let outputs = outputs.expect("finalize");
                assert_eq!(outputs, list(vector, "Output"), "{}", kernel.name());
                let direct = oprf::direct(kernel, mode, &key, inputs).expect("evaluate");
                assert_eq!(direct, outputs, "{}", kernel.name());
                tried += outputs.len();
                if mode == Mode::Voprf {
                    let public = list(&group, "pkSm")[0];
                    assert_eq!(oprf::public(&key), public);
                    let claim = Claim { public: &public, c: &blinded, d: &evaluated };
                    let nonce = list(&vector["Proof"], "r")[0];
                    let nonce = Secret::from_canonical(nonce).expect("a scalar");
                    let proof = oprf::prove(kernel, &key, &claim, &nonce).expect("prove");
                    assert_eq!(proof, list(&vector["Proof"], "proof")[0], "{}", kernel.name());
                    oprf::verify(kernel, &claim, &proof).expect("a true proof");
                    let mut wrong = proof;
                    wrong[40] ^= 1;
                    oprf::verify(kernel, &claim, &wrong).expect_err("a false proof");
                }
            }
        }
    }
    assert_eq!(tried, 6 * available().len());
}

fn direct(kernel: &dyn Kernel, inputs: Messages) -> Vec<oprf::Output> {
    let key = oprf::derive_key(Mode::Oprf, &[7; 32], b"").expect("a key");
    oprf::direct(kernel, Mode::Oprf, &key, inputs).expect("outputs")
}

/// Inputs of one length are hashed in the lanes, others one after the other: to the same outputs.
#[test]
fn inputs_of_any_length() {
    for width in [1, 32, 77, 78, 200] {
        let rows: Vec<Vec<u8>> = (0..270).map(|k| vec![k as u8; width]).collect();
        let alike: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
        let mixed: Vec<&[u8]> = alike.iter().flat_map(|row| [row, &[][..]]).collect();
        let wanted = direct(&Portable, Messages::Varied(&mixed));
        let wanted: Vec<_> = wanted.into_iter().step_by(2).collect();
        for kernel in available() {
            assert!(direct(kernel, Messages::Varied(&alike)) == wanted, "{}", kernel.name());
        }
        if width == 32 {
            let fixed: Vec<[u8; 32]> = (0..270).map(|k| [k as u8; 32]).collect();
            for kernel in available() {
                assert!(direct(kernel, Messages::Fixed(&fixed)) == wanted, "{}", kernel.name());
            }
        }
    }
}

/// A batch as large as a proof covers; one more is refused (attack D9).
#[test]
fn the_largest_batch() {
    let kernel = available()[0];
    let key = oprf::derive_key(Mode::Voprf, &[7; 32], b"").expect("a key");
    let public = oprf::public(&key);
    let messages: Vec<[u8; 32]> = (0..oprf::MAX_BATCH as u64 + 1)
        .map(|k| std::array::from_fn(|at| (k >> (8 * (at % 8))) as u8))
        .collect();
    let blinds = Secrets::random(messages.len()).expect("random");
    let blinded =
        oprf::blind(kernel, Mode::Voprf, Messages::Fixed(&messages), &blinds).expect("blind");
    let evaluated = oprf::evaluate(kernel, &key, &blinded).expect("evaluate");
    let nonce = Secret::random().expect("random");
    let claim = Claim { public: &public, c: &blinded, d: &evaluated };
    oprf::prove(kernel, &key, &claim, &nonce).expect_err("a batch too large");
    oprf::verify(kernel, &claim, &[1; 64]).expect_err("a batch too large");
    let (c, d) = (&blinded[1..], &evaluated[1..]);
    let claim = Claim { public: &public, c, d };
    let proof = oprf::prove(kernel, &key, &claim, &nonce).expect("prove");
    oprf::verify(kernel, &claim, &proof).expect("a true proof");
}
