//! Who issues claims, and who says so.

use concordat::{Context, Error, Nothing, Stored};

use crate::messages::*;
use crate::{
    ABOUT, BAD_KEY, BAD_TEXT, ISSUERS, KEYS, NOT_AN_ISSUER, NOT_FOUND, NOT_INITIALISED, NOT_THE_ADMINISTRATOR,
    TEXT_BYTES_MAX,
};

/// Keys of one issuer, so that a query can tell all.
const KEYS_MAX: u64 = 100;

pub fn init(c: &mut Context, m: InitIn) -> Result<Nothing, Error> {
    let administrator = if m.administrator.is_empty() { c.caller.clone() } else { m.administrator };
    ABOUT.put(c, &Stored(Settings { administrator }));
    Ok(Nothing)
}

pub fn set_administrator(c: &mut Context, m: AdministratorIn) -> Result<Nothing, Error> {
    administers(c)?;
    if !is_party(&m.administrator) {
        return Err(Error::new(BAD_TEXT, "name the party that administers from now on"));
    }
    ABOUT.put(c, &Stored(Settings { administrator: m.administrator }));
    Ok(Nothing)
}

pub fn register_issuer(c: &mut Context, m: RegisterIn) -> Result<NumberOut, Error> {
    administers(c)?;
    if !is_party(&m.issuer) || m.name.is_empty() || m.name.len() > TEXT_BYTES_MAX {
        return Err(Error::new(BAD_TEXT, "name the party, and give its name in at most 200 bytes"));
    }
    if !matches!((&m.algorithm[..], m.key.len()), ("ed25519", 32) | ("p256", 33)) {
        return Err(Error::new(BAD_KEY, "a key is ed25519 with 32 bytes, or p256 with 33"));
    }
    let Stored(mut one) = ISSUERS.get(c, &[&m.issuer]);
    if one.keys >= KEYS_MAX {
        return Err(Error::new(BAD_KEY, "the issuer has had 100 keys; register it under another party"));
    }
    let number = one.keys + 1;
    one.name = m.name;
    one.keys = number;
    one.dismissed.clear();
    ISSUERS.put(c, &Stored(one), &[&m.issuer]);
    let key = IssuerKey { number, algorithm: m.algorithm, key: m.key, retired: false };
    KEYS.put(c, &Stored(key), &[&m.issuer, &digits(number)]);
    IssuerChanged { issuer: m.issuer, what: "registered".into(), number }.emit(c);
    Ok(NumberOut { number })
}

pub fn retire_key(c: &mut Context, m: RetireIn) -> Result<Nothing, Error> {
    administers(c)?;
    let Stored(mut one) = KEYS
        .find(c, &[&m.issuer, &digits(m.number)])
        .ok_or_else(|| Error::new(NOT_FOUND, format!("{} has no such key", m.issuer)))?;
    one.retired = true;
    KEYS.put(c, &Stored(one), &[&m.issuer, &digits(m.number)]);
    IssuerChanged { issuer: m.issuer, what: "retired".into(), number: m.number }.emit(c);
    Ok(Nothing)
}

pub fn dismiss_issuer(c: &mut Context, m: DismissIn) -> Result<Nothing, Error> {
    administers(c)?;
    if m.reason.is_empty() || m.reason.len() > TEXT_BYTES_MAX {
        return Err(Error::new(BAD_TEXT, "give a reason of at most 200 bytes"));
    }
    let mut one = known(c, &m.issuer)?;
    one.dismissed = m.reason;
    ISSUERS.put(c, &Stored(one), &[&m.issuer]);
    IssuerChanged { issuer: m.issuer, what: "dismissed".into(), number: 0 }.emit(c);
    Ok(Nothing)
}

/// An issuer, also one that was dismissed.
pub fn known(c: &Context, party: &str) -> Result<Issuer, Error> {
    match ISSUERS.find(c, &[party]) {
        Some(Stored(by)) => Ok(by),
        None => Err(Error::new(NOT_FOUND, format!("{} is no issuer", party))),
    }
}

fn administers(c: &Context) -> Result<(), Error> {
    let Stored(s) = ABOUT
        .find(c)
        .ok_or_else(|| Error::new(NOT_INITIALISED, "the contract is not initialised; deploy it with init"))?;
    if c.caller != s.administrator {
        return Err(Error::new(NOT_THE_ADMINISTRATOR, format!("only {} does that", s.administrator)));
    }
    Ok(())
}

pub fn may_issue(c: &Context) -> Result<(), Error> {
    match ISSUERS.find(c, &[&c.caller]) {
        Some(Stored(by)) if by.dismissed.is_empty() => Ok(()),
        _ => Err(Error::new(NOT_AN_ISSUER, format!("{} is no issuer", c.caller))),
    }
}

/// Whether p can name one party. An organisation's entry of an audience would show a
/// record to all of its parties.
pub fn is_party(p: &str) -> bool {
    !p.is_empty() && p.len() <= 64 && !p.starts_with("org:")
}

/// The audience of two parties.
pub fn both<'a>(a: &'a str, b: &'a str) -> [&'a str; 2] {
    [a.min(b), a.max(b)]
}

/// A number as a part of a key, in the order of numbers.
pub fn digits(n: u64) -> String {
    format!("{:020}", n)
}

pub fn hex(b: &[u8]) -> String {
    b.iter().flat_map(|b| [b >> 4, b & 15]).map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect()
}
