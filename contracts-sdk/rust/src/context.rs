//! One call, and what it can do.

use crate::contract::{Error, BAD_ARGUMENTS, OTHER, TRAPPED};
use crate::fields::{decode, encode, Field, Fields, Message};
use crate::host;

/// A property of the caller that its organisation vouches for.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: String,
    pub value: String,
}

impl Message for Attribute {
    fn fields(&mut self, f: &mut Fields<'_>) {
        self.name.field(1, f);
        self.value.field(2, f);
    }
}

/// One call.
#[derive(Clone, Default, Debug)]
pub struct Context {
    /// The party that signed the transaction, or a contract that calls another: then it is
    /// its contract_party. Rights go by it: whoever may do something is who calls, whether a
    /// person or a contract.
    pub caller: String,
    /// The caller's, empty for a contract.
    pub organisation: String,
    pub attributes: Vec<Attribute>,
    /// The contract that calls, empty for a transaction.
    pub via: String,
    /// The name under which this contract is deployed.
    pub this: String,
    /// Of the block.
    pub height: u64,
    /// Of the block, Unix nanoseconds.
    pub time: i64,
    pub command_id: Vec<u8>,
    /// The party that signed the transaction, whoever calls. It belongs into records of who
    /// acted, and never decides what may be done: a contract that somebody calls for one
    /// thing could do another in their name.
    pub signer: String,
    pub(crate) method: String,
    pub(crate) args: Vec<u8>,
    pub(crate) open: bool, // how the call ends is declassified
}

impl Message for Context {
    fn fields(&mut self, f: &mut Fields<'_>) {
        self.method.field(1, f);
        self.args.field(2, f);
        self.surroundings(f);
    }
}

impl Context {
    /// Reads the envelope of a call: method, arguments, and all else.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
    pub(crate) fn read(envelope: &[u8]) -> Result<(&str, &[u8], Context), Error> {
        let mut f = Fields::of(envelope);
        let (method, args) = (f.read_text(1), f.read(2));
        let mut c = Context::default();
        c.surroundings(&mut f);
        f.end().map(|()| (method, args, c)).map_err(|why| Error::new(BAD_ARGUMENTS, why))
    }

    fn surroundings(&mut self, f: &mut Fields<'_>) {
        self.caller.field(3, f);
        self.organisation.field(4, f);
        while f.is_reading() && f.here(5, Fields::BYTES) {
            match decode(f.element()) {
                Ok(a) => self.attributes.push(a),
                Err(_) => f.fail("an attribute cannot be read"),
            }
        }
        self.via.field(6, f);
        self.this.field(7, f);
        self.height.field(8, f);
        self.time.field(9, f);
        self.command_id.field(10, f);
        self.signer.field(11, f);
        if f.is_reading() && self.signer.is_empty() {
            self.signer = self.caller.clone(); // it is left out when it is the caller
        }
    }
}

/// Who may read a record: parties, contracts, and "org:NAME" for all of an organisation, in
/// any order. Empty is every member.
pub type Audience<'a> = &'a [&'a str];

pub(crate) fn audience(a: Audience<'_>) -> Vec<u8> {
    let mut b = Vec::new();
    if !a.windows(2).all(|two| two[0] < two[1]) {
        // The ledger takes each entry once and in order. Which names a contract is given must
        // not decide whether it works.
        let mut sorted = a.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        return audience(&sorted);
    }
    if !a.is_empty() {
        b.extend_from_slice(&(a.len() as u16).to_le_bytes());
        for p in a {
            b.extend_from_slice(&(p.len() as u16).to_le_bytes());
            b.extend_from_slice(p.as_bytes());
        }
    }
    b
}

fn must(status: i32, what: &str) {
    match status {
        0 => {}
        1 => panic!("{} is refused in a query", what),
        4 => panic!(
            "{}: not everyone in the audience may read what this call has read; write for fewer, or declassify",
            what
        ),
        2 => panic!("{}: a key, value, topic or audience is empty or too large", what),
        _ => panic!("{}: the limit of a transaction is reached", what),
    }
}

impl Context {
    /// Reads a record.
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        host::get(key)
    }

    /// Writes a record that every member may read. A contract that writes more than
    /// the ledger's limits, in a query, or for more readers than may see what the call
    /// has read, is ended.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.put_for(&[], key, value);
    }

    /// Writes a record for an audience only.
    pub fn put_for(&mut self, to: Audience<'_>, key: &[u8], value: &[u8]) {
        must(host::put(key, value, &audience(to), false), "put");
    }

    /// Writes a record for an audience, empty being every member, although the call may
    /// have read what not all of them may see. The contract vouches that the record does
    /// not give it away.
    pub fn put_declassified(&mut self, to: Audience<'_>, key: &[u8], value: &[u8]) {
        must(host::put(key, value, &audience(to), true), "put");
    }

    /// Removes a record; it is no error when there is none.
    pub fn delete(&mut self, key: &[u8]) {
        must(host::delete(key), "delete");
    }

    /// Visits the records with from ≤ key < to, in order, until visit returns false.
    /// An empty to is no bound.
    pub fn scan(&self, from: &[u8], to: &[u8], visit: impl FnMut(&[u8], &[u8]) -> bool) {
        scan(from, to, 0, visit);
    }

    /// Scan from the end.
    pub fn scan_reverse(&self, from: &[u8], to: &[u8], visit: impl FnMut(&[u8], &[u8]) -> bool) {
        scan(from, to, 1, visit);
    }

    /// Tells the world that something happened.
    pub fn emit<M: Message>(&mut self, topic: &str, data: M) {
        self.emit_for(&[], topic, data);
    }

    /// Tells an audience.
    pub fn emit_for<M: Message>(&mut self, to: Audience<'_>, topic: &str, mut data: M) {
        must(host::emit(topic, &encode(&mut data), &audience(to), false), "emit");
    }

    /// Tells an audience, empty being every member, although the call may have read what
    /// not all of them may see.
    pub fn emit_declassified<M: Message>(&mut self, to: Audience<'_>, topic: &str, mut data: M) {
        must(host::emit(topic, &encode(&mut data), &audience(to), true), "emit");
    }

    /// Lets every member see what this call returns, or why it fails, although it has
    /// read private records. Without it such an output is refused, and the message of a
    /// failure is withheld.
    pub fn declassify_result(&mut self) {
        self.open = true;
    }

    /// Writes to the replica's log, for finding errors. It is no part of a result.
    pub fn log(&self, text: &str) {
        host::log(0, text);
    }

    /// Calls a method of another contract. Of a call that fails nothing remains, and
    /// the caller may go on. The error has the called contract's code, or TRAPPED.
    pub fn call<I: Message, O: Message>(&mut self, contract: &str, method: &str, m: I) -> Result<O, Error> {
        self.call_with_gas(contract, method, i64::MAX, m)
    }

    /// Call with a limit of gas for the called contract, which never gets more than the
    /// caller has.
    pub fn call_with_gas<I: Message, O: Message>(
        &mut self,
        contract: &str,
        method: &str,
        gas: i64,
        mut m: I,
    ) -> Result<O, Error> {
        let mut envelope = Context { method: method.to_owned(), args: encode(&mut m), ..Context::default() };
        let (status, result) = host::invoke(contract, &encode(&mut envelope), gas);
        if status == 0 {
            return decode(&result);
        }
        if result.len() < 4 {
            return Err(Error::new(OTHER, "the called contract did not answer"));
        }
        let code = match status {
            2 => TRAPPED,
            _ => u32::from_le_bytes([result[0], result[1], result[2], result[3]]),
        };
        Err(Error::new(code, String::from_utf8_lossy(&result[4..])))
    }
}

fn scan(from: &[u8], to: &[u8], flags: u32, mut visit: impl FnMut(&[u8], &[u8]) -> bool) {
    let handle = host::scan(from, to, flags);
    if handle < 0 {
        panic!("too many scans are open");
    }
    let mut buf = vec![0; 4096];
    loop {
        let n = host::next(handle, &mut buf);
        if n == 0 {
            return;
        }
        if n < 0 {
            buf = vec![0; n.unsigned_abs() as usize];
            continue;
        }
        let mut rest = &buf[..n as usize];
        while !rest.is_empty() {
            let (key, after) = piece(rest);
            let (value, after) = piece(after);
            rest = after;
            if !visit(key, value) {
                return;
            }
        }
    }
}

fn piece(b: &[u8]) -> (&[u8], &[u8]) {
    let n = u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize;
    b[4..].split_at(n)
}
