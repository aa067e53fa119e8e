//! Cuts one direction of a PostgreSQL v3 stream into messages, rows in runs.
//!
//! Layout: a type byte, a big-endian length that counts itself and not the type byte, the body.

const HEADER: usize = 5;
const CLIENT: &[u8] = b"QPBDESHCdcfFX";
const SERVER: &[u8] = b"TDdCIs123ntVENASGHWcZKRv";

/// The state of one direction. The cut of the input never matters to what comes out, but for the cut of runs.
pub struct Frames {
    server: bool,
    max_frame: usize,
    held: Vec<u8>,
    broken: bool,
    /// Hand on parts of an incomplete row at once.
    pub stream: bool,
    streaming: Option<(u8, u64)>,
    rows: u64,
}

impl Frames {
    /// `max_frame`: the longest message, header included, that is put together.
    pub fn new(server: bool, max_frame: usize) -> Self {
        Self {
            server,
            max_frame,
            held: Vec::new(),
            broken: false,
            stream: false,
            streaming: None,
            rows: 0,
        }
    }

    /// Bytes of an unfinished message.
    pub fn pending(&self) -> usize {
        self.held.len()
    }

    /// Rows (or CopyData messages) begun since the last call.
    pub fn take_rows(&mut self) -> u64 {
        std::mem::take(&mut self.rows)
    }

    /// Calls `out` with each message (runs of rows as one) that `data` completes; kind 0 is the reason the stream is broken.
    pub fn feed<E>(
        &mut self,
        data: &[u8],
        mut out: impl FnMut(u8, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.broken {
            return Ok(());
        }
        if self.held.is_empty() {
            let used = self.cut(data, &mut out)?;
            self.held
                .extend_from_slice(data.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(data);
        let used = self.cut(&held, &mut out)?;
        held.drain(..used.min(held.len()));
        self.held = held;
        Ok(())
    }

    fn cut<E>(
        &mut self,
        data: &[u8],
        out: &mut impl FnMut(u8, &[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        let mut at = 0;
        let mut run: Option<(u8, usize)> = None;
        while at < data.len() {
            if let Some((kind, left)) = self.streaming {
                let rest = data.get(at..).unwrap_or_default();
                let part = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                out(kind, rest.get(..part).unwrap_or_default())?;
                let left = left.saturating_sub(part as u64);
                self.streaming = (left > 0).then_some((kind, left));
                at += part;
                continue;
            }
            let Some((kind, whole)) = header(data, at) else {
                break;
            };
            if let Some(reason) = self.fault(kind, whole) {
                flush(data, run.take(), at, out)?;
                self.broken = true;
                out(0, reason.as_bytes())?;
                return Ok(data.len());
            }
            let row = (kind == b'D' && self.server) || kind == b'd';
            if whole > (data.len() - at) as u64 {
                if row && self.stream {
                    flush(data, run.take(), at, out)?;
                    out(kind, data.get(at..).unwrap_or_default())?;
                    self.rows += 1;
                    self.streaming = Some((kind, whole - (data.len() - at) as u64));
                    return Ok(data.len());
                }
                if whole > self.max_frame as u64 {
                    flush(data, run.take(), at, out)?;
                    self.broken = true;
                    out(0, b"message is longer than allowed")?;
                    return Ok(data.len());
                }
                break;
            }
            if run.is_some_and(|(of, _)| of != kind) {
                flush(data, run.take(), at, out)?;
            }
            let end = at + usize::try_from(whole).unwrap_or(usize::MAX);
            if row {
                self.rows += 1;
                run = run.or(Some((kind, at)));
            } else {
                out(kind, data.get(at..end).unwrap_or_default())?;
            }
            at = end;
        }
        flush(data, run, at, out)?;
        Ok(at)
    }

    fn fault(&self, kind: u8, whole: u64) -> Option<&'static str> {
        let known = if self.server { SERVER } else { CLIENT };
        if !known.contains(&kind) {
            return Some("unknown message type");
        }
        if whole < HEADER as u64 || whole > i32::MAX as u64 {
            return Some("impossible message length");
        }
        let row = (kind == b'D' && self.server) || kind == b'd';
        (whole > self.max_frame as u64 && !(row && self.stream))
            .then_some("message is longer than allowed")
    }
}

fn flush<E>(
    data: &[u8],
    run: Option<(u8, usize)>,
    end: usize,
    out: &mut impl FnMut(u8, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    match run {
        Some((kind, start)) => out(kind, data.get(start..end).unwrap_or_default()),
        None => Ok(()),
    }
}

/// The type and whole length (with the type byte) of the message at `at`; None: not there yet.
fn header(data: &[u8], at: usize) -> Option<(u8, u64)> {
    let head = data.get(at..at + HEADER)?;
    let (kind, length) = head.split_first()?;
    Some((
        *kind,
        u64::from(u32::from_be_bytes(length.try_into().ok()?)) + 1,
    ))
}

/// The messages of a run of whole messages, headers included. Ends early with an error when the run is not whole.
pub fn each(run: &[u8]) -> impl Iterator<Item = Result<&[u8], crate::Malformed>> {
    let mut at = 0;
    let mut failed = false;
    std::iter::from_fn(move || {
        if failed || at >= run.len() {
            return None;
        }
        let whole = header(run, at)
            .and_then(|(_, whole)| usize::try_from(whole).ok())
            .filter(|whole| *whole >= HEADER);
        let frame = whole.and_then(|whole| run.get(at..at.checked_add(whole)?));
        match frame {
            Some(frame) => {
                at += frame.len();
                Some(Ok(frame))
            }
            None => {
                failed = true;
                Some(Err(crate::Malformed(
                    "a run does not end with a whole message",
                )))
            }
        }
    })
}

/// How many messages a run holds.
pub fn count(run: &[u8]) -> Result<u64, crate::Malformed> {
    let mut found = 0;
    for frame in each(run) {
        frame?;
        found += 1;
    }
    Ok(found)
}

/// The length of the first `n` messages of a run.
pub fn head(run: &[u8], n: u64) -> Result<usize, crate::Malformed> {
    let mut length = 0;
    for (index, frame) in each(run).enumerate() {
        if index as u64 >= n {
            break;
        }
        length += frame?.len();
    }
    Ok(length)
}
