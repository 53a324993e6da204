//! A register of verifiable claims.

use concordat::{Context, Error, Map, Nothing, Single, Stored};

mod issuers;
mod messages;
mod verify;
use issuers::*;
pub use messages::*;
use verify::*;

concordat::errors! {
    /// Only the administrator does that.
    NOT_THE_ADMINISTRATOR = 1,
    /// The caller is no issuer, or is one no more.
    NOT_AN_ISSUER = 2,
    /// There is no such issuer, key or claim.
    NOT_FOUND = 3,
    /// The issuer issued, suspended or revoked a claim of this commitment before.
    EXISTS = 4,
    /// The times do not fit each other, or the block's.
    BAD_VALIDITY = 5,
    /// The key has another form.
    BAD_KEY = 6,
    /// A party, a text, a commitment or a salt is missing or too long.
    BAD_TEXT = 7,
    /// The claim does not stand in a way that allows this.
    BAD_STATE = 8,
    /// The contract was deployed without init.
    NOT_INITIALISED = 9,
}

concordat::contract! {
    /// A register of verifiable claims: issuers vouch for what they say about subjects, and
    /// on the ledger stands nothing of it but a salted commitment, its validity, and
    /// whether it was suspended or revoked.
    contract "claims";
    /// Registers a claim by its commitment. A subject that is named gets a record that it
    /// alone may read. Only an issuer may.
    "issue" => issue,
    /// Makes a claim of the caller's invalid until it is resumed.
    "suspend" => suspend,
    /// Makes a claim of the caller's invalid for ever.
    "revoke" => revoke,
    /// Makes a suspended claim of the caller's valid again.
    "resume" => resume,
    /// Shows a claim about the caller to a verifier, by a record that the two may read.
    "present" => present,
    /// Runs at deployment. The deployer becomes the administrator, unless another is named.
    "init" => init,
    /// Hands the administration over to another party.
    "set_administrator" => set_administrator,
    /// Makes a party an issuer, or gives one a further key. The number is the key's. Only
    /// the administrator may.
    "register_issuer" => register_issuer,
    /// Makes all that an issuer signed with a key invalid, for nobody can tell when it was
    /// signed. Only the administrator may.
    "retire_key" => retire_key,
    /// Ends that a party issues, and makes all its claims invalid until it is registered
    /// again. Only the administrator may.
    "dismiss_issuer" => dismiss_issuer,
    /// Tells what stands on the ledger for a content: a hash of it and of a salt of 32
    /// random bytes, without which contents could be guessed.
    query "commitment" => commitment,
    /// Tells the text that an issuer signs for a claim that it does not enter in the
    /// ledger. A key on P-256 signs its SHA-256.
    query "statement" => statement,
    /// Tells how a claim of an issuer stands.
    query "status" => status,
    /// Tells whether an issuer vouches on the ledger for a content.
    query "verify" => verify,
    /// Tells whether an issuer vouches by a signature for a content. It may have been
    /// suspended or revoked on the ledger.
    query "verify_signed" => verify_signed,
    /// Tells about an issuer and its keys.
    query "issuer" => issuer,
}

// The state. Holdings and presentations have an audience, the rest is for every member.
static ABOUT: Single<Stored<Settings>> = Single::new("settings");
static ISSUERS: Map<Stored<Issuer>> = Map::new("issuer");
static KEYS: Map<Stored<IssuerKey>> = Map::new("key");
static CLAIMS: Map<Stored<Claim>> = Map::new("claim");
static HOLDINGS: Map<Stored<Holding>> = Map::new("holding");
static PRESENTATIONS: Map<Stored<Presentation>> = Map::new("presentation");

// Words for how a claim stands in the state.
const VALID: &str = "valid";
const SUSPENDED: &str = "suspended";
const REVOKED: &str = "revoked";

const TEXT_BYTES_MAX: usize = 200;
const SEALED_BYTES_MAX: usize = 8 << 10;

fn issue(c: &mut Context, m: IssueIn) -> Result<Nothing, Error> {
    may_issue(c)?;
    let bad_subject = !m.subject.is_empty() && !is_party(&m.subject);
    if m.commitment == [0; 32] || m.sealed.len() > SEALED_BYTES_MAX || bad_subject {
        let text = "give a commitment, at most 8 KiB for the subject, and a party as the subject";
        return Err(Error::new(BAD_TEXT, text));
    }
    let from = if m.from == 0 { c.time } else { m.from };
    if from < 0 || m.until <= from || m.until <= c.time {
        let text = format!("a claim expires after it begins, and after now, {}", c.time);
        return Err(Error::new(BAD_VALIDITY, text));
    }
    let (issuer, commitment, id) = (c.caller.clone(), m.commitment, hex(&m.commitment));
    if CLAIMS.find(c, &[&issuer, &id]).is_some() {
        return Err(Error::new(EXISTS, "this commitment is used; take another salt"));
    }
    let one = Claim { from, until: m.until, state: VALID.into(), ..Claim::default() };
    CLAIMS.put(c, &Stored(one), &[&issuer, &id]);
    ClaimChanged { issuer: issuer.clone(), commitment, state: VALID.into() }.emit(c);
    if !m.subject.is_empty() {
        let holding = Holding { issuer: issuer.clone(), commitment, sealed: m.sealed };
        let to = [&m.subject[..]];
        HOLDINGS.put_for(c, &to, &Stored(holding), &[&m.subject, &issuer, &id]);
        c.emit_for(&to, "held", Held { issuer, commitment });
    }
    Ok(Nothing)
}

fn suspend(c: &mut Context, m: ChangeIn) -> Result<Nothing, Error> {
    change(c, m, SUSPENDED)
}

fn revoke(c: &mut Context, m: ChangeIn) -> Result<Nothing, Error> {
    change(c, m, REVOKED)
}

/// Sets how a claim stands. One that was signed off the ledger has no record yet; it
/// gets one. Who was dismissed can still warn of its claims.
fn change(c: &mut Context, m: ChangeIn, state: &str) -> Result<Nothing, Error> {
    let issuer = c.caller.clone();
    if ISSUERS.find(c, &[&issuer]).is_none() {
        return Err(Error::new(NOT_AN_ISSUER, format!("{} is no issuer", issuer)));
    }
    if m.commitment == [0; 32] || m.reason.is_empty() || m.reason.len() > TEXT_BYTES_MAX {
        return Err(Error::new(BAD_TEXT, "give a commitment, and a reason of at most 200 bytes"));
    }
    let id = hex(&m.commitment);
    let Stored(mut one) = CLAIMS.get(c, &[&issuer, &id]);
    if one.state == REVOKED || one.state == state {
        return Err(Error::new(BAD_STATE, format!("the claim is {}", one.state)));
    }
    one.state = state.into();
    one.reason = m.reason;
    CLAIMS.put(c, &Stored(one), &[&issuer, &id]);
    ClaimChanged { issuer, commitment: m.commitment, state: state.into() }.emit(c);
    Ok(Nothing)
}

fn resume(c: &mut Context, m: ResumeIn) -> Result<Nothing, Error> {
    may_issue(c)?;
    let (issuer, id) = (c.caller.clone(), hex(&m.commitment));
    let Stored(mut one) = CLAIMS
        .find(c, &[&issuer, &id])
        .ok_or_else(|| Error::new(NOT_FOUND, format!("{} has no such claim", issuer)))?;
    if one.state != SUSPENDED {
        return Err(Error::new(BAD_STATE, format!("the claim is {}", one.state)));
    }
    one.state = VALID.into();
    one.reason.clear();
    CLAIMS.put(c, &Stored(one), &[&issuer, &id]);
    ClaimChanged { issuer, commitment: m.commitment, state: VALID.into() }.emit(c);
    Ok(Nothing)
}

fn present(c: &mut Context, m: PresentIn) -> Result<Nothing, Error> {
    let subject = c.caller.clone();
    if !is_party(&m.verifier) || m.verifier == subject || m.sealed.len() > SEALED_BYTES_MAX {
        return Err(Error::new(BAD_TEXT, "name another party as the verifier, and give it at most 8 KiB"));
    }
    let s = standing(c, &m.issuer, &m.commitment)?;
    if !s.valid {
        return Err(Error::new(BAD_STATE, format!("the claim is not valid: {}", s.standing)));
    }
    let id = hex(&m.commitment);
    let Stored(h) = HOLDINGS
        .find(c, &[&subject, &m.issuer, &id])
        .ok_or_else(|| Error::new(NOT_FOUND, format!("{} is the subject of no such claim", subject)))?;
    let (issuer, commitment) = (h.issuer, h.commitment);
    let to = both(&subject, &m.verifier);
    let p = Presentation {
        subject: subject.clone(),
        issuer: issuer.clone(),
        commitment,
        sealed: m.sealed,
        time: c.time,
    };
    // Declassified: what the subject alone could read, it shows to a verifier of its
    // choice. What was sealed for the subject is not in it.
    PRESENTATIONS.put_declassified(c, &to, &Stored(p), &[&m.verifier, &subject, &issuer, &id]);
    c.emit_declassified(&to, "presented", Presented { subject: subject.clone(), issuer, commitment });
    Ok(Nothing)
}
