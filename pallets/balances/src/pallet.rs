//! The pallet's face: what can be asked of it, what it reports, and how it refuses.

use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, Balance, MultiAddress};
use scale_info::build::Variants;
use scale_info::{Path, Type, TypeInfo};

use crate::INDEX;

/// Calls of Balances.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call {
    /// Transfers free balance; may remove the sender's account.
    #[codec(index = 0)]
    transfer_allow_death {
        /// Who receives.
        dest: MultiAddress,
        /// Plancks.
        #[codec(compact)]
        value: Balance,
    },
    /// Transfers somebody's free balance. Root only.
    #[codec(index = 2)]
    force_transfer {
        /// Who gives.
        source: MultiAddress,
        /// Who receives.
        dest: MultiAddress,
        /// Plancks.
        #[codec(compact)]
        value: Balance,
    },
    /// Transfers free balance; fails when it would remove the sender's account.
    #[codec(index = 3)]
    transfer_keep_alive {
        /// Who receives.
        dest: MultiAddress,
        /// Plancks.
        #[codec(compact)]
        value: Balance,
    },
    /// Transfers all free balance that can go.
    #[codec(index = 4)]
    transfer_all {
        /// Who receives.
        dest: MultiAddress,
        /// Whether the sender's account shall stay, with the existential deposit.
        keep_alive: bool,
    },
    /// Frees somebody's reserved balance. Root only.
    #[codec(index = 5)]
    force_unreserve {
        /// Whose.
        who: MultiAddress,
        /// Plancks; more than reserved means all.
        amount: Balance,
    },
    /// Sets somebody's free balance, and the total issuance with it. Root only.
    #[codec(index = 8)]
    force_set_balance {
        /// Whose.
        who: MultiAddress,
        /// Plancks.
        #[codec(compact)]
        new_free: Balance,
    },
    /// Destroys some of the sender's own free balance.
    #[codec(index = 10)]
    burn {
        /// Plancks.
        #[codec(compact)]
        value: Balance,
        /// Whether the sender's account shall stay.
        keep_alive: bool,
    },
}

/// What a repatriated reserve becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum BalanceStatus {
    /// Free balance.
    Free,
    /// Reserved balance.
    Reserved,
}

impl TypeInfo for BalanceStatus {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder()
            .path(Path::new("BalanceStatus", "frame_support::traits::tokens::misc"))
            .variant(Variants::new().variant_unit("Free", 0).variant_unit("Reserved", 1))
    }
}

/// Events of Balances.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// An account came into being with some free balance.
    #[codec(index = 0)]
    Endowed {
        /// The account.
        account: AccountId,
        /// Plancks.
        free_balance: Balance,
    },
    /// An account was removed and what was left in it is gone.
    #[codec(index = 1)]
    DustLost {
        /// The account.
        account: AccountId,
        /// Plancks.
        amount: Balance,
    },
    /// Free balance changed hands.
    #[codec(index = 2)]
    Transfer {
        /// Who gave.
        from: AccountId,
        /// Who received.
        to: AccountId,
        /// Plancks.
        amount: Balance,
    },
    /// Root set a balance.
    #[codec(index = 3)]
    BalanceSet {
        /// Whose.
        who: AccountId,
        /// Plancks, free.
        free: Balance,
    },
    /// Free balance became reserved.
    #[codec(index = 4)]
    Reserved {
        /// Whose.
        who: AccountId,
        /// Plancks.
        amount: Balance,
    },
    /// Reserved balance became free.
    #[codec(index = 5)]
    Unreserved {
        /// Whose.
        who: AccountId,
        /// Plancks.
        amount: Balance,
    },
    /// Reserved balance changed hands.
    #[codec(index = 6)]
    ReserveRepatriated {
        /// Who gave.
        from: AccountId,
        /// Who received.
        to: AccountId,
        /// Plancks.
        amount: Balance,
        /// What it is now.
        destination_status: BalanceStatus,
    },
    /// Balance was added for a fee or a refund.
    #[codec(index = 7)]
    Deposit {
        /// Whose.
        who: AccountId,
        /// Plancks.
        amount: Balance,
    },
    /// Balance was taken for a fee.
    #[codec(index = 8)]
    Withdraw {
        /// Whose.
        who: AccountId,
        /// Plancks.
        amount: Balance,
    },
    /// Reserved balance was destroyed as a punishment.
    #[codec(index = 9)]
    Slashed {
        /// Whose.
        who: AccountId,
        /// Plancks.
        amount: Balance,
    },
    /// Balance was created.
    #[codec(index = 10)]
    Minted {
        /// Whose.
        who: AccountId,
        /// Plancks.
        amount: Balance,
    },
    /// Free balance was destroyed.
    #[codec(index = 11)]
    Burned {
        /// Whose.
        who: AccountId,
        /// Plancks.
        amount: Balance,
    },
}

/// Errors of Balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// Vesting balance too high to send value.
    VestingBalance,
    /// Frozen balance may not be spent.
    LiquidityRestrictions,
    /// The balance is too low for the amount.
    InsufficientBalance,
    /// The amount is below the existential deposit of an account that does not exist yet.
    ExistentialDeposit,
    /// The amount would remove an account that must stay.
    Expendability,
    /// A vesting schedule exists already.
    ExistingVestingSchedule,
    /// The account does not exist.
    DeadAccount,
    /// Too many named reserves.
    TooManyReserves,
    /// Too many holds.
    TooManyHolds,
    /// Too many freezes.
    TooManyFreezes,
    /// The issuance cannot be changed.
    IssuanceDeactivated,
    /// The change is zero.
    DeltaZero,
}

pallet_support::impl_module_error!(Error, INDEX);
