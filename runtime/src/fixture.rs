//! Fixture: a pallet that only the runtime has to which tests upgrade (`runtime/wasm/upgrade_fixture.wasm`).
//!
//! It shows what an upgrade can bring: a call, an event, storage, and a migration that ran once.
//!
//! * **R1** `note` keeps count and reports the text; texts have at most [`TEXT_BYTES_MAX`] bytes.
//! * **R2** The migration notes the block in which it ran.

use alloc::{vec, vec::Vec};
use pallet_support::metadata::PalletMetadataParts;
use pallet_support::{
    DispatchError, DispatchResultWithInfo, Origin, StorageValue, deposit_event, ensure, ensure_signed,
    with_info,
};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, BlockNumber, DispatchClass, DispatchInfo, Pays, Weight};
use scale_info::{TypeInfo, meta_type};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 250;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Fixture";
/// Longest text.
pub const TEXT_BYTES_MAX: usize = 256;

/// Number of notes so far.
pub const NOTES: StorageValue<u32> =
    StorageValue::new(NAME, "Notes", &["Number of notes so far."]).defaulted();

/// Where the migration ran.
pub const MIGRATED_AT: StorageValue<BlockNumber> =
    StorageValue::new(NAME, "MigratedAt", &["The block in which the migration ran."]);

/// Calls of Fixture.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call {
    /// Reports a text and counts it.
    #[codec(index = 0)]
    note {
        /// The text.
        text: Vec<u8>,
    },
}

/// Events of Fixture.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// A text was reported.
    #[codec(index = 0)]
    Noted {
        /// By whom.
        who: AccountId,
        /// The text.
        text: Vec<u8>,
    },
}

impl Call {
    /// Weight, class and fee.
    pub fn dispatch_info(&self) -> DispatchInfo {
        let weight = Weight::from_micros(20);
        DispatchInfo { weight, class: DispatchClass::Normal, pays_fee: Pays::Yes }
    }
}

/// Carries out a call.
///
/// # Errors
/// `BadOrigin`, or when the text is too long.
pub fn dispatch(call: Call, origin: Origin) -> DispatchResultWithInfo {
    let Call::note { text } = call;
    with_info(ensure_signed(&origin).and_then(|who| {
        ensure!(text.len() <= TEXT_BYTES_MAX, DispatchError::Other("the text is too long"));
        NOTES.mutate_default(|count| *count = count.saturating_add(1));
        deposit_event(INDEX, &Event::Noted { who, text });
        Ok(())
    }))
}

/// R2.
pub(crate) fn migrate() {
    MIGRATED_AT.put(&pallet_system::block_number());
}

/// What metadata says about the pallet.
pub fn metadata() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![NOTES.entry_metadata(), MIGRATED_AT.entry_metadata()],
        calls: Some(meta_type::<Call>()),
        events: Some(meta_type::<Event>()),
        docs: vec!["What only the runtime of upgrade tests has."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
