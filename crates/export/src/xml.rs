//! Elements of XML, each closed where it was opened.

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};
use std::{borrow::Cow, fmt::Display, io};

/// A document under way.
pub struct Xml(Writer<Vec<u8>>);

impl Xml {
    /// A whole document: the declaration, its document type, and what `root` writes.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn document(
        doctype: &str,
        root: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<String> {
        let mut xml = Self(Writer::new_with_indent(Vec::new(), b' ', 2));
        xml.0.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        xml.finish(doctype, root)
    }

    /// A page of HTML: a document without the declaration, which HTML does not have.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn page(root: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<String> {
        Self(Writer::new_with_indent(Vec::new(), b' ', 2)).finish("html", root)
    }

    fn finish(
        mut self,
        doctype: &str,
        root: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<String> {
        self.0.write_event(Event::DocType(BytesText::from_escaped(doctype)))?;
        root(&mut self)?;
        let mut bytes = self.0.into_inner();
        bytes.push(b'\n');
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    /// An element with attributes and what `inside` writes.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn element(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        inside: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.0.write_event(Event::Start(start(name, attributes)))?;
        inside(self)?;
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    /// An element with attributes and nothing inside.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
        self.0.write_event(Event::Empty(start(name, attributes)))
    }

    /// An element with text inside.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn text(&mut self, name: &str, text: impl Display) -> io::Result<()> {
        self.text_with(name, &[], text)
    }

    /// An element of HTML with a class and text inside.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn text_of_class(&mut self, name: &str, class: &str, text: impl Display) -> io::Result<()> {
        self.text_with(name, &[("class", class)], text)
    }

    fn text_with(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        text: impl Display,
    ) -> io::Result<()> {
        let text = text.to_string();
        self.element(name, attributes, |xml| {
            xml.0.write_event(Event::Text(BytesText::new(&allowed(&text))))
        })
    }
}

fn start<'a>(name: &'a str, attributes: &[(&str, &str)]) -> BytesStart<'a> {
    let mut start = BytesStart::new(name);
    for (key, value) in attributes {
        start.push_attribute((*key, allowed(value).as_ref()));
    }
    start
}

/// Text without what XML 1.0 cannot hold even escaped (section 2.2, `Char`): control characters, which
/// names of files may have, are shown as U+FFFD.
fn allowed(text: &str) -> Cow<'_, str> {
    let odd = |letter: char| match letter {
        '\t' | '\n' | '\r' => false,
        _ => letter < ' ' || matches!(letter, '\u{fffe}' | '\u{ffff}'),
    };
    if text.contains(odd) { text.replace(odd, "\u{fffd}").into() } else { text.into() }
}
