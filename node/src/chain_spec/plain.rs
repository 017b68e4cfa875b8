//! The plain form of a genesis: runtime code and configuration, for people to edit.
//!
//! Amounts are plancks; strings, because JSON numbers end at 2^53 for many readers. Keys and accounts are SS58
//! addresses, bytes are `0x` hex.
use pallet_staking::ValidatorKeys;
use quire_core::{AccountId, AuraId, Balance, GrandpaId, ss58};
use quire_runtime::genesis::Config;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// SS58 prefix of the addresses in a spec.
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
    /// sr25519 keys of the authors, in the order of their slots.
    aura: Vec<String>,
    /// ed25519 keys of the finality voters.
    grandpa: Vec<String>,
    balances: Vec<(String, Value)>,
    upgrade: PlainUpgrade,
    members: Vec<String>,
    /// Share of the members that must be exceeded: numerator, denominator.
    member_share: (u32, u32),
    fees: PlainFees,
    staking: PlainStaking,
    validators: Vec<PlainValidator>,
    programs: Vec<PlainProgram>,
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
struct PlainStaking {
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

    /// Code and configuration, or what is wrong with them.
    pub fn read(&self) -> Result<(Vec<u8>, Config), String> {
        Ok((unhex("code", &self.code)?, self.config.read()?))
    }
}

impl PlainConfig {
    fn new(config: &Config) -> Self {
        let (fees, staking) = (&config.transaction_payment.fees, &config.staking.parameters);
        let validator = |(account, bond, keys): &(AccountId, Balance, ValidatorKeys)| PlainValidator {
            account: address(&account.0),
            bond: text(*bond),
            signing: address(&keys.signing),
            sealing: address(&keys.sealing),
        };
        let program =
            |(owner, code): &(AccountId, Vec<u8>)| PlainProgram { owner: address(&owner.0), code: hex(code) };
        Self {
            slot_duration_ms: config.timestamp.slot_duration_ms,
            aura: config.aura.authorities.iter().map(|id| address(&id.0)).collect(),
            grandpa: config.grandpa.authorities.iter().map(|id| address(&id.0)).collect(),
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
            members: config.members.members.iter().map(|who| address(&who.0)).collect(),
            member_share: (config.members.share.numerator, config.members.share.denominator),
            fees: PlainFees {
                base: text(fees.base),
                per_byte: text(fees.per_byte),
                per_microsecond: text(fees.per_microsecond),
            },
            staking: PlainStaking {
                minimum_bond: text(staking.minimum_bond),
                duty_bond: text(staking.duty_bond),
                unbonding_ticks: staking.unbonding_ticks,
            },
            validators: config.staking.validators.iter().map(validator).collect(),
            programs: config.channels.programs.iter().map(program).collect(),
        }
    }

    fn read(&self) -> Result<Config, String> {
        let mut config = Config::default();
        config.timestamp.slot_duration_ms = self.slot_duration_ms;
        config.aura.authorities = keys("aura", &self.aura)?.into_iter().map(AuraId).collect();
        config.grandpa.authorities = keys("grandpa", &self.grandpa)?.into_iter().map(GrandpaId).collect();
        for (address, amount) in &self.balances {
            let account = AccountId(key("balances", address)?);
            config.balances.balances.push((account, planck("balances", amount)?));
        }
        let upgrade = &mut config.upgrade.parameters;
        upgrade.enactment_delay_blocks = self.upgrade.enactment_delay_blocks;
        upgrade.attestation_ticks = self.upgrade.attestation_ticks;
        config.members.members = keys("members", &self.members)?.into_iter().map(AccountId).collect();
        (config.members.share.numerator, config.members.share.denominator) = self.member_share;
        let fees = &mut config.transaction_payment.fees;
        fees.base = planck("fees.base", &self.fees.base)?;
        fees.per_byte = planck("fees.perByte", &self.fees.per_byte)?;
        fees.per_microsecond = planck("fees.perMicrosecond", &self.fees.per_microsecond)?;
        let staking = &mut config.staking.parameters;
        staking.minimum_bond = planck("staking.minimumBond", &self.staking.minimum_bond)?;
        staking.duty_bond = planck("staking.dutyBond", &self.staking.duty_bond)?;
        staking.unbonding_ticks = self.staking.unbonding_ticks;
        for one in &self.validators {
            let keys = ValidatorKeys {
                signing: key("validators", &one.signing)?,
                sealing: key("validators", &one.sealing)?,
            };
            let account = AccountId(key("validators", &one.account)?);
            config.staking.validators.push((account, planck("validators", &one.bond)?, keys));
        }
        for one in &self.programs {
            config
                .channels
                .programs
                .push((AccountId(key("programs", &one.owner)?), unhex("programs", &one.code)?));
        }
        Ok(config)
    }
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

fn keys(list: &str, addresses: &[String]) -> Result<Vec<[u8; 32]>, String> {
    addresses.iter().map(|address| key(list, address)).collect()
}

fn key(list: &str, address: &str) -> Result<[u8; 32], String> {
    let decoded = ss58::decode(address);
    decoded
        .map(|(account, _)| account.0)
        .map_err(|error| format!("genesis {list}: {address} is no SS58 address: {error}"))
}

fn planck(what: &str, amount: &Value) -> Result<Balance, String> {
    let parsed = match amount {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64().map(Balance::from),
        _ => None,
    };
    parsed.ok_or_else(|| format!("genesis {what}: {amount} is no amount of plancks"))
}
