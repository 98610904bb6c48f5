//! An ONNX Runtime library of the user's own, and what `rushes doctor` says of it. One test: a process
//! loads one library only.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod tiny;

use fs_err as fs;
use rushes_engine::{
    Config,
    doctor::{self, Finding},
};
use rushes_infer::{Provider, ProviderChoice};
use std::path::Path;

fn examine(home: &Path, library: &Path, provider: ProviderChoice) -> Vec<Finding> {
    let visual_model = Some(tiny::A.parse().unwrap());
    let onnxruntime = Some(library.to_owned());
    doctor::examine(Config { visual_model, onnxruntime, provider, ..Config::at(home) })
}

/// Whether what was found is good, and what was said.
fn found<'a>(findings: &'a [Finding], what: &str) -> (bool, &'a str) {
    let finding = findings.iter().find(|finding| finding.what == what).unwrap();
    (finding.good, &finding.says)
}

#[test]
fn a_library_of_ones_own_takes_the_place_of_the_registrys() {
    let home = tiny::home(&[tiny::A]);
    tiny::install(home.path(), tiny::A);
    let folder = home.path().join("models/onnxruntime");
    let pinned = fs::read_dir(fs::canonicalize(&folder).unwrap()).unwrap().next().unwrap();
    let pinned = pinned.unwrap().path();
    fs::remove_file(&folder).unwrap();

    let library = home.path().join("libonnxruntime.so");
    for (content, reason) in [("no library", ""), ("\u{7f}ELF /OneCollector/ ", "usage data")] {
        fs::write(&library, content).unwrap();
        let findings = examine(home.path(), &library, ProviderChoice::Auto);
        let (good, says) = found(&findings, "ONNX Runtime");
        assert!(!good && says.contains("libonnxruntime.so, which onnxruntime"), "{says}");
        assert!(says.contains(reason) && !says.contains("models pull"), "{says}");
    }

    fs::remove_file(&library).unwrap();
    std::os::unix::fs::symlink(pinned, &library).unwrap();
    let findings = examine(home.path(), &library, ProviderChoice::Auto);
    let (good, says) = found(&findings, "ONNX Runtime");
    assert!(good && says.starts_with("1.28.0, built with"), "{says}");
    assert!(found(&findings, "models run on").0);
    assert_eq!(found(&findings, "model tiny-a"), (true, "runs, 3 values a frame"));
    if cfg!(target_os = "linux") {
        assert_eq!(found(&findings, "models run on").1, "cpu (provider = \"auto\")");
        let asked = ProviderChoice::Only(Provider::Cuda);
        let findings = examine(home.path(), &library, asked);
        let (good, says) = found(&findings, "models run on");
        assert!(!good && says.contains("asks for cuda"), "{says}");
        assert!(found(&findings, "model tiny-a").0, "it runs on the processor all the same");
    }
}
