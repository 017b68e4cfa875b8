//! The version that a runtime blob declares in its custom sections.
//!
//! Rules:
//! * R1: `runtime_version` holds the version with an empty list of APIs, `runtime_apis` the pairs of id and number one after
//!   the other. Both or neither; with one alone a runtime declares nothing.
//! * R2: a section that does not decode is an error, never "no version".

use parity_scale_codec::Decode;
use quire_core::{RuntimeVersion, limits::MAX_RUNTIME_APIS, version::ApiVersion};
use std::borrow::Cow;
use wasmparser::{Parser, Payload};

pub(crate) const VERSION_SECTION: &str = "runtime_version";
pub(crate) const APIS_SECTION: &str = "runtime_apis";
/// Id and version of one API.
const API_BYTES: usize = 8 + 4;

/// The declared version; `None` when the blob has not both sections. The error says what is wrong with the blob.
pub fn declared(code: &[u8]) -> Result<Option<RuntimeVersion>, String> {
    let (mut version, mut apis) = (None, None);
    for payload in Parser::new(0).parse_all(code) {
        if let Payload::CustomSection(section) =
            payload.map_err(|error| format!("it is no Wasm module: {error}"))?
        {
            match section.name() {
                VERSION_SECTION => version = Some(section.data()),
                APIS_SECTION => apis = Some(section.data()),
                _ => {}
            }
        }
    }
    match (version, apis) {
        (Some(version), Some(apis)) => Ok(Some(decode(version, apis)?)),
        _ => Ok(None),
    }
}

fn decode(version: &[u8], apis: &[u8]) -> Result<RuntimeVersion, String> {
    let mut decoded = RuntimeVersion::decode(&mut &version[..])
        .map_err(|error| format!("its section {VERSION_SECTION} does not decode: {error}"))?;
    let count = apis.len() / API_BYTES;
    if !apis.len().is_multiple_of(API_BYTES) || count > MAX_RUNTIME_APIS as usize {
        return Err(format!(
            "its section {APIS_SECTION} has {} bytes, not a multiple of {API_BYTES} for at most {MAX_RUNTIME_APIS} APIs",
            apis.len()
        ));
    }
    let mut input = apis;
    let apis: Result<Vec<ApiVersion>, _> = (0..count).map(|_| ApiVersion::decode(&mut input)).collect();
    decoded.apis =
        Cow::Owned(apis.map_err(|error| format!("its section {APIS_SECTION} does not decode: {error}"))?);
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parity_scale_codec::Encode;

    fn version() -> RuntimeVersion {
        RuntimeVersion {
            spec_name: Cow::Borrowed("quire"),
            spec_version: 7,
            system_version: 1,
            ..Default::default()
        }
    }

    fn module(sections: &[(&str, &[u8])]) -> Vec<u8> {
        let mut code = b"\0asm\x01\0\0\0".to_vec();
        for (name, data) in sections {
            let body = [&[name.len() as u8], name.as_bytes(), data].concat();
            code.extend_from_slice(&[0, body.len() as u8]);
            code.extend_from_slice(&body);
        }
        code
    }

    #[test]
    fn r1_both_sections_give_a_version_and_one_gives_none() {
        let apis: Vec<ApiVersion> = vec![([1; 8], 2), ([3; 8], 4)];
        let apis_bytes = apis.iter().flat_map(Encode::encode).collect::<Vec<u8>>();
        let encoded = version().encode();
        let both = module(&[(VERSION_SECTION, &encoded), ("name", b"x"), (APIS_SECTION, &apis_bytes)]);
        assert_eq!(declared(&both), Ok(Some(RuntimeVersion { apis: Cow::Owned(apis), ..version() })));
        for one in
            [module(&[(VERSION_SECTION, &encoded)]), module(&[(APIS_SECTION, &apis_bytes)]), module(&[])]
        {
            assert_eq!(declared(&one), Ok(None));
        }
    }

    #[test]
    fn r2_sections_that_do_not_decode_are_errors() {
        let encoded = version().encode();
        for (version, apis) in [(&encoded[..5], &[][..]), (&encoded[..], &[1, 2, 3][..])] {
            let code = module(&[(VERSION_SECTION, version), (APIS_SECTION, apis)]);
            assert!(declared(&code).unwrap_err().starts_with("its section runtime_"));
        }
        assert!(declared(b"not wasm").unwrap_err().starts_with("it is no Wasm module"));
    }
}
