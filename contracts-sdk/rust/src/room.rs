//! Where a contract's objects are made: the first 16 KiB of a call one behind the
//! other, and all others by the allocator of the standard library.
//!
//! After a call the memory is again what it was before, so what a call takes need not
//! be given back. An object then costs a few instructions instead of a search through
//! lists, and objects stand together, so that fewer pages are written, each of which is
//! put back after the call.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;

/// Bytes that are given one behind the other.
pub const BYTES: usize = 16 << 10;

#[repr(C)]
struct Room {
    used: UnsafeCell<usize>, // in front, on the page of the first bytes
    bytes: UnsafeCell<Bytes>,
}

#[repr(align(16))]
struct Bytes([u8; BYTES]);

// A contract runs on one thread.
unsafe impl Sync for Room {}

#[global_allocator]
static ROOM: Room = Room { used: UnsafeCell::new(0), bytes: UnsafeCell::new(Bytes([0; BYTES])) };

impl Room {
    fn start(&self) -> usize {
        self.bytes.get() as usize
    }

    /// Where in the room a pointer points to, if it does.
    fn place(&self, p: *mut u8) -> Option<usize> {
        let at = (p as usize).wrapping_sub(self.start());
        (at < BYTES).then(|| at)
    }
}

unsafe impl GlobalAlloc for Room {
    #[inline]
    unsafe fn alloc(&self, l: Layout) -> *mut u8 {
        let at = (*self.used.get() + l.align() - 1) & !(l.align() - 1);
        if l.align() > 16 || at >= BYTES || l.size() > BYTES - at {
            return System.alloc(l);
        }
        *self.used.get() = at + l.size();
        (self.bytes.get() as *mut u8).add(at)
    }

    #[inline]
    unsafe fn dealloc(&self, p: *mut u8, l: Layout) {
        match self.place(p) {
            None => System.dealloc(p, l),
            Some(at) if at + l.size() == *self.used.get() => *self.used.get() = at, // the newest
            Some(_) => {}
        }
    }

    #[inline]
    unsafe fn realloc(&self, p: *mut u8, l: Layout, size: usize) -> *mut u8 {
        match self.place(p) {
            None => System.realloc(p, l, size),
            Some(at) if at + l.size() == *self.used.get() && size <= BYTES - at => {
                *self.used.get() = at + size; // the newest grows where it is
                p
            }
            Some(_) => {
                let to = self.alloc(Layout::from_size_align_unchecked(size, l.align()));
                if !to.is_null() {
                    std::ptr::copy_nonoverlapping(p, to, l.size().min(size));
                }
                to
            }
        }
    }
}
