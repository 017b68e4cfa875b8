//! Reading parameters as leniently as Substrate clients need (rules R3 and R4 of the crate).
use crate::error::invalid_params;
use jsonrpsee::types::{ErrorObjectOwned, Params};
use quire_core::{BlockNumber, H256};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Parameters that are looked at; no method has more.
const PARAMS_MAX: usize = 16;
/// Elements of a list that are looked at; the methods' own limits are lower.
const LIST_MAX: usize = 65_536;

/// The first `max` elements of a JSON array, and how many there are. What follows is read and not kept, so that a long
/// list of nothing does not cost many times its text.
pub(crate) fn list(json: &str, max: usize) -> serde_json::Result<(Vec<&RawValue>, usize)> {
    struct First(usize);
    impl<'de> Visitor<'de> for First {
        type Value = (Vec<&'de RawValue>, usize);

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
            let mut items = Vec::new();
            while items.len() < self.0 {
                match array.next_element()? {
                    Some(item) => items.push(item),
                    None => {
                        let count = items.len();
                        return Ok((items, count));
                    }
                }
            }
            let mut count = items.len();
            while array.next_element::<IgnoredAny>()?.is_some() {
                count += 1;
            }
            Ok((items, count))
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let (items, count) = deserializer.deserialize_seq(First(max))?;
    deserializer.end()?;
    Ok((items, count))
}

/// All elements of a JSON array; nothing when there are more than `max`.
pub(crate) fn bounded(json: &str, max: usize) -> serde_json::Result<Option<Vec<&RawValue>>> {
    list(json, max).map(|(items, count)| (count <= max).then_some(items))
}

/// The parameters of one call, taken in order.
pub(crate) struct Args<'a> {
    items: std::vec::IntoIter<&'a RawValue>,
    taken: usize,
}

impl<'a> Args<'a> {
    /// Splits the parameter list; absent and `null` are an empty one.
    pub(crate) fn new(params: &'a Params<'_>) -> Result<Self, ErrorObjectOwned> {
        let text = params.as_str().unwrap_or("null");
        if text.trim() == "null" {
            return Ok(Self { items: Vec::new().into_iter(), taken: 0 });
        }
        let (items, _) = list(text, PARAMS_MAX)
            .map_err(|error| invalid_params(format_args!("expected a JSON array of parameters: {error}")))?;
        Ok(Self { items: items.into_iter(), taken: 0 })
    }

    /// The next parameter, which may be missing or `null`.
    pub(crate) fn optional<T: FromParam>(&mut self, name: &str) -> Result<Option<T>, ErrorObjectOwned> {
        self.taken += 1;
        match self.items.next().map(RawValue::get) {
            None | Some("null") => Ok(None),
            Some(json) => T::from_param(json)
                .map(Some)
                .map_err(|why| invalid_params(format_args!("parameter {} ({name}): {why}", self.taken))),
        }
    }

    /// The next parameter, which must be there.
    pub(crate) fn required<T: FromParam>(&mut self, name: &str) -> Result<T, ErrorObjectOwned> {
        let place = self.taken + 1;
        self.optional(name)?
            .ok_or_else(|| invalid_params(format_args!("parameter {place} ({name}) is missing")))
    }
}

/// A value that can be read from the JSON text of one parameter.
pub(crate) trait FromParam: Sized {
    /// Reads it; the error is a phrase that says what was expected.
    fn from_param(json: &str) -> Result<Self, String>;
}

fn text(json: &str) -> Result<Cow<'_, str>, String> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text>(json).map(|text| text.0).map_err(|_| "expected a string".into())
}

/// Bytes from hex with or without `0x`, in any case.
pub(crate) fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode(digits).map_err(|error| format!("expected hex bytes: {error}"))
}

/// Bytes given as hex.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl FromParam for Bytes {
    fn from_param(json: &str) -> Result<Self, String> {
        unhex(&text(json)?).map(Self)
    }
}

impl FromParam for H256 {
    fn from_param(json: &str) -> Result<Self, String> {
        let bytes = unhex(&text(json)?)?;
        let length = bytes.len();
        bytes.try_into().map(H256).map_err(|_| format!("expected a hash of 32 bytes, got {length}"))
    }
}

impl FromParam for String {
    fn from_param(json: &str) -> Result<Self, String> {
        text(json).map(Cow::into_owned)
    }
}

impl FromParam for u32 {
    fn from_param(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|_| format!("expected a number from 0 to {}", u32::MAX))
    }
}

/// A block number: a JSON number or a hex string.
pub(crate) struct Number(pub(crate) BlockNumber);

impl FromParam for Number {
    fn from_param(json: &str) -> Result<Self, String> {
        let wrong = || format!("expected a block number from 0 to {} or its hex", BlockNumber::MAX);
        if let Ok(number) = serde_json::from_str::<u64>(json) {
            return BlockNumber::try_from(number).map(Self).map_err(|_| wrong());
        }
        let text = text(json).map_err(|_| wrong())?;
        let parsed = match text.strip_prefix("0x") {
            Some(digits) => BlockNumber::from_str_radix(digits, 16),
            None => text.parse(),
        };
        parsed.map(Self).map_err(|_| wrong())
    }
}

/// One value or a list of them.
pub(crate) enum OneOrMany<T> {
    /// A single value.
    One(T),
    /// An array; `None` stands for `null`.
    Many(Vec<Option<T>>),
}

impl<T: FromParam> FromParam for OneOrMany<T> {
    fn from_param(json: &str) -> Result<Self, String> {
        if !json.starts_with('[') {
            return T::from_param(json).map(Self::One);
        }
        let item = |item: &RawValue| match item.get() {
            "null" => Ok(None),
            json => T::from_param(json).map(Some),
        };
        elements(json)?.into_iter().map(item).collect::<Result<_, _>>().map(Self::Many)
    }
}

fn elements(json: &str) -> Result<Vec<&RawValue>, String> {
    let items = bounded(json, LIST_MAX).map_err(|error| error.to_string())?;
    items.ok_or_else(|| format!("more than {LIST_MAX} elements"))
}

/// A list of hex byte strings.
pub(crate) struct BytesList(pub(crate) Vec<Vec<u8>>);

impl FromParam for BytesList {
    fn from_param(json: &str) -> Result<Self, String> {
        elements(json)
            .map_err(|why| format!("expected an array of hex byte strings: {why}"))?
            .into_iter()
            .map(|item| Bytes::from_param(item.get()).map(|b| b.0))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}
