//! Which voices are the same person's.
//!
//! Voices are gathered while the mean cosine between two groups, of each voice of one with each of the
//! other, is high enough (average linkage). What remains small is no person but a cough, a laugh or a
//! mixture: its voices go to whom they are nearest. Last, people whose mean voices are close are one.

use super::embedding::Voice;
use std::collections::HashMap;

/// Mean cosine from which two groups are one person.
const SAME_GROUP: f32 = 0.5;
/// Seconds that a person speaks at least.
const LEAST_SECONDS: f32 = 2.0;
/// Cosine of mean voices from which two people are one.
const SAME_PERSON: f32 = 0.55;
/// Voices that are gathered at once, an hour of speech; groups of further ones are gathered afterwards, as
/// time grows with the square.
const AT_ONCE: usize = 5000;
/// Values that are summed side by side.
const LANES: usize = 8;

/// The person of each voice, numbered from 0 without gaps. Voices have length 1 and stand for so many
/// seconds each.
pub(super) fn people(voices: &[Voice], seconds: &[f32]) -> Vec<usize> {
    let mut people = gathered(voices, AT_ONCE);
    dissolve(&mut people, voices, seconds);
    join(&mut people, voices, seconds);
    people
}

/// Voices as one: their mean, of any length, which is all that linkage needs to know of them, and how many
/// voices or how many seconds of them there are.
#[derive(Debug, Clone)]
struct Group {
    mean: Voice,
    count: f32,
}

impl Group {
    fn with(&self, other: &Self) -> Self {
        let count = self.count + other.count;
        let mut mean = self.mean;
        for (here, there) in mean.iter_mut().zip(&other.mean) {
            *here = (*here * self.count + there * other.count) / count;
        }
        Self { mean, count }
    }
}

/// How near two groups are.
type Nearness = fn(&Group, &Group) -> f32;

fn gathered(voices: &[Voice], at_once: usize) -> Vec<usize> {
    let groups: Vec<Group> = voices.iter().map(|&mean| Group { mean, count: 1.0 }).collect();
    let (mut labels, mut found) = (Vec::new(), Vec::new());
    for part in groups.chunks(at_once) {
        let (own, groups) = linkage(part.to_vec(), mean_cosine, SAME_GROUP);
        labels.extend(own.into_iter().map(|label| label + found.len()));
        found.extend(groups);
    }
    if voices.len() > at_once {
        let (of_groups, _) = linkage(found, mean_cosine, SAME_GROUP);
        labels.iter_mut().for_each(|label| *label = of_groups[*label]);
    }
    labels
}

/// Linkage by chains of nearest neighbours (Murtagh 1983): two groups that are each other's nearest are
/// merged, in whatever order such pairs are found, if they are near enough. Returns each group's label, and
/// what they became.
fn linkage(mut groups: Vec<Group>, near: Nearness, least: f32) -> (Vec<usize>, Vec<Group>) {
    let mut into: Vec<usize> = (0..groups.len()).collect();
    let mut open = into.clone();
    let mut chain: Vec<usize> = Vec::new();
    while let Some(tip) = chain.last().copied().or_else(|| open.last().copied()) {
        if chain.is_empty() {
            chain.push(tip);
        }
        let before = chain.len().checked_sub(2).map(|at| chain[at]);
        let to_tip = |other: usize| near(&groups[tip], &groups[other]);
        let (nearest, nearness) = nearest(&open, tip, before, to_tip);
        if nearness < least {
            open.retain(|&group| group != tip);
            chain.pop();
        } else if before == Some(nearest) {
            groups[nearest] = groups[nearest].with(&groups[tip]);
            into[tip] = nearest;
            open.retain(|&group| group != tip);
            chain.truncate(chain.len() - 2);
        } else {
            chain.push(nearest);
        }
    }
    numbered(&groups, &into)
}

/// The open group that is nearest to the tip, `first` before others that are as near; a nearness below all
/// when there is no other.
fn nearest(
    open: &[usize],
    tip: usize,
    first: Option<usize>,
    to_tip: impl Fn(usize) -> f32,
) -> (usize, f32) {
    let start = first.map_or((tip, f32::NEG_INFINITY), |first| (first, to_tip(first)));
    let others = open.iter().filter(|&&other| other != tip);
    let nearness = others.map(|&other| (other, to_tip(other)));
    nearness.fold(start, |best, other| if other.1 > best.1 { other } else { best })
}

/// Follows each group to the one that it became, numbered from 0.
fn numbered(groups: &[Group], into: &[usize]) -> (Vec<usize>, Vec<Group>) {
    let (mut numbers, mut left) = (HashMap::new(), Vec::new());
    let labels = (0..into.len()).map(|mut group| {
        while into[group] != group {
            group = into[group];
        }
        *numbers.entry(group).or_insert_with(|| {
            left.push(groups[group].clone());
            left.len() - 1
        })
    });
    let labels = labels.collect();
    (labels, left)
}

/// The voices of each label as one, weighted by their seconds.
fn groups(labels: &[usize], voices: &[Voice], seconds: &[f32]) -> Vec<Group> {
    let count = labels.iter().max().map_or(0, |most| most + 1);
    let mut groups = vec![Group { mean: [0.0; _], count: 0.0 }; count];
    for ((&label, &mean), &count) in labels.iter().zip(voices).zip(seconds) {
        groups[label] = groups[label].with(&Group { mean, count });
    }
    groups
}

/// Gives the voices of those who say too little to whom they are nearest. If all do, those stay who say
/// most.
fn dissolve(labels: &mut [usize], voices: &[Voice], seconds: &[f32]) {
    let groups = groups(labels, voices, seconds);
    let most = groups.iter().map(|group| group.count).fold(0.0, f32::max);
    let least = most.min(LEAST_SECONDS);
    let stay: Vec<usize> = (0..groups.len()).filter(|&at| groups[at].count >= least).collect();
    for (label, &mean) in labels.iter_mut().zip(voices) {
        let voice = Group { mean, count: 1.0 };
        let near = |at: &usize| cosine(&groups[stay[*at]], &voice);
        let nearest = || (0..stay.len()).max_by(|a, b| near(a).total_cmp(&near(b)));
        *label = stay.binary_search(label).ok().or_else(nearest).unwrap_or(0);
    }
}

/// Joins people whose mean voices are close, again as long as that brings others close.
fn join(labels: &mut [usize], voices: &[Voice], seconds: &[f32]) {
    let mut people = groups(labels, voices, seconds);
    loop {
        let before = people.len();
        let (joined, left) = linkage(people, cosine, SAME_PERSON);
        labels.iter_mut().for_each(|label| *label = joined[*label]);
        if left.len() == before {
            return;
        }
        people = left;
    }
}

/// The mean of the cosines between each voice of one group and each of the other.
fn mean_cosine(a: &Group, b: &Group) -> f32 {
    dot(&a.mean, &b.mean)
}

/// The cosine of the mean voices.
fn cosine(a: &Group, b: &Group) -> f32 {
    let lengths = dot(&a.mean, &a.mean) * dot(&b.mean, &b.mean);
    dot(&a.mean, &b.mean) / lengths.sqrt().max(f32::MIN_POSITIVE)
}

fn dot(a: &Voice, b: &Voice) -> f32 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::minilm::normalise;

    /// Numbers that look random, in -1..1.
    struct Noise(u32);

    impl Noise {
        fn next(&mut self) -> f32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
        }

        fn voice(&mut self) -> Voice {
            let mut voice = [(); 192].map(|()| self.next());
            normalise(&mut voice);
            voice
        }

        /// A voice at this cosine to another.
        fn near(&mut self, voice: &Voice, cosine: f32) -> Voice {
            let mut near = self.voice();
            let along = dot(&near, voice);
            near.iter_mut().zip(voice).for_each(|(near, voice)| *near -= along * voice);
            normalise(&mut near);
            near.iter_mut().zip(voice).for_each(|(near, voice)| {
                *near = cosine * voice + (1.0 - cosine * cosine).sqrt() * *near;
            });
            near
        }
    }

    /// `counts[n]` voices of person n, two voices of whom have a cosine of about .81.
    fn voices(counts: &[usize]) -> (Vec<Voice>, Vec<usize>) {
        let mut noise = Noise(7);
        let mut voices = (Vec::new(), Vec::new());
        for (person, &count) in counts.iter().enumerate() {
            let voice = noise.voice();
            for _ in 0..count {
                voices.0.push(noise.near(&voice, 0.9));
                voices.1.push(person);
            }
        }
        voices
    }

    fn people_of(voices: &[Voice]) -> Vec<usize> {
        people(voices, &vec![0.75; voices.len()])
    }

    /// Whether two lists of labels tell the same apart.
    fn agree(a: &[usize], b: &[usize]) -> bool {
        let pairs = (0..a.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
        pairs.into_iter().all(|(i, j)| (a[i] == a[j]) == (b[i] == b[j]))
    }

    #[test]
    fn people_are_told_apart_in_any_order() {
        let (mut voices, mut expected) = voices(&[20, 9, 31]);
        assert!(agree(&people_of(&voices), &expected));
        let mut noise = Noise(3);
        for _ in 0..5 {
            for i in (1..voices.len()).rev() {
                let j = (noise.next().abs() * i as f32) as usize;
                voices.swap(i, j);
                expected.swap(i, j);
            }
            let found = people_of(&voices);
            assert!(agree(&found, &expected), "{found:?} {expected:?}");
            assert_eq!(found.iter().max(), Some(&2));
        }
    }

    #[test]
    fn one_person_and_nobody() {
        assert_eq!(people_of(&[]), Vec::<usize>::new());
        assert_eq!(people_of(&voices(&[1]).0), [0]);
        assert_eq!(people_of(&voices(&[12]).0), [0; 12]);
        // Too little to be anybody, but somebody it is; equal ones go to either.
        assert_eq!(people_of(&voices(&[2, 1]).0), [0; 3]);
    }

    #[test]
    fn who_says_too_little_goes_to_the_nearest() {
        let (mut voices, _) = voices(&[10, 10, 0]);
        let mut noise = Noise(11);
        let stray: Vec<Voice> = (0..2).map(|_| noise.near(&voices[15], 0.4)).collect();
        voices.extend(stray);
        let found = people_of(&voices);
        assert!(agree(&found[..20], &[[0; 10], [1; 10]].concat()), "{found:?}");
        assert_eq!(found[20..], [found[15]; 2]);
        // The same voices for longer are a person.
        let seconds = [[0.75; 20].to_vec(), vec![4.0; 2]].concat();
        let found = people(&voices, &seconds);
        assert!(found[20..].iter().all(|person| !found[..20].contains(person)), "{found:?}");
    }

    #[test]
    fn close_people_are_one() {
        let mut noise = Noise(5);
        let first = noise.voice();
        let second = noise.near(&first, 0.59);
        // Single voices of the two have a mean cosine of .81 * .59, which keeps their groups apart.
        let of = |who: &Voice, noise: &mut Noise| [(); 40].map(|()| noise.near(who, 0.9));
        let all = [of(&first, &mut noise), of(&second, &mut noise)].concat();
        assert_eq!(gathered(&all, 100).iter().max(), Some(&1));
        assert_eq!(people_of(&all), [0; 80]);
    }

    #[test]
    fn parts_of_a_long_file_find_the_same_people() {
        let (voices, expected) = voices(&[40, 25, 35]);
        for at_once in [1, 7, 33, 99] {
            assert!(agree(&gathered(&voices, at_once), &expected), "{at_once} at once");
        }
    }

    /// Against the plain way: look for the nearest pair of all, merge, again.
    #[test]
    fn chains_merge_as_looking_for_the_nearest_pair_does() {
        let mut noise = Noise(23);
        let base: Vec<Voice> = (0..4).map(|_| noise.voice()).collect();
        let voices: Vec<Voice> = (0..60)
            .map(|n| {
                let near = 0.6 + 0.2 * noise.next();
                noise.near(&base[n % 4], near)
            })
            .collect();
        let mut sets: Vec<Vec<usize>> = (0..voices.len()).map(|n| vec![n]).collect();
        loop {
            let mean = |a: &[usize], b: &[usize]| {
                let all = a.iter().flat_map(|i| b.iter().map(|j| dot(&voices[*i], &voices[*j])));
                all.sum::<f32>() / (a.len() * b.len()) as f32
            };
            let pairs = (0..sets.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
            let best = pairs.map(|(a, b)| (mean(&sets[a], &sets[b]), a, b));
            let Some((cosine, a, b)) = best.max_by(|a, b| a.0.total_cmp(&b.0)) else { break };
            if cosine < SAME_GROUP {
                break;
            }
            let gone = sets.remove(b);
            sets[a].extend(gone);
        }
        let mut expected = vec![0; voices.len()];
        for (label, set) in sets.iter().enumerate() {
            set.iter().for_each(|&voice| expected[voice] = label);
        }
        assert!(sets.len() > 4, "some voices stay alone");
        assert!(agree(&gathered(&voices, 100), &expected), "{sets:?}");
    }
}
