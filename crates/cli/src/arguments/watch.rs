//! `rushes watch`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Folders that the server watches.
#[derive(Subcommand)]
pub enum Watch {
    /// Print the watched folders, and what could not be analysed in them.
    List {
        /// Print what the API would answer.
        #[arg(long)]
        json: bool,
    },
    /// Have what comes into a folder analysed.
    Add(AddWatch),
    /// Stop watching a folder. Media and analyses stay.
    Remove {
        /// Id of the folder; `rushes watch list` prints it.
        id: String,
    },
    /// Turn watching on, also out of a pause.
    Start,
    /// Turn watching off once the file in work is done.
    Stop,
    /// Have watching wait.
    Pause {
        /// For how long; until it is started again when absent.
        #[arg(long)]
        seconds: Option<f64>,
    },
}

/// A folder to watch, and what for.
#[derive(Args)]
pub struct AddWatch {
    /// The folder.
    pub path: PathBuf,
    /// Analysis folder.
    #[arg(long, value_name = "FOLDER")]
    pub cache_dir: PathBuf,
    /// Leave the folders in it out.
    #[arg(long)]
    pub flat: bool,
    /// Write down what is said as well. Needs a speech model, such as whisper-base.
    #[arg(long)]
    pub speech: bool,
    /// Language of the speech, such as en; found out when absent.
    #[arg(long, requires = "speech")]
    pub language: Option<String>,
    /// Find faces as well, and gather the people among them in this collection. Needs the model dlib-faces.
    #[arg(long, value_name = "COLLECTION")]
    pub faces: Option<String>,
    /// Leave the pictures out, for speech or faces alone.
    #[arg(long, conflicts_with = "ocr")]
    pub no_pictures: bool,
    /// Read text in the picture as well. Needs the model pp-ocr-v4.
    #[arg(long)]
    pub ocr: bool,
    /// Look at the folder every few seconds, whatever the file system can tell.
    #[arg(long)]
    pub poll: bool,
}
