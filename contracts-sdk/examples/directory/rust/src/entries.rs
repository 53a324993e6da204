//! Keys in the state, and who may change which.

use std::convert::TryInto;

use concordat::{Context, Error, Stored};

use crate::messages::*;
use crate::{BAD_KEY, BAD_PROOF, BAD_VALIDITY, CHANGES, ENTRIES, GRANTS, KNOWN, NOT_ALLOWED, NOT_FOUND, PLACES};

/// Whose keys the caller wants to change, and the owner's organisation, if the caller
/// may.
pub fn maintained(c: &Context, owner: &str) -> Result<(String, String), Error> {
    if owner.is_empty() || owner == c.caller {
        return Ok((c.caller.clone(), c.organisation.clone()));
    }
    match GRANTS.find(c, &[owner, &c.caller]) {
        Some(Stored(g)) if g.until > c.time => Ok((owner.into(), g.organisation)),
        _ => Err(Error::new(NOT_ALLOWED, format!("{} may not maintain the keys of {}", c.caller, owner))),
    }
}

/// Whether the caller's organisation vouches that it is its administrator, and the key
/// belongs to that organisation.
pub fn administers(c: &Context, organisation: &str) -> bool {
    !organisation.is_empty()
        && c.require_organisation(organisation).is_ok()
        && c.require_attribute("role", "administrator").is_ok()
}

/// Judges the form of a key. A purpose is one line of the signed text, so it must not
/// hold the end of one.
pub fn check_key(purpose: &str, algorithm: &str, key: &[u8]) -> Result<(), Error> {
    if purpose.is_empty() || purpose.len() > 32 {
        return Err(Error::new(BAD_KEY, "a purpose has 1 to 32 letters"));
    }
    if !purpose.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(Error::new(BAD_KEY, "a purpose has lower-case letters, digits and hyphens"));
    }
    match (algorithm, key.len()) {
        ("ed25519", 32) | ("p256", 33) => Ok(()),
        _ => Err(Error::new(BAD_KEY, "a key is ed25519 with 32 bytes, or p256 with 33")),
    }
}

/// Names the contract and the owner, so that the proof serves nowhere else and for
/// nobody else.
pub fn statement_text(c: &Context, m: &StatementIn) -> String {
    format!(
        "concordat directory 1\n{}\n{}\n{}\n{}\n{}\n{}\n{}",
        c.this,
        m.owner,
        m.purpose,
        m.algorithm,
        hex(&m.key),
        m.from,
        m.until
    )
}

/// Whether a key signed its statement.
fn proves(c: &Context, m: &StatementIn, proof: &[u8]) -> bool {
    let text = statement_text(c, m);
    let signature: &[u8; 64] = match proof.try_into() {
        Ok(s) => s,
        Err(_) => return false,
    };
    match m.key[..].try_into() {
        Ok(key) => c.verify_ed25519(key, text.as_bytes(), signature),
        Err(_) => c.verify_p256(&m.key, &c.sha256(text.as_bytes()), signature), // it has 33 bytes
    }
}

/// Makes an entry of a key that proves itself. A key is entered once and never again,
/// so no proof can be used twice.
pub fn enter(c: &mut Context, m: StatementIn, organisation: String, proof: &[u8]) -> Result<u64, Error> {
    check_key(&m.purpose, &m.algorithm, &m.key)?;
    let from = if m.from == 0 { c.time } else { m.from };
    if from < c.time || m.until <= from {
        let text = format!("a key is valid from now or later, {}, and until after that", c.time);
        return Err(Error::new(BAD_VALIDITY, text));
    }
    let mark = fingerprint(c, &m.key);
    if PLACES.find(c, &[&mark]).is_some() {
        return Err(Error::new(KNOWN, "this key was published before; make a new one"));
    }
    if !proves(c, &m, proof) {
        return Err(Error::new(BAD_PROOF, "the proof is no signature of the statement by this key"));
    }
    let number = last(c, &m.owner, &m.purpose) + 1;
    let one = Entry {
        number,
        algorithm: m.algorithm,
        key: m.key,
        from,
        until: m.until,
        published: c.time,
        organisation,
        ..Entry::default()
    };
    save(c, &m.owner, &m.purpose, one);
    PLACES.put(c, &Stored(Place { owner: m.owner, purpose: m.purpose, number }), &[&mark]);
    Ok(number)
}

/// The number of the newest key for a purpose: numbers are in the order of their keys.
fn last(c: &Context, owner: &str, purpose: &str) -> u64 {
    let from = concordat::key(&[ENTRIES.name, owner, purpose]);
    let to = [&from[..], &[0xff]].concat();
    let mut number = 0;
    c.scan_reverse(&from, &to, |_, raw| {
        let Stored(one) = <Stored<Entry> as concordat::Value>::parse_value(raw).expect("an entry cannot be read");
        number = one.number;
        false
    });
    number
}

pub fn load(c: &Context, owner: &str, purpose: &str, number: u64) -> Result<Entry, Error> {
    match ENTRIES.find(c, &[owner, purpose, &digits(number)]) {
        Some(Stored(one)) => Ok(one),
        None => Err(Error::new(NOT_FOUND, format!("{} has no key {} for {}", owner, number, purpose))),
    }
}

pub fn save(c: &mut Context, owner: &str, purpose: &str, one: Entry) {
    let number = digits(one.number);
    ENTRIES.put(c, &Stored(one), &[owner, purpose, &number]);
}

/// Remembers what was done, and tells it.
pub fn note(c: &mut Context, owner: String, what: &str, purpose: String, number: u64, reason: String) {
    let change = Change { time: c.time, what: what.into(), purpose, number, by: c.caller.clone(), reason };
    CHANGES.append(c, &Stored(change.clone()), &[&owner]);
    Changed { owner, change }.emit(c);
}

pub fn fingerprint(c: &Context, key: &[u8]) -> String {
    hex(&c.sha256(key))
}

fn hex(b: &[u8]) -> String {
    b.iter().flat_map(|b| [b >> 4, b & 15]).map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect()
}

/// A number as a part of a key, in the order of numbers.
pub fn digits(n: u64) -> String {
    format!("{:020}", n)
}
