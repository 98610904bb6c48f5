//! Rows and tags read and mapped from a file of any length at any place, and searched with and without a
//! sketch.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushes_fuzz::file;
use rushes_vectors::{Query, Rows, Segment, Tags, top_k};

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    offset: u64,
    count: usize,
    dim: usize,
    /// Small numbers, which alone can fit.
    near: bool,
    words: Vec<Vec<u16>>,
    query: Vec<f32>,
    bytes: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let Input { mut offset, mut count, mut dim, near, words, mut query, bytes } = input;
    if near {
        (offset, count, dim) = (offset % 8 * 64, count % 64, dim % 40);
    }
    let path = file("segment", bytes).expect("there is room");
    let (read, mapped) =
        (Rows::read(&path, offset, count, dim), Rows::map(&path, offset, count, dim));
    let tags = Tags::read(&path, offset, count).ok();
    assert_eq!(tags.is_some(), Tags::map(&path, offset, count).is_ok());
    let (Ok(read), Ok(mapped)) = (&read, &mapped) else {
        return assert!(read.is_err() && mapped.is_err());
    };
    assert_eq!(read.to_bits(), mapped.to_bits());
    let Ok(plain) = Segment::new(read.clone(), tags.clone()) else { return };
    let sketched = Segment::new(mapped.clone(), tags).expect("the same").with_sketch();
    // A file of no rows may say that they are as long as it likes; no query is.
    if dim > 4096 {
        return;
    }
    query.resize(dim, 0.5);
    let query = Query::new(query).with_words(&words, 0.5);
    let found = |segment| top_k(&[segment], &query, 5, None).expect("it is as long as the rows");
    let bits = |segment| {
        let hits = found(segment).into_iter();
        hits.map(|hit| (hit.row, hit.score.to_bits())).collect::<Vec<_>>()
    };
    assert_eq!(bits(&plain), bits(&sketched));
});
