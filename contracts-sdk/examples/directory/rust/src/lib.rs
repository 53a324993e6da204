//! A directory of public keys.

use concordat::{Context, Error, History, Map, Nothing, Stored};

mod entries;
mod messages;
mod queries;
use entries::*;
pub use messages::*;
use queries::*;

concordat::errors! {
    /// The caller is neither the owner nor a delegate, nor may it revoke as an
    /// administrator.
    NOT_ALLOWED = 1,
    /// The purpose, the algorithm or the key has another form.
    BAD_KEY = 2,
    /// The times do not fit each other, or the block's.
    BAD_VALIDITY = 3,
    /// The proof is no signature of the statement by the new key.
    BAD_PROOF = 4,
    /// The key stands in the directory already; make a new one.
    KNOWN = 5,
    /// There is no such key.
    NOT_FOUND = 6,
    /// The key was revoked before.
    REVOKED = 7,
    /// A text is missing or too long, or a party is missing or the caller itself.
    BAD_TEXT = 8,
}

concordat::contract! {
    /// A directory of public keys: parties publish, replace and revoke theirs, and everyone
    /// looks up which key was valid when.
    contract "directory";
    /// Tells the text that a new key signs to enter the directory. A key on P-256 signs its
    /// SHA-256.
    query "statement" => statement,
    /// Enters a key. Its owner may, or a party to which the owner delegated; the key proves
    /// by a signature that its holder wants to be entered just so.
    "publish" => publish,
    /// Replaces a key by a new one, which is valid at once. The old one stays valid until
    /// the given moment, so that both can be used for a while.
    "rotate" => rotate,
    /// Ends a key at once, or in the past if it is not to be trusted since then. Its owner,
    /// a delegate and an administrator of the owner's organisation may.
    "revoke" => revoke,
    /// Lets a party maintain the caller's keys until a moment; it cannot delegate further.
    /// A later one replaces it.
    "delegate" => delegate,
    /// Takes a delegation back.
    "undelegate" => undelegate,
    /// Tells which of a party's keys were valid at a moment, by all that is known now: a
    /// key that was revoked since an earlier moment is not among them.
    query "lookup" => lookup,
    /// Tells whose key this is.
    query "find" => find,
    /// Tells what was done to a party's keys, the oldest first.
    query "history" => history,
}

// The state: keys by owner, purpose and number, where a key stands, who maintains
// whose keys, and what happened to an owner's keys.
static ENTRIES: Map<Stored<Entry>> = Map::new("entry");
static PLACES: Map<Stored<Place>> = Map::new("place");
static GRANTS: Map<Stored<Grant>> = Map::new("grant");
static CHANGES: History<Stored<Change>> = History::new("change");

fn statement(c: &mut Context, m: StatementIn) -> Result<StatementOut, Error> {
    check_key(&m.purpose, &m.algorithm, &m.key)?;
    Ok(StatementOut { text: statement_text(c, &m) })
}

fn publish(c: &mut Context, m: PublishIn) -> Result<NumberOut, Error> {
    let (owner, organisation) = maintained(c, &m.owner)?;
    let s = StatementIn {
        owner: owner.clone(),
        purpose: m.purpose.clone(),
        algorithm: m.algorithm,
        key: m.key,
        from: m.from,
        until: m.until,
    };
    let number = enter(c, s, organisation, &m.proof)?;
    note(c, owner, "published", m.purpose, number, String::new());
    Ok(NumberOut { number })
}

fn rotate(c: &mut Context, m: RotateIn) -> Result<NumberOut, Error> {
    let (owner, organisation) = maintained(c, &m.owner)?;
    let mut old = load(c, &owner, &m.purpose, m.number)?;
    let old_until = if m.old_until == 0 { c.time } else { m.old_until };
    if old.revoked {
        return Err(Error::new(REVOKED, "the old key is revoked; publish the new one"));
    }
    if old_until < c.time || old_until > old.until {
        return Err(Error::new(BAD_VALIDITY, format!("the old key can stay valid from now to {}", old.until)));
    }
    old.until = old_until;
    save(c, &owner, &m.purpose, old);
    let s = StatementIn {
        owner: owner.clone(),
        purpose: m.purpose.clone(),
        algorithm: m.algorithm,
        key: m.key,
        from: 0,
        until: m.until,
    };
    let number = enter(c, s, organisation, &m.proof)?;
    note(c, owner, "rotated", m.purpose, number, String::new());
    Ok(NumberOut { number })
}

fn revoke(c: &mut Context, m: RevokeIn) -> Result<Nothing, Error> {
    let owner = if m.owner.is_empty() { c.caller.clone() } else { m.owner };
    let mut one = load(c, &owner, &m.purpose, m.number)?;
    if let Err(e) = maintained(c, &owner) {
        if !administers(c, &one.organisation) {
            return Err(e);
        }
    }
    if m.reason.is_empty() || m.reason.len() > 200 {
        return Err(Error::new(BAD_TEXT, "give a reason of at most 200 bytes"));
    }
    if one.revoked {
        return Err(Error::new(REVOKED, format!("the key is revoked since {}", one.until)));
    }
    let since = if m.since == 0 { c.time } else { m.since };
    if since < 0 || since > c.time {
        return Err(Error::new(BAD_VALIDITY, "a key is revoked from now on, or since an earlier moment"));
    }
    one.revoked = true;
    one.reason = m.reason.clone();
    one.until = one.until.min(since);
    save(c, &owner, &m.purpose, one);
    note(c, owner, "revoked", m.purpose, m.number, m.reason);
    Ok(Nothing)
}

fn delegate(c: &mut Context, m: DelegateIn) -> Result<Nothing, Error> {
    if m.to.is_empty() || m.to == c.caller {
        return Err(Error::new(BAD_TEXT, "name another party than yourself"));
    }
    if m.until <= c.time {
        return Err(Error::new(BAD_VALIDITY, format!("a delegation ends after now, {}", c.time)));
    }
    let owner = c.caller.clone();
    let grant = Grant { until: m.until, organisation: c.organisation.clone() };
    GRANTS.put(c, &Stored(grant), &[&owner, &m.to]);
    Delegated { owner, to: m.to, until: m.until }.emit(c);
    Ok(Nothing)
}

fn undelegate(c: &mut Context, m: UndelegateIn) -> Result<Nothing, Error> {
    let owner = c.caller.clone();
    if GRANTS.find(c, &[&owner, &m.to]).is_none() {
        return Err(Error::new(NOT_FOUND, format!("there is no delegation to {}", m.to)));
    }
    GRANTS.delete(c, &[&owner, &m.to]);
    Delegated { owner, to: m.to, until: 0 }.emit(c);
    Ok(Nothing)
}
