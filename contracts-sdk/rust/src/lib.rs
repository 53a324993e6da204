//! For writing contracts in Rust.
//!
//! A contract is a set of functions, listed by name:
//!
//! ```ignore
//! concordat::message! {
//!     pub struct TransferIn { 1 => to: String, 2 => amount: Amount }
//! }
//!
//! fn transfer(c: &mut Context, m: TransferIn) -> Result<Nothing, Error> { … }
//!
//! concordat::contract! { "transfer" => transfer }
//! ```
//!
//! Built for `wasm32-unknown-unknown` it imports the ledger's functions; built for
//! any other target it runs on the ledger in memory of module [`ledgertest`], so
//! that `cargo test` needs no node.
//!
//! A call starts from the same memory each time: statics that a method changes are
//! back at their first value when the next call begins. What must last goes into
//! the state. For the same reason memory costs little: what a call takes first is not
//! given back piece by piece. A contract with an allocator of its own writes
//! `default-features = false` where it names this crate.
//!
//! A method that returns an error, or panics, changes nothing.

mod amount;
mod caller;
mod collections;
mod context;
mod contract;
mod crypto;
mod declare;
mod fields;
mod host;
#[cfg(not(target_arch = "wasm32"))]
pub mod ledgertest;
mod nested;
#[cfg(any(all(target_arch = "wasm32", feature = "allocator"), test))]
mod room;
#[cfg(not(target_arch = "wasm32"))]
mod sha256;
mod store;

pub use amount::Amount;
pub use collections::{number, parse_number, History, Index, Single, Stored};
pub use context::{Attribute, Audience, Context};
pub use contract::{dispatch, Error, BAD_ARGUMENTS, FORBIDDEN, OTHER, TRAPPED, UNKNOWN_METHOD};
#[doc(hidden)]
pub use contract::{run, MethodEntry};
pub use crypto::Receipt;
#[doc(hidden)]
pub use declare::{ascending, flag, joined, joined_len, signature, BETWEEN, END};
pub use fields::{decode, encode, Field, Fields, Message, Nothing, Raw};
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub use host::{call_guest, warm_guest};
pub use nested::Element;
pub use store::{key, Map, Value};

/// An identity that signs transactions, such as "alice@org0", or a contract that calls
/// another, such as "contract:escrow". Both can hold and own. A field of this name has the
/// type party in the schema.
pub type Party = String;

/// The party as which the contract deployed under a name calls others.
pub fn contract_party(name: &str) -> Party {
    format!("contract:{}", name)
}

/// Bytes that a key may have.
pub const KEY_BYTES_MAX: usize = 256;
/// Bytes that a value may have.
pub const VALUE_BYTES_MAX: usize = 60 << 10;
