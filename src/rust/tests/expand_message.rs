//! expand_message_xmd over SHA-512 of RFC 9380, against a plain reading of section 5.3.1.

use proptest::prelude::*;
use psihash_native::hash_to_group::Expander;
use sha2::{Digest, Sha512};

/// Section 5.3.1 word for word, for 64 bytes.
fn plain(message: &[u8], tag: &[u8]) -> Vec<u8> {
    let tag = if tag.len() > 255 {
        Sha512::digest([b"H2C-OVERSIZE-DST-", tag].concat()).to_vec()
    } else {
        tag.to_vec()
    };
    let tag_prime = [&tag[..], &[tag.len() as u8]].concat();
    let b0 = Sha512::digest([&[0; 128], message, &[0, 64, 0], &tag_prime].concat());
    Sha512::digest([&b0[..], &[1], &tag_prime].concat()).to_vec()
}

proptest! {
    #[test]
    fn as_the_rfc_says(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..4),
        tag in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        let expander = Expander::new(&tag).expect("a tag");
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(expander.uniform(&parts).to_vec(), plain(&parts.concat(), &tag));
    }
}

#[test]
fn an_empty_tag_is_refused() {
    assert!(Expander::new(b"").is_err());
}
