//! The ledger's functions: imported when built for it, in memory otherwise.

#[cfg(not(target_arch = "wasm32"))]
pub use crate::ledgertest::host::*;
#[cfg(target_arch = "wasm32")]
pub use wasm::*;

#[cfg(target_arch = "wasm32")]
mod wasm {
    use crate::contract::{dispatch, MethodEntry};
    use crate::fields::{decode, encode};
    use crate::Context;

    mod import {
        #[link(wasm_import_module = "concordat_1")]
        extern "C" {
            pub fn call_read(buf: *mut u8, room: usize) -> usize;
            pub fn output(ptr: *const u8, n: usize);
            pub fn fail(code: u32, ptr: *const u8, n: usize);
            pub fn get(key: *const u8, n: usize, buf: *mut u8, room: usize) -> i32;
            pub fn fetch(buf: *mut u8, room: usize) -> usize;
            pub fn put(key: *const u8, kn: usize, value: *const u8, vn: usize, audience: *const u8, an: usize) -> i32;
            pub fn del(key: *const u8, n: usize) -> i32;
            pub fn scan(from: *const u8, fn_: usize, to: *const u8, tn: usize, flags: u32) -> i32;
            pub fn next(handle: i32, buf: *mut u8, room: usize) -> i32;
            pub fn emit(topic: *const u8, tn: usize, data: *const u8, dn: usize, audience: *const u8, an: usize) -> i32;
            pub fn invoke(contract: *const u8, cn: usize, envelope: *const u8, en: usize, gas: i64) -> i32;
            pub fn crypto(op: u32, input: *const u8, n: usize, buf: *mut u8, room: usize) -> usize;
            pub fn log(level: u32, ptr: *const u8, n: usize);
        }
    }

    /// Has the host fill a vector: it gets room for so many bytes, and what was
    /// written is kept, without clearing the room before.
    fn filled(room: usize, write: impl FnOnce(*mut u8, usize) -> usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(room);
        let n = write(out.as_mut_ptr(), room).min(room);
        // The host wrote the first n bytes.
        unsafe { out.set_len(n) };
        out
    }

    /// Fetches what the last get or invoke left.
    fn fetched(size: usize) -> Vec<u8> {
        filled(size, |to, room| unsafe { import::fetch(to, room) })
    }

    pub fn get(key: &[u8]) -> Option<Vec<u8>> {
        let mut size = 0;
        let out = filled(128, |to, room| {
            size = unsafe { import::get(key.as_ptr(), key.len(), to, room) };
            if size > room as i32 || size < 0 { 0 } else { size as usize }
        });
        if size < 0 {
            return None;
        }
        Some(if size as usize > 128 { fetched(size as usize) } else { out })
    }

    /// Added to the length of what more may read than may see what the call has read.
    fn flag(declassified: bool) -> usize {
        usize::from(declassified) << 31
    }

    pub fn put(key: &[u8], value: &[u8], audience: &[u8], declassified: bool) -> i32 {
        let n = audience.len() | flag(declassified);
        unsafe { import::put(key.as_ptr(), key.len(), value.as_ptr(), value.len(), audience.as_ptr(), n) }
    }

    pub fn delete(key: &[u8]) -> i32 {
        unsafe { import::del(key.as_ptr(), key.len()) }
    }

    pub fn scan(from: &[u8], to: &[u8], flags: u32) -> i32 {
        unsafe { import::scan(from.as_ptr(), from.len(), to.as_ptr(), to.len(), flags) }
    }

    pub fn next(handle: i32, buf: &mut [u8]) -> i32 {
        unsafe { import::next(handle, buf.as_mut_ptr(), buf.len()) }
    }

    pub fn emit(topic: &str, data: &[u8], audience: &[u8], declassified: bool) -> i32 {
        let n = audience.len() | flag(declassified);
        unsafe { import::emit(topic.as_ptr(), topic.len(), data.as_ptr(), data.len(), audience.as_ptr(), n) }
    }

    pub fn invoke(contract: &str, envelope: &[u8], gas: i64) -> (i32, Vec<u8>) {
        let status = unsafe { import::invoke(contract.as_ptr(), contract.len(), envelope.as_ptr(), envelope.len(), gas) };
        let size = unsafe { import::fetch(std::ptr::null_mut(), 0) };
        (status, fetched(size))
    }

    /// None: what was to be verified does not hold.
    pub fn crypto(op: u32, input: &[u8]) -> Option<Vec<u8>> {
        let mut size = 0;
        let out = filled(128, |to, room| {
            size = unsafe { import::crypto(op, input.as_ptr(), input.len(), to, room) } as i32;
            if size > room as i32 || size < 0 { 0 } else { size as usize }
        });
        match size {
            i32::MIN..=0 => None,
            1..=128 => Some(out),
            _ => Some(fetched(size as usize)),
        }
    }

    pub fn log(level: u32, text: &str) {
        unsafe { import::log(level, text.as_ptr(), text.len()) }
    }

    /// Runs the call that the ledger asks for.
    pub fn call_guest(methods: &[MethodEntry]) -> i32 {
        let mut size = 0;
        let mut envelope = filled(1024, |to, room| unsafe {
            size = import::call_read(to, room);
            size
        });
        if size > 1024 {
            envelope = filled(size, |to, room| unsafe { import::call_read(to, room) });
        }
        let mut open = false;
        let done = Context::read(&envelope).and_then(|(method, args, mut c)| {
            let done = dispatch(methods, &mut c, method, args);
            open = c.open;
            done
        });
        match done {
            Ok(out) => unsafe { import::output(out.as_ptr(), out.len() | flag(open)) },
            Err(e) => unsafe { import::fail(e.code, e.message.as_ptr(), e.message.len() | flag(open)) },
        }
        0
    }

    /// Runs before the snapshot from which every call starts: the allocators get their
    /// first memory, and a panic is told to the log before it traps.
    pub fn warm_guest() {
        std::panic::set_hook(Box::new(|info| log(2, &info.to_string())));
        let mut c = Context { method: "warm".into(), args: vec![1; 1024], ..Context::default() };
        drop(decode::<Context>(&encode(&mut c)));
        drop(vec![1u8; 20 << 10]); // more than the room that calls have, so from the standard library
    }
}
