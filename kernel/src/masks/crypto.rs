//! The keyed side of masking: HMAC-SHA256 with its key schedule done once. Source: RFC 2104.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// A masking key, ready.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// Any length is a key; an empty one is a key that everybody has.
    pub fn new(secret: &[u8]) -> Self {
        // HMAC takes keys of every length, so the error cannot happen; a fixed key would be the safe answer if it did.
        Self(Hmac::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&Default::default())))
    }

    /// The HMAC of a value.
    pub fn digest(&self, value: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(value);
        mac.finalize().into_bytes().into()
    }

    /// The first 16 bytes of the HMAC of a value, in hex.
    pub fn hex(&self, value: &[u8]) -> [u8; 32] {
        hex(&self.digest(value))
    }

    /// An endless keyed stream that depends on all of the value.
    pub fn stream(&self, value: &[u8]) -> Stream {
        Stream {
            key: self.clone(),
            seed: self.digest(value),
            block: [0; 32],
            at: 32,
            count: 0,
        }
    }
}

/// Bytes derived from a value under a key.
pub struct Stream {
    key: Key,
    seed: [u8; 32],
    block: [u8; 32],
    at: usize,
    count: u64,
}

impl Stream {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        if self.at >= self.block.len() {
            let mut mac = self.key.0.clone();
            mac.update(&self.seed);
            mac.update(&self.count.to_be_bytes());
            self.block = mac.finalize().into_bytes().into();
            self.count = self.count.wrapping_add(1);
            self.at = 0;
        }
        let byte = self.block.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    /// A number below `most`, near enough to even for a mask.
    pub fn below(&mut self, most: u64) -> u64 {
        let mut number = 0u64;
        for _ in 0..8 {
            number = number << 8 | u64::from(self.byte());
        }
        number.checked_rem(most).unwrap_or(0)
    }
}

/// The first 16 bytes in hex.
pub fn hex(digest: &[u8; 32]) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = [b'0'; 32];
    for (pair, byte) in out.chunks_exact_mut(2).zip(digest) {
        if let [high, low] = pair {
            *high = DIGITS.get(usize::from(byte >> 4)).copied().unwrap_or(b'0');
            *low = DIGITS.get(usize::from(byte & 15)).copied().unwrap_or(b'0');
        }
    }
    out
}
