//! The same tests on the compiled module: `concordat contract test` sets
//! CONCORDAT_ENGINE, the program, and CONCORDAT_WASM, the module that it runs instead
//! of the sources. The messages are those of contracts-sdk/testengine/protocol.json.

use std::env;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use super::{entries, Event, Ledger, CURRENT};
use crate::contract::{self, Error, MethodEntry};
use crate::fields::{decode, encode, Message};
use crate::{Attribute, Context};

crate::message! {
    struct Record { 1 => key: Vec<u8>, 2 => value: Vec<u8>, 3 => audience: Vec<u8>, 4 => deleted: bool }
}

crate::message! {
    struct Told { 1 => topic: String, 2 => data: Vec<u8>, 3 => audience: Vec<u8> }
}

crate::message! {
    struct Question {
        1 => method: String,
        2 => args: Vec<u8>,
        3 => caller: String,
        4 => organisation: String,
        5 => attributes: Vec<Attribute>,
        6 => via: String,
        7 => this: String,
        8 => height: u64,
        9 => time: i64,
        10 => command: Vec<u8>,
        11 => read_only: bool,
        12 => records: Vec<Record>,
        13 => signer: String,
    }
}

crate::message! {
    struct Answer {
        1 => status: u32,
        2 => output: Vec<u8>,
        3 => code: u32,
        4 => message: String,
        5 => gas: u64,
        6 => changes: Vec<Record>,
        7 => events: Vec<Told>,
        8 => logs: Vec<String>,
        9 => contract: String,
        10 => method: String,
        11 => args: Vec<u8>,
        12 => read: Vec<Readers>,
    }
}

crate::message! {
    struct Readers { 1 => entries: Vec<String> }
}

const OK: u32 = 0;
const FAILED: u32 = 1;
const TRAPPED: u32 = 2;
const ASKS: u32 = 9; // for another contract

/// The process that runs the module, for all tests of this process.
static ENGINE: Mutex<Option<Child>> = Mutex::new(None);

/// Whether calls are made on the module.
pub(super) fn runs() -> bool {
    env::var_os("CONCORDAT_WASM").is_some()
}

/// Runs a method natively, or in the engine.
pub(super) fn dispatch(methods: &[MethodEntry], c: &mut Context, method: &str, args: &[u8]) -> Result<Vec<u8>, Error> {
    let module = match env::var_os("CONCORDAT_WASM") {
        None => return contract::dispatch(methods, c, method, args),
        Some(module) => module,
    };
    let mut engine = ENGINE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let process = engine.get_or_insert_with(|| {
        let program = env::var_os("CONCORDAT_ENGINE").expect("CONCORDAT_ENGINE names no program");
        let mut command = Command::new(program);
        command.args(["contract", "engine"]).arg(module).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().expect("the engine cannot be started") // it ends with its input, when this process does
    });
    let answer = call(process, c, method, args);
    drop(engine); // a trap poisons nothing
    match answer.status {
        OK => Ok(answer.output),
        FAILED => Err(Error::new(answer.code, answer.message)),
        _ => panic!("{}", answer.message),
    }
}

fn call(process: &mut Child, c: &Context, method: &str, args: &[u8]) -> Answer {
    let mut question = Question {
        method: method.into(),
        args: args.into(),
        caller: c.caller.clone(),
        organisation: c.organisation.clone(),
        attributes: c.attributes.clone(),
        via: c.via.clone(),
        this: c.this.clone(),
        height: c.height,
        time: c.time,
        command: c.command_id.clone(),
        signer: c.signer.clone(),
        ..Question::default()
    };
    CURRENT.with(|l| {
        let l = l.borrow();
        question.read_only = l.usage.read_only;
        for (key, value) in l.state.iter().filter(|(key, _)| l.shows(key)) {
            let audience = l.audiences.get(key).cloned().unwrap_or_default();
            question.records.push(Record { key: key.clone(), value: value.clone(), audience, deleted: false });
        }
    });
    write(process, &mut question);
    loop {
        let mut a: Answer = read(process);
        if a.status != ASKS {
            CURRENT.with(|l| apply(&mut l.borrow_mut(), &mut a));
            return a;
        }
        write(process, &mut asked(&a));
    }
}

/// What another contract answers, and for whom it has read.
fn asked(a: &Answer) -> Answer {
    let before = CURRENT.with(|l| l.borrow().usage.read.len());
    let mut reply = match super::nested::other(&a.contract, &a.method, &a.args) {
        Ok(output) => Answer { output, ..Answer::default() },
        Err(e) => {
            let status = if e.code == contract::TRAPPED { TRAPPED } else { FAILED };
            Answer { status, code: e.code, message: e.message, ..Answer::default() }
        }
    };
    CURRENT.with(|l| {
        for audience in &l.borrow().usage.read[before..] {
            let entries = entries(audience).into_iter().map(str::to_owned).collect();
            reply.read.push(Readers { entries });
        }
    });
    reply
}

/// Takes over what a call did.
fn apply(l: &mut Ledger, a: &mut Answer) {
    for r in a.changes.drain(..) {
        l.state.remove(&r.key);
        l.audiences.remove(&r.key);
        if r.deleted {
            continue;
        }
        if !r.audience.is_empty() {
            l.audiences.insert(r.key.clone(), r.audience);
        }
        l.state.insert(r.key, r.value);
    }
    let events = a.events.drain(..);
    l.events.extend(events.map(|e| Event { topic: e.topic, data: e.data, audience: e.audience }));
    l.logs.append(&mut a.logs);
}

fn write<M: Message>(process: &mut Child, m: &mut M) {
    let b = encode(m);
    let to = process.stdin.as_mut().expect("the engine has no input");
    to.write_all(&(b.len() as u32).to_le_bytes()).and_then(|()| to.write_all(&b)).and_then(|()| to.flush()).expect("the engine ended");
}

fn read<M: Message>(process: &mut Child) -> M {
    let from = process.stdout.as_mut().expect("the engine has no output");
    let mut length = [0; 4];
    from.read_exact(&mut length).expect("the engine ended");
    let mut b = vec![0; u32::from_le_bytes(length) as usize];
    from.read_exact(&mut b).expect("the engine ended");
    decode(&b).expect("the engine speaks otherwise; use the program that the SDK came with")
}
