//! What can be typed.

use clap::{Args, Parser, Subcommand, ValueEnum};
use rushes_model::ModelKey;
use std::{net::IpAddr, path::PathBuf};

/// Finds any moment in your footage, on your own machine.
#[derive(Parser)]
#[command(name = "rushes", version, propagate_version = true, arg_required_else_help = true)]
pub struct Arguments {
    /// Folder of models, keys, catalogue and logs.
    #[arg(long, global = true, env = "RUSHES_HOME", value_name = "FOLDER")]
    pub home: Option<PathBuf>,
    /// Config file; `config.toml` in the home folder when absent.
    #[arg(long, global = true, env = "RUSHES_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Run the server: HTTP API, Socket.IO and documentation.
    Serve(Serve),
    /// Look at footage, so that it can be searched.
    Analyze(Analyze),
    /// Find moments by a sentence.
    Search(Search),
    /// See, fetch and choose models.
    #[command(subcommand)]
    Models(Models),
    /// See, issue and check license keys.
    #[command(subcommand)]
    License(License),
    /// Say what is missing on this machine and how to get it.
    Doctor,
}

/// Run the server.
#[derive(Args)]
pub struct Serve {
    /// Port to listen on.
    #[arg(long, short)]
    pub port: Option<u16>,
    /// Address to listen on; loopback when absent.
    #[arg(long)]
    pub host: Option<IpAddr>,
    /// Let other machines connect to an address that is not loopback: keys and footage then cross the
    /// network unencrypted.
    #[arg(long)]
    pub open_to_network: bool,
    /// Folder that callers may name files under; may be given several times.
    #[arg(long = "root", value_name = "FOLDER")]
    pub roots: Vec<PathBuf>,
    /// Origin of a web page that may call, such as http://localhost:3000; may be given several times.
    #[arg(long = "origin")]
    pub origins: Vec<String>,
}

/// How densely footage is looked at.
#[derive(Clone, Copy, ValueEnum)]
pub enum Sampling {
    /// Keyframes only.
    Fast,
    /// One frame for every second.
    Full,
}

/// Look at footage.
#[derive(Args)]
pub struct Analyze {
    /// Files or folders.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Analysis folder.
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: PathBuf,
    /// Visual model; see `rushes models list`.
    #[arg(long)]
    pub model: Option<ModelKey>,
    /// How densely.
    #[arg(long, value_enum, default_value = "full")]
    pub sampling: Sampling,
    /// Look again at what is analysed already.
    #[arg(long)]
    pub force: bool,
}

/// Find moments.
#[derive(Args)]
pub struct Search {
    /// What is looked for, in words.
    pub query: String,
    /// Analysis folder.
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: PathBuf,
    /// Only in these files; may be given several times.
    #[arg(long = "in", value_name = "FILE")]
    pub media: Vec<PathBuf>,
    /// What to push down; may be given several times.
    #[arg(long, value_name = "WORDS")]
    pub exclude: Vec<String>,
    /// At most so many moments.
    #[arg(long, short = 'n', default_value_t = 10)]
    pub max_results: u32,
    /// Visual model; the active one when absent.
    #[arg(long)]
    pub model: Option<ModelKey>,
    /// Print what the HTTP API would answer.
    #[arg(long)]
    pub json: bool,
}

/// Models.
#[derive(Subcommand)]
pub enum Models {
    /// List models: what can be had, what is on disk, which one is active.
    List,
    /// Fetch models and what they need.
    Pull {
        /// Keys; the embedded default when absent.
        keys: Vec<ModelKey>,
    },
    /// Make a model the active one.
    Use {
        /// Key.
        key: ModelKey,
    },
    /// Print where a model's files lie.
    Path {
        /// Key.
        key: ModelKey,
    },
}

/// Tiers of license keys.
#[derive(Clone, Copy, ValueEnum)]
pub enum Tier {
    /// May use the API.
    Pro,
    /// May not.
    Standard,
}

/// License keys.
#[derive(Subcommand)]
pub enum License {
    /// Print this machine's own key.
    Show,
    /// Issue a key, signed with this machine's signing key.
    Issue {
        /// Tier.
        #[arg(long, value_enum, default_value = "pro")]
        tier: Tier,
        /// Days until it expires; never when absent.
        #[arg(long)]
        days: Option<u32>,
        /// Who it is for.
        #[arg(long)]
        holder: Option<String>,
    },
    /// Check a key; it is read from standard input when absent, which keeps it out of process lists.
    Verify {
        /// The key.
        key: Option<String>,
    },
}
