//! Lists of tags and tree sizes from outside: joins agree with a plain search.
#![no_main]

use libfuzzer_sys::fuzz_target;
use psihash_native::merkle::Tree;
use psihash_native::tags::intersect;

fuzz_target!(|data: &[u8]| {
    let Some((split, rest)) = data.split_first() else { return };
    let (tags, _) = rest.as_chunks::<16>();
    let (a, b) = tags.split_at((*split as usize).min(tags.len()));
    if let Ok(Ok(pairs)) = intersect(a, b) {
        let plain: Vec<_> = a
            .iter()
            .enumerate()
            .filter_map(|(at, tag)| Some((at as u32, b.iter().position(|other| other == tag)? as u32)))
            .collect();
        assert_eq!(pairs, plain);
    }
    let (leaves, _) = rest.as_chunks::<32>();
    let tree = Tree::new(leaves.to_vec());
    let size = *split as usize;
    assert_eq!(tree.root(size).is_ok(), size <= tree.len());
    assert_eq!(tree.inclusion(size, tree.len()).is_ok(), size < tree.len());
    assert_eq!(tree.consistency(size, tree.len()).is_ok(), size <= tree.len());
});
