use super::super::clf;
use super::{Generator, LINES_PER_SECOND};

fn line(seed: u64, number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    Generator::new(seed).line(number, &mut out);
    out
}

#[test]
fn r1_lines_depend_on_seed_and_number_only() {
    let mut generator = Generator::new(7);
    for number in [5, 0, 70_000, 5, 123_456_789] {
        let mut out = Vec::new();
        generator.line(number, &mut out);
        assert_eq!(out, line(7, number));
    }
    assert_ne!(line(7, 5), line(8, 5));
    assert_ne!(line(7, 5), line(7, 6));
}

#[test]
fn r1_the_first_line_is_frozen() {
    assert_eq!(
        String::from_utf8(line(1, 0)).expect("ascii"),
        FIRST_LINE,
        "a changed generator breaks the resuming of runs"
    );
}

const FIRST_LINE: &str = r#"14.181.146.200 - - [01/May/2026:00:00:00 +0000] "GET /ad/leaderboard.html?id=146079144 HTTP/1.1" 200 622848 "https://shop.example/catalogue/paper" "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148""#;

#[test]
fn r2_every_line_parses_and_has_a_time() {
    for number in 0..20_000 {
        let text = line(3, number * 977);
        let entry =
            clf::parse(&text).unwrap_or_else(|reason| panic!("{reason}: {}", String::from_utf8_lossy(&text)));
        assert!(clf::time_ms(entry.time).is_some(), "{}", String::from_utf8_lossy(entry.time));
    }
}

#[test]
fn r2_dates_stay_valid_for_ever() {
    for number in [0, LINES_PER_SECOND * 86_400 * 31, u64::MAX / 2, u64::MAX] {
        let text = line(3, number);
        let entry = clf::parse(&text).expect("R2");
        assert!(clf::time_ms(entry.time).is_some(), "{}", String::from_utf8_lossy(entry.time));
    }
}

#[test]
fn r3_the_mix_is_that_of_a_site() {
    let (mut seen, mut robots, mut direct) = (0, 0, 0);
    for number in 0..10_000 {
        let text = line(1, number);
        let entry = clf::parse(&text).expect("R2");
        seen += u32::from((200..300).contains(&entry.status) || entry.status == 304);
        robots += u32::from(entry.agent.windows(3).any(|window| window == b"Bot"));
        direct += u32::from(entry.referer == b"-");
    }
    assert!((7_500..9_000).contains(&seen), "{seen}");
    assert!((1_000..1_500).contains(&robots), "{robots}");
    assert!((3_000..3_700).contains(&direct), "{direct}");
}
