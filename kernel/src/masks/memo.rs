//! Values in which nothing was found a moment ago: columns hold the same few again and again, and to compare is cheaper than to look.

use std::hash::Hasher;

use crate::quick::Quick;

const SLOTS: usize = 256;
const LONGEST: usize = 56;
/// So many values of a column are tried before it is known whether any come again.
const TRIED: u16 = 128;
/// Where few come again, so many go by before that is tried anew.
const PAUSE: u16 = 4096;

#[derive(Clone)]
struct Slot {
    column: u16,
    length: u8,
    bytes: [u8; LONGEST],
}

/// How one column fares.
#[derive(Clone, Copy, Default)]
struct Fare {
    asked: u16,
    known: u16,
    pause: u16,
}

/// The values, each in the one place that it can be in; a newer one takes it.
#[derive(Default)]
pub struct Memo {
    slots: Vec<Slot>,
    fares: Vec<Fare>,
    /// Where the value last asked for belongs; None: it is not kept.
    place: Option<usize>,
}

impl Memo {
    /// Whether nothing was found in this very value of this column.
    pub fn clean(&mut self, column: u16, value: &[u8]) -> bool {
        self.place = None;
        if value.len() > LONGEST || value.is_empty() || !self.worth(column) {
            return false;
        }
        let mut hash = Quick::default();
        hash.write_u16(column);
        hash.write_long(value);
        let place = (hash.finish() >> 32) as usize % SLOTS;
        self.place = Some(place);
        let held = self.slots.get(place).is_some_and(|slot| {
            slot.column == column
                && usize::from(slot.length) == value.len()
                && slot.bytes.get(..value.len()) == Some(value)
        });
        if held {
            if let Some(fare) = self.fares.get_mut(usize::from(column)) {
                fare.known = fare.known.saturating_add(1);
            }
        }
        held
    }

    /// Keeps the value last asked for, in which nothing was found.
    pub fn keep(&mut self, column: u16, value: &[u8]) {
        let Some(place) = self.place.take() else {
            return;
        };
        if self.slots.is_empty() {
            let none = Slot {
                column: 0,
                length: 0,
                bytes: [0; LONGEST],
            };
            self.slots = vec![none; SLOTS];
        }
        if let (Some(slot), Ok(length)) = (self.slots.get_mut(place), u8::try_from(value.len())) {
            if let Some(bytes) = slot.bytes.get_mut(..value.len()) {
                bytes.copy_from_slice(value);
                (slot.column, slot.length) = (column, length);
            }
        }
    }

    /// Whether values of this column come again often enough to be looked for.
    fn worth(&mut self, column: u16) -> bool {
        let column = usize::from(column);
        if self.fares.len() <= column {
            self.fares.resize(column + 1, Fare::default());
        }
        let Some(fare) = self.fares.get_mut(column) else {
            return false;
        };
        if fare.pause > 0 {
            fare.pause -= 1;
            return false;
        }
        fare.asked += 1;
        if fare.asked >= TRIED {
            if fare.known < TRIED / 4 {
                fare.pause = PAUSE;
            }
            (fare.asked, fare.known) = (0, 0);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_only_by_all_of_it_and_in_its_own_column() {
        let mut memo = Memo::default();
        for value in [&b"one"[..], b"one longer than eight bytes", b"\0"] {
            assert!(!memo.clean(3, value));
            memo.keep(3, value);
            assert!(memo.clean(3, value));
            assert!(!memo.clean(4, value));
            let mut other = value.to_vec();
            other.push(b'x');
            assert!(!memo.clean(3, &other));
        }
    }

    #[test]
    fn a_column_whose_values_never_come_again_is_left_alone_for_a_while() {
        let mut memo = Memo::default();
        for number in 0..u32::from(TRIED) {
            let value = number.to_string();
            assert!(!memo.clean(0, value.as_bytes()));
            memo.keep(0, value.as_bytes());
        }
        assert!(!memo.clean(0, b"127"));
        memo.keep(0, b"127");
        assert!(!memo.clean(0, b"127"));
    }
}
