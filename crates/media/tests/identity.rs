//! Identity by size and sampled content.

use rushes_media::identify;
use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    time::{Duration, Instant},
};

#[test]
fn small_files_are_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    fs_err::write(&path, &bytes).unwrap();
    let identity = identify(&path).unwrap();
    let read = [(bytes.len() as u64).to_le_bytes().as_slice(), &bytes].concat();
    assert_eq!(identity.hash_str.0, crc32fast::hash(&read));
    assert_eq!(identity.media_id.0, blake3::hash(&read).as_bytes()[..16]);
    assert_eq!(identity.size_bytes, 3_000_000);

    let moved = folder.path().join("moved");
    fs_err::rename(&path, &moved).unwrap();
    assert_eq!(identify(&moved).unwrap(), identity);
    for place in [0, 1_500_000, 2_999_999] {
        let mut other = bytes.clone();
        other[place] ^= 1;
        fs_err::write(&path, other).unwrap();
        assert_ne!(identify(&path).unwrap().media_id, identity.media_id);
    }
}

#[test]
fn half_a_terabyte_takes_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse");
    let size = 500_000_000_000_u64;
    File::options().create_new(true).write(true).open(&path).unwrap().set_len(size).unwrap();
    let start = Instant::now();
    let blank = identify(&path).unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    let file = File::options().write(true).open(&path).unwrap();
    // The first and the last byte, and one in the block in the middle.
    let mut seen = vec![blank.media_id];
    for place in [0, size - 1, (size - 65_536) * 16 / 31 + 7] {
        file.write_all_at(b"x", place).unwrap();
        let identity = identify(&path).unwrap();
        assert!(!seen.contains(&identity.media_id), "{place}");
        seen.push(identity.media_id);
    }
    file.set_len(size + 1).unwrap();
    assert!(!seen.contains(&identify(&path).unwrap().media_id));
}
