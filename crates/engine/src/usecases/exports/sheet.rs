//! Ranges as a page of pictures.

use super::{
    cutting::counted,
    selection::{ChosenRange, Source},
};
use crate::{
    paths::Roots,
    replies::{ExportedSheet, Thumbnail},
    requests::{ContactSheetRequest, MAX_CUT_CLIPS, ThumbnailRequest},
    thumbnails::{self, Sources},
    usecases::Engine,
};
use rushes_export::{ContactSheet, SheetRow};
use rushes_model::{ErrorCode, Failure, Timecode, timestamp};

/// Width of a picture on the page, in pixels: twice what it is on a screen, for paper.
const WIDTH: u32 = 480;

impl Engine {
    /// Ranges as a printable page, written into a file if one is named. A range whose medium gives no
    /// picture has none on the page.
    ///
    /// # Errors
    /// `BadRequest`, `BadPath`, `CacheDir`; nothing is written then.
    pub fn export_contact_sheet(
        &self,
        request: &ContactSheetRequest,
    ) -> Result<ExportedSheet, Failure> {
        let output = self.output_file(request.output_path.as_deref(), request.overwrite, "html")?;
        let chosen = self.choose(&request.selection(), MAX_CUT_CLIPS)?;
        let pictures = self.pictures(&chosen.sources, &chosen.ranges);
        let rows = chosen.ranges.iter().zip(pictures);
        let rows = rows.map(|(range, picture)| row(&chosen.sources[range.source], range, picture));
        let total: f64 = chosen.ranges.iter().map(|range| range.range.duration()).sum();
        let clips = counted(chosen.ranges.len());
        let sheet = ContactSheet {
            title: request.title.clone(),
            summary: format!("{clips}, {} together", timestamp(total)),
            rows: rows.collect(),
        };
        let content = sheet.html();
        let content = content.map_err(|e| Failure::new(ErrorCode::Internal, e.to_string()))?;
        let written = output.map(|file| file.write(content.as_bytes())).transpose()?;
        let output_path = written.map(|path| path.display().to_string());
        Ok(ExportedSheet { content, output_path, warnings: chosen.warnings })
    }

    /// A picture of the middle of each range.
    fn pictures(&self, sources: &[Source], ranges: &[ChosenRange]) -> Vec<Thumbnail> {
        let moment = |range: &ChosenRange| ThumbnailRequest {
            media_path: sources[range.source].path.display().to_string(),
            time_seconds: (range.range.start + range.range.end) / 2.0,
        };
        let moments: Vec<ThumbnailRequest> = ranges.iter().map(moment).collect();
        let from = Sources { reception: &self.0.reception, cache: &self.0.pictures, folder: None };
        // The paths are those that were checked, or where the same media are now.
        thumbnails::thumbnails(&from, &Roots::default(), &moments, WIDTH)
    }
}

fn row(source: &Source, range: &ChosenRange, picture: Thumbnail) -> SheetRow {
    let (start, end) = (range.range.start, range.range.end);
    let (start, end, length) = match source.clock() {
        Some(clock) => {
            let rate = clock.rate();
            let frames = rate.nearest_frame(end).saturating_sub(rate.nearest_frame(start)).max(1);
            let length = Timecode::from_frame(frames, rate, false).to_string();
            (clock.at(start).to_string(), clock.at(end).to_string(), length)
        }
        None => (timestamp(start), timestamp(end), timestamp(end - start)),
    };
    SheetRow {
        picture: picture.thumbnail,
        name: range.name.clone().unwrap_or_else(|| source.file_name()),
        media_path: source.named.clone(),
        start,
        end,
        length,
        lines: range.about.lines(),
    }
}
