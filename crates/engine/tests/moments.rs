//! What a search makes of ranked frames: shots with their timecode, takes, thresholds, exclusions and
//! expressions.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod common;

use common::{Studio, clip, make_clip, studio, text};
use fs_err as fs;
use rushes_engine::{
    replies::VisualMatch,
    requests::{PersonFilter, SearchImageRequest, SearchTextRequest},
};
use rushes_model::ErrorCode;
use std::path::{Path, PathBuf};

const BIKES: &str = "people riding bicycles in a street";
const RABBIT: &str = "a rabbit in a meadow";

/// A film of `frames` frames each of the bicycles, the rabbit and the man, at a rate.
fn three_shots(output: &Path, rate: &str, frames: u32, more: &[&str]) {
    let inputs = ["bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4"].map(clip);
    let inputs: Vec<String> =
        inputs.iter().flat_map(|path| ["-i".to_owned(), text(path)]).collect();
    let cut = |input: usize| {
        format!("[{input}:v]fps={rate},scale=640:360,setsar=1,trim=end_frame={frames}[v{input}];")
    };
    let graph = (0..3).map(cut).collect::<String>() + "[v0][v1][v2]concat=n=3:v=1[v]";
    let encode = ["-filter_complex", &graph, "-map", "[v]", "-c:v", "libx264", "-preset"];
    let encode = [&encode[..], &["ultrafast", "-pix_fmt", "yuv420p"], more].concat();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    make_clip(output, &[&inputs[..], &encode].concat());
}

/// A file in a folder of its own inside the studio's home.
fn place(studio: &Studio, name: &str) -> PathBuf {
    let folder = studio.home.path().join("footage");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn request(studio: &Studio, query: &str) -> SearchTextRequest {
    SearchTextRequest::simple(query, text(studio.cache.path()))
}

/// The same with nothing left out.
fn everything(studio: &Studio, query: &str) -> SearchTextRequest {
    SearchTextRequest { min_similarity: Some(0.0), ..request(studio, query) }
}

fn find(studio: &Studio, request: &SearchTextRequest) -> Vec<VisualMatch> {
    studio.engine.search_text(request).unwrap().matches
}

#[test]
fn in_and_out_points_are_the_labels_of_the_cuts() {
    let studio = studio();
    // Rate, first label, frames a shot, and the labels of the two cuts as SMPTE ST 12-1 counts them.
    let table = [
        ("24000/1001", "01:00:00:00", 60, "01:00:02:12", "01:00:05:00"),
        ("25", "10:00:00:00", 60, "10:00:02:10", "10:00:04:20"),
        ("30000/1001", "00:00:58;00", 60, "00:01:00;02", "00:01:02;02"),
        ("30000/1001", "00:00:58:00", 60, "00:01:00:00", "00:01:02:00"),
        ("60000/1001", "00:00:58;00", 120, "00:01:00;04", "00:01:02;04"),
        ("60000/1001", "23:59:58;00", 120, "00:00:00;00", "00:00:02;00"),
    ];
    let films: Vec<PathBuf> =
        (0..table.len()).map(|index| place(&studio, &format!("{index}.mov"))).collect();
    for (film, (rate, first, frames, ..)) in films.iter().zip(table) {
        three_shots(film, rate, frames, &["-timecode", first]);
    }
    studio.analyze(&studio.request(&films));
    for (film, (rate, first, frames, cut, next)) in films.iter().zip(table) {
        let search = SearchTextRequest {
            media_paths: Some(vec![text(film)]),
            ..everything(&studio, RABBIT)
        };
        let found = find(&studio, &search);
        let name = format!("{rate} from {first}");
        let shot = |seconds: f64| {
            let starts = |one: &&VisualMatch| (one.scene_start_seconds - seconds).abs() < 1e-3;
            found.iter().find(starts).unwrap_or_else(|| panic!("{name}: no cut at {seconds}"))
        };
        let (num, den) = rate.split_once('/').unwrap_or((rate, "1"));
        let length = f64::from(frames) * den.parse::<f64>().unwrap() / num.parse::<f64>().unwrap();
        let (rabbit, man) = (shot(length), shot(2.0 * length));
        assert_eq!(rabbit.scene_start_timecode.as_deref(), Some(cut), "{name}");
        assert_eq!(man.scene_start_timecode.as_deref(), Some(next), "{name}");
        for one in [rabbit, man] {
            assert!(one.scene_start_seconds <= one.time_seconds, "{name}");
            assert!(one.time_seconds < one.scene_end_seconds, "{name}");
        }
    }
}

#[test]
fn uneven_frames_keep_their_own_times() {
    let studio = studio();
    let (even, uneven) = (place(&studio, "even.mov"), place(&studio, "uneven.mp4"));
    three_shots(&even, "30", 60, &[]);
    // Of the first shot every second frame is gone, and a third of the others.
    let drop = "select='if(lt(n,60),not(mod(n,2)),mod(n,3))'";
    let arguments = ["-i", &text(&even), "-vf", drop, "-fps_mode", "vfr", "-c:v", "libx264"];
    make_clip(&uneven, &arguments);
    studio.analyze(&studio.request(&[uneven]));
    let found = find(&studio, &everything(&studio, RABBIT));
    // Frame 60 is gone as well, so that the shot begins with frame 61.
    let starts: Vec<f64> = found.iter().map(|one| one.scene_start_seconds).collect();
    assert!(starts.iter().any(|start| (start - 61.0 / 30.0).abs() < 0.01), "{starts:?}");
    let rate = found[0].frame_rate.as_deref().unwrap();
    assert!(["24000/1001", "24/1", "25/1", "30000/1001"].contains(&rate), "{rate}");
}

#[test]
fn a_shot_is_one_match_with_its_best_frame() {
    let studio = studio();
    studio.analyze(&studio.request(&[clip("bikes.mp4"), clip("carphone_pristine.mp4")]));
    let matches = find(&studio, &everything(&studio, "a close-up of a man's face"));
    let mut shots: Vec<(&str, u64)> = matches
        .iter()
        .map(|found| (&*found.hash_str, (found.scene_start_seconds * 1000.0) as u64))
        .collect();
    shots.sort_unstable();
    let before = shots.len();
    shots.dedup();
    assert_eq!(shots.len(), before, "two matches of one shot");
    // The man talks for four seconds in one shot: the other frames stand beside the best.
    let man = &matches[0];
    assert!(man.video_path.ends_with("carphone_pristine.mp4"), "{}", man.video_path);
    assert_eq!(man.more_frames.len(), 3, "{:?}", man.more_frames);
    assert!(man.more_frames.iter().all(|frame| frame.similarity <= man.similarity));
    // Ranks are those of frames, so what a shot has beyond its best frame leaves gaps.
    assert_eq!(man.original_index, 0);
    assert!(matches[1].original_index > 1);
}

#[test]
fn takes_do_not_flood_the_first_page() {
    let studio = studio();
    // Thirty takes of one set-up, graded a little differently, and one other film.
    for take in 0..30 {
        let (light, colour) = (f64::from(take % 6) / 100.0, 1.0 + f64::from(take / 6) / 50.0);
        let change = format!("eq=brightness={light}:saturation={colour}");
        let input = text(&clip("carphone_pristine.mp4"));
        let arguments = ["-i", &input, "-t", "1", "-vf", &change, "-c:v", "libx264"];
        make_clip(&place(&studio, &format!("take {take}.mp4")), &arguments);
    }
    fs::copy(clip("bikes.mp4"), place(&studio, "bikes.mp4")).unwrap();
    studio.analyze(&studio.request(&[studio.home.path().join("footage")]));
    let all = everything(&studio, "a close-up of a man's face");
    let is_take = |found: &VisualMatch| found.video_path.contains("take ");

    let plain = find(&studio, &SearchTextRequest { diversity: false, ..all.clone() });
    assert!(plain[..20].iter().all(is_take), "the takes fill the page by themselves");
    let spread = find(&studio, &all);
    let others = spread.iter().filter(|found| !is_take(found)).count();
    assert!(spread[..2].iter().all(is_take));
    assert!(!spread[2..2 + others].iter().any(is_take), "two takes, then everything else");
    assert_eq!(spread.len(), plain.len(), "nothing is lost");
    let told = spread.iter().filter(|found| found.take_of == Some(spread[0].original_index));
    assert_eq!(told.count(), 29);
}

#[test]
fn an_excluded_concept_sinks_and_stays() {
    let studio = studio();
    let media = [clip("bikes.mp4"), clip("bigbuckbunny.mp4"), clip("carphone_pristine.mp4")];
    studio.analyze(&studio.request(&media));
    let plain = everything(&studio, "outdoors");
    let without = SearchTextRequest { exclude: Some(vec![BIKES.to_owned()]), ..plain.clone() };
    let (before, after) = (find(&studio, &plain), find(&studio, &without));
    assert_eq!(before.len(), after.len(), "exclusion alone takes nothing away");
    assert!(after.iter().all(|found| found.similarity > 0.0));
    // What is left of the similarities of a file's shots together.
    let left = |name: &str| {
        let sum = |found: &[VisualMatch]| -> f64 {
            let shots = found.iter().filter(|found| found.video_path.ends_with(name));
            shots.map(|found| found.similarity).sum()
        };
        sum(&after) / sum(&before)
    };
    let [bikes, rabbit, man] = ["bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4"].map(left);
    assert!(bikes < 0.9 && bikes < rabbit && bikes < man, "{bikes} {rabbit} {man}");
    // Nothing to exclude is nothing excluded.
    let blank = SearchTextRequest { exclude: Some(vec![" ".to_owned()]), ..plain.clone() };
    assert_eq!(find(&studio, &blank)[0].similarity, find(&studio, &plain)[0].similarity);
}

/// However few rows were looked at first, nothing better was passed over.
#[test]
fn a_short_list_is_the_beginning_of_the_long_one() {
    let studio = studio();
    let media = ["bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4", "vtest.avi"].map(clip);
    studio.analyze(&studio.request(&media));
    let excluded = Some(vec![BIKES.to_owned()]);
    let queries = [BIKES, "outdoors", "a rabbit OR a face", "outdoors AND a tree NOT people"];
    for (query, exclude) in queries.map(|query| [(query, None), (query, excluded.clone())]).concat()
    {
        let all = SearchTextRequest { diversity: false, exclude, ..everything(&studio, query) };
        let long = find(&studio, &all);
        for max_results in 1..=long.len() as u32 {
            let short = find(&studio, &SearchTextRequest { max_results, ..all.clone() });
            let of = |found: &VisualMatch| {
                (
                    found.hash_str.clone(),
                    found.frame_index,
                    found.original_index,
                    found.more_frames.len(),
                )
            };
            let beginning = &long[..max_results as usize];
            assert_eq!(
                short.iter().map(of).collect::<Vec<_>>(),
                beginning.iter().map(of).collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn the_threshold_is_the_callers_to_set() {
    let studio = studio();
    studio.analyze(&studio.request(&[clip("bikes.mp4"), clip("bigbuckbunny.mp4")]));
    let at =
        |least: f64| SearchTextRequest { min_similarity: Some(least), ..request(&studio, RABBIT) };
    let all = find(&studio, &at(0.0));
    assert!(all.iter().all(|found| (0.0..=1.0).contains(&found.similarity)));
    let middle = (all[0].similarity + all.last().unwrap().similarity) / 2.0;
    let some = find(&studio, &at(middle));
    assert!(!some.is_empty() && some.len() < all.len());
    assert!(some.iter().all(|found| found.similarity >= middle));
    assert!(find(&studio, &at(1.0)).is_empty());
    let by_default = find(&studio, &request(&studio, RABBIT));
    let first = by_default.first().expect("a drawn rabbit is one");
    assert!(first.video_path.ends_with("bigbuckbunny.mp4"), "{}", first.video_path);
    assert!(find(&studio, &request(&studio, "xkcdqzv plmokn")).is_empty(), "nonsense");
    for least in [-0.1, 1.1, f64::NAN] {
        let failure = studio.engine.search_text(&at(least)).unwrap_err();
        assert_eq!(failure.code, ErrorCode::BadRequest);
        assert!(failure.message.contains("min_similarity"), "{}", failure.message);
    }
}

#[test]
fn expressions_combine_terms_and_filter_media() {
    let studio = studio();
    let media = [clip("bikes.mp4"), clip("bigbuckbunny.mp4"), clip("carphone_pristine.mp4")];
    studio.analyze(&studio.request(&media));
    let still = place(&studio, "a still.png");
    make_clip(&still, &["-i", &text(&media[1]), "-ss", "2", "-frames:v", "1"]);
    let names = |query: &str| -> Vec<String> {
        let path = |found: VisualMatch| PathBuf::from(found.video_path);
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        find(&studio, &everything(&studio, query)).into_iter().map(path).map(name).collect()
    };
    let only = |query: &str, name: &str| {
        let found = names(query);
        assert!(!found.is_empty() && found.iter().all(|one| one == name), "{query}: {found:?}");
    };
    only("outdoors width:<300", "carphone_pristine.mp4");
    only("outdoors resolution:720p", "bigbuckbunny.mp4");
    only("outdoors name:bikes", "bikes.mp4");
    only("NOT a rabbit has:audio", "bigbuckbunny.mp4");
    assert!(names("outdoors kind:image").is_empty());
    assert!(names("outdoors codec:prores").is_empty());
    let either = &names(&format!("{BIKES} OR a close-up of a face"))[..3];
    assert!(
        ["bikes.mp4", "carphone_pristine.mp4"].iter().all(|name| either.contains(&(*name).into()))
    );
    let image = format!("image:\"{}\"", still.display());
    assert_eq!(names(&image)[0], "bigbuckbunny.mp4");
    assert_eq!(names(&format!("{image}^0.1 AND {BIKES}^4"))[0], "bikes.mp4");
    let frame = format!("frame:\"{}\"@1.5", media[2].display());
    assert_eq!(names(&frame)[0], "carphone_pristine.mp4");
    assert_ne!(names(&format!("outdoors NOT {frame}^20"))[0], "carphone_pristine.mp4");
}

#[test]
fn what_cannot_be_looked_for_is_refused_with_its_place() {
    let studio = studio();
    studio.analyze(&studio.request(&[clip("carphone_pristine.mp4")]));
    let refused = |query: &str| {
        let failure = studio.engine.search_text(&request(&studio, query)).unwrap_err();
        (failure.code, failure.message)
    };
    let (code, message) = refused("a dog duration:abc");
    assert_eq!(code, ErrorCode::BadRequest);
    assert!(message.contains("at character 15"), "{message}");
    let (code, message) = refused("a man image:/no/such.png");
    assert_eq!(code, ErrorCode::BadPath);
    assert!(message.contains("/no/such.png"), "{message}");
    let (code, message) = refused("a man @Ines");
    assert_eq!(code, ErrorCode::NotFound);
    assert!(message.contains("Ines"), "{message}");

    let mut filtered = request(&studio, "a man");
    filtered.people_filter = Some(vec![PersonFilter {
        cluster_job_name: "wedding".to_owned(),
        person_name: Some("Ines".to_owned()),
        cluster_id: None,
    }]);
    let failure = studio.engine.search_text(&filtered).unwrap_err();
    assert_eq!(failure.code, ErrorCode::NotFound);
    assert!(failure.message.contains("wedding"), "{}", failure.message);
}

#[test]
fn a_picture_that_is_a_film_and_a_picture_that_lies() {
    let studio = studio();
    let film = clip("carphone_pristine.mp4");
    studio.analyze(&studio.request(std::slice::from_ref(&film)));
    let ask = |path: &Path| {
        let cache_dir = text(studio.cache.path());
        studio.engine.search_image(&SearchImageRequest::simple(text(path), cache_dir))
    };
    // Of a film its first picture is meant.
    assert_eq!(ask(&film).unwrap().matches[0].video_path, text(&film));
    // Fifty thousand pixels a side in a file of a hundred bytes.
    let bomb = place(&studio, "bomb.png");
    let header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xc3\x50\0\0\xc3\x50\x08\x02\0\0\0";
    fs::write(&bomb, [&header[..], &[0; 60]].concat()).unwrap();
    let words = place(&studio, "words.jpg");
    fs::write(&words, "no picture").unwrap();
    let cut = place(&studio, "cut.jpg");
    make_clip(&cut, &["-i", &text(&film), "-frames:v", "1"]);
    let whole = fs::read(&cut).unwrap();
    fs::write(&cut, &whole[..whole.len() / 10]).unwrap();
    for path in [bomb, words, cut, studio.cache.path().to_owned()] {
        let failure = ask(&path).expect_err(&text(&path));
        assert_eq!(failure.code, ErrorCode::BadPath, "{}", failure.message);
        assert!(failure.message.contains(&text(&path)), "{}", failure.message);
    }
}
