//! Macros that declare what a contract takes, gives, tells and refuses. Each writes
//! what it declares into a custom section of the module, of which
//! `concordat contract build` makes the schema.

/// Between the parts of what is declared, and behind the last one.
#[doc(hidden)]
pub const BETWEEN: &str = "\x1f";
#[doc(hidden)]
pub const END: &str = "\x1e";

/// The length of parts together.
#[doc(hidden)]
pub const fn joined_len(parts: &[&str]) -> usize {
    let (mut n, mut i) = (0, 0);
    while i < parts.len() {
        n += parts[i].len();
        i += 1;
    }
    n
}

/// Parts one after another.
#[doc(hidden)]
pub const fn joined<const N: usize>(parts: &[&str]) -> [u8; N] {
    let mut out = [0; N];
    let (mut n, mut i) = (0, 0);
    while i < parts.len() {
        let part = parts[i].as_bytes();
        let mut j = 0;
        while j < part.len() {
            out[n] = part[j];
            n += 1;
            j += 1;
        }
        i += 1;
    }
    out
}

/// Tags are written in the order of the fields, so they must ascend, as the byte form
/// says. The compiler evaluates this.
#[doc(hidden)]
pub const fn ascending(tags: &[u32]) {
    let (mut last, mut i) = (0, 0);
    while i < tags.len() {
        assert!(tags[i] > last, "the tags of a message ascend from 1: write its fields in the order of their tags");
        assert!(tags[i] <= 1000, "a tag is at most 1000");
        last = tags[i];
        i += 1;
    }
}

/// What a method takes and gives, by the names of the messages.
#[doc(hidden)]
pub const fn signature<I, O, F>(_: &F) -> [&'static str; 2]
where
    I: crate::Message,
    O: crate::Message,
    F: Fn(&mut crate::Context, I) -> Result<O, crate::Error>,
{
    [I::NAME, O::NAME]
}

#[doc(hidden)]
pub const fn flag(set: bool) -> &'static str {
    if set {
        "1"
    } else {
        ""
    }
}

/// Puts parts into the custom section.
#[doc(hidden)]
#[macro_export]
macro_rules! declared {
    ($($part:expr),* $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            const PARTS: &[&str] = &[$($part),*];
            #[used]
            #[link_section = "concordat_declared"]
            static DECLARED: [u8; $crate::joined_len(PARTS)] = $crate::joined(PARTS);
        };
    };
}

/// The text of an attribute that is a comment, with a line's end.
#[doc(hidden)]
#[macro_export]
macro_rules! doc_of {
    (doc = $text:literal) => {
        concat!($text, "\n")
    };
    ($($other:tt)*) => {
        ""
    };
}

/// Whether an attribute says that a field is optional.
#[doc(hidden)]
#[macro_export]
macro_rules! optional_of {
    (optional) => {
        "1"
    };
    ($($other:tt)*) => {
        ""
    };
}

/// Declares a structure and its byte form. Comments become those of the schema; a
/// field behind `#[optional]` need not be given.
///
/// ```
/// use concordat::{Amount, Party};
///
/// concordat::message! {
///     /// What a transfer takes.
///     pub struct TransferIn {
///         1 => to: Party,
///         2 => amount: Amount,
///         /// What it is for.
///         #[optional]
///         3 => memo: Vec<u8>,
///     }
/// }
/// ```
///
/// Fields stand in the order of their tags; anything else does not compile:
///
/// ```compile_fail
/// concordat::message! { pub struct Pair { 2 => second: u64, 1 => first: u64 } }
/// ```
#[macro_export]
macro_rules! message {
    ($(#[$($meta:tt)*])* $vis:vis struct $name:ident {
        $($(#[$($field_meta:tt)*])* $tag:literal => $field:ident : $kind:ty),* $(,)?
    }) => {
        $(#[$($meta)*])*
        #[derive(Clone, Default, Debug, PartialEq, Eq)]
        $vis struct $name { $(pub $field: $kind),* }

        const _: () = $crate::ascending(&[$($tag),*]);

        impl $crate::Message for $name {
            const NAME: &'static str = stringify!($name);

            fn fields(&mut self, f: &mut $crate::Fields<'_>) {
                $($crate::Field::field(&mut self.$field, $tag, f);)*
            }
        }

        $crate::declared! {
            "message", $crate::BETWEEN, stringify!($name), $crate::BETWEEN, $($crate::doc_of!($($meta)*),)* $crate::END,
            $(
                "field", $crate::BETWEEN, stringify!($tag), $crate::BETWEEN, stringify!($field), $crate::BETWEEN,
                <$kind as $crate::Field>::KIND, $crate::BETWEEN, $crate::flag(<$kind as $crate::Field>::REPEATED), $crate::BETWEEN,
                stringify!($kind), $crate::BETWEEN, $($crate::optional_of!($($field_meta)*),)* $crate::BETWEEN,
                $($crate::doc_of!($($field_meta)*),)* $crate::END,
            )*
        }
    };
}

/// Declares an event: its topic, and the message that it carries, which is then
/// told with `emit`.
///
/// ```
/// concordat::event! {
///     /// A door was opened.
///     "opened" => pub struct Opened { 1 => by: concordat::Party }
/// }
///
/// fn open(c: &mut concordat::Context) {
///     Opened { by: c.caller.clone() }.emit(c);
/// }
/// ```
#[macro_export]
macro_rules! event {
    ($(#[$($meta:tt)*])* $topic:literal => $vis:vis struct $name:ident { $($fields:tt)* }) => {
        $crate::message! { $(#[$($meta)*])* $vis struct $name { $($fields)* } }

        impl $name {
            /// Tells the world.
            $vis fn emit(self, c: &mut $crate::Context) {
                c.emit($topic, self);
            }
        }

        $crate::declared! {
            "event", $crate::BETWEEN, $topic, $crate::BETWEEN, stringify!($name), $crate::BETWEEN, $($crate::doc_of!($($meta)*),)* $crate::END,
        }
    };
}

/// Declares the codes of the errors that a contract returns, as constants.
///
/// ```
/// concordat::errors! {
///     /// The party holds less than the amount.
///     INSUFFICIENT_BALANCE = 2,
/// }
/// ```
#[macro_export]
macro_rules! errors {
    ($($(#[$($meta:tt)*])* $name:ident = $code:literal),* $(,)?) => {
        $($(#[$($meta)*])* pub const $name: u32 = $code;)*

        $($crate::declared! {
            "error", $crate::BETWEEN, stringify!($code), $crate::BETWEEN, stringify!($name), $crate::BETWEEN,
            $($crate::doc_of!($($meta)*),)* $crate::END,
        })*
    };
}

/// Lists a contract's methods and exports what the ledger calls. A method behind
/// `query` changes nothing.
///
/// ```
/// use concordat::{Context, Error, Nothing};
///
/// concordat::contract! {
///     /// Answers.
///     contract "echo";
///     /// Says nothing.
///     query "ping" => ping,
/// }
///
/// fn ping(_: &mut Context, _: Nothing) -> Result<Nothing, Error> {
///     Ok(Nothing)
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! contract {
    ($(#[$($meta:tt)*])* contract $name:literal; $($methods:tt)*) => {
        $crate::declared! {
            "contract", $crate::BETWEEN, $name, $crate::BETWEEN, $($crate::doc_of!($($meta)*),)* $crate::END,
        }
        $crate::contract! { $($methods)* }
    };
    ($($(#[$($meta:tt)*])* $($kind:ident)? $name:literal => $method:path),* $(,)?) => {
        /// The contract's methods by name.
        pub static METHODS: &[$crate::MethodEntry] = &[
            $(($name, |c, args| $crate::run($name, $method, c, args))),*
        ];

        $crate::declared! { $(
            "method", $crate::BETWEEN, $name, $crate::BETWEEN, $(stringify!($kind),)? $crate::BETWEEN,
            $crate::signature(&$method)[0], $crate::BETWEEN, $crate::signature(&$method)[1], $crate::BETWEEN,
            $($crate::doc_of!($($meta)*),)* $crate::END,
        )* }

        #[cfg(target_arch = "wasm32")]
        #[no_mangle]
        pub extern "C" fn call() -> i32 {
            $crate::call_guest(METHODS)
        }

        #[cfg(target_arch = "wasm32")]
        #[no_mangle]
        pub extern "C" fn warm() {
            $crate::warm_guest()
        }

        #[cfg(target_arch = "wasm32")]
        #[no_mangle]
        pub extern "C" fn concordat_abi_1() {}
    };
}
