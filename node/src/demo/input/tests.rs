use super::{Census, InputError, LINE_BYTES_MAX, Source};
use crate::demo::clf::Reject;
use crate::demo::events::Event;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use tempfile::TempDir;

const LINE: &str = r#"h i u [17/May/2015:10:05:03 +0000] "GET /" 200 1 "-" "a""#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn file(name: &str, bytes: &[u8]) -> (TempDir, Source) {
    let dir = TempDir::new().expect("a temporary directory");
    let path = dir.path().join(name);
    fs::write(&path, bytes).expect("written");
    (dir, Source::AccessLog(path))
}

fn census(name: &str, bytes: &[u8]) -> Result<Census, InputError> {
    let (_dir, source) = file(name, bytes);
    source.census(1)
}

fn events(source: &Source) -> Vec<Event> {
    let mut reader = source.events().expect("opens");
    std::iter::from_fn(|| reader.next_event().expect("reads")).collect()
}

#[test]
fn r1_lines_end_at_lf_and_one_cr() {
    for (text, lines) in [
        (format!("{LINE}\n{LINE}"), 2),
        (format!("{LINE}\n{LINE}\n"), 2),
        (format!("{LINE}\r\n{LINE}\r\n"), 2),
        (format!("{LINE}\n\n{LINE}\n\n"), 4),
        (format!("{LINE}\n\r\n{LINE}"), 3),
    ] {
        let census = census("a.log", text.as_bytes()).expect("a log");
        assert_eq!((census.lines, census.valid), (lines, 2), "{text:?}");
        assert_eq!(census.skipped.get(&Reject::Empty).copied().unwrap_or(0), lines - 2, "{text:?}");
    }
}

#[test]
fn r1_the_cr_before_lf_belongs_to_no_line_and_any_other_does() {
    let read = |text: String| {
        let (_dir, source) = file("a", text.as_bytes());
        events(&source)
    };
    assert_eq!(read(format!("{LINE}\r\n")), read(format!("{LINE}\n")));
    assert_eq!(read(LINE.to_owned()), read(format!("{LINE}\n")));
    assert_ne!(read(format!("{LINE}\r\r\n")), read(format!("{LINE}\n")));
    assert_ne!(read(format!("{LINE}\r")), read(format!("{LINE}\n")));
    assert_ne!(read(format!("{LINE} \n")), read(format!("{LINE}\n")));
}

#[test]
fn r1_bad_lines_count_in_the_numbering() {
    let (_dir, source) = file("a", format!("{LINE}\nbad\n\n{LINE}\n").as_bytes());
    let (_other, shifted) = file("a", format!("\n\n\n{LINE}\n").as_bytes());
    let (first, second) = (events(&source), events(&shifted));
    assert_eq!(first.len(), 2);
    assert_eq!(first[1], second[0]);
}

#[test]
fn r2_gzip_may_have_several_members() {
    let members = [gzip(format!("{LINE}\n{LINE}").as_bytes()), gzip(format!("\n{LINE}").as_bytes())].concat();
    let (_dir, source) = file("a.log.gz", &members);
    let (_plain_dir, plain) = file("a.log", format!("{LINE}\n{LINE}\n{LINE}").as_bytes());
    assert_eq!(events(&source), events(&plain));
    assert_eq!(source.census(1).expect("a log"), plain.census(1).expect("a log"));
}

#[test]
fn r2_gzip_cut_anywhere_is_an_error() {
    let whole = gzip(format!("{LINE}\n{LINE}\n").repeat(50).as_bytes());
    for end in 0..whole.len() {
        let error = census("a.log.gz", &whole[..end]).expect_err("cut off");
        assert!(matches!(error, InputError::Read { .. }), "cut at {end}: {error}");
        assert!(error.to_string().contains("cut off"), "cut at {end}: {error}");
    }
    let two = [whole.clone(), whole[..20].to_vec()].concat();
    assert!(matches!(census("a.log.gz", &two), Err(InputError::Read { lines: 100, .. })));
}

#[test]
fn r2_damaged_or_missing_gzip_is_an_error() {
    let mut damaged = gzip(LINE.as_bytes());
    let at = damaged.len() - 6;
    damaged[at] ^= 1;
    for bytes in [damaged, LINE.as_bytes().to_vec()] {
        let error = census("a.log.gz", &bytes).expect_err("no gzip");
        assert!(error.to_string().contains("damaged"), "{error}");
    }
}

#[test]
fn r3_lines_over_the_limit_are_skipped_and_counted() {
    let padding = |bytes: usize| format!("{LINE}{}", " ".repeat(bytes - LINE.len()));
    let text = format!(
        "{}\n{}\r\n{LINE}\n{}",
        padding(LINE_BYTES_MAX),
        padding(LINE_BYTES_MAX),
        padding(LINE_BYTES_MAX)
    );
    assert_eq!(census("a", text.as_bytes()).expect("a log").valid, 4);
    let text = format!("{}\n{LINE}\n{}", padding(LINE_BYTES_MAX + 1), padding(3 * LINE_BYTES_MAX));
    let census = census("a", text.as_bytes()).expect("a log");
    assert_eq!((census.lines, census.valid), (3, 1));
    assert_eq!(census.skipped, BTreeMap::from([(Reject::TooLong, 2)]));
}

#[test]
fn r4_what_is_no_log_is_refused_with_its_reason() {
    for bytes in [&b""[..], b"\n\n", b"PK\x03\x04 something else\n", b"{\"json\": true}\n"] {
        let error = census("a.log", bytes).expect_err("not a log");
        assert!(matches!(error, InputError::NotALog { .. }), "{error}");
    }
    let error = census("a.log", b"\n\nx\n").expect_err("not a log");
    assert!(error.to_string().contains("none of its 3 lines parses (2 times: empty line)"), "{error}");
}

#[test]
fn r4_more_blocks_than_lines_are_refused() {
    let (_dir, source) = file("a", format!("{LINE}\nbad\n{LINE}\n").as_bytes());
    assert!(source.census(2).is_ok());
    assert!(matches!(source.census(3), Err(InputError::TooManyBlocks { valid: 2, blocks: 3 })));
    let source = Source::Generated { impressions: 5, seed: 1 };
    assert!(source.census(5).is_ok());
    assert!(matches!(source.census(6), Err(InputError::TooManyBlocks { valid: 5, blocks: 6 })));
    let none = Source::Generated { impressions: 0, seed: 1 };
    assert!(matches!(none.census(1), Err(InputError::NoImpressions)));
}

#[test]
fn r5_the_fingerprint_sees_every_byte_and_its_place() {
    let of = |text: &str| census("a", text.as_bytes()).expect("a log").fingerprint;
    let base = of(&format!("{LINE}\n{LINE}\n"));
    assert_eq!(base, of(&format!("{LINE}\r\n{LINE}")));
    assert_ne!(base, of(&format!("{LINE}\n{LINE} \n")));
    assert_ne!(base, of(&format!("{LINE}\n\n{LINE}\n")));
    assert_ne!(base, of(&format!("{LINE}\n")));
}

#[test]
fn unreadable_files_get_a_sentence() {
    let missing = Source::AccessLog(PathBuf::from("/nonexistent/a.log"));
    let error = missing.census(1).expect_err("missing");
    assert!(matches!(error, InputError::Open { .. }));
    assert!(error.to_string().contains("/nonexistent/a.log"), "{error}");
    let directory = Source::AccessLog(std::env::temp_dir());
    assert!(matches!(directory.census(1), Err(InputError::NotAFile(_))));
}

#[test]
fn generated_events_are_as_many_as_asked_for() {
    let source = Source::Generated { impressions: 1_000, seed: 9 };
    assert_eq!(events(&source).len(), 1_000);
    assert_eq!(events(&source), events(&source));
    let other = Source::Generated { impressions: 1_000, seed: 8 };
    assert_ne!(source.census(1).expect("counted").fingerprint, other.census(1).expect("counted").fingerprint);
}
