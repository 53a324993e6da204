//! A ledger in memory on which contracts are tested with `cargo test`, without a
//! node. A call that fails or panics changes nothing, as on a real ledger.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::contract::{dispatch, Error, MethodEntry, OTHER};
use crate::Context;

/// One emitted event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub topic: String,
    pub data: Vec<u8>,
    pub audience: Vec<u8>,
}

/// A ledger with one contract.
#[derive(Clone, Default)]
pub struct Ledger {
    pub name: String,
    pub height: u64,
    pub time: i64,
    pub state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub events: Vec<Event>,
    pub logs: Vec<String>,
}

thread_local! {
    static CURRENT: RefCell<Ledger> = RefCell::new(Ledger::default());
    static SCANS: RefCell<Vec<Vec<(Vec<u8>, Vec<u8>)>>> = RefCell::new(Vec::new());
}

impl Ledger {
    /// An empty ledger at height 1, where the contract is deployed under a name.
    pub fn new(name: &str) -> Ledger {
        Ledger { name: name.into(), height: 1, time: 1_700_000_000_000_000_000, ..Ledger::default() }
    }

    /// Calls a method as a party; what follows its @ is its organisation. A panic is
    /// the error OTHER.
    pub fn call(&mut self, methods: &[MethodEntry], party: &str, method: &str, args: &[u8]) -> Result<Vec<u8>, Error> {
        CURRENT.with(|l| *l.borrow_mut() = self.clone());
        SCANS.with(|s| s.borrow_mut().clear());
        let mut c = Context {
            caller: party.into(),
            organisation: party.split_once('@').map_or("", |(_, o)| o).into(),
            this: self.name.clone(),
            height: self.height,
            time: self.time,
            ..Context::default()
        };
        let result = catch_unwind(AssertUnwindSafe(|| dispatch(methods, &mut c, method, args)))
            .unwrap_or_else(|_| Err(Error::new(OTHER, "the contract trapped")));
        if result.is_ok() {
            CURRENT.with(|l| *self = l.borrow().clone());
        }
        self.height += 1;
        result
    }
}

/// The ledger's functions on the ledger in memory.
pub(crate) mod host {
    use super::{Event, CURRENT, SCANS};
    use crate::{KEY_BYTES_MAX, VALUE_BYTES_MAX};

    pub fn get(key: &[u8]) -> Option<Vec<u8>> {
        CURRENT.with(|l| l.borrow().state.get(key).cloned())
    }

    pub fn put(key: &[u8], value: &[u8], _: &[u8]) -> i32 {
        if key.is_empty() || key.len() > KEY_BYTES_MAX || value.len() > VALUE_BYTES_MAX {
            return 2;
        }
        CURRENT.with(|l| l.borrow_mut().state.insert(key.to_vec(), value.to_vec()));
        0
    }

    pub fn delete(key: &[u8]) -> i32 {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return 2;
        }
        CURRENT.with(|l| l.borrow_mut().state.remove(key));
        0
    }

    pub fn scan(from: &[u8], to: &[u8], flags: u32) -> i32 {
        let mut found: Vec<_> = CURRENT.with(|l| {
            let l = l.borrow();
            let inside = |k: &[u8]| k >= from && (to.is_empty() || k < to);
            l.state.iter().filter(|(k, _)| inside(k)).map(|(k, v)| (k.clone(), v.clone())).collect()
        });
        if flags & 1 == 0 {
            found.reverse(); // taken from the end
        }
        SCANS.with(|s| {
            s.borrow_mut().push(found);
            s.borrow().len() as i32 - 1
        })
    }

    /// Hands over one entry at a time, so that scans are tested to go on.
    pub fn next(handle: i32, buf: &mut [u8]) -> i32 {
        SCANS.with(|s| {
            let mut s = s.borrow_mut();
            let rest = &mut s[handle as usize];
            let size = match rest.last() {
                None => return 0,
                Some((k, v)) => 8 + k.len() + v.len(),
            };
            if size > buf.len() {
                return -(size as i32);
            }
            let (k, v) = rest.pop().unwrap_or_default();
            let mut out = Vec::with_capacity(size);
            for part in [&k, &v] {
                out.extend_from_slice(&(part.len() as u32).to_le_bytes());
                out.extend_from_slice(part);
            }
            buf[..size].copy_from_slice(&out);
            size as i32
        })
    }

    pub fn emit(topic: &str, data: &[u8], audience: &[u8]) -> i32 {
        let e = Event { topic: topic.into(), data: data.to_vec(), audience: audience.to_vec() };
        CURRENT.with(|l| l.borrow_mut().events.push(e));
        0
    }

    pub fn log(_: u32, text: &str) {
        CURRENT.with(|l| l.borrow_mut().logs.push(text.into()));
    }

    pub fn invoke(contract: &str, _: &[u8]) -> (i32, Vec<u8>) {
        let mut out = vec![0; 4];
        out.extend_from_slice(format!("there is no contract {}", contract).as_bytes());
        (1, out)
    }

    pub fn sha256(_: &[u8]) -> [u8; 32] {
        panic!("SHA-256 is the ledger's; test what needs it on the built module")
    }
}
