//! The detectors' face: declarations in, findings out.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use sluice_kernel as kernel;
use sluice_kernel::detect::scrub::Scrub;
use sluice_kernel::masks::Key;

use crate::{fault, perhaps_detached, KernelError};

/// A detector as it comes from Python: an object with these attributes.
#[derive(FromPyObject)]
struct Declared {
    lead: String,
    pattern: String,
    follow: String,
    shown: String,
    check: String,
    needs: String,
    bound: String,
    context: Vec<String>,
    against: Vec<String>,
    alone: u8,
    bare: i16,
    told: u8,
    reach: usize,
}

type Found = (usize, usize, u16, u8);
type Tally = Vec<(Vec<u8>, u16, u64)>;
type Scrubbed<'py> = (Bound<'py, PyBytes>, Tally);
type ScrubbedValues<'py> = (Vec<Option<Bound<'py, PyBytes>>>, Tally);

#[pyclass(frozen)]
pub struct Detectors(pub Arc<kernel::detect::Detectors>);

impl Detectors {
    fn found(&self, value: &[u8], hint: kernel::detect::Hint, least: u8) -> Vec<Found> {
        let mut found = Vec::new();
        self.0.scan(value, hint, least, &mut found);
        found
            .iter()
            .map(|one| (one.start, one.end, one.detector, one.confidence))
            .collect()
    }
}

#[pymethods]
impl Detectors {
    #[new]
    #[pyo3(signature = (declared, /))]
    fn new(py: Python<'_>, declared: Vec<Declared>) -> PyResult<Self> {
        let specs: Vec<kernel::detect::Spec> = declared
            .into_iter()
            .map(|one| kernel::detect::Spec {
                lead: one.lead,
                pattern: one.pattern,
                follow: one.follow.bytes().next(),
                shown: one.shown,
                check: one.check,
                needs: one.needs,
                bound: one.bound,
                context: one.context,
                against: one.against,
                alone: one.alone,
                bare: u8::try_from(one.bare).unwrap_or(one.alone),
                told: one.told,
                reach: one.reach,
            })
            .collect();
        let made = py
            .detach(|| kernel::detect::Detectors::new(&specs))
            .map_err(fault)?;
        Ok(Self(Arc::new(made)))
    }

    #[pyo3(signature = (values, name, least, /))]
    fn scan(
        &self,
        py: Python<'_>,
        values: Vec<PyBackedBytes>,
        name: &[u8],
        least: u8,
    ) -> Vec<Vec<Found>> {
        let hint = self.0.hint(name);
        py.detach(|| {
            values
                .iter()
                .map(|value| self.found(value, hint, least))
                .collect()
        })
    }

    #[pyo3(signature = (value, name, least, /))]
    fn steps(&self, value: &[u8], name: &[u8], least: u8) -> (usize, usize) {
        let hint = self.0.hint(name);
        let steps = self.0.scan(value, hint, least, &mut Vec::new());
        (steps, kernel::detect::budget(value.len()))
    }

    #[pyo3(signature = (run, form, key, least, *, delimiter = b',', columns = Vec::new()))]
    #[allow(clippy::too_many_arguments)]
    fn scrub<'py>(
        &self,
        py: Python<'py>,
        run: &[u8],
        form: &str,
        key: Option<&[u8]>,
        least: u8,
        delimiter: u8,
        columns: Vec<Vec<u8>>,
    ) -> PyResult<Scrubbed<'py>> {
        let form = match form {
            "jsonl" => Form::JsonLines,
            "json" => Form::Json,
            "text" => Form::Text,
            "csv" => Form::Csv(delimiter),
            _ => return Err(KernelError::new_err("unknown form of a file")),
        };
        let key = key.map(Key::new);
        let (out, found) = perhaps_detached(py, run.len(), || {
            let mut scrub = Scrub::new(&self.0, key.as_ref(), least);
            scrub.tally = Some(Default::default());
            let mut out = Vec::with_capacity(run.len() + run.len() / 16);
            match form {
                Form::JsonLines => kernel::detect::files::json_lines(run, &mut scrub, &mut out),
                Form::Json => kernel::detect::files::json_value(run, &mut scrub, &mut out),
                Form::Text => kernel::detect::files::text(run, &mut scrub, &mut out),
                Form::Csv(delimiter) => {
                    kernel::detect::files::csv(run, delimiter, &columns, &mut scrub, &mut out);
                }
            }
            let found = scrub.tally.unwrap_or_default().into_iter();
            (
                out,
                found
                    .map(|((path, detector), count)| (path, detector, count))
                    .collect(),
            )
        });
        Ok((PyBytes::new(py, &out), found))
    }

    #[pyo3(signature = (values, name, key, least, /))]
    fn scrub_values<'py>(
        &self,
        py: Python<'py>,
        values: Vec<Option<PyBackedBytes>>,
        name: &[u8],
        key: Option<&[u8]>,
        least: u8,
    ) -> ScrubbedValues<'py> {
        let key = key.map(Key::new);
        let (out, found): (Vec<Option<Vec<u8>>>, Vec<_>) = py.detach(|| {
            let mut scrub = Scrub::new(&self.0, key.as_ref(), least);
            scrub.tally = Some(Default::default());
            let out = values
                .iter()
                .map(|value| {
                    value.as_ref().map(|value| {
                        let mut out = Vec::with_capacity(value.len());
                        kernel::detect::files::field(value, name, &mut scrub, &mut out);
                        out
                    })
                })
                .collect();
            let found = scrub.tally.unwrap_or_default().into_iter();
            (
                out,
                found
                    .map(|((path, detector), count)| (path, detector, count))
                    .collect(),
            )
        });
        let out = out
            .into_iter()
            .map(|value| value.map(|value| PyBytes::new(py, &value)))
            .collect();
        (out, found)
    }
}

enum Form {
    JsonLines,
    Json,
    Text,
    Csv(u8),
}

/// Whether a value passes the check of a name; None: there is no such check.
#[pyfunction]
#[pyo3(signature = (name, value, /))]
pub fn holds(name: &str, value: &[u8]) -> Option<bool> {
    kernel::detect::checks::named(name).map(|check| check(value))
}

/// The names of all checks.
#[pyfunction]
pub fn checks() -> Vec<&'static str> {
    kernel::detect::checks::names().collect()
}

/// How much of a buffer is whole records.
#[pyfunction]
#[pyo3(signature = (buffer, form, /))]
pub fn cut(buffer: &[u8], form: &str) -> usize {
    match form {
        "csv" => kernel::detect::files::csv_cut(buffer),
        "text" => kernel::detect::files::text_cut(buffer),
        _ => kernel::detect::files::line_cut(buffer),
    }
}
