//! Takes: shots that look nearly the same, which must not fill the first page.

use super::scope::Scope;
use half::f16;
use rushes_vectors::Hit;
use std::collections::HashMap;

/// Moments that a first page has.
const PAGE: usize = 20;
/// Takes of one set-up that keep their place on it.
const TAKES_KEPT: usize = 2;

/// A shot that was found.
pub struct Moment {
    /// Its frames among those that were ranked, best first, with their ranks.
    pub frames: Vec<(usize, Hit)>,
    /// Rank of the best frame of the first shot that looks nearly the same, if there is one.
    pub take_of: Option<usize>,
}

impl Moment {
    /// Its best frame and that frame's rank.
    pub fn best(&self) -> (usize, Hit) {
        self.frames[0]
    }
}

/// Tells which moments are takes of an earlier one: their best frames are at least as alike as
/// `same_take`, a cosine.
pub fn tell_takes(scope: &Scope<'_>, moments: &mut [Moment], same_take: f32) {
    let mut heads: Vec<(usize, Vec<f32>)> = Vec::new();
    for moment in moments {
        let (rank, hit) = moment.best();
        let row = scope.media[hit.segment].segment.rows().row(hit.row);
        match heads.iter().find(|(_, head)| cosine(head, row) >= same_take) {
            Some((first, _)) => moment.take_of = Some(*first),
            None => heads.push((rank, row.iter().map(|value| value.to_f32()).collect())),
        }
    }
}

/// Cosine of a stored row and another one, both of length 1.
fn cosine(head: &[f32], row: &[f16]) -> f32 {
    rushes_vectors::dot(head, row)
}

/// How many takes of each set-up have been on the page.
#[derive(Default)]
struct Kept(HashMap<usize, usize>);

impl Kept {
    /// Whether a moment, the next one, keeps its place.
    fn keeps(&mut self, moment: &Moment) -> bool {
        let takes = self.0.entry(moment.take_of.unwrap_or(moment.best().0)).or_default();
        *takes += 1;
        *takes <= TAKES_KEPT
    }
}

/// Whether takes of few set-ups are among these moments, so that others could make a better page.
pub fn flood(moments: &[Moment]) -> bool {
    let mut kept = Kept::default();
    let keeps = moments.iter().filter(|moment| kept.keeps(moment)).count();
    keeps < PAGE.min(moments.len())
}

/// Moves what would flood the first page behind it: of takes of one set-up the best two stay, further
/// ones follow after the page, in their order.
pub fn spread(moments: Vec<Moment>) -> Vec<Moment> {
    let mut kept = Kept::default();
    let (mut page, mut waiting) = (Vec::new(), Vec::new());
    let mut rest = moments.into_iter();
    for moment in rest.by_ref() {
        if kept.keeps(&moment) {
            page.push(moment);
        } else {
            waiting.push(moment);
        }
        if page.len() == PAGE {
            break;
        }
    }
    // What waits ranks before what the page has not come to.
    page.into_iter().chain(waiting).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(rank: usize, take_of: Option<usize>) -> Moment {
        let hit = Hit { segment: 0, row: rank, score: 1.0 - rank as f32 / 100.0 };
        Moment { frames: vec![(rank, hit)], take_of }
    }

    fn ranks(moments: &[Moment]) -> Vec<usize> {
        moments.iter().map(|moment| moment.best().0).collect()
    }

    #[test]
    fn of_many_takes_two_stay_on_the_page() {
        let takes = (0..10).map(|rank| moment(rank, (rank > 0).then_some(0)));
        let others = (10..40).map(|rank| moment(rank, None));
        let spread = ranks(&spread(takes.chain(others).collect()));
        assert_eq!(spread[..3], [0, 1, 10]);
        assert_eq!(spread[PAGE - 1], 27);
        assert_eq!(spread[PAGE..PAGE + 9], [2, 3, 4, 5, 6, 7, 8, 9, 28]);
        assert_eq!(spread.len(), 40);
    }

    #[test]
    fn takes_flood_until_others_fill_the_page() {
        let takes = |count: usize| (0..count).map(|rank| moment(rank, (rank > 0).then_some(0)));
        let others = |count: usize| (100..100 + count).map(|rank| moment(rank, None));
        let floods = |moments: Vec<Moment>| flood(&moments);
        assert!(floods(takes(5).collect()) && floods(takes(50).chain(others(17)).collect()));
        assert!(!floods(takes(50).chain(others(18)).collect()));
        assert!(!floods(takes(2).collect()) && !floods(others(5).collect()) && !floods(vec![]));
    }

    #[test]
    fn nothing_moves_without_takes_and_nothing_is_lost() {
        let all: Vec<Moment> = (0..50).map(|rank| moment(rank, None)).collect();
        assert!(ranks(&spread(all)).is_sorted());
        let same: Vec<Moment> = (0..5).map(|rank| moment(rank, (rank > 0).then_some(0))).collect();
        assert_eq!(ranks(&spread(same)), [0, 1, 2, 3, 4]);
    }
}
