//! Transcripts as documents.

use crate::{
    library::LoadedTranscript,
    output::OutputFolder,
    replies::{ExportedTranscript, ExportedTranscripts},
    requests::{ExportTranscriptsRequest, MAX_ANALYZE_PATHS, TranscriptFormat},
    speakers,
    usecases::{Engine, check_count},
};
use rushes_export::{Format, Segment, Speaker, Transcript, Word};
use rushes_model::{ErrorCode, Failure, SourceClock};
use rushes_store::{SpokenSegment, SpokenWord};
use std::path::Path;

impl Engine {
    /// Finished transcripts as documents of one format, written into a folder if one is named; media
    /// that have none are named.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`; nothing is written then.
    pub fn export_transcripts(
        &self,
        request: &ExportTranscriptsRequest,
    ) -> Result<ExportedTranscripts, Failure> {
        check_count("media_paths", request.media_paths.len(), MAX_ANALYZE_PATHS)?;
        let paths = self.paths(&request.media_paths)?;
        let output = request.output_dir.as_deref();
        let output = output.map(|named| OutputFolder::open(&self.0.roots, named)).transpose()?;
        let shelf = self.transcripts(&request.cache_dir)?;
        let format = Format::from(request.format);
        let (mut files, mut missing) = (Vec::new(), Vec::new());
        for (named, path) in request.media_paths.iter().zip(&paths) {
            match shelf.of(path).filter(|found| found.is_finished()) {
                Some(found) => files.push(document(named, &found, format)?),
                None => missing.push(named.clone()),
            }
        }
        if let Some(folder) = output {
            let documents = files.iter().map(|file| {
                (Path::new(&file.media_path), format.extension(), file.content.as_str())
            });
            let written = folder.write(documents)?;
            for (file, path) in files.iter_mut().zip(written) {
                file.output_path = Some(path.display().to_string());
            }
        }
        Ok(ExportedTranscripts { files, missing })
    }
}

fn document(
    media_path: &str,
    found: &LoadedTranscript,
    format: Format,
) -> Result<ExportedTranscript, Failure> {
    let content = format.write(&transcript(media_path, found));
    let content = content.map_err(|e| Failure::new(ErrorCode::Internal, e.to_string()))?;
    Ok(ExportedTranscript { media_path: media_path.to_owned(), content, output_path: None })
}

/// What is read, as it is written.
fn transcript(media_path: &str, found: &LoadedTranscript) -> Transcript {
    let speech = &found.speech;
    let segments = speech.segments.iter().zip(&found.edited);
    Transcript {
        media_path: media_path.to_owned(),
        hash_str: speech.meta.hash_str,
        model_key: speech.meta.model_key.clone(),
        language: speech.voice.language.clone(),
        spaced: speech.voice.spaced,
        clock: SourceClock::of(&speech.meta.facts),
        segments: segments.map(|(segment, edited)| spoken(found, segment, *edited)).collect(),
    }
}

fn spoken(found: &LoadedTranscript, segment: &SpokenSegment, edited: bool) -> Segment {
    let speaker =
        |label| Speaker { label, name: speakers::name(found, segment).map(str::to_owned) };
    Segment {
        speaker: speakers::label(segment).map(speaker),
        edited,
        words: segment.words.iter().map(word).collect(),
    }
}

fn word(word: &SpokenWord) -> Word {
    Word {
        text: word.text.clone(),
        start: word.start,
        end: word.end,
        probability: f64::from(word.probability),
    }
}

impl From<TranscriptFormat> for Format {
    fn from(format: TranscriptFormat) -> Self {
        match format {
            TranscriptFormat::Srt => Self::Srt,
            TranscriptFormat::Vtt => Self::Vtt,
            TranscriptFormat::Txt => Self::Txt,
            TranscriptFormat::Json => Self::Json,
            TranscriptFormat::Csv => Self::Csv,
        }
    }
}
