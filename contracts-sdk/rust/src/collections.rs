//! More typed parts of the state: one value, an index, a history.

use std::marker::PhantomData;

use crate::fields::{decode, encode, Message};
use crate::store::{after, append_part, key, parse, parts_of, Map, Value};
use crate::{Audience, Context};

/// Lets a message be the value of a [`Map`], a [`Single`] or a [`History`].
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Stored<M>(pub M);

impl<M: Message + Clone> Value for Stored<M> {
    fn append_value(&self, out: &mut Vec<u8>) {
        out.push(0); // so that a message without a field set is there too
        out.extend_from_slice(&encode(&mut self.0.clone()));
    }

    fn parse_value(b: &[u8]) -> Option<Self> {
        match b.split_first() {
            Some((0, rest)) => decode(rest).ok().map(Stored),
            _ => None,
        }
    }
}

/// n as a part of a key: keys are in the order of their numbers.
pub fn number(n: u64) -> [u8; 8] {
    n.to_be_bytes()
}

/// Reads what [`number`] made of one.
pub fn parse_number(part: &[u8]) -> Option<u64> {
    let mut b = [0; 8];
    if part.len() != b.len() {
        return None;
    }
    b.copy_from_slice(part);
    Some(u64::from_be_bytes(b))
}

/// One value of the state, under its name. A value that is not there reads as its
/// default.
pub struct Single<V>(Map<V>);

impl<V> Single<V> {
    pub const fn new(name: &'static str) -> Single<V> {
        Single(Map::new(name))
    }
}

impl<V: Value> Single<V> {
    /// Reads the value.
    pub fn get(&self, c: &Context) -> V {
        self.0.get(c, &[])
    }

    /// Reads the value, if there is one.
    pub fn find(&self, c: &Context) -> Option<V> {
        self.0.find(c, &[])
    }

    /// Writes the value; one whose bytes are empty is deleted.
    pub fn put(&self, c: &mut Context, v: &V) {
        self.0.put(c, v, &[]);
    }

    /// Writes the value for an audience only.
    pub fn put_for(&self, c: &mut Context, to: Audience<'_>, v: &V) {
        self.0.put_for(c, to, v, &[]);
    }

    /// put_for as [`Context::put_declassified`] is.
    pub fn put_declassified(&self, c: &mut Context, to: Audience<'_>, v: &V) {
        self.0.put_declassified(c, to, v, &[]);
    }

    /// Removes the value.
    pub fn delete(&self, c: &mut Context) {
        self.0.delete(c, &[]);
    }
}

/// Finds ids by a property of what they name. The contract keeps it: it adds an id
/// when it writes a record, and removes it when it deletes the record or changes the
/// property.
pub struct Index {
    pub name: &'static str,
}

impl Index {
    pub const fn new(name: &'static str) -> Index {
        Index { name }
    }

    /// Enters an id under a value.
    pub fn add(&self, c: &mut Context, value: &str, id: &str) {
        self.add_for(c, &[], value, id);
    }

    /// Enters an id for an audience only.
    pub fn add_for(&self, c: &mut Context, to: Audience<'_>, value: &str, id: &str) {
        c.put_for(to, &key(&[self.name, value, id]), &[1]);
    }

    /// Takes an id out; it is no error when it was not there.
    pub fn remove(&self, c: &mut Context, value: &str, id: &str) {
        c.delete(&key(&[self.name, value, id]));
    }

    /// Whether an id stands under a value.
    pub fn has(&self, c: &Context, value: &str, id: &str) -> bool {
        c.get(&key(&[self.name, value, id])).is_some()
    }

    /// Visits the ids under a value, in order, until visit returns false.
    pub fn scan(&self, c: &Context, value: &str, mut visit: impl FnMut(&str) -> bool) {
        let from = key(&[self.name, value]);
        c.scan(&from, &after(&from), |k, _| visit(&String::from_utf8_lossy(&parts_of(k)[2])));
    }

    /// Scan from behind an id on, for the next page. The id need not be there.
    pub fn scan_after(&self, c: &Context, value: &str, last: &str, mut visit: impl FnMut(&str) -> bool) {
        let mut from = key(&[self.name, value, last]);
        from.push(0);
        let to = after(&key(&[self.name, value]));
        c.scan(&from, &to, |k, _| visit(&String::from_utf8_lossy(&parts_of(k)[2])));
    }
}

/// Keeps every value that was appended under a key, in order, numbered from 0. The
/// ledger remembers old state too, but each replica for as long as its operator wants,
/// so what a contract decides by must be records of its own.
///
/// How many values there are under a key is a record for every member, also when the
/// values are for an audience.
pub struct History<V> {
    pub name: &'static str,
    kind: PhantomData<fn() -> V>,
}

impl<V> History<V> {
    pub const fn new(name: &'static str) -> History<V> {
        History { name, kind: PhantomData }
    }

    /// It begins with the number of parts, so that the values of one key never stand
    /// among those of another.
    fn key(&self, parts: &[&str], last: &[u8]) -> Vec<u8> {
        let mut b = key(&[self.name]);
        append_part(&mut b, &[parts.len() as u8]);
        b.extend_from_slice(&key(parts));
        append_part(&mut b, last);
        b
    }
}

impl<V: Value> History<V> {
    /// How many values there are under a key.
    pub fn count(&self, c: &Context, parts: &[&str]) -> u64 {
        c.get(&self.key(parts, &[])).map_or(0, |raw| parse_number(&raw).expect("a count of the state cannot be read"))
    }

    /// Adds a value under a key and returns its number.
    pub fn append(&self, c: &mut Context, v: &V, parts: &[&str]) -> u64 {
        let n = self.add(c, &[], v, parts);
        c.put(&self.key(parts, &[]), &number(n + 1));
        n
    }

    /// Adds a value for an audience only. That one was added is told to every member,
    /// whatever the call has read.
    pub fn append_for(&self, c: &mut Context, to: Audience<'_>, v: &V, parts: &[&str]) -> u64 {
        let n = self.add(c, to, v, parts);
        c.put_declassified(&[], &self.key(parts, &[]), &number(n + 1));
        n
    }

    fn add(&self, c: &mut Context, to: Audience<'_>, v: &V, parts: &[&str]) -> u64 {
        let n = self.count(c, parts);
        let mut raw = vec![0]; // so that an empty value is there too
        v.append_value(&mut raw);
        c.put_for(to, &self.key(parts, &number(n)), &raw);
        n
    }

    /// The value of a number under a key, if there is one.
    pub fn find(&self, c: &Context, n: u64, parts: &[&str]) -> Option<V> {
        c.get(&self.key(parts, &number(n))).map(|raw| parse(&raw[1..]))
    }

    /// Visits the values with from ≤ number < to under a key, the oldest first, until
    /// visit returns false.
    pub fn scan(&self, c: &Context, from: u64, to: u64, parts: &[&str], mut visit: impl FnMut(u64, V) -> bool) {
        c.scan(&self.key(parts, &number(from)), &self.key(parts, &number(to)), |k, raw| {
            visit(parse_number(&k[k.len() - 8..]).unwrap_or(0), parse(&raw[1..]))
        });
    }

    /// Scan with the newest first.
    pub fn scan_newest(&self, c: &Context, from: u64, to: u64, parts: &[&str], mut visit: impl FnMut(u64, V) -> bool) {
        c.scan_reverse(&self.key(parts, &number(from)), &self.key(parts, &number(to)), |k, raw| {
            visit(parse_number(&k[k.len() - 8..]).unwrap_or(0), parse(&raw[1..]))
        });
    }
}
