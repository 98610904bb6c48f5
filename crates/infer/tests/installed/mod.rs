//! What set-up has installed.

#![allow(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use rushes_infer::{
    Runtime,
    registry::{ModelFolder, Registry},
};
use std::path::PathBuf;

/// Where the models lie.
pub fn models() -> PathBuf {
    let home = std::env::var_os("RUSHES_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".rushes")));
    home.expect("a home folder").join("models")
}

pub fn runtime() -> Runtime {
    let registry = Registry::builtin().expect("is valid");
    Runtime::installed(&registry, &ModelFolder::new(models())).expect("run `make setup-test`")
}
