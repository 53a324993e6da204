//! A directory of public keys.

use std::convert::TryInto;

use concordat::{Context, Error, History, Map, Nothing, Stored, FORBIDDEN};

mod messages;
pub use messages::*;

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

/// What one query looks at, so that its work is bounded however much there is.
const PAGE_MAX: u64 = 50;

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
    direct(c)?;
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
    direct(c)?;
    let owner = c.caller.clone();
    if GRANTS.find(c, &[&owner, &m.to]).is_none() {
        return Err(Error::new(NOT_FOUND, format!("there is no delegation to {}", m.to)));
    }
    GRANTS.delete(c, &[&owner, &m.to]);
    Delegated { owner, to: m.to, until: 0 }.emit(c);
    Ok(Nothing)
}

fn lookup(c: &mut Context, m: LookupIn) -> Result<LookupOut, Error> {
    let at = if m.at == 0 { c.time } else { m.at };
    let mut out = LookupOut::default();
    let mut looked = 0;
    let before = digits(m.first.max(1) - 1);
    let last = [m.owner.clone().into_bytes(), m.purpose.clone().into_bytes(), before.into_bytes()];
    ENTRIES.scan_after(c, &last, &[&m.owner, &m.purpose], |_, Stored(one)| {
        looked += 1;
        if looked > PAGE_MAX {
            out.next = one.number;
            return false;
        }
        if one.from <= at && at < one.until {
            out.keys.push(one);
        }
        true
    });
    Ok(out)
}

fn find(c: &mut Context, m: FindIn) -> Result<FindOut, Error> {
    let Stored(p) = PLACES
        .find(c, &[&fingerprint(c, &m.key)])
        .ok_or_else(|| Error::new(NOT_FOUND, "nobody published this key"))?;
    let entry = load(c, &p.owner, &p.purpose, p.number)?;
    let valid = entry.from <= c.time && c.time < entry.until;
    Ok(FindOut { owner: p.owner, purpose: p.purpose, entry, valid })
}

fn history(c: &mut Context, m: HistoryIn) -> Result<HistoryOut, Error> {
    let mut out = HistoryOut::default();
    let end = m.first.min(1 << 62) + PAGE_MAX;
    CHANGES.scan(c, m.first, end, &[&m.owner], |_, Stored(one)| {
        out.changes.push(one);
        true
    });
    if CHANGES.count(c, &[&m.owner]) > end {
        out.next = end;
    }
    Ok(out)
}

/// An error when another contract calls. It would act in the name of whoever called it,
/// who may not know what it does.
fn direct(c: &Context) -> Result<(), Error> {
    if c.via.is_empty() {
        return Ok(());
    }
    Err(Error::new(FORBIDDEN, format!("call this contract directly, not through {}", c.via)))
}

/// Whose keys the caller wants to change, and the owner's organisation, if the caller
/// may.
fn maintained(c: &Context, owner: &str) -> Result<(String, String), Error> {
    direct(c)?;
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
fn administers(c: &Context, organisation: &str) -> bool {
    direct(c).is_ok()
        && !organisation.is_empty()
        && c.require_organisation(organisation).is_ok()
        && c.require_attribute("role", "administrator").is_ok()
}

/// Judges the form of a key. A purpose is one line of the signed text, so it must not
/// hold the end of one.
fn check_key(purpose: &str, algorithm: &str, key: &[u8]) -> Result<(), Error> {
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
fn statement_text(c: &Context, m: &StatementIn) -> String {
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
fn enter(c: &mut Context, m: StatementIn, organisation: String, proof: &[u8]) -> Result<u64, Error> {
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

fn load(c: &Context, owner: &str, purpose: &str, number: u64) -> Result<Entry, Error> {
    match ENTRIES.find(c, &[owner, purpose, &digits(number)]) {
        Some(Stored(one)) => Ok(one),
        None => Err(Error::new(NOT_FOUND, format!("{} has no key {} for {}", owner, number, purpose))),
    }
}

fn save(c: &mut Context, owner: &str, purpose: &str, one: Entry) {
    let number = digits(one.number);
    ENTRIES.put(c, &Stored(one), &[owner, purpose, &number]);
}

/// Remembers what was done, and tells it.
fn note(c: &mut Context, owner: String, what: &str, purpose: String, number: u64, reason: String) {
    let change = Change { time: c.time, what: what.into(), purpose, number, by: c.caller.clone(), reason };
    CHANGES.append(c, &Stored(change.clone()), &[&owner]);
    Changed { owner, change }.emit(c);
}

fn fingerprint(c: &Context, key: &[u8]) -> String {
    hex(&c.sha256(key))
}

fn hex(b: &[u8]) -> String {
    b.iter().flat_map(|b| [b >> 4, b & 15]).map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])).collect()
}

/// A number as a part of a key, in the order of numbers.
fn digits(n: u64) -> String {
    format!("{:020}", n)
}
