//! Goods from hand to hand.

use concordat::{Context, Error, History, Index, Map, Nothing, Single, Stored};

mod handover;
mod lots;
mod messages;
mod queries;
mod recalls;
use handover::*;
use lots::*;
pub use messages::*;
use queries::*;
use recalls::*;

concordat::errors! {
    /// There is no such lot or recall.
    NOT_FOUND = 1,
    /// There is a lot of that name already.
    EXISTS = 2,
    /// Only the lot's holder may do that.
    NOT_THE_HOLDER = 3,
    /// A quantity is zero, or the parts do not make the whole.
    BAD_QUANTITY = 4,
    /// A text or party is missing or too long.
    BAD_TEXT = 5,
    /// The lot is quarantined or recalled.
    BLOCKED = 6,
    /// The lot was split or merged and is there no more.
    GONE = 7,
    /// The lot is offered to somebody.
    OFFERED = 8,
    /// The lot is not offered to the caller.
    NO_OFFER = 9,
    /// The time for it is over.
    TOO_LATE = 10,
    /// The terms are not those of the offer.
    TERMS_DIFFER = 11,
    /// Only the lot's producer or an inspector may do that.
    NOT_ALLOWED = 12,
    /// There are too few, too many, or unlike lots.
    BAD_LIST = 13,
    /// The lot does not stand in a way that allows this.
    BAD_STATE = 14,
    /// The contract was deployed without init.
    NOT_INITIALISED = 15,
}

concordat::contract! {
    /// A record of goods from hand to hand: producers make lots, holders split, merge,
    /// measure and hand them over, inspectors hold them back, and a recall reaches all
    /// that was made of a lot.
    contract "supply";
    /// Offers a lot to a party until a moment. The terms are for the two parties only: a
    /// salted hash of them, and what was sealed for the other party. Only the holder may.
    "offer" => offer,
    /// Takes a lot that is offered to the caller, on the terms of the offer.
    "accept" => accept,
    /// Declines a lot that is offered to the caller.
    "refuse" => refuse,
    /// Takes an offer back. Only the holder may, before it is accepted.
    "withdraw" => withdraw,
    /// Tells the hash of terms: with the salt, both parties can prove them to whom they
    /// like, and nobody can guess them.
    query "terms_hash" => terms_hash,
    /// Tells about a lot.
    query "lot" => lot,
    /// Tells what was measured, the oldest first.
    query "measurements" => measurements,
    /// Tells through which hands a lot went, the oldest first.
    query "handovers" => handovers,
    /// Tells of what a lot was made, back to the origins, the newest lots first. The rest
    /// is the list for the next page.
    query "trace" => trace,
    /// Holds a lot back. Only an inspector may.
    "quarantine" => quarantine,
    /// Lets a lot go that is held back. Only an inspector may.
    "release" => release,
    /// Marks a lot and all that was made of it, for ever. What one call does not reach,
    /// continue_recall does. The lot's producer and inspectors may.
    "recall" => recall,
    /// Goes on with a recall that is not done. Anyone may.
    "continue_recall" => continue_recall,
    /// Tells how far a recall has come.
    query "recall_status" => recall_status,
    /// Runs at deployment. It names the organisation whose inspectors inspect; the
    /// deployer's without it.
    "init" => init,
    /// Makes a lot, which its producer holds. Only a party may for which its organisation
    /// vouches: role=producer.
    "create" => create,
    /// Makes several lots of one. Only its holder may.
    "split" => split,
    /// Makes one lot of several of the same product and unit. Only who holds them all may,
    /// and becomes the producer of the new one.
    "merge" => merge,
    /// Records what a holder measured, in whole units. Only the holder may, also while the
    /// lot is held back.
    "measure" => measure,
}

// The state. Terms have an audience, the rest is for every member.
static ABOUT: Single<Stored<Settings>> = Single::new("settings");
static NUMBERS: Single<Stored<Counter>> = Single::new("number");
static MEASUREMENTS: History<Stored<Measurement>> = History::new("measurement");
static HANDOVERS: History<Stored<Handover>> = History::new("handover");
static AGREED: Map<Stored<Terms>> = Map::new("terms");
static RECALLS: Map<Stored<RecallOf>> = Map::new("recall");
static PENDING: Index = Index::new("pending"); // lots that a recall has yet to reach

const REASON_BYTES_MAX: usize = 200;
const SEALED_BYTES_MAX: usize = 8 << 10;
const PARTS_MAX: usize = 10; // lots of a split or merge

fn init(c: &mut Context, m: InitIn) -> Result<Nothing, Error> {
    let inspectorate = if m.inspectorate.is_empty() { c.organisation.clone() } else { m.inspectorate };
    ABOUT.put(c, &Stored(Settings { inspectorate }));
    Ok(Nothing)
}

fn create(c: &mut Context, m: CreateIn) -> Result<Nothing, Error> {
    c.require_attribute("role", "producer")?;
    if !is_text(&m.product) || !is_text(&m.unit) {
        return Err(Error::new(BAD_TEXT, "name the product and the unit, in at most 64 bytes each"));
    }
    let producer = c.caller.clone();
    let one = Lot { id: m.id, product: m.product, quantity: m.quantity, unit: m.unit, producer, ..Lot::default() };
    add(c, one)
}

/// Enters a new lot, which the caller holds.
fn add(c: &mut Context, mut one: Lot) -> Result<Nothing, Error> {
    if !is_text(&one.id) {
        return Err(Error::new(BAD_TEXT, "name the new lot, in at most 64 bytes"));
    }
    if one.quantity == 0 {
        return Err(Error::new(BAD_QUANTITY, format!("the quantity of {} is zero", one.id)));
    }
    if c.get(&lot_key(&one.id)).is_some() {
        return Err(Error::new(EXISTS, format!("there is a lot {} already", one.id)));
    }
    let Stored(mut n) = NUMBERS.get(c);
    n.last += 1;
    one.number = n.last;
    NUMBERS.put(c, &Stored(n));
    one.holder = c.caller.clone();
    one.created = c.time;
    save(c, &one);
    Made { id: one.id, product: one.product, quantity: one.quantity, parents: one.parents }.emit(c);
    Ok(Nothing)
}

fn split(c: &mut Context, m: SplitIn) -> Result<Nothing, Error> {
    let mut one = free(c, &m.id)?;
    if m.parts.len() < 2 || m.parts.len() > PARTS_MAX {
        return Err(Error::new(BAD_LIST, "a lot is split into 2 to 10"));
    }
    let mut rest = one.quantity;
    for p in m.parts {
        rest = rest
            .checked_sub(p.quantity)
            .ok_or_else(|| Error::new(BAD_QUANTITY, "the parts are more than the lot"))?;
        let next = Lot {
            id: p.id.clone(),
            product: one.product.clone(),
            quantity: p.quantity,
            unit: one.unit.clone(),
            producer: one.producer.clone(),
            parents: vec![one.id.clone()],
            ..Lot::default()
        };
        add(c, next)?;
        one.children.push(p.id);
    }
    if rest != 0 {
        return Err(Error::new(BAD_QUANTITY, "the parts are less than the lot"));
    }
    save(c, &one);
    Ok(Nothing)
}

fn merge(c: &mut Context, m: MergeIn) -> Result<Nothing, Error> {
    if m.ids.len() < 2 || m.ids.len() > PARTS_MAX {
        return Err(Error::new(BAD_LIST, "2 to 10 lots are merged"));
    }
    let mut next = Lot { id: m.id.clone(), producer: c.caller.clone(), ..Lot::default() };
    for (i, id) in m.ids.iter().enumerate() {
        let mut one = free(c, id)?; // of a lot that stands twice in the list: gone
        if i == 0 {
            next.product = one.product.clone();
            next.unit = one.unit.clone();
        }
        if one.product != next.product || one.unit != next.unit {
            return Err(Error::new(BAD_LIST, "lots of one product and unit are merged"));
        }
        next.quantity = next
            .quantity
            .checked_add(one.quantity)
            .ok_or_else(|| Error::new(BAD_QUANTITY, "the sum is more than 64 bits hold"))?;
        one.children = vec![m.id.clone()];
        save(c, &one);
    }
    next.parents = m.ids;
    add(c, next)
}

fn measure(c: &mut Context, m: MeasureIn) -> Result<Nothing, Error> {
    let one = held(c, &m.id)?;
    if !is_text(&m.kind) || !is_text(&m.unit) {
        return Err(Error::new(BAD_TEXT, "name what is measured and the unit, in at most 64 bytes each"));
    }
    let by = c.caller.clone();
    let taken = Measurement { time: c.time, by, kind: m.kind, value: m.value, unit: m.unit };
    MEASUREMENTS.append(c, &Stored(taken), &[&one.id]);
    Ok(Nothing)
}
