//! The bytes of every encoded type, and the descriptions that clients recognise types by, frozen.
//!
//! `vectors/core.json` maps a name to the bytes (and, where a hash names the thing, the hash); `vectors/types.json` maps
//! a type's path to its shape. A row that differs, is missing or that nobody computes fails the test, which then prints
//! the whole file as it would have to be. Changing a file approves a change of format: a commit of its own, with a reason.

use parity_scale_codec::{Compact, Decode, Encode};
use quire_core::digest::{AURA_ENGINE_ID, GRANDPA_ENGINE_ID};
use quire_core::inherent::{CheckInherentsResult, TIMESTAMP_ID};
use quire_core::justification::{SignedPrecommit, precommit_payload, prevote_payload};
use quire_core::*;
use scale_info::{MetaType, PortableRegistry, Registry, TypeDef, form::PortableForm, meta_type};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::fmt::Debug;

const ALICE: AccountId = AccountId([
    0xd4, 0x35, 0x93, 0xc7, 0x15, 0xfd, 0xd3, 0x1c, 0x61, 0x14, 0x1a, 0xbd, 0x04, 0xa9, 0x9f, 0xd6, 0x82,
    0x2c, 0x85, 0x58, 0x85, 0x4c, 0xcd, 0xe3, 0x9a, 0x56, 0x84, 0xe7, 0xa5, 0x6d, 0xa2, 0x7d,
]);

/// A file of vectors and the rows computed so far.
struct Vectors {
    file: Map<String, Value>,
    computed: Map<String, Value>,
}

impl Vectors {
    fn open(text: &str) -> Self {
        let file = serde_json::from_str(text).expect("the vector file is a JSON object");
        Vectors { file, computed: Map::new() }
    }

    fn row(&mut self, name: &str, row: Value) {
        let previous = self.computed.insert(name.to_string(), row);
        assert!(previous.is_none(), "two vectors are named {name}");
    }

    /// Freezes a value: it encodes to the frozen bytes, and these decode to it.
    fn value<T: Encode + Decode + PartialEq + Debug>(&mut self, name: &str, value: &T) {
        if let Some(frozen) = self.file.get(name).and_then(Value::as_str) {
            let bytes = hex::decode(frozen.trim_start_matches("0x")).expect("vectors are hex");
            let mut input = &bytes[..];
            assert_eq!(T::decode(&mut input).as_ref(), Ok(value), "{name}");
            assert!(input.is_empty(), "{name}: bytes left");
        }
        self.bytes(name, &value.encode());
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.row(name, json!(format!("0x{}", hex::encode(bytes))));
    }

    fn check(self, path: &str) {
        let wrong: Vec<&String> = self
            .computed
            .keys()
            .chain(self.file.keys())
            .filter(|name| self.file.get(*name) != self.computed.get(*name))
            .collect();
        let whole = serde_json::to_string_pretty(&self.computed).expect("JSON");
        assert!(wrong.is_empty(), "{path} differs in {wrong:?}; it would have to be:\n{whole}");
    }
}

fn header(logs: Vec<DigestItem>) -> Header {
    Header {
        parent_hash: H256([0x11; 32]),
        number: 1_000_000,
        state_root: H256([0x22; 32]),
        extrinsics_root: H256([0x33; 32]),
        digest: Digest { logs },
    }
}

fn sealed_header() -> Header {
    header(vec![
        DigestItem::PreRuntime(AURA_ENGINE_ID, Slot(1_700_000_000).encode()),
        DigestItem::Consensus(GRANDPA_ENGINE_ID, vec![1, 0, 0, 0, 0, 0]),
        DigestItem::RuntimeEnvironmentUpdated,
        DigestItem::Seal(AURA_ENGINE_ID, vec![0x55; 64]),
    ])
}

fn words(vectors: &mut Vectors) {
    vectors.value("hash", &H256([0xab; 32]));
    vectors.value("account", &ALICE);
    vectors.value("address/id", &MultiAddress::Id(ALICE));
    vectors.value("address/index", &MultiAddress::Index(Compact(())));
    vectors.value("address/raw", &MultiAddress::Raw(vec![1, 2, 3]));
    vectors.value("address/address32", &MultiAddress::Address32([7; 32]));
    vectors.value("address/address20", &MultiAddress::Address20([8; 20]));
    vectors.value("signature/ed25519", &MultiSignature::Ed25519([1; 64]));
    vectors.value("signature/sr25519", &MultiSignature::Sr25519([2; 64]));
    vectors.value("signature/ecdsa", &MultiSignature::Ecdsa([3; 65]));
    vectors.value("aura id", &AuraId([4; 32]));
    vectors.value("grandpa id", &GrandpaId([5; 32]));
    vectors.value("key type", &keys::AURA);
    vectors.value("slot", &Slot(0x0102_0304_0506_0708));
    vectors.value("weight", &Weight::from_parts(1_000_000_000, 70));
    vectors.value("era/immortal", &Era::Immortal);
    vectors.value("era/64 at 42", &Era::mortal(64, 42));
    vectors.value("era/32768 at 20000", &Era::mortal(32_768, 20_000));
    vectors.value("era/65536 at 4294967295", &Era::mortal(65_536, u32::MAX));
    for (prefix, name) in [(0, "ss58/0"), (42, "ss58/42"), (64, "ss58/64"), (16_383, "ss58/16383")] {
        vectors.row(name, json!(ALICE.to_ss58(prefix)));
    }
}

fn blocks(vectors: &mut Vectors) {
    let genesis = Header {
        extrinsics_root: "0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314"
            .parse()
            .expect("a hash"),
        ..Header::default()
    };
    for (name, header) in [("genesis", genesis), ("sealed", sealed_header()), ("bare", header(vec![]))] {
        vectors.value(&format!("header/{name}"), &header);
        vectors.value(&format!("header/{name}/hash"), &header.hash());
        vectors.value(&format!("header/{name}/pre-hash"), &header.pre_hash());
    }
    vectors.value("digest item/other", &DigestItem::Other(vec![1, 2]));
    vectors.value("digest item/consensus", &DigestItem::Consensus(AURA_ENGINE_ID, vec![3]));
    vectors.value("digest item/seal", &DigestItem::Seal(AURA_ENGINE_ID, vec![4]));
    vectors.value("digest item/pre-runtime", &DigestItem::PreRuntime(AURA_ENGINE_ID, vec![5]));
    vectors.value("digest item/code", &DigestItem::RuntimeEnvironmentUpdated);
    let extrinsics = vec![OpaqueExtrinsic(vec![4, 1, 0, 0]), OpaqueExtrinsic(vec![0x77; 100])];
    for extrinsic in &extrinsics {
        let name = format!("opaque extrinsic/{} bytes", extrinsic.0.len());
        vectors.value(&name, extrinsic);
        vectors.value(&format!("{name}/hash"), &extrinsic.hash());
    }
    vectors.value("block", &Block { header: sealed_header(), extrinsics });
    let vote = SignedPrecommit {
        target_hash: H256([0x44; 32]),
        target_number: 7,
        signature: [0x55; 64],
        id: GrandpaId([0x66; 32]),
    };
    vectors.value(
        "justification",
        &GrandpaJustification {
            round: 9,
            target_hash: vote.target_hash,
            target_number: 7,
            precommits: vec![vote.clone()],
            votes_ancestries: vec![header(vec![])],
        },
    );
    vectors.bytes("precommit payload", &precommit_payload(vote.target_hash, 7, 9, 2));
    vectors.bytes("prevote payload", &prevote_payload(vote.target_hash, 7, 9, 2));
}

fn extrinsics(vectors: &mut Vectors) {
    let extra = Extra { era: Era::mortal(64, 42), nonce: 70, tip: UNITS, mode: 0 };
    let call = [10_u8, 0, 42];
    vectors.value("extra", &extra);
    vectors.value("extrinsic/bare", &UncheckedExtrinsic::bare(call));
    let signed = UncheckedExtrinsic::signed(call, ALICE, MultiSignature::Sr25519([0x88; 64]), extra);
    vectors.value("extrinsic/signed", &signed);
    vectors.value("extrinsic/signed/hash", &signed.to_opaque().hash());
    let additional = Additional {
        spec_version: 100,
        transaction_version: 1,
        genesis_hash: H256([0xaa; 32]),
        era_hash: H256([0xbb; 32]),
        metadata_hash: None,
    };
    vectors.value("additional", &additional);
    vectors.value(
        "additional/metadata hash",
        &Additional { metadata_hash: Some(H256([0xcc; 32])), ..additional },
    );
    vectors.bytes("signing payload/short", &signing_payload(&call, &extra, &additional));
    vectors.bytes("signing payload/long", &signing_payload(&[1; 300], &extra, &additional));
}

fn outcomes(vectors: &mut Vectors) {
    let module = DispatchError::Module(ModuleError { index: 2, error: [1, 0, 0, 0] });
    for (name, error) in [
        ("other", DispatchError::Other("")),
        ("cannot lookup", DispatchError::CannotLookup),
        ("bad origin", DispatchError::BadOrigin),
        ("module", module),
        ("consumer remaining", DispatchError::ConsumerRemaining),
        ("no providers", DispatchError::NoProviders),
        ("too many consumers", DispatchError::TooManyConsumers),
        ("token", TokenError::Blocked.into()),
        ("arithmetic", ArithmeticError::DivisionByZero.into()),
        ("transactional", DispatchError::Transactional(TransactionalError::NoLayer)),
        ("exhausted", DispatchError::Exhausted),
        ("corruption", DispatchError::Corruption),
        ("unavailable", DispatchError::Unavailable),
        ("root not allowed", DispatchError::RootNotAllowed),
    ] {
        vectors.value(&format!("dispatch error/{name}"), &error);
    }
    let info = DispatchInfo {
        weight: Weight::from_parts(1 << 20, 100),
        class: DispatchClass::Operational,
        pays_fee: Pays::No,
    };
    vectors.value("dispatch info", &info);
    let applied: ApplyExtrinsicResult = Ok(Ok(()));
    vectors.value("applied/success", &applied);
    vectors.value::<ApplyExtrinsicResult>("applied/failure", &Ok(Err(module)));
    for (name, error) in [
        ("call", InvalidTransaction::Call.into()),
        ("payment", InvalidTransaction::Payment.into()),
        ("future", InvalidTransaction::Future.into()),
        ("stale", InvalidTransaction::Stale.into()),
        ("bad proof", InvalidTransaction::BadProof.into()),
        ("ancient birth block", InvalidTransaction::AncientBirthBlock.into()),
        ("exhausts resources", InvalidTransaction::ExhaustsResources.into()),
        ("custom", InvalidTransaction::Custom(9).into()),
        ("bad mandatory", InvalidTransaction::BadMandatory.into()),
        ("mandatory validation", InvalidTransaction::MandatoryValidation.into()),
        ("bad signer", InvalidTransaction::BadSigner.into()),
        ("unknown lookup", UnknownTransaction::CannotLookup.into()),
        ("unknown unsigned", UnknownTransaction::NoUnsignedValidator.into()),
        ("unknown custom", UnknownTransaction::Custom(3).into()),
    ] {
        let result: ApplyExtrinsicResult = Err(error);
        vectors.value(&format!("not applied/{name}"), &result);
        let validity: TransactionValidity = Err(error);
        assert_eq!(validity.encode(), result.encode());
    }
    let valid = ValidTransaction {
        priority: 1_000,
        requires: vec![vec![1, 2]],
        provides: vec![vec![3], vec![4, 5]],
        longevity: 64,
        propagate: true,
    };
    vectors.value::<TransactionValidity>("valid transaction", &Ok(valid));
    vectors.value("source/in block", &TransactionSource::InBlock);
    vectors.value("source/local", &TransactionSource::Local);
    vectors.value("source/external", &TransactionSource::External);
}

fn runtime(vectors: &mut Vectors) {
    let version = RuntimeVersion {
        spec_name: Cow::Borrowed("quire"),
        impl_name: Cow::Borrowed("quire-node"),
        authoring_version: 1,
        spec_version: 100,
        impl_version: 2,
        apis: Cow::Borrowed(&[([0xdf, 0x6a, 0xcb, 0x68, 0x99, 0x07, 0x60, 0x9b], 5)]),
        transaction_version: 1,
        system_version: 1,
    };
    vectors.value("runtime version", &version);
    let mut data = InherentData::new();
    data.put(TIMESTAMP_ID, &1_700_000_000_000_u64);
    vectors.value("inherent data", &data);
    vectors.value("check inherents/ok", &CheckInherentsResult::ok());
    let errors = CheckInherentsResult { okay: false, fatal_error: true, errors: data };
    vectors.value("check inherents/fatal", &errors);
}

#[test]
fn encoded_types_keep_their_bytes() {
    let mut vectors = Vectors::open(include_str!("../vectors/core.json"));
    words(&mut vectors);
    blocks(&mut vectors);
    extrinsics(&mut vectors);
    outcomes(&mut vectors);
    runtime(&mut vectors);
    vectors.check("vectors/core.json");
}

/// The shape of a type, in one line.
fn shape(registry: &PortableRegistry, def: &TypeDef<PortableForm>) -> String {
    let fields = |fields: &[scale_info::Field<PortableForm>]| {
        let list: Vec<String> = fields.iter().map(|field| field_shape(registry, field)).collect();
        list.join(", ")
    };
    match def {
        TypeDef::Composite(composite) => format!("struct({})", fields(&composite.fields)),
        TypeDef::Variant(variant) if variant.variants.len() == 256 => {
            let indices: Vec<u8> = variant.variants.iter().map(|variant| variant.index).collect();
            assert_eq!(indices, (0..=255).collect::<Vec<u8>>());
            let ends = [&variant.variants[1], &variant.variants[255]];
            let ends = ends.map(|variant| format!("{}({})", variant.name, fields(&variant.fields)));
            format!("enum({}, {}, .., {})", variant.variants[0].name, ends[0], ends[1])
        }
        TypeDef::Variant(variant) => {
            let list: Vec<String> = variant
                .variants
                .iter()
                .map(|variant| format!("{} {}({})", variant.index, variant.name, fields(&variant.fields)))
                .collect();
            format!("enum({})", list.join(", "))
        }
        other => format!("{other:?}"),
    }
}

fn field_shape(registry: &PortableRegistry, field: &scale_info::Field<PortableForm>) -> String {
    let name = field.name.as_ref().map_or(String::new(), |name| format!("{name}: "));
    let ty = type_name(registry, field.ty.id);
    let said = field.type_name.as_ref().map_or(String::new(), |said| format!(" as {said}"));
    format!("{name}{ty}{said}")
}

fn type_name(registry: &PortableRegistry, id: u32) -> String {
    let ty = registry.resolve(id).expect("the registry is closed");
    if !ty.path.is_empty() {
        return ty.path.to_string();
    }
    match &ty.type_def {
        TypeDef::Array(array) => format!("[{}; {}]", type_name(registry, array.type_param.id), array.len),
        TypeDef::Sequence(sequence) => format!("Vec<{}>", type_name(registry, sequence.type_param.id)),
        TypeDef::Compact(compact) => format!("Compact<{}>", type_name(registry, compact.type_param.id)),
        TypeDef::Tuple(tuple) => {
            let list: Vec<String> = tuple.fields.iter().map(|id| type_name(registry, id.id)).collect();
            format!("({})", list.join(", "))
        }
        TypeDef::Primitive(primitive) => format!("{primitive:?}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn types_keep_the_paths_and_shapes_that_clients_look_for() {
    let mut registry = Registry::new();
    let types: [MetaType; 26] = [
        meta_type::<H256>(),
        meta_type::<AccountId>(),
        meta_type::<MultiAddress>(),
        meta_type::<MultiSignature>(),
        meta_type::<AuraId>(),
        meta_type::<GrandpaId>(),
        meta_type::<KeyTypeId>(),
        meta_type::<Slot>(),
        meta_type::<Weight>(),
        meta_type::<Era>(),
        meta_type::<Block>(),
        meta_type::<Header>(),
        meta_type::<Digest>(),
        meta_type::<OpaqueExtrinsic>(),
        meta_type::<UncheckedExtrinsic<u8>>(),
        meta_type::<Extra>(),
        meta_type::<Additional>(),
        meta_type::<DispatchError>(),
        meta_type::<DispatchInfo>(),
        meta_type::<ApplyExtrinsicResult>(),
        meta_type::<TransactionValidity>(),
        meta_type::<ValidTransaction>(),
        meta_type::<TransactionSource>(),
        meta_type::<RuntimeVersion>(),
        meta_type::<InherentData>(),
        meta_type::<CheckInherentsResult>(),
    ];
    registry.register_types(types);
    let registry = PortableRegistry::from(registry);
    let mut vectors = Vectors::open(include_str!("../vectors/types.json"));
    for ty in registry.types.iter().map(|ty| &ty.ty).filter(|ty| ty.path.segments.len() > 1) {
        // The name is a `String` or a `&str`, by what other crates of the build ask of scale-info.
        let params: Vec<String> = ty.type_params.iter().map(|param| String::from(&*param.name)).collect();
        let params = if params.is_empty() { String::new() } else { format!("<{}>", params.join(", ")) };
        vectors.row(&format!("{}{params}", ty.path), json!(shape(&registry, &ty.type_def)));
    }
    vectors.check("vectors/types.json");
}
