//! What can be said of a picture without knowing any class: who is in it, light, sky, colours.
//!
//! Each attribute is a phrase and how far it holds, 0..=1. The phrase's vector is what is added to
//! the picture's, so phrases are worded as people search.

use super::look::{BLUE, CYAN, GREEN, Look, ORANGE, PINK, PURPLE, RED, YELLOW};
use crate::ssd::{Detection, PERSON};
use crate::yunet::Face;

/// Faces below are not looked at.
pub(super) const MIN_FACE_SCORE: f32 = 0.4;
/// Faces from here on are counted and measured.
const SURE_FACE_SCORE: f32 = 0.65;
/// The same for whole people.
const SURE_PERSON_SCORE: f32 = 0.5;
/// Nobody is there unless a face or a person scores more.
const MIN_SURE: f32 = 0.4;

/// Height of a body in those of its face, as it is seen down to the hips.
const FACES_A_BODY: f32 = 4.0;
/// Height of a person, as a share of the picture's, from which on the picture is of that person.
const FILLING: f32 = 0.5;

/// A phrase and how far it holds.
type Attribute = (&'static str, f32);

/// What the attributes are told from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sights<'a> {
    pub look: &'a Look,
    pub faces: &'a [Face],
    /// Things found; none where nothing looks for them.
    pub things: &'a [Detection],
    /// Height of the picture that the faces are measured in.
    pub height: u32,
}

/// The attributes of a picture, always all and in the same order. Stored tags are numbered by it: new
/// ones go to the end.
pub(super) fn attributes(sights: &Sights<'_>) -> Vec<Attribute> {
    let (look, people) = (sights.look, People::of(sights));
    let mut attributes = [
        &people.attributes()[..],
        &light(look, &people),
        &sky(look, &people),
        &land(look, &people),
        &backgrounds(look, &people),
        &colours(look),
        &graphics(look, &people, sights.things.is_empty()),
    ]
    .concat();
    attributes.push(people.standing());
    attributes
}

/// The phrases of [`attributes`], in its order.
pub(super) fn phrases() -> Vec<&'static str> {
    let nothing = Sights { look: &Look::default(), faces: &[], things: &[], height: 1 };
    attributes(&nothing).into_iter().map(|(phrase, _)| phrase).collect()
}

/// 0 well below `centre`, 1 well above it.
fn step(value: f32, centre: f32, width: f32) -> f32 {
    1.0 / (1.0 + (-(value - centre) / width).exp())
}

fn holds(condition: bool) -> f32 {
    f32::from(u8::from(condition))
}

/// Who is in the picture: whole people where something looks for them, and faces.
struct People {
    /// How sure it is that somebody is there.
    sure: f32,
    count: usize,
    /// Height of the largest face as a share of the picture's.
    face: f32,
    /// Height of the largest whole person, 0 without one.
    body: f32,
}

impl People {
    fn of(sights: &Sights<'_>) -> Self {
        let people = || sights.things.iter().filter(|thing| thing.class == PERSON);
        let bodies = || people().filter(|person| person.score > SURE_PERSON_SCORE);
        let faces = || sights.faces.iter().filter(|face| face.score > SURE_FACE_SCORE);
        let scores = sights.faces.iter().map(|face| face.score);
        let sure = scores.chain(people().map(|person| person.score)).fold(0.0, f32::max);
        let face = faces().map(|face| face.height).fold(0.0, f32::max);
        Self {
            sure: if sure > MIN_SURE { sure } else { 0.0 },
            count: bodies().count().max(faces().count()),
            face: face / sights.height as f32,
            body: bodies().map(Detection::height).fold(0.0, f32::max),
        }
    }

    /// How far the picture is of something else: 1 without anybody, and near it where people are small.
    fn absent(&self) -> f32 {
        let size = self.body.max(FACES_A_BODY * self.face);
        1.0 - self.sure * (size / FILLING).min(1.0)
    }

    fn attributes(&self) -> [Attribute; 9] {
        let faced = holds(self.face > 0.0);
        let few = holds(self.count <= 2);
        let far = holds(self.count > 0) * holds(self.body < 0.4) * holds(self.face < 0.12);
        [
            ("a person", self.sure),
            ("a man or a woman", self.sure),
            ("one person alone", self.sure * holds(self.count == 1)),
            ("two people together", self.sure * holds(self.count == 2)),
            ("a group of people, friends", self.sure * holds(self.count >= 3)),
            ("a crowd of people", self.sure * holds(self.count >= 6)),
            ("close-up of a face", faced * step(self.face, 0.35, 0.04)),
            ("portrait of a person", faced * few * step(self.face, 0.2, 0.03)),
            ("small people seen from far away", self.sure * far),
        ]
    }

    fn standing(&self) -> Attribute {
        let whole = holds(self.body > 0.0) * step(self.body, 0.6, 0.05) * holds(self.face < 0.2);
        ("a person standing, full body", self.sure * whole)
    }
}

fn light(look: &Look, people: &People) -> [Attribute; 4] {
    let dark = 1.0 - step(look.brightness, 0.26, 0.03);
    let pale = step(look.white, 0.4, 0.05);
    // White pages and icons have no colour either, but nobody calls them black and white.
    let graphic = if look.white > 0.6 || look.palette < 14.0 { 0.5 } else { 1.0 };
    [
        ("a dark room or night scene", dark),
        ("night", dark * (1.0 - people.sure / 2.0)),
        ("bright daylight", step(look.brightness, 0.55, 0.04) * (1.0 - pale)),
        ("black and white photo", graphic * (1.0 - step(look.chroma, 2.2, 0.4))),
    ]
}

/// Reds and yellows, the colours of an evening sky.
fn warm(colours: &[f32]) -> f32 {
    [ORANGE, RED, YELLOW, PINK, PURPLE].iter().map(|&colour| colours[colour]).sum()
}

fn sky(look: &Look, people: &People) -> [Attribute; 4] {
    let top = &look.colours_top;
    let smooth = 1.0 - step(look.edges_top, 0.05, 0.012);
    let photo = 1.0 - step(look.flat, 0.5, 0.05);
    let bright = step(look.brightness_top, 0.45, 0.04);
    let (blue, warm) = (top[BLUE] + top[CYAN], warm(top));
    let grey = 1.0 - step(warm + blue, 0.35, 0.06);
    let nobody = people.absent();
    [
        ("blue sky", step(blue, 0.5, 0.08) * smooth * bright),
        ("sunset, sunrise, evening sky", step(warm, 0.3, 0.06) * smooth * photo * nobody),
        ("pink and purple sky", step(top[PURPLE] + top[PINK], 0.4, 0.08) * smooth * nobody),
        ("cloudy gray sky", smooth * bright * grey * photo * nobody),
    ]
}

fn land(look: &Look, people: &People) -> [Attribute; 6] {
    let (all, bottom) = (&look.colours, &look.colours_bottom);
    let nobody = people.absent();
    let pale = 1.0 - step(look.saturation, 0.28, 0.03);
    let calm = 1.0 - step(look.edges, 0.06, 0.012);
    let fog = pale * calm * step(look.brightness, 0.4, 0.05) * (1.0 - step(look.flat, 0.45, 0.04));
    let white = step(look.brightness, 0.68, 0.04) * (1.0 - step(look.saturation, 0.18, 0.03));
    let autumn = all[ORANGE] + all[RED] + all[YELLOW];
    let water = bottom[BLUE] + bottom[CYAN];
    let busy = step(look.edges, 0.12, 0.02);
    [
        ("fog, mist", fog * nobody),
        ("green grass, leaves and plants", step(all[GREEN], 0.35, 0.06)),
        ("forest, trees", step(all[GREEN] + all[YELLOW], 0.3, 0.06) * busy),
        ("autumn leaves, orange colors", step(autumn, 0.5, 0.06) * nobody),
        ("water, sea, lake", step(water, 0.4, 0.07) * nobody),
        ("snow, ice, white mountains", white * (1.0 - step(look.flat, 0.4, 0.04)) * nobody),
    ]
}

fn backgrounds(look: &Look, people: &People) -> [Attribute; 3] {
    let empty = 1.0 - step(look.edges, 0.1, 0.02);
    let space = step(look.dark, 0.75, 0.04) * people.absent() * empty;
    [
        ("outer space, stars, black sky", space),
        ("black background", step(look.dark, 0.65, 0.05)),
        ("white background", step(look.white, 0.5, 0.07)),
    ]
}

fn colours(look: &Look) -> [Attribute; 8] {
    let much = |colour: usize| step(look.colours[colour], 0.2, 0.05);
    let different = look.colours.iter().filter(|&&share| share > 0.06).count() as f32;
    [
        ("red", much(RED)),
        ("orange", much(ORANGE)),
        ("yellow", much(YELLOW)),
        ("green", much(GREEN)),
        ("blue", much(BLUE)),
        ("purple", much(PURPLE)),
        ("pink", much(PINK)),
        ("colorful", step(different, 3.5, 0.4) * step(look.saturation, 0.35, 0.04)),
    ]
}

fn graphics(look: &Look, people: &People, nothing: bool) -> [Attribute; 5] {
    let nobody = people.absent();
    let drawn = step(look.flat, 0.55, 0.05) * step(look.palette_top, 0.6, 0.05);
    let vivid = step(look.saturation, 0.5, 0.05) * (1.0 - step(look.dark, 0.4, 0.05));
    let plain = 1.0 - step(look.palette, 500.0, 100.0);
    let soft = 1.0 - step(look.sharpness, 260.0, 50.0);
    [
        ("a drawing, illustration or cartoon", drawn * (1.0 - 0.7 * people.sure)),
        ("logo, icon, graphic design", drawn * step(look.palette_top, 0.7, 0.04) * nobody),
        ("abstract background", vivid * plain * nobody * holds(nothing)),
        ("blurry", 1.0 - step((look.sharpness + 1.0).ln(), 3.7, 0.25)),
        ("close-up of an object, macro", nobody * soft * step(look.saturation, 0.3, 0.04)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(found: &[Attribute], phrase: &str) -> f32 {
        found.iter().find(|(name, _)| *name == phrase).expect(phrase).1
    }

    /// In a picture 360 pixels high.
    fn seen(look: &Look, faces: &[Face], things: &[Detection]) -> Vec<Attribute> {
        attributes(&Sights { look, faces, things, height: 360 })
    }

    fn person(score: f32, height: f32) -> Detection {
        Detection { class: PERSON, score, y0: 0.0, x0: 0.0, y1: height, x1: 0.2 }
    }

    fn face(score: f32, height: f32) -> Face {
        Face { score, left: 0.0, top: 0.0, width: height, height, landmarks: [(0.0, 0.0); 5] }
    }

    #[test]
    fn people_are_counted_and_measured() {
        let faces = [face(0.9, 120.0), face(0.8, 40.0), face(0.5, 300.0)];
        let found = seen(&Look::default(), &faces, &[]);
        assert_eq!(value(&found, "two people together"), 0.9);
        assert_eq!(value(&found, "one person alone"), 0.0);
        assert!(value(&found, "portrait of a person") > 0.9, "the face of 300 is not sure enough");
        assert!(value(&found, "close-up of a face") < 0.5);
        let nobody = seen(&Look::default(), &[], &[]);
        assert_eq!(value(&nobody, "a person"), 0.0);
        assert_eq!(value(&nobody, "close-up of a face"), 0.0);
    }

    #[test]
    fn whole_people_count_where_faces_are_not_seen() {
        let look = Look::default();
        let found = seen(&look, &[], &[person(0.9, 0.9), person(0.8, 0.3), person(0.3, 0.2)]);
        assert_eq!(value(&found, "a person"), 0.9);
        assert_eq!(value(&found, "two people together"), 0.9, "the third is not sure enough");
        assert!(value(&found, "a person standing, full body") > 0.89);
        assert_eq!(value(&found, "small people seen from far away"), 0.0);
        assert_eq!(value(&found, "portrait of a person"), 0.0);
        let far = seen(&look, &[], &[person(0.9, 0.2)]);
        assert_eq!(value(&far, "small people seen from far away"), 0.9);
        let close = seen(&look, &[face(0.9, 180.0)], &[person(0.9, 0.9)]);
        assert_eq!(value(&close, "a person standing, full body"), 0.0, "half of it is the face");
        let dog = Detection { class: 18, ..person(0.9, 0.9) };
        assert_eq!(value(&seen(&look, &[], &[dog]), "a person"), 0.0);
        assert_eq!(
            value(&seen(&look, &[face(0.9, 90.0)], &[]), "a person standing, full body"),
            0.0
        );
    }

    #[test]
    fn what_has_things_in_it_is_no_abstract_background() {
        let look = Look { saturation: 0.9, ..Look::default() };
        let dog = Detection { class: 18, ..person(0.3, 0.9) };
        assert!(value(&seen(&look, &[], &[]), "abstract background") > 0.9);
        assert_eq!(value(&seen(&look, &[], &[dog]), "abstract background"), 0.0);
    }

    /// Stored analyses hold these numbers.
    #[test]
    fn tags_keep_their_numbers() {
        let phrases = phrases();
        assert_eq!(phrases.len(), 40);
        let known = [
            (0, "a person"),
            (9, "a dark room or night scene"),
            (17, "fog, mist"),
            (38, "close-up of an object, macro"),
            (39, "a person standing, full body"),
        ];
        for (number, phrase) in known {
            assert_eq!(phrases[number], phrase);
        }
    }

    #[test]
    fn a_blue_top_is_a_blue_sky_only_when_smooth_and_bright() {
        let mut look = Look { brightness_top: 0.8, ..Look::default() };
        look.colours_top[BLUE] = 0.9;
        assert!(value(&seen(&look, &[], &[]), "blue sky") > 0.9);
        look.edges_top = 0.2;
        assert!(value(&seen(&look, &[], &[]), "blue sky") < 0.1);
    }

    #[test]
    fn every_value_is_a_share() {
        let look =
            Look { sharpness: 1e9, palette: 4096.0, saturation: 1.0, flat: 1.0, ..Look::default() };
        for look in [look, Look::default()] {
            for (phrase, value) in seen(&look, &[face(1.0, 1e6)], &[person(1.0, 1.0)]) {
                assert!((0.0..=1.0).contains(&value), "{phrase} is {value}");
            }
        }
    }
}
