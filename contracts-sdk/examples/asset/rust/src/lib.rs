//! A register of assets: who owns what, what was ever done with it, and what may not be
//! done with it now.

use concordat::{key, Context, Error, History, Index, Map, Nothing, Stored};

mod custody;
mod messages;
use custody::*;
use messages::*;

concordat::errors! {
    /// No asset has that id.
    NOT_FOUND = 1,
    /// An asset with that id is registered already.
    EXISTS = 2,
    /// Only the owner may do this.
    NOT_THE_OWNER = 3,
    /// The asset is not offered to the caller.
    NOT_OFFERED = 4,
    /// A registrar locked the asset.
    LOCKED = 5,
    /// The asset is not locked.
    NOT_LOCKED = 6,
    /// The asset was retired, which is for good.
    RETIRED = 7,
    /// The asset is in somebody's custody.
    HELD = 8,
    /// The asset is not in the caller's custody, or its time is not over.
    NOT_HELD = 9,
    /// An argument is missing, too long or makes no sense.
    BAD_ARGUMENT = 10,
    /// The contract was deployed without init.
    NOT_INITIALISED = 11,
}

concordat::contract! {
    /// A register of assets: who owns what, what was ever done with it, and what may not be
    /// done with it now.
    contract "asset";
    /// Runs at deployment, and names the organisation whose registrars register and lock;
    /// unless one is given it is the deployer's.
    "init" => init,
    /// Enters an asset for its first owner. Only a registrar may.
    "register" => register,
    /// Replaces an asset's title and document. Only the owner may.
    "describe" => describe,
    /// Lets a party become the owner by accepting; it replaces an earlier offer.
    "offer" => offer,
    /// Ends an offer. The owner may, and the party to which it was made.
    "withdraw" => withdraw,
    /// Makes the caller the owner of an asset that is offered to it.
    "accept" => accept,
    /// Ends an asset for good. Only the owner may.
    "retire" => retire,
    /// Stops everything that could be done with an asset. Only a registrar may.
    "lock" => lock,
    /// Ends a lock. Only a registrar may, not only the one who locked.
    "unlock" => unlock,
    /// Gives an asset into the custody of a party or contract, until a time. Only that one
    /// can then release it; the owner remains the owner.
    "hold" => hold,
    /// Ends the caller's custody: the asset is the given party's.
    "release" => release,
    /// Ends a custody whose time is over. Only the owner may.
    "take_back" => take_back,
    /// Tells what the register says about an asset.
    query "get" => get,
    /// Tells what was done with an asset, the oldest first.
    query "history" => history,
    /// Tells the ids of the assets that a party owns, page by page.
    query "owned_by" => owned_by,
}

// Limits, in bytes and entries.
const ID_BYTES_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 256;

const REGISTRAR: &str = "registrar";

// The state: assets by id, ids by owner, and what was done with each asset.
static ASSETS: Map<Stored<Asset>> = Map::new("asset");
static BY_OWNER: Index = Index::new("owner");
static PAST: History<Stored<Entry>> = History::new("history");

type Done = Result<Nothing, Error>;

fn refuse<T>(code: u32, message: impl Into<String>) -> Result<T, Error> {
    Err(Error::new(code, message))
}

fn save(c: &mut Context, id: &str, a: Asset) {
    ASSETS.put(c, &Stored(a), &[id]);
}

/// Appends to an asset's history, and tells it.
fn note(c: &mut Context, id: &str, action: &str, to: &str, text: &str) -> Done {
    let by = c.caller.clone();
    let signer = if c.signer == by { String::new() } else { c.signer.clone() };
    let entry = Entry {
        action: action.into(),
        by: by.clone(),
        signer,
        to: to.into(),
        text: text.into(),
        time: c.time,
    };
    let number = PAST.append(c, &Stored(entry), &[id]);
    Changed { id: id.into(), number, action: action.into(), by, to: to.into() }.emit(c);
    Ok(Nothing)
}

fn find(c: &Context, id: &str) -> Result<Asset, Error> {
    if id.len() <= ID_BYTES_MAX {
        if let Some(Stored(a)) = ASSETS.find(c, &[id]) {
            return Ok(a);
        }
    }
    refuse(NOT_FOUND, format!("there is no asset {}; a registrar registers it", id))
}

/// An asset with which something may be done.
fn movable(c: &Context, id: &str) -> Result<Asset, Error> {
    let a = find(c, id)?;
    if a.retired {
        return refuse(RETIRED, format!("asset {} is retired", id));
    }
    if !a.locked.is_empty() {
        return refuse(LOCKED, format!("asset {} is locked: {}", id, a.locked));
    }
    Ok(a)
}

/// The error unless the caller owns the asset.
fn by_owner(c: &Context, id: &str, a: &Asset) -> Result<(), Error> {
    if a.owner == c.caller {
        return Ok(());
    }
    refuse(NOT_THE_OWNER, format!("only {}, who owns asset {}, may do this", a.owner, id))
}

/// An asset that the caller owns, and with which something may be done.
fn owned(c: &Context, id: &str) -> Result<Asset, Error> {
    let a = movable(c, id)?;
    by_owner(c, id, &a)?;
    if !a.holder.is_empty() {
        return refuse(HELD, format!("asset {} is in the custody of {}", id, a.holder));
    }
    Ok(a)
}

fn texts(title: &str) -> Result<(), Error> {
    if title.is_empty() || title.len() > TEXT_BYTES_MAX {
        return refuse(BAD_ARGUMENT, "give a text of 1 to 256 bytes");
    }
    Ok(())
}

fn authority_key() -> Vec<u8> {
    key(&["authority"])
}

fn init(c: &mut Context, mut m: Authority) -> Done {
    if m.organisation.is_empty() {
        m.organisation = c.organisation.clone();
    }
    c.save(&authority_key(), &mut m);
    Ok(Nothing)
}

/// An error unless a registrar calls. Any organisation may call its own parties
/// registrars, so the attribute counts only with the organisation that was named.
fn as_registrar(c: &Context) -> Result<(), Error> {
    let a: Authority = c
        .load(&authority_key())
        .ok_or_else(|| Error::new(NOT_INITIALISED, "the register is not initialised; deploy it with init"))?;
    c.require_organisation(&a.organisation)?;
    c.require_attribute("role", REGISTRAR)
}

fn register(c: &mut Context, m: RegisterIn) -> Done {
    as_registrar(c)?;
    if m.id.is_empty() || m.id.len() > ID_BYTES_MAX || m.owner.is_empty() {
        return refuse(BAD_ARGUMENT, "give an id of 1 to 64 bytes and an owner");
    }
    texts(&m.title)?;
    if ASSETS.find(c, &[&m.id]).is_some() {
        return refuse(EXISTS, format!("asset {} is registered already; choose another id", m.id));
    }
    let a = Asset { title: m.title, document: m.document, owner: m.owner.clone(), ..Asset::default() };
    save(c, &m.id, a);
    BY_OWNER.add(c, &m.owner, &m.id);
    note(c, &m.id, "registered", &m.owner, "")
}

fn describe(c: &mut Context, m: DescribeIn) -> Done {
    let mut a = owned(c, &m.id)?;
    texts(&m.title)?;
    let before = std::mem::replace(&mut a.title, m.title);
    a.document = m.document;
    a.offered_to = String::new(); // what was offered was described otherwise
    save(c, &m.id, a);
    note(c, &m.id, "described", "", &before)
}

fn offer(c: &mut Context, m: OfferIn) -> Done {
    let mut a = owned(c, &m.id)?;
    if m.to.is_empty() || m.to == a.owner {
        return refuse(BAD_ARGUMENT, "name another party than the owner");
    }
    a.offered_to = m.to.clone();
    save(c, &m.id, a);
    note(c, &m.id, "offered", &m.to, "")
}

fn withdraw(c: &mut Context, m: IdIn) -> Done {
    let mut a = movable(c, &m.id)?;
    if a.offered_to.is_empty() || c.caller != a.owner && c.caller != a.offered_to {
        return refuse(NOT_OFFERED, format!("asset {} is not offered by or to {}", m.id, c.caller));
    }
    let to = std::mem::take(&mut a.offered_to);
    save(c, &m.id, a);
    note(c, &m.id, "withdrawn", &to, "")
}

fn accept(c: &mut Context, m: IdIn) -> Done {
    let a = movable(c, &m.id)?;
    if a.offered_to != c.caller {
        return refuse(NOT_OFFERED, format!("asset {} is not offered to {}", m.id, c.caller));
    }
    let to = c.caller.clone();
    move_to(c, &m.id, a, &to)
}

/// Changes an asset's owner; what was said about the old one ends.
fn move_to(c: &mut Context, id: &str, mut a: Asset, to: &str) -> Done {
    BY_OWNER.remove(c, &a.owner, id);
    BY_OWNER.add(c, to, id);
    let from = std::mem::replace(&mut a.owner, to.into());
    a.offered_to = String::new();
    a.holder = String::new();
    a.held_until = 0;
    save(c, id, a);
    note(c, id, "transferred", to, &format!("from {}", from))
}

fn retire(c: &mut Context, m: IdIn) -> Done {
    let mut a = owned(c, &m.id)?;
    a.retired = true;
    a.offered_to = String::new();
    BY_OWNER.remove(c, &a.owner, &m.id);
    save(c, &m.id, a);
    note(c, &m.id, "retired", "", "")
}
