//! The end of the log's spool, where lines are put: two views of one mapped file.

use std::cell::Cell;
use std::sync::atomic::{compiler_fence, Ordering};

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use sluice_kernel::lane::Receipt;

use crate::KernelError;

#[pyclass(unsendable)]
pub struct Tail {
    room: Option<PyBuffer<u8>>,
    extent: Option<PyBuffer<u64>>,
    first: usize,
    #[pyo3(get)]
    end: usize,
}

impl Tail {
    /// Puts whole lines behind the others, if there is room.
    pub fn take(&mut self, py: Python<'_>, lines: &[u8]) -> Option<Receipt> {
        let end = self.end.checked_add(lines.len())?;
        let room = self.room.as_ref()?.as_mut_slice(py)?.get(self.end..end)?;
        if lines.last() != Some(&b'\n') {
            return None;
        }
        for (place, byte) in room.iter().zip(lines) {
            place.set(*byte);
        }
        self.reach(py, end)?;
        Some(Receipt::written())
    }

    /// One store says where the lines end: whoever is killed before it has put nothing there.
    fn reach(&mut self, py: Python<'_>, end: usize) -> Option<()> {
        compiler_fence(Ordering::SeqCst);
        let extent: &Cell<u64> = self.extent.as_ref()?.as_mut_slice(py)?.first()?;
        extent.set(end as u64);
        compiler_fence(Ordering::SeqCst);
        self.end = end;
        Some(())
    }
}

#[pymethods]
impl Tail {
    #[new]
    fn new(room: PyBuffer<u8>, extent: PyBuffer<u64>, first: usize) -> PyResult<Self> {
        if room.readonly()
            || extent.readonly()
            || first > room.item_count()
            || extent.item_count() != 1
        {
            return Err(KernelError::new_err("a spool that cannot be written to"));
        }
        Ok(Self {
            room: Some(room),
            extent: Some(extent),
            first,
            end: first,
        })
    }

    #[pyo3(signature = (lines, /))]
    fn append(&mut self, py: Python<'_>, lines: &[u8]) -> bool {
        self.take(py, lines).is_some()
    }

    fn settle(&mut self, py: Python<'_>) {
        let first = self.first;
        self.reach(py, first);
    }

    fn release(&mut self) {
        self.room = None;
        self.extent = None;
    }
}
