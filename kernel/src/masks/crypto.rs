//! The keyed side of masking: HMAC-SHA256 with its key schedule done once. Source: RFC 2104.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// A masking key, ready. What is made up has a key of its own, so that no hash tells anything of it.
#[derive(Clone)]
pub struct Key {
    hashes: Hmac<Sha256>,
    streams: Hmac<Sha256>,
}

impl Key {
    /// Any length is a key; an empty one is a key that everybody has.
    pub fn new(secret: &[u8]) -> Self {
        let hashes = keyed(secret);
        let streams = keyed(&digest(&hashes, b"sluice: what is made up"));
        Self { hashes, streams }
    }

    /// The HMAC of a value.
    pub fn digest(&self, value: &[u8]) -> [u8; 32] {
        digest(&self.hashes, value)
    }

    /// The first 16 bytes of the HMAC of a value, in hex.
    pub fn hex(&self, value: &[u8]) -> [u8; 32] {
        hex(&self.digest(value))
    }

    /// An endless keyed stream that depends on all of the value.
    pub fn stream(&self, value: &[u8]) -> Stream<'_> {
        let seed = digest(&self.streams, value);
        Stream {
            key: &self.streams,
            seed,
            block: seed,
            at: 0,
            count: 0,
        }
    }
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of every length, so the error cannot happen; a fixed key would be the safe answer if it did.
    Hmac::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

fn digest(key: &Hmac<Sha256>, value: &[u8]) -> [u8; 32] {
    let mut mac = key.clone();
    mac.update(value);
    mac.finalize().into_bytes().into()
}

/// Bytes derived from a value under a key: its HMAC, then the HMACs of that with a counter behind it.
pub struct Stream<'a> {
    key: &'a Hmac<Sha256>,
    seed: [u8; 32],
    block: [u8; 32],
    at: usize,
    count: u64,
}

impl Stream<'_> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        if self.at >= self.block.len() {
            let mut mac = self.key.clone();
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
    let mut out = [b'0'; 32];
    for (pair, byte) in out.chunks_exact_mut(2).zip(digest) {
        pair.copy_from_slice(&hex_of(*byte));
    }
    out
}

/// A byte as two hex digits.
pub fn hex_of(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [byte >> 4, byte & 15].map(|half| DIGITS.get(usize::from(half)).copied().unwrap_or(b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(mut stream: Stream<'_>, many: usize) -> Vec<u8> {
        (0..many).map(|_| stream.byte()).collect()
    }

    #[test]
    fn digests_are_those_of_rfc_4231() {
        let digest = Key::new(&[0x0b; 20]).digest(b"Hi There");
        assert_eq!(&hex(&digest), b"b0344c61d8db38535ca8afceaf0bf12b");
        let long = Key::new(&[0xaa; 131])
            .digest(b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(&hex(&long), b"60e431591ee0b67f0d8a26aacbf5b77f");
    }

    #[test]
    fn a_stream_hangs_on_key_and_value_and_does_not_repeat() {
        let key = Key::new(b"k");
        let long = taken(key.stream(b"value"), 200);
        assert_eq!(long, taken(key.stream(b"value"), 200));
        assert_ne!(long, taken(key.stream(b"valuf"), 200));
        assert_ne!(long, taken(Key::new(b"l").stream(b"value"), 200));
        assert_ne!(long.get(..32), long.get(32..64));
        assert_ne!(long.get(32..64), long.get(64..96));
    }

    #[test]
    fn a_stream_tells_nothing_of_the_hash() {
        let key = Key::new(b"k");
        assert_ne!(
            taken(key.stream(b"value"), 32),
            key.digest(b"value").to_vec()
        );
    }

    #[test]
    fn a_number_is_below_what_was_asked_for() {
        let key = Key::new(b"");
        let mut stream = key.stream(b"");
        assert!((0..1000).all(|most| stream.below(most) < most.max(1)));
    }
}
