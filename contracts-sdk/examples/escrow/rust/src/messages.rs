//! What the methods take and return, what is kept, and what is asked of others.

use concordat::{event, message, Amount, Party};

message! {
    /// Which contracts the escrow uses, from its deployment on.
    pub struct Terms { 1 => register: String, 2 => token: String }
}
message! {
    pub struct InitIn {
        /// the contract where assets are registered
        1 => register: String,
        /// the contract in which is paid
        2 => token: String,
    }
}
message! {
    /// One asset for one price.
    pub struct Deal {
        1 => asset: String,
        2 => seller: Party,
        3 => buyer: Party,
        /// decides a dispute
        4 => arbiter: Party,
        5 => price: Amount,
        /// the buyer can pay and settle before
        6 => deadline: i64,
        /// then the custody of the asset ends
        7 => until: i64,
        /// open, funded, disputed, settled, awarded, declined, cancelled or returned
        8 => state: String,
        /// of the last dispute
        #[optional]
        9 => reason: String,
    }
}
message! {
    /// The last deal about an asset.
    pub struct Current { 1 => deal: String }
}
message! {
    pub struct ProposeIn {
        /// a name for it, which nobody has used yet
        1 => deal: String,
        /// in the custody of this contract
        2 => asset: String,
        3 => buyer: Party,
        4 => arbiter: Party,
        5 => price: Amount,
        /// Unix nanoseconds; the buyer can pay and settle before
        6 => deadline: i64,
    }
}
message! { pub struct DealIn { 1 => deal: String } }
message! { pub struct DisputeIn { 1 => deal: String, 2 => reason: String } }
message! {
    pub struct ResolveIn {
        1 => deal: String,
        /// who gets the asset, the other one the price; nobody: the deal goes on
        #[optional]
        2 => to: Party,
    }
}
message! {
    pub struct ListIn {
        1 => party: Party,
        /// the last deal of the page before
        #[optional]
        2 => after: String,
    }
}
message! {
    pub struct ListOut {
        1 => deals: Vec<String>,
        /// there are others behind the last
        2 => more: bool,
    }
}
event! {
    /// A deal is in another state.
    "changed" => pub struct Changed { 1 => deal: String, 2 => state: String, 3 => by: Party }
}
message! {
    /// What the register takes for get.
    pub struct AssetIn { 1 => id: String }
}
message! {
    /// What the register says about an asset.
    pub struct AssetOut {
        1 => title: String,
        2 => document: [u8; 32],
        3 => owner: Party,
        4 => offered_to: Party,
        5 => locked: String,
        6 => retired: bool,
        7 => holder: Party,
        8 => held_until: i64,
    }
}
message! {
    /// What the register takes for release.
    pub struct ReleaseIn { 1 => id: String, 2 => to: Party }
}
message! {
    /// What the token takes for transfer_from.
    pub struct TransferFromIn { 1 => from: Party, 2 => to: Party, 3 => amount: Amount }
}
message! {
    /// What the token takes for transfer.
    pub struct TransferIn { 1 => to: Party, 2 => amount: Amount, 3 => memo: Vec<u8> }
}
