//! From sections to the bytes of a file, whatever they hold.

use super::{
    BundleMeta,
    layout::{Form, Kind, Section, header, place},
};
use crate::StoreError;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    borrow::Cow,
    io::{self, Write},
};

/// A section's bytes, in pieces so that pictures are not copied.
pub(super) struct Body<'a> {
    pub(super) kind: Kind,
    pub(super) pieces: Vec<Cow<'a, [u8]>>,
}

/// A bundle that was checked and laid out.
pub(crate) struct Encoded<'a> {
    form: &'static Form,
    sections: Vec<Section>,
    bodies: Vec<Body<'a>>,
}

/// The JSON of a META section, if it reads back as it is: a duration of NaN, say, is written as null and
/// would make the bundle unreadable.
pub(super) fn meta_json<T>(meta: &T) -> Result<Vec<u8>, &'static str>
where
    T: Serialize + DeserializeOwned + PartialEq,
{
    let json = serde_json::to_vec(meta).map_err(|_| "its facts cannot be written as JSON")?;
    match serde_json::from_slice::<T>(&json) {
        Ok(read) if read == *meta => Ok(json),
        _ => Err("its facts would not read back as they are"),
    }
}

impl Body<'_> {
    /// A section of one piece.
    pub(super) fn whole(kind: Kind, bytes: Vec<u8>) -> Self {
        Self { kind, pieces: vec![bytes.into()] }
    }

    /// The table's entry, its place not yet known.
    fn section(&self) -> Section {
        let mut crc = crc32fast::Hasher::new();
        self.pieces.iter().for_each(|piece| crc.update(piece));
        let length = self.pieces.iter().map(|piece| piece.len() as u64).sum();
        Section { kind: self.kind as u32, crc: crc.finalize(), offset: 0, length }
    }
}

impl<'a> Encoded<'a> {
    /// Lays out what `bodies` gave; what does not fit together is told of the medium `meta` names.
    pub(super) fn new(
        form: &'static Form,
        meta: &BundleMeta,
        bodies: Result<Vec<Body<'a>>, &'static str>,
    ) -> Result<Self, StoreError> {
        let bodies = bodies.map_err(|reason| StoreError::Invalid {
            media: meta.source_path.clone(),
            reason: reason.to_owned(),
        })?;
        let mut sections: Vec<Section> = bodies.iter().map(Body::section).collect();
        place(&mut sections);
        Ok(Self { form, sections, bodies })
    }

    pub(crate) fn write_to(&self, writer: &mut dyn Write) -> io::Result<()> {
        let header = header(self.form, &self.sections);
        writer.write_all(&header)?;
        let mut end = header.len() as u64;
        for (section, body) in self.sections.iter().zip(&self.bodies) {
            let padding = vec![0; (section.offset - end) as usize];
            writer.write_all(&padding)?;
            body.pieces.iter().try_for_each(|piece| writer.write_all(piece))?;
            end = section.offset + section.length;
        }
        Ok(())
    }
}
