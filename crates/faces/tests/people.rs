//! What people say about the clusters of a collection, and what becomes of them.

use proptest::{prelude::*, sample::Index};
use rushes_faces::{
    ClusterId, ClusterRef, CollectionLog, Decision, FaceId, FaceIndex, Grouping, Groups, Merge,
    Move, Name, Place, persons,
};
use rushes_model::MediaId;
use serde::{Deserialize, Serialize};

const MEDIUM: MediaId = MediaId([0xab; 16]);
/// The collection of all tests.
const CAST: &str = "cast";
/// The id that somebody began a cluster with.
const BEGUN: ClusterId = ClusterId(0x1234);

/// The faces of a collection, ten seconds from one another.
fn face(number: usize) -> FaceId {
    FaceId { media_id: MEDIUM, milliseconds: number as u32 * 10_000, across: 500, down: 400 }
}

fn faces(numbers: &[usize]) -> Vec<FaceId> {
    numbers.iter().map(|number| face(*number)).collect()
}

fn index(count: usize) -> FaceIndex {
    let spans = (0..count).map(face).map(|id| (id, id.milliseconds, id.milliseconds));
    FaceIndex::new(&spans.collect::<Vec<_>>())
}

/// The cluster that is called after a face.
fn id(founder: usize) -> ClusterId {
    ClusterId::of(CAST, face(founder))
}

/// What somebody speaks of who sees some faces of the cluster that is called after a face.
fn seen(founder: usize, numbers: &[usize]) -> ClusterRef {
    ClusterRef { id: id(founder), faces: faces(numbers) }
}

fn begun(numbers: &[usize]) -> ClusterRef {
    ClusterRef { id: BEGUN, faces: faces(numbers) }
}

fn name(cluster: ClusterRef, name: &str) -> Decision {
    Decision::Name { names: vec![Name { cluster, name: name.to_owned() }] }
}

fn merge(clusters: &[ClusterRef], target: ClusterRef) -> Decision {
    let merges = vec![Merge { clusters: clusters.to_vec(), target }];
    Decision::Edit { merges, moves: Vec::new() }
}

fn put(numbers: &[usize], target: ClusterRef) -> Decision {
    let moves = vec![Move { faces: faces(numbers), target }];
    Decision::Edit { merges: Vec::new(), moves }
}

fn group(clear_names: bool) -> Decision {
    Decision::Group { grouping: Grouping::DEFAULT, clear_names }
}

/// Where a decision stands in the journal of a machine.
fn at(machine: &str, sequence: u64) -> Place {
    Place { machine: machine.to_owned(), sequence }
}

fn undo(of: Place) -> Decision {
    Decision::Undo { of }
}

/// A log of decisions of one machine, numbered from 0.
fn log(decisions: &[Decision]) -> CollectionLog {
    let mut log = CollectionLog::default();
    for (sequence, decision) in (0..).zip(decisions) {
        log.push(at("m", sequence), decision.clone());
    }
    log
}

/// Clusters as they were found, written as a letter for each face; one that is in none has a dot. Each is called
/// after its first face.
fn found(letters: &str) -> (Groups, FaceIndex) {
    let index = index(letters.len());
    let mut known: Vec<char> = Vec::new();
    let mut founders = Vec::new();
    let mut label = |(face, letter): (u32, char)| {
        let new = letter != '.' && !known.contains(&letter);
        if new {
            known.push(letter);
            founders.push(face);
        }
        known.iter().position(|one| *one == letter).map(|at| at as u32)
    };
    let labels: Vec<Option<u32>> = (0..).zip(letters.chars()).map(&mut label).collect();
    (Groups::new(CAST, &labels, &founders, index.ids()), index)
}

/// Clusters as they are after what was decided.
fn after(letters: &str, decisions: &[Decision]) -> Groups {
    let (mut groups, index) = found(letters);
    log(decisions).corrections().for_each(|decision| groups.apply(decision, &index));
    let checked = check(&groups, letters.len());
    assert!(checked.is_ok(), "{checked:?}");
    groups
}

/// Clusters as lines of a face's number each and then the name.
fn shown(groups: &Groups) -> Vec<String> {
    let mut clusters: Vec<_> = groups.clusters().collect();
    clusters.sort_by_key(|cluster| cluster.faces[0]);
    let line = |cluster: &&rushes_faces::Group| {
        let faces: Vec<String> = cluster.faces.iter().map(usize::to_string).collect();
        format!("{} {}", faces.join(","), cluster.name.as_deref().unwrap_or("-"))
    };
    clusters.iter().map(line).collect()
}

/// Every face is in one cluster's list, which knows it, or in none.
fn check(groups: &Groups, count: usize) -> Result<(), TestCaseError> {
    let mut times = vec![0; count];
    let mut ids = std::collections::HashSet::new();
    for cluster in groups.clusters() {
        prop_assert!(ids.insert(cluster.id), "two clusters are {}", cluster.id);
        prop_assert_eq!(groups.get(cluster.id), Some(cluster));
        prop_assert!(cluster.faces.is_sorted());
        prop_assert!(cluster.name.as_deref() != Some(""));
        for face in &cluster.faces {
            times[*face] += 1;
            prop_assert_eq!(groups.of_face(*face), Some(cluster));
        }
    }
    for face in groups.unclustered() {
        times[face] += 1;
        prop_assert_eq!(groups.of_face(face), None);
    }
    prop_assert!(times.iter().all(|times| *times == 1), "{:?}", times);
    Ok(())
}

fn persons_of(count: usize, decisions: &[Decision]) -> Vec<Option<u32>> {
    persons(&log(decisions), &index(count), str::to_lowercase)
}

mod logs {
    use super::*;

    fn anna() -> Decision {
        name(seen(0, &[0]), "Anna")
    }

    fn ben() -> Decision {
        name(seen(0, &[0]), "Ben")
    }

    /// What of some decisions holds, and the place of the last of them.
    fn holding(decisions: &[Decision]) -> (Vec<Decision>, Option<u64>) {
        let log = log(decisions);
        let last = log.last_correction().map(|(place, _)| place.sequence);
        assert_eq!(log.last_correction().map(|(_, last)| last), log.corrections().last());
        (log.corrections().cloned().collect(), last)
    }

    #[test]
    fn undo_takes_back_what_it_says_wherever_it_stands() {
        let (anna, ben, here) = (anna, ben, |sequence| undo(at("m", sequence)));
        let both = vec![anna(), ben()];
        let cases = [
            ("nothing", vec![], (vec![], None)),
            ("no undo", vec![anna(), ben()], (both.clone(), Some(1))),
            ("the last", vec![anna(), ben(), here(1)], (vec![anna()], Some(0))),
            ("twice in a row", vec![anna(), ben(), here(1), here(0)], (vec![], None)),
            ("an earlier one", vec![anna(), ben(), here(0)], (vec![ben()], Some(1))),
            ("before its target", vec![anna(), here(2), ben()], (vec![anna()], Some(0))),
            ("two of one", vec![anna(), ben(), here(1), here(1)], (vec![anna()], Some(0))),
            ("an unknown one", vec![anna(), ben(), here(77)], (both.clone(), Some(1))),
            ("another machine's", vec![anna(), ben(), undo(at("n", 1))], (both, Some(1))),
            ("and said again", vec![anna(), here(0), anna()], (vec![anna()], Some(2))),
            ("an undo", vec![anna(), here(0), here(1)], (vec![], None)),
        ];
        for (what, decisions, expected) in cases {
            assert_eq!(holding(&decisions), expected, "undo of {what}");
        }
    }

    #[test]
    fn only_names_edits_and_cleared_names_are_taken_back() {
        let join = Decision::Join { media: vec![MEDIUM] };
        let edit = put(&[1], begun(&[]));
        let decisions = [anna(), edit.clone(), group(true), group(false), join];
        assert_eq!(holding(&decisions), (vec![anna(), edit, group(true)], Some(2)));
    }

    #[test]
    fn cleared_names_come_back() {
        let mut decisions = vec![anna(), group(true), group(false)];
        assert_eq!(shown(&after("aab", &decisions)), ["0,1 -", "2 -"]);
        let last = log(&decisions).last_correction().map(|(place, _)| place.clone());
        assert_eq!(last, Some(at("m", 1)));
        decisions.push(undo(at("m", 1)));
        assert_eq!(shown(&after("aab", &decisions)), ["0,1 Anna", "2 -"]);
    }

    #[test]
    fn names_given_after_all_were_cleared_hold() {
        assert_eq!(shown(&after("aab", &[anna(), group(true), ben()])), ["0,1 Ben", "2 -"]);
    }

    #[test]
    fn media_are_in_order_of_joining() {
        let [a, b, c] = [1, 2, 3].map(|id| MediaId([id; 16]));
        let join = |media: &[MediaId]| Decision::Join { media: media.to_vec() };
        let decisions = [join(&[c, a, c]), anna(), join(&[]), join(&[a, b]), undo(at("m", 3))];
        assert_eq!(log(&decisions).media(), [c, a, b]);
        assert!(log(&[anna()]).media().is_empty());
    }

    #[test]
    fn the_last_grouping_is_that_of_the_collection() {
        let grouping = |eps| Grouping { eps, min_samples: 2, auto: true };
        let group = |eps| Decision::Group { grouping: grouping(eps), clear_names: true };
        assert_eq!(log(&[anna()]).grouping(), Grouping::default());
        assert_eq!(log(&[group(0.3), group(0.4), anna()]).grouping(), grouping(0.4));
        // The names come back, the groups stay.
        assert_eq!(log(&[group(0.3), group(0.4), undo(at("m", 1))]).grouping(), grouping(0.4));
    }
}

mod names {
    use super::*;

    /// How faces are grouped, what is named, and what is shown then.
    type Case<'a> = (&'a str, &'a str, ClusterRef, &'a [&'a str]);

    #[test]
    fn a_name_goes_to_the_cluster_with_most_of_the_faces() {
        let cases: [Case; 9] = [
            ("its own", "aab", seen(0, &[0, 1]), &["0,1 Anna", "2 -"]),
            ("most against the id", "abbb", seen(0, &[0, 1, 2]), &["0 -", "1,2,3 Anna"]),
            ("a tie: the id", "aabb", seen(2, &[0, 2]), &["0,1 -", "2,3 Anna"]),
            ("a tie without the id: the first", "aabb", begun(&[3, 0]), &["0,1 Anna", "2,3 -"]),
            ("who is in none has no vote", "ab...", seen(0, &[1, 2, 3]), &["0 -", "1 Anna"]),
            ("no face left: the id", "aab", seen(0, &[77]), &["0,1 Anna", "2 -"]),
            ("no face said: the id", "aab", seen(2, &[]), &["0,1 -", "2 Anna"]),
            ("unknown faces and id", "aab", begun(&[77]), &["0,1 -", "2 -"]),
            ("in none: revived", "aab..", begun(&[4, 3, 3]), &["0,1 -", "2 -", "3,4 Anna"]),
        ];
        for (what, letters, cluster, expected) in cases {
            assert_eq!(shown(&after(letters, &[name(cluster, "Anna")])), expected, "{what}");
        }
    }

    #[test]
    fn a_revived_cluster_has_the_id_that_was_spoken_of() {
        let groups = after("..", &[name(begun(&[1]), "Anna")]);
        let revived = groups.get(BEGUN).unwrap();
        assert_eq!((&revived.faces[..], revived.name.as_deref()), (&[1][..], Some("Anna")));
    }

    #[test]
    fn an_empty_name_takes_a_name_away_and_revives_nothing() {
        let anna = name(seen(0, &[0]), "Anna");
        assert_eq!(shown(&after("aa.", &[anna.clone(), name(seen(0, &[1]), "")])), ["0,1 -"]);
        assert_eq!(shown(&after("aa.", &[anna, name(begun(&[2]), "")])), ["0,1 Anna"]);
    }

    #[test]
    fn the_later_of_two_names_holds() {
        let decisions = [name(seen(0, &[0]), "Anna"), name(seen(0, &[1]), "Ben")];
        assert_eq!(shown(&after("aa", &decisions)), ["0,1 Ben"]);
    }

    #[test]
    fn a_reference_names_faces_from_all_over_a_cluster() {
        let (groups, index) = found(&"a".repeat(30));
        let reference = groups.reference(groups.get(id(0)).unwrap(), &index);
        let few = groups
            .clusters()
            .next()
            .map(|one| rushes_faces::Group { faces: vec![3, 5], ..one.clone() });
        assert_eq!(groups.reference(&few.unwrap(), &index), seen(0, &[3, 5]));
        assert_eq!((reference.id, reference.faces.len()), (id(0), 12));
        assert!(reference.faces.is_sorted() && reference.faces[11] >= face(25));
        let distinct: std::collections::HashSet<_> = reference.faces.iter().collect();
        assert_eq!(distinct.len(), 12);
    }
}

mod edits {
    use super::*;

    #[test]
    fn a_merged_cluster_keeps_the_name_of_its_target_or_takes_one() {
        let [anna, ben, chris] = [(0, "Anna"), (2, "Ben"), (4, "Chris")]
            .map(|(founder, text)| name(seen(founder, &[founder]), text));
        let [a, b, c] = [seen(0, &[0]), seen(2, &[2]), seen(4, &[4])];
        let cases = [
            ("the target's", vec![anna.clone(), ben.clone()], "0,1,2,3,4 Anna"),
            ("the source's", vec![ben.clone()], "0,1,2,3,4 Ben"),
            ("the first source's", vec![chris.clone(), ben], "0,1,2,3,4 Ben"),
            ("that of the one that has one", vec![chris], "0,1,2,3,4 Chris"),
            ("none", vec![], "0,1,2,3,4 -"),
        ];
        for (what, mut decisions, expected) in cases {
            decisions.push(merge(&[b.clone(), c.clone()], a.clone()));
            let groups = after("aabbc", &decisions);
            assert_eq!(shown(&groups), [expected], "{what}");
            assert_eq!(groups.clusters().next().unwrap().id, id(0));
        }
    }

    #[test]
    fn a_merge_of_what_is_one_already_changes_nothing() {
        let anna = name(seen(0, &[0]), "Anna");
        let again = merge(&[seen(2, &[2])], seen(0, &[0]));
        assert_eq!(shown(&after("aaaab", &[anna.clone(), again.clone()])), ["0,1,2,3 Anna", "4 -"]);
        let decisions = [anna, again.clone(), again];
        assert_eq!(shown(&after("aabb", &decisions)), ["0,1,2,3 Anna"]);
    }

    #[test]
    fn a_cluster_is_not_merged_with_itself() {
        let decisions = [
            name(begun(&[0]), "Anna"),
            merge(&[begun(&[2])], begun(&[0])),
            name(begun(&[0, 1]), "Ben"),
        ];
        assert_eq!(shown(&after("aabb", &decisions)), ["0,1 Ben", "2,3 -"]);
        assert_eq!(persons_of(4, &decisions), [Some(0), Some(0), None, None]);
    }

    #[test]
    fn merges_revive_clusters_of_faces_that_are_in_none() {
        let both = merge(&[begun(&[2])], seen(3, &[3]));
        let groups = after("aa..", &[both]);
        assert_eq!(shown(&groups), ["0,1 -", "2,3 -"]);
        assert!(groups.get(id(3)).is_some() && groups.get(BEGUN).is_none());
        assert_eq!(shown(&after("aa..", &[merge(&[seen(0, &[0])], begun(&[77]))])), ["0,1 -"]);
    }

    /// Two people merge A and B, and somebody who does not know of it speaks of B.
    #[test]
    fn who_speaks_of_a_cluster_that_was_merged_away_changes_nothing() {
        let [a, b, c] = [seen(1, &[1, 2]), seen(3, &[3, 4]), seen(5, &[5, 6])];
        let merged =
            [name(a.clone(), "Anna"), name(c.clone(), "Chris"), merge(std::slice::from_ref(&b), a)];
        let unaware = [
            ("a name", name(b.clone(), "Ben")),
            ("no name", name(b.clone(), "")),
            ("a merge of it", merge(std::slice::from_ref(&b), c.clone())),
            ("a merge into it", merge(&[c], b.clone())),
            ("a move", put(&[5], b.clone())),
            ("a move that begins it", put(&[5], ClusterRef { faces: Vec::new(), ..b })),
        ];
        // As they were; grouped anew, where B is called after another face; and where A and B are one.
        let groupings = [
            (".aabbcc", ["1,2,3,4 Anna", "5,6 Chris"]),
            ("baabbcc", ["0,1,2,3,4 Anna", "5,6 Chris"]),
            (".aaaacc", ["1,2,3,4 Anna", "5,6 Chris"]),
        ];
        for (letters, expected) in groupings {
            assert_eq!(shown(&after(letters, &merged)), expected);
            for (what, decision) in &unaware {
                let decisions = [&merged[..], std::slice::from_ref(decision)].concat();
                assert_eq!(shown(&after(letters, &decisions)), expected, "{what}, {letters}");
            }
        }
        for (what, decision) in unaware {
            let decisions = [&merged[..], &[decision]].concat();
            assert_eq!(persons_of(7, &decisions), persons_of(7, &merged), "{what}");
        }
    }

    /// Most faces of B went to A, but a cluster is called B when all are grouped anew.
    #[test]
    fn a_cluster_that_has_the_id_of_a_merged_one_can_be_spoken_of() {
        let decisions =
            [merge(&[seen(2, &[2, 3, 4])], seen(0, &[0, 1])), name(seen(2, &[2]), "Ben")];
        assert_eq!(shown(&after("aabbb", &decisions)), ["0,1,2,3,4 -"]);
        assert_eq!(shown(&after("aabcc", &decisions)), ["0,1,3,4 -", "2 Ben"]);
    }

    #[test]
    fn moved_faces_keep_their_cluster_and_its_name_however_all_are_grouped() {
        let decisions = [
            name(seen(0, &[0, 1, 2, 3]), "Anna"),
            put(&[2, 3], begun(&[])),
            name(begun(&[2, 3]), "Ben"),
        ];
        let groupings = [
            ("aaaab", vec!["0,1 Anna", "2,3 Ben", "4 -"]),
            ("aabbb", vec!["0,1 Anna", "2,3 Ben", "4 -"]),
            ("aaaaa", vec!["0,1,4 Anna", "2,3 Ben"]),
            ("ab..b", vec!["0 Anna", "1,4 -", "2,3 Ben"]),
            (".....", vec!["0,1 Anna", "2,3 Ben"]),
        ];
        for (letters, expected) in groupings {
            let groups = after(letters, &decisions);
            assert_eq!(shown(&groups), expected, "{letters}");
            assert_eq!(groups.of_face(3).unwrap().id, BEGUN);
        }
    }

    #[test]
    fn moves_take_faces_from_wherever_they_are() {
        let twice = [put(&[1], begun(&[])), put(&[1], seen(2, &[2]))];
        let cases = [
            ("to a known one", vec![put(&[1], seen(2, &[2]))], vec!["0 -", "1,2,3 -"]),
            ("to its own", vec![put(&[1], seen(0, &[0]))], vec!["0,1 -", "2,3 -"]),
            ("of one twice named", vec![put(&[1, 1], begun(&[]))], vec!["0 -", "1 -", "2,3 -"]),
            ("of one that moved before", twice.to_vec(), vec!["0 -", "1,2,3 -"]),
            ("of two clusters", vec![put(&[1, 2, 4], begun(&[]))], vec!["0 -", "1,2,4 -", "3 -"]),
            ("of all faces", vec![put(&[0, 1], seen(2, &[3]))], vec!["0,1,2,3 -"]),
            ("of one in none", vec![put(&[4], seen(0, &[0]))], vec!["0,1,4 -", "2,3 -"]),
            ("to a revived one", vec![put(&[1], begun(&[4]))], vec!["0 -", "1,4 -", "2,3 -"]),
            ("of none that is there", vec![put(&[77], begun(&[]))], vec!["0,1 -", "2,3 -"]),
            ("to where nobody is", vec![put(&[1], begun(&[77]))], vec!["0,1 -", "2,3 -"]),
        ];
        for (what, decisions, expected) in cases {
            assert_eq!(shown(&after("aabb.", &decisions)), expected, "move {what}");
        }
    }

    #[test]
    fn a_cluster_without_faces_is_gone() {
        let groups = after("aabb", &[put(&[0, 1], begun(&[]))]);
        assert_eq!(groups.get(id(0)), None);
        assert_eq!(groups.clusters().count(), 2);
        // Nor does its name come back with its id.
        let decisions =
            [name(seen(0, &[0]), "Anna"), put(&[0, 1], begun(&[])), put(&[2], seen(0, &[4]))];
        assert_eq!(shown(&after("aabb.", &decisions)), ["0,1 -", "2,4 -", "3 -"]);
    }

    #[test]
    fn an_edit_merges_before_it_moves() {
        let edit = Decision::Edit {
            merges: vec![Merge { clusters: vec![seen(2, &[2])], target: seen(0, &[0]) }],
            moves: vec![Move { faces: faces(&[3]), target: begun(&[]) }],
        };
        assert_eq!(shown(&after("aabb", &[edit])), ["0,1,2 -", "3 -"]);
    }

    #[test]
    fn groups_of_nothing_are_none() {
        let groups = after("", &[name(seen(0, &[0]), "Anna"), put(&[0], begun(&[]))]);
        assert_eq!((groups.clusters().count(), groups.unclustered().count()), (0, 0));
    }
}

mod places {
    use super::*;

    /// A face in this medium, then, there.
    fn placed(medium: u8, milliseconds: u32, across: i16, down: i16) -> FaceId {
        FaceId { media_id: MediaId([medium; 16]), milliseconds, across, down }
    }

    #[test]
    fn a_face_is_found_where_another_analysis_sees_it() {
        let index = FaceIndex::new(&[
            (placed(1, 60_000, 300, 400), 10_000, 3_600_000),
            (placed(1, 61_000, 700, 400), 10_000, 62_000),
            (placed(1, 70_000, 700, 430), 63_500, 90_000),
            (placed(2, 60_000, 300, 400), 60_000, 60_000),
        ]);
        let cases = [
            ("exactly", placed(1, 60_000, 300, 400), Some(0)),
            ("in another medium", placed(2, 60_000, 300, 400), Some(3)),
            ("in no medium", placed(3, 60_000, 300, 400), None),
            ("early in a long track", placed(1, 10_000, 300, 400), Some(0)),
            ("late in a long track", placed(1, 3_600_000, 310, 390), Some(0)),
            ("a second before", placed(1, 9_000, 300, 400), Some(0)),
            ("more than that before", placed(1, 8_999, 300, 400), None),
            ("a second after", placed(2, 61_000, 300, 400), Some(3)),
            ("more than that after", placed(2, 61_001, 300, 400), None),
            ("a little away", placed(1, 60_000, 150, 550), Some(0)),
            ("too far across", placed(1, 60_000, 149, 400), None),
            ("too far down", placed(1, 60_000, 300, 551), None),
            ("the other one in its frame", placed(1, 60_000, 690, 400), Some(1)),
            ("between two in one frame", placed(1, 60_000, 500, 400), None),
            ("who is seen then, though farther away", placed(1, 61_900, 700, 430), Some(1)),
            ("of two nearby in time the nearer in place", placed(1, 62_750, 700, 420), Some(2)),
            ("at the end of time", placed(1, u32::MAX, i16::MIN, i16::MAX), None),
        ];
        for (what, id, expected) in cases {
            assert_eq!(index.find(id), expected, "{what}");
        }
        assert_eq!(index.get(placed(1, 60_000, 300, 400)), Some(0));
        assert_eq!(index.get(placed(1, 60_001, 300, 400)), None);
        assert_eq!(index.ids()[3], placed(2, 60_000, 300, 400));
    }

    #[test]
    fn the_nearer_of_two_side_by_side_is_taken_and_the_first_of_equals() {
        let two = [(placed(1, 0, 400, 400), 0, 0), (placed(1, 0, 500, 400), 0, 0)];
        let index = FaceIndex::new(&two);
        for (across, expected) in [(430, 0), (450, 0), (451, 1), (520, 1)] {
            assert_eq!(index.find(placed(1, 500, across, 400)), Some(expected), "{across}");
        }
    }
}

mod people {
    use super::*;

    fn anna() -> Decision {
        name(seen(0, &[0, 1]), "Anna")
    }

    fn ben() -> Decision {
        name(seen(2, &[2, 3]), "Ben")
    }

    #[test]
    fn faces_are_of_the_person_that_somebody_named() {
        let (no, a, b) = (None, Some(0), Some(1));
        let [of_anna, of_ben] = [seen(0, &[0]), seen(2, &[2])];
        let cases = [
            ("nobody named", vec![], [no, no, no, no, no]),
            ("two people", vec![anna(), ben()], [a, a, b, b, no]),
            ("another case", vec![anna(), name(seen(2, &[2]), "ANNA")], [a, a, a, no, no]),
            ("named anew", vec![anna(), name(seen(0, &[4]), "Ben")], [a, a, no, no, a]),
            (
                "named anew as somebody known",
                vec![anna(), ben(), name(seen(0, &[4]), "ben")],
                [a, a, a, a, a],
            ),
            (
                "a face that was named with others since",
                vec![anna(), name(begun(&[1, 4]), "Ben")],
                [a, b, no, no, b],
            ),
            ("unnamed", vec![anna(), ben(), name(seen(2, &[3]), "")], [a, a, no, no, no]),
            ("moved", vec![anna(), ben(), put(&[1, 2], begun(&[]))], [a, no, no, b, no]),
            (
                "named before and moved back",
                vec![anna(), put(&[1], of_anna.clone())],
                [a, no, no, no, no],
            ),
            (
                "merged: the target's name",
                vec![
                    anna(),
                    ben(),
                    merge(std::slice::from_ref(&of_ben), of_anna.clone()),
                    name(seen(4, &[4]), "Ben"),
                ],
                [a, a, a, a, b],
            ),
            (
                "merged: the source's name",
                vec![ben(), merge(std::slice::from_ref(&of_ben), seen(4, &[4]))],
                [no, no, a, a, a],
            ),
            (
                "merged: the first source's name",
                vec![
                    name(seen(2, &[2]), "Ben"),
                    name(seen(0, &[0]), "Anna"),
                    merge(&[of_anna.clone(), of_ben.clone()], seen(4, &[4])),
                    name(begun(&[1]), "Anna"),
                ],
                [a, a, a, no, a],
            ),
            (
                "merged, then named",
                vec![anna(), ben(), merge(&[of_ben], of_anna), name(seen(0, &[4]), "Chris")],
                [a, a, a, a, a],
            ),
            ("in another order", vec![ben(), anna()], [a, a, b, b, no]),
            ("cleared", vec![anna(), group(true), ben()], [no, no, a, a, no]),
            ("grouped anew", vec![anna(), group(false), ben()], [a, a, b, b, no]),
            ("taken back", vec![anna(), ben(), undo(at("m", 0))], [no, no, a, a, no]),
            (
                "clearing taken back",
                vec![anna(), group(true), undo(at("m", 1))],
                [a, a, no, no, no],
            ),
            ("faces that are not there", vec![name(seen(0, &[77]), "Anna")], [no; 5]),
        ];
        for (what, decisions, expected) in cases {
            assert_eq!(persons_of(5, &decisions), expected, "{what}");
        }
    }

    #[test]
    fn names_are_alike_as_the_caller_says() {
        let log = log(&[anna(), name(seen(2, &[2]), "anna")]);
        let exact = persons(&log, &index(3), str::to_owned);
        assert_eq!(exact, [Some(0), Some(0), Some(1)]);
    }
}

/// What decisions are in files that were written by the first version.
mod files {
    use super::*;

    /// As the engine keeps it.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Body {
        collection: String,
        #[serde(flatten)]
        decision: Decision,
    }

    #[test]
    fn version_1_is_read_as_what_it_is_and_written_alike() {
        let grouping = Grouping { eps: 0.42, min_samples: 3, auto: true };
        let edge = FaceId { media_id: MEDIUM, milliseconds: 0, across: -20, down: 1000 };
        let a = ClusterRef { id: ClusterId(0x98b8_a3ed_c38d_3376), faces: vec![face(1), edge] };
        let names = ["Anna", ""].map(|name| Name { cluster: a.clone(), name: name.to_owned() });
        let edit = Decision::Edit {
            merges: vec![Merge { clusters: vec![begun(&[0])], target: a.clone() }],
            moves: vec![Move { faces: faces(&[2]), target: begun(&[]) }],
        };
        let cases = [
            (
                r#"{"collection":"cast","what":"join","media":["abababababababababababababababab"]}"#,
                Decision::Join { media: vec![MEDIUM] },
            ),
            (
                r#"{"collection":"cast","what":"group","grouping":{"eps":0.42,"min_samples":3,"auto":true},"clear_names":true}"#,
                Decision::Group { grouping, clear_names: true },
            ),
            (
                r#"{"collection":"cast","what":"name","names":[{"cluster":{"id":"98b8a3edc38d3376","faces":["abababababababababababababababab-10000-500-400","abababababababababababababababab-0--20-1000"]},"name":"Anna"},{"cluster":{"id":"98b8a3edc38d3376","faces":["abababababababababababababababab-10000-500-400","abababababababababababababababab-0--20-1000"]},"name":""}]}"#,
                Decision::Name { names: names.to_vec() },
            ),
            (
                r#"{"collection":"cast","what":"edit","merges":[{"clusters":[{"id":"0000000000001234","faces":["abababababababababababababababab-0-500-400"]}],"target":{"id":"98b8a3edc38d3376","faces":["abababababababababababababababab-10000-500-400","abababababababababababababababab-0--20-1000"]}}],"moves":[{"faces":["abababababababababababababababab-20000-500-400"],"target":{"id":"0000000000001234","faces":[]}}]}"#,
                edit,
            ),
            (
                r#"{"collection":"cast","what":"undo","of":{"machine":"00112233445566778899aabbccddeeff","sequence":7}}"#,
                undo(at("00112233445566778899aabbccddeeff", 7)),
            ),
        ];
        for (text, decision) in cases {
            let body = Body { collection: CAST.to_owned(), decision };
            assert_eq!(serde_json::from_str::<Body>(text).unwrap(), body, "{text}");
            assert_eq!(serde_json::to_string(&body).unwrap(), text);
        }
    }

    #[test]
    fn what_is_no_decision_is_not_read() {
        let bad = [
            r#"{"what":"forget"}"#,
            r#"{"media":[]}"#,
            r#"{"what":"join"}"#,
            r#"{"what":"join","media":["abab"]}"#,
            r#"{"what":"group","grouping":{"eps":0.4,"min_samples":-1,"auto":true},"clear_names":true}"#,
            r#"{"what":"name","names":[{"cluster":{"id":"1234","faces":[]},"name":"Anna"}]}"#,
            r#"{"what":"edit","merges":[],"moves":[{"faces":["ab-1-2-3"],"target":{"id":"0000000000001234","faces":[]}}]}"#,
            r#"{"what":"undo","of":{"machine":"00","sequence":-1}}"#,
        ];
        for text in bad {
            assert!(serde_json::from_str::<Decision>(text).is_err(), "{text}");
        }
    }
}

/// Faces of a collection in the random tests, and those that decisions may speak of besides.
const COUNT: usize = 20;
const UNKNOWN: usize = 5;

/// A letter for each face of a random collection.
fn grouped() -> impl Strategy<Value = String> {
    "[a-d.]{20}"
}

fn numbers(most: usize) -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..COUNT + UNKNOWN, 0..most)
}

fn any_reference() -> impl Strategy<Value = ClusterRef> {
    let id = prop_oneof![(0..COUNT).prop_map(id), (0_u64..3).prop_map(ClusterId)];
    (id, numbers(5)).prop_map(|(id, numbers)| ClusterRef { id, faces: faces(&numbers) })
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![Just(""), Just("Anna"), Just("ANNA"), Just("Ben"), Just("Chris")]
        .prop_map(str::to_owned)
}

/// Something that may be said, whether or not it makes sense.
fn any_decision() -> impl Strategy<Value = Decision> {
    use proptest::collection::vec;
    let names = (any_reference(), any_name()).prop_map(|(cluster, name)| Name { cluster, name });
    let merges = (vec(any_reference(), 0..3), any_reference())
        .prop_map(|(clusters, target)| Merge { clusters, target });
    let moves = (numbers(4), any_reference())
        .prop_map(|(numbers, target)| Move { faces: faces(&numbers), target });
    let grouping = (0_u32..2_000, any::<u32>(), any::<bool>()).prop_map(|(eps, least, auto)| {
        Grouping { eps: f64::from(eps) / 1000.0, min_samples: least, auto }
    });
    prop_oneof![
        4 => vec(names, 0..3).prop_map(|names| Decision::Name { names }),
        4 => (vec(merges, 0..3), vec(moves, 0..3))
            .prop_map(|(merges, moves)| Decision::Edit { merges, moves }),
        1 => (grouping, any::<bool>())
            .prop_map(|(grouping, clear_names)| Decision::Group { grouping, clear_names }),
        1 => (0_u64..20).prop_map(|sequence| undo(at("m", sequence))),
        1 => vec(any::<[u8; 16]>().prop_map(MediaId), 0..3)
            .prop_map(|media| Decision::Join { media }),
    ]
}

/// Something that somebody does who sees the clusters: what, to which of them, and with what.
#[derive(Debug, Clone)]
enum Act {
    Name(Index, String),
    Merge(Index, Index, Index),
    Move(Index, Index),
    Part(Index, u64),
    Clear,
}

fn any_act() -> impl Strategy<Value = Act> {
    let one = any::<Index>;
    prop_oneof![
        4 => (one(), any_name()).prop_map(|(cluster, name)| Act::Name(cluster, name)),
        2 => (one(), one(), one()).prop_map(|(a, b, target)| Act::Merge(a, b, target)),
        2 => (one(), one()).prop_map(|(face, cluster)| Act::Move(face, cluster)),
        1 => (one(), any::<u64>()).prop_map(|(face, id)| Act::Part(face, id)),
        1 => Just(Act::Clear),
    ]
}

impl Act {
    fn decision(&self, groups: &Groups, index: &FaceIndex) -> Option<Decision> {
        let clusters: Vec<_> = groups.clusters().collect();
        let one = |which: &Index| {
            let cluster = clusters.get(which.index(clusters.len().max(1)))?;
            Some(groups.reference(cluster, index))
        };
        Some(match self {
            Self::Name(cluster, text) => name(one(cluster)?, text),
            Self::Merge(a, b, target) => {
                let (a, b, target) = (one(a)?, one(b)?, one(target)?);
                let differ = a.id != b.id && a.id != target.id && b.id != target.id;
                return differ.then(|| merge(&[a, b], target));
            }
            Self::Move(face, target) => put(&[face.index(COUNT)], one(target)?),
            Self::Part(face, id) => {
                put(&[face.index(COUNT)], ClusterRef { id: ClusterId(*id), faces: Vec::new() })
            }
            Self::Clear => group(true),
        })
    }
}

proptest! {
    #[test]
    fn whatever_is_said_every_face_is_in_one_place(
        letters in grouped(), decisions in proptest::collection::vec(any_decision(), 0..20),
    ) {
        let (mut groups, index) = found(&letters);
        let log = log(&decisions);
        for decision in log.corrections() {
            groups.apply(decision, &index);
            check(&groups, COUNT)?;
        }
        let (mut again, _) = found(&letters);
        log.corrections().for_each(|decision| again.apply(decision, &index));
        prop_assert_eq!(&again, &groups);
        let persons = persons(&log, &index, str::to_lowercase);
        prop_assert_eq!(&persons_of(COUNT, &decisions), &persons);
        prop_assert_eq!(persons.len(), COUNT);
        let mut next = 0;
        for number in persons.into_iter().flatten() {
            prop_assert!(number <= next, "{} comes before {}", number, next);
            next = next.max(number + 1);
        }
    }

    #[test]
    fn decisions_read_back(decision in any_decision()) {
        let text = serde_json::to_string(&decision).unwrap();
        prop_assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), decision);
    }

    /// Or else faces of one person would be held apart, and those of two together.
    #[test]
    fn persons_are_who_the_clusters_are_named(
        letters in grouped(), acts in proptest::collection::vec(any_act(), 0..20),
    ) {
        let (mut groups, index) = found(&letters);
        let mut decisions = Vec::new();
        for act in acts {
            if let Some(decision) = act.decision(&groups, &index) {
                groups.apply(&decision, &index);
                decisions.push(decision);
            }
        }
        let mut numbers = std::collections::HashMap::new();
        for (face, person) in persons_of(COUNT, &decisions).into_iter().enumerate() {
            let Some(person) = person else { continue };
            let name = groups.of_face(face).and_then(|cluster| cluster.name.clone());
            prop_assert!(name.is_some(), "face {} is person {}", face, person);
            let name = name.map(|name| name.to_lowercase());
            prop_assert_eq!(numbers.entry(person).or_insert(name.clone()), &name);
        }
        let distinct: std::collections::HashSet<_> = numbers.values().collect();
        prop_assert_eq!(distinct.len(), numbers.len());
    }
}
