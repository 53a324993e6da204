//! Methods and their errors.

use crate::fields::{decode, encode, Message};
use crate::Context;

/// What a method returns to refuse a call: a code of the contract's schema, from 1,
/// and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub code: u32,
    pub message: String,
}

impl Error {
    pub fn new(code: u32, message: impl Into<String>) -> Error {
        Error { code, message: message.into() }
    }
}

/// Reserved code: there is no such method.
pub const UNKNOWN_METHOD: u32 = 0xffff_ffff;
/// Reserved code: the arguments cannot be read.
pub const BAD_ARGUMENTS: u32 = 0xffff_fffe;
/// Reserved code: anything else.
pub const OTHER: u32 = 0xffff_fffd;
/// Reserved code: the called contract trapped or ran out of gas.
pub const TRAPPED: u32 = 0xffff_fffc;
/// Reserved code of require_attribute, require_party and require_organisation.
pub const FORBIDDEN: u32 = 0xffff_fffb;

/// A method by its name.
pub type MethodEntry = (&'static str, fn(&mut Context, &[u8]) -> Result<Vec<u8>, Error>);

/// Runs a method on arguments as bytes.
pub fn run<I: Message, O: Message>(
    name: &str,
    method: fn(&mut Context, I) -> Result<O, Error>,
    c: &mut Context,
    args: &[u8],
) -> Result<Vec<u8>, Error> {
    let m = decode::<I>(args).map_err(|e| Error::new(e.code, format!("{}: {}", name, e.message)))?;
    method(c, m).map(|mut out| encode(&mut out))
}

/// Runs a method by its name. The ledger calls it, and test kits.
pub fn dispatch(methods: &[MethodEntry], c: &mut Context, name: &str, args: &[u8]) -> Result<Vec<u8>, Error> {
    if let Some((_, method)) = methods.iter().find(|(n, _)| *n == name) {
        return method(c, args);
    }
    let names: Vec<&str> = methods.iter().map(|(n, _)| *n).collect();
    Err(Error::new(UNKNOWN_METHOD, format!("there is no method {}; there are {}", name, names.join(", "))))
}
