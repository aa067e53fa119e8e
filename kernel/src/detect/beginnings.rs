//! Which detectors can find something that begins here: all their automata walked together over the first bytes, one look-up a
//! byte. It leaves out only detectors that cannot match.

use std::collections::HashMap;

use regex_automata::util::primitives::StateID;

use super::automaton::Automaton;

/// How many first bytes are looked at, at most.
const DEPTH: usize = 16;
/// How many states have successors; those beyond are where looking ends.
const STATES: usize = 16_000;

/// Where each automaton that is not yet decided stands, and those that may match whatever follows.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Standing {
    open: Vec<(u8, StateID)>,
    settled: u128,
}

impl Standing {
    fn alive(&self) -> u128 {
        self.open
            .iter()
            .fold(self.settled, |bits, (index, _)| bits | 1u128 << index)
    }
}

/// The automata's common beginnings, compiled.
pub struct Beginnings {
    classes: Box<[u8; 256]>,
    width: usize,
    /// By state and class the next state. Those without successors have none in it.
    next: Vec<u16>,
    /// By state, the detectors that may still match, and of these the ones that may even if the text ends here.
    alive: Vec<(u128, u128)>,
}

impl Beginnings {
    /// Of at most 128 automata, in the order of their detectors.
    pub fn new(automata: &[&Automaton]) -> Self {
        let (classes, of_class) = alphabet(automata);
        let mut made = Self {
            classes,
            width: of_class.len(),
            next: Vec::new(),
            alive: Vec::new(),
        };
        let first = Standing {
            open: (0u8..)
                .zip(automata)
                .map(|(index, automaton)| (index, automaton.start()))
                .collect(),
            settled: 0,
        };
        let mut known: HashMap<Standing, u16> = HashMap::new();
        let mut all: Vec<(Standing, usize)> = Vec::new();
        // The state of those where nothing can begin is the first.
        for standing in [
            Standing {
                open: Vec::new(),
                settled: 0,
            },
            first,
        ] {
            known.insert(standing.clone(), u16::try_from(all.len()).unwrap_or(0));
            all.push((standing, 0));
        }
        let mut at = 0;
        while let Some((standing, depth)) = all.get(at).cloned() {
            if depth == DEPTH || all.len() + of_class.len() > STATES {
                break;
            }
            at += 1;
            for byte in &of_class {
                let after = step(&standing, *byte, automata);
                let index = match known.get(&after) {
                    Some(index) => *index,
                    None => {
                        let index = u16::try_from(all.len()).unwrap_or(0);
                        known.insert(after.clone(), index);
                        all.push((after, depth + 1));
                        index
                    }
                };
                made.next.push(index);
            }
        }
        made.alive = all
            .iter()
            .map(|(standing, _)| (standing.alive(), standing.settled))
            .collect();
        made
    }

    /// The detectors that may match where `text` begins.
    pub fn of(&self, text: &[u8]) -> u128 {
        let mut state = 1usize;
        for byte in text {
            let class = self.classes.get(usize::from(*byte)).copied().unwrap_or(0);
            match self.next.get(state * self.width + usize::from(class)) {
                Some(0) => return 0,
                Some(next) => state = usize::from(*next),
                None => return self.alive.get(state).map_or(u128::MAX, |alive| alive.0),
            }
        }
        self.alive.get(state).map_or(u128::MAX, |alive| alive.1)
    }
}

fn step(standing: &Standing, byte: u8, automata: &[&Automaton]) -> Standing {
    let mut after = Standing {
        open: Vec::new(),
        settled: standing.settled,
    };
    for (index, state) in &standing.open {
        let Some(automaton) = automata.get(usize::from(*index)) else {
            continue;
        };
        let Some(next) = automaton.step(*state, byte) else {
            continue;
        };
        if automaton.may_end(next) {
            after.settled |= 1u128 << index;
        } else {
            after.open.push((*index, next));
        }
    }
    after
}

/// Bytes that no automaton tells apart, by class, and one byte of each.
fn alphabet(automata: &[&Automaton]) -> (Box<[u8; 256]>, Vec<u8>) {
    let mut classes = Box::new([0u8; 256]);
    let mut of_class = Vec::new();
    let mut known: HashMap<Vec<u8>, u8> = HashMap::new();
    for (byte, class) in (0u8..=255).zip(classes.iter_mut()) {
        let signature = automata
            .iter()
            .map(|automaton| automaton.class(byte))
            .collect();
        *class = *known.entry(signature).or_insert_with(|| {
            of_class.push(byte);
            // At most 256 classes of 256 bytes.
            u8::try_from(of_class.len() - 1).unwrap_or(0)
        });
    }
    (classes, of_class)
}
