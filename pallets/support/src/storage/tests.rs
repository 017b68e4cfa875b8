//! One test per rule of storage.

use alloc::vec;
use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use scale_info::meta_type;

use super::{
    Blake2_128Concat, CountedMap, HasherKind, Identity, StorageDoubleMap, StorageMap, StorageValue,
    Twox64Concat,
};
use crate::host;
use crate::metadata::EntryKind;
use crate::testing::{new_test, with_state};

const VALUE: StorageValue<u32> = StorageValue::new("System", "Number", &["A value."]).defaulted();
const LIST: StorageValue<Vec<u16>> = StorageValue::new("System", "Events", &[]);
const MAP: StorageMap<[u8; 2], u64, Blake2_128Concat> = StorageMap::new("System", "Account", &["A map."]);
const BY_NUMBER: StorageMap<u32, u64, Twox64Concat> = StorageMap::new("System", "BlockHash", &[]).defaulted();
const DOUBLE: StorageDoubleMap<u64, u32, u8, Twox64Concat, Identity> =
    StorageDoubleMap::new("Test", "Double", &[]);
const COUNTED: CountedMap<u32, u8, Twox64Concat> = CountedMap::new("Test", "Items", &[]);

#[test]
fn r1_keys_are_substrates() {
    let hex = |bytes: &[u8]| {
        bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect::<alloc::string::String>()
    };
    assert_eq!(hex(&LIST.key()), "26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7");
    assert_eq!(hex(&MAP.prefix()), "26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9");
    let key = MAP.key_for(&[1, 2]);
    assert_eq!(key[..32], MAP.prefix());
    assert_eq!(key[32..48], host::blake2_128(&[1, 2]));
    assert_eq!(key[48..], [1, 2]);
    let key = BY_NUMBER.key_for(&7);
    assert_eq!(key[32..40], host::twox_64(&7u32.encode()));
    assert_eq!(key[40..], 7u32.encode());
    let key = DOUBLE.key_for(&9, &5);
    assert_eq!(key[..48], DOUBLE.prefix_for(&9));
    assert_eq!(key[48..], 5u32.encode());
    assert_eq!(COUNTED.counter_key(), StorageValue::<u32>::new("Test", "CounterForItems", &[]).key());
}

#[test]
fn r2_what_does_not_decode_counts_as_absent_and_is_logged() {
    new_test(|| {
        host::storage_set(&VALUE.key(), &[1]);
        assert_eq!(VALUE.get(), None);
        assert_eq!(VALUE.get_or_default(), 0);
        let lines = with_state(|state| state.lines().to_vec());
        assert!(lines[0].1.contains("does not decode"), "{lines:?}");
        VALUE.mutate_default(|value| *value += 1);
        assert_eq!(VALUE.get(), Some(1));
    });
}

#[test]
fn r3_defaults_are_read_and_described() {
    new_test(|| assert_eq!(BY_NUMBER.get_or_default(&1), 0));
    assert_eq!(VALUE.entry_metadata().default, Some(vec![0; 4]));
    assert_eq!(BY_NUMBER.entry_metadata().default, Some(vec![0; 8]));
    assert_eq!(MAP.entry_metadata().default, None);
}

#[test]
fn r4_iterators_see_every_entry_once_even_while_it_is_removed() {
    new_test(|| {
        for key in 0..20u32 {
            BY_NUMBER.insert(&key, &u64::from(key));
        }
        host::storage_set(&[0xff; 40], b"a neighbour");
        let mut seen = Vec::new();
        for (key, value) in BY_NUMBER.iter() {
            assert_eq!(value, u64::from(key));
            BY_NUMBER.remove(&key);
            seen.push(key);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
        assert_eq!(BY_NUMBER.iter_keys().count(), 0);
    });
}

#[test]
fn r4_a_double_map_iterates_by_its_first_key() {
    new_test(|| {
        for (first, second) in [(1u64, 10u32), (1, 11), (2, 10)] {
            DOUBLE.insert(&first, &second, &(second as u8));
        }
        assert_eq!(DOUBLE.iter_prefix(&1).collect::<Vec<_>>(), [(10, 10), (11, 11)]);
        assert_eq!(DOUBLE.iter_prefix_keys(&2).collect::<Vec<_>>(), [10]);
        assert_eq!(DOUBLE.iter().count(), 3);
        DOUBLE.clear_prefix(&1, 10);
        assert!(!DOUBLE.contains(&1, &10) && DOUBLE.contains(&2, &10));
    });
}

#[test]
fn values_are_written_changed_taken_and_appended() {
    new_test(|| {
        VALUE.put(&5);
        assert_eq!(VALUE.take(), Some(5));
        assert!(!VALUE.exists());
        VALUE.mutate(|value| *value = Some(3));
        let failed: Result<(), ()> = VALUE.try_mutate(|value| {
            *value = None;
            Err(())
        });
        assert!(failed.is_err());
        assert_eq!(VALUE.get(), Some(3));
        LIST.append(&1u16);
        LIST.append(&2u16);
        assert_eq!(LIST.get(), Some(vec![1, 2]));
    });
}

#[test]
fn a_counted_map_counts_entries_not_writes() {
    new_test(|| {
        COUNTED.insert(&1, &1);
        COUNTED.insert(&1, &2);
        COUNTED.insert(&2, &2);
        assert_eq!(COUNTED.count(), 2);
        COUNTED.remove(&9);
        assert_eq!(COUNTED.take(&1), Some(2));
        assert_eq!(COUNTED.count(), 1);
        COUNTED.mutate(&3, |value| *value = Some(1));
        COUNTED.mutate(&2, |value| *value = None);
        let failed: Result<(), ()> = COUNTED.try_mutate(&4, |value| {
            *value = Some(1);
            Err(())
        });
        assert!(failed.is_err());
        assert_eq!(COUNTED.count(), 1);
        assert_eq!(COUNTED.iter().collect::<Vec<_>>(), [(3, 1)]);
        assert_eq!(COUNTED.iter_keys().count() as u32, COUNTED.count());
    });
}

#[test]
fn metadata_names_types_and_hashers() {
    let entry = DOUBLE.entry_metadata();
    let EntryKind::Map { hashers, key, value } = entry.kind else { panic!("a map") };
    assert_eq!(hashers, [HasherKind::Twox64Concat, HasherKind::Identity]);
    assert_eq!((key, value), (meta_type::<(u64, u32)>(), meta_type::<u8>()));
    assert_eq!(MAP.entry_metadata().docs, ["A map."]);
    assert_eq!(COUNTED.counter_metadata().name, "CounterForItems");
}

#[test]
fn a_clear_outcome_decodes_as_the_host_encodes_it() {
    assert_eq!(
        host::ClearPrefix::decode(&mut &[1, 2, 0, 0, 0][..]).unwrap(),
        host::ClearPrefix::SomeRemaining(2)
    );
}
