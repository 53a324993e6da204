//! What the methods take and return.

use concordat::{event, message, Amount, Party};

message! {
    /// The record about the token.
    pub struct Token { 1 => symbol: String, 2 => minter: Party, 3 => supply: Amount }
}
message! { pub struct InitIn { 1 => symbol: String, #[optional] 2 => minter: Party } }
message! { pub struct MintIn { 1 => to: Party, 2 => amount: Amount } }
message! { pub struct TransferIn { 1 => to: Party, 2 => amount: Amount, #[optional] 3 => memo: Vec<u8> } }
message! { pub struct ApproveIn { 1 => spender: Party, 2 => amount: Amount } }
message! { pub struct TransferFromIn { 1 => from: Party, 2 => to: Party, 3 => amount: Amount } }
message! { pub struct BalanceIn { 1 => party: Party } }
message! { pub struct AllowanceIn { 1 => owner: Party, 2 => spender: Party } }
message! { pub struct AmountOut { 1 => amount: Amount } }
message! { pub struct InfoOut { 1 => symbol: String, 2 => minter: Party, 3 => supply: Amount, 4 => holders: u64 } }
event! {
    /// Units moved, or were made, and then there is no party that they come from.
    "transfer" => pub struct TransferEvent { #[optional] 1 => from: Party, 2 => to: Party, 3 => amount: Amount, #[optional] 4 => memo: Vec<u8> }
}
event! {
    /// A party allows another to spend some of its units.
    "approval" => pub struct ApprovalEvent { 1 => owner: Party, 2 => spender: Party, 3 => amount: Amount }
}
