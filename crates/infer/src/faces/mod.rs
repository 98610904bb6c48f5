//! Faces: where they are, how well they can be seen, and vectors that tell people apart.
//!
//! [`FaceModel`] finds faces with [YuNet](crate::yunet), brings each upright by its five points
//! ([`align`]) and gives the chip to dlib's ResNet ([`resnet`]), which is read from dlib's own file
//! ([`dat`]). How far an embedding can be trusted says [`quality`].

mod align;
mod dat;
mod mean;
mod model;
mod quality;
mod resnet;

pub use model::{EPS_SCALE, FaceModel, KEY, SMALLEST_FACE, SeenFace};
