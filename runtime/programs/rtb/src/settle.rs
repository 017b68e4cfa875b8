//! The rules of the crate's documentation, over bytes.
//!
//! Keys of pairs: 16 bytes are an imp (stage 0); `[sender, reason, kind]` are ignored messages; `[TOTALS]` are sums
//! (stage 1). Their lengths tell them apart.

use crate::reader::Reader;
use alloc::vec::Vec;

const WIN: u16 = 1;
const CHECK: u16 = 2;
const FRAUD: u8 = 1;
const VIEW: u8 = 2;
const CLICK: u8 = 4;

const WRONG_ROLE: u8 = 1;
const MALFORMED: u8 = 2;

const IMP_BYTES: usize = 16;
const IGNORED_KEY_BYTES: usize = 3;
const TOTALS: u8 = b't';
const WHOLE: u128 = 1_000_000_000_000_000_000;

/// Tags of values of an imp.
const BY_DSP: u8 = 0;
const BY_SSP: u8 = 1;
const BY_AUDITOR: u8 = 2;

/// No participant has this index.
const NOBODY: u8 = u8::MAX;
const MAX_SENDERS: usize = 16;
const REASONS: usize = 2;
/// Unknown kinds, WIN, CHECK.
const KINDS: usize = 3;

/// What the context says.
pub struct Terms {
    dsp: u8,
    ssp: u8,
    auditor: u8,
    fee_rate: u128,
    auditor_rate: u128,
}

impl Terms {
    /// `None` without DSP or SSP, or with other parameters than two rates, the first of them at most the whole.
    pub fn read(context: &[u8]) -> Option<Self> {
        let mut reader = Reader(context);
        reader.u64()?; // channel
        reader.u32()?; // block
        let participants = usize::from(reader.u8()?);
        let roles = reader.take(participants)?;
        let first = |role: u8| roles.iter().position(|r| *r == role).map(|index| index as u8);
        let (dsp, ssp, auditor) = (first(0)?, first(1)?, first(2).unwrap_or(NOBODY));
        if reader.u32()? != 32 {
            return None;
        }
        let (fee_rate, auditor_rate) = (reader.u128()?, reader.u128()?);
        (fee_rate <= WHOLE).then_some(Self { dsp, ssp, auditor, fee_rate, auditor_rate })
    }
}

/// A list under construction.
struct List {
    bytes: Vec<u8>,
    count: u32,
}

impl List {
    fn new(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(&[0; 4]);
        Self { bytes, count: 0 }
    }

    fn pair(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(&(key.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        self.count += 1;
    }

    fn emit(&mut self, tag: u8, fields: &[&[u8]]) {
        self.bytes.push(tag);
        for field in fields {
            self.bytes.extend_from_slice(field);
        }
        self.count += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes[..4].copy_from_slice(&self.count.to_le_bytes());
        self.bytes
    }
}

/// Ignored messages of one call by sender, reason and kind.
struct Ignored([[[u64; KINDS]; REASONS]; MAX_SENDERS]);

impl Ignored {
    fn add(&mut self, sender: u8, reason: u8, kind: u16) {
        let kind = if kind == WIN || kind == CHECK { kind as usize } else { 0 };
        self.0[usize::from(sender) % MAX_SENDERS][usize::from(reason) - 1][kind] += 1;
    }

    fn pairs(&self, list: &mut List) {
        for (sender, reasons) in self.0.iter().enumerate() {
            for (reason, kinds) in reasons.iter().enumerate() {
                for (kind, count) in kinds.iter().enumerate().filter(|(_, count)| **count > 0) {
                    list.pair(&[sender as u8, reason as u8 + 1, kind as u8], &count.to_le_bytes());
                }
            }
        }
    }
}

/// R1, R2: messages to `imp → [tag, body]`, plus counts of what is ignored.
pub fn map_messages(terms: &Terms, input: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(input);
    let count = reader.u32()?;
    let mut list = List::new(input.len() + 64);
    let mut ignored = Ignored([[[0; KINDS]; REASONS]; MAX_SENDERS]);
    for _ in 0..count {
        let sender = reader.u8()?;
        reader.u8()?; // role: the terms know who is who
        let kind = reader.u16()?;
        let (key_len, body_len) = (usize::from(reader.u16()?), reader.u32()? as usize);
        reader.u64()?; // seq
        reader.u64()?; // time_ms: the order of arrival already follows it
        let (key, body) = (reader.take(key_len)?, reader.take(body_len)?);
        let (tag, body_bytes) = match kind {
            WIN if sender == terms.dsp => (BY_DSP, 8),
            WIN if sender == terms.ssp => (BY_SSP, 8),
            CHECK if sender == terms.auditor => (BY_AUDITOR, 1),
            _ => {
                ignored.add(sender, WRONG_ROLE, kind);
                continue;
            }
        };
        if key.len() != IMP_BYTES || body.len() != body_bytes {
            ignored.add(sender, MALFORMED, kind);
            continue;
        }
        let mut value = [tag; 9];
        value[1..=body_bytes].copy_from_slice(body);
        list.pair(key, &value[..=body_bytes]);
    }
    ignored.pairs(&mut list);
    Some(list.finish())
}

/// The ten figures, in the order of [`NAMES`].
#[derive(Default)]
struct Totals([u128; 10]);

const TOTAL: usize = 0;
const VIEWED: usize = 2;
const REJECTED: usize = 4;
const CLICKED: usize = 6;
const PROCESSED: usize = 8;
const UNMATCHED: usize = 9;

const NAMES: [&str; 10] = [
    "totalImpressions",
    "totalSum",
    "viewedImpressions",
    "viewedSum",
    "rejectedImpressions",
    "rejectedSum",
    "clickImpressions",
    "clickSum",
    "processedImpressions",
    "unmatched",
];

impl Totals {
    fn count(&mut self, index: usize) {
        self.0[index] += 1;
    }

    /// An impression and its price, at two neighbouring figures.
    fn count_with_sum(&mut self, index: usize, price: u64) {
        self.0[index] += 1;
        self.0[index + 1] += u128::from(price);
    }

    fn bytes(&self) -> [u8; 160] {
        let mut bytes = [0; 160];
        for (place, figure) in bytes.chunks_exact_mut(16).zip(self.0) {
            place.copy_from_slice(&figure.to_le_bytes());
        }
        bytes
    }
}

/// R3–R5 for one imp: `values` are in the order of (time_ms, id).
fn judge_imp(totals: &mut Totals, reader: &mut Reader<'_>, values: u32) -> Option<()> {
    let (mut dsp, mut ssp, mut check) = (None, None, None);
    for _ in 0..values {
        let len = reader.u32()? as usize;
        let mut value = Reader(reader.take(len)?);
        match value.u8()? {
            BY_DSP => dsp = dsp.or(Some(value.u64()?)),
            BY_SSP => ssp = ssp.or(Some(value.u64()?)),
            _ => check = check.or(Some(value.u8()?)),
        }
    }
    let price = match (dsp, ssp) {
        (Some(bought), Some(sold)) if bought == sold => bought,
        _ => {
            totals.count(UNMATCHED);
            return Some(());
        }
    };
    totals.count_with_sum(TOTAL, price);
    let Some(flags) = check else { return Some(()) };
    totals.count(PROCESSED);
    if flags & VIEW != 0 {
        totals.count_with_sum(VIEWED, price);
        if flags & FRAUD != 0 {
            totals.count_with_sum(REJECTED, price);
        }
    }
    if flags & CLICK != 0 && flags & FRAUD == 0 {
        totals.count_with_sum(CLICKED, price);
    }
    Some(())
}

/// Adds up `values` counts.
fn sum_counts(reader: &mut Reader<'_>, values: u32) -> Option<u64> {
    let mut sum = 0u64;
    for _ in 0..values {
        let len = reader.u32()? as usize;
        sum += Reader(reader.take(len)?).u64()?;
    }
    Some(sum)
}

/// Stage 0: all imps of the call to one row of sums; counts of ignored messages to one each.
pub fn reduce_imps(input: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(input);
    let mut totals = Totals::default();
    let mut list = List::new(512);
    for _ in 0..reader.u32()? {
        let (key_len, values) = (usize::from(reader.u16()?), reader.u32()?);
        let key = reader.take(key_len)?;
        if key.len() == IMP_BYTES {
            judge_imp(&mut totals, &mut reader, values)?;
        } else {
            let count = sum_counts(&mut reader, values)?;
            emit_pair(&mut list, key, &count.to_le_bytes());
        }
    }
    emit_pair(&mut list, &[TOTALS], &totals.bytes());
    Some(list.finish())
}

fn emit_pair(list: &mut List, key: &[u8], value: &[u8]) {
    list.emit(0, &[&(key.len() as u16).to_le_bytes(), &(value.len() as u32).to_le_bytes(), key, value]);
}

/// Stage 1: rows of sums to outputs (R6), counts to notices (R7).
pub fn reduce_sums(terms: &Terms, input: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(input);
    let mut list = List::new(1024);
    for _ in 0..reader.u32()? {
        let (key_len, values) = (usize::from(reader.u16()?), reader.u32()?);
        let key = reader.take(key_len)?;
        if key.len() == IGNORED_KEY_BYTES {
            let count = sum_counts(&mut reader, values)?;
            emit_notice(&mut list, key, count);
            continue;
        }
        let mut totals = Totals::default();
        for _ in 0..values {
            reader.u32()?;
            for figure in &mut totals.0 {
                *figure = figure.checked_add(reader.u128()?)?;
            }
        }
        settle(terms, &totals, &mut list)?;
    }
    Some(list.finish())
}

fn emit_notice(list: &mut List, key: &[u8], count: u64) {
    let (sender, reason, kind) = (key[0], key[1], key[2]);
    let data_len = 10u16.to_le_bytes();
    list.emit(4, &[&[sender, reason, 0], &data_len, &[kind, 0], &count.to_le_bytes()]);
}

/// R6.
fn settle(terms: &Terms, totals: &Totals, list: &mut List) -> Option<()> {
    let figures = &totals.0;
    let partner = figures[VIEWED + 1].checked_sub(figures[REJECTED + 1])?;
    // Exact without 256 bits: the rate is at most the whole, so both products fit.
    let fee = (partner / WHOLE) * terms.fee_rate + (partner % WHOLE) * terms.fee_rate / WHOLE;
    let audit = terms.auditor_rate.checked_mul(figures[PROCESSED])?;
    list.emit(1, &[&[terms.dsp, terms.ssp], &(partner - fee).to_le_bytes()]);
    list.emit(2, &[&[terms.dsp], &fee.to_le_bytes()]);
    if terms.auditor != NOBODY {
        list.emit(1, &[&[terms.dsp, terms.auditor], &audit.to_le_bytes()]);
    }
    for (name, figure) in NAMES.iter().zip(figures) {
        list.emit(3, &[&(name.len() as u16).to_le_bytes(), &figure.to_le_bytes(), name.as_bytes()]);
    }
    Some(())
}
