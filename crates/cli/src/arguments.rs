//! What can be typed.

mod export;
mod watch;

pub use export::*;
pub use watch::*;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use rushes_model::{ModelKey, parse_timestamp};
use std::{net::IpAddr, path::PathBuf, str::FromStr};

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
    /// Find moments by words, a picture or a frame.
    Search(Search),
    /// Print what is said.
    Transcript(Transcript),
    /// See who was found, give names and correct who is who.
    #[command(subcommand)]
    Faces(Faces),
    /// Have folders watched by the server.
    #[command(subcommand)]
    Watch(Watch),
    /// Write what was found for other programs.
    #[command(subcommand)]
    Export(Export),
    /// See, fetch and choose models.
    #[command(subcommand)]
    Models(Models),
    /// See, issue and check license keys.
    #[command(subcommand)]
    License(License),
    /// Check everything in an analysis folder, and put what is damaged aside.
    Repair(Repair),
    /// Say what is missing on this machine and how to get it.
    Doctor,
}

/// Check an analysis folder.
#[derive(Args)]
pub struct Repair {
    /// Analysis folder.
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: PathBuf,
    /// Only look; nothing is changed.
    #[arg(long)]
    pub check: bool,
}

/// Run the server.
#[derive(Args)]
pub struct Serve {
    /// Port to listen on.
    #[arg(long, short)]
    pub port: Option<u16>,
    /// Address to listen on; loopback when absent. Any other needs a certificate and --root.
    #[arg(long)]
    pub host: Option<IpAddr>,
    /// Certificate in PEM form, followed by those that vouch for it; the server then speaks HTTPS only.
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate, in PEM form.
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Let other machines connect without a certificate: keys and footage then cross the network
    /// unencrypted.
    #[arg(long)]
    pub open_to_network: bool,
    /// Folder that callers may name files under; may be given several times.
    #[arg(long = "root", value_name = "FOLDER")]
    pub roots: Vec<PathBuf>,
    /// Origin of a web page that may call, such as http://localhost:3000; may be given several times.
    #[arg(long = "origin")]
    pub origins: Vec<String>,
    /// End when the program that started this one ends, or closes the pipe that is standard input.
    #[arg(long)]
    pub exit_with_parent: bool,
    /// Process id of that program: if it ended before this one looked, that is noticed too.
    #[arg(long, value_name = "PID", requires = "exit_with_parent")]
    pub parent_pid: Option<u32>,
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
#[command(group(ArgGroup::new("beside pictures").args(["speech", "faces"]).multiple(true)))]
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
    /// Read text in the picture as well, so that text:"words" finds it. Needs the model pp-ocr-v4.
    #[arg(long)]
    pub ocr: bool,
    /// Write down what is said as well. Needs a speech model, such as whisper-base.
    #[arg(long)]
    pub speech: bool,
    /// Speech model; see `rushes models list`.
    #[arg(long, requires = "speech")]
    pub speech_model: Option<ModelKey>,
    /// Language of the speech, such as en; found out when absent.
    #[arg(long, requires = "speech")]
    pub language: Option<String>,
    /// Audio track to listen to, from 0; the first in which anybody speaks when absent.
    #[arg(long, value_name = "N", requires = "speech")]
    pub audio_track: Option<u32>,
    /// Find faces as well, and gather the people among them in this collection. Needs the model dlib-faces.
    #[arg(long, value_name = "COLLECTION")]
    pub faces: Option<String>,
    /// Leave the pictures out, for speech or faces alone.
    #[arg(long, requires = "beside pictures", conflicts_with = "ocr")]
    pub no_pictures: bool,
    /// Look again at what is analysed already.
    #[arg(long)]
    pub force: bool,
}

/// Print what is said.
#[derive(Args)]
pub struct Transcript {
    /// Media files.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Analysis folder.
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: PathBuf,
    /// Print what the API would answer, with the times of every word.
    #[arg(long)]
    pub json: bool,
}

/// Whose faces.
#[derive(Args)]
pub struct Collection {
    /// Analysis folder.
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: PathBuf,
    /// The collection; may be left out where there is only one.
    #[arg(long, short, value_name = "NAME")]
    pub collection: Option<String>,
}

/// People and their faces.
#[derive(Subcommand)]
pub enum Faces {
    /// List the clusters of a collection, largest first.
    List {
        /// Which.
        #[command(flatten)]
        of: Collection,
        /// Print what the API would answer.
        #[arg(long)]
        json: bool,
    },
    /// List the faces of a cluster, or those of no cluster.
    Show {
        /// Cluster; `unclustered` means the faces of none.
        cluster: String,
        /// Which.
        #[command(flatten)]
        of: Collection,
        /// Folder to write their pictures into, called by their numbers; nothing there is written over.
        #[arg(long, value_name = "FOLDER")]
        pictures: Option<PathBuf>,
    },
    /// Give a cluster a name; an empty one takes it away.
    Name {
        /// Cluster.
        cluster: String,
        /// Name.
        name: String,
        /// Which.
        #[command(flatten)]
        of: Collection,
    },
    /// Put clusters together.
    Merge {
        /// Cluster that stays.
        target: String,
        /// Clusters whose faces go to it.
        #[arg(required = true)]
        clusters: Vec<String>,
        /// Which.
        #[command(flatten)]
        of: Collection,
    },
    /// Move faces to another cluster.
    Move {
        /// Faces.
        #[arg(required = true)]
        faces: Vec<String>,
        /// Cluster that they go to; a new one when absent.
        #[arg(long, value_name = "CLUSTER")]
        to: Option<String>,
        /// Which.
        #[command(flatten)]
        of: Collection,
    },
    /// Take back the last naming, merge or move.
    Undo {
        /// Which.
        #[command(flatten)]
        of: Collection,
    },
    /// Group faces anew; names, merges and moves stay.
    Regroup {
        /// Which.
        #[command(flatten)]
        of: Collection,
        /// Cosine distance under which two faces are neighbours; lower groups more strictly.
        #[arg(long, value_name = "NUMBER", default_value_t = 0.48)]
        eps: f64,
        /// Faces near one another that a person needs.
        #[arg(long, value_name = "N", default_value_t = 5)]
        min_samples: u32,
        /// Pick both by what the faces show.
        #[arg(long, conflicts_with_all = ["eps", "min_samples"])]
        auto: bool,
        /// Take all names away.
        #[arg(long)]
        clear_names: bool,
    },
}

/// What the help of `rushes search` ends with.
const SEARCH_HELP: &str = "\
Examples:
  rushes search \"a dog on a beach\" --cache-dir D
  rushes search 'a dog NOT snow kind:video date:2024-05..' --cache-dir D
  rushes search --image still.jpg \"at night\" --cache-dir D
  rushes search --frame clip.mov@00:01:02.5 --cache-dir D
  rushes search '@Anna AND @Ben at a table' --cache-dir D
  rushes search --said \"good morning\" --cache-dir D";

/// A time of a file.
#[derive(Clone)]
pub struct FrameAt {
    /// The file.
    pub path: PathBuf,
    /// Seconds from its start.
    pub seconds: f64,
}

impl FromStr for FrameAt {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (path, time) = text
            .rsplit_once('@')
            .filter(|(path, _)| !path.is_empty())
            .ok_or("it takes a file and a time, such as clip.mov@12.5 or clip.mov@00:01:02.5")?;
        Ok(Self { path: path.into(), seconds: seconds(time)? })
    }
}

/// A time in seconds or as `HH:MM:SS[.fraction]`.
fn seconds(time: &str) -> Result<f64, String> {
    match time.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => Ok(seconds),
        _ => parse_timestamp(time).map_err(|error| error.to_string()),
    }
}

/// Find moments.
#[derive(Args)]
#[command(after_help = SEARCH_HELP)]
pub struct Search {
    /// What is looked for: a sentence, or an expression of the query language. Beside a picture or a
    /// frame it refines that.
    #[arg(required_unless_present_any = ["image", "frame", "said"])]
    pub query: Option<String>,
    /// Look for what this picture shows.
    #[arg(long, value_name = "PICTURE", conflicts_with = "frame")]
    pub image: Option<PathBuf>,
    /// Look for what a frame shows: a file, @, and seconds or HH:MM:SS from its start.
    #[arg(long, value_name = "FILE@TIME")]
    pub frame: Option<FrameAt>,
    /// Look for words that are said, as they are remembered.
    #[arg(long, value_name = "WORDS", conflicts_with_all = ["query", "image", "frame"])]
    pub said: Option<String>,
    /// Look for what means about the same as these words.
    #[arg(long, requires = "said")]
    pub by_meaning: bool,
    /// Only what this speaker says.
    #[arg(long, value_name = "LABEL", requires = "said")]
    pub speaker: Option<String>,
    /// Weight of the words beside a picture or a frame.
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0)]
    pub text_weight: f64,
    /// Analysis folder.
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: PathBuf,
    /// Only in these files or folders; may be given several times.
    #[arg(long = "in", value_name = "PATH")]
    pub media: Vec<PathBuf>,
    /// What to push down; may be given several times.
    #[arg(long, value_name = "WORDS")]
    pub exclude: Vec<String>,
    /// At most so many moments.
    #[arg(long, short = 'n', default_value_t = 10)]
    pub max_results: u32,
    /// Leave out moments of a lower similarity, 0 to 1; 0 shows everything. A default of the model's
    /// when absent.
    #[arg(long, value_name = "NUMBER")]
    pub min_similarity: Option<f64>,
    /// List takes that look nearly the same one after the other, where they rank.
    #[arg(long)]
    pub all_takes: bool,
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
