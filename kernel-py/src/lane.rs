//! The fast lane's face: a session asks by it what its connection's bytes are, where they do not come by the pump.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use sluice_kernel as kernel;
use sluice_kernel::lane::{Asked, Doubt, Receipt, Ride};
use sluice_kernel::tracks::Names;

use crate::{KernelError, MaskPlan};

type Leg = (Vec<u8>, bool, Vec<u8>, String);
type Left<'py> = (usize, u64, f64, Bound<'py, PyBytes>, bool);
type Ended<'py> = (Bound<'py, PyBytes>, Option<Bound<'py, PyBytes>>);

#[pyclass]
pub struct Lane(pub kernel::lane::Lane);

impl Lane {
    /// Asks the lane about a client's messages, and the judge about what only the session can know.
    pub fn asked(&mut self, judge: &Bound<'_, PyAny>, data: &[u8], at: f64) -> PyResult<Asked> {
        let mut trouble = None;
        let found = self.0.ask(data, at, |doubt| {
            let said = match doubt {
                Doubt::Meant(track) => judge.call_method1("meant", (track,)),
                Doubt::Clean(text) => {
                    judge.call_method1("clean", (PyBytes::new(judge.py(), text),))
                }
            };
            said.and_then(|said| said.is_truthy())
                .unwrap_or_else(|error| {
                    trouble = Some(error);
                    false
                })
        });
        trouble.map_or(Ok(found), Err)
    }
}

#[pymethods]
impl Lane {
    #[new]
    fn new(connection: &str, until: f64) -> Self {
        Self(kernel::lane::Lane::new(connection, until))
    }

    #[getter]
    fn number(&self) -> u64 {
        self.0.number
    }

    #[getter]
    fn now(&self) -> f64 {
        self.0.now
    }

    #[getter]
    fn riding(&self) -> bool {
        self.0.riding()
    }

    #[getter]
    fn track(&self) -> PyResult<usize> {
        let track = self.0.track();
        track.ok_or_else(|| KernelError::new_err("no exchange is under way"))
    }

    #[getter]
    fn waits(&self) -> bool {
        self.0.waits()
    }

    #[pyo3(signature = (open, number, /))]
    fn settle(&mut self, open: bool, number: u64) {
        self.0.settle(open, number);
    }

    fn signature<'py>(&mut self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let last = self.0.tracks.signature();
        last.map(|signature| PyBytes::new(py, &signature))
    }

    #[pyo3(signature = (signature, reply, legs, mask, needs, defines, /))]
    fn keep(
        &mut self,
        signature: &[u8],
        reply: &[u8],
        legs: Vec<Leg>,
        mask: Option<&MaskPlan>,
        needs: Vec<String>,
        defines: Vec<String>,
    ) {
        let legs = legs
            .into_iter()
            .map(|(before, own_text, rest, ending)| kernel::tracks::Leg {
                before,
                own_text,
                rest,
                ending,
            });
        self.0.tracks.keep(
            signature.to_vec(),
            reply.to_vec(),
            legs.collect(),
            mask.map(|plan| plan.columns.clone()),
            Names { needs, defines },
        );
    }

    fn forget(&mut self) {
        self.0.forget();
    }

    #[pyo3(signature = (data, at, judge, /))]
    fn ask<'py>(
        &mut self,
        data: &[u8],
        at: f64,
        judge: &Bound<'py, PyAny>,
    ) -> PyResult<Option<(Bound<'py, PyBytes>, Bound<'py, PyTuple>)>> {
        match self.asked(judge, data, at)? {
            Asked::Known(lines) => {
                let ids = PyTuple::new(judge.py(), self.0.ids())?;
                Ok(Some((PyBytes::new(judge.py(), &lines), ids)))
            }
            Asked::Unknown | Asked::Telling | Asked::Closed => Ok(None),
        }
    }

    fn go<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        // Whoever calls this holds the log's receipt.
        PyBytes::new(py, self.0.go(Receipt::written()))
    }

    #[pyo3(signature = (data, at, /))]
    fn answer<'py>(&self, py: Python<'py>, data: &[u8], at: f64) -> Option<Ended<'py>> {
        let found = self.0.answer(data, at)?;
        let out = found.out.map(|out| PyBytes::new(py, &out));
        Some((PyBytes::new(py, &found.lines), out))
    }

    #[pyo3(signature = (at, /))]
    fn ended(&mut self, at: f64) {
        self.0.ended(at);
    }

    fn finished(&mut self) -> (u64, Vec<usize>) {
        self.0.finished()
    }

    fn leave<'py>(&mut self, py: Python<'py>) -> Option<Left<'py>> {
        let Ride {
            track,
            number,
            at,
            data,
            sent,
        } = self.0.leave()?;
        Some((track, number, at, PyBytes::new(py, &data), sent))
    }
}
