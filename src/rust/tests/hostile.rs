//! The bodies of the fuzz targets on random bytes, so that every `cargo test` runs each of them.
//! `PSIHASH_SOAK` sets how many inputs each gets.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use proptest::prelude::*;

fn cases() -> u32 {
    let wanted = std::env::var("PSIHASH_SOAK").map(|count| count.parse::<u32>().expect("a number"));
    wanted.map_or(64, |count| count.min(20_000))
}

/// Any bytes; or short pieces out of a few, so that entries repeat and begin and end alike.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(vec![0; 32]),
        Just(vec![0xff; 32]),
        Just(vec![0x77; 16]),
        prop::collection::vec(any::<u8>(), 16),
        prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..1500),
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat()),
    ]
}

macro_rules! targets {
    ($($name:ident)*) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(cases()))]
            $(#[test]
            fn $name(data in hostile()) {
                targets::$name(&data);
            })*
        }
    };
}

targets!(decode map scalars proofs oprf expand tags tree order);
