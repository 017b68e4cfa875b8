//! The pallet's face: what can be asked of it, what it reports, and how it refuses.

use alloc::boxed::Box;
use alloc::vec::Vec;

use pallet_support::nested::{self, Calls};
use parity_scale_codec::{Decode, Encode};
use quire_certificate::{Certificate, Key};
use quire_core::{AccountId, DispatchResult, H256};
use scale_info::TypeInfo;

use crate::INDEX;
use crate::types::{Class, Holder, NodeKey, Thresholds};

/// Calls of Members; `C` is the runtime's call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(skip_type_params(C), capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call<C> {
    /// Proposes a motion and approves it; executes it when that is enough.
    #[codec(index = 0)]
    propose {
        /// What to do as Root.
        call: Box<C>,
    },
    /// Votes in a motion, or turns one's vote.
    #[codec(index = 1)]
    vote {
        /// Which motion.
        motion: u32,
        /// For or against.
        approve: bool,
    },
    /// Executes a motion that has passed.
    #[codec(index = 2)]
    execute {
        /// Which motion.
        motion: u32,
    },
    /// Takes back one's own motion that has not passed.
    #[codec(index = 3)]
    withdraw {
        /// Which motion.
        motion: u32,
    },
    /// Makes a member of an organisation that the root key certified; Root only, so by motion.
    #[codec(index = 4)]
    admit {
        /// Its Level 0.
        certificate: Certificate,
    },
    /// Takes a member's next certificate, signed by the root key or by the member itself.
    #[codec(index = 5)]
    renew {
        /// Its next Level 0.
        certificate: Certificate,
    },
    /// Ends a membership; Root only, so by motion.
    #[codec(index = 6)]
    revoke {
        /// Whose.
        member: AccountId,
    },
    /// Publishes the certificate of a member's node.
    #[codec(index = 7)]
    register_peer {
        /// The node's Level 1.
        certificate: Certificate,
    },
    /// Ends whatever the member signs for a node key; by the member, or Root.
    #[codec(index = 8)]
    revoke_peer {
        /// Whose node it is.
        member: AccountId,
        /// The node's key.
        node: NodeKey,
    },
    /// Sets what motions need; Root only, so by motion.
    #[codec(index = 9)]
    set_thresholds {
        /// Shares by class.
        thresholds: Thresholds,
    },
    /// Puts another root key into force; Root only, so by motion.
    #[codec(index = 10)]
    set_root {
        /// The key that signs Level 0 from now on.
        key: Key,
    },
}

impl<C> Call<C> {
    /// The calls directly inside.
    pub fn nested(&self) -> Calls<'_, C> {
        match self {
            Self::propose { call } => nested::one(call),
            _ => nested::none(),
        }
    }
}

/// Events of Members.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// A motion was proposed.
    #[codec(index = 0)]
    Proposed {
        /// Which.
        motion: u32,
        /// By whom.
        proposer: AccountId,
        /// blake2-256 of the encoded call.
        call_hash: H256,
        /// Approvals that it needs.
        needed: u32,
        /// Tick at which it expires.
        expires_at: u32,
        /// What it is about.
        classes: Vec<Class>,
    },
    /// A member voted.
    #[codec(index = 1)]
    Voted {
        /// In which motion.
        motion: u32,
        /// Who.
        member: AccountId,
        /// For or against.
        approve: bool,
        /// Votes for the motion now.
        ayes: u32,
        /// Votes against it now.
        nays: u32,
    },
    /// A motion has enough approvals.
    #[codec(index = 2)]
    Passed {
        /// Which.
        motion: u32,
    },
    /// A motion was executed and is gone.
    #[codec(index = 3)]
    Executed {
        /// Which.
        motion: u32,
        /// How the call ended.
        result: DispatchResult,
    },
    /// A motion cannot pass any more and is gone.
    #[codec(index = 4)]
    Rejected {
        /// Which.
        motion: u32,
    },
    /// A motion's time is over and it is gone.
    #[codec(index = 5)]
    Expired {
        /// Which.
        motion: u32,
    },
    /// A motion was taken back by who proposed it and is gone.
    #[codec(index = 6)]
    Withdrawn {
        /// Which.
        motion: u32,
    },
    /// An organisation became a member.
    #[codec(index = 7)]
    Admitted {
        /// Which.
        member: AccountId,
        /// The key that signs for its peers.
        key: Key,
        /// End of its certificate, milliseconds since the Unix epoch.
        valid_until: u64,
    },
    /// A certificate was renewed.
    #[codec(index = 8)]
    Renewed {
        /// Whose.
        holder: Holder,
        /// Its new end, milliseconds since the Unix epoch.
        valid_until: u64,
    },
    /// A membership ended.
    #[codec(index = 9)]
    Revoked {
        /// Whose.
        member: AccountId,
    },
    /// The certificate of a node was published.
    #[codec(index = 10)]
    PeerRegistered {
        /// Whose node it is.
        member: AccountId,
        /// Its key.
        node: NodeKey,
        /// End of its certificate, milliseconds since the Unix epoch.
        valid_until: u64,
    },
    /// A node key was revoked.
    #[codec(index = 11)]
    PeerRevoked {
        /// Whose node it was.
        member: AccountId,
        /// Its key.
        node: NodeKey,
    },
    /// A certificate ends soon: renew it.
    #[codec(index = 12)]
    CertificateExpiring {
        /// Whose.
        holder: Holder,
        /// Its end, milliseconds since the Unix epoch.
        valid_until: u64,
        /// Whole days until then.
        days_left: u32,
    },
    /// A certificate has ended.
    #[codec(index = 13)]
    CertificateExpired {
        /// Whose.
        holder: Holder,
        /// When, milliseconds since the Unix epoch.
        valid_until: u64,
    },
    /// Another key signs certificates of members from now on.
    #[codec(index = 14)]
    RootChanged {
        /// Which.
        key: Key,
    },
}

/// Errors of Members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// Only members may do this.
    NotMember,
    /// There is no such motion; it was executed, rejected, has expired or never was.
    UnknownMotion,
    /// The member has voted like this already.
    AlreadyVoted,
    /// The motion does not have enough approvals.
    NotPassed,
    /// Too many motions are open; execute or reject one first.
    TooManyMotions,
    /// The call is longer than the limit.
    CallTooLong,
    /// The call of the motion does not decode with this runtime; propose it again.
    UndecodableCall,
    /// The member has too many motions open; execute or withdraw one first.
    TooManyOwnMotions,
    /// The calls of the open motions are too long together; execute, reject or withdraw one first.
    TooManyCallBytes,
    /// Somebody else proposed the motion.
    NotProposer,
    /// The motion has passed; it is not the proposer's alone any more.
    HasPassed,
    /// The account is a member already; renew its certificate instead.
    AlreadyMember,
    /// No member has this account.
    UnknownMember,
    /// There are as many members as there may be.
    TooManyMembers,
    /// The last member cannot be revoked.
    LastMember,
    /// The certificate is of another level than the call takes.
    WrongLevel,
    /// The certificate has no valid form: its name, serial or window.
    BadForm,
    /// The certificate is for another chain.
    OtherChain,
    /// Who signed the certificate may not vouch for its subject.
    WrongIssuer,
    /// The certificate's signature is not its issuer's.
    BadSignature,
    /// The certificate does not hold yet.
    NotYetValid,
    /// The certificate, or that of its issuer, has ended.
    CertificateIsOver,
    /// The node key, or its member, was revoked.
    CertificateRevoked,
    /// The serial is not higher than that of a certificate used before.
    OldSerial,
    /// The certificate does not end later than the present one.
    NoRenewal,
    /// The certificate begins only after the present one has ended.
    Gap,
    /// The member has as many nodes registered or revoked as it may.
    TooManyPeers,
}

pallet_support::impl_module_error!(Error, INDEX);
