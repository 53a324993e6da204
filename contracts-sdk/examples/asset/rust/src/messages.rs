//! What the methods take and return, and what is kept.

use concordat::{event, message, Party};

message! {
    /// Whose registrars register and lock.
    pub struct Authority {
        #[optional]
        1 => organisation: String,
    }
}
message! {
    /// What the register says about one thing now.
    pub struct Asset {
        1 => title: String,
        /// the hash of what describes it
        #[optional]
        2 => document: [u8; 32],
        /// nobody else can give it away
        3 => owner: Party,
        /// becomes the owner by accepting
        #[optional]
        4 => offered_to: Party,
        /// why nothing may be done with it
        #[optional]
        5 => locked: String,
        /// it has come to its end
        #[optional]
        6 => retired: bool,
        /// in whose custody it is
        #[optional]
        7 => holder: Party,
        /// then the owner may take it back
        #[optional]
        8 => held_until: i64,
    }
}
message! {
    /// One line of an asset's history.
    pub struct Entry {
        1 => action: String,
        2 => by: Party,
        /// of the transaction in which a contract did it
        #[optional]
        3 => signer: Party,
        #[optional]
        4 => to: Party,
        #[optional]
        5 => text: String,
        6 => time: i64,
    }
}
message! {
    pub struct RegisterIn {
        1 => id: String,
        2 => owner: Party,
        3 => title: String,
        /// the hash of what describes it
        #[optional]
        4 => document: [u8; 32],
    }
}
message! {
    pub struct DescribeIn {
        1 => id: String,
        2 => title: String,
        /// the hash of what describes it
        #[optional]
        3 => document: [u8; 32],
    }
}
message! { pub struct OfferIn { 1 => id: String, 2 => to: Party } }
message! { pub struct IdIn { 1 => id: String } }
message! { pub struct LockIn { 1 => id: String, 2 => reason: String } }
message! {
    pub struct HoldIn {
        1 => id: String,
        /// the only one that can release it, such as contract:escrow
        2 => holder: Party,
        /// Unix nanoseconds; then the owner may take it back
        3 => until: i64,
    }
}
message! {
    pub struct ReleaseIn {
        1 => id: String,
        /// the new owner, or the one who has it
        2 => to: Party,
    }
}
message! {
    pub struct HistoryIn {
        1 => id: String,
        /// the number of the first entry that is wanted
        #[optional]
        2 => first: u64,
        /// entries at most
        #[optional]
        3 => limit: u32,
    }
}
message! {
    pub struct HistoryOut {
        1 => entries: Vec<Entry>,
        /// of all entries
        2 => count: u64,
    }
}
message! {
    pub struct OwnedIn {
        1 => owner: Party,
        /// the last id of the page before
        #[optional]
        2 => after: String,
        /// ids at most
        #[optional]
        3 => limit: u32,
    }
}
message! {
    pub struct OwnedOut {
        /// their ids
        1 => assets: Vec<String>,
        /// there are others behind the last
        2 => more: bool,
    }
}
event! {
    /// Something was done with an asset, as an entry of its history says.
    "changed" => pub struct Changed {
        1 => id: String,
        /// of the entry
        2 => number: u64,
        3 => action: String,
        4 => by: Party,
        #[optional]
        5 => to: Party,
    }
}
