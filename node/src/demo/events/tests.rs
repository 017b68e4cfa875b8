use super::{CLICK, Event, FRAUD, VIEW, is_robot};
use crate::demo::clf;

fn event(number: u64, line: &str) -> Event {
    let mut numbered = number.to_le_bytes().to_vec();
    numbered.extend_from_slice(line.as_bytes());
    Event::new(&numbered, &clf::parse(line.as_bytes()).expect("a valid line"))
}

fn line(status: u16, referer: &str, agent: &str) -> String {
    format!(r#"h - - [17/May/2015:10:05:03 +0000] "GET /" {status} - "{referer}" "{agent}""#)
}

#[test]
fn r1_the_number_is_part_of_the_impression() {
    let text = line(200, "-", "a");
    assert_ne!(event(0, &text).imp, event(1, &text).imp);
    assert_eq!(event(1, &text), event(1, &text));
}

/// Computed with Python: hashlib.blake2b(digest_size=32) and zlib.crc32.
#[test]
fn r1_r2_known_answer() {
    let event = event(7, &line(200, "-", "a"));
    assert_eq!(hex::encode(event.imp), KNOWN_IMP);
    assert_eq!(event.price, KNOWN_PRICE);
    assert_eq!(event.time_ms, 1_431_857_103_000);
}

const KNOWN_IMP: &str = "3cb80376ec2b9fe5e18ec135fdfe628e";
const KNOWN_PRICE: u64 = 927_000_000;

#[test]
fn r3_one_in_97_notices_is_lost() {
    let lost = (0..9_700).filter(|number| event(*number, &line(200, "-", "a")).is_lost).count();
    assert!((60..140).contains(&lost), "{lost}");
}

#[test]
fn r4_view_follows_the_status() {
    for (status, is_view) in [(199, false), (200, true), (299, true), (300, false), (304, true), (404, false)]
    {
        assert_eq!(event(0, &line(status, "-", "a")).flags & VIEW != 0, is_view, "{status}");
    }
}

#[test]
fn r4_clicks_need_a_view_and_a_referer() {
    let clicks = |status, referer| {
        (0..2_000).filter(|number| event(*number, &line(status, referer, "a")).flags & CLICK != 0).count()
    };
    assert!((20..70).contains(&clicks(200, "x")));
    assert!((20..70).contains(&clicks(200, "")));
    assert_eq!(clicks(200, "-"), 0);
    assert_eq!(clicks(404, "x"), 0);
}

#[test]
fn r4_robots_are_found_in_any_case() {
    for agent in ["bot", "GoogleBOT/2", "xSpIdEr", "a crawler", "Yahoo! Slurp", "see HTTP://x", "http:"] {
        assert!(is_robot(agent.as_bytes()), "{agent}");
        assert_eq!(event(0, &line(404, "-", agent)).flags, FRAUD, "{agent}");
    }
    for agent in ["", "b", "bo", "bo t", "https://x", "slur", "http", "spide\u{212a}r"] {
        assert!(!is_robot(agent.as_bytes()), "{agent}");
    }
}

#[test]
fn r5_a_line_without_a_date_has_time_0() {
    assert_eq!(event(0, r#"h - - [soon] "GET /" 200 - "-" "a""#).time_ms, 0);
}
