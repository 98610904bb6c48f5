//! Ranges as a page to print or to pass round: pictures, timecode, words and people.
//!
//! One HTML file with everything in it, so that it can be sent by mail; on paper a row never breaks across
//! pages. It runs no script and loads nothing.

use crate::xml::Xml;
use std::io;

/// A page of ranges.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactSheet {
    /// What stands above.
    pub title: String,
    /// A line below that: how many ranges, how long together.
    pub summary: String,
    /// In order.
    pub rows: Vec<SheetRow>,
}

/// One range on a page.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetRow {
    /// A JPEG of a moment in it, as base64; `None` where there is no picture.
    pub picture: Option<String>,
    /// What the range is called.
    pub name: String,
    /// The medium's path.
    pub media_path: String,
    /// Timecode of its first frame, or its time where it has no frames.
    pub start: String,
    /// The same of the first frame after it.
    pub end: String,
    /// How long it is, such as `00:00:04:12`.
    pub length: String,
    /// What is known of it, a line each.
    pub lines: Vec<String>,
}

/// How the page looks. A dark page would waste ink, and pictures are judged against neutral grey.
const STYLE: &str = "
body { font: 13px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em; color: #222; }
h1 { font-size: 1.5em; margin: 0; overflow-wrap: anywhere; }
.summary { color: #666; margin: 0 0 1.5em; }
.take { display: grid; grid-template-columns: 2em 15em 1fr; gap: 1em; padding: 1em 0;
  border-top: 1px solid #ccc; break-inside: avoid; }
.number { color: #666; text-align: right; font-variant-numeric: tabular-nums; }
.picture { background: #777; min-height: 6em; }
.picture img { display: block; width: 100%; }
.name { font-weight: 600; overflow-wrap: anywhere; }
.time { font-variant-numeric: tabular-nums; }
.path { color: #666; font-size: .85em; overflow-wrap: anywhere; }
.line { margin: .3em 0 0; white-space: pre-line; overflow-wrap: anywhere; }
@media print { body { margin: 0; max-width: none; } }
";

impl ContactSheet {
    /// The page as HTML.
    ///
    /// # Errors
    /// When the writer fails, which takes more memory than there is.
    pub fn html(&self) -> io::Result<String> {
        Xml::page(|xml| {
            xml.element("html", &[("lang", "en")], |xml| {
                xml.element("head", &[], |xml| {
                    xml.empty("meta", &[("charset", "utf-8")])?;
                    xml.text("title", &self.title)?;
                    xml.text("style", STYLE)
                })?;
                xml.element("body", &[], |xml| {
                    xml.text("h1", &self.title)?;
                    xml.text_of_class("p", "summary", &self.summary)?;
                    let mut rows = self.rows.iter().zip(1..);
                    rows.try_for_each(|(row, number)| row.write(number, xml))
                })
            })
        })
    }
}

impl SheetRow {
    fn write(&self, number: usize, xml: &mut Xml) -> io::Result<()> {
        xml.element("section", &[("class", "take")], |xml| {
            xml.text_of_class("div", "number", number)?;
            xml.element("div", &[("class", "picture")], |xml| match &self.picture {
                Some(jpeg) => {
                    let source = format!("data:image/jpeg;base64,{jpeg}");
                    xml.empty("img", &[("alt", &self.name), ("src", &source)])
                }
                None => xml.text("span", ""),
            })?;
            xml.element("div", &[], |xml| {
                xml.text_of_class("div", "name", &self.name)?;
                let time = format!("{} – {}  ({})", self.start, self.end, self.length);
                xml.text_of_class("div", "time", time)?;
                xml.text_of_class("div", "path", &self.media_path)?;
                self.lines.iter().try_for_each(|line| xml.text_of_class("p", "line", line))
            })
        })
    }
}
