//! The plain form of a genesis: runtime code and configuration, for people to edit.
//!
//! Amounts are plancks; strings, because JSON numbers end at 2^53 for many readers. Keys and accounts are SS58
//! addresses of the chain's own prefix, bytes are `0x` hex. A mistake is named with its place, for instance
//! `genesis members[2]`.
use pallet_bonds::ValidatorKeys;
use pallet_members::genesis::Founder;
use pallet_members::{Share, Thresholds};
use pallet_session::SessionKeys;
use quire_certificate::Key;
use quire_core::{AccountId, AuraId, Balance, GrandpaId, ss58};
use quire_runtime::genesis::Config;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// SS58 prefix of the addresses in the presets.
const PREFIX: u16 = ss58::DEVELOPMENT_PREFIX;

/// Code and configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlainGenesis {
    /// The runtime's Wasm.
    code: String,
    /// What the founders agree on.
    config: Box<PlainConfig>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlainConfig {
    slot_duration_ms: u64,
    session: PlainSession,
    /// Members that author and vote, in the order of their slots in the first session.
    authorities: Vec<PlainAuthority>,
    balances: Vec<(String, Value)>,
    upgrade: PlainUpgrade,
    members: Vec<PlainMember>,
    /// The key that signs certificates of members: `sr25519:` or `ed25519:` and an address.
    certificate_root: String,
    member_shares: PlainShares,
    fees: PlainFees,
    bonds: PlainBonds,
    validators: Vec<PlainValidator>,
    programs: Vec<PlainProgram>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlainMember {
    account: String,
    name: String,
    /// The key that signs for its nodes.
    key: String,
    /// From when it needs a certificate, milliseconds since the Unix epoch.
    valid_until: u64,
}

/// Shares of the members that must be exceeded, by class of motion: numerator, denominator.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlainShares {
    admit: (u32, u32),
    revoke: (u32, u32),
    parameters: (u32, u32),
    upgrade: (u32, u32),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlainSession {
    length_slots: u32,
    /// Hundredths of its bond that an equivocation costs an authority.
    slash_percent: u8,
    /// Bond that an authority needs; none when zero.
    minimum_stake: Value,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlainAuthority {
    account: String,
    /// sr25519 key that seals blocks.
    aura: String,
    /// ed25519 key that votes on finality.
    grandpa: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlainFees {
    base: Value,
    per_byte: Value,
    per_microsecond: Value,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlainUpgrade {
    enactment_delay_blocks: u32,
    attestation_ticks: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlainBonds {
    minimum_bond: Value,
    duty_bond: Value,
    unbonding_ticks: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlainValidator {
    account: String,
    bond: Value,
    signing: String,
    sealing: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlainProgram {
    owner: String,
    code: String,
}

impl PlainGenesis {
    /// From code and configuration.
    pub fn new(code: &[u8], config: &Config) -> Self {
        Self { code: hex(code), config: Box::new(PlainConfig::new(config)) }
    }

    /// The key that signs certificates of members, as text.
    pub fn certificate_root(&self) -> &str {
        &self.config.certificate_root
    }

    /// Code and configuration, or what is wrong with them; `prefix` is that of the chain's addresses.
    pub fn read(&self, prefix: u16) -> Result<(Vec<u8>, Config), String> {
        Ok((unhex("code", &self.code)?, self.config.read(Keys { prefix })?))
    }
}

impl PlainConfig {
    fn new(config: &Config) -> Self {
        let (fees, bonds) = (&config.transaction_payment.fees, &config.bonds.parameters);
        let validator = |(account, bond, keys): &(AccountId, Balance, ValidatorKeys)| PlainValidator {
            account: address(&account.0),
            bond: text(*bond),
            signing: address(&keys.signing),
            sealing: address(&keys.sealing),
        };
        let authority = |(account, keys): &(AccountId, SessionKeys)| PlainAuthority {
            account: address(&account.0),
            aura: address(&keys.aura.0),
            grandpa: address(&keys.grandpa.0),
        };
        let program =
            |(owner, code): &(AccountId, Vec<u8>)| PlainProgram { owner: address(&owner.0), code: hex(code) };
        Self {
            slot_duration_ms: config.timestamp.slot_duration_ms,
            session: PlainSession {
                length_slots: config.session.parameters.length_slots,
                slash_percent: config.equivocation.parameters.slash_percent,
                minimum_stake: text(config.session.parameters.minimum_stake),
            },
            authorities: config.session.authorities.iter().map(authority).collect(),
            balances: config
                .balances
                .balances
                .iter()
                .map(|(who, amount)| (address(&who.0), text(*amount)))
                .collect(),
            upgrade: PlainUpgrade {
                enactment_delay_blocks: config.upgrade.parameters.enactment_delay_blocks,
                attestation_ticks: config.upgrade.parameters.attestation_ticks,
            },
            members: config.members.founders.iter().map(PlainMember::new).collect(),
            certificate_root: key_text(&config.members.root),
            member_shares: PlainShares::new(&config.members.thresholds),
            fees: PlainFees {
                base: text(fees.base),
                per_byte: text(fees.per_byte),
                per_microsecond: text(fees.per_microsecond),
            },
            bonds: PlainBonds {
                minimum_bond: text(bonds.minimum_bond),
                duty_bond: text(bonds.duty_bond),
                unbonding_ticks: bonds.unbonding_ticks,
            },
            validators: config.bonds.validators.iter().map(validator).collect(),
            programs: config.channels.programs.iter().map(program).collect(),
        }
    }

    fn read(&self, keys: Keys) -> Result<Config, String> {
        let mut config = Config::default();
        config.timestamp.slot_duration_ms = self.slot_duration_ms;
        config.session.parameters.length_slots = self.session.length_slots;
        config.equivocation.parameters.slash_percent = self.session.slash_percent;
        config.session.parameters.minimum_stake =
            planck("session.minimumStake", &self.session.minimum_stake)?;
        config.session.authorities = self.authorities(keys)?;
        let funded = keys.list("balances", self.balances.iter().map(|(address, _)| address))?;
        for (place, (account, (_, amount))) in funded.into_iter().zip(&self.balances).enumerate() {
            let amount = planck(&format!("balances[{place}]"), amount)?;
            config.balances.balances.push((AccountId(account), amount));
        }
        let upgrade = &mut config.upgrade.parameters;
        upgrade.enactment_delay_blocks = self.upgrade.enactment_delay_blocks;
        upgrade.attestation_ticks = self.upgrade.attestation_ticks;
        config.members = self.read_members(keys)?;
        let fees = &mut config.transaction_payment.fees;
        fees.base = planck("fees.base", &self.fees.base)?;
        fees.per_byte = planck("fees.perByte", &self.fees.per_byte)?;
        fees.per_microsecond = planck("fees.perMicrosecond", &self.fees.per_microsecond)?;
        let bonds = &mut config.bonds.parameters;
        bonds.minimum_bond = planck("bonds.minimumBond", &self.bonds.minimum_bond)?;
        bonds.duty_bond = planck("bonds.dutyBond", &self.bonds.duty_bond)?;
        bonds.unbonding_ticks = self.bonds.unbonding_ticks;
        let accounts = keys.list("validators", self.validators.iter().map(|one| &one.account))?;
        for (place, (account, one)) in accounts.into_iter().zip(&self.validators).enumerate() {
            let at = |what: &str| format!("validators[{place}].{what}");
            let validator_keys = ValidatorKeys {
                signing: keys.one(&at("signing"), &one.signing)?,
                sealing: keys.one(&at("sealing"), &one.sealing)?,
            };
            let bond = planck(&at("bond"), &one.bond)?;
            config.bonds.validators.push((AccountId(account), bond, validator_keys));
        }
        for (place, one) in self.programs.iter().enumerate() {
            let owner = keys.one(&format!("programs[{place}].owner"), &one.owner)?;
            let code = unhex(&format!("programs[{place}].code"), &one.code)?;
            config.channels.programs.push((AccountId(owner), code));
        }
        Ok(config)
    }

    /// Accounts, authors' keys and voters' keys, in each of which nothing stands twice.
    fn authorities(&self, keys: Keys) -> Result<Vec<(AccountId, SessionKeys)>, String> {
        let list = |name: &str, of: fn(&PlainAuthority) -> &String| {
            keys.list(&format!("authorities.{name}"), self.authorities.iter().map(of))
        };
        let accounts = list("account", |one| &one.account)?;
        let (aura, grandpa) = (list("aura", |one| &one.aura)?, list("grandpa", |one| &one.grandpa)?);
        let session_keys = aura
            .into_iter()
            .zip(grandpa)
            .map(|(aura, grandpa)| SessionKeys { aura: AuraId(aura), grandpa: GrandpaId(grandpa) });
        Ok(accounts.into_iter().map(AccountId).zip(session_keys).collect())
    }

    fn read_members(&self, keys: Keys) -> Result<pallet_members::genesis::Config, String> {
        let accounts = keys.list("members", self.members.iter().map(|one| &one.account))?;
        let mut founders = Vec::new();
        for (place, (account, one)) in accounts.into_iter().zip(&self.members).enumerate() {
            let key = keys.signing(&format!("members[{place}].key"), &one.key)?;
            let (name, valid_until) = (one.name.clone(), one.valid_until);
            founders.push(Founder { account: AccountId(account), name, key, valid_until });
        }
        let root = keys.signing("certificateRoot", &self.certificate_root)?;
        Ok(pallet_members::genesis::Config { root, founders, thresholds: self.member_shares.read() })
    }
}

impl PlainMember {
    fn new(founder: &Founder) -> Self {
        Self {
            account: address(&founder.account.0),
            name: founder.name.clone(),
            key: key_text(&founder.key),
            valid_until: founder.valid_until,
        }
    }
}

impl PlainShares {
    fn new(thresholds: &Thresholds) -> Self {
        let pair = |share: Share| (share.numerator, share.denominator);
        let Thresholds { admit, revoke, parameters, upgrade } = *thresholds;
        Self {
            admit: pair(admit),
            revoke: pair(revoke),
            parameters: pair(parameters),
            upgrade: pair(upgrade),
        }
    }

    fn read(&self) -> Thresholds {
        let share = |(numerator, denominator): (u32, u32)| Share { numerator, denominator };
        Thresholds {
            admit: share(self.admit),
            revoke: share(self.revoke),
            parameters: share(self.parameters),
            upgrade: share(self.upgrade),
        }
    }
}

fn key_text(key: &Key) -> String {
    format!("{}:{}", key.scheme(), address(key.bytes()))
}

fn address(key: &[u8; 32]) -> String {
    ss58::encode(&AccountId(*key), PREFIX)
}

fn text(amount: Balance) -> Value {
    Value::String(amount.to_string())
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn unhex(what: &str, text: &str) -> Result<Vec<u8>, String> {
    let digits =
        text.strip_prefix("0x").ok_or_else(|| format!("genesis {what}: bytes must start with 0x"))?;
    hex::decode(digits).map_err(|error| format!("genesis {what} is no hex: {error}"))
}

/// Reads addresses of one network.
#[derive(Clone, Copy)]
struct Keys {
    prefix: u16,
}

impl Keys {
    fn one(self, place: &str, address: &str) -> Result<[u8; 32], String> {
        let (account, prefix) = ss58::decode(address)
            .map_err(|error| format!("genesis {place}: {address} is no SS58 address: {error}"))?;
        if prefix == self.prefix {
            return Ok(account.0);
        }
        Err(format!(
            "genesis {place}: {address} is an address of network {prefix}, this chain's ss58Format is {}: write {}",
            self.prefix,
            ss58::encode(&account, self.prefix)
        ))
    }

    /// A key that signs certificates, after the name of its scheme.
    fn signing(self, place: &str, text: &str) -> Result<Key, String> {
        match text.split_once(':') {
            Some(("sr25519", address)) => self.one(place, address).map(Key::Sr25519),
            Some(("ed25519", address)) => self.one(place, address).map(Key::Ed25519),
            _ => Err(format!("genesis {place}: {text} must be sr25519: or ed25519: and an address")),
        }
    }

    /// A list in which every key stands once.
    fn list<'a>(
        self,
        list: &str,
        addresses: impl IntoIterator<Item = &'a String>,
    ) -> Result<Vec<[u8; 32]>, String> {
        let mut first_place = BTreeMap::new();
        let mut keys = Vec::new();
        for (place, address) in addresses.into_iter().enumerate() {
            let key = self.one(&format!("{list}[{place}]"), address)?;
            if let Some(first) = first_place.insert(key, place) {
                return Err(format!("genesis {list}[{place}]: {address} stands at {list}[{first}] already"));
            }
            keys.push(key);
        }
        Ok(keys)
    }
}

fn planck(what: &str, amount: &Value) -> Result<Balance, String> {
    let parsed = match amount {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64().map(Balance::from),
        _ => None,
    };
    parsed.ok_or_else(|| format!("genesis {what}: {amount} is no amount of plancks"))
}
