//! The version of a runtime, as `Core_version` and the Wasm custom sections give it.

use crate::codec::{decode_bytes, decode_vec};
use crate::limits;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use parity_scale_codec::{Decode, Encode, Error, Input};
use scale_info::{Path, Type, TypeInfo, build::Fields};

/// Identifier and version of one runtime API.
pub type ApiVersion = ([u8; 8], u32);

/// Version of a runtime. Clients refuse a `system_version` above 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct RuntimeVersion {
    /// Name of the chain's rules.
    pub spec_name: Cow<'static, str>,
    /// Name of the implementation.
    pub impl_name: Cow<'static, str>,
    /// Version of the authoring interface.
    pub authoring_version: u32,
    /// Version of the rules; rises with every upgrade.
    pub spec_version: u32,
    /// Version of the implementation, for changes that no block can tell.
    pub impl_version: u32,
    /// Runtime APIs with their versions.
    pub apis: Cow<'static, [ApiVersion]>,
    /// Version of the extrinsics' format; rises when old signed transactions would be read differently.
    pub transaction_version: u32,
    /// State version: 1 hashes values of 33 bytes and more into the trie.
    pub system_version: u8,
}

impl RuntimeVersion {
    /// Version of an API, when the runtime has it.
    pub fn api_version(&self, id: &[u8; 8]) -> Option<u32> {
        self.apis.iter().find(|(api, _)| api == id).map(|(_, version)| *version)
    }

    /// The identifier of a runtime API: blake2b-64 of its trait's name.
    pub fn api_id(trait_name: &str) -> [u8; 8] {
        use blake2::{Blake2b, Digest, digest::consts::U8};
        Blake2b::<U8>::digest(trait_name.as_bytes()).into()
    }
}

impl Decode for RuntimeVersion {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        Ok(RuntimeVersion {
            spec_name: decode_name(input, "RuntimeVersion.spec_name")?,
            impl_name: decode_name(input, "RuntimeVersion.impl_name")?,
            authoring_version: u32::decode(input)?,
            spec_version: u32::decode(input)?,
            impl_version: u32::decode(input)?,
            apis: Cow::Owned(decode_vec(input, limits::MAX_RUNTIME_APIS, "RuntimeVersion.apis")?),
            transaction_version: u32::decode(input)?,
            system_version: u8::decode(input)?,
        })
    }
}

fn decode_name<I: Input>(input: &mut I, what: &'static str) -> Result<Cow<'static, str>, Error> {
    let bytes = decode_bytes(input, limits::MAX_RUNTIME_NAME_BYTES, what)?;
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| Error::from("not UTF-8").chain(what))
}

impl TypeInfo for RuntimeVersion {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder().path(Path::new("RuntimeVersion", "sp_version")).composite(
            Fields::named()
                .field(|f| f.ty::<str>().name("spec_name").type_name("RuntimeString"))
                .field(|f| f.ty::<str>().name("impl_name").type_name("RuntimeString"))
                .field(|f| f.ty::<u32>().name("authoring_version").type_name("u32"))
                .field(|f| f.ty::<u32>().name("spec_version").type_name("u32"))
                .field(|f| f.ty::<u32>().name("impl_version").type_name("u32"))
                .field(|f| f.ty::<Vec<ApiVersion>>().name("apis").type_name("ApisVec"))
                .field(|f| f.ty::<u32>().name("transaction_version").type_name("u32"))
                .field(|f| f.ty::<u8>().name("system_version").type_name("u8")),
        )
    }
}
