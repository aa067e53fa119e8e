//! The Python face of the kernel: converts arguments, releases the GIL for long runs, and nothing else.

mod detect;
mod lane;
mod pump;
mod subjects;
mod tail;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use sluice_kernel as kernel;
use sluice_kernel::masks::{ColumnMask, Key, Made, Seen};
use subjects::Subjects;

create_exception!(_kernel, KernelError, PyValueError);

/// Runs shorter than this are done before another thread could have taken the GIL.
const LONG: usize = 16 << 10;

type Column = Option<(String, String, bool, HashMap<String, String>)>;

fn fault(malformed: kernel::Malformed) -> PyErr {
    KernelError::new_err(malformed.0)
}

fn compiled(
    columns: Vec<Column>,
    key: &[u8],
    detectors: Option<&detect::Detectors>,
) -> PyResult<Vec<Option<ColumnMask>>> {
    let key = Key::new(key);
    columns
        .into_iter()
        .map(|column| match column {
            None => Ok(None),
            Some((method, kind, binary, params)) => {
                let params = params
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()));
                ColumnMask::new(
                    &method,
                    &kind,
                    binary,
                    params,
                    &key,
                    detectors.map(|set| &set.0),
                )
                .map(Some)
                .map_err(fault)
            }
        })
        .collect()
}

fn perhaps_detached<T: Send>(py: Python<'_>, size: usize, work: impl FnOnce() -> T + Send) -> T {
    if size < LONG {
        work()
    } else {
        py.detach(work)
    }
}

#[pyclass]
struct Frames(kernel::frames::Frames);

#[pymethods]
impl Frames {
    #[new]
    #[pyo3(signature = (*, server, max_frame))]
    fn new(server: bool, max_frame: usize) -> Self {
        Self(kernel::frames::Frames::new(server, max_frame))
    }

    #[pyo3(signature = (data, /))]
    fn feed<'py>(&mut self, py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyList>> {
        let found = PyList::empty(py);
        self.0.feed(data, |kind, raw| {
            found.append((kind, PyBytes::new(py, raw)))
        })?;
        Ok(found)
    }

    #[getter]
    fn stream(&self) -> bool {
        self.0.stream
    }

    #[setter]
    fn set_stream(&mut self, on: bool) {
        self.0.stream = on;
    }

    #[getter]
    fn pending(&self) -> usize {
        self.0.pending()
    }

    fn take_rows(&mut self) -> u64 {
        self.0.take_rows()
    }
}

type Found = Vec<(u16, Vec<u8>, u16, u64, u64)>;
type Masked<'py> = (Bound<'py, PyBytes>, u64, Vec<u64>, Found);

fn tallied(seen: &mut Seen) -> Found {
    std::mem::take(&mut seen.tally)
        .all()
        .map(|((column, path, detector), (count, whole))| (column, path, detector, count, whole))
        .collect()
}

#[pyclass(frozen)]
struct MaskPlan {
    columns: Arc<Vec<Option<ColumnMask>>>,
    /// What is remembered between the runs of a long result, while no run is being masked.
    rest: Mutex<Option<Seen>>,
}

#[pymethods]
impl MaskPlan {
    #[new]
    #[pyo3(signature = (columns, key, detectors = None, /))]
    fn new(
        columns: Vec<Column>,
        key: &[u8],
        detectors: Option<&detect::Detectors>,
    ) -> PyResult<Self> {
        Ok(Self {
            columns: Arc::new(compiled(columns, key, detectors)?),
            rest: Mutex::new(None),
        })
    }

    #[pyo3(signature = (run, subjects = None, /))]
    fn rows<'py>(
        &self,
        py: Python<'py>,
        run: Bound<'py, PyBytes>,
        subjects: Option<PyRefMut<'py, Subjects>>,
    ) -> PyResult<Masked<'py>> {
        let mut out = Vec::new();
        let mut masked = vec![0; self.columns.len()];
        let data = run.as_bytes();
        let long = data.len() >= LONG;
        let rest = self.rest.try_lock().ok().filter(|_| long);
        let mut seen = rest.and_then(|mut rest| rest.take()).unwrap_or_default();
        let lent = subjects::lent(subjects, &self.columns, &mut seen);
        let done = perhaps_detached(py, data.len(), || {
            kernel::rows::mask(data, &self.columns, &mut out, &mut masked, &mut seen)
        });
        subjects::given_back(lent, &mut seen);
        let (rows, same) = done.map_err(fault)?;
        let found = tallied(&mut seen);
        if let Some(mut rest) = self.rest.try_lock().ok().filter(|_| long) {
            *rest = Some(seen);
        }
        let out = match same {
            true => run,
            false => PyBytes::new(py, &out),
        };
        Ok((out, rows, masked, found))
    }
}

#[pyclass]
struct CopyMask {
    seen: Seen,
    state: kernel::copy::CopyMask,
    columns: usize,
}

fn single(mark: &[u8]) -> PyResult<u8> {
    match mark {
        [one] => Ok(*one),
        _ => Err(KernelError::new_err("a mark of a COPY is not one byte")),
    }
}

#[pymethods]
impl CopyMask {
    #[new]
    #[pyo3(signature = (columns, key, detectors = None, /, *, format, delimiter, null, quote, escape, header, max_row))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        columns: Vec<Column>,
        key: &[u8],
        detectors: Option<&detect::Detectors>,
        format: &str,
        delimiter: &[u8],
        null: &[u8],
        quote: &[u8],
        escape: &[u8],
        header: bool,
        max_row: usize,
    ) -> PyResult<Self> {
        let format = match format {
            "text" => kernel::copy::Format::Text,
            "csv" => kernel::copy::Format::Csv,
            "binary" => kernel::copy::Format::Binary,
            _ => return Err(KernelError::new_err("unknown COPY format")),
        };
        let marks = kernel::copy::Marks {
            delimiter: single(delimiter)?,
            null: null.to_vec(),
            quote: single(quote)?,
            escape: single(escape)?,
        };
        let columns = compiled(columns, key, detectors)?;
        Ok(Self {
            seen: Seen::default(),
            columns: columns.len(),
            state: kernel::copy::CopyMask::new(columns, format, marks, header, max_row),
        })
    }

    #[pyo3(signature = (run, subjects = None, /))]
    fn feed<'py>(
        &mut self,
        py: Python<'py>,
        run: Bound<'py, PyBytes>,
        subjects: Option<PyRefMut<'py, Subjects>>,
    ) -> PyResult<Masked<'py>> {
        let data = run.as_bytes();
        let mut out = Vec::new();
        let mut masked = vec![0; self.columns];
        let (state, seen) = (&mut self.state, &mut self.seen);
        let lent = subjects::lent(subjects, state.columns(), seen);
        let done = perhaps_detached(py, data.len(), || {
            state.feed(data, &mut out, &mut masked, seen)
        });
        subjects::given_back(lent, seen);
        let (rows, same) = done.map_err(fault)?;
        let out = match same {
            true => run,
            false => PyBytes::new(py, &out),
        };
        Ok((out, rows, masked, tallied(&mut self.seen)))
    }

    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.state.finish().map_err(fault)?;
        Ok(PyBytes::new(py, b""))
    }
}

#[pyfunction]
#[pyo3(signature = (run, /))]
fn count_rows(run: &[u8]) -> PyResult<u64> {
    kernel::frames::count(run).map_err(fault)
}

#[pyfunction]
#[pyo3(signature = (run, n, /))]
fn head<'py>(py: Python<'py>, run: &[u8], n: u64) -> PyResult<Bound<'py, PyBytes>> {
    let length = kernel::frames::head(run, n).map_err(fault)?;
    Ok(PyBytes::new(py, run.get(..length).unwrap_or_default()))
}

#[pyfunction]
#[pyo3(signature = (value, method, kind, binary, params, key, detectors = None, /))]
#[allow(clippy::too_many_arguments)]
fn mask_value<'py>(
    py: Python<'py>,
    value: Option<&[u8]>,
    method: &str,
    kind: &str,
    binary: bool,
    params: HashMap<String, String>,
    key: &[u8],
    detectors: Option<&detect::Detectors>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let params = params
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let mask = ColumnMask::new(
        method,
        kind,
        binary,
        params,
        &Key::new(key),
        detectors.map(|set| &set.0),
    )
    .map_err(fault)?;
    let mut out = Vec::new();
    Ok(value.and_then(
        |value| match mask.apply(value, &mut out, &mut Seen::default()) {
            Made::Same => Some(PyBytes::new(py, value)),
            Made::New => Some(PyBytes::new(py, &out)),
            Made::Null => None,
        },
    ))
}

type Normalized<'py> = (Bound<'py, PyBytes>, Vec<(usize, usize)>);

#[pyfunction]
#[pyo3(signature = (sql, /))]
fn normalize<'py>(py: Python<'py>, sql: &[u8]) -> Option<Normalized<'py>> {
    kernel::normalize::normalize(sql).map(|(key, spans)| (PyBytes::new(py, &key), spans))
}

#[pyfunction]
#[pyo3(signature = (data, /))]
fn reply_signature<'py>(py: Python<'py>, data: &[u8]) -> Option<Bound<'py, PyBytes>> {
    kernel::skim::answered(data).map(|found| PyBytes::new(py, &found.signature))
}

type Three<'py> = (
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
);

fn three(py: Python<'_>, found: kernel::merkle::Leaves) -> Three<'_> {
    (
        PyBytes::new(py, &found.entries),
        PyBytes::new(py, &found.hashes),
        PyBytes::new(py, &found.salts),
    )
}

#[pyfunction]
#[pyo3(signature = (lines, salts, /))]
fn merkle_leaves<'py>(py: Python<'py>, lines: &[u8], salts: &[u8]) -> PyResult<Three<'py>> {
    let found = perhaps_detached(py, lines.len(), || kernel::merkle::leaves(lines, salts));
    Ok(three(py, found.map_err(fault)?))
}

#[pyfunction]
#[pyo3(signature = (lines, seed, /))]
fn merkle_fresh<'py>(
    py: Python<'py>,
    lines: &[u8],
    seed: [u8; kernel::merkle::HASH],
) -> PyResult<Three<'py>> {
    let found = perhaps_detached(py, lines.len(), || kernel::merkle::fresh(lines, &seed));
    Ok(three(py, found.map_err(fault)?))
}

type Told = (String, String, String, u64, u64, u64);

#[pyfunction]
#[pyo3(signature = (lines, /))]
fn tally(py: Python<'_>, lines: &[u8]) -> Vec<Told> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let found = perhaps_detached(py, lines.len(), || kernel::tally::tally(lines));
    let told = found.iter().map(|one| {
        let (kind, source, outcome) = (text(&one.kind), text(&one.source), text(&one.outcome));
        (kind, source, outcome, one.events, one.rows, one.masked)
    });
    told.collect()
}

#[pyfunction]
#[pyo3(signature = (lines, /))]
fn merkle_lines(py: Python<'_>, lines: &[u8]) -> usize {
    perhaps_detached(py, lines.len(), || kernel::merkle::count(lines))
}

#[pyfunction]
#[pyo3(signature = (entries, /))]
fn merkle_hashes<'py>(py: Python<'py>, entries: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let found =
        perhaps_detached(py, entries.len(), || kernel::merkle::hashes(entries)).map_err(fault)?;
    Ok(PyBytes::new(py, &found))
}

#[pyfunction]
#[pyo3(signature = (hashes, /))]
fn merkle_root<'py>(py: Python<'py>, hashes: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let found =
        perhaps_detached(py, hashes.len(), || kernel::merkle::root(hashes)).map_err(fault)?;
    Ok(PyBytes::new(py, &found))
}

#[pyfunction]
#[pyo3(signature = (hashes, /))]
fn merkle_above<'py>(py: Python<'py>, hashes: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let found =
        perhaps_detached(py, hashes.len(), || kernel::merkle::above(hashes)).map_err(fault)?;
    Ok(PyBytes::new(py, &found))
}

#[pyfunction]
#[pyo3(signature = (line, salt, /))]
fn merkle_struck<'py>(py: Python<'py>, line: &[u8], salt: &[u8]) -> Option<Bound<'py, PyBytes>> {
    kernel::merkle::struck(line, salt).map(|found| PyBytes::new(py, &found))
}

#[pymodule]
fn _kernel(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("KernelError", module.py().get_type::<KernelError>())?;
    module.add_class::<Frames>()?;
    module.add_class::<MaskPlan>()?;
    module.add_class::<CopyMask>()?;
    module.add_class::<Subjects>()?;
    module.add_function(wrap_pyfunction!(subjects::subject_hash, module)?)?;
    module.add_function(wrap_pyfunction!(count_rows, module)?)?;
    module.add_function(wrap_pyfunction!(head, module)?)?;
    module.add_function(wrap_pyfunction!(mask_value, module)?)?;
    module.add_class::<lane::Lane>()?;
    module.add_class::<tail::Tail>()?;
    module.add_class::<pump::Pump>()?;
    module.add_class::<pump::End>()?;
    module.add_class::<detect::Detectors>()?;
    module.add_function(wrap_pyfunction!(detect::holds, module)?)?;
    module.add_function(wrap_pyfunction!(detect::checks, module)?)?;
    module.add_function(wrap_pyfunction!(detect::cut, module)?)?;
    module.add_function(wrap_pyfunction!(reply_signature, module)?)?;
    module.add_function(wrap_pyfunction!(merkle_leaves, module)?)?;
    module.add_function(wrap_pyfunction!(merkle_fresh, module)?)?;
    module.add_function(wrap_pyfunction!(tally, module)?)?;
    module.add_function(wrap_pyfunction!(merkle_lines, module)?)?;
    module.add_function(wrap_pyfunction!(merkle_hashes, module)?)?;
    module.add_function(wrap_pyfunction!(merkle_root, module)?)?;
    module.add_function(wrap_pyfunction!(merkle_above, module)?)?;
    module.add_function(wrap_pyfunction!(merkle_struck, module)?)?;
    module.add_function(wrap_pyfunction!(normalize, module)?)
}
