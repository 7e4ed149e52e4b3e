//! Accumulators as bytes. The host keeps them between calls, so they cross often: fixed-width little-endian fields in
//! order, no names, no tags, which compiles to plain loads and stores. One value has one encoding, which is why
//! `HashMap` is missing here: its order would differ from instance to instance.
//!
//! The bytes live as long as the window, also when the module gets a new version: one with other fields has another
//! `format`, and says how it migrates those of open windows.

use std::collections::{BTreeMap, BTreeSet};

/// A value that can be kept between calls. Derive it: `#[derive(Accumulator)]` on a struct or enum of such values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be kept in an accumulator",
    note = "derive `sluicebox_udf::Accumulator`; maps must be ordered (`BTreeMap`), for equal content must be equal bytes"
)]
pub trait Accumulator: Sized {
    /// Append the bytes to `out`.
    fn write(&self, out: &mut Vec<u8>);

    /// Take the bytes from the front of `from`; `None` if they are not a value.
    fn read(from: &mut &[u8]) -> Option<Self>;

    /// The value that these bytes are, all of them.
    fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let value = Self::read(&mut bytes)?;
        bytes.is_empty().then_some(value)
    }
}

macro_rules! numbers {
    ($($number:ty)+) => {$(
        impl Accumulator for $number {
            #[inline]
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            #[inline]
            fn read(from: &mut &[u8]) -> Option<Self> {
                let (bytes, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(Self::from_le_bytes(*bytes))
            }
        }
    )+};
}
numbers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64);

impl Accumulator for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        match u8::read(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Accumulator for usize {
    fn write(&self, out: &mut Vec<u8>) {
        (*self as u64).write(out);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        u64::read(from)?.try_into().ok()
    }
}

impl Accumulator for char {
    fn write(&self, out: &mut Vec<u8>) {
        u32::from(*self).write(out);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        char::from_u32(u32::read(from)?)
    }
}

impl Accumulator for String {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u32).write(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let length = u32::read(from)? as usize;
        let (bytes, rest) = from.split_at_checked(length)?;
        *from = rest;
        Some(std::str::from_utf8(bytes).ok()?.to_owned())
    }
}

impl<T: Accumulator> Accumulator for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        Some(if bool::read(from)? {
            Some(T::read(from)?)
        } else {
            None
        })
    }
}

impl<T: Accumulator> Accumulator for Box<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        T::read(from).map(Box::new)
    }
}

impl<T: Accumulator + Default + Copy, const N: usize> Accumulator for [T; N] {
    fn write(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|item| item.write(out));
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        let mut items = [T::default(); N];
        for item in &mut items {
            *item = T::read(from)?;
        }
        Some(items)
    }
}

fn write_all<'t, T: Accumulator + 't>(
    items: impl ExactSizeIterator<Item = &'t T>,
    out: &mut Vec<u8>,
) {
    (items.len() as u32).write(out);
    items.for_each(|item| item.write(out));
}

fn read_all<T: Accumulator, C: FromIterator<T>>(from: &mut &[u8]) -> Option<C> {
    let count = u32::read(from)?;
    (0..count).map(|_| T::read(from)).collect()
}

impl<T: Accumulator> Accumulator for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        write_all(self.iter(), out);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        read_all(from)
    }
}

impl<T: Accumulator + Ord> Accumulator for BTreeSet<T> {
    fn write(&self, out: &mut Vec<u8>) {
        write_all(self.iter(), out);
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        read_all(from)
    }
}

impl<K: Accumulator + Ord, V: Accumulator> Accumulator for BTreeMap<K, V> {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u32).write(out);
        for (key, value) in self {
            key.write(out);
            value.write(out);
        }
    }

    fn read(from: &mut &[u8]) -> Option<Self> {
        read_all::<(K, V), _>(from)
    }
}

macro_rules! tuples {
    ($(($($item:ident)*))+) => {$(
        #[allow(non_snake_case, unused_variables)]
        impl<$($item: Accumulator),*> Accumulator for ($($item,)*) {
            fn write(&self, out: &mut Vec<u8>) {
                let ($($item,)*) = self;
                $($item.write(out);)*
            }

            fn read(from: &mut &[u8]) -> Option<Self> {
                Some(($($item::read(from)?,)*))
            }
        }
    )+};
}
tuples!(() (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F));
