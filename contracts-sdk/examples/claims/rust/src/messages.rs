//! What the methods take and return, and what is kept and told.

use concordat::{event, message, Party};

message! {
    /// The record about the contract.
    pub struct Settings { 1 => administrator: Party }
}
message! {
    /// A party that issues claims.
    pub struct Issuer {
        1 => name: String,
        /// How many it has had
        2 => keys: u64,
        /// Why it is no issuer any more
        #[optional]
        3 => dismissed: String,
    }
}
message! {
    /// A key with which an issuer signs claims off the ledger.
    pub struct IssuerKey {
        /// Counts the issuer's keys, from 1
        1 => number: u64,
        /// Ed25519 or p256
        2 => algorithm: String,
        3 => key: Vec<u8>,
        #[optional]
        4 => retired: bool,
    }
}
message! {
    /// What every member may know of a claim.
    pub struct Claim {
        /// When it begins to be valid
        1 => from: i64,
        /// When it expires
        2 => until: i64,
        /// Valid, suspended or revoked
        3 => state: String,
        /// Why it is suspended or revoked
        #[optional]
        4 => reason: String,
    }
}
message! {
    /// Tells a subject of a claim about it; only the subject may read it.
    pub struct Holding { 1 => issuer: Party, 2 => commitment: [u8; 32], #[optional] 3 => sealed: Vec<u8> }
}
message! {
    /// Shows a claim to a verifier; only the subject and it may read it.
    pub struct Presentation {
        1 => subject: Party,
        2 => issuer: Party,
        3 => commitment: [u8; 32],
        #[optional]
        4 => sealed: Vec<u8>,
        5 => time: i64,
    }
}
message! { pub struct InitIn { #[optional] 1 => administrator: Party } }
message! { pub struct AdministratorIn { 1 => administrator: Party } }
message! {
    pub struct RegisterIn {
        1 => issuer: Party,
        2 => name: String,
        /// Ed25519 or p256
        3 => algorithm: String,
        /// 32 bytes, or 33 (a compressed point)
        4 => key: Vec<u8>,
    }
}
message! { pub struct NumberOut { 1 => number: u64 } }
message! { pub struct RetireIn { 1 => issuer: Party, 2 => number: u64 } }
message! { pub struct DismissIn { 1 => issuer: Party, 2 => reason: String } }
message! {
    pub struct IssueIn {
        /// What query commitment tells
        1 => commitment: [u8; 32],
        /// When it begins to be valid; none: at once
        #[optional]
        2 => from: i64,
        /// When it expires
        3 => until: i64,
        /// Who gets a record of it
        #[optional]
        4 => subject: Party,
        /// Content and salt, encrypted for the subject
        #[optional]
        5 => sealed: Vec<u8>,
    }
}
message! { pub struct ChangeIn { 1 => commitment: [u8; 32], 2 => reason: String } }
message! { pub struct ResumeIn { 1 => commitment: [u8; 32] } }
message! {
    pub struct PresentIn {
        1 => issuer: Party,
        2 => commitment: [u8; 32],
        3 => verifier: Party,
        /// Content and salt, encrypted for the verifier
        #[optional]
        4 => sealed: Vec<u8>,
    }
}
message! { pub struct CommitmentIn { 1 => content: Vec<u8>, 2 => salt: [u8; 32] } }
message! { pub struct CommitmentOut { 1 => commitment: [u8; 32] } }
message! {
    pub struct StatementIn {
        1 => issuer: Party,
        2 => commitment: [u8; 32],
        /// When it begins to be valid
        3 => from: i64,
        /// When it expires
        4 => until: i64,
    }
}
message! { pub struct StatementOut { 1 => text: String } }
message! { pub struct StatusIn { 1 => issuer: Party, 2 => commitment: [u8; 32] } }
message! { pub struct VerifyIn { 1 => issuer: Party, 2 => content: Vec<u8>, 3 => salt: [u8; 32] } }
message! {
    pub struct VerifySignedIn {
        1 => issuer: Party,
        /// Of the issuer's key
        2 => number: u64,
        3 => content: Vec<u8>,
        4 => salt: [u8; 32],
        /// When it begins to be valid
        5 => from: i64,
        /// When it expires
        6 => until: i64,
        /// Of what query statement tells, 64 bytes
        7 => signature: Vec<u8>,
    }
}
message! {
    /// What holds for a claim now.
    pub struct StandingOut {
        1 => valid: bool,
        /// Valid, not yet, expired, suspended, revoked, unknown, issuer dismissed, key
        /// retired or bad signature
        2 => standing: String,
        3 => from: i64,
        4 => until: i64,
        5 => reason: String,
    }
}
message! { pub struct IssuerIn { 1 => issuer: Party } }
message! { pub struct IssuerOut { 1 => name: String, 2 => dismissed: String, 3 => keys: Vec<IssuerKey> } }
event! {
    /// An issuer was registered, got or lost a key, or was dismissed.
    "issuer" => pub struct IssuerChanged {
        1 => issuer: Party,
        /// Registered, retired, dismissed
        2 => what: String,
        /// Of the key
        #[optional]
        3 => number: u64,
    }
}
event! {
    /// A claim was issued, suspended, resumed or revoked.
    "claim" => pub struct ClaimChanged { 1 => issuer: Party, 2 => commitment: [u8; 32], 3 => state: String }
}
event! {
    /// The caller issued a claim about the reader. For the subject only.
    "held" => pub struct Held { 1 => issuer: Party, 2 => commitment: [u8; 32] }
}
event! {
    /// A subject shows a claim. For it and the verifier only.
    "presented" => pub struct Presented { 1 => subject: Party, 2 => issuer: Party, 3 => commitment: [u8; 32] }
}
