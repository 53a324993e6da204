//! A lot changes hands in two steps.

use concordat::{Context, Error, Nothing, Stored};

use crate::lots::*;
use crate::messages::*;
use crate::{AGREED, BAD_TEXT, HANDOVERS, NO_OFFER, SEALED_BYTES_MAX, TERMS_DIFFER, TOO_LATE};

pub fn offer(c: &mut Context, m: OfferIn) -> Result<Nothing, Error> {
    let mut one = free(c, &m.id)?;
    let from = c.caller.clone();
    if !is_party(&m.to) || m.to == from || m.sealed.len() > SEALED_BYTES_MAX {
        return Err(Error::new(BAD_TEXT, "name another party, and give at most 8 KiB of sealed terms"));
    }
    if m.until <= c.time {
        return Err(Error::new(TOO_LATE, format!("an offer ends after now, {}", c.time)));
    }
    drop_offer(c, &mut one);
    one.offers += 1;
    one.offered_to = m.to.clone();
    one.offer_until = m.until;
    save(c, &one);
    let to = [from.as_str().min(&m.to), from.as_str().max(&m.to)];
    if m.hash != [0; 32] || !m.sealed.is_empty() {
        let terms = Terms { from: from.clone(), to: m.to.clone(), hash: m.hash, sealed: m.sealed };
        AGREED.put_for(c, &to, &Stored(terms), &[&one.id, &digits(one.offers)]);
    }
    c.emit_for(&to, "offered", Offered { id: one.id, from: from.clone(), to: m.to.clone(), offer: one.offers });
    Ok(Nothing)
}

pub fn accept(c: &mut Context, m: AcceptIn) -> Result<Nothing, Error> {
    let mut one = offered_to_caller(c, &m.id)?;
    movable(&one)?;
    if c.time >= one.offer_until {
        return Err(Error::new(TOO_LATE, format!("the offer ended at {}", one.offer_until)));
    }
    let (from, to) = (one.holder.clone(), c.caller.clone());
    let h = Handover { time: c.time, from: from.clone(), to: to.clone(), offer: one.offers };
    HANDOVERS.append(c, &Stored(h), &[&one.id]);
    one.holder = to.clone();
    one.offered_to.clear();
    one.offer_until = 0;
    save(c, &one);
    HandedOver { id: one.id.clone(), from, to }.emit(c);
    // The terms are read last. Nothing that is written for every member comes after
    // them, so nothing has to be declassified; when they differ, all is undone.
    if AGREED.get(c, &[&one.id, &digits(one.offers)]).0.hash != m.hash {
        return Err(Error::new(TERMS_DIFFER, "the offer has other terms"));
    }
    Ok(Nothing)
}

pub fn refuse(c: &mut Context, m: IdIn) -> Result<Nothing, Error> {
    let mut one = offered_to_caller(c, &m.id)?;
    drop_offer(c, &mut one);
    save(c, &one);
    Ok(Nothing)
}

pub fn withdraw(c: &mut Context, m: IdIn) -> Result<Nothing, Error> {
    let mut one = held(c, &m.id)?;
    if one.offered_to.is_empty() {
        return Err(Error::new(NO_OFFER, format!("{} is not offered", one.id)));
    }
    drop_offer(c, &mut one);
    save(c, &one);
    Ok(Nothing)
}

/// Ends an offer that came to nothing, with its terms.
fn drop_offer(c: &mut Context, one: &mut Lot) {
    if one.offered_to.is_empty() {
        return;
    }
    AGREED.delete(c, &[&one.id, &digits(one.offers)]);
    one.offered_to.clear();
    one.offer_until = 0;
}

fn offered_to_caller(c: &Context, id: &str) -> Result<Lot, Error> {
    let one = load(c, id)?;
    if one.offered_to != c.caller {
        return Err(Error::new(NO_OFFER, format!("{} is not offered to {}", id, c.caller)));
    }
    Ok(one)
}

pub fn terms_hash(c: &mut Context, m: TermsHashIn) -> Result<TermsHashOut, Error> {
    if m.salt == [0; 32] || !is_text(&m.currency) {
        return Err(Error::new(BAD_TEXT, "give a currency, and a salt of 32 random bytes"));
    }
    let text = format!("concordat supply terms 1\n{}\n{}\n", m.price, m.currency);
    Ok(TermsHashOut { hash: c.sha256(&[text.as_bytes(), &m.salt].concat()) })
}
