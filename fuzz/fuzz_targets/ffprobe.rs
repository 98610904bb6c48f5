//! What ffprobe says of a file of a stranger, and the timecode that comes of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rushes_model::SourceClock;

fuzz_target!(|json: &[u8]| {
    let Some(facts) = rushes_media::fuzzing::facts(json) else { return };
    assert!(facts.duration_seconds >= 0.0 && facts.start_time.is_finite(), "{facts:?}");
    assert!([0, 90, 180, 270].contains(&facts.rotation), "{facts:?}");
    let written = serde_json::to_string(&facts).expect("facts can be written");
    let again: rushes_model::MediaFacts = serde_json::from_str(&written).expect("and read");
    assert_eq!(again, facts);
    if let Some(clock) = SourceClock::of(&facts) {
        let _ = clock.at(facts.duration_seconds).to_string();
    }
});
