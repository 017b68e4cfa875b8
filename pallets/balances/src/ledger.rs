//! One account's balance: changes as pure values, with the references that follow from them, and writing them.

use pallet_support::{DispatchError, deposit_event, host};
use pallet_system::{AccountData, AccountInfo, CONSUMERS_MAX};
use quire_core::{AccountId, ArithmeticError, Balance};

use crate::storage::TOTAL_ISSUANCE;
use crate::{EXISTENTIAL_DEPOSIT, Error, Event, INDEX};

/// Before a tag in the address of a pot.
const POT_DOMAIN: &[u8] = b"quire/pot:";

/// Address of the pot with a tag such as `b"quire/chnl"`.
pub fn pot(tag: &[u8]) -> AccountId {
    let mut preimage = POT_DOMAIN.to_vec();
    preimage.extend_from_slice(tag);
    AccountId(host::blake2_256(&preimage))
}

/// Makes sure that the pot with this tag exists (R6), and returns its address. Each pallet does so in its genesis.
pub fn create_pot(tag: &[u8]) -> AccountId {
    let who = pot(tag);
    let before = pallet_system::account(&who);
    if !before.data.flags.is_pot() {
        let data = AccountData { flags: before.data.flags.with_pot(), ..before.data };
        let after = AccountInfo { providers: before.providers.saturating_add(1), data, ..before };
        pallet_system::put_account(&who, &before, &after);
    }
    who
}

/// Free balance.
pub fn free_balance(who: &AccountId) -> Balance {
    pallet_system::account(who).data.free
}

/// Reserved balance.
pub fn reserved_balance(who: &AccountId) -> Balance {
    pallet_system::account(who).data.reserved
}

/// Free and reserved balance.
pub fn total_balance(who: &AccountId) -> Balance {
    pallet_system::account(who).data.total()
}

/// What an account can spend; with `keep_alive`, without being removed.
pub fn spendable_balance(who: &AccountId, keep_alive: bool) -> Balance {
    let info = pallet_system::account(who);
    let must_stay = !info.data.flags.is_pot() && (keep_alive || info.consumers > 0);
    let floor = if must_stay { EXISTENTIAL_DEPOSIT } else { 0 };
    info.data.free.saturating_sub(untouchable(&info.data).max(floor))
}

/// Frozen balance that reserves do not cover.
const fn untouchable(data: &AccountData) -> Balance {
    data.frozen.saturating_sub(data.reserved)
}

/// An account before and after a change, and what is lost by it.
pub(crate) struct Change {
    who: AccountId,
    before: AccountInfo,
    after: AccountInfo,
    dust: Balance,
}

impl Change {
    /// The account as it is.
    pub(crate) fn of(who: &AccountId) -> Self {
        let before = pallet_system::account(who);
        Self { who: *who, before, after: before, dust: 0 }
    }

    /// Whether the account is there before the change.
    pub(crate) const fn exists(&self) -> bool {
        self.before.providers > 0 || self.before.sufficients > 0
    }

    /// Adds free balance (R3, R8).
    pub(crate) fn credit(mut self, amount: Balance) -> Result<Self, DispatchError> {
        if amount == 0 {
            return Ok(self);
        }
        let data = &mut self.after.data;
        data.free = data.free.checked_add(amount).ok_or(ArithmeticError::Overflow)?;
        if data.free < EXISTENTIAL_DEPOSIT && !data.flags.is_pot() {
            return Err(Error::ExistentialDeposit.into());
        }
        self.settle()
    }

    /// Takes free balance (R2, R4).
    pub(crate) fn debit(mut self, amount: Balance, keep_alive: bool) -> Result<Self, DispatchError> {
        if amount == 0 {
            return Ok(self);
        }
        let data = &mut self.after.data;
        data.free = data.free.checked_sub(amount).ok_or(Error::InsufficientBalance)?;
        if data.free < untouchable(data) {
            return Err(Error::LiquidityRestrictions.into());
        }
        let must_stay = keep_alive || self.before.consumers > 0;
        if must_stay && data.free < EXISTENTIAL_DEPOSIT && !data.flags.is_pot() {
            return Err(Error::Expendability.into());
        }
        self.settle()
    }

    /// Sets free balance aside (R5).
    pub(crate) fn reserve(mut self, amount: Balance) -> Result<Self, DispatchError> {
        if amount == 0 {
            return Ok(self);
        }
        let data = &mut self.after.data;
        data.free = data.free.checked_sub(amount).ok_or(Error::InsufficientBalance)?;
        data.reserved = data.reserved.checked_add(amount).ok_or(ArithmeticError::Overflow)?;
        if data.free < EXISTENTIAL_DEPOSIT && !data.flags.is_pot() {
            return Err(Error::Expendability.into());
        }
        self.settle()
    }

    /// Makes up to `amount` of the reserve free again; returns how much.
    pub(crate) fn unreserve(mut self, amount: Balance) -> Result<(Self, Balance), DispatchError> {
        let data = &mut self.after.data;
        let freed = amount.min(data.reserved);
        data.reserved = data.reserved.saturating_sub(freed);
        data.free = data.free.checked_add(freed).ok_or(ArithmeticError::Overflow)?;
        Ok((self.settle()?, freed))
    }

    /// Takes up to `amount` of the reserve; returns how much.
    pub(crate) fn debit_reserved(mut self, amount: Balance) -> Result<(Self, Balance), DispatchError> {
        let data = &mut self.after.data;
        let taken = amount.min(data.reserved);
        data.reserved = data.reserved.saturating_sub(taken);
        Ok((self.settle()?, taken))
    }

    /// Adds to the reserve of an account that exists.
    pub(crate) fn credit_reserved(mut self, amount: Balance) -> Result<Self, DispatchError> {
        if !self.exists() {
            return Err(Error::DeadAccount.into());
        }
        let data = &mut self.after.data;
        data.reserved = data.reserved.checked_add(amount).ok_or(ArithmeticError::Overflow)?;
        self.settle()
    }

    /// Brings references and dust in line with the balance (R4, R5).
    fn settle(mut self) -> Result<Self, DispatchError> {
        let (old, new) = (self.before.data, self.after.data);
        if new.flags.is_pot() {
            return Ok(self);
        }
        let provided = old.free >= EXISTENTIAL_DEPOSIT;
        let provides = new.free >= EXISTENTIAL_DEPOSIT;
        let consumed = old.reserved > 0 || old.frozen > 0;
        let consumes = new.reserved > 0 || new.frozen > 0;
        let after = &mut self.after;
        match (provided, provides) {
            (false, true) => after.providers = after.providers.saturating_add(1),
            (true, false) => after.providers = after.providers.saturating_sub(1),
            _ => {}
        }
        match (consumed, consumes) {
            (false, true) if after.consumers >= CONSUMERS_MAX => return Err(DispatchError::TooManyConsumers),
            (false, true) => after.consumers = after.consumers.saturating_add(1),
            (true, false) => after.consumers = after.consumers.saturating_sub(1),
            _ => {}
        }
        if after.providers == 0 && after.sufficients == 0 && after.consumers > 0 {
            return Err(DispatchError::ConsumerRemaining);
        }
        if !provides && !consumes {
            self.dust = new.free;
            after.data.free = 0;
        }
        Ok(self)
    }

    /// Writes the account, reports what follows, and takes dust out of the issuance (R1).
    pub(crate) fn store(self) {
        let Self { who, before, after, dust } = self;
        let created = !self.exists() && after.providers > 0;
        pallet_system::put_account(&who, &before, &after);
        if created {
            deposit_event(INDEX, &Event::Endowed { account: who, free_balance: after.data.free });
        }
        if dust > 0 {
            TOTAL_ISSUANCE.mutate_default(|total| *total = total.saturating_sub(dust));
            deposit_event(INDEX, &Event::DustLost { account: who, amount: dust });
        }
    }
}
