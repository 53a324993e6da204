//! Calls that a contract makes: of itself, when it is ready for that, and of others.

use std::panic::{catch_unwind, AssertUnwindSafe};

use super::{reason, Usage, CURRENT};
use crate::contract::{dispatch, Error, TRAPPED, UNKNOWN_METHOD};

/// How many contracts call each other at most, as on a real ledger.
const DEPTH_MAX: usize = 8;

/// Another contract, as `others` has it.
pub(super) fn other(contract: &str, method: &str, args: &[u8]) -> Result<Vec<u8>, Error> {
    match CURRENT.with(|l| l.borrow().others) {
        None => Err(Error::new(0, format!("there is no contract {:?}", contract))),
        Some(others) => others(contract, method, args),
    }
}

/// Enters the contract while it is in a call, in the order in which a real ledger asks
/// whether it may. What fails leaves nothing but its logs.
pub(super) fn again(method: &str, args: &[u8]) -> Result<Vec<u8>, Error> {
    let outer = CURRENT.with(|l| l.borrow().clone());
    if outer.depth + usize::from(!outer.via.is_empty()) >= DEPTH_MAX {
        return Err(Error::new(0, "contracts call each other more than 8 deep"));
    }
    if method == "init" {
        return Err(Error::new(UNKNOWN_METHOD, "init runs once, at deployment"));
    }
    if method == "migrate" {
        return Err(Error::new(UNKNOWN_METHOD, "migrate runs when a module replaces another"));
    }
    if !outer.reentrant {
        return Err(Error::new(0, format!("contract {} is in a call already and cannot be entered again", outer.name)));
    }
    let mut c = outer.context(&outer.name);
    CURRENT.with(|l| {
        let mut l = l.borrow_mut();
        l.depth += 1;
        l.usage = Usage { read_only: outer.usage.read_only, read: outer.usage.read.clone(), ..Usage::default() };
    });
    let result = catch_unwind(AssertUnwindSafe(|| dispatch(&outer.methods, &mut c, method, args)))
        .unwrap_or_else(|why| Err(Error::new(TRAPPED, reason(&*why))));
    CURRENT.with(|l| {
        let mut l = l.borrow_mut();
        let read = std::mem::take(&mut l.usage.read);
        if result.is_err() {
            let logs = std::mem::take(&mut l.logs);
            *l = outer;
            l.logs = logs;
        } else {
            l.depth = outer.depth;
            l.usage = outer.usage;
        }
        l.usage.read = read;
    });
    result
}
