//! A ledger in memory on which contracts are tested with `cargo test`, without a
//! node. A call that fails or panics changes nothing, as on a real ledger, and what a
//! real ledger refuses is refused here. Gas is the exception: it is a property of the
//! module, so nothing natively runs out of it, and the limit of call_with_gas is not
//! applied; the second run of `concordat contract test`, in the engine, has it.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::contract::{Error, MethodEntry, OTHER, TRAPPED, UNKNOWN_METHOD};
use crate::{Attribute, Context};

mod engine;
mod nested;
mod replay;

pub use replay::replay;

/// One emitted event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub topic: String,
    pub data: Vec<u8>,
    pub audience: Vec<u8>,
}

/// Answers calls of other contracts: contract, method, arguments.
pub type Others = fn(&str, &str, &[u8]) -> Result<Vec<u8>, Error>;

/// A ledger with one contract.
#[derive(Clone, Default)]
pub struct Ledger {
    pub name: String,
    pub height: u64,
    pub time: i64,
    /// Of the next calls' caller.
    pub attributes: Vec<Attribute>,
    /// The contract that makes the next calls, in transactions that the party signs: it is
    /// their caller then, and has neither organisation nor attributes. Empty: the party calls.
    pub via: String,
    /// The module exports concordat_reentrant; otherwise the contract cannot be entered while
    /// it is in a call.
    pub reentrant: bool,
    pub state: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Of the records that have one, encoded.
    pub audiences: BTreeMap<Vec<u8>, Vec<u8>>,
    pub events: Vec<Event>,
    pub logs: Vec<String>,
    /// None: there are no other contracts.
    pub others: Option<Others>,
    /// Answers of cryptographic operations by number and input; the crate has no
    /// dependencies and computes SHA-256 alone. None: something does not hold.
    pub answers: BTreeMap<(u32, Vec<u8>), Option<Vec<u8>>>,
    deployed: bool,
    calls: u64,
    usage: Usage,
    signer: String,
    depth: usize, // calls of the contract that are under way
    methods: Vec<MethodEntry>,
}

/// What one call may do and has done.
#[derive(Clone, Default)]
struct Usage {
    read_only: bool,
    read: Vec<Vec<u8>>, // the audiences of what was read
    random: u64,
    writes: usize,
    events: usize,
    emitted: usize,
    logged: usize,
    scans: Vec<Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>>, // key, value, audience
}

// Limits of one call on a real ledger, in bytes unless said otherwise, as
// docs/contracts.md lists them.
const ARGS_BYTES_MAX: usize = 64 << 10;
const OUTPUT_BYTES_MAX: usize = 64 << 10;
const AUDIENCE_BYTES_MAX: usize = 4 << 10;
const AUDIENCE_MAX: usize = 64; // entries
const TOPIC_BYTES_MAX: usize = 64;
const EVENT_BYTES_MAX: usize = 64 << 10; // topics and data of all events
const EVENTS_MAX: usize = 256; // events
const LOG_BYTES_MAX: usize = 8 << 10; // what is logged beyond is dropped
const WRITES_MAX: usize = 1000; // puts and deletes
const SCANS_MAX: usize = 16; // scans

thread_local! {
    static CURRENT: RefCell<Ledger> = RefCell::new(Ledger::default());
}

impl Ledger {
    /// An empty ledger at height 1, where the contract is deployed under a name.
    pub fn new(name: &str) -> Ledger {
        Ledger { name: name.into(), height: 1, time: 1_700_000_000_000_000_000, ..Ledger::default() }
    }

    /// Calls a method as a party; what follows its @ is its organisation. A panic is
    /// the error OTHER.
    pub fn call(&mut self, methods: &[MethodEntry], party: &str, method: &str, args: &[u8]) -> Result<Vec<u8>, Error> {
        if method == "init" && self.deployed {
            return Err(Error::new(UNKNOWN_METHOD, "init runs once, at deployment"));
        }
        let result = self.run(methods, party, method, args, false);
        self.deployed |= method != "init" || result.is_ok();
        self.height += 1;
        result
    }

    /// Calls a method as a query does: without a transaction, so whatever it writes is
    /// refused, and records with an audience do not exist for it.
    pub fn query(&mut self, methods: &[MethodEntry], party: &str, method: &str, args: &[u8]) -> Result<Vec<u8>, Error> {
        self.run(methods, party, method, args, true)
    }

    fn run(
        &mut self,
        methods: &[MethodEntry],
        party: &str,
        method: &str,
        args: &[u8],
        read_only: bool,
    ) -> Result<Vec<u8>, Error> {
        if args.len() > ARGS_BYTES_MAX {
            let text = format!("arguments of {} bytes, at most {} are allowed", args.len(), ARGS_BYTES_MAX);
            return Err(Error::new(0, text));
        }
        assert!(!party.starts_with("contract:"), "a contract signs nothing: make the call as the party that signs, and name the contract in via");
        self.calls += 1;
        self.usage = Usage { read_only, ..Usage::default() };
        self.signer = party.into();
        self.depth = 1;
        self.methods = methods.to_vec();
        CURRENT.with(|l| *l.borrow_mut() = self.clone());
        let mut c = self.context(&self.via);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let result = engine::dispatch(methods, &mut c, method, args);
            if let Ok(out) = &result {
                assert!(out.len() <= OUTPUT_BYTES_MAX, "an output of {} bytes", out.len());
            }
            let read = CURRENT.with(|l| !l.borrow().usage.read.is_empty());
            // The engine judges by itself.
            if read && !engine::runs() && !read_only && c.via.is_empty() && !c.open {
                return hidden(result);
            }
            result
        }))
        .unwrap_or_else(|why| Err(Error::new(OTHER, format!("the contract trapped: {}", reason(&*why)))));
        CURRENT.with(|l| {
            let after = l.borrow().clone();
            match result.is_ok() {
                true => *self = after,
                false => self.logs = after.logs,
            }
        });
        result
    }

    /// A call as the contract sees it, made by another contract or by the party.
    fn context(&self, via: &str) -> Context {
        let mut c = Context {
            caller: self.signer.clone(),
            organisation: self.signer.split_once('@').map_or("", |(_, o)| o).into(),
            attributes: self.attributes.clone(),
            this: self.name.clone(),
            height: self.height,
            time: self.time,
            command_id: format!("command {}", self.calls).into_bytes(),
            signer: self.signer.clone(),
            ..Context::default()
        };
        if !via.is_empty() {
            c.caller = crate::contract_party(via);
            c.via = via.into();
            c.organisation = String::new();
            c.attributes = Vec::new();
        }
        c
    }

    fn shows(&self, key: &[u8]) -> bool {
        !(self.usage.read_only && self.audiences.contains_key(key))
    }

    /// Judges a write by its key.
    fn may_write(&self, key: &[u8]) -> i32 {
        if self.usage.read_only {
            return 1;
        }
        if key.is_empty() || key.len() > crate::KEY_BYTES_MAX {
            return 2;
        }
        if self.usage.writes >= WRITES_MAX {
            return 3;
        }
        0
    }

    fn seen(&mut self, audience: Option<Vec<u8>>) {
        self.usage.read.extend(audience.filter(|a| !a.is_empty()));
    }

    /// Whether everyone in an audience may see all that the call has read.
    fn may_tell(&self, audience: &[u8]) -> bool {
        let to = entries(audience);
        self.usage.read.iter().all(|a| {
            let readers = entries(a);
            !to.is_empty() && to.iter().all(|e| covers(&readers, e))
        })
    }
}

/// Says that the contract which `others` stands for has read a record with that audience;
/// it counts for the calling contract, too. For use in `others`.
pub fn read_for(audience: crate::Audience<'_>) {
    let encoded = crate::context::audience(audience);
    CURRENT.with(|l| l.borrow_mut().seen(Some(encoded)));
}

/// The entries of an audience that was checked.
fn entries(mut b: &[u8]) -> Vec<&str> {
    let mut list = Vec::new();
    b = b.get(2..).unwrap_or_default();
    while b.len() > 2 {
        let (entry, rest) = b[2..].split_at(usize::from(u16::from_le_bytes([b[0], b[1]])));
        list.push(std::str::from_utf8(entry).unwrap_or_default());
        b = rest;
    }
    list
}

/// A party is covered by itself or by its organisation, which here is what follows its
/// @; an organisation by itself.
fn covers(readers: &[&str], entry: &str) -> bool {
    readers.contains(&entry)
        || entry.split_once('@').map_or(false, |(_, o)| !o.is_empty() && readers.contains(&format!("org:{}", o).as_str()))
}

/// How a call ends that has read private records: every member sees it.
fn hidden(result: Result<Vec<u8>, Error>) -> Result<Vec<u8>, Error> {
    match result {
        Ok(out) if out.is_empty() => Ok(out),
        Ok(_) => panic!(
            "an output is shown to every member, and this call has read private records; write them for an audience instead, or declassify the output"
        ),
        Err(e) => Err(Error::new(e.code, "the message is withheld, for the call had read private records")),
    }
}

fn reason(why: &(dyn Any + Send)) -> &str {
    match why.downcast_ref::<String>() {
        Some(text) => text,
        None => why.downcast_ref::<&str>().copied().unwrap_or("a panic"),
    }
}

/// Refuses an audience whose entries do not ascend. That an entry is a possible name
/// of a party is left to the real ledger.
fn check_audience(b: &[u8]) {
    if b.is_empty() {
        return;
    }
    let mut rest = &b[2..];
    let mut last: &[u8] = &[];
    let count = u16::from_le_bytes([b[0], b[1]]);
    assert!(usize::from(count) <= AUDIENCE_MAX, "malformed audience: it has more than 64 entries");
    for _ in 0..count {
        let size = usize::from(u16::from_le_bytes([rest[0], rest[1]]));
        let entry = &rest[2..2 + size];
        assert!(entry > last, "malformed audience: the entries are not in ascending order");
        last = entry;
        rest = &rest[2 + size..];
    }
}

/// The ledger's functions on the ledger in memory.
pub(crate) mod host {
    use super::*;
    use crate::fields::decode;
    use crate::VALUE_BYTES_MAX;

    fn with<T>(f: impl FnOnce(&mut Ledger) -> T) -> T {
        CURRENT.with(|l| f(&mut l.borrow_mut()))
    }

    pub fn get(key: &[u8]) -> Option<Vec<u8>> {
        with(|l| {
            let value = if l.shows(key) { l.state.get(key).cloned() } else { None };
            if value.is_some() {
                let audience = l.audiences.get(key).cloned();
                l.seen(audience);
            }
            value
        })
    }

    pub fn put(key: &[u8], value: &[u8], audience: &[u8], declassified: bool) -> i32 {
        let large = value.len() > VALUE_BYTES_MAX || audience.len() > AUDIENCE_BYTES_MAX;
        let mut status = with(|l| l.may_write(if large { &[] } else { key })); // no key is refused likewise
        if status == 0 {
            check_audience(audience);
            status = wider(audience, declassified);
        }
        if status == 0 {
            with(|l| {
                l.usage.writes += 1;
                l.state.insert(key.to_vec(), value.to_vec());
                l.audiences.remove(key);
                if !audience.is_empty() {
                    l.audiences.insert(key.to_vec(), audience.to_vec());
                }
            });
        }
        status
    }

    pub fn delete(key: &[u8]) -> i32 {
        with(|l| {
            let status = l.may_write(key);
            if status == 0 {
                l.usage.writes += 1;
                l.state.remove(key);
                l.audiences.remove(key);
            }
            status
        })
    }

    pub fn scan(from: &[u8], to: &[u8], flags: u32) -> i32 {
        with(|l| {
            if l.usage.scans.len() >= SCANS_MAX || from.len().max(to.len()) > crate::KEY_BYTES_MAX {
                return -3;
            }
            let inside = |k: &[u8]| k >= from && (to.is_empty() || k < to) && l.shows(k);
            let mut found: Vec<_> =
                l.state.iter().filter(|(k, _)| inside(k)).map(|(k, v)| {
                    (k.clone(), v.clone(), l.audiences.get(k).cloned().unwrap_or_default())
                }).collect();
            if flags & 1 == 0 {
                found.reverse(); // taken from the end
            }
            l.usage.scans.push(found);
            l.usage.scans.len() as i32 - 1
        })
    }

    /// Hands over one entry at a time, so that scans are tested to go on.
    pub fn next(handle: i32, buf: &mut [u8]) -> i32 {
        with(|l| {
            let rest = &mut l.usage.scans[handle as usize];
            let size = match rest.last() {
                None => return 0,
                Some((k, v, _)) => 8 + k.len() + v.len(),
            };
            let looked = rest.last().map(|(_, _, a)| a.clone());
            if size > buf.len() {
                return -(size as i32);
            }
            let (k, v, _) = rest.pop().unwrap_or_default();
            let mut out = Vec::with_capacity(size);
            for part in [&k, &v] {
                out.extend_from_slice(&(part.len() as u32).to_le_bytes());
                out.extend_from_slice(part);
            }
            buf[..size].copy_from_slice(&out);
            l.seen(looked);
            size as i32
        })
    }

    pub fn emit(topic: &str, data: &[u8], audience: &[u8], declassified: bool) -> i32 {
        let size = topic.len() + data.len();
        let mut status = with(|l| {
            let large = topic.len() > TOPIC_BYTES_MAX || data.len() > EVENT_BYTES_MAX;
            match &l.usage {
                u if u.read_only => 1,
                _ if topic.is_empty() || large || audience.len() > AUDIENCE_BYTES_MAX => 2,
                u if u.events >= EVENTS_MAX || u.emitted + size > EVENT_BYTES_MAX => 3,
                _ => 0,
            }
        });
        if status == 0 {
            check_audience(audience);
            status = wider(audience, declassified);
        }
        if status == 0 {
            with(|l| {
                l.usage.events += 1;
                l.usage.emitted += size;
                l.events.push(Event { topic: topic.into(), data: data.to_vec(), audience: audience.to_vec() });
            });
        }
        status
    }

    fn wider(audience: &[u8], declassified: bool) -> i32 {
        with(|l| if declassified || l.may_tell(audience) { 0 } else { 4 })
    }

    pub fn log(_: u32, text: &str) {
        with(|l| {
            let mut room = text.len().min(LOG_BYTES_MAX - l.usage.logged);
            while !text.is_char_boundary(room) {
                room -= 1;
            }
            l.usage.logged += room;
            if room > 0 {
                l.logs.push(text[..room].into());
            }
        });
    }

    pub fn invoke(contract: &str, envelope: &[u8], _: i64) -> (i32, Vec<u8>) {
        let c = match decode::<Context>(envelope) {
            Ok(c) => c,
            Err(e) => panic!("a call of contract {} is malformed: {}", contract, e.message),
        };
        let result = match with(|l| l.name == contract) {
            true => nested::again(&c.method, &c.args),
            false => nested::other(contract, &c.method, &c.args),
        };
        match result {
            Ok(out) => (0, out),
            Err(e) if e.code == TRAPPED => (2, [&[0; 4], e.message.as_bytes()].concat()),
            Err(e) => (1, [&e.code.to_le_bytes()[..], e.message.as_bytes()].concat()),
        }
    }

    pub fn crypto(op: u32, input: &[u8]) -> Option<Vec<u8>> {
        let given = with(|l| l.answers.get(&(op, input.to_vec())).cloned());
        match (given, op) {
            (Some(answer), _) => answer,
            (None, 1) => Some(crate::sha256::sum(input).to_vec()),
            (None, 2) => {
                let seed = with(|l| {
                    l.usage.random += 1;
                    format!("{} {} {}", l.name, l.calls, l.usage.random)
                });
                Some(crate::sha256::sum(seed.as_bytes()).to_vec())
            }
            _ => panic!(
                "cryptographic operation {} is not computed by the test kit: put its answer into answers, or test the module",
                op
            ),
        }
    }
}
