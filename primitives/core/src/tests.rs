//! One test per rule of the modules, and decoding of whatever comes.

use crate::digest::{AURA_ENGINE_ID, Digest, DigestItem, GRANDPA_ENGINE_ID};
use crate::extrinsic::decode_envelope;
use crate::hash::{blake2_128, blake2_256_concat, blake2_512, sha2_256, twox_64, twox_128, twox_128_const};
use crate::ss58::{self, Ss58Error};
use crate::*;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::{vec, vec::Vec};
use parity_scale_codec::{Compact, Decode, Encode};
use proptest::prelude::*;

const ALICE: &str = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";

fn alice() -> AccountId {
    ALICE.parse().expect("64 hex digits")
}

fn hex_of(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

#[test]
fn hashes_give_known_values() {
    assert_eq!(hex_of(&twox_128(b"System")), "26aa394eea5630e07c48ae0c9558cef7");
    assert_eq!(hex_of(&twox_128(b"Account")), "b99d880ec681799c0cf30e8886371da9");
    assert_eq!(hex_of(&twox_128(b"Events")), "80d41e5e16056765bc8461851072c9d7");
    const AT_COMPILE_TIME: [u8; 16] = twox_128_const(b"System");
    assert_eq!(AT_COMPILE_TIME, twox_128(b"System"));
    assert_eq!(twox_64(b"System"), twox_128(b"System")[..8]);
    let empty_trie = "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314";
    assert_eq!(hex_of(&hash::blake2_256(&[0])), empty_trie);
    assert_eq!(blake2_256_concat(&[b"ab", b"", b"c"]), hash::blake2_256(b"abc"));
    // RFC 7693, appendix A, and FIPS 180-4.
    assert!(hex_of(&blake2_512(b"abc")).starts_with("ba80a53f981c4d0d6a2797b69f12f6e9"));
    assert!(hex_of(&sha2_256(b"abc")).starts_with("ba7816bf8f01cfea414140de5dae2223"));
    assert_eq!(hash::blake2_128_concat(b"k"), [&blake2_128(b"k")[..], b"k"].concat());
    assert_eq!(hash::twox_64_concat(b"k"), [&twox_64(b"k")[..], b"k"].concat());
}

#[test]
fn r3_hashes_and_accounts_print_and_read_as_hex() {
    assert_eq!(alice().to_string(), ALICE);
    assert_eq!(alloc::format!("{:?}", H256(alice().0)), ALICE);
    assert_eq!(ALICE.parse::<H256>(), Ok(H256(alice().0)));
    assert_eq!(ALICE[2..].parse::<H256>(), Ok(H256(alice().0)));
    for wrong in ["", "0x", &ALICE[..65], &ALICE.replace('d', "g"), &alloc::format!("{ALICE}00")] {
        assert!(wrong.parse::<H256>().is_err(), "{wrong}");
    }
}

#[test]
fn ss58_gives_known_addresses() {
    for (prefix, text) in [
        (42, "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),
        (0, "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"),
        (2, "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F"),
    ] {
        assert_eq!(alice().to_ss58(prefix), text);
        assert_eq!(ss58::decode(text), Ok((alice(), prefix)));
    }
    let bob = ss58::decode("5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty").expect("Bob's address");
    assert_eq!(bob.0.to_string(), "0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48");
}

#[test]
fn ss58_r1_refuses_what_is_no_address_of_an_account() {
    let good = alice().to_ss58(42);
    let mistyped = good.replace("Grwva", "Grwvb");
    assert_eq!(ss58::decode(&mistyped), Err(Ss58Error::BadChecksum));
    assert_eq!(ss58::decode(""), Err(Ss58Error::WrongLength { bytes: 0 }));
    assert_eq!(ss58::decode("0OIl"), Err(Ss58Error::NotBase58));
    assert_eq!(ss58::decode(&"5".repeat(65)), Err(Ss58Error::TooLong { chars: 65 }));
    assert!(matches!(ss58::decode(&good[..40]), Err(Ss58Error::WrongLength { .. })));
    assert!(matches!(
        ss58::decode(&bs58::encode([200; 35]).into_string()),
        Err(Ss58Error::BadPrefix { first_byte: 200 })
    ));
}

#[test]
fn ss58_r2_refuses_a_small_prefix_in_two_bytes() {
    // Prefix 42 in the two-byte form, with a right checksum.
    let mut bytes = vec![42 >> 2 | 0b0100_0000, (42 & 0b11) << 6];
    bytes.extend_from_slice(&alice().0);
    let checksum = blake2_512(&[b"SS58PRE", &bytes[..]].concat());
    bytes.extend_from_slice(&checksum[..2]);
    let text = bs58::encode(bytes).into_string();
    assert!(matches!(ss58::decode(&text), Err(Ss58Error::BadPrefix { .. })));
}

#[test]
fn era_r3_every_two_byte_word_decodes_to_itself_or_not_at_all() {
    let mut valid = 0;
    for word in 0..=u16::MAX {
        let bytes = word.to_le_bytes();
        if bytes[0] == 0 {
            continue;
        }
        if let Ok(era) = Era::decode(&mut &bytes[..]) {
            valid += 1;
            assert_eq!(era.encode(), bytes);
            let Era::Mortal { period, phase } = era else { panic!("{era:?} from {bytes:?}") };
            let step = (period >> 12).max(1);
            assert_eq!(u32::from(word), (period.trailing_zeros() - 1) | (phase / step) << 4);
        }
    }
    // Periods 4..=4096 have `period` phases, 8192..=65536 have 4096.
    assert_eq!(valid, (2..=12).map(|exponent| 1 << exponent).sum::<u32>() + 4 * 4096);
    assert_eq!(Era::decode(&mut &[0][..]), Ok(Era::Immortal));
}

#[test]
fn era_r3_gives_known_bytes() {
    assert_eq!(Era::mortal(64, 42).encode(), [5 + 42 % 16 * 16, 42 / 16]);
    assert_eq!(Era::mortal(32_768, 20_000).encode(), [(14 + 2_500 % 16 * 16) as u8, (2_500 / 16) as u8]);
    assert_eq!(Era::mortal(200, 513), Era::Mortal { period: 256, phase: 1 });
    assert_eq!(Era::mortal(2, 1), Era::Mortal { period: 4, phase: 1 });
    assert_eq!(Era::mortal(4, 5), Era::Mortal { period: 4, phase: 1 });
    assert_eq!(Era::mortal(u32::MAX, 0), Era::Mortal { period: 65_536, phase: 0 });
}

#[test]
fn era_r2_known_births_and_deaths() {
    let era = Era::Mortal { period: 4, phase: 1 };
    for current in [1, 2, 3, 4] {
        assert_eq!((era.birth(current), era.death(current)), (1, 5));
    }
    assert_eq!((era.birth(5), era.birth(0)), (5, 1));
    assert_eq!((Era::Immortal.birth(77), Era::Immortal.death(77)), (0, u32::MAX));
    assert_eq!(Era::Mortal { period: 4, phase: 3 }.death(u32::MAX), u32::MAX);
}

#[test]
fn digest_helpers_read_slot_and_seal() {
    let mut digest = Digest::for_slot(Slot(7));
    assert_eq!((digest.aura_slot(), digest.seal()), (Some(Slot(7)), None));
    digest.push(DigestItem::Consensus(GRANDPA_ENGINE_ID, vec![1]));
    digest.push(DigestItem::Seal(AURA_ENGINE_ID, vec![9; 64]));
    assert_eq!(digest.seal(), Some([9; 64]));
    let header = Header { digest: digest.clone(), ..Header::default() };
    assert_eq!(header.without_seal().digest.logs[..], digest.logs[..2]);
    assert_eq!(header.without_seal().without_seal(), header.without_seal());
    assert_eq!(header.pre_hash(), header.without_seal().hash());
    assert_ne!(header.pre_hash(), header.hash());
    // A seal that is not last is none; two slots are none.
    digest.push(DigestItem::Other(vec![]));
    assert_eq!(digest.seal(), None);
    digest.push(DigestItem::PreRuntime(AURA_ENGINE_ID, Slot(8).encode()));
    assert_eq!(digest.aura_slot(), None);
    let short = Digest { logs: vec![DigestItem::Seal(AURA_ENGINE_ID, vec![9; 63])] };
    assert_eq!(short.seal(), None);
}

/// A call that can hold a call, as motions do.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
enum Nested {
    Leaf(u8),
    Deeper(Box<Nested>),
}

fn nested(depth: u32) -> Nested {
    (0..depth).fold(Nested::Leaf(7), |call, _| Nested::Deeper(Box::new(call)))
}

#[test]
fn extrinsic_r3_refuses_calls_nested_too_deep_and_bytes_left_over() {
    let decode = |call: &Nested| {
        UncheckedExtrinsic::<Nested>::decode(&mut &UncheckedExtrinsic::bare(call.clone()).encode()[..])
    };
    let deepest = nested(limits::MAX_CALL_DEPTH);
    assert_eq!(decode(&deepest).map(|extrinsic| extrinsic.call), Ok(deepest));
    assert!(decode(&nested(limits::MAX_CALL_DEPTH + 1)).is_err());
    let bottomless = [vec![0x04], vec![1; 1_000_000], vec![0, 7]].concat();
    assert!(UncheckedExtrinsic::<Nested>::decode_body(&bottomless).is_err());
    let body = [UncheckedExtrinsic::bare(Nested::Leaf(1)).encode_body(), vec![0]].concat();
    assert!(UncheckedExtrinsic::<Nested>::decode_body(&body).is_err());
}

#[test]
fn extrinsic_r3_refuses_calls_that_take_up_too_much_memory() {
    let with_keys = |count: usize| [&[0x04], &vec![Vec::<u8>::new(); count].encode()[..]].concat();
    assert!(UncheckedExtrinsic::<Vec<Vec<u8>>>::decode_body(&with_keys(10_000)).is_ok());
    // One byte each in the extrinsic, twelve each in the memory of the runtime.
    let empty_keys = with_keys(limits::MAX_EXTRINSIC_BYTES as usize - 8);
    assert!(UncheckedExtrinsic::<Vec<Vec<u8>>>::decode_body(&empty_keys).is_err());
}

#[test]
fn extrinsic_r1_refuses_other_versions_and_unknown_modes() {
    let extra = Extra { era: Era::Immortal, nonce: 1, tip: 0, mode: 1 };
    let extrinsic =
        UncheckedExtrinsic::signed(Nested::Leaf(1), alice(), MultiSignature::Sr25519([3; 64]), extra);
    let good = extrinsic.encode_body();
    assert_eq!(UncheckedExtrinsic::decode_body(&good).map(|(read, _)| read), Ok(extrinsic));
    for version in [0x00, 0x03, 0x05, 0x45, 0x83, 0x85] {
        let mut bad = good.clone();
        bad[0] = version;
        assert!(decode_envelope(&bad).is_err(), "{version:#x}");
    }
    let mode_at = good.len() - Nested::Leaf(1).encode().len() - 1;
    let mut bad = good;
    bad[mode_at] = 2;
    assert!(decode_envelope(&bad).is_err());
}

#[test]
fn extrinsic_gives_the_bytes_of_its_call() {
    let extrinsic = UncheckedExtrinsic::bare(nested(3));
    let opaque = extrinsic.to_opaque();
    let (read, call_bytes) = UncheckedExtrinsic::<Nested>::from_opaque(&opaque).expect("just encoded");
    assert_eq!(call_bytes, nested(3).encode());
    assert_eq!(read, extrinsic);
    assert_eq!(opaque.encode(), extrinsic.encode());
    assert_eq!(opaque.hash().0, hash::blake2_256(&extrinsic.encode()));
    assert_eq!(OpaqueExtrinsic::from_encoded(&extrinsic.encode()), Ok(opaque));
    assert!(OpaqueExtrinsic::from_encoded(&[extrinsic.encode(), vec![0]].concat()).is_err());
}

#[test]
fn extrinsic_r2_signs_the_hash_of_long_payloads() {
    let (extra, additional) = (Extra::default(), Additional::default());
    let rest = extra.encode().len() + additional.encode().len();
    assert_eq!(rest, 4 + 4 + 4 + 32 + 32 + 1);
    let longest = vec![1; 256 - rest];
    let plain = [longest.clone(), extra.encode(), additional.encode()].concat();
    assert_eq!(signing_payload(&longest, &extra, &additional), plain);
    let longer = vec![1; 257 - rest];
    let plain = [longer.clone(), extra.encode(), additional.encode()].concat();
    assert_eq!(signing_payload(&longer, &extra, &additional), hash::blake2_256(&plain));
}

#[test]
fn r1_decoders_refuse_counts_above_their_limits_before_reading_on() {
    let items = |count: u32| [Compact(count).encode(), vec![8; count as usize]].concat();
    let most = limits::MAX_DIGEST_ITEMS;
    assert!(Digest::decode(&mut &items(most)[..]).is_ok());
    assert!(Digest::decode(&mut &items(most + 1)[..]).is_err());

    let header = Header::default().encode();
    let block = |count: u32| [header.clone(), Compact(count).encode(), vec![0; count as usize]].concat();
    let most = limits::MAX_BLOCK_EXTRINSICS;
    assert!(Block::decode(&mut &block(most)[..]).is_ok());
    assert!(Block::decode(&mut &block(most + 1)[..]).is_err());

    let length = Compact(limits::MAX_EXTRINSIC_BYTES + 1).encode();
    let long = [length, vec![0; limits::MAX_EXTRINSIC_BYTES as usize + 1]].concat();
    assert!(OpaqueExtrinsic::decode(&mut &long[..]).is_err());

    let kinds = |count: u32| {
        let data = (0..count).map(|kind| (u64::from(kind).to_le_bytes(), Vec::new())).collect();
        InherentData { data }.encode()
    };
    assert!(InherentData::decode(&mut &kinds(limits::MAX_INHERENT_KINDS)[..]).is_ok());
    assert!(InherentData::decode(&mut &kinds(limits::MAX_INHERENT_KINDS + 1)[..]).is_err());
}

/// An input that claims no length and ends after a byte: nothing may be allocated on its word.
struct Endless(u64);

impl parity_scale_codec::Input for Endless {
    fn remaining_len(&mut self) -> Result<Option<usize>, parity_scale_codec::Error> {
        Ok(None)
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), parity_scale_codec::Error> {
        assert!(into.len() <= 64 * 1024, "asked for {} bytes at once", into.len());
        if self.0 < into.len() as u64 {
            return Err("ends here".into());
        }
        self.0 -= into.len() as u64;
        into.fill(0xfe);
        Ok(())
    }
}

#[test]
fn r1_decoders_allocate_by_what_has_arrived() {
    // fe fe fe fe is the compact form of 1,069,531,071.
    assert!(OpaqueExtrinsic::decode(&mut Endless(1 << 20)).is_err());
    assert!(codec::decode_bytes(&mut Endless(1 << 20), u32::MAX, "test").is_err());
    assert!(codec::decode_vec::<u64, _>(&mut Endless(1 << 20), u32::MAX, "test").is_err());
}

#[test]
fn compact_lengths_agree_with_the_codec() {
    for value in [0, 1, 0x3f, 0x40, 0x3fff, 0x4000, 0x3fff_ffff, 0x4000_0000, u32::MAX] {
        let (bytes, length) = codec::compact_u32(value);
        assert_eq!(bytes[..length], Compact(value).encode(), "{value}");
    }
}

#[test]
fn weights_saturate() {
    let small = Weight::from_parts(5, 7);
    assert_eq!(small + Weight::MAX, Weight::MAX);
    assert_eq!(small - Weight::MAX, Weight::ZERO);
    assert_eq!(Weight::MAX * 2, Weight::MAX);
    assert_eq!((small * 3).saturating_div(3), small);
    assert_eq!(small.saturating_div(0), Weight::ZERO);
    assert!(small.all_lte(small) && small.any_gt(Weight::from_parts(9, 6)));
    assert_eq!([small, small].into_iter().sum::<Weight>(), Weight::from_parts(10, 14));
}

#[test]
fn api_ids_are_the_known_ones() {
    for (name, id) in [
        ("Core", "df6acb689907609b"),
        ("Metadata", "37e397fc7c91f5e4"),
        ("BlockBuilder", "40fe3ad401f8959a"),
        ("TaggedTransactionQueue", "d2bc9897eed08f15"),
        ("AccountNonceApi", "bc9d89904f5b923f"),
        ("TransactionPaymentApi", "37c8bb1350a9a2a8"),
        ("AuraApi", "dd718d5cc53262d4"),
        ("GrandpaApi", "ed99c5acb25eedf5"),
        ("SessionKeys", "ab3c0572291feb8b"),
    ] {
        assert_eq!(hex_of(&RuntimeVersion::api_id(name)), id, "{name}");
    }
}

#[test]
fn inherent_data_gives_back_what_was_put() {
    let mut data = InherentData::new();
    data.put(inherent::TIMESTAMP_ID, &5_u64);
    data.put(inherent::TIMESTAMP_ID, &6_u64);
    assert_eq!(data.get::<u64>(&inherent::TIMESTAMP_ID), Ok(Some(6)));
    assert_eq!(data.get::<u64>(b"absent00"), Ok(None));
    assert!(data.get::<u32>(&inherent::TIMESTAMP_ID).is_err());
}

/// Decodes every type from the bytes; what decodes must encode to what was read, and nothing may panic.
fn decode_all(bytes: &[u8]) {
    fn check<T: Encode + Decode>(bytes: &[u8]) {
        let mut input = bytes;
        if let Ok(value) = T::decode(&mut input) {
            let read = bytes.len() - input.len();
            assert_eq!(value.encode(), bytes[..read], "{}", core::any::type_name::<T>());
        }
    }
    check::<Header>(bytes);
    check::<Block>(bytes);
    check::<DigestItem>(bytes);
    check::<OpaqueExtrinsic>(bytes);
    check::<UncheckedExtrinsic<Nested>>(bytes);
    check::<Extra>(bytes);
    check::<Era>(bytes);
    check::<MultiAddress>(bytes);
    check::<MultiSignature>(bytes);
    check::<GrandpaJustification>(bytes);
    check::<RuntimeVersion>(bytes);
    check::<TransactionValidity>(bytes);
    check::<ApplyExtrinsicResult>(bytes);
    check::<DispatchError>(bytes);
    check::<Weight>(bytes);
    check::<DispatchInfo>(bytes);
    // A map's order is free on the wire, so only the absence of panics is asked of it.
    drop(InherentData::decode(&mut &bytes[..]));
    drop(UncheckedExtrinsic::<Nested>::decode_body(bytes));
}

fn digest_item() -> impl Strategy<Value = DigestItem> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..80);
    prop_oneof![
        bytes().prop_map(DigestItem::Other),
        (any::<[u8; 4]>(), bytes()).prop_map(|(engine, bytes)| DigestItem::Consensus(engine, bytes)),
        (any::<[u8; 4]>(), bytes()).prop_map(|(engine, bytes)| DigestItem::Seal(engine, bytes)),
        (any::<[u8; 4]>(), bytes()).prop_map(|(engine, bytes)| DigestItem::PreRuntime(engine, bytes)),
        Just(DigestItem::RuntimeEnvironmentUpdated),
    ]
}

fn header() -> impl Strategy<Value = Header> {
    let hash = || any::<[u8; 32]>().prop_map(H256);
    (hash(), any::<u32>(), hash(), hash(), proptest::collection::vec(digest_item(), 0..4)).prop_map(
        |(parent_hash, number, state_root, extrinsics_root, logs)| Header {
            parent_hash,
            number,
            state_root,
            extrinsics_root,
            digest: Digest { logs },
        },
    )
}

fn extra() -> impl Strategy<Value = Extra> {
    let era = prop_oneof![
        Just(Era::Immortal),
        (4_u32..65_537, any::<u32>()).prop_map(|(period, current)| Era::mortal(period, current))
    ];
    (era, any::<u32>(), any::<u128>(), 0_u8..2).prop_map(|(era, nonce, tip, mode)| Extra {
        era,
        nonce,
        tip,
        mode,
    })
}

fn signature() -> impl Strategy<Value = MultiSignature> {
    prop_oneof![
        any::<[u8; 64]>().prop_map(MultiSignature::Ed25519),
        any::<[u8; 64]>().prop_map(MultiSignature::Sr25519),
        any::<[u8; 65]>().prop_map(MultiSignature::Ecdsa),
    ]
}

fn round_trip<T: Encode + Decode + PartialEq + core::fmt::Debug>(value: T) {
    let bytes = value.encode();
    let mut input = &bytes[..];
    assert_eq!(T::decode(&mut input).as_ref(), Ok(&value));
    assert!(input.is_empty());
    // Every truncation is an error, not a panic and not another value.
    for cut in 0..bytes.len() {
        assert!(T::decode(&mut &bytes[..cut]).is_err(), "{value:?} cut to {cut} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r2_arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        decode_all(&bytes);
    }

    #[test]
    fn r2_damaged_blocks_never_panic(
        header in header(),
        extrinsics in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..4),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let extrinsics = extrinsics.into_iter().map(OpaqueExtrinsic).collect();
        let mut bytes = Block { header, extrinsics }.encode();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        decode_all(&bytes);
    }

    #[test]
    fn headers_round_trip(header in header()) {
        round_trip(header);
    }

    #[test]
    fn extrinsics_round_trip(extra in extra(), signature in signature(), raw in any::<[u8; 20]>(), call in 0_u32..5) {
        let signer = MultiAddress::Address20(raw);
        round_trip(UncheckedExtrinsic { signature: Some((signer, signature, extra)), call: nested(call) });
        round_trip(UncheckedExtrinsic::bare(nested(call)));
    }

    #[test]
    fn justifications_round_trip(
        round in any::<u64>(),
        votes in proptest::collection::vec((any::<[u8; 32]>(), any::<u32>(), any::<[u8; 64]>()), 0..4),
        votes_ancestries in proptest::collection::vec(header(), 0..3),
    ) {
        let precommits = votes.into_iter().map(|(hash, target_number, signature)| {
            justification::SignedPrecommit { target_hash: H256(hash), target_number, signature, id: GrandpaId(hash) }
        });
        round_trip(GrandpaJustification {
            round,
            target_hash: H256::ZERO,
            target_number: 1,
            precommits: precommits.collect(),
            votes_ancestries,
        });
    }

    #[test]
    fn valid_transactions_round_trip(
        priority in any::<u64>(),
        tags in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..4),
    ) {
        let valid = ValidTransaction {
            priority,
            requires: tags.clone(),
            provides: tags,
            longevity: 64,
            propagate: true,
        };
        round_trip::<TransactionValidity>(Ok(valid));
    }

    #[test]
    fn ss58_round_trips(account in any::<[u8; 32]>(), prefix in 0_u16..=ss58::MAX_PREFIX) {
        let text = ss58::encode(&AccountId(account), prefix);
        prop_assert_eq!(ss58::decode(&text), Ok((AccountId(account), prefix)));
    }

    #[test]
    fn ss58_r1_one_wrong_character_is_found(account in any::<[u8; 32]>(), at in 0_usize..47, shift in 1_usize..58) {
        const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        let mut text = ss58::encode(&AccountId(account), 42).into_bytes();
        let old = ALPHABET.iter().position(|letter| *letter == text[at]).expect("base58");
        text[at] = ALPHABET[(old + shift) % 58];
        let text = String::from_utf8(text).expect("letters");
        // Two checksum bytes let one in 65,536 through; it must then be another account or prefix.
        prop_assert_ne!(ss58::decode(&text), Ok((AccountId(account), 42)));
    }

    #[test]
    fn ss58_any_text_never_panics(text in ".{0,70}") {
        let _ = ss58::decode(&text);
    }

    #[test]
    fn era_r2_contains_the_block_it_was_made_at(period in any::<u32>(), current in any::<u32>(), later in 0_u32..200_000) {
        let era = Era::mortal(period, current);
        let Era::Mortal { period, phase } = era else { panic!("immortal") };
        prop_assert!(period.is_power_of_two() && (4..=65_536).contains(&period) && phase < period);
        let at = current.saturating_add(later);
        let birth = era.birth(at);
        // The formula of the specification, in wide arithmetic.
        let (wide_period, wide_phase) = (u64::from(period), u64::from(phase));
        let wide = (u64::from(at).max(wide_phase) - wide_phase) / wide_period * wide_period + wide_phase;
        prop_assert_eq!(u64::from(birth), wide);
        if at >= phase {
            prop_assert!(birth <= at && at - birth < period);
        }
        // Quantised phases lie at most one step before the block the era was made at.
        prop_assert!(era.birth(current) <= current);
        prop_assert!(current - era.birth(current) < (period >> 12).max(1));
        round_trip(era);
    }
}
