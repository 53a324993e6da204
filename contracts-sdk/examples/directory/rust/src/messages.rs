//! What the methods take and return, and what is kept and told.

use concordat::{event, message, Party};

message! {
    /// One published key.
    pub struct Entry {
        /// Counts the owner's keys for this purpose, from 1
        1 => number: u64,
        /// Ed25519 or p256
        2 => algorithm: String,
        3 => key: Vec<u8>,
        /// When it begins to be valid
        4 => from: i64,
        /// When it stops being valid, as it stands now
        5 => until: i64,
        /// When it was entered
        6 => published: i64,
        /// Whose administrators may revoke it
        7 => organisation: String,
        #[optional]
        8 => revoked: bool,
        /// Why it was revoked
        #[optional]
        9 => reason: String,
    }
}
message! {
    /// Where a key stands.
    pub struct Place { 1 => owner: Party, 2 => purpose: String, 3 => number: u64 }
}
message! {
    /// Lets a party maintain another's keys.
    pub struct Grant {
        /// When it ends
        1 => until: i64,
        /// The owner's
        2 => organisation: String,
    }
}
message! {
    /// One step in the history of an owner's keys.
    pub struct Change {
        1 => time: i64,
        /// Published, rotated, revoked
        2 => what: String,
        3 => purpose: String,
        4 => number: u64,
        5 => by: Party,
        #[optional]
        6 => reason: String,
    }
}
message! {
    pub struct StatementIn {
        1 => owner: Party,
        /// Lower-case letters, digits and hyphens
        2 => purpose: String,
        /// Ed25519 or p256
        3 => algorithm: String,
        /// 32 bytes, or 33 (a compressed point)
        4 => key: Vec<u8>,
        /// When it begins to be valid; none: at once
        #[optional]
        5 => from: i64,
        /// When it stops being valid
        6 => until: i64,
    }
}
message! { pub struct StatementOut { 1 => text: String } }
message! {
    pub struct PublishIn {
        /// Whose key it is; the caller's own without it
        #[optional]
        1 => owner: Party,
        /// Lower-case letters, digits and hyphens
        2 => purpose: String,
        /// Ed25519 or p256
        3 => algorithm: String,
        /// 32 bytes, or 33 (a compressed point)
        4 => key: Vec<u8>,
        /// When it begins to be valid; none: at once
        #[optional]
        5 => from: i64,
        /// When it stops being valid
        6 => until: i64,
        /// The new key's signature of what query statement tells, 64 bytes
        7 => proof: Vec<u8>,
    }
}
message! {
    pub struct RotateIn {
        /// Whose key it is; the caller's own without it
        #[optional]
        1 => owner: Party,
        /// Of both keys
        2 => purpose: String,
        /// Of the key that is replaced
        3 => number: u64,
        /// When the old key stops being valid; none: at once
        #[optional]
        4 => old_until: i64,
        /// Of the new key: ed25519 or p256
        5 => algorithm: String,
        /// The new key
        6 => key: Vec<u8>,
        /// When the new key stops being valid
        7 => until: i64,
        /// The new key's signature of what query statement tells, 64 bytes
        8 => proof: Vec<u8>,
    }
}
message! {
    pub struct RevokeIn {
        /// Whose key it is; the caller's own without it
        #[optional]
        1 => owner: Party,
        2 => purpose: String,
        3 => number: u64,
        4 => reason: String,
        /// From when on it is not to be trusted, if that is earlier than now
        #[optional]
        5 => since: i64,
    }
}
message! {
    pub struct DelegateIn {
        1 => to: Party,
        /// When it ends
        2 => until: i64,
    }
}
message! { pub struct UndelegateIn { 1 => to: Party } }
message! { pub struct NumberOut { 1 => number: u64 } }
message! {
    pub struct LookupIn {
        1 => owner: Party,
        2 => purpose: String,
        /// The moment that is meant; none: now
        #[optional]
        3 => at: i64,
        /// Number to begin with, for the next page
        #[optional]
        4 => first: u64,
    }
}
message! {
    pub struct LookupOut {
        1 => keys: Vec<Entry>,
        /// Where the next page begins; 0: there is none
        2 => next: u64,
    }
}
message! { pub struct FindIn { 1 => key: Vec<u8> } }
message! {
    pub struct FindOut {
        1 => owner: Party,
        2 => purpose: String,
        3 => entry: Entry,
        /// Now
        4 => valid: bool,
    }
}
message! {
    pub struct HistoryIn {
        1 => owner: Party,
        /// The change to begin with, counted from 0
        #[optional]
        2 => first: u64,
    }
}
message! {
    pub struct HistoryOut {
        1 => changes: Vec<Change>,
        /// Where the next page begins; 0: there is none
        2 => next: u64,
    }
}
event! {
    /// A key was published, replaced or revoked.
    "changed" => pub struct Changed { 1 => owner: Party, 2 => change: Change }
}
event! {
    /// A party may maintain another's keys until that moment; from 0 on: no more.
    "delegated" => pub struct Delegated { 1 => owner: Party, 2 => to: Party, 3 => until: i64 }
}
