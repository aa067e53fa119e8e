//! Reads the two ends of many connections, and carries what is in the fast lane from one to the other by itself.
//!
//! It belongs to one thread, that of the loop, which calls `turn` when something can be read. Whatever is not an exchange of the
//! lane, byte for byte, goes to the session. It owns copies of the descriptors, handed to it over a socket pair, so that none it
//! reads from or writes to can come to mean another connection.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::{Rc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rustix::event::{epoll, Timespec};
use rustix::io::Errno;
use rustix::net::{
    recv, recvmsg, send, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags,
};
use sluice_kernel::lane::Asked;

use crate::lane::Lane;
use crate::tail::Tail;

/// What is read of one end in a turn, at most.
const READ: usize = 256 << 10;
/// How many ends a turn looks at.
const MOST: usize = 256;

fn failed(errno: Errno) -> PyErr {
    PyOSError::new_err((errno.raw_os_error(), errno.to_string()))
}

/// What the runtime does for one end: take bytes, hear of its end, write what did not go at once, say how much still waits.
#[derive(FromPyObject)]
struct Calls {
    received: Py<PyAny>,
    gone: Py<PyAny>,
    write: Py<PyAny>,
    waiting: Py<PyAny>,
}

struct Way {
    id: u64,
    /// None once it has been left.
    fd: RefCell<Option<OwnedFd>>,
    client: bool,
    calls: Calls,
    lane: Py<Lane>,
    judge: Py<PyAny>,
    other: RefCell<Weak<Way>>,
    watched: Cell<bool>,
    behind: Cell<bool>,
    /// How many exchanges are carried until the session's driver gets one, to measure it.
    left: Cell<u32>,
    /// The exchange under way is that one.
    measured: Cell<bool>,
}

impl Way {
    /// Sends as the runtime does; what does not go at once waits there.
    fn send(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        if self.behind.get() {
            let waiting: usize = self.calls.waiting.call0(py)?.extract(py)?;
            self.behind.set(waiting > 0);
        }
        let sent = if self.behind.get() {
            0
        } else {
            // A fault shows again where the runtime meets it, which knows what to do about it.
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match &*self.fd.borrow() {
                Some(fd) => send(fd, data, flags).unwrap_or(0),
                None => return Ok(()),
            }
        };
        match data.get(sent..) {
            Some(rest) if !rest.is_empty() => {
                self.behind.set(true);
                self.calls.write.call1(py, (PyBytes::new(py, rest),))?;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

struct Watch {
    epoll: OwnedFd,
    ways: RefCell<HashMap<u64, Rc<Way>>>,
}

impl Watch {
    fn add(&self, way: &Way) -> Result<(), Errno> {
        if let (Some(fd), false) = (&*way.fd.borrow(), way.watched.get()) {
            epoll::add(
                &self.epoll,
                fd,
                epoll::EventData::new_u64(way.id),
                epoll::EventFlags::IN,
            )?;
            way.watched.set(true);
        }
        Ok(())
    }

    fn remove(&self, way: &Way) {
        if let (Some(fd), true) = (&*way.fd.borrow(), way.watched.replace(false)) {
            // It fails only where there is nothing to remove.
            epoll::delete(&self.epoll, fd).unwrap_or_default();
        }
    }
}

/// One end's handle.
#[pyclass(unsendable)]
pub struct End {
    way: Rc<Way>,
    watch: Rc<Watch>,
}

#[pymethods]
impl End {
    #[pyo3(signature = (on, /))]
    fn read(&self, on: bool) -> PyResult<()> {
        if on {
            return self.watch.add(&self.way).map_err(failed);
        }
        self.watch.remove(&self.way);
        Ok(())
    }

    fn behind(&self) {
        self.way.behind.set(true);
    }

    fn leave(&self) {
        self.watch.remove(&self.way);
        self.watch.ways.borrow_mut().remove(&self.way.id);
        self.way.fd.take();
    }
}

#[pyclass(unsendable)]
pub struct Pump {
    watch: Rc<Watch>,
    tail: Py<Tail>,
    log: Py<PyAny>,
    door: UnixStream,
    outside: Option<UnixStream>,
    every: u32,
    next: Cell<u64>,
    buffer: Cell<Vec<u8>>,
    ready: Cell<Vec<epoll::Event>>,
    took: Cell<(u64, u64)>,
}

#[pymethods]
impl Pump {
    #[new]
    #[pyo3(signature = (tail, log, every, /))]
    fn new(tail: Py<Tail>, log: Py<PyAny>, every: u32) -> PyResult<Self> {
        let (door, outside) = UnixStream::pair()?;
        Ok(Self {
            watch: Rc::new(Watch {
                epoll: epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed)?,
                ways: RefCell::default(),
            }),
            tail,
            log,
            door,
            outside: Some(outside),
            every,
            next: Cell::new(0),
            buffer: Cell::default(),
            ready: Cell::new(Vec::with_capacity(MOST)),
            took: Cell::default(),
        })
    }

    fn fileno(&self) -> RawFd {
        self.watch.epoll.as_raw_fd()
    }

    fn door(&mut self) -> Option<RawFd> {
        self.outside.take().map(IntoRawFd::into_raw_fd)
    }

    #[pyo3(signature = (lane, judge, client, upstream, /))]
    fn join(
        &self,
        lane: Py<Lane>,
        judge: Py<PyAny>,
        client: Calls,
        upstream: Calls,
        py: Python<'_>,
    ) -> PyResult<(End, End)> {
        let [first, second] = self.handed()?;
        let client = self.way(py, first, true, client, &lane, &judge);
        let upstream = self.way(py, second, false, upstream, &lane, &judge);
        *client.other.borrow_mut() = Rc::downgrade(&upstream);
        *upstream.other.borrow_mut() = Rc::downgrade(&client);
        for way in [&client, &upstream] {
            self.watch.add(way).map_err(failed)?;
        }
        for way in [&client, &upstream] {
            self.watch.ways.borrow_mut().insert(way.id, way.clone());
        }
        let end = |way| End {
            way,
            watch: self.watch.clone(),
        };
        Ok((end(client), end(upstream)))
    }

    fn turn(&self, py: Python<'_>) -> PyResult<(u64, u64)> {
        let mut buffer = self.buffer.take();
        buffer.resize(READ, 0);
        let mut ready = self.ready.take();
        ready.clear();
        let none = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let room = rustix::buffer::spare_capacity(&mut ready);
        if let Err(errno) = epoll::wait(&self.watch.epoll, room, Some(&none)) {
            if errno != Errno::INTR {
                return Err(failed(errno));
            }
        }
        for event in &ready {
            let way = self
                .watch
                .ways
                .borrow()
                .get(&event.data.u64())
                .map(Rc::clone);
            if let Some(way) = way {
                if let Err(error) = self.serve(py, &way, &mut buffer) {
                    self.watch.remove(&way);
                    way.calls.gone.call1(py, (error.into_value(py),))?;
                }
            }
        }
        self.buffer.set(buffer);
        self.ready.set(ready);
        Ok(self.took.take())
    }
}

impl Pump {
    fn handed(&self) -> PyResult<[OwnedFd; 2]> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        recvmsg(
            &self.door,
            &mut [IoSliceMut::new(&mut byte)],
            &mut beside,
            flags,
        )
        .map_err(failed)?;
        let mut found = Vec::with_capacity(2);
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                found.extend(descriptors);
            }
        }
        found.try_into().map_err(|_| failed(Errno::MFILE))
    }

    fn way(
        &self,
        py: Python<'_>,
        fd: OwnedFd,
        client: bool,
        calls: Calls,
        lane: &Py<Lane>,
        judge: &Py<PyAny>,
    ) -> Rc<Way> {
        let id = self.next.get();
        self.next.set(id + 1);
        Rc::new(Way {
            id,
            fd: RefCell::new(Some(fd)),
            client,
            calls,
            lane: lane.clone_ref(py),
            judge: judge.clone_ref(py),
            other: RefCell::default(),
            watched: Cell::new(false),
            behind: Cell::new(false),
            left: Cell::new(self.every),
            measured: Cell::new(false),
        })
    }

    fn serve(&self, py: Python<'_>, way: &Way, buffer: &mut [u8]) -> PyResult<()> {
        let received = match &*way.fd.borrow() {
            Some(fd) => recv(fd, &mut *buffer, RecvFlags::DONTWAIT),
            None => return Ok(()),
        };
        let read = match received {
            Ok((0, _)) => {
                self.watch.remove(way);
                way.calls.gone.call1(py, (py.None(),))?;
                return Ok(());
            }
            Ok((read, _)) => read,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(errno) => return Err(failed(errno)),
        };
        let data = buffer.get(..read).unwrap_or_default();
        if !self.carry(py, way, data)? {
            way.calls.received.call1(py, (PyBytes::new(py, data),))?;
        }
        Ok(())
    }

    /// Takes the bytes through the lane, if they belong there; false: nothing happened.
    fn carry(&self, py: Python<'_>, way: &Way, data: &[u8]) -> PyResult<bool> {
        let Some(other) = way.other.borrow().upgrade() else {
            return Ok(false);
        };
        let at = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64());
        let client = if way.client { way } else { &*other };
        if way.client {
            way.measured.set(way.left.get() == 0);
            way.left
                .set(way.left.get().checked_sub(1).unwrap_or(self.every));
        }
        if client.measured.get() {
            return Ok(false);
        }
        let mut lane = way.lane.bind(py).borrow_mut();
        if way.client {
            let Asked::Known(lines) = lane.asked(way.judge.bind(py), data, at)? else {
                return Ok(false);
            };
            let Some(receipt) = self.record(py, &lines)? else {
                lane.0.unask();
                return Ok(false);
            };
            let (events, bytes) = self.took.get();
            self.took.set((events + lane.0.under_way(), bytes));
            let out = lane.0.go(receipt).to_vec();
            drop(lane);
            other.send(py, &out)?;
        } else {
            let Some(ended) = lane.0.answer(data, at) else {
                return Ok(false);
            };
            if self.record(py, &ended.lines)?.is_none() {
                return Ok(false);
            }
            lane.0.ended(at);
            drop(lane);
            other.send(py, ended.out.as_deref().unwrap_or(data))?;
        }
        Ok(true)
    }

    fn record(
        &self,
        py: Python<'_>,
        lines: &[u8],
    ) -> PyResult<Option<sluice_kernel::lane::Receipt>> {
        if !self.log.getattr(py, "failure")?.is_none(py) {
            return Ok(None);
        }
        let receipt = self.tail.bind(py).borrow_mut().take(py, lines);
        if receipt.is_some() {
            let (events, bytes) = self.took.get();
            self.took.set((events, bytes + lines.len() as u64));
        }
        Ok(receipt)
    }
}
