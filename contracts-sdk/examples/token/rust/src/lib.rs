//! A token: balances, transfers and allowances.

use concordat::{key, Amount, Context, Error, Map, Nothing};

mod messages;
use messages::*;

concordat::errors! {
    /// Only the minter makes units.
    NOT_THE_MINTER = 1,
    /// The party holds less than the amount.
    INSUFFICIENT_BALANCE = 2,
    /// The owner allowed the caller less than the amount.
    INSUFFICIENT_ALLOWANCE = 3,
    /// The amount is zero, or a sum would exceed 128 bits.
    BAD_AMOUNT = 4,
    /// The contract was deployed without init.
    NOT_INITIALISED = 5,
    /// A party is missing, or the same on both sides.
    BAD_PARTY = 6,
}

// The state: balances by holder, allowances by owner and spender, and one record
// about the token.
static BALANCES: Map<Amount> = Map::new("balance");
static ALLOWANCES: Map<Amount> = Map::new("allowance");

concordat::contract! {
    /// A token: its minter makes units, parties hold and transfer them, and allow
    /// others to spend some of theirs.
    contract "token";
    /// Runs at deployment. The deployer becomes the minter, unless another is named.
    "init" => init,
    /// Makes units for a party. Only the minter may.
    "mint" => mint,
    /// Moves units of the caller to another party.
    "transfer" => transfer,
    /// Allows a party to spend up to an amount of the caller's units; replaces an
    /// earlier allowance.
    "approve" => approve,
    /// Moves units of a party that allowed the caller to.
    "transfer_from" => transfer_from,
    /// Tells how much a party holds.
    query "balance_of" => balance_of,
    /// Tells how much a party may spend of what another holds.
    query "allowance" => allowance,
    /// Tells how many units there are.
    query "total_supply" => total_supply,
    /// Tells about the token.
    query "info" => info,
}

fn token_key() -> Vec<u8> {
    key(&["token"])
}

fn load(c: &Context) -> Result<Token, Error> {
    c.load(&token_key())
        .ok_or_else(|| Error::new(NOT_INITIALISED, "the token is not initialised; deploy it with init"))
}

fn init(c: &mut Context, m: InitIn) -> Result<Nothing, Error> {
    let minter = if m.minter.is_empty() { c.caller.clone() } else { m.minter };
    c.save(&token_key(), &mut Token { symbol: m.symbol, minter, supply: Amount(0) });
    Ok(Nothing)
}

fn mint(c: &mut Context, m: MintIn) -> Result<Nothing, Error> {
    let mut t = load(c)?;
    if c.caller != t.minter {
        return Err(Error::new(NOT_THE_MINTER, format!("only {} makes units", t.minter)));
    }
    if m.to.is_empty() {
        return Err(Error::new(BAD_PARTY, "name the party that gets the units"));
    }
    match t.supply.checked_add(m.amount) {
        Some(supply) if !m.amount.is_zero() => t.supply = supply,
        _ => return Err(Error::new(BAD_AMOUNT, "the amount is zero, or the supply would exceed 128 bits")),
    }
    c.save(&token_key(), &mut t);
    credit(c, &m.to, m.amount);
    TransferEvent { to: m.to, amount: m.amount, ..TransferEvent::default() }.emit(c);
    Ok(Nothing)
}

/// Adds to a balance. A balance is never more than the supply, so the sum fits.
fn credit(c: &mut Context, to: &str, amount: Amount) {
    let sum = BALANCES.get(c, &[to]).checked_add(amount).expect("a balance exceeds the supply");
    BALANCES.put(c, &sum, &[to]);
}

/// Takes units from one party and gives them to another.
fn move_units(c: &mut Context, from: &str, to: &str, amount: Amount, memo: Vec<u8>) -> Result<Nothing, Error> {
    if to.is_empty() || from == to {
        return Err(Error::new(BAD_PARTY, "name another party than the one that pays"));
    }
    if amount.is_zero() {
        return Err(Error::new(BAD_AMOUNT, "the amount is zero"));
    }
    let has = BALANCES.get(c, &[from]);
    let rest = has
        .checked_sub(amount)
        .ok_or_else(|| Error::new(INSUFFICIENT_BALANCE, format!("{} holds {}, less than {}", from, has, amount)))?;
    BALANCES.put(c, &rest, &[from]);
    credit(c, to, amount);
    TransferEvent { from: from.into(), to: to.into(), amount, memo }.emit(c);
    Ok(Nothing)
}

fn transfer(c: &mut Context, m: TransferIn) -> Result<Nothing, Error> {
    let from = c.caller.clone();
    move_units(c, &from, &m.to, m.amount, m.memo)
}

fn approve(c: &mut Context, m: ApproveIn) -> Result<Nothing, Error> {
    if m.spender.is_empty() || m.spender == c.caller {
        return Err(Error::new(BAD_PARTY, "name another party than yourself"));
    }
    let owner = c.caller.clone();
    ALLOWANCES.put(c, &m.amount, &[&owner, &m.spender]);
    ApprovalEvent { owner, spender: m.spender, amount: m.amount }.emit(c);
    Ok(Nothing)
}

fn transfer_from(c: &mut Context, m: TransferFromIn) -> Result<Nothing, Error> {
    let spender = c.caller.clone();
    let allowed = ALLOWANCES.get(c, &[&m.from, &spender]);
    let rest = allowed.checked_sub(m.amount).ok_or_else(|| {
        let text = format!("{} allows {} {}, less than {}", m.from, spender, allowed, m.amount);
        Error::new(INSUFFICIENT_ALLOWANCE, text)
    })?;
    ALLOWANCES.put(c, &rest, &[&m.from, &spender]);
    move_units(c, &m.from, &m.to, m.amount, Vec::new())
}

fn balance_of(c: &mut Context, m: BalanceIn) -> Result<AmountOut, Error> {
    Ok(AmountOut { amount: BALANCES.get(c, &[&m.party]) })
}

fn allowance(c: &mut Context, m: AllowanceIn) -> Result<AmountOut, Error> {
    Ok(AmountOut { amount: ALLOWANCES.get(c, &[&m.owner, &m.spender]) })
}

fn total_supply(c: &mut Context, _: Nothing) -> Result<AmountOut, Error> {
    Ok(AmountOut { amount: load(c)?.supply })
}

fn info(c: &mut Context, _: Nothing) -> Result<InfoOut, Error> {
    let t = load(c)?;
    let first = key(&[BALANCES.name]);
    let mut last = first.clone();
    last.push(0xff);
    let mut holders = 0;
    c.scan(&first, &last, |_, _| {
        holders += 1;
        true
    });
    Ok(InfoOut { symbol: t.symbol, minter: t.minter, supply: t.supply, holders })
}
