//! A contract that does what a script says, as the one in Go beside it does.

mod hold;
mod verify;

use concordat::{Amount, Context, Error, History, Nothing};

concordat::message! { pub struct Script { 1 => text: String } }
concordat::contract! { "do" => act }

static HISTORY: History<Amount> = History::new("history");

/// Runs the steps between semicolons. What get and scan find is put out.
fn act(c: &mut Context, m: Script) -> Result<Script, Error> {
    let mut out = String::new();
    for step in m.text.split("; ") {
        let w: Vec<&str> = step.split(' ').chain(["", "", ""]).collect();
        match w[0] {
            "put" => c.put_for(&audience(w[2]), w[1].as_bytes(), b"v"),
            "put-declassified" => c.put_declassified(&audience(w[2]), w[1].as_bytes(), b"v"),
            "emit" => c.emit_for(&audience(w[1]), "t", Nothing),
            "emit-declassified" => c.emit_declassified(&audience(w[1]), "t", Nothing),
            "delete" => c.delete(w[1].as_bytes()),
            "get" => {
                if c.get(w[1].as_bytes()).is_some() {
                    out += w[1];
                }
            }
            "scan" => c.scan(w[1].as_bytes(), w[2].as_bytes(), |key, _| {
                out += &String::from_utf8_lossy(key);
                true
            }),
            "sweep" => {
                let mut found = Vec::new(); // a scan borrows the context: what it finds is deleted behind it
                c.scan(w[1].as_bytes(), w[2].as_bytes(), |key, _| {
                    found.extend_from_slice(key);
                    true
                });
                found.iter().for_each(|k| c.delete(&[*k]));
                out += &String::from_utf8_lossy(&found);
            }
            "append" => drop(HISTORY.append_for(c, &audience(w[1]), &Amount(1), &[])),
            "declassify" => c.declassify_result(),
            "only" => c.require_party(&[w[1]])?,
            "who" => out += &[c.caller.as_str(), &c.organisation, &c.signer, &c.via].join("/"),
            "fail" => return Err(Error::new(7, w[1])),
            "silent" => out.clear(),
            "hold" => out += &hold::hold(c),
            "call" => out += &call_other(c, &w),
            "verify" => out += &verify::verify(c, w[1], &w[2..]),
            _ => return Err(Error::new(1, format!("there is no step {}", w[0]))),
        }
    }
    Ok(Script { text: out })
}

/// Says that the contract may be entered while it is in a call.
#[cfg(target_arch = "wasm32")]
#[no_mangle]
pub extern "C" fn concordat_reentrant() {}

/// Runs a script of one step, whose words a plus joins, on another contract with a
/// limit of gas, and says how that ended.
fn call_other(c: &mut Context, w: &[&str]) -> String {
    let inner = Script { text: w[3].replace('+', " ") };
    match c.call_with_gas::<_, Script>(w[1], "do", w[2].parse().unwrap_or(0), inner) {
        Ok(out) => format!("done {}", out.text),
        Err(e) => format!("failed with {}", e.code),
    }
}

fn audience(list: &str) -> Vec<&str> {
    match list {
        "all" => Vec::new(),
        list => list.split(',').collect(),
    }
}
