//! What the methods take and return, and what is kept.

use concordat::{event, message, Party};

message! {
    /// Who decides, and how many of them must agree.
    pub struct Group {
        /// parties and contracts, and org:NAME for an organisation, in ascending order
        1 => members: Vec<String>,
        /// members that must approve
        2 => threshold: u32,
    }
}
message! {
    /// What is to be decided, and how that stands. It is a record for every member of the
    /// ledger: what is done in the end is public, too.
    pub struct Proposal {
        1 => title: String,
        2 => by: Party,
        /// is called, as this contract, when enough have approved
        #[optional]
        3 => contract: String,
        #[optional]
        4 => method: String,
        /// as the ledger has them
        #[optional]
        5 => arguments: Vec<u8>,
        /// the hash of what is to be approved
        #[optional]
        6 => document: [u8; 32],
        /// Unix nanoseconds
        7 => expires: i64,
        8 => approvals: u32,
        9 => rejections: u32,
        /// pending, executed, approved or rejected; asked for, expired too
        10 => state: String,
    }
}
message! {
    /// What one member decided, for the group only.
    pub struct Vote { 1 => by: Party, 2 => approve: bool, 3 => time: i64 }
}
message! {
    pub struct ProposeIn {
        /// a name for it, which nobody has used yet
        1 => proposal: String,
        2 => title: String,
        /// is called, as this contract, when enough have approved
        #[optional]
        3 => contract: String,
        #[optional]
        4 => method: String,
        /// as the ledger has them
        #[optional]
        5 => arguments: Vec<u8>,
        /// the hash of what is to be approved
        #[optional]
        6 => document: [u8; 32],
        /// Unix nanoseconds
        7 => expires: i64,
    }
}
message! { pub struct ProposalIn { 1 => proposal: String } }
message! {
    pub struct ListIn {
        /// the last proposal of the page before
        #[optional]
        1 => after: String,
    }
}
message! {
    pub struct ListOut {
        1 => proposals: Vec<String>,
        /// there are others behind the last
        2 => more: bool,
    }
}
event! {
    /// A proposal stands otherwise than before.
    "changed" => pub struct Changed { 1 => proposal: String, 2 => state: String, 3 => approvals: u32, 4 => rejections: u32 }
}
event! {
    /// A member approved, rejected, or withdrew what it had said. The group alone is told.
    "voted" => pub struct Voted {
        1 => proposal: String,
        2 => member: String,
        3 => by: Party,
        /// approve, reject or withdraw
        4 => action: String,
    }
}
