//! A journal of a stranger: a file as it is, and one of records whose checksums fit. It can be read, and
//! after it was mended and written to, everything that was read before is still there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushes_fuzz::{folder, seal};
use rushes_store::{AnalysisFolder, Journal, Machine};
use std::fs;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&fitting(bytes));
});

/// Bytes of a file's header.
const HEADER: usize = 12;

/// The file with every record as long as it says, as far as there are bytes, and checksums that fit.
fn fitting(bytes: &[u8]) -> Vec<u8> {
    let (header, mut rest) = bytes.split_at(HEADER.min(bytes.len()));
    let mut file = header.to_vec();
    while let Some((prefix, payloads)) = rest.split_first_chunk::<12>() {
        let length = u32::from_le_bytes([prefix[0], prefix[1], prefix[2], 0]) as usize;
        let (payload, others) = payloads.split_at(length.min(payloads.len()));
        file.extend(record(payload));
        rest = others;
    }
    file
}

/// Length and checksum of the payload, the checksum of both, the payload.
fn record(payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_le_bytes().to_vec();
    bytes.extend(crc32fast::hash(payload).to_le_bytes());
    bytes.extend([0; 4]);
    seal(&mut bytes);
    bytes.extend(payload);
    bytes
}

fn check(bytes: &[u8]) {
    let machine = Machine::open(folder()).expect("there is room");
    let analyses = AnalysisFolder::open(folder()).expect("it is a folder");
    let place = analyses.root().join("journal");
    fs::create_dir_all(&place).expect("there is room");
    let path = place.join(format!("{}.rjl", machine.id()));
    fs::write(path, bytes).expect("there is room");

    let journal = Journal::new(analyses, machine);
    let before = journal.read().expect("it can be read").records;
    let _ = journal.mend();
    let written = journal.append("fuzz", &"body").is_ok();
    let after = journal.read().expect("it can be read").records;
    let kept = |record| after.contains(record);
    assert!(before.iter().all(kept), "{before:?} {after:?}");
    assert!(!written || after.iter().any(|record| record.kind == "fuzz"), "{after:?}");
}
