//! What the methods take and return, by the tags of schema.json.

use concordat::{message, Amount};

message! {
    /// The record about the token.
    pub struct Token { 1 => symbol: String, 2 => minter: String, 3 => supply: Amount }
}
message! { pub struct InitIn { 1 => symbol: String, 2 => minter: String } }
message! { pub struct MintIn { 1 => to: String, 2 => amount: Amount } }
message! { pub struct TransferIn { 1 => to: String, 2 => amount: Amount, 3 => memo: Vec<u8> } }
message! { pub struct ApproveIn { 1 => spender: String, 2 => amount: Amount } }
message! { pub struct TransferFromIn { 1 => from: String, 2 => to: String, 3 => amount: Amount } }
message! { pub struct BalanceIn { 1 => party: String } }
message! { pub struct AllowanceIn { 1 => owner: String, 2 => spender: String } }
message! { pub struct AmountOut { 1 => amount: Amount } }
message! { pub struct InfoOut { 1 => symbol: String, 2 => minter: String, 3 => supply: Amount, 4 => holders: u64 } }
message! { pub struct TransferEvent { 1 => from: String, 2 => to: String, 3 => amount: Amount, 4 => memo: Vec<u8> } }
message! { pub struct ApprovalEvent { 1 => owner: String, 2 => spender: String, 3 => amount: Amount } }
