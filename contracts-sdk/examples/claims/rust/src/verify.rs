//! How a claim stands.

use std::convert::TryInto;

use concordat::{Context, Error, Stored};

use crate::issuers::{digits, hex, known};
use crate::messages::*;
use crate::{BAD_TEXT, CLAIMS, KEYS, NOT_FOUND, REVOKED, SUSPENDED, VALID};

pub fn commitment(c: &mut Context, m: CommitmentIn) -> Result<CommitmentOut, Error> {
    Ok(CommitmentOut { commitment: commit(c, &m.content, &m.salt)? })
}

fn commit(c: &Context, content: &[u8], salt: &[u8; 32]) -> Result<[u8; 32], Error> {
    if content.is_empty() || *salt == [0; 32] {
        return Err(Error::new(BAD_TEXT, "give the content, and a salt of 32 random bytes"));
    }
    Ok(c.sha256(&[b"concordat claim 1\n", &salt[..], content].concat()))
}

pub fn statement(c: &mut Context, m: StatementIn) -> Result<StatementOut, Error> {
    Ok(StatementOut { text: statement_text(c, &m) })
}

/// Names the contract and the issuer, so that a signature serves nowhere else.
fn statement_text(c: &Context, m: &StatementIn) -> String {
    let id = hex(&m.commitment);
    format!("concordat claim statement 1\n{}\n{}\n{}\n{}\n{}", c.this, m.issuer, id, m.from, m.until)
}

pub fn status(c: &mut Context, m: StatusIn) -> Result<StandingOut, Error> {
    standing(c, &m.issuer, &m.commitment)
}

pub fn verify(c: &mut Context, m: VerifyIn) -> Result<StandingOut, Error> {
    let sum = commit(c, &m.content, &m.salt)?;
    standing(c, &m.issuer, &sum)
}

pub fn verify_signed(c: &mut Context, m: VerifySignedIn) -> Result<StandingOut, Error> {
    let sum = commit(c, &m.content, &m.salt)?;
    let by = known(c, &m.issuer)?;
    let Stored(key) = KEYS
        .find(c, &[&m.issuer, &digits(m.number)])
        .ok_or_else(|| Error::new(NOT_FOUND, format!("{} has no such key", m.issuer)))?;
    let s = StatementIn { issuer: m.issuer, commitment: sum, from: m.from, until: m.until };
    if !signed(c, &key, &statement_text(c, &s), &m.signature) {
        return Ok(StandingOut { standing: "bad signature".into(), ..StandingOut::default() });
    }
    if key.retired {
        return Ok(StandingOut { standing: "key retired".into(), from: m.from, until: m.until, ..StandingOut::default() });
    }
    let Stored(mut one) = CLAIMS.get(c, &[&s.issuer, &hex(&sum)]);
    if one.state.is_empty() {
        one.state = VALID.into(); // never suspended
    }
    one.from = m.from;
    one.until = m.until;
    Ok(judge(c, by, one))
}

fn signed(c: &Context, key: &IssuerKey, text: &str, signature: &[u8]) -> bool {
    let signature: &[u8; 64] = match signature.try_into() {
        Ok(s) => s,
        Err(_) => return false,
    };
    match key.key[..].try_into() {
        Ok(key) => c.verify_ed25519(key, text.as_bytes(), signature),
        Err(_) => c.verify_p256(&key.key, &c.sha256(text.as_bytes()), signature), // it has 33 bytes
    }
}

pub fn issuer(c: &mut Context, m: IssuerIn) -> Result<IssuerOut, Error> {
    let by = known(c, &m.issuer)?;
    let mut keys = Vec::new();
    KEYS.scan(c, &[&m.issuer], |_, Stored(one)| {
        keys.push(one);
        true
    });
    Ok(IssuerOut { name: by.name, dismissed: by.dismissed, keys })
}

/// How a claim in the state stands at the block's time.
pub fn standing(c: &Context, issuer: &str, commitment: &[u8; 32]) -> Result<StandingOut, Error> {
    let by = known(c, issuer)?;
    match CLAIMS.find(c, &[issuer, &hex(commitment)]) {
        Some(Stored(one)) => Ok(judge(c, by, one)),
        None => Ok(StandingOut { standing: "unknown".into(), ..StandingOut::default() }),
    }
}

/// Says the first thing that makes a claim invalid, the gravest first.
fn judge(c: &Context, by: Issuer, one: Claim) -> StandingOut {
    let (standing, reason) = match &one.state[..] {
        REVOKED => (REVOKED, one.reason),
        _ if !by.dismissed.is_empty() => ("issuer dismissed", by.dismissed),
        SUSPENDED => (SUSPENDED, one.reason),
        _ if c.time < one.from => ("not yet", one.reason),
        _ if c.time >= one.until => ("expired", one.reason),
        _ => (VALID, one.reason),
    };
    StandingOut { valid: standing == VALID, standing: standing.into(), from: one.from, until: one.until, reason }
}
