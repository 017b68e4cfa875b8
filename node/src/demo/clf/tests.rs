//! One test per rule of the parser, and the reasons for every way a line can be wrong.

use super::{Entry, Reject, parse, time_ms};

const LINE: &[u8] =
    br#"h i u [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 203023 "http://a/" "Mozilla""#;

fn with(line: &str) -> Result<Entry<'_>, Reject> {
    parse(line.as_bytes())
}

#[test]
fn r1_a_complete_line_parses() {
    let entry = parse(LINE).expect("the line is valid");
    let expected =
        Entry { time: b"17/May/2015:10:05:03 +0000", status: 200, referer: b"http://a/", agent: b"Mozilla" };
    assert_eq!(entry, expected);
}

#[test]
fn r1_every_truncation_is_refused() {
    for end in 0..LINE.len() {
        assert!(parse(&LINE[..end]).is_err(), "cut at {end}: {:?}", String::from_utf8_lossy(&LINE[..end]));
    }
}

#[test]
fn r1_two_spaces_between_fields_are_refused() {
    let text = String::from_utf8(LINE.to_vec()).expect("ascii");
    for (at, _) in text.match_indices(' ') {
        let mut doubled = text.clone();
        doubled.insert(at, ' ');
        let inside = matches!(text[..at].matches(['[', ']', '"']).count(), 1 | 3 | 5 | 7);
        assert_eq!(with(&doubled).is_ok(), inside, "{doubled}");
    }
}

#[test]
fn r1_leading_white_space_is_refused() {
    let mut line = b" ".to_vec();
    line.extend_from_slice(LINE);
    assert_eq!(parse(&line), Err(Reject::Client));
}

#[test]
fn r2_names_are_any_bytes_but_white_space() {
    assert!(parse(b"\xff\xfe \" \\ [x] \"\" 200 - \"\" \"\"").is_ok());
    for white in [b'\t', b'\r', 0x0b, 0x0c] {
        let mut line = LINE.to_vec();
        line[1] = white;
        assert_eq!(parse(&line), Err(Reject::Client), "{white:#x}");
    }
}

#[test]
fn r3_time_is_anything_without_a_bracket() {
    assert_eq!(with(r#"h i u [a "b" c] "" 200 - "" """#).map(|entry| entry.time), Ok(&br#"a "b" c"#[..]));
    assert_eq!(with(r#"h i u [] "" 200 - "" """#), Err(Reject::Time));
    assert_eq!(with(r#"h i u [a]] "" 200 - "" """#), Err(Reject::Time));
    assert_eq!(with(r#"h i u [a "" 200 - "" """#), Err(Reject::Time));
    assert_eq!(with(r#"h i u a "" 200 - "" """#), Err(Reject::Time));
}

#[test]
fn r4_quoted_fields_keep_their_escapes() {
    let entry = with(r#"h i u [t] "a\"b" 200 - "\\" "x\"y\\""#).expect("escapes are allowed");
    assert_eq!(entry.referer, br#"\\"#);
    assert_eq!(entry.agent, br#"x\"y\\"#);
    assert_eq!(with(r#"h i u [t] "" 200 - "" "open\""#), Err(Reject::Agent));
    assert_eq!(with(r#"h i u [t] "" 200 - "" "open\"#), Err(Reject::Agent));
    assert_eq!(with(r#"h i u [t] "" 200 - "" """#).map(|entry| entry.agent), Ok(&b""[..]));
}

#[test]
fn r5_status_and_bytes_are_digits() {
    for (status, ok) in
        [("200", true), ("000", true), ("20", false), ("2000", false), ("2x0", false), ("-", false)]
    {
        let line = format!(r#"h i u [t] "" {status} 1 "" """#);
        assert_eq!(with(&line).err(), (!ok).then_some(Reject::Status), "{line}");
    }
    for (bytes, ok) in [("-", true), ("0", true), ("00123456789012345678901234567890", true), ("", false)] {
        let line = format!(r#"h i u [t] "" 200 {bytes} "" """#);
        assert_eq!(with(&line).err(), (!ok).then_some(Reject::Bytes), "{line}");
    }
    for bytes in ["--", "-1", "+1", "1k", "1.0"] {
        let line = format!(r#"h i u [t] "" 200 {bytes} "" """#);
        assert_eq!(with(&line), Err(Reject::Bytes), "{line}");
    }
}

#[test]
fn r6_trailing_white_space_is_tolerated() {
    for tail in [" ", "  \t", "\r", "\x0b\x0c\r"] {
        let mut line = LINE.to_vec();
        line.extend_from_slice(tail.as_bytes());
        assert_eq!(parse(&line).map(|entry| entry.agent), Ok(&b"Mozilla"[..]), "{tail:?}");
    }
}

#[test]
fn r7_reasons_name_the_first_wrong_field() {
    assert_eq!(parse(b""), Err(Reject::Empty));
    assert_eq!(parse(b"   "), Err(Reject::Client));
    assert_eq!(with("h i u"), Err(Reject::Client));
    assert_eq!(with(r#"h i u [t] GET 200 - "" """#), Err(Reject::Request));
    assert_eq!(with(r#"h i u [t] ""200 - "" """#), Err(Reject::Request));
    assert_eq!(with(r#"h i u [t] "" 200 - - """#), Err(Reject::Referer));
    assert_eq!(with(r#"h i u [t] "" 200 - """""#), Err(Reject::Referer));
    assert_eq!(with(r#"h i u [t] "" 200 - "" agent"#), Err(Reject::Agent));
    assert_eq!(with(r#"h i u [t] "" 200 - "" "a" x"#), Err(Reject::Trailing));
    assert_eq!(with(r#"h i u [t] "" 200 - "" "a"x"#), Err(Reject::Trailing));
    assert_eq!(with("h i u [t] \"\" 200 - \"\" \"a\" \u{a0}"), Err(Reject::Trailing));
}

#[test]
fn r8_dates_become_milliseconds() {
    assert_eq!(time_ms(b"01/Jan/1970:00:00:00 +0000"), Some(0));
    assert_eq!(time_ms(b"17/May/2015:10:05:03 +0000"), Some(1_431_857_103_000));
    assert_eq!(time_ms(b"17/May/2015:12:05:03 +0200"), Some(1_431_857_103_000));
    assert_eq!(time_ms(b"17/May/2015:04:35:03 -0530"), Some(1_431_857_103_000));
    assert_eq!(time_ms(b"29/Feb/2000:23:59:59 +0000"), Some(951_868_799_000));
    assert_eq!(time_ms(b"29/Feb/2024:00:00:00 +0000"), Some(1_709_164_800_000));
    assert_eq!(time_ms(b"31/Dec/9999:23:59:59 +0000"), Some(253_402_300_799_000));
}

#[test]
fn r8_what_is_no_date_has_no_time() {
    for wrong in [
        "29/Feb/1900:00:00:00 +0000",
        "29/Feb/2015:00:00:00 +0000",
        "31/Apr/2015:00:00:00 +0000",
        "00/May/2015:00:00:00 +0000",
        "32/May/2015:00:00:00 +0000",
        "17/may/2015:10:05:03 +0000",
        "17/Mai/2015:10:05:03 +0000",
        "17/May/2015:24:05:03 +0000",
        "17/May/2015:10:60:03 +0000",
        "17/May/2015:10:05:60 +0000",
        "17/May/2015:10:05:03 +2400",
        "17/May/2015:10:05:03 +0060",
        "17/May/2015:10:05:03 00000",
        "17/May/2015:10:05:03",
        "17-May-2015:10:05:03 +0000",
        "+7/May/2015:10:05:03 +0000",
        "01/Jan/1970:00:00:00 +0001",
        "31/Dec/1969:23:59:59 +0000",
        "",
    ] {
        assert_eq!(time_ms(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn every_reason_has_its_own_words() {
    let all = [
        Reject::Empty,
        Reject::TooLong,
        Reject::Client,
        Reject::Time,
        Reject::Request,
        Reject::Status,
        Reject::Bytes,
        Reject::Referer,
        Reject::Agent,
        Reject::Trailing,
    ];
    let mut words: Vec<String> = all.iter().map(ToString::to_string).collect();
    words.sort();
    words.dedup();
    assert_eq!(words.len(), all.len());
}
