//! Delivery against payment: the escrow holds an asset and its price, and they change
//! hands in one transaction, or each goes back to where it came from.

use concordat::{contract_party, key, Context, Error, Index, Map, Nothing, Stored};

mod messages;
mod outcome;
mod queries;
use messages::*;
use outcome::*;
use queries::*;

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
    /// An argument is missing, too long or makes no sense.
    BAD_ARGUMENT = 10,
}

concordat::contract! {
    /// Delivery against payment: the escrow holds an asset and its price, and they change
    /// hands in one transaction, or each goes back to where it came from.
    contract "escrow";
    /// Runs at deployment and names the contracts that are used, so that nobody has to judge
    /// for each deal what its register and its money are worth.
    "init" => init,
    /// Offers an asset to a buyer for a price. The seller has given it into the custody of
    /// this contract before, at least until the deadline.
    "propose" => propose,
    /// Gives the price to the escrow, which the buyer allowed the token to take from its
    /// units. Only the buyer may, before the deadline.
    "fund" => fund,
    /// Gives the price to the seller and the asset to the buyer. Only the buyer may, before
    /// the deadline.
    "settle" => settle,
    /// Gives the asset back to the seller and the price, if it was paid, to the buyer. Only
    /// the buyer may, before the deadline.
    "decline" => decline,
    /// Gives the asset back to the seller and the price, if it was paid, to the buyer. The
    /// seller and the buyer may, from the deadline on: until then the offer is firm. A
    /// dispute is the arbiter's until the custody of the asset is over; then it can be
    /// cancelled, too, and its owner takes the asset back from the register.
    "cancel" => cancel,
    /// Stops a deal that is funded until the arbiter decides. The seller and the buyer may,
    /// before the deadline.
    "dispute" => dispute,
    /// Ends a dispute. Only the arbiter may. With the seller named as who gets the asset, the
    /// buyer gets the price back; with the buyer named, the seller gets the price; with
    /// nobody named the deal goes on.
    "resolve" => resolve,
    /// Tells about a deal.
    query "get" => get,
    /// Tells the deals in which a party has a part, page by page.
    query "deals_of" => deals_of,
}

// Limits, in bytes.
const NAME_BYTES_MAX: usize = 64;
const TEXT_BYTES_MAX: usize = 256;

// The states of a deal. Those behind the first three are final.
const OPEN: &str = "open"; // the escrow holds the asset
const FUNDED: &str = "funded"; // and the price
const DISPUTED: &str = "disputed"; // both, until the arbiter decides
const SETTLED: &str = "settled"; // the price is the seller's, the asset the buyer's
const AWARDED: &str = "awarded"; // likewise, because the arbiter says so
const DECLINED: &str = "declined"; // both went back, as the buyer wished
const CANCELLED: &str = "cancelled"; // because the time was over
const RETURNED: &str = "returned"; // because the arbiter says so

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
    if a.owner != c.caller || a.holder != contract_party(&c.this) || a.held_until < m.deadline {
        let text = format!(
            "asset {} is not yours and held by contract:{} until the deadline; call hold of the register",
            m.asset, c.this
        );
        return refuse(CUSTODY, text);
    }
    let mut d = Deal {
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
    enter(c, &m.deal, &mut d, OPEN);
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
        if [OPEN, FUNDED, DISPUTED].contains(&d.state.as_str()) && c.time < d.until {
            return refuse(EXISTS, format!("deal {} is about asset {}; wait for its end", last.deal, asset));
        }
    }
    Ok(())
}

/// What every method needs.
fn begin(c: &Context) -> Result<Terms, Error> {
    c.load(&terms_key())
        .ok_or_else(|| Error::new(NOT_INITIALISED, "the escrow is not initialised; deploy it with init"))
}

/// A deal in one of some states, and in time: what it releases must be in the escrow's
/// custody.
fn part(c: &Context, name: &str, states: &[&str]) -> Result<(Terms, Deal), Error> {
    let (t, d) = find(c, name, states)?;
    if c.time >= d.until {
        return refuse(TIME, format!("the custody of asset {} is over; cancel the deal", d.asset));
    }
    Ok((t, d))
}

fn find(c: &Context, name: &str, states: &[&str]) -> Result<(Terms, Deal), Error> {
    let t = begin(c)?;
    let d = match DEALS.find(c, &[name]) {
        None => return refuse(NOT_FOUND, format!("there is no deal {}", name)),
        Some(Stored(d)) => d,
    };
    if !states.contains(&d.state.as_str()) {
        return refuse(STATE, format!("deal {} is {}, not {}", name, d.state, states.join(" or ")));
    }
    Ok((t, d))
}

/// Writes a deal in a new state, and tells it.
fn enter(c: &mut Context, name: &str, d: &mut Deal, state: &str) {
    d.state = state.into();
    DEALS.put(c, &Stored(d.clone()), &[name]);
    Changed { deal: name.into(), state: state.into(), by: c.caller.clone() }.emit(c);
}
