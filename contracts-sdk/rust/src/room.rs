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

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ROOM: Room = Room::new();

impl Room {
    const fn new() -> Room {
        Room { used: UnsafeCell::new(0), bytes: UnsafeCell::new(Bytes([0; BYTES])) }
    }

    fn start(&self) -> *mut u8 {
        unsafe { std::ptr::addr_of_mut!((*self.bytes.get()).0) as *mut u8 }
    }

    /// Where in the room a pointer points to, if it does.
    fn place(&self, p: *mut u8) -> Option<usize> {
        let at = (p as usize).wrapping_sub(self.start() as usize);
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
        self.start().add(at)
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
            Some(_) if size <= l.size() => p, // the rest is lost for this call
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An object that is filled with one byte, and holds it until the end.
    struct Object {
        p: *mut u8,
        l: Layout,
        byte: u8,
    }

    impl Object {
        fn check(&self) {
            assert_eq!(self.p as usize % self.l.align(), 0);
            let all = unsafe { std::slice::from_raw_parts(self.p, self.l.size()) };
            assert!(all.iter().all(|&c| c == self.byte));
        }
    }

    /// Objects of all sizes come, grow, shrink and go, within the room and beyond it, and
    /// none is written by another.
    #[test]
    fn objects_do_not_overlap() {
        let room = Room::new();
        let mut seed = 1u64;
        let mut random = |n: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((seed >> 33) % n) as usize
        };
        let mut objects: Vec<Object> = Vec::new();
        let (mut inside, mut outside) = (0, 0);
        for round in 0..1_500 {
            let byte = round as u8;
            let newest = objects.len().wrapping_sub(1);
            match random(4) {
                0 | 1 if objects.len() < 60 => {
                    let l = Layout::from_size_align(1 + random(700), 1 << random(7)).unwrap();
                    let p = unsafe { room.alloc(l) };
                    objects.push(Object { p, l, byte });
                }
                2 if newest < objects.len() => {
                    let i = if random(2) == 0 { newest } else { random(objects.len() as u64) };
                    let o = &mut objects[i];
                    let size = 1 + random(1500);
                    o.p = unsafe { room.realloc(o.p, o.l, size) };
                    let kept = o.l.size().min(size);
                    o.l = Layout::from_size_align(size, o.l.align()).unwrap();
                    Object { p: o.p, l: Layout::from_size_align(kept, 1).unwrap(), byte: o.byte }.check();
                    o.byte = byte;
                }
                _ if newest < objects.len() => {
                    let i = if random(2) == 0 { newest } else { random(objects.len() as u64) };
                    let o = objects.swap_remove(i);
                    o.check();
                    unsafe { room.dealloc(o.p, o.l) };
                    continue;
                }
                _ => continue,
            }
            let o = &objects[objects.len() - 1];
            for o in &objects {
                if o.byte == byte {
                    unsafe { std::ptr::write_bytes(o.p, byte, o.l.size()) };
                }
            }
            if room.place(o.p).is_some() {
                inside += 1;
            } else {
                outside += 1;
            }
            objects.iter().for_each(Object::check);
        }
        assert!(inside > 10 && outside > 100, "{} {}", inside, outside);
    }

    #[test]
    fn the_newest_object_is_given_back_and_grows_where_it_is() {
        let room = Room::new();
        let l = Layout::from_size_align(100, 8).unwrap();
        unsafe {
            let p = room.alloc(l);
            assert_eq!(room.realloc(p, l, 5000), p);
            room.dealloc(p, Layout::from_size_align(5000, 8).unwrap());
            assert_eq!(room.alloc(l), p);
            let full = Layout::from_size_align(BYTES - 104, 1).unwrap();
            let rest = room.alloc(full);
            assert!(room.place(rest).is_some());
            let more = room.alloc(l);
            assert!(room.place(more).is_none());
            room.dealloc(more, l);
        }
    }
}
