//! Programs of others that read what we write; set-up installs them.

use serde_json::Value;
use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

/// Python with the readers.
fn python() -> PathBuf {
    let cache = env::var_os("RUSHES_CACHE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache"), PathBuf::from);
    let python = cache.join("parsers/bin/python");
    assert!(python.is_file(), "{} is not there: run `make setup-test`", python.display());
    python
}

/// What a script beside this file prints as JSON.
#[allow(clippy::disallowed_methods, reason = "the readers are programs of their own")]
pub fn read(script: &str, arguments: &[impl AsRef<OsStr>]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parsers").join(script);
    let output = Command::new(python()).arg(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Fails where xmllint (libxml2) finds that a file is no XML.
#[allow(dead_code, reason = "not every test writes XML")]
#[allow(clippy::disallowed_methods, reason = "the readers are programs of their own")]
pub fn well_formed(path: &Path) {
    let output = Command::new("xmllint").arg("--noout").arg(path).output();
    assert!(output.is_ok(), "xmllint is not there: run `make setup-test`");
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
