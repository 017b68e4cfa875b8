//! Seeded generator of access-log lines, for `quire demo --impressions N`.
//!
//! Rules
//! * R1: line `n` depends on the seed and on `n` only, so that a resumed run makes the same lines again.
//! * R2: every line parses (see [`super::clf`]).
//! * R3: the mix is that of a real site: about nine in ten lines are answered with 2xx or 304, every eighth agent is a
//!   robot, and a third of the requests have no referer.

use std::io::Write as _;

/// Milliseconds since 1970 of line 0: 1 May 2026, 00:00:00 UTC.
const FIRST_SECOND: u64 = 1_777_593_600;
/// Lines that share one second of the log.
const LINES_PER_SECOND: u64 = 1_000;
const DAY_SECONDS: u64 = 86_400;
const DAYS_IN_MAY: u64 = 31;

const STATUSES: [&str; 16] = [
    "200", "200", "200", "200", "200", "200", "200", "200", "200", "200", "304", "304", "206", "301", "404",
    "500",
];

const PATHS: [&str; 8] = [
    "/ad/leaderboard.html",
    "/ad/skyscraper.html?slot=2",
    "/ad/half-page.html?slot=1&lang=en",
    "/img/banner-728x90.png",
    "/img/banner-300x250.jpg",
    "/video/preroll.mp4",
    "/click/landing.html",
    "/article/quire-and-collation.html",
];

const REFERERS: [&str; 6] = [
    "-",
    "-",
    "http://news.example/morning",
    "https://search.example/?q=collation",
    "http://blog.example/posts/gathering-of-leaves.html",
    "https://shop.example/catalogue/paper",
];

const AGENTS: [&str; 8] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Mobile Safari/537.36",
    "Opera/9.80 (Windows NT 6.1; U; en) Presto/2.12.388 Version/12.16",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +http://bot.example/about)",
    "Lynx/2.9.2 libwww-FM/2.14",
];

/// Writes lines on demand.
#[derive(Debug, Clone)]
pub(crate) struct Generator {
    seed: u64,
    second: u64,
    date: Vec<u8>,
}

impl Generator {
    /// A generator of the lines that belong to this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Generator { seed, second: u64::MAX, date: Vec::with_capacity(32) }
    }

    /// Appends line `number`, without a line feed.
    pub(crate) fn line(&mut self, number: u64, out: &mut Vec<u8>) {
        let random = mix(self.seed ^ mix(number));
        let choice = mix(random);
        for (index, shift) in [0, 8, 16, 24].into_iter().enumerate() {
            if index > 0 {
                out.push(b'.');
            }
            decimal(out, (random >> shift) & 0xff);
        }
        out.extend_from_slice(b" - - [");
        self.write_date(number / LINES_PER_SECOND);
        out.extend_from_slice(&self.date);
        out.extend_from_slice(b"] \"GET ");
        out.extend_from_slice(pick(&PATHS, choice).as_bytes());
        out.extend_from_slice(b"?id=");
        decimal(out, random >> 32);
        out.extend_from_slice(b" HTTP/1.1\" ");
        out.extend_from_slice(pick(&STATUSES, choice >> 12).as_bytes());
        out.push(b' ');
        decimal(out, (choice >> 24) & 0xf_ffff);
        out.extend_from_slice(b" \"");
        out.extend_from_slice(pick(&REFERERS, choice >> 44).as_bytes());
        out.extend_from_slice(b"\" \"");
        out.extend_from_slice(pick(&AGENTS, choice >> 54).as_bytes());
        out.push(b'"');
    }

    fn write_date(&mut self, second: u64) {
        if self.second == second {
            return;
        }
        self.second = second;
        self.date.clear();
        let at = FIRST_SECOND + second;
        let day = (second / DAY_SECONDS) % DAYS_IN_MAY + 1;
        let (hour, minute, rest) = ((at / 3_600) % 24, (at / 60) % 60, at % 60);
        // Writing to a Vec cannot fail.
        let _ = write!(self.date, "{day:02}/May/2026:{hour:02}:{minute:02}:{rest:02} +0000");
    }
}

/// The finaliser of splitmix64: a bijection on 64 bits that scatters neighbours.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn pick<'a, const N: usize>(from: &[&'a str; N], random: u64) -> &'a str {
    from[(random % N as u64) as usize]
}

fn decimal(out: &mut Vec<u8>, mut value: u64) {
    let mut text = [0u8; 20];
    let mut at = text.len();
    loop {
        at -= 1;
        text[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

#[cfg(test)]
mod tests;
