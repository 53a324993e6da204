//! Delivery against payment: an asset and its price change hands in one transaction, or
//! neither does.

use concordat::{key, Context, Error, Index, Map, Nothing, Stored};

mod messages;
mod outcome;
use messages::*;
use outcome::*;

concordat::errors! {
    /// The contract was deployed without init.
    NOT_INITIALISED = 1,
    /// No deal has that name.
    NOT_FOUND = 2,
    /// A deal with that name, or another about the asset, is there already.
    EXISTS = 3,
    /// The caller has no such part in the deal.
    NOT_YOUR_PART = 4,
    /// The deal is in a state in which this cannot be done.
    STATE = 5,
    /// It is too early, or too late.
    TIME = 6,
    /// The register refuses; its words follow.
    REGISTER = 7,
    /// The token refuses; its words follow.
    TOKEN = 8,
    /// The asset is not the caller's, or not long enough in the custody of this contract.
    CUSTODY = 9,
    /// A contract may not do this in the caller's name.
    THROUGH_CONTRACT = 10,
    /// An argument is missing, too long or makes no sense.
    BAD_ARGUMENT = 11,
}

concordat::contract! {
    /// Delivery against payment: an asset and its price change hands in one transaction, or
    /// neither does.
    contract "escrow";
    /// Runs at deployment and names the contracts that are used. A contract that is called
    /// acts in the name of who signs, so nobody can name others later.
    "init" => init,
    /// Offers an asset to a buyer for a price. The seller has given it into the custody of
    /// this contract before, at least until the deadline.
    "propose" => propose,
    /// Pays the price and takes the asset, both in this transaction or neither. Only the
    /// buyer may, before the deadline.
    "settle" => settle,
    /// Gives the asset back to the seller. Only the buyer may.
    "decline" => decline,
    /// Gives the asset back to the seller. Only the seller may, from the deadline on: until
    /// then the offer is firm.
    "cancel" => cancel,
    /// Stops a deal until the arbiter decides. The seller and the buyer may, before the
    /// deadline.
    "dispute" => dispute,
    /// Ends a dispute: the asset goes to the seller, or to the buyer, or the deal goes on.
    /// Only the arbiter may. No money moves.
    "resolve" => resolve,
    /// Tells about a deal.
    query "get" => get,
    /// Tells the deals in which a party has a part, page by page.
    query "deals_of" => deals_of,
}

// Limits, in bytes.
const NAME_BYTES_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 256;

// The states of a deal. Those behind the first two are final.
const OPEN: &str = "open";
const DISPUTED: &str = "disputed";
const SETTLED: &str = "settled";
const DECLINED: &str = "declined";
const CANCELLED: &str = "cancelled";
const RETURNED: &str = "returned";
const AWARDED: &str = "awarded";

// The state: which contracts are used, deals by name, the last deal about each asset,
// and the deals in which a party has a part.
static DEALS: Map<Stored<Deal>> = Map::new("deal");
static LATEST: Map<Stored<Current>> = Map::new("latest");
static BY_PARTY: Index = Index::new("party");

fn terms_key() -> Vec<u8> {
    key(&["terms"])
}

type Done = Result<Nothing, Error>;

fn refuse<T>(code: u32, message: impl Into<String>) -> Result<T, Error> {
    Err(Error::new(code, message))
}

fn init(c: &mut Context, m: InitIn) -> Done {
    if m.register.is_empty() || m.token.is_empty() {
        return refuse(BAD_ARGUMENT, "name the contracts of the register and of the token");
    }
    c.save(&terms_key(), &mut Terms { register: m.register, token: m.token });
    Ok(Nothing)
}

fn propose(c: &mut Context, m: ProposeIn) -> Done {
    let t = begin(c)?;
    check(c, &m)?;
    if DEALS.find(c, &[&m.deal]).is_some() {
        return refuse(EXISTS, format!("there is a deal {} already; choose another name", m.deal));
    }
    free(c, &m.asset)?;
    let a: AssetOut = c
        .call(&t.register, "get", AssetIn { id: m.asset.clone() })
        .map_err(|e| Error::new(REGISTER, format!("the register refuses: {}", e.message)))?;
    if a.owner != c.caller || a.holder != c.this || a.held_until < m.deadline {
        let text = format!(
            "asset {} is not yours and held by contract {} until the deadline; call hold of the register",
            m.asset, c.this
        );
        return refuse(CUSTODY, text);
    }
    let d = Deal {
        asset: m.asset,
        seller: c.caller.clone(),
        buyer: m.buyer,
        arbiter: m.arbiter,
        price: m.price,
        deadline: m.deadline,
        until: a.held_until,
        ..Deal::default()
    };
    LATEST.put(c, &Stored(Current { deal: m.deal.clone() }), &[&d.asset]);
    for p in [&d.seller, &d.buyer, &d.arbiter] {
        BY_PARTY.add(c, p, &m.deal);
    }
    enter(c, &m.deal, d, OPEN);
    Ok(Nothing)
}

fn check(c: &Context, m: &ProposeIn) -> Result<(), Error> {
    if m.deal.is_empty() || m.deal.len() > NAME_BYTES_MAX || m.asset.len() > NAME_BYTES_MAX {
        return refuse(BAD_ARGUMENT, "give names of 1 to 64 bytes");
    }
    let missing = m.buyer.is_empty() || m.arbiter.is_empty();
    if missing || m.buyer == c.caller || m.arbiter == c.caller || m.buyer == m.arbiter {
        return refuse(BAD_ARGUMENT, "seller, buyer and arbiter are three parties");
    }
    if m.price.is_zero() {
        return refuse(BAD_ARGUMENT, "the price is zero");
    }
    if m.deadline <= c.time {
        return refuse(BAD_ARGUMENT, "the deadline is over");
    }
    Ok(())
}

/// Refuses an asset about which there is a deal that can still end. When its custody is
/// over the seller may have taken the asset back, so nothing is released for it any more.
fn free(c: &Context, asset: &str) -> Result<(), Error> {
    if let Some(Stored(last)) = LATEST.find(c, &[asset]) {
        let Stored(d) = DEALS.get(c, &[&last.deal]);
        if (d.state == OPEN || d.state == DISPUTED) && c.time < d.until {
            return refuse(EXISTS, format!("deal {} is about asset {}; wait for its end", last.deal, asset));
        }
    }
    Ok(())
}

/// What every method needs. Calls through other contracts are refused: they act in the
/// name of whoever called them.
fn begin(c: &Context) -> Result<Terms, Error> {
    if !c.via.is_empty() {
        return refuse(THROUGH_CONTRACT, format!("contract {} may not do this; call the escrow itself", c.via));
    }
    c.load(&terms_key())
        .ok_or_else(|| Error::new(NOT_INITIALISED, "the escrow is not initialised; deploy it with init"))
}

/// A deal in a state, and in time: what it releases must be in its custody.
fn find(c: &Context, name: &str, state: &str) -> Result<Deal, Error> {
    let d = match DEALS.find(c, &[name]) {
        None => return refuse(NOT_FOUND, format!("there is no deal {}", name)),
        Some(Stored(d)) => d,
    };
    if d.state != state {
        return refuse(STATE, format!("deal {} is {}, not {}", name, d.state, state));
    }
    if c.time >= d.until {
        let text = format!("the custody of asset {} is over; its owner can take it back from the register", d.asset);
        return refuse(TIME, text);
    }
    Ok(d)
}

/// Writes a deal in a new state, and tells it.
fn enter(c: &mut Context, name: &str, mut d: Deal, state: &str) {
    d.state = state.into();
    DEALS.put(c, &Stored(d), &[name]);
    Changed { deal: name.into(), state: state.into(), by: c.caller.clone() }.emit(c);
}

/// Enters a final state and releases the asset. When the register refuses, all of the
/// call is undone.
fn end(c: &mut Context, t: &Terms, name: &str, d: Deal, state: &str, to: String) -> Done {
    let id = d.asset.clone();
    enter(c, name, d, state);
    c.call(&t.register, "release", ReleaseIn { id, to })
        .map_err(|e| Error::new(REGISTER, format!("the register refuses: {}", e.message)))
}

fn settle(c: &mut Context, m: DealIn) -> Done {
    let t = begin(c)?;
    let d = find(c, &m.deal, OPEN)?;
    only_buyer(c, &d)?;
    if c.time >= d.deadline {
        return refuse(TIME, format!("the deadline of deal {} is over", m.deal));
    }
    let pay = TransferIn { to: d.seller.clone(), amount: d.price, memo: format!("deal {}", m.deal).into_bytes() };
    c.call::<_, Nothing>(&t.token, "transfer", pay)
        .map_err(|e| Error::new(TOKEN, format!("the token refuses: {}", e.message)))?;
    let to = d.buyer.clone();
    end(c, &t, &m.deal, d, SETTLED, to)
}

fn only_buyer(c: &Context, d: &Deal) -> Result<(), Error> {
    if c.caller == d.buyer {
        return Ok(());
    }
    refuse(NOT_YOUR_PART, format!("only {}, the buyer, may do this", d.buyer))
}
